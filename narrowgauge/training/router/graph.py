"""Writes the encoder and its heads as ONNX graphs, with numpy and onnx alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

__all__ = ["EncoderShape", "write_encoder", "write_heads"]

Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class EncoderShape:
    """Sizes of a BERT-style encoder.

    Attributes:
        layers: Number of transformer layers.
        hidden: Width of the token states.
        heads: Attention heads.
        inner: Width of the feed-forward layer.
        epsilon: Of the layer norms.
    """

    layers: int
    hidden: int = 384
    heads: int = 12
    inner: int = 1536
    epsilon: float = 1e-12


@dataclass
class _Graph:
    """Nodes and initializers under construction."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    weights: list[onnx.TensorProto] = field(default_factory=list)

    def constant(self, name: str, value: npt.NDArray[np.generic]) -> str:
        self.weights.append(numpy_helper.from_array(value, name))
        return name

    def add(self, op: str, inputs: list[str], output: str, *, domain: str = "", **attributes: Any) -> str:
        self.nodes.append(helper.make_node(op, inputs, [output], domain=domain, **attributes))
        return output

    def model(
        self, name: str, inputs: list[onnx.ValueInfoProto], outputs: list[onnx.ValueInfoProto]
    ) -> bytes:
        model = helper.make_model(
            helper.make_graph(self.nodes, name, inputs, outputs, self.weights),
            opset_imports=[helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)],
            ir_version=10,
            producer_name="narrowgauge",
        )
        return bytes(model.SerializeToString(deterministic=True))

    def linear(self, x: str, name: str, weight: Array, bias: Array, *, bits: int) -> str:
        """Adds `x @ weight + bias`; weight is [in, out], int8 with a scale a column below 32 bits."""
        b = self.constant(f"{name}.bias", bias)
        if bits == 32:
            product = self.add("MatMul", [x, self.constant(f"{name}.weight", weight)], f"{name}.product")
            return self.add("Add", [product, b], f"{name}.out")
        limit = float(2 ** (bits - 1) - 1)
        scale = np.maximum(np.abs(weight).max(axis=0), 1e-8).astype(np.float32) / np.float32(limit)
        quantised = np.clip(np.rint(weight / scale), -limit, limit).astype(np.int8)
        w = self.constant(f"{name}.weight", quantised)
        s = self.constant(f"{name}.scale", scale)
        inputs = [x, w, s, "", b]
        return self.add("DynamicQuantizeMatMul", inputs, f"{name}.out", domain="com.microsoft")


def write_encoder(weights: Mapping[str, Array], shape: EncoderShape, *, bits: int = 7) -> bytes:
    """Writes the graph `input_ids` int64 [1, S] -> `states` float32 [S, hidden], `tags` float32 [S, tags].

    Products run on int8 weights and activations that are quantised for one request at a time, so a request's
    result never depends on its neighbours. Weights use seven bits by default: without VNNI, x86 adds
    pairs of 8-bit products in 16 bits, and eight-bit weights overflow there.

    Args:
        weights: `word` [V, hidden], `position` [P, hidden] (token type added), `norm.gamma|beta`,
            `tags.weight` [hidden, tags], `tags.bias`, and for each layer
            `l.{qkv,attention,inner,outer}.{weight,bias}` and `l.{norm1,norm2}.{gamma,beta}`; linear weights
            are [in, out].
        shape: Sizes.
        bits: Of the linear weights; 32 leaves them as float32.
    """
    g = _Graph()
    word = weights["word"]
    scale = np.maximum(np.abs(word).max(axis=1, keepdims=True), 1e-8).astype(np.float32) / np.float32(127)
    g.constant("word", np.rint(word / scale).astype(np.int8))
    g.constant("word.scale", scale)
    g.constant("position", weights["position"])
    g.constant("zero", np.array([0], np.int64))
    g.constant("axis", np.array([0], np.int64))
    g.add("Gather", ["word", "input_ids"], "word.int8")
    g.add("Cast", ["word.int8"], "word.float", to=TensorProto.FLOAT)
    g.add("Gather", ["word.scale", "input_ids"], "word.factor")
    g.add("Mul", ["word.float", "word.factor"], "word.state")
    g.add("Shape", ["input_ids"], "length", start=1)
    g.add("Slice", ["position", "zero", "length", "axis"], "position.state")
    g.add("Add", ["word.state", "position.state"], "embedded")
    g.constant("norm.gamma", weights["norm.gamma"])
    g.constant("norm.beta", weights["norm.beta"])
    x = g.add(
        "LayerNormalization",
        ["embedded", "norm.gamma", "norm.beta"],
        "embedded.norm",
        epsilon=shape.epsilon,
        axis=-1,
    )
    for layer in range(shape.layers):
        x = _layer(g, weights, shape, layer, x, bits)
    g.constant("tags.weight", weights["tags.weight"])
    g.constant("tags.bias", weights["tags.bias"])
    g.add("Squeeze", [x, "axis"], "states")
    g.add("Gemm", ["states", "tags.weight", "tags.bias"], "tags")
    inputs = [helper.make_tensor_value_info("input_ids", TensorProto.INT64, [1, "S"])]
    outputs = [
        helper.make_tensor_value_info("states", TensorProto.FLOAT, ["S", shape.hidden]),
        helper.make_tensor_value_info("tags", TensorProto.FLOAT, ["S", weights["tags.bias"].shape[0]]),
    ]
    return g.model("router_encoder", inputs, outputs)


def write_heads(weights: Mapping[str, Array], *, temperature: float = 1.0) -> bytes:
    """Writes the graph from token states, pools of them and step distances to route vectors and dependencies.

    Inputs `states` [S, hidden], `pools` [n, features + 1, S] (the last row of a span makes its route vector,
    the others its features for dependencies), `distance` [n, n]; outputs `vectors` [n, hidden] and `kinds`
    [n, n, 4].

    Args:
        weights: `route.{weight,bias}`, `pair.{dependent,source,bias,distance,kind,kind.bias}`; stored as
            float16, linear weights as [in, out].
        temperature: Divides the logits of the dependencies.
    """
    g = _Graph()
    hidden = weights["route.weight"].shape[0]
    features = weights["pair.source"].shape[0] // hidden
    for name, value in weights.items():
        g.constant(f"{name}.half", value.astype(np.float16))
        g.add("Cast", [f"{name}.half"], name, to=TensorProto.FLOAT)
    for name, number in (("zero", 0), ("one", 1)):
        g.constant(name, np.array([number], np.int64))
    g.constant("parts", np.array([features, 1], np.int64))
    g.constant("flat", np.array([0, -1], np.int64))
    g.constant("temperature", np.array(temperature, np.float32))
    g.add("MatMul", ["pools", "states"], "pooled")
    g.nodes.append(helper.make_node("Split", ["pooled", "parts"], ["grouped", "asked"], name="split", axis=1))
    g.add("Squeeze", ["asked", "one"], "mean")
    g.add("Gemm", ["mean", "route.weight", "route.bias"], "route")
    g.add("LpNormalization", ["route"], "vectors", axis=-1, p=2)
    g.add("Reshape", ["grouped", "flat"], "features")
    g.add("Gemm", ["features", "pair.dependent", "pair.bias"], "dependent")
    g.add("MatMul", ["features", "pair.source"], "source")
    g.add("Unsqueeze", ["dependent", "one"], "rows")
    g.add("Unsqueeze", ["source", "zero"], "columns")
    g.add("Gather", ["pair.distance", "distance"], "apart")
    g.add("Add", ["rows", "columns"], "both")
    g.add("Add", ["both", "apart"], "sum")
    g.add("Relu", ["sum"], "hidden")
    g.add("MatMul", ["hidden", "pair.kind"], "product")
    g.add("Add", ["product", "pair.kind.bias"], "logits")
    g.add("Div", ["logits", "temperature"], "calm")
    g.add("Softmax", ["calm"], "kinds", axis=-1)
    inputs = [
        helper.make_tensor_value_info("states", TensorProto.FLOAT, ["S", hidden]),
        helper.make_tensor_value_info("pools", TensorProto.FLOAT, ["n", features + 1, "S"]),
        helper.make_tensor_value_info("distance", TensorProto.INT64, ["n", "n"]),
    ]
    outputs = [
        helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["n", hidden]),
        helper.make_tensor_value_info(
            "kinds", TensorProto.FLOAT, ["n", "n", weights["pair.kind.bias"].shape[0]]
        ),
    ]
    return g.model("router_heads", inputs, outputs)


def _layer(
    g: _Graph, weights: Mapping[str, Array], shape: EncoderShape, layer: int, x: str, bits: int
) -> str:
    def linear(name: str, source: str) -> str:
        full = f"{layer}.{name}"
        return g.linear(source, full, weights[f"{full}.weight"], weights[f"{full}.bias"], bits=bits)

    def norm(name: str, source: str, skip: str) -> str:
        gamma = g.constant(f"{layer}.{name}.gamma", weights[f"{layer}.{name}.gamma"])
        beta = g.constant(f"{layer}.{name}.beta", weights[f"{layer}.{name}.beta"])
        output = f"{layer}.{name}.out"
        # Two operators: on CPUs onnxruntime's one for both takes four times as long as these together.
        both = g.add("Add", [source, skip], f"{layer}.{name}.sum")
        return g.add("LayerNormalization", [both, gamma, beta], output, epsilon=shape.epsilon, axis=-1)

    qkv = linear("qkv", x)
    parts = [f"{layer}.{part}" for part in ("query", "key", "value")]
    g.nodes.append(helper.make_node("Split", [qkv], parts, name=f"{layer}.split", axis=-1, num_outputs=3))
    mixed = g.add(
        "MultiHeadAttention", parts, f"{layer}.mixed", domain="com.microsoft", num_heads=shape.heads
    )
    x = norm("norm1", linear("attention", mixed), x)
    inner = g.add("Gelu", [linear("inner", x)], f"{layer}.gelu")
    return norm("norm2", linear("outer", inner), x)
