"""Writes a Llama-family decoder as an ONNX graph.

Inputs (B rows, S new tokens a row, T tokens of the longest row with its past, C tokens of cache capacity):

| name | type | shape | meaning |
|---|---|---|---|
| `input_ids` | int64 | [B, S] | new tokens, right-padded |
| `attention_mask` | int64 | [B, T] | one for every token of the row, past and new; right-padded with zeros |
| `past_key_values.{l}.key`, `.value` | float32 | [B, kv_heads, C, head_dim] | cache buffers |
| `positions` | int64 | [P, 2] | places of `input_ids`, row and column, whose last states are wanted |
| `logits_rows` | int64 | [L] | which of these P to compute all logits for; may be empty |

The head costs as much as eight layers: where a constraint
leaves a few tokens, their logits alone cost next to nothing (`TokenTable`), so a pass asks for what it needs.

Outputs: `hidden` float32 [P, hidden], what the head reads; `logits` float32 [L, vocab]; and
`present.{l}.key`, `.value`, which may be bound to the memory of the past: `GroupQueryAttention` then appends
in place. Operators of the domain com.microsoft are described in
https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
from onnx import TensorProto, ValueInfoProto, helper

from narrowgauge.models.linear import CONTRIB, GraphParts
from narrowgauge.models.model_config import ModelConfig
from narrowgauge.models.precision import Precision
from narrowgauge.models.rotary import rotary_tables
from narrowgauge.models.tensor_file import TensorFile
from narrowgauge.models.token_table import TableLayout
from narrowgauge.models.weights import Weights, stacked

__all__ = ["write_graph"]

# GroupQueryAttention needs nothing newer; readers of other runtimes have these.
_OPSET, _IR_VERSION = 21, 10


def write_graph(
    weights: Weights,
    path: Path,
    precision: Precision,
    progress: Callable[[float], None] = lambda fraction: None,
) -> TableLayout:
    """Writes `path` and, beside it, the weights as `{path}.data`.

    Args:
        weights: Of the checkpoint and its adapter.
        path: The graph to write.
        precision: Of the matrices.
        progress: Called with the fraction done.

    Returns:
        Where in the weights the head's matrix is.

    Raises:
        DataLoss, Unsupported: From reading and quantising the tensors.
    """
    config = weights.config
    with TensorFile(path.with_name(path.name + ".data")) as file:
        parts = GraphParts(file, precision)
        _lengths(parts)
        cos, sin = rotary_tables(config)
        parts.constant("rotary.cos", cos)
        parts.constant("rotary.sin", sin)
        table = parts.embedding("input_ids", "embedding", weights.linear("model.embed_tokens"))
        residual = "embedding.output"
        normed = _norm(parts, weights, residual, "layer.0.attention.norm", "model.layers.0.input_layernorm")
        for layer in range(config.layers):
            progress((layer + 1) / (config.layers + 2))
            name, source = f"layer.{layer}", f"model.layers.{layer}"
            last = layer == config.layers - 1
            mixed = _attention(parts, weights, layer, normed)
            if last:
                # Nothing after the last attention looks at other positions: only the wanted ones go on.
                mixed = parts.op("GatherND", [mixed, "positions"], ["last.mixed"])
                residual = parts.op("GatherND", [residual, "positions"], ["last.residual"])
            projected = parts.linear(
                mixed, f"{name}.attention.out", weights.linear(f"{source}.self_attn.o_proj")
            )
            normed, residual = _add_norm(
                parts, weights, residual, projected, f"{name}.mlp.norm", f"{source}.post_attention_layernorm"
            )
            fed = _feed_forward(parts, weights, layer, normed)
            normed, residual = _add_norm(
                parts,
                weights,
                residual,
                fed,
                "final.norm" if last else f"layer.{layer + 1}.attention.norm",
                "model.norm" if last else f"model.layers.{layer + 1}.input_layernorm",
            )
        parts.op("Identity", [normed], ["hidden"])
        chosen = parts.op("Gather", ["hidden", "logits_rows"], ["head.input"], axis=0)
        if config.tied_embeddings:
            parts.shared_head(chosen, "logits", "embedding", table)
        else:
            parts.own_head(chosen, "logits", "head", weights.linear("lm_head"))
        layout = parts.table_layout("embedding" if config.tied_embeddings else "head")
        progress(1.0)
    graph = helper.make_graph(parts.nodes, "decoder", _inputs(config), _outputs(config), parts.initializers)
    model = helper.make_model(
        graph,
        producer_name="narrowgauge",
        ir_version=_IR_VERSION,
        opset_imports=[helper.make_opsetid("", _OPSET), helper.make_opsetid(CONTRIB, 1)],
    )
    path.write_bytes(model.SerializeToString(deterministic=True))
    return layout


def _lengths(parts: GraphParts) -> None:
    """Turns the mask into what the operators want.

    Makes `seqlens_k` int32 [B] (tokens of a row less one) and `total_length` int32 scalar.
    """
    one = parts.constant("one", np.array(1, np.int64))
    axis_1 = parts.constant("axis_1", np.array([1], np.int64))
    parts.op("ReduceSum", ["attention_mask", axis_1], ["row.tokens"], keepdims=0)
    parts.op("Sub", ["row.tokens", one], ["row.last"])
    parts.op("Cast", ["row.last"], ["seqlens_k"], to=TensorProto.INT32)
    parts.op("Shape", ["attention_mask"], ["mask.shape"])
    parts.op("Gather", ["mask.shape", one], ["mask.width"], axis=0)
    parts.op("Cast", ["mask.width"], ["total_length"], to=TensorProto.INT32)


def _norm(parts: GraphParts, weights: Weights, x: str, name: str, source: str) -> str:
    return parts.op(
        "SimplifiedLayerNormalization",
        [x, parts.constant(f"{name}.weight", weights.vector(f"{source}.weight"))],
        [f"{name}.output"],
        axis=-1,
        epsilon=weights.config.rms_norm_eps,
        stash_type=1,
    )


def _add_norm(
    parts: GraphParts, weights: Weights, residual: str, update: str, name: str, source: str
) -> tuple[str, str]:
    """Adds an update to the residual stream; returns the normalised sum and the sum."""
    normed = parts.op(
        "SkipSimplifiedLayerNormalization",
        [residual, update, parts.constant(f"{name}.weight", weights.vector(f"{source}.weight"))],
        [f"{name}.output", "", "", f"{name}.residual"],
        CONTRIB,
        epsilon=weights.config.rms_norm_eps,
    )
    return normed, f"{name}.residual"


def _attention(parts: GraphParts, weights: Weights, layer: int, x: str) -> str:
    """Adds the projection of queries, keys and values as one product, and the attention on the cache."""
    config, name, source = weights.config, f"layer.{layer}.attention", f"model.layers.{layer}.self_attn"
    joined = stacked([weights.linear(f"{source}.{which}_proj") for which in "qkv"])
    packed = parts.linear(x, f"{name}.qkv", joined)
    cache = [f"past_key_values.{layer}.key", f"past_key_values.{layer}.value"]
    return parts.op(
        "GroupQueryAttention",
        [packed, "", "", *cache, "seqlens_k", "total_length", "rotary.cos", "rotary.sin"],
        [f"{name}.mixed", f"present.{layer}.key", f"present.{layer}.value"],
        CONTRIB,
        num_heads=config.heads,
        kv_num_heads=config.kv_heads,
        scale=1 / math.sqrt(config.head_dim),
        do_rotary=1,
        rotary_interleaved=0,
        local_window_size=-1,
    )


def _feed_forward(parts: GraphParts, weights: Weights, layer: int, x: str) -> str:
    """Adds `down(silu(gate(x)) * up(x))`, gate and up as one product."""
    name, source = f"layer.{layer}.mlp", f"model.layers.{layer}.mlp"
    joined = stacked([weights.linear(f"{source}.{which}_proj") for which in ("gate", "up")])
    packed = parts.linear(x, f"{name}.gate_up", joined)
    parts.op("Split", [packed], [f"{name}.gate", f"{name}.up"], axis=-1, num_outputs=2)
    parts.op("QuickGelu", [f"{name}.gate"], [f"{name}.activated"], CONTRIB, alpha=1.0)  # alpha 1 is SiLU
    gated = parts.op("Mul", [f"{name}.activated", f"{name}.up"], [f"{name}.gated"])
    return parts.linear(gated, f"{name}.down", weights.linear(f"{source}.down_proj"))


def _inputs(config: ModelConfig) -> list[ValueInfoProto]:
    def value(name: str, kind: int, shape: list[int | str]) -> ValueInfoProto:
        return helper.make_tensor_value_info(name, kind, shape)

    cache: list[int | str] = ["batch", config.kv_heads, "capacity", config.head_dim]
    return [
        value("input_ids", TensorProto.INT64, ["batch", "tokens"]),
        value("attention_mask", TensorProto.INT64, ["batch", "total"]),
        *(
            value(f"past_key_values.{layer}.{part}", TensorProto.FLOAT, cache)
            for layer in range(config.layers)
            for part in ("key", "value")
        ),
        value("positions", TensorProto.INT64, ["positions", 2]),
        value("logits_rows", TensorProto.INT64, ["logits_rows"]),
    ]


def _outputs(config: ModelConfig) -> list[ValueInfoProto]:
    cache: list[int | str] = ["batch", config.kv_heads, "present_capacity", config.head_dim]
    return [
        helper.make_tensor_value_info("hidden", TensorProto.FLOAT, ["positions", config.hidden]),
        helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["logits_rows", config.vocab_size]),
        *(
            helper.make_tensor_value_info(f"present.{layer}.{part}", TensorProto.FLOAT, cache)
            for layer in range(config.layers)
            for part in ("key", "value")
        ),
    ]
