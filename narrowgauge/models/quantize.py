"""Block-wise round-to-nearest quantisation in the layout of onnxruntime's `MatMulNBits`.

A weight matrix [N, K] becomes codes with one scale and one integer zero point for every 32 consecutive values
of a row: `value = scale * (code - zero_point)`. Each block takes, out of several clipped ranges, the one with
the smallest squared error, and its scale is then refit to the codes by least squares.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from narrowgauge.errors import Unsupported
from narrowgauge.models.checkpoint import Float32Array, UInt8Array

__all__ = ["BLOCK", "QuantizedMatrix", "quantize_matrix"]

BLOCK = 32
# Fractions of a block's own range that are tried: clipping the outliers often costs less than coarse steps.
_CLIPS = (1.0, 0.96, 0.92, 0.88, 0.84, 0.8)
# Values a thread works on at once: the temporaries of one chunk stay in its core's cache.
_CHUNK_BLOCKS = 2048
_THREADS = 2


@dataclass(frozen=True)
class QuantizedMatrix:
    """A matrix [rows, columns] in `MatMulNBits` layout.

    Attributes:
        bits: 4 or 8.
        codes: uint8 [rows, blocks, 32 * bits / 8], low nibble first.
        scales: float32 [rows, blocks].
        zero_points: uint8 [rows, ceil(blocks * bits / 8)], low nibble first.
    """

    bits: int
    codes: UInt8Array
    scales: Float32Array
    zero_points: UInt8Array

    @property
    def rows(self) -> int:
        """Output features (N)."""
        return int(self.codes.shape[0])

    @property
    def columns(self) -> int:
        """Input features (K)."""
        return int(self.codes.shape[1]) * BLOCK

    def dequantize(self) -> Float32Array:
        """Returns the matrix that the kernels compute with, float32 [rows, columns]."""
        codes = _unpack(self.codes.reshape(self.rows, -1), self.bits).reshape(self.rows, -1, BLOCK)
        zero_points = _unpack(self.zero_points, self.bits)[:, : codes.shape[1], None]
        values = (codes.astype(np.float32) - zero_points) * self.scales[:, :, None]
        return values.reshape(self.rows, -1)


def quantize_matrix(weight: Float32Array, bits: int) -> QuantizedMatrix:
    """Quantises a matrix.

    Args:
        weight: [rows, columns].
        bits: 4 or 8.

    Raises:
        Unsupported: The columns are no multiple of 32.
    """
    rows, columns = weight.shape
    if columns % BLOCK:
        raise Unsupported(
            "QUANTIZE_WIDTH",
            f"A weight has rows of {columns} values; int4 and int8 need a multiple of {BLOCK}.",
        )
    blocks = np.ascontiguousarray(weight, np.float32).reshape(-1, BLOCK)
    codes = np.empty(blocks.shape, np.uint8)
    scales = np.empty(len(blocks), np.float32)
    zero_points = np.empty(len(blocks), np.uint8)

    def work(part: slice) -> None:
        codes[part], scales[part], zero_points[part] = _quantize_blocks(blocks[part], bits)

    with ThreadPoolExecutor(_THREADS) as pool:
        for _ in pool.map(work, _parts(len(blocks))):
            pass
    per_row = columns // BLOCK
    return QuantizedMatrix(
        bits,
        _pack(codes.reshape(rows, columns), bits).reshape(rows, per_row, -1),
        scales.reshape(rows, per_row),
        _pack(zero_points.reshape(rows, per_row), bits),
    )


def _parts(count: int) -> Iterator[slice]:
    for start in range(0, count, _CHUNK_BLOCKS):
        yield slice(start, start + _CHUNK_BLOCKS)


def _quantize_blocks(blocks: Float32Array, bits: int) -> tuple[UInt8Array, Float32Array, UInt8Array]:
    top = np.float32(2**bits - 1)
    low = np.minimum(blocks.min(axis=1), 0)
    high = np.maximum(blocks.max(axis=1), 0)
    full = high - low
    full[full == 0] = 1.0  # a block of zeros: any scale will do
    middle = (low + high) / 2
    best_error = np.full(len(blocks), np.inf, np.float32)
    best_codes = np.empty_like(blocks)
    best_zero = np.empty_like(full)
    for clip in _CLIPS if bits == 4 else _CLIPS[:1]:
        scale = full * (np.float32(clip) / top)
        zero = np.clip(np.rint(top / 2 - middle / scale), 0, top)
        offset = blocks / scale[:, None]
        codes = np.clip(np.rint(offset) + zero[:, None], 0, top)
        steps = codes - zero[:, None]
        error = np.einsum("bk,bk->b", offset - steps, offset - steps) * scale * scale
        better = error < best_error
        best_error = np.where(better, error, best_error)
        best_codes[better] = codes[better]
        best_zero[better] = zero[better]
    steps = best_codes - best_zero[:, None]
    energy = np.einsum("bk,bk->b", steps, steps)
    fit = np.einsum("bk,bk->b", steps, blocks)
    scales = np.where(energy > 0, fit / np.maximum(energy, 1), full / top).astype(np.float32)
    return best_codes.astype(np.uint8), scales, best_zero.astype(np.uint8)


def _pack(values: UInt8Array, bits: int) -> UInt8Array:
    if bits == 8:
        return values
    if values.shape[1] % 2:
        values = np.concatenate([values, np.zeros((len(values), 1), np.uint8)], axis=1)
    return np.bitwise_or(values[:, 0::2], np.left_shift(values[:, 1::2], np.uint8(4)), dtype=np.uint8)


def _unpack(packed: UInt8Array, bits: int) -> UInt8Array:
    if bits == 8:
        return packed
    return np.stack([packed & 15, packed >> 4], axis=-1).reshape(len(packed), -1)
