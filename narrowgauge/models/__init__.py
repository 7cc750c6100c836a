"""Checkpoint reading, adapter merging, quantising and ONNX writing, with numpy and onnx alone."""

from narrowgauge.models.adapter import Adapter, add_part, write_adapter
from narrowgauge.models.model_config import ModelConfig
from narrowgauge.models.prepare import default_cache, prepare
from narrowgauge.models.prepared import PreparedModel, load_prepared
from narrowgauge.models.token_table import TokenTable

__all__ = [
    "Adapter",
    "ModelConfig",
    "PreparedModel",
    "TokenTable",
    "add_part",
    "default_cache",
    "load_prepared",
    "prepare",
    "write_adapter",
]
