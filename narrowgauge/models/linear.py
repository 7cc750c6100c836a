"""Adds weights to a graph in the precision asked for: matrix products, embedding look-up and head.

A product in 4 bits can carry *side columns*. The input is extended by a few numbers computed from it, and the
matrix by as many columns:

- the sum of each block of 32 inputs, whose columns are the offsets that the block's integer grid cannot hold;
- an adapter's down-projection of the input, whose columns are its up-projection.

So the product stays one call of the fast kernel, a GGUF file's 4-bit weights are served as they are, and an
adapter survives: merged into a 4-bit matrix, its small changes would mostly be rounded away.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper

from narrowgauge.models.checkpoint import Float32Array
from narrowgauge.models.precision import Precision
from narrowgauge.models.quantize import BLOCK, QuantizedMatrix, quantize_matrix, quantize_with_offsets
from narrowgauge.models.tensor_file import TensorFile
from narrowgauge.models.token_table import TableLayout
from narrowgauge.models.weights import LinearWeights

__all__ = ["CONTRIB", "GraphParts"]

CONTRIB = "com.microsoft"
# 4: activations are quantised to int8 in blocks as well, and the product is integer arithmetic.
_ACCURACY_LEVEL = 4
# A sum of 32 inputs is about six times as large as one: scaled down, it shares a block's scale with its like.
_SUM_SCALE = np.float32(1 / np.sqrt(BLOCK))


@dataclass
class GraphParts:
    """A graph under construction.

    Attributes:
        weights: Where large tensors go.
        precision: Of the matrices.
        nodes: In order of execution.
        initializers: Constants.
    """

    weights: TensorFile
    precision: Precision
    nodes: list[NodeProto] = field(default_factory=list)
    initializers: list[TensorProto] = field(default_factory=list)
    _stored: dict[str, tuple[int, int, int]] = field(default_factory=dict)

    def op(
        self, kind: str, inputs: list[str], outputs: list[str], domain: str = "", **attributes: Any
    ) -> str:
        """Appends a node and returns the name of its first output."""
        self.nodes.append(
            helper.make_node(kind, inputs, outputs, name=outputs[0], domain=domain, **attributes)
        )
        return outputs[0]

    def constant(self, name: str, value: NDArray[np.generic], *, inline: bool = True) -> str:
        """Adds an initializer and returns its name; `inline` as in `TensorFile.add`."""
        self.initializers.append(self.weights.add(name, value, inline=inline))
        return name

    def linear(self, x: str, name: str, weights: LinearWeights) -> str:
        """Adds a product of the layers. Returns the output's name."""
        bits = self.precision.layer_bits
        if bits is None:
            return self._float_product(
                x, name, self.constant(f"{name}.weight", weights.merged()), weights.bias
            )
        if bits == 4 and (self.precision.offsets or weights.down is not None):
            return self._extended_product(x, name, weights)
        matrix = quantize_matrix(weights.merged(), bits)
        self._store(name, matrix)
        return self._quantized_product(x, f"{name}.output", name, matrix, weights.bias)

    def embedding(self, ids: str, name: str, weights: LinearWeights) -> QuantizedMatrix | None:
        """Adds the look-up of rows of a matrix [vocab, hidden], output `{name}.output`.

        Returns:
            The quantised matrix for a head that shares it, None in float32.
        """
        output, bits = f"{name}.output", self.precision.table_bits
        if bits is None:
            self.op("Gather", [self._store_float(name, weights), ids], [output], axis=0)
            return None
        matrix = quantize_matrix(weights.merged(), bits)
        self._store(name, matrix)
        # The same bytes as the head's, seen as a matrix: no second copy on disk or in the page cache.
        flat = (matrix.rows, matrix.columns * bits // 8)
        self.initializers.append(self.weights.alias(f"{name}.rows", f"{name}.codes", flat, TensorProto.UINT8))
        self.op(
            "GatherBlockQuantized",
            [f"{name}.rows", ids, f"{name}.scales", f"{name}.zero_points"],
            [output],
            CONTRIB,
            bits=bits,
            block_size=BLOCK,
            gather_axis=0,
            quantize_axis=1,
        )
        return matrix

    def shared_head(self, x: str, output: str, embedding: str, matrix: QuantizedMatrix | None) -> None:
        """Adds the product with the embedding's own matrix."""
        if matrix is None:
            self.op("FusedMatMul", [x, f"{embedding}.weight"], [output], CONTRIB, transB=1)
        else:
            self._quantized_product(x, output, embedding, matrix, None)

    def own_head(self, x: str, output: str, name: str, weights: LinearWeights) -> None:
        """Adds the product with a head that is not the embedding."""
        if self.precision.table_bits is None:
            self.op("FusedMatMul", [x, self._store_float(name, weights)], [output], CONTRIB, transB=1)
        else:
            matrix = quantize_matrix(weights.merged(), self.precision.table_bits)
            self._store(name, matrix)
            self._quantized_product(x, output, name, matrix, None)

    def table_layout(self, name: str) -> TableLayout:
        """Returns where a matrix is that was stored."""
        rows, columns, bits = self._stored[name]
        parts = ("weight",) if bits == 32 else ("codes", "scales", "zero_points")
        return TableLayout(rows, columns, bits, tuple(self.weights.start(f"{name}.{part}") for part in parts))

    def _float_product(self, x: str, name: str, weight: str, bias: Float32Array | None) -> str:
        product = self.op("FusedMatMul", [x, weight], [f"{name}.product"], CONTRIB, transB=1)
        if bias is None:
            return product
        return self.op("Add", [product, self.constant(f"{name}.bias", bias)], [f"{name}.output"])

    def _extended_product(self, x: str, name: str, weights: LinearWeights) -> str:
        columns = weights.matrix.shape[1]
        sides: list[tuple[Float32Array, Float32Array]] = []  # rows over the input, columns of the matrix
        if self.precision.offsets:
            matrix, offsets = quantize_with_offsets(weights.matrix)
            sums = np.zeros((columns // BLOCK, columns), np.float32)
            sums[np.arange(columns) // BLOCK, np.arange(columns)] = _SUM_SCALE
            sides.append((sums, offsets / _SUM_SCALE))
        else:
            matrix = quantize_matrix(weights.matrix, 4)
        # The sums alone are the same for every matrix of a width, and their zeros and ones exact in 4 bits.
        side_name, side_bits = f"block_sums.{columns}", 4
        if weights.down is not None and weights.up is not None:
            sides.append((weights.down, weights.up))
            side_name, side_bits = f"{name}.side", 8
        over_input = np.concatenate([_padded(rows, axis=0) for rows, _ in sides])
        side = quantize_matrix(over_input, side_bits)
        if side_name not in self._stored:
            self._store(side_name, side)
        for _, more in sides:
            matrix = matrix.beside(quantize_matrix(_padded(more, axis=1), 4))
        self._store(name, matrix)
        extra = self._quantized_product(x, f"{name}.extra", side_name, side, None)
        extended = self.op("Concat", [x, extra], [f"{name}.input"], axis=-1)
        return self._quantized_product(extended, f"{name}.output", name, matrix, weights.bias)

    def _store(self, name: str, matrix: QuantizedMatrix) -> None:
        self._stored[name] = (matrix.rows, matrix.columns, matrix.bits)
        self.constant(f"{name}.codes", matrix.packed_codes(), inline=False)
        self.constant(f"{name}.scales", matrix.scales, inline=False)
        self.constant(f"{name}.zero_points", matrix.packed_zero_points(), inline=False)

    def _store_float(self, name: str, weights: LinearWeights) -> str:
        matrix = weights.merged()
        self._stored[name] = (*matrix.shape, 32)
        return self.constant(f"{name}.weight", matrix, inline=False)

    def _quantized_product(
        self, x: str, output: str, stored: str, matrix: QuantizedMatrix, bias: Float32Array | None
    ) -> str:
        inputs = [x, f"{stored}.codes", f"{stored}.scales", f"{stored}.zero_points"]
        if bias is not None:
            inputs += ["", self.constant(f"{stored}.bias", bias)]
        return self.op(
            "MatMulNBits",
            inputs,
            [output],
            CONTRIB,
            K=matrix.columns,
            N=matrix.rows,
            bits=matrix.bits,
            block_size=BLOCK,
            accuracy_level=_ACCURACY_LEVEL,
        )


def _padded(values: Float32Array, axis: int) -> Float32Array:
    """Appends zeros up to a whole number of blocks."""
    missing = -values.shape[axis] % BLOCK
    shape = (missing, values.shape[1]) if axis == 0 else (values.shape[0], missing)
    return np.concatenate([values, np.zeros(shape, np.float32)], axis=axis)
