"""Quantised matrices are as close to the given ones as their bits allow."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from narrowgauge.errors import Unsupported
from narrowgauge.models.quantize import BLOCK, quantize_matrix, quantize_with_offsets

MATRICES = arrays.arrays(
    np.float32,
    st.tuples(st.integers(1, 3), st.sampled_from([BLOCK, 3 * BLOCK])),
    elements=st.floats(-100, 100, width=32),
)


def block_range(weight: np.ndarray) -> np.ndarray:
    blocks = weight.reshape(len(weight), -1, BLOCK)
    return np.maximum(blocks.max(-1), 0) - np.minimum(blocks.min(-1), 0)


@given(MATRICES, st.sampled_from([4, 8]))
@settings(deadline=None)  # the first example pays for the thread pool
def test_error_is_within_a_step(weight: np.ndarray, bits: int) -> None:
    """The root mean square error of a block is below one step of its full range."""
    error = (quantize_matrix(weight, bits).dequantize() - weight).reshape(len(weight), -1, BLOCK)
    rms = np.sqrt((error**2).mean(-1))
    assert (rms <= block_range(weight) / (2**bits - 1) + 1e-4).all()


def test_any_grid_of_sixteen_values_is_kept() -> None:
    """Weights that lie on 4-bit grids with any shift, as GGUF's Q4_1 does, are stored without error."""
    rng = np.random.default_rng(1)
    codes = rng.integers(0, 16, (64, 8, BLOCK))
    codes[..., :2] = 0, 15
    scales, low = rng.uniform(0.01, 0.1, (64, 8, 1)), rng.uniform(-1, 0.2, (64, 8, 1))
    weight = (codes * scales + low).astype(np.float32).reshape(64, -1)
    matrix, offsets = quantize_with_offsets(weight)
    restored = matrix.dequantize() + np.repeat(offsets, BLOCK, axis=1)
    np.testing.assert_allclose(restored, weight, atol=2e-6)
    integer_grid = np.abs(quantize_matrix(weight, 4).dequantize() - weight)
    assert integer_grid.max() > 0.01


@given(MATRICES)
@example(np.array([[0.0] + [1e-45] * (BLOCK - 1)], np.float32))  # a range whose fifteenth is zero
@settings(deadline=None)
def test_offsets_never_hurt(weight: np.ndarray) -> None:
    """With offsets, a block's error stays below one step of its own range, wherever the range lies."""
    matrix, offsets = quantize_with_offsets(weight)
    error = matrix.dequantize() + np.repeat(offsets, BLOCK, axis=1) - weight
    blocks = weight.reshape(len(weight), -1, BLOCK)
    rms = np.sqrt((error.reshape(blocks.shape) ** 2).mean(-1))
    assert (rms <= (blocks.max(-1) - blocks.min(-1)) / 15 + 1e-3).all()


def test_packing_puts_the_first_code_low() -> None:
    """Four-bit codes and zero points are packed low nibble first; an odd count ends in an empty nibble."""
    weight = np.zeros((1, 3 * BLOCK), np.float32)
    weight[0, :2] = -7.0, 8.0
    matrix = quantize_matrix(weight, 4)
    assert matrix.packed_codes().shape == (1, 3, 16)
    assert matrix.packed_codes()[0, 0, 0] == matrix.codes[0, 0, 0] | matrix.codes[0, 0, 1] << 4
    assert matrix.packed_zero_points().shape == (1, 2)
    assert matrix.packed_zero_points()[0, 0] & 15 == matrix.zero_points[0, 0]
    assert matrix.packed_zero_points()[0, 1] >> 4 == 0


def test_odd_widths_are_refused() -> None:
    """Rows that are no whole number of blocks cannot be quantised, and the message says so."""
    with pytest.raises(Unsupported, match="multiple of 32"):
        quantize_matrix(np.zeros((2, 40), np.float32), 4)
