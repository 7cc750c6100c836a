"""Reads a trained model back from the artefact that it was exported to, to go on training from there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor

__all__ = ["exported_weights"]

Array = npt.NDArray[np.float32]


def exported_weights(folder: Path, layers: int) -> dict[str, Tensor]:
    """Returns the state of `RouterModel` without its `classes`, which are of training alone.

    Training rounds weights as the export does, so what was rounded away matters to no result. The temperature
    of the dependencies becomes part of their last layer.

    Args:
        folder: Holds `encoder.onnx` and `heads.onnx`.
        layers: Number of encoder layers.
    """
    stored = _stored(folder / "encoder.onnx")
    state: dict[str, Array] = {
        "encoder.word.weight": stored["word"].astype(np.float32) * stored["word.scale"],
        "encoder.position.weight": stored["position"],
        "encoder.norm.weight": stored["norm.gamma"],
        "encoder.norm.bias": stored["norm.beta"],
        "tags.weight": stored["tags.weight"].T,
        "tags.bias": stored["tags.bias"],
    }
    for layer in range(layers):
        own = f"encoder.layers.{layer}"
        for name in ("qkv", "attention", "inner", "outer"):
            exact = stored[f"{layer}.{name}.weight"].astype(np.float32) * stored[f"{layer}.{name}.scale"]
            state[f"{own}.{name}.weight"] = exact.T
            state[f"{own}.{name}.bias"] = stored[f"{layer}.{name}.bias"]
        for name in ("norm1", "norm2"):
            state[f"{own}.{name}.weight"] = stored[f"{layer}.{name}.gamma"]
            state[f"{own}.{name}.bias"] = stored[f"{layer}.{name}.beta"]
    heads = {name.removesuffix(".half"): value for name, value in _stored(folder / "heads.onnx").items()}
    calm = np.float32(1.0) / heads["temperature"]
    state |= {
        "route.weight": heads["route.weight"].T,
        "route.bias": heads["route.bias"],
        "dependent.weight": heads["pair.dependent"].T,
        "dependent.bias": heads["pair.bias"],
        "source.weight": heads["pair.source"].T,
        "distance.weight": heads["pair.distance"],
        "kind.weight": heads["pair.kind"].T.astype(np.float32) * calm,
        "kind.bias": heads["pair.kind.bias"].astype(np.float32) * calm,
    }
    return {name: torch.from_numpy(np.array(value, np.float32)) for name, value in state.items()}


def _stored(path: Path) -> dict[str, Array]:
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load(path).graph.initializer}
