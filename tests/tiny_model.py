"""A language model without sense and with the real tokenizer, for tests that need any model, fast."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from narrowgauge.models import prepare
from narrowgauge.models.embedded import embedded_gguf
from narrowgauge.models.gguf_checkpoint import GgufCheckpoint
from narrowgauge.models.safetensors_file import write_safetensors

HIDDEN, HEADS, KV_HEADS, INTERMEDIATE, LAYERS = 64, 4, 2, 128, 2


def tiny_weights(
    config: dict[str, Any],
    *,
    qkv_bias: bool = False,
    tied: bool = True,
    seed: int = 0,
    attention: float = 1.0,
) -> dict[str, NDArray[np.float32]]:
    """Draws the tensors of a model with this config.json, scaled so that activations stay near one.

    With more `attention` what was read before outweighs the last token, and other prompts give other texts.
    """
    rng = np.random.default_rng(seed)
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    head_dim = config.get("head_dim", hidden // config["num_attention_heads"])
    queries, keys = config["num_attention_heads"] * head_dim, config["num_key_value_heads"] * head_dim

    def matrix(rows: int, columns: int) -> NDArray[np.float32]:
        return (rng.standard_normal((rows, columns), np.float32) / np.sqrt(columns)).astype(np.float32)

    def vector(length: int, centre: float) -> NDArray[np.float32]:
        return (centre + 0.1 * rng.standard_normal(length, np.float32)).astype(np.float32)

    weights = {"model.embed_tokens.weight": rng.standard_normal((config["vocab_size"], hidden), np.float32)}
    for layer in range(config["num_hidden_layers"]):
        prefix = f"model.layers.{layer}"
        weights[f"{prefix}.input_layernorm.weight"] = vector(hidden, 1.0)
        for which, rows in (("q", queries), ("k", keys), ("v", keys)):
            weights[f"{prefix}.self_attn.{which}_proj.weight"] = matrix(rows, hidden)
            if qkv_bias:
                weights[f"{prefix}.self_attn.{which}_proj.bias"] = vector(rows, 0.0) * 5
        weights[f"{prefix}.self_attn.q_proj.weight"] *= np.float32(attention)
        weights[f"{prefix}.self_attn.o_proj.weight"] = attention * matrix(hidden, queries)
        weights[f"{prefix}.post_attention_layernorm.weight"] = vector(hidden, 1.0)
        weights[f"{prefix}.mlp.gate_proj.weight"] = matrix(inner, hidden)
        weights[f"{prefix}.mlp.up_proj.weight"] = matrix(inner, hidden)
        weights[f"{prefix}.mlp.down_proj.weight"] = matrix(hidden, inner)
    weights["model.norm.weight"] = vector(hidden, 1.0)
    if not tied:
        weights["lm_head.weight"] = matrix(config["vocab_size"], hidden)
    return weights


def tiny_config(**changes: Any) -> dict[str, Any]:
    """Returns a config.json of the Llama family, with some keys changed."""
    return {
        "model_type": "llama",
        "hidden_size": HIDDEN,
        "intermediate_size": INTERMEDIATE,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "num_key_value_heads": KV_HEADS,
        "vocab_size": 49152,
        "max_position_embeddings": 4096,
        "rms_norm_eps": 1e-5,
        "rope_theta": 10000.0,
        "hidden_act": "silu",
        "bos_token_id": 1,
        "eos_token_id": 2,
        **changes,
    }


def write_checkpoint(
    folder: Path, config: dict[str, Any], weights: dict[str, NDArray[np.float32]], *, tokenizer: str = "{}"
) -> Path:
    """Writes a safetensors folder as transformers lays it out; returns it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "tokenizer.json").write_text(tokenizer, encoding="utf-8")
    write_safetensors(folder / "model.safetensors", weights, {"format": "pt"})
    return folder


def write_tiny_checkpoint(folder: Path, *, seed: int = 0, attention: float = 1.0) -> Path:
    """Writes a two-layer Llama as a safetensors folder with SmolLM2's tokenizer and chat form; returns it."""
    config, embedded = tiny_config(), GgufCheckpoint(embedded_gguf())
    write_checkpoint(
        folder,
        config,
        tiny_weights(config, seed=seed, attention=attention),
        tokenizer=embedded.tokenizer_json(),
    )
    (folder / "chat_template.jinja").write_text(embedded.chat_template, encoding="utf-8")
    return folder


def prepare_tiny_model(
    folder: Path, *, precision: str = "int4", seed: int = 0, attention: float = 1.0
) -> Path:
    """Writes a tiny checkpoint under a folder and prepares it there; returns the prepared folder."""
    source = write_tiny_checkpoint(folder / f"tiny-{seed}", seed=seed, attention=attention)
    return prepare(source, folder / "prepared", precision=precision)
