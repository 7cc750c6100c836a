"""The weights that a graph is written from: a checkpoint's, with an adapter's beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from narrowgauge.models.adapter import Adapter
from narrowgauge.models.checkpoint import Checkpoint, Float32Array
from narrowgauge.models.model_config import ModelConfig

__all__ = ["LinearWeights", "Weights", "stacked"]


@dataclass(frozen=True)
class LinearWeights:
    """One product: `(matrix + up @ down) @ x + bias`.

    Attributes:
        matrix: [out, in].
        bias: [out], or None.
        down: [rank, in], or None without an adapter.
        up: [out, rank], scaled, or None without an adapter.
    """

    matrix: Float32Array
    bias: Float32Array | None = None
    down: Float32Array | None = None
    up: Float32Array | None = None

    def merged(self) -> Float32Array:
        """Returns the matrix with the adapter added."""
        return self.matrix if self.down is None or self.up is None else self.matrix + self.up @ self.down


def stacked(parts: Sequence[LinearWeights]) -> LinearWeights:
    """Joins products of the same input into one, outputs in order."""
    bias = down = up = None
    if any(part.bias is not None for part in parts):
        bias = np.concatenate(
            [np.zeros(len(part.matrix), np.float32) if part.bias is None else part.bias for part in parts]
        )
    adapted = [part.down for part in parts if part.down is not None]
    if adapted:
        down = np.concatenate(adapted)
        up = np.zeros((sum(len(part.matrix) for part in parts), len(down)), np.float32)
        row = column = 0
        for part in parts:
            if part.up is not None:
                up[row : row + len(part.matrix), column : column + part.up.shape[1]] = part.up
                column += part.up.shape[1]
            row += len(part.matrix)
    return LinearWeights(np.concatenate([part.matrix for part in parts]), bias, down, up)


class Weights:
    """Reads tensors by their transformers names.

    Attributes:
        config: Shape of the network.
    """

    def __init__(self, checkpoint: Checkpoint, adapter: Adapter | None = None) -> None:
        """Joins both.

        Raises:
            FailedPrecondition: The adapter was trained for a model of another shape.
        """
        self._checkpoint = checkpoint
        self._adapter = adapter
        self.config: ModelConfig = checkpoint.config
        if adapter is not None:
            adapter.check(checkpoint)

    def vector(self, name: str) -> Float32Array:
        """Reads a tensor that no adapter changes; raises as `Checkpoint.tensor`."""
        return self._checkpoint.tensor(name)

    def linear(self, name: str) -> LinearWeights:
        """Reads `{name}.weight`, its bias if it has one, and its adapter; raises as `Checkpoint.tensor`."""
        matrix = self._checkpoint.tensor(f"{name}.weight")
        bias = self._checkpoint.tensor(f"{name}.bias") if self._checkpoint.has(f"{name}.bias") else None
        if self._adapter is None or name not in self._adapter.matrices:
            return LinearWeights(matrix, bias)
        return LinearWeights(matrix, bias, *self._adapter.low_rank(name))
