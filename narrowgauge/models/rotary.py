"""Cosine and sine tables of rotary position embedding (https://arxiv.org/abs/2104.09864)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from narrowgauge.errors import Unsupported
from narrowgauge.models.checkpoint import Float32Array
from narrowgauge.models.model_config import ModelConfig, RopeScaling

__all__ = ["rotary_tables"]


def rotary_tables(config: ModelConfig) -> tuple[Float32Array, Float32Array]:
    """Returns cosines and sines, each float32 [max_positions, head_dim / 2].

    Raises:
        Unsupported: An unknown kind of scaling.
    """
    exponents = np.arange(0, config.head_dim, 2, dtype=np.float64) / config.head_dim
    frequencies: NDArray[np.float64] = config.rope_theta**-exponents
    if config.rope_scaling is not None:
        frequencies = _scaled(frequencies, config.rope_scaling)
    angles = np.outer(np.arange(config.max_positions, dtype=np.float64), frequencies)
    return np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)


def _scaled(frequencies: NDArray[np.float64], scaling: RopeScaling) -> NDArray[np.float64]:
    if scaling.kind == "linear":
        return frequencies / scaling.factor
    if scaling.kind == "factors":
        return frequencies / np.asarray(scaling.factors, np.float64)
    if scaling.kind == "llama3":
        turns = scaling.original_max_positions * frequencies / (2 * math.pi)
        blend = (turns - scaling.low_freq_factor) / (scaling.high_freq_factor - scaling.low_freq_factor)
        kept: NDArray[np.float64] = np.clip(blend, 0.0, 1.0)
        return kept * frequencies + (1 - kept) * frequencies / scaling.factor
    raise Unsupported(
        "MODEL_ROPE", f"Rotary scaling {scaling.kind!r} cannot be prepared (known: linear, llama3)."
    )
