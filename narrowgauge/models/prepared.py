"""The folder that `prepare` wrote: its manifest, and loading it with every byte checked.

```
<cache>/smollm2-135m-instruct-int4-<16 hex digits>/
  manifest.json       name, licence, origin, config, size and SHA-256 of each file
  model.onnx          the graph; see `narrowgauge.models.graph` for its inputs and outputs
  model.onnx.data     its weights, mapped by onnxruntime
  tokenizer.json      for the `tokenizers` library
  chat_template.jinja the checkpoint's own chat form, where it has one
```

A folder in the precision `gguf`, for llama.cpp, has `model.gguf` and, with an adapter, `adapter.gguf` in the
place of the graph and its weights.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from narrowgauge.errors import DataLoss, NotFound, Unsupported
from narrowgauge.models.model_config import ModelConfig
from narrowgauge.models.token_table import TableLayout

__all__ = ["GGUF", "MANIFEST", "PreparedModel", "load_prepared", "sha256_of_file", "write_manifest"]

MANIFEST = "manifest.json"
GGUF = "gguf"
"""The precision of a folder that holds the checkpoint's own GGUF file, for llama.cpp."""
# Raised when a graph of an older writer could no longer be run by the engine.
_FORMAT = 2


@dataclass(frozen=True)
class PreparedModel:
    """A prepared model whose files were all verified.

    Attributes:
        path: The folder.
        hash: SHA-256 hex over the names and contents of all files: what router and specialist compare.
        name: The model's name, for people.
        licence: SPDX name of the weights' licence, empty when the checkpoint states none.
        precision: A name of `narrowgauge.models.precision.PRECISIONS`, or `GGUF`.
        source_sha256: Hash of the checkpoint that it was made from.
        adapter_sha256: Hash of the adapter merged into it, empty without one.
        config: Shape of the network, special tokens, chat form.
        head: Where the head's matrix is in `weights_path`; None in the precision `GGUF`.
    """

    path: Path
    hash: str
    name: str
    licence: str
    precision: str
    source_sha256: str
    adapter_sha256: str
    config: ModelConfig
    head: TableLayout | None

    @property
    def model_path(self) -> Path:
        """The ONNX graph."""
        return self.path / "model.onnx"

    @property
    def weights_path(self) -> Path:
        """The graph's weights."""
        return self.path / "model.onnx.data"

    @property
    def gguf_path(self) -> Path:
        """The GGUF file; there in the precision `GGUF` only."""
        return self.path / "model.gguf"

    @property
    def gguf_adapter_path(self) -> Path:
        """The adapter for the GGUF file; there when `adapter_sha256` is not empty."""
        return self.path / "adapter.gguf"

    @property
    def tokenizer_path(self) -> Path:
        """The tokenizer, as the `tokenizers` library reads it."""
        return self.path / "tokenizer.json"


def load_prepared(path: Path) -> PreparedModel:
    """Opens a prepared folder and compares every file with the manifest.

    Raises:
        NotFound: There is no prepared model here.
        DataLoss: A file is missing, cut short or changed, or the manifest cannot be read.
        Unsupported: The folder was written in another format.
    """
    manifest_path = path / MANIFEST
    if not manifest_path.is_file():
        raise NotFound(
            "MODEL_NOT_PREPARED",
            f"No prepared model in {path} ({MANIFEST} is missing). Run: narrowgauge prepare",
        )
    try:
        manifest = json.loads(manifest_path.read_bytes())
        found = manifest["format"]
        if found != _FORMAT:
            raise Unsupported(
                "MODEL_FORMAT",
                f"{path} has format {found}, this build reads {_FORMAT}. Run: narrowgauge prepare",
            )
        model = PreparedModel(
            path=path,
            hash=_content_hash(manifest["files"]),
            name=manifest["name"],
            licence=manifest["licence"],
            precision=manifest["precision"],
            source_sha256=manifest["source_sha256"],
            adapter_sha256=manifest["adapter_sha256"],
            config=ModelConfig.from_json(manifest["config"]),
            head=TableLayout.from_json(manifest["head"]) if manifest["head"] is not None else None,
        )
        files = [(path / name, entry["bytes"], entry["sha256"]) for name, entry in manifest["files"].items()]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _damaged(manifest_path, "a readable manifest", f"{type(error).__name__}: {error}") from error
    for file, size, digest in files:
        _check_file(file, size, digest)
    return model


def write_manifest(
    folder: Path, facts: dict[str, Any], config: ModelConfig, head: TableLayout | None
) -> None:
    """Writes the manifest over all files that are in the folder.

    Args:
        folder: Holds the finished files, and no manifest yet.
        facts: `name`, `licence`, `precision`, `source_sha256`, `adapter_sha256`.
        config: Of the model.
        head: Of the graph; None without one.
    """
    files = {
        file.name: {"bytes": file.stat().st_size, "sha256": sha256_of_file(file)}
        for file in sorted(folder.iterdir())
    }
    manifest = {
        "format": _FORMAT,
        **facts,
        "config": config.to_json(),
        "head": head.to_json() if head is not None else None,
        "files": files,
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n")


def sha256_of_file(path: Path) -> str:
    """Returns the SHA-256 of a file's content as hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _content_hash(files: dict[str, dict[str, Any]]) -> str:
    lines = [f"{entry['sha256']}  {name}\n" for name, entry in sorted(files.items())]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _check_file(file: Path, size: int, digest: str) -> None:
    if not file.is_file():
        raise _damaged(file, f"{size:,} bytes", "no such file")
    actual_size = file.stat().st_size
    if actual_size != size:
        raise _damaged(file, f"{size:,} bytes", f"{actual_size:,} bytes")
    actual = sha256_of_file(file)
    if actual != digest:
        raise _damaged(file, f"SHA-256 {digest}", f"SHA-256 {actual}")


def _damaged(file: Path, expected: str, actual: str) -> DataLoss:
    return DataLoss(
        "MODEL_DAMAGED",
        f"{file} is damaged: expected {expected}, found {actual}. "
        "Run: narrowgauge prepare (it replaces the folder)",
        metadata={"file": str(file), "expected": expected, "actual": actual},
    )
