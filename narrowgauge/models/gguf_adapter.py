"""Writes a low-rank adapter as the GGUF file that llama.cpp loads beside a model.

Names and layouts are those of llama.cpp's `convert_lora_to_gguf.py`: `blk.0.attn_q.weight.lora_a` [rank, in]
and `.lora_b` [out, rank], with the rows of Q and K in the rotary order of the model's own file.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from narrowgauge.errors import FailedPrecondition
from narrowgauge.models.adapter import Adapter
from narrowgauge.models.gguf_checkpoint import GgufCheckpoint, gguf_name, halves_interleaved

__all__ = ["write_gguf_adapter"]


def write_gguf_adapter(adapter: Adapter, checkpoint: GgufCheckpoint, path: Path) -> None:
    """Writes an adapter for the model of a GGUF file.

    Raises:
        FailedPrecondition: It was trained for another model, or changes what llama.cpp cannot adapt.
        DataLoss: A part of the adapter is missing.
    """
    # On use: the package takes 0.2 s to import.
    from gguf import GGUFType, GGUFWriter

    adapter.check(checkpoint)
    config = checkpoint.config
    writer = GGUFWriter(path, config.model_type)
    writer.add_type(GGUFType.ADAPTER)
    writer.add_string("adapter.type", "lora")
    # `low_rank` has scaled B by alpha / rank already, and llama.cpp multiplies by the quotient of these two.
    writer.add_float32("adapter.lora.alpha", float(adapter.rank))
    for matrix in sorted(adapter.matrices):
        try:
            name = gguf_name(f"{matrix}.weight")
        except KeyError as error:
            raise FailedPrecondition(
                "ADAPTER_NOT_APPLICABLE",
                f"the adapter {adapter.folder} changes {matrix!r}, which has no name in a GGUF file: "
                'llama.cpp cannot apply it; use backend = "onnxruntime"',
            ) from error
        down, up = adapter.low_rank(matrix)
        if config.model_type == "llama" and matrix.endswith((".q_proj", ".k_proj")):
            up = halves_interleaved(up, config.heads if matrix.endswith(".q_proj") else config.kv_heads)
        writer.add_tensor(f"{name}.lora_a", np.ascontiguousarray(down, np.float16))
        writer.add_tensor(f"{name}.lora_b", np.ascontiguousarray(up, np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
