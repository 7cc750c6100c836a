"""The same weights in llama.cpp's other precisions, by llama.cpp's own quantiser.

Python bindings carry no `llama_model_quantize`, but they export `ggml_quantize_chunk`, which does its work.
Which tensor gets which type follows llama.cpp's `llama_tensor_get_type_impl` (src/llama-quant.cpp) for a
Llama-family model without an importance matrix.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from narrowgauge.errors import FailedPrecondition, Unsupported

__all__ = ["requantised"]

_BLOCK_ROW = 256  # K-quants need rows of a multiple of this many values
_FALLBACK = {"Q4_K": "Q5_0", "Q6_K": "Q8_0"}
_LAYER = re.compile(r"blk\.(\d+)\.")
_FILE_TYPES = {"Q8_0": 7, "Q4_K_M": 15}  # enum llama_ftype


def requantised(source: Path, precision: str, cache: Path) -> Path:
    """Writes a GGUF file in another precision, unless the cache has it already.

    Args:
        source: GGUF file.
        precision: `source` for the file itself, `Q8_0` or `Q4_K_M`.
        cache: Folder for the files.

    Raises:
        FailedPrecondition: The installed binding does not export llama.cpp's quantiser.
        Unsupported: The precision is unknown, or the weights are not in one GGUF file.
    """
    if source.suffix != ".gguf":
        raise Unsupported(
            "PEER_WEIGHTS", f"llama.cpp reads GGUF files, and {source} is none: name one with --model"
        )
    if precision == "source":
        return source
    if precision not in _FILE_TYPES:
        raise Unsupported("PEER_PRECISION", f"there is no precision {precision!r} for llama.cpp")
    with source.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()[:16]
    target = cache / f"{source.stem}-{digest}-{precision}.gguf"
    if not target.exists():
        cache.mkdir(parents=True, exist_ok=True)
        part = target.with_suffix(f".{os.getpid()}.part")
        _write(source, precision, part)
        part.replace(target)
    return target


def _write(source: Path, precision: str, target: Path) -> None:
    from gguf import GGMLQuantizationType, GGUFReader, GGUFValueType, GGUFWriter
    from gguf.quants import dequantize

    quantise = _quantiser()
    reader = GGUFReader(source)
    writer = GGUFWriter(target, str(reader.fields["general.architecture"].contents()))
    for name, field in reader.fields.items():
        if name.startswith("GGUF.") or name == "general.architecture":
            continue
        inner = field.types[-1] if field.types[0] == GGUFValueType.ARRAY else None
        value = _FILE_TYPES[precision] if name == "general.file_type" else field.contents()
        writer.add_key_value(name, value, field.types[0], sub_type=inner)
    layers = 1 + max(int(found[1]) for t in reader.tensors if (found := _LAYER.match(t.name)))
    tied = all(tensor.name != "output.weight" for tensor in reader.tensors)
    for tensor in reader.tensors:
        shape = [int(n) for n in reversed(tensor.shape)]
        if len(shape) < 2:  # norms and biases stay as they are
            writer.add_tensor(tensor.name, tensor.data)
            continue
        kind = GGMLQuantizationType[_type_of(tensor.name, shape[1], precision, layers, tied=tied)]
        if kind == tensor.tensor_type:
            data = tensor.data
        else:
            values = dequantize(tensor.data, tensor.tensor_type).reshape(shape).astype(np.float32)
            data = quantise(values, kind)
        writer.add_tensor(tensor.name, data, raw_shape=data.shape, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _type_of(name: str, row: int, precision: str, layers: int, *, tied: bool) -> str:
    if precision == "Q8_0":
        return "Q8_0"
    kind = "Q4_K"
    if name == "output.weight" or (tied and name == "token_embd.weight"):
        kind = "Q6_K"
    elif found := re.match(r"blk\.(\d+)\.(attn_v|ffn_down)\.", name):
        kind = "Q6_K" if _uses_more_bits(int(found[1]), layers) else "Q4_K"
    return kind if row % _BLOCK_ROW == 0 else _FALLBACK[kind]


def _uses_more_bits(layer: int, layers: int) -> bool:
    eighth = layers // 8
    return layer < eighth or layer >= 7 * eighth or (layer - eighth) % 3 == 2


def _quantiser() -> Any:
    import xllamacpp
    from gguf import GGML_QUANT_SIZES, GGMLQuantizationType

    try:
        chunk = ctypes.CDLL(xllamacpp.xllamacpp.__file__).ggml_quantize_chunk
    except AttributeError as exc:
        raise FailedPrecondition(
            "PEER_QUANTISER",
            "the installed xllamacpp does not export ggml_quantize_chunk, which other precisions are made "
            "with. Run: pip install --upgrade 'narrowgauge[llamacpp]'",
        ) from exc
    chunk.restype = ctypes.c_size_t
    chunk.argtypes = [ctypes.c_int, *[ctypes.c_void_p] * 2, *[ctypes.c_int64] * 3, ctypes.c_void_p]

    def quantise(values: NDArray[np.float32], kind: GGMLQuantizationType) -> NDArray[np.uint8]:
        """Quantises rows: float32 [rows, row] to uint8 [rows, bytes of a row]."""
        rows, row = values.shape
        values_of_block, bytes_of_block = GGML_QUANT_SIZES[kind]
        out = np.empty((rows, row // values_of_block * bytes_of_block), np.uint8)
        written = chunk(int(kind), values.ctypes.data, out.ctypes.data, 0, rows, row, None)
        assert written == out.nbytes
        return out

    return quantise
