"""What the runtime and the graph writer must know about a decoder."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

__all__ = ["ModelConfig", "RopeScaling"]


@dataclass(frozen=True)
class RopeScaling:
    """How rotary frequencies are stretched beyond the length that the model was trained with first.

    Attributes:
        kind: `linear` divides every frequency by `factor`; `llama3` divides low frequencies only, as in
            https://github.com/meta-llama/llama-models (`apply_scaling`); `factors` divides each by its own.
        factor: Divisor of the scaled frequencies.
        low_freq_factor: llama3: waves longer than `original_max_positions / low_freq_factor` are scaled.
        high_freq_factor: llama3: waves shorter than `original_max_positions / high_freq_factor` are kept.
        original_max_positions: llama3: length in tokens before stretching.
        factors: `factors`: a divisor for each of the `head_dim / 2` frequencies (GGUF's `rope_freqs.weight`).
    """

    kind: str
    factor: float = 1.0
    low_freq_factor: float = 1.0
    high_freq_factor: float = 1.0
    original_max_positions: int = 0
    factors: tuple[float, ...] = ()


@dataclass(frozen=True)
class ModelConfig:
    """A Llama-family decoder: pre-norm, rotary positions, grouped-query attention, gated SiLU feed-forward.

    Attributes:
        model_type: `llama` or `qwen2`: the family whose tensor names and biases the checkpoint has.
        layers: Decoder layers.
        hidden: Width of the residual stream.
        intermediate: Width of the feed-forward layer.
        heads: Query heads.
        kv_heads: Key and value heads.
        head_dim: Width of one head.
        vocab_size: Rows of the embedding, and width of the logits: can exceed the tokenizer's size.
        max_positions: Longest sequence in tokens that the prepared graph has rotary tables for.
        rms_norm_eps: Added to the mean square before the root.
        rope_theta: Base of the rotary frequencies.
        rope_scaling: How the rotary frequencies are stretched, or None.
        tied_embeddings: Whether the embedding is the head as well.
        bos_token_id: Begin-of-sequence token, or None where the family has none.
        add_bos: Whether a prompt begins with `bos_token_id`.
        eos_token_ids: Tokens that end a turn or a text.
        chat_format: `chatml`, `llama3`, or empty for a model without a known chat form.
    """

    model_type: str
    layers: int
    hidden: int
    intermediate: int
    heads: int
    kv_heads: int
    head_dim: int
    vocab_size: int
    max_positions: int
    rms_norm_eps: float
    rope_theta: float
    rope_scaling: RopeScaling | None
    tied_embeddings: bool
    bos_token_id: int | None
    add_bos: bool
    eos_token_ids: tuple[int, ...]
    chat_format: str

    def to_json(self) -> dict[str, Any]:
        """Returns a JSON-ready form that `from_json` reads."""
        return dataclasses.asdict(self)

    @staticmethod
    def from_json(data: dict[str, Any]) -> ModelConfig:
        """Reads what `to_json` wrote.

        Raises:
            TypeError: A field is missing or unknown.
        """
        scaling = data.get("rope_scaling")
        if scaling is not None:
            scaling = RopeScaling(**{**scaling, "factors": tuple(scaling["factors"])})
        return ModelConfig(
            **{**data, "rope_scaling": scaling, "eos_token_ids": tuple(data["eos_token_ids"])},
        )


def chat_format_of(template: str) -> str:
    """Names the chat form that a checkpoint's Jinja template writes, empty when it is none of ours."""
    if "<|im_start|>" in template:
        return "chatml"
    if "<|start_header_id|>" in template:
        return "llama3"
    return ""
