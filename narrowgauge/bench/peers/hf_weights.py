"""The same weights as a folder that transformers and onnxruntime-genai's builder read, written with numpy."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

from narrowgauge.errors import Unsupported
from narrowgauge.models.checkpoint import Float32Array
from narrowgauge.models.gguf_checkpoint import GgufCheckpoint
from narrowgauge.models.model_config import ModelConfig
from narrowgauge.models.safetensors_file import write_safetensors

__all__ = ["hf_folder"]

_ARCHITECTURES = {"llama": "LlamaForCausalLM", "qwen2": "Qwen2ForCausalLM"}
_LINEAR = (
    *(f"self_attn.{name}_proj" for name in "qkvo"),
    *(f"mlp.{name}_proj" for name in ("gate", "up", "down")),
)


def hf_folder(source: Path, cache: Path) -> Path:
    """Returns a checkpoint as a transformers folder: itself when it is one, else written once to the cache.

    Raises:
        Unsupported: The checkpoint scales its rotary frequencies, which is not written here.
    """
    if source.is_dir():
        return source
    with source.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()[:16]
    target = cache / f"{source.stem}-{digest}-float32"
    if not target.exists():
        part = cache / f"{target.name}.{os.getpid()}.part"
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        _write(GgufCheckpoint(source), part)
        part.rename(target)
    return target


def _write(checkpoint: GgufCheckpoint, folder: Path) -> None:
    config = checkpoint.config
    names = ["model.embed_tokens.weight", "model.norm.weight", "lm_head.weight"]
    for layer in range(config.layers):
        prefix = f"model.layers.{layer}."
        names += [f"{prefix}{name}.weight" for name in ("input_layernorm", "post_attention_layernorm")]
        names += [f"{prefix}{name}.{part}" for name in _LINEAR for part in ("weight", "bias")]
    tensors: dict[str, Float32Array] = {
        name: checkpoint.tensor(name) for name in names if checkpoint.has(name)
    }
    write_safetensors(folder / "model.safetensors", tensors, {"format": "pt"})
    (folder / "config.json").write_text(json.dumps(_config(config), indent=1))
    (folder / "tokenizer.json").write_text(checkpoint.tokenizer_json(), encoding="utf-8")
    tokenizer = json.loads(checkpoint.tokenizer_json())
    added = {entry["id"]: entry["content"] for entry in tokenizer.get("added_tokens", [])}
    told: dict[str, Any] = {"tokenizer_class": "PreTrainedTokenizerFast"}
    for name, token in (("eos_token", config.eos_token_ids[0]), ("bos_token", config.bos_token_id)):
        if token in added:
            told[name] = added[token]
    if "eos_token" in told:
        told["pad_token"] = told["eos_token"]
    if checkpoint.chat_template:
        told["chat_template"] = checkpoint.chat_template
    (folder / "tokenizer_config.json").write_text(json.dumps(told, indent=1))


def _config(config: ModelConfig) -> dict[str, Any]:
    if config.rope_scaling is not None:
        raise Unsupported(
            "PEER_WEIGHTS",
            "the model scales its rotary frequencies, which a GGUF file does not tell transformers: name the "
            "checkpoint's own folder with --model",
        )
    return {
        "architectures": [_ARCHITECTURES[config.model_type]],
        "model_type": config.model_type,
        "hidden_size": config.hidden,
        "intermediate_size": config.intermediate,
        "num_hidden_layers": config.layers,
        "num_attention_heads": config.heads,
        "num_key_value_heads": config.kv_heads,
        "head_dim": config.head_dim,
        "vocab_size": config.vocab_size,
        "max_position_embeddings": config.max_positions,
        "rms_norm_eps": config.rms_norm_eps,
        "rope_theta": config.rope_theta,
        "rope_parameters": {"rope_type": "default", "rope_theta": config.rope_theta},
        "hidden_act": "silu",
        "tie_word_embeddings": config.tied_embeddings,
        "bos_token_id": config.bos_token_id,
        "eos_token_id": list(config.eos_token_ids),
        "dtype": "float32",
        "torch_dtype": "float32",
    }
