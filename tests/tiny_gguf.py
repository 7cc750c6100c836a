"""The tiny model of `tiny_model` as a GGUF file, for tests of llama.cpp."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from gguf import GGUFWriter
from tiny_model import HEADS, HIDDEN, INTERMEDIATE, KV_HEADS, LAYERS, tiny_config, tiny_weights

from narrowgauge.models.embedded import embedded_gguf
from narrowgauge.models.gguf_checkpoint import gguf_name, halves_interleaved
from narrowgauge.models.gguf_file import GgufFile


def write_tiny_gguf(path: Path, *, seed: int = 0, attention: float = 1.0) -> Path:
    """Writes the same weights as `write_tiny_checkpoint`, in float32; returns the file."""
    config = tiny_config()
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = GGUFWriter(path, "llama")
    writer.add_name(f"tiny-{seed}")
    writer.add_block_count(LAYERS)
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(HIDDEN)
    writer.add_feed_forward_length(INTERMEDIATE)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_rope_dimension_count(HIDDEN // HEADS)
    writer.add_rope_freq_base(config["rope_theta"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_vocab_size(config["vocab_size"])
    _add_tokenizer(writer, GgufFile(embedded_gguf()).metadata)
    for name, value in tiny_weights(config, seed=seed, attention=attention).items():
        if ".q_proj." in name or ".k_proj." in name:
            value = halves_interleaved(value, HEADS if ".q_proj." in name else KV_HEADS)
        writer.add_tensor(gguf_name(name), np.ascontiguousarray(value, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _add_tokenizer(writer: GGUFWriter, metadata: dict[str, Any]) -> None:
    writer.add_tokenizer_model(metadata["tokenizer.ggml.model"])
    writer.add_tokenizer_pre(metadata["tokenizer.ggml.pre"])
    writer.add_token_list(metadata["tokenizer.ggml.tokens"])
    writer.add_token_types(metadata["tokenizer.ggml.token_type"])
    writer.add_token_merges(metadata["tokenizer.ggml.merges"])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_add_bos_token(False)
    writer.add_chat_template(metadata["tokenizer.chat_template"])
