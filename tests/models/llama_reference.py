"""The Llama forward pass in plain numpy: a second implementation to hold the graph against."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def forward(config: Mapping[str, Any], weights: Mapping[str, NDArray[np.float32]], ids: list[int]) -> Array:
    """Returns the logits of one sequence, float64 [tokens, vocab]."""
    tensors = {name: value.astype(np.float64) for name, value in weights.items()}
    heads, kv_heads = config["num_attention_heads"], config["num_key_value_heads"]
    head_dim = config.get("head_dim", config["hidden_size"] // heads)
    count = len(ids)
    angles = np.outer(np.arange(count), _frequencies(config, head_dim))
    causal = np.triu(np.full((count, count), -np.inf), 1)
    x = tensors["model.embed_tokens.weight"][ids]

    def project(inputs: Array, name: str) -> Array:
        return inputs @ tensors[f"{name}.weight"].T + tensors.get(f"{name}.bias", 0.0)

    def norm(inputs: Array, name: str) -> Array:
        mean_square = (inputs**2).mean(-1, keepdims=True)
        return inputs / np.sqrt(mean_square + config["rms_norm_eps"]) * tensors[f"{name}.weight"]

    for layer in range(config["num_hidden_layers"]):
        prefix = f"model.layers.{layer}"
        normed = norm(x, f"{prefix}.input_layernorm")
        query, key, value = (
            project(normed, f"{prefix}.self_attn.{which}_proj").reshape(count, -1, head_dim).swapaxes(0, 1)
            for which in "qkv"
        )
        query, key = _rotate(query, angles), _rotate(key, angles)
        key, value = (np.repeat(part, heads // kv_heads, axis=0) for part in (key, value))
        mixed = _softmax(query @ key.swapaxes(1, 2) / math.sqrt(head_dim) + causal) @ value
        x = x + project(mixed.swapaxes(0, 1).reshape(count, -1), f"{prefix}.self_attn.o_proj")
        normed = norm(x, f"{prefix}.post_attention_layernorm")
        gate, up = project(normed, f"{prefix}.mlp.gate_proj"), project(normed, f"{prefix}.mlp.up_proj")
        x = x + project(gate / (1 + np.exp(-gate)) * up, f"{prefix}.mlp.down_proj")
    head = tensors.get("lm_head.weight", tensors["model.embed_tokens.weight"])
    return norm(x, "model.norm") @ head.T


def _frequencies(config: Mapping[str, Any], head_dim: int) -> Array:
    """Follows transformers' `modeling_rope_utils`, one frequency at a time."""
    scaling = config.get("rope_scaling") or {}
    result = []
    for index in range(head_dim // 2):
        frequency = config["rope_theta"] ** (-2 * index / head_dim)
        kind = scaling.get("rope_type", "default")
        if kind == "linear":
            frequency /= scaling["factor"]
        elif kind == "llama3":
            wavelength = 2 * math.pi / frequency
            original = scaling["original_max_position_embeddings"]
            low, high = scaling["low_freq_factor"], scaling["high_freq_factor"]
            if wavelength > original / low:
                frequency /= scaling["factor"]
            elif wavelength > original / high:
                smooth = (original / wavelength - low) / (high - low)
                frequency = (1 - smooth) * frequency / scaling["factor"] + smooth * frequency
        result.append(frequency)
    return np.array(result)


def _rotate(x: Array, angles: Array) -> Array:
    first, second = np.split(x, 2, axis=-1)
    cos, sin = np.cos(angles), np.sin(angles)
    return np.concatenate([first * cos - second * sin, second * cos + first * sin], axis=-1)


def _softmax(scores: Array) -> Array:
    powers = np.exp(scores - scores.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)
