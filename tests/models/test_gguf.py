"""GGUF files are read as their format says, and refused with a reason where they are not whole."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
from decoder import Decoder
from numpy.typing import NDArray
from tiny_model import tiny_config, tiny_weights, write_checkpoint

from narrowgauge.errors import DataLoss, NotFound, Unsupported
from narrowgauge.models import prepare
from narrowgauge.models.embedded import embedded_gguf
from narrowgauge.models.gguf_checkpoint import GgufCheckpoint
from narrowgauge.models.gguf_file import GgufFile

F16 = np.dtype("<f2")


def nibbles(data: bytes) -> list[int]:
    return [byte & 15 for byte in data] + [byte >> 4 for byte in data]


def six_bit_pairs(packed: bytes) -> list[tuple[int, int]]:
    """Unpacks the eight (scale, minimum) pairs of a K-quant super-block, as ggml's `get_scale_min_k4`."""
    pairs = []
    for j in range(8):
        if j < 4:
            pairs.append((packed[j] & 63, packed[j + 4] & 63))
        else:
            scale = (packed[j + 4] & 15) | ((packed[j - 4] >> 6) << 4)
            pairs.append((scale, (packed[j + 4] >> 4) | ((packed[j] >> 6) << 4)))
    return pairs


def half(data: bytes) -> float:
    return float(np.frombuffer(data, F16)[0])


def scalar_decode(kind: str, block: bytes) -> list[float]:
    """Decodes one block value by value, after the comments of ggml-quants.h."""
    if kind == "F32":
        return list(struct.unpack("<f", block))
    if kind == "F16":
        return [half(block)]
    if kind == "BF16":
        return list(struct.unpack("<f", b"\0\0" + block))
    if kind == "Q8_0":
        return [half(block[:2]) * code for code in struct.unpack("<32b", block[2:])]
    if kind == "Q4_0":
        return [half(block[:2]) * (code - 8) for code in nibbles(block[2:])]
    if kind == "Q4_1":
        return [half(block[:2]) * code + half(block[2:4]) for code in nibbles(block[4:])]
    if kind in ("Q5_0", "Q5_1"):
        start = 2 if kind == "Q5_0" else 4
        (fifth,) = struct.unpack("<I", block[start : start + 4])
        codes = [code | (fifth >> i & 1) << 4 for i, code in enumerate(nibbles(block[start + 4 :]))]
        if kind == "Q5_0":
            return [half(block[:2]) * (code - 16) for code in codes]
        return [half(block[:2]) * code + half(block[2:4]) for code in codes]
    if kind in ("Q4_K", "Q5_K"):
        scale, minimum, pairs = half(block[:2]), half(block[2:4]), six_bit_pairs(block[4:16])
        fifth, low = (b"\0" * 32, block[16:]) if kind == "Q4_K" else (block[16:48], block[48:])
        values = []
        for j, (sub_scale, sub_minimum) in enumerate(pairs):
            for i in range(32):
                byte = low[j // 2 * 32 + i]
                code = (byte & 15 if j % 2 == 0 else byte >> 4) + 16 * (fifth[i] >> j & 1)
                values.append(scale * sub_scale * code - minimum * sub_minimum)
        return values
    assert kind == "Q6_K"
    low, high, scales = block[:128], block[128:192], struct.unpack("<16b", block[192:208])
    values = [0.0] * 256
    for part in range(2):
        for i in range(32):
            for quarter in range(4):
                byte = low[part * 64 + i + 32 * (quarter % 2)]
                code = byte & 15 if quarter < 2 else byte >> 4
                code |= (high[part * 32 + i] >> 2 * quarter & 3) << 4
                place = part * 128 + quarter * 32 + i
                values[place] = half(block[208:]) * scales[place // 16] * (code - 32)
    return values


KINDS = ["F32", "F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q4_K", "Q5_K", "Q6_K"]
HALVES = {"Q4_0": 1, "Q5_0": 1, "Q8_0": 1, "Q4_1": 2, "Q5_1": 2, "Q4_K": 2, "Q5_K": 2, "F16": 1}


@pytest.mark.parametrize("kind", KINDS)
def test_encodings_decode_by_their_definition(tmp_path: Path, kind: str) -> None:
    """Every encoding that Llama-family files use decodes to what its definition gives, value by value."""
    ggml_type = gguf.GGMLQuantizationType[kind]
    length, size = gguf.GGML_QUANT_SIZES[ggml_type]
    rows, blocks = 3, 256 // length
    rng = np.random.default_rng(7)
    data = rng.integers(0, 256, (rows, blocks, size), np.uint8)
    if kind in HALVES:  # random bytes could be an infinite scale
        scales = rng.normal(0, 0.1, (rows, blocks, HALVES[kind])).astype(F16)
        data[:, :, : 2 * HALVES[kind]] = scales.view(np.uint8)
    if kind == "Q6_K":
        data[:, :, 208:] = rng.normal(0, 0.1, (rows, blocks, 1)).astype(F16).view(np.uint8)
    if kind in ("F32", "BF16"):
        data[:, :, -1] = 0x3E
    path = tmp_path / "one.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_tensor("t", data.reshape(rows, -1), raw_shape=(rows, blocks * size), raw_dtype=ggml_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()

    expected = [[v for block in row for v in scalar_decode(kind, block.tobytes())] for row in data]
    np.testing.assert_allclose(GgufFile(path).tensor("t"), np.array(expected), rtol=1e-6, atol=1e-7)


def write_gguf(path: Path, config: dict[str, Any], weights: dict[str, NDArray[np.float32]]) -> None:
    """Writes a checkpoint as llama.cpp's converter does, rotary halves interleaved for `llama`."""
    family = config["model_type"]
    writer = gguf.GGUFWriter(path, family)
    writer.add_name("tiny")
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_rope_freq_base(config["rope_theta"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(["<|im_end|>", "a", "b", "ab"])
    writer.add_token_types([3, 1, 1, 1])
    writer.add_token_merges(["a b"])
    writer.add_eos_token_id(0)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH[family.upper()], config["num_hidden_layers"])
    for name, value in weights.items():
        stem, _, suffix = name.rpartition(".")
        mapped = f"{names.get_name(stem)}.{suffix}"
        heads = {"q_proj": "num_attention_heads", "k_proj": "num_key_value_heads"}.get(
            stem.rpartition(".")[2]
        )
        if family == "llama" and heads:
            count, rest = config[heads], value.shape[1:]
            value = value.reshape(count, 2, -1, *rest).swapaxes(1, 2).reshape(value.shape)
        writer.add_tensor(mapped, np.ascontiguousarray(value))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@pytest.mark.parametrize("family", ["llama", "qwen2"])
def test_gguf_and_safetensors_of_one_model_agree(tmp_path: Path, family: str) -> None:
    """A model's GGUF file, names and rotary layout translated, gives the same logits as its folder."""
    config = tiny_config(model_type=family, vocab_size=256)
    weights = tiny_weights(config, qkv_bias=family == "qwen2")
    folder = write_checkpoint(tmp_path / "folder", config, weights)
    write_gguf(tmp_path / "tiny.gguf", config, weights)
    ids = [[1, 9, 200, 77, 31, 4]]
    logits = [
        Decoder(prepare(source, tmp_path / "cache", precision="fp32")).step(ids)
        for source in (folder, tmp_path / "tiny.gguf")
    ]
    np.testing.assert_array_equal(*logits)


def test_truncated_file_is_refused(tmp_path: Path) -> None:
    """A file cut in its tensors, in its header, or to nothing is data loss, and the message says so."""
    whole = embedded_gguf().read_bytes()
    for size in (len(whole) - 1, 5000, 10, 0):
        path = tmp_path / "cut.gguf"
        path.write_bytes(whole[:size])
        with pytest.raises(DataLoss) as caught:
            GgufFile(path)
        assert caught.value.reason == "MODEL_FILE_TRUNCATED"
        assert str(path) in caught.value.message
        assert "copy the file again" in caught.value.message


def test_other_files_are_refused(tmp_path: Path) -> None:
    """A missing file, another format, an old version and another architecture are told apart."""
    path = tmp_path / "model.gguf"
    with pytest.raises(NotFound):
        GgufFile(path)
    path.write_bytes(b"PK\3\4" + b"\0" * 64)
    with pytest.raises(DataLoss, match="PK"):
        GgufFile(path)
    path.write_bytes(b"GGUF" + struct.pack("<IQQ", 1, 0, 0))
    with pytest.raises(Unsupported, match="version 1"):
        GgufFile(path)
    writer = gguf.GGUFWriter(path, "mamba")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    with pytest.raises(Unsupported, match="'mamba'"):
        GgufCheckpoint(path)
