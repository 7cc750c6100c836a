"""Turns a checkpoint into a folder that a specialist can serve from, once for each combination of inputs.

The cache is content-addressed: the folder's name carries a hash over the checkpoint's content, the adapter's,
the precision and the writer's version. An equal wish finds the folder; a different one never gets it.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from narrowgauge.errors import DataLoss, NotFound, Unsupported
from narrowgauge.models.adapter import Adapter
from narrowgauge.models.checkpoint import Checkpoint
from narrowgauge.models.embedded import (
    EMBEDDED_INSTALL,
    EMBEDDED_LICENCE,
    EMBEDDED_NAME,
    EMBEDDED_SHA256,
    embedded_gguf,
)
from narrowgauge.models.gguf_adapter import write_gguf_adapter
from narrowgauge.models.gguf_checkpoint import GgufCheckpoint
from narrowgauge.models.precision import precision_of
from narrowgauge.models.prepared import GGUF, load_prepared, sha256_of_file, write_manifest
from narrowgauge.models.safetensors_checkpoint import SafetensorsCheckpoint
from narrowgauge.models.weights import Weights

__all__ = ["default_cache", "prepare"]

# Part of every cache key: raise it whenever the same inputs give other files.
_WRITER_VERSION = 3

Progress = Callable[[str, float], None]


def default_cache() -> Path:
    """Returns `$NARROWGAUGE_HOME/models`; the home is `~/.narrowgauge` unless the variable says otherwise."""
    home = os.environ.get("NARROWGAUGE_HOME")
    return (Path(home) if home else Path.home() / ".narrowgauge") / "models"


def prepare(
    source: Path | None,
    cache: Path,
    *,
    adapter: Path | None = None,
    precision: str = "int4",
    progress: Progress | None = None,
) -> Path:
    """Writes the graph, tokenizer and manifest of a checkpoint, unless the cache has them already.

    Args:
        source: A GGUF file, or a folder with config.json, *.safetensors and tokenizer.json; None is the
            embedded model.
        cache: Folder that holds prepared models, made when missing.
        adapter: Folder of a low-rank adapter to apply (see `narrowgauge.models.linear` for how).
        precision: A name of `narrowgauge.models.precision.PRECISIONS`; or `gguf` for llama.cpp, which takes
            the file as it is and the adapter beside it.
        progress: Called with a stage (`verify`, `write`, `check`) and the fraction of it that is done.

    Returns:
        The prepared folder, verified.

    Raises:
        NotFound: Checkpoint or adapter is missing.
        InvalidRequest: No such precision.
        DataLoss: A file is cut short or has the wrong checksum.
        FailedPrecondition: The adapter was trained for another model.
        Unsupported: A checkpoint of another form, or `gguf` was asked for and it is none.
    """
    # Here, because onnx takes 0.3 s to import and a service that only loads never needs it.
    from narrowgauge.models.graph import write_graph

    report = progress or _ignore
    stored_as = precision_of(precision) if precision != GGUF else None
    report("verify", 0.0)
    path = embedded_gguf() if source is None else source
    source_sha256 = EMBEDDED_SHA256 if source is None else _hash_source(path)
    patch = Adapter.load(adapter) if adapter is not None else None
    adapter_sha256 = patch.sha256 if patch is not None else ""
    wish = "\n".join((str(_WRITER_VERSION), source_sha256, adapter_sha256, precision))
    key = hashlib.sha256(wish.encode()).hexdigest()[:16]
    name = EMBEDDED_NAME if source is None else path.stem if path.is_file() else path.resolve().name
    folder = cache / f"{_slug(name)}-{precision}-{key}"
    if folder.exists() and _is_intact(folder):
        report("check", 1.0)
        return folder
    if source is None:
        _verify_embedded(path)
    report("verify", 1.0)
    checkpoint: Checkpoint = GgufCheckpoint(path) if path.is_file() else SafetensorsCheckpoint(path)
    cache.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=cache))
    try:
        head = None
        if stored_as is None:
            _write_gguf(checkpoint, path, patch, scratch)
        else:
            head = write_graph(
                Weights(checkpoint, patch),
                scratch / "model.onnx",
                stored_as,
                lambda fraction: report("write", fraction),
            )
        (scratch / "tokenizer.json").write_text(checkpoint.tokenizer_json(), encoding="utf-8")
        if checkpoint.chat_template:
            (scratch / "chat_template.jinja").write_text(checkpoint.chat_template, encoding="utf-8")
        facts = {
            "name": EMBEDDED_NAME if source is None else checkpoint.name,
            "licence": EMBEDDED_LICENCE if source is None else checkpoint.licence,
            "precision": precision,
            "source_sha256": source_sha256,
            "adapter_sha256": adapter_sha256,
        }
        report("check", 0.0)
        write_manifest(scratch, facts, checkpoint.config, head)
        scratch.chmod(0o755)  # mkdtemp's 0700 would hide a shared cache from a service's own user
        _publish(scratch, folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    report("check", 1.0)
    return folder


def _write_gguf(checkpoint: Checkpoint, path: Path, adapter: Adapter | None, folder: Path) -> None:
    if not isinstance(checkpoint, GgufCheckpoint):
        raise Unsupported(
            "NOT_A_GGUF",
            f"{path} is no GGUF file, and llama.cpp reads no other: convert it with llama.cpp's "
            "convert_hf_to_gguf.py, or choose another precision for onnxruntime",
        )
    try:
        os.link(path, folder / "model.gguf")  # no second copy, where the two are on one file system
    except OSError:
        shutil.copyfile(path, folder / "model.gguf")
    if adapter is not None:
        write_gguf_adapter(adapter, checkpoint, folder / "adapter.gguf")


def _is_intact(folder: Path) -> bool:
    try:
        load_prepared(folder)
    except (DataLoss, NotFound, Unsupported):
        return False
    return True


def _publish(scratch: Path, folder: Path) -> None:
    """Moves a finished folder to its place in one step: the first writer wins, damage is replaced."""
    if folder.exists() and not _is_intact(folder):
        damaged = scratch.with_name(scratch.name + ".damaged")
        folder.rename(damaged)
        shutil.rmtree(damaged)
    try:
        scratch.rename(folder)
    except OSError:
        if not (folder.exists() and _is_intact(folder)):
            raise


def _verify_embedded(path: Path) -> None:
    actual = sha256_of_file(path)
    if actual != EMBEDDED_SHA256:
        raise DataLoss(
            "MODEL_CHECKSUM",
            f"{path} is damaged: expected SHA-256 {EMBEDDED_SHA256}, found {actual} "
            f"({path.stat().st_size:,} bytes). Run: {EMBEDDED_INSTALL} --force-reinstall",
            metadata={"file": str(path), "expected": EMBEDDED_SHA256, "actual": actual},
        )


def _hash_source(path: Path) -> str:
    """Hashes a GGUF file, or all files of a folder that can change what is written."""
    if path.is_file():
        return sha256_of_file(path)
    if not path.is_dir():
        raise NotFound("MODEL_FILE_MISSING", f"No model file or folder at {path}.")
    digest = hashlib.sha256()
    for file in sorted(path.iterdir()):
        if file.suffix in (".json", ".safetensors", ".jinja") and file.is_file():
            digest.update(f"{sha256_of_file(file)}  {file.name}\n".encode())
    return digest.hexdigest()


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9.]+", "-", name.lower()).strip("-.") or "model"


def _ignore(stage: str, fraction: float) -> None:
    """Stands in where nobody wants progress."""
