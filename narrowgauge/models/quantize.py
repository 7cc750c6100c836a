"""Block-wise quantisation in the layout of onnxruntime's `MatMulNBits`.

A weight matrix [N, K] becomes codes with one scale and one integer zero point for every 32 consecutive values
of a row: `value = scale * (code - zero_point)`. Each block takes, out of several clipped ranges, the one with
the smallest squared error, and its scale is then refit to the codes by least squares.

Four bits with an integer zero point lose much: the grid can shift by whole steps only, and GGUF's own 4-bit
weights lie on grids with any shift. `quantize_with_offsets` therefore returns what is left of the shift, one
number a block, which `narrowgauge.models.linear` feeds back as further columns of the same product.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from narrowgauge.errors import Unsupported
from narrowgauge.models.checkpoint import Float32Array, UInt8Array

__all__ = ["BLOCK", "QuantizedMatrix", "quantize_matrix", "quantize_with_offsets"]

BLOCK = 32
# Fractions of a block's own range that are tried: clipping the outliers often costs less than coarse steps.
_CLIPS = (1.0, 0.96, 0.92, 0.88, 0.84, 0.8)
# Values a thread works on at once: the temporaries of one chunk stay in its core's cache.
_CHUNK_BLOCKS = 2048
_THREADS = 2


@dataclass(frozen=True)
class QuantizedMatrix:
    """A matrix [rows, blocks * 32].

    Attributes:
        bits: 4 or 8.
        codes: uint8 [rows, blocks, 32], one code a byte.
        scales: float32 [rows, blocks].
        zero_points: uint8 [rows, blocks].
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
        steps = self.codes.astype(np.float32) - self.zero_points[:, :, None]
        return (steps * self.scales[:, :, None]).reshape(self.rows, -1)

    def beside(self, other: QuantizedMatrix) -> QuantizedMatrix:
        """Returns the columns of both, these first."""
        return QuantizedMatrix(
            self.bits,
            np.concatenate([self.codes, other.codes], axis=1),
            np.concatenate([self.scales, other.scales], axis=1),
            np.concatenate([self.zero_points, other.zero_points], axis=1),
        )

    def packed_codes(self) -> UInt8Array:
        """Returns the codes as the kernels want them: uint8 [rows, blocks, 4 * bits], low nibble first."""
        return _pack(self.codes, self.bits)

    def packed_zero_points(self) -> UInt8Array:
        """Returns the zero points as the kernels want them: uint8 [rows, ceil(blocks * bits / 8)]."""
        return _pack(self.zero_points, self.bits)


def quantize_matrix(weight: Float32Array, bits: int) -> QuantizedMatrix:
    """Quantises a matrix on grids that contain zero.

    Args:
        weight: [rows, columns].
        bits: 4 or 8.

    Raises:
        Unsupported: The columns are no multiple of 32.
    """
    clips = _CLIPS if bits == 4 else _CLIPS[:1]
    matrix, _ = _quantize(weight, bits, lambda blocks: _centred_grid(blocks, bits, clips))
    return matrix


def quantize_with_offsets(weight: Float32Array) -> tuple[QuantizedMatrix, Float32Array]:
    """Quantises a matrix in 4 bits on grids of any shift.

    Args:
        weight: [rows, columns].

    Returns:
        The matrix, and float32 [rows, blocks] to add to each value of a block of it.

    Raises:
        Unsupported: The columns are no multiple of 32.
    """
    return _quantize(weight, 4, _shifted_grid)


# Codes, scales, zero points and offsets of some blocks.
_Blocks = tuple[Float32Array, Float32Array, Float32Array, Float32Array]


def _quantize(
    weight: Float32Array, bits: int, grid: Callable[[Float32Array], _Blocks]
) -> tuple[QuantizedMatrix, Float32Array]:
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
    offsets = np.empty(len(blocks), np.float32)

    def work(part: slice) -> None:
        codes[part], scales[part], zero_points[part], offsets[part] = grid(blocks[part])

    with ThreadPoolExecutor(_THREADS) as pool:
        for _ in pool.map(work, _parts(len(blocks))):
            pass
    per_row = columns // BLOCK
    matrix = QuantizedMatrix(
        bits,
        codes.reshape(rows, per_row, BLOCK),
        scales.reshape(rows, per_row),
        zero_points.reshape(rows, per_row),
    )
    return matrix, offsets.reshape(rows, per_row)


def _parts(count: int) -> Iterator[slice]:
    for start in range(0, count, _CHUNK_BLOCKS):
        yield slice(start, start + _CHUNK_BLOCKS)


def _centred_grid(blocks: Float32Array, bits: int, clips: tuple[float, ...]) -> _Blocks:
    top = np.float32(2**bits - 1)
    low = np.minimum(blocks.min(axis=1), 0)
    high = np.maximum(blocks.max(axis=1), 0)
    full = _positive(high - low)
    middle = (low + high) / 2
    best_error = np.full(len(blocks), np.inf, np.float32)
    best_codes, best_zero = np.empty_like(blocks), np.empty_like(full)
    for clip in clips:
        scale = full * (np.float32(clip) / top)
        zero = np.clip(np.rint(top / 2 - middle / scale), 0, top)
        wanted = blocks / scale[:, None] + zero[:, None]
        codes = np.clip(np.rint(wanted), 0, top)
        error = np.einsum("bk,bk->b", wanted - codes, wanted - codes) * scale * scale
        better = error < best_error
        best_error = np.where(better, error, best_error)
        best_codes[better], best_zero[better] = codes[better], zero[better]
    steps = best_codes - best_zero[:, None]
    energy = np.einsum("bk,bk->b", steps, steps)
    fit = np.einsum("bk,bk->b", steps, blocks) / np.maximum(energy, 1)
    scales = np.where(energy > 0, fit, full / top)
    return best_codes, scales, best_zero, np.zeros_like(scales)


def _shifted_grid(blocks: Float32Array) -> _Blocks:
    top = np.float32(15)
    low, high = blocks.min(axis=1), blocks.max(axis=1)
    full = _positive(high - low)
    middle = (low + high) / 2
    best_error = np.full(len(blocks), np.inf, np.float32)
    best_codes = np.empty_like(blocks)
    for clip in _CLIPS:
        scale = full * (np.float32(clip) / top)
        wanted = (blocks - middle[:, None]) / scale[:, None] + top / 2
        codes = np.clip(np.rint(wanted), 0, top)
        error = np.einsum("bk,bk->b", wanted - codes, wanted - codes) * scale * scale
        better = error < best_error
        best_error = np.where(better, error, best_error)
        best_codes[better] = codes[better]
    # The line through the block's codes and values: value = scale * code + low.
    code_mean, value_mean = best_codes.mean(axis=1), blocks.mean(axis=1)
    centred = best_codes - code_mean[:, None]
    spread = np.einsum("bk,bk->b", centred, centred)
    fit = np.einsum("bk,bk->b", centred, blocks) / np.maximum(spread, np.float32(1e-6))
    scales = np.where((spread > 0) & (fit > _LEAST_RANGE), fit, full / top).astype(np.float32)
    start = value_mean - scales * code_mean
    zero = np.clip(np.rint(-start / scales), 0, top)
    return best_codes, scales, zero, start + scales * zero


# A fifteenth of a smaller range would be subnormal or zero, and a division by it infinite.
_LEAST_RANGE = np.float32(1e-30)


def _positive(ranges: Float32Array) -> Float32Array:
    # For a block of equal values any scale will do.
    return np.where(ranges > _LEAST_RANGE, ranges, np.float32(1))


def _pack(values: UInt8Array, bits: int) -> UInt8Array:
    if bits == 8:
        return values
    if values.shape[-1] % 2:
        values = np.concatenate([values, np.zeros((*values.shape[:-1], 1), np.uint8)], axis=-1)
    low, high = values[..., 0::2], values[..., 1::2]
    return np.bitwise_or(low, np.left_shift(high, np.uint8(4)), dtype=np.uint8)
