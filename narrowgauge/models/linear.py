"""Adds weights to a graph in the precision asked for: matrix products, embedding look-up and head."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper

from narrowgauge.models.checkpoint import Float32Array
from narrowgauge.models.quantize import BLOCK, QuantizedMatrix, quantize_matrix
from narrowgauge.models.tensor_file import TensorFile

__all__ = ["CONTRIB", "GraphParts"]

CONTRIB = "com.microsoft"
# 4: activations are quantised to int8 in blocks as well, and the product is integer arithmetic.
_ACCURACY_LEVEL = 4


@dataclass
class GraphParts:
    """A graph under construction.

    Attributes:
        weights: Where large tensors go.
        nodes: In order of execution.
        initializers: Constants.
    """

    weights: TensorFile
    nodes: list[NodeProto] = field(default_factory=list)
    initializers: list[TensorProto] = field(default_factory=list)

    def op(
        self, kind: str, inputs: list[str], outputs: list[str], domain: str = "", **attributes: Any
    ) -> str:
        """Appends a node and returns the name of its first output."""
        self.nodes.append(
            helper.make_node(kind, inputs, outputs, name=outputs[0], domain=domain, **attributes)
        )
        return outputs[0]

    def constant(self, name: str, value: NDArray[np.generic]) -> str:
        """Adds an initializer and returns its name."""
        self.initializers.append(self.weights.add(name, value))
        return name

    def linear(
        self, x: str, name: str, weight: Float32Array, bias: Float32Array | None, bits: int | None
    ) -> str:
        """Adds `x @ weight.T + bias`; weight is [out, in]. Returns the output's name."""
        if bits is None:
            return self._float_product(x, name, self.constant(f"{name}.weight", weight), bias)
        matrix = quantize_matrix(weight, bits)
        self._store(name, matrix)
        return self._quantized_product(x, name, matrix, bias)

    def embedding(
        self, ids: str, name: str, weight: Float32Array, bits: int | None
    ) -> QuantizedMatrix | None:
        """Adds the look-up of rows of `weight` [vocab, hidden], output `{name}.output`.

        Returns:
            The quantised matrix for a head that shares it, None in float32.
        """
        output = f"{name}.output"
        if bits is None:
            self.op("Gather", [self.constant(f"{name}.weight", weight), ids], [output], axis=0)
            return None
        matrix = quantize_matrix(weight, bits)
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

    def shared_head(self, x: str, name: str, embedding: str, matrix: QuantizedMatrix | None) -> str:
        """Adds the product with the embedding's own matrix. Returns the output's name."""
        if matrix is None:
            return self._float_product(x, name, f"{embedding}.weight", None)
        return self._quantized_product(x, name, matrix, None, stored=embedding)

    def _float_product(self, x: str, name: str, weight: str, bias: Float32Array | None) -> str:
        product = self.op("FusedMatMul", [x, weight], [f"{name}.product"], CONTRIB, transB=1)
        if bias is None:
            return product
        return self.op("Add", [product, self.constant(f"{name}.bias", bias)], [f"{name}.output"])

    def _store(self, name: str, matrix: QuantizedMatrix) -> None:
        self.constant(f"{name}.codes", matrix.codes)
        self.constant(f"{name}.scales", matrix.scales)
        self.constant(f"{name}.zero_points", matrix.zero_points)

    def _quantized_product(
        self, x: str, name: str, matrix: QuantizedMatrix, bias: Float32Array | None, stored: str = ""
    ) -> str:
        stored = stored or name
        inputs = [x, f"{stored}.codes", f"{stored}.scales", f"{stored}.zero_points"]
        if bias is not None:
            inputs += ["", self.constant(f"{name}.bias", bias)]
        return self.op(
            "MatMulNBits",
            inputs,
            [f"{name}.output"],
            CONTRIB,
            K=matrix.columns,
            N=matrix.rows,
            bits=matrix.bits,
            block_size=BLOCK,
            accuracy_level=_ACCURACY_LEVEL,
        )
