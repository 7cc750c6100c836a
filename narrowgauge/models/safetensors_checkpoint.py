"""A transformers folder (config.json, *.safetensors, tokenizer.json) as a checkpoint."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from narrowgauge.errors import DataLoss, NotFound, Unsupported
from narrowgauge.models.checkpoint import Float32Array
from narrowgauge.models.model_config import ModelConfig, RopeScaling, chat_format_of
from narrowgauge.models.safetensors_file import SafetensorsFile

__all__ = ["SafetensorsCheckpoint"]

_FAMILIES = ("llama", "qwen2")


class SafetensorsCheckpoint:
    """Implements `Checkpoint` over a folder of the model types `llama` (SmolLM too) and `qwen2`."""

    def __init__(self, folder: Path) -> None:
        """Opens the folder.

        Raises:
            NotFound: A file is missing.
            DataLoss: A file is damaged, or config.json lacks a key.
            Unsupported: A model of another form; the message names what is missing.
        """
        self._folder = folder
        raw = self._json("config.json")
        self._files = [SafetensorsFile(path) for path in sorted(folder.glob("*.safetensors"))]
        if not self._files:
            raise NotFound("MODEL_FILE_MISSING", f"{folder} has no *.safetensors file.")
        self._places = {name: file for file in self._files for name in file.names()}
        self._check_shards()
        self.name: str = str(raw.get("_name_or_path") or folder.resolve().name)
        self.licence = ""
        self.chat_template = self._chat_template()
        self.config = self._config(raw)

    def has(self, name: str) -> bool:
        """Tells whether a file holds this tensor."""
        return name in self._places

    def shape(self, name: str) -> tuple[int, ...]:
        """Returns a tensor's shape; see `Checkpoint.shape`."""
        return self._file_of(name).raw(name).shape

    def tensor(self, name: str) -> Float32Array:
        """Reads one tensor; see `Checkpoint.tensor`."""
        return self._file_of(name).tensor(name)

    def _file_of(self, name: str) -> SafetensorsFile:
        if name not in self._places:
            raise DataLoss("MODEL_TENSOR_MISSING", f"{self._folder} has no tensor {name!r}.")
        return self._places[name]

    def tokenizer_json(self) -> str:
        """Reads tokenizer.json; see `Checkpoint.tokenizer_json`."""
        return self._path("tokenizer.json").read_text(encoding="utf-8")

    def _path(self, name: str) -> Path:
        path = self._folder / name
        if not path.is_file():
            raise NotFound("MODEL_FILE_MISSING", f"{self._folder} has no {name}.")
        return path

    def _json(self, name: str) -> dict[str, Any]:
        path = self._path(name)
        try:
            value: dict[str, Any] = json.loads(path.read_bytes())
        except ValueError as error:
            raise DataLoss("MODEL_CONFIG_DAMAGED", f"{path} is not JSON: {error}.") from error
        return value

    def _optional_json(self, name: str) -> dict[str, Any]:
        return self._json(name) if (self._folder / name).is_file() else {}

    def _check_shards(self) -> None:
        wanted = self._optional_json("model.safetensors.index.json").get("weight_map", {})
        missing = sorted({shard for shard in wanted.values() if not (self._folder / shard).is_file()})
        if missing:
            raise DataLoss(
                "MODEL_FILE_MISSING",
                f"{self._folder} lacks the shards {', '.join(missing)} that its index names.",
            )

    def _chat_template(self) -> str:
        path = self._folder / "chat_template.jinja"
        if path.is_file():
            return path.read_text(encoding="utf-8")
        template = self._optional_json("tokenizer_config.json").get("chat_template", "")
        if isinstance(template, list):  # several named ones
            template = next((entry["template"] for entry in template if entry.get("name") == "default"), "")
        return str(template or "")

    def _config(self, raw: dict[str, Any]) -> ModelConfig:
        where = self._folder / "config.json"
        family = raw.get("model_type", "")
        if family not in _FAMILIES:
            raise Unsupported(
                "MODEL_ARCHITECTURE",
                f"{where} has the model type {family!r}; {' and '.join(_FAMILIES)} can be prepared.",
            )
        wishes = {
            "hidden_act": raw.get("hidden_act", "silu") == "silu",
            "mlp_bias": not raw.get("mlp_bias", False),
            "use_sliding_window": not raw.get("use_sliding_window", False),
            "quantization_config": not raw.get("quantization_config"),
        }
        refused = [f"{key}={raw.get(key)!r}" for key, fine in wishes.items() if not fine]
        if refused:
            raise Unsupported(
                "MODEL_ARCHITECTURE", f"{where} asks for {', '.join(refused)}, which cannot be prepared."
            )
        rope = {**raw, **(raw.get("rope_scaling") or {}), **(raw.get("rope_parameters") or {})}
        if float(rope.get("partial_rotary_factor", 1.0)) != 1.0:
            raise Unsupported(
                "MODEL_ROPE", f"{where} rotates a part of each head only, which cannot be prepared."
            )
        generation = self._optional_json("generation_config.json")
        eos = generation.get("eos_token_id", raw.get("eos_token_id"))
        eos_ids = eos if isinstance(eos, list) else [] if eos is None else [eos]
        try:
            heads, hidden = int(raw["num_attention_heads"]), int(raw["hidden_size"])
            return ModelConfig(
                model_type=family,
                layers=int(raw["num_hidden_layers"]),
                hidden=hidden,
                intermediate=int(raw["intermediate_size"]),
                heads=heads,
                kv_heads=int(raw.get("num_key_value_heads") or heads),
                head_dim=int(raw.get("head_dim") or hidden // heads),
                vocab_size=int(raw["vocab_size"]),
                max_positions=int(raw["max_position_embeddings"]),
                rms_norm_eps=float(raw["rms_norm_eps"]),
                rope_theta=float(rope.get("rope_theta", 10_000.0)),
                rope_scaling=_rope_scaling(rope, where),
                tied_embeddings=not self.has("lm_head.weight"),
                bos_token_id=raw.get("bos_token_id"),
                add_bos=bool(self._optional_json("tokenizer_config.json").get("add_bos_token", False)),
                eos_token_ids=tuple(sorted(int(token) for token in eos_ids)),
                chat_format=chat_format_of(self.chat_template),
            )
        except KeyError as error:
            raise DataLoss("MODEL_CONFIG_INCOMPLETE", f"{where} has no {error.args[0]}.") from error


def _rope_scaling(rope: dict[str, Any], where: Path) -> RopeScaling | None:
    kind = str(rope.get("rope_type") or rope.get("type") or "default")
    if kind == "default":
        return None
    if kind == "linear":
        return RopeScaling("linear", factor=float(rope["factor"]))
    if kind == "llama3":
        return RopeScaling(
            "llama3",
            factor=float(rope["factor"]),
            low_freq_factor=float(rope["low_freq_factor"]),
            high_freq_factor=float(rope["high_freq_factor"]),
            original_max_positions=int(rope["original_max_position_embeddings"]),
        )
    raise Unsupported(
        "MODEL_ROPE", f"{where} has the rotary scaling {kind!r}; linear and llama3 can be prepared."
    )
