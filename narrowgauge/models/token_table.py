"""The head's matrix, one row a token: logits of a few tokens without those of the whole vocabulary.

A graph's head multiplies a state with every row, about as much work as eight layers of a small model. Where
a constraint leaves a few tokens, their rows are read from the same bytes of the weights file, and their
logits are computed here, from the state as it is: the graph's kernel rounds it to 8 bits first.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from narrowgauge.models.checkpoint import Float32Array
from narrowgauge.models.quantize import BLOCK

__all__ = ["TableLayout", "TokenTable"]


@dataclass(frozen=True)
class TableLayout:
    """Where in a weights file the matrix is.

    Attributes:
        rows: Tokens.
        columns: Width of a state.
        bits: 4 or 8 in the layout of `narrowgauge.models.quantize`; 32 for float32.
        starts: Byte at which each part begins: codes, scales and zero points; for float32 the matrix alone.
    """

    rows: int
    columns: int
    bits: int
    starts: tuple[int, ...]

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """Reads what `to_json` wrote.

        Raises:
            KeyError, TypeError: It is not that.
        """
        return cls(value["rows"], value["columns"], value["bits"], tuple(value["starts"]))

    def to_json(self) -> dict[str, Any]:
        """Returns a form for a manifest."""
        return asdict(self)


class TokenTable:
    """Computes logits of some tokens. Safe to use from several threads."""

    def __init__(self, path: Path, layout: TableLayout) -> None:
        """Maps the matrix.

        Args:
            path: The weights file.
            layout: Where in it the matrix is.
        """
        self._bits = layout.bits
        self._blocks = -(-layout.columns // BLOCK)

        def part(number: int, dtype: Any, *shape: int) -> NDArray[Any]:
            return np.asarray(np.memmap(path, dtype, "r", layout.starts[number], shape))

        if layout.bits == 32:
            self._weights = part(0, np.float32, layout.rows, layout.columns)
            return
        self._codes = part(0, np.uint8, layout.rows, self._blocks, BLOCK * layout.bits // 8)
        self._scales = part(1, np.float32, layout.rows, self._blocks)
        self._zero_points = part(2, np.uint8, layout.rows, -(-self._blocks * layout.bits // 8))

    def logits(self, state: Float32Array, tokens: NDArray[np.int64]) -> Float32Array:
        """Returns the logits of some tokens; each depends on the state and the token alone.

        Args:
            state: [columns], what the head reads.
            tokens: [n].
        """
        if self._bits == 32:
            product: Float32Array = np.einsum("nk,k->n", self._weights[tokens], state)
            return product
        codes, zeros = self._codes[tokens], self._zero_points[tokens]
        if self._bits == 4:
            codes, zeros = _nibbles(codes), _nibbles(zeros)[:, : self._blocks]
        parts = state.reshape(self._blocks, BLOCK)
        sums = np.einsum("nbk,bk->nb", codes.astype(np.float32), parts) - zeros * parts.sum(axis=1)
        logits: Float32Array = np.einsum("nb,nb->n", sums, self._scales[tokens])
        return logits


def _nibbles(packed: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Takes bytes apart, low nibble first, along the last axis."""
    pairs = np.stack([packed & 15, packed >> 4], axis=-1)
    return pairs.reshape(*packed.shape[:-1], -1)
