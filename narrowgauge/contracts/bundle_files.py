"""A bundle's folder: it appears when it is complete, and its manifest has the hash of each file."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from narrowgauge.errors import DataLoss, FailedPrecondition, NotFound

__all__ = ["MANIFEST", "appearing", "verified_files", "write_manifest"]

MANIFEST = "bundle.json"
_FORMAT = 1
_ANEW = "run `narrowgauge compile`, or copy it again"


@contextmanager
def appearing(out: Path) -> Iterator[Path]:
    """Gives a folder to write, which becomes `out` when all went well and vanishes when not."""
    scratch = None
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
        yield scratch
        for name in _files_in(scratch):
            with (scratch / name).open("rb") as file:
                os.fsync(file.fileno())
        scratch.chmod(0o755)  # mkdtemp's folders are for their owner alone
        older = None
        if out.exists():
            older = Path(tempfile.mkdtemp(prefix=f".{out.name}.old.", dir=out.parent))
            out.rename(older / out.name)
        scratch.rename(out)
        if older is not None:
            shutil.rmtree(older)
    except OSError as error:
        raise FailedPrecondition(
            "CANNOT_WRITE_BUNDLE", f"cannot write {out}: {error.strerror or error}; nothing was changed"
        ) from error
    finally:
        if scratch is not None and scratch.exists():
            shutil.rmtree(scratch, ignore_errors=True)


def write_manifest(folder: Path) -> None:
    """Writes the manifest of all files of a folder."""
    recorded = {name: _sha256(folder / name) for name in _files_in(folder)}
    manifest = {"format": _FORMAT, "hash": _hash_of(recorded), "files": recorded}
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n")


def verified_files(path: Path) -> tuple[dict[str, str], str]:
    """Checks each file of a bundle.

    Returns:
        The SHA-256 of the files by name, and the bundle's hash.

    Raises:
        NotFound: There is no bundle.
        DataLoss: A file is missing or differs from what the compiler wrote.
        FailedPrecondition: It was written by another version of the compiler.
    """
    try:
        manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
        if manifest["format"] != _FORMAT:
            raise FailedPrecondition(
                "BUNDLE_FORMAT",
                f"{path} has format {manifest['format']}, not {_FORMAT}; run `narrowgauge compile` again",
            )
        recorded = {str(name): str(value) for name, value in manifest["files"].items()}
        bundle_hash = str(manifest["hash"])
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFound("NO_BUNDLE", f"there is no bundle in {path}; run `narrowgauge compile`") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataLoss(
            "BUNDLE_DAMAGED", f"{path / MANIFEST} is damaged; run `narrowgauge compile`"
        ) from error
    for name, expected in sorted(recorded.items()):
        try:
            actual = _sha256(path / name)
        except OSError as error:
            raise DataLoss("BUNDLE_DAMAGED", f"{path / name} is missing or unreadable; {_ANEW}") from error
        if actual != expected:
            raise DataLoss("BUNDLE_DAMAGED", f"{path / name} differs from what was compiled; {_ANEW}")
    if _hash_of(recorded) != bundle_hash:
        raise DataLoss("BUNDLE_DAMAGED", f"{path / MANIFEST}: the hash is not that of its files; {_ANEW}")
    return recorded, bundle_hash


def _files_in(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def _hash_of(recorded: Mapping[str, str]) -> str:
    listing = "".join(f"{recorded[name]}  {name}\n" for name in sorted(recorded))
    return hashlib.sha256(listing.encode()).hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
