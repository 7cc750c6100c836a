"""A GGUF file as a checkpoint: names, rotary layout and config translated to transformers' conventions."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from narrowgauge.errors import DataLoss, Unsupported
from narrowgauge.models.checkpoint import Float32Array
from narrowgauge.models.gguf_file import GgufFile
from narrowgauge.models.gguf_tokenizer import gguf_tokenizer_json
from narrowgauge.models.model_config import ModelConfig, RopeScaling, chat_format_of

__all__ = ["GgufCheckpoint", "gguf_name", "halves_interleaved"]

_TOP = {
    "model.embed_tokens.weight": "token_embd.weight",
    "model.norm.weight": "output_norm.weight",
    "lm_head.weight": "output.weight",
}
_BLOCK = {
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
_LAYER = re.compile(r"model\.layers\.(\d+)\.(.+)\.(weight|bias)")


class GgufCheckpoint:
    """Implements `Checkpoint` over one GGUF file of the architectures `llama` and `qwen2`."""

    def __init__(self, path: Path) -> None:
        """Opens the file.

        Raises:
            NotFound, DataLoss, Unsupported: As `GgufFile`, or an architecture of another form.
        """
        self._file = GgufFile(path)
        self.name: str = str(self._file.metadata.get("general.name", path.stem))
        self.licence: str = str(self._file.metadata.get("general.license", ""))
        self.chat_template: str = str(self._file.metadata.get("tokenizer.chat_template", ""))
        self.config = self._config()

    def has(self, name: str) -> bool:
        """Tells whether the file holds this tensor."""
        try:
            return gguf_name(name) in self._file.tensors
        except KeyError:
            return False

    def shape(self, name: str) -> tuple[int, ...]:
        """Returns a tensor's shape; see `Checkpoint.shape`."""
        return self._file.place(gguf_name(name)).shape

    def tensor(self, name: str) -> Float32Array:
        """Reads one tensor; see `Checkpoint.tensor`."""
        value = self._file.tensor(gguf_name(name))
        # llama.cpp's converter interleaves the two rotary halves of Q and K for the llama architecture only.
        if self.config.model_type == "llama":
            if ".q_proj." in name:
                return _halves_side_by_side(value, self.config.heads)
            if ".k_proj." in name:
                return _halves_side_by_side(value, self.config.kv_heads)
        return value

    def tokenizer_json(self) -> str:
        """Converts the tokenizer; see `Checkpoint.tokenizer_json`."""
        return gguf_tokenizer_json(self._file.metadata)

    def _config(self) -> ModelConfig:
        metadata, path = self._file.metadata, self._file.path
        architecture = metadata.get("general.architecture", "")
        if architecture not in ("llama", "qwen2"):
            raise Unsupported(
                "MODEL_ARCHITECTURE",
                f"{path} has the architecture {architecture!r}; 'llama' and 'qwen2' can be prepared.",
            )

        def need(key: str) -> Any:
            try:
                return metadata[f"{architecture}.{key}"]
            except KeyError as error:
                raise DataLoss("MODEL_CONFIG_INCOMPLETE", f"{path} has no {error.args[0]}.") from error

        def maybe(key: str, default: Any) -> Any:
            return metadata.get(f"{architecture}.{key}", default)

        if maybe("expert_count", 0):
            raise Unsupported(
                "MODEL_ARCHITECTURE", f"{path} is a mixture of experts, which cannot be prepared."
            )
        heads, hidden = need("attention.head_count"), need("embedding_length")
        head_dim = maybe("attention.key_length", hidden // heads)
        if maybe("rope.dimension_count", head_dim) != head_dim:
            raise Unsupported(
                "MODEL_ROPE", f"{path} rotates a part of each head only, which cannot be prepared."
            )
        eos = (metadata.get("tokenizer.ggml.eos_token_id"), metadata.get("tokenizer.ggml.eot_token_id"))
        return ModelConfig(
            model_type=architecture,
            layers=need("block_count"),
            hidden=hidden,
            intermediate=need("feed_forward_length"),
            heads=heads,
            kv_heads=maybe("attention.head_count_kv", heads),
            head_dim=head_dim,
            vocab_size=self._file.tensors["token_embd.weight"].shape[0],
            max_positions=need("context_length"),
            rms_norm_eps=need("attention.layer_norm_rms_epsilon"),
            rope_theta=maybe("rope.freq_base", 10_000.0),
            rope_scaling=self._rope_scaling(
                maybe("rope.scaling.type", "none"), maybe("rope.scaling.factor", 1.0)
            ),
            tied_embeddings="output.weight" not in self._file.tensors,
            bos_token_id=metadata.get("tokenizer.ggml.bos_token_id"),
            add_bos=bool(metadata.get("tokenizer.ggml.add_bos_token", False)),
            eos_token_ids=tuple(sorted({token for token in eos if token is not None})),
            chat_format=chat_format_of(self.chat_template),
        )

    def _rope_scaling(self, kind: str, factor: float) -> RopeScaling | None:
        if "rope_freqs.weight" in self._file.tensors:
            return RopeScaling("factors", factors=tuple(self._file.tensor("rope_freqs.weight").tolist()))
        if kind == "linear":
            return RopeScaling("linear", factor=factor)
        if kind != "none":
            raise Unsupported(
                "MODEL_ROPE", f"{self._file.path} has the rotary scaling {kind!r}; 'linear' can be read."
            )
        return None


def gguf_name(name: str) -> str:
    """Returns what a GGUF file calls a tensor.

    Raises:
        KeyError: It has no name for it.
    """
    if name in _TOP:
        return _TOP[name]
    match = _LAYER.fullmatch(name)
    if match is None or match[2] not in _BLOCK:
        raise KeyError(name)
    return f"blk.{match[1]}.{_BLOCK[match[2]]}.{match[3]}"


def halves_interleaved(value: Float32Array, heads: int) -> Float32Array:
    """Returns rows of Q or K [heads * head_dim, …] in the rotary order of llama.cpp's `llama` files."""
    rows, rest = value.shape[0], value.shape[1:]
    half = rows // heads // 2
    return value.reshape(heads, 2, half, *rest).swapaxes(1, 2).reshape(rows, *rest)


def _halves_side_by_side(value: Float32Array, heads: int) -> Float32Array:
    rows, rest = value.shape[0], value.shape[1:]
    half = rows // heads // 2
    return value.reshape(heads, half, 2, *rest).swapaxes(1, 2).reshape(rows, *rest)
