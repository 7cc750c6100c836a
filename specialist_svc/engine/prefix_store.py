"""Shared prefixes on disk: what one process read of a prompt that all requests share, the next one loads.

A file's name has the segment's key and the identity of what computed it: model, backend, library version and
processor. Kernels round differently on processors with other instructions, so a file that came with an image
from another machine is not used and the prefix is read again; bytes of calls never depend on the store.

    <identity>-<key>.kv     one line of JSON {"sha256", "shape"}, then float32 values
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import platform
import tempfile
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = ["PrefixStore", "processor_identity"]

_log = logging.getLogger(__name__)

_SUFFIX = ".kv"
_MOST_FILES = 32
"""Files kept; a specialist has one or two, and each change of its instruction makes a new one."""


def processor_identity() -> str:
    """Returns a short hash of the processor's kind and instructions."""
    told = platform.machine()
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith(("flags", "Features")):
                told += " ".join(sorted(line.partition(":")[2].split()))
                break
    except OSError:
        told += platform.processor()
    return hashlib.sha256(told.encode()).hexdigest()[:16]


class PrefixStore:
    """Keys and values of prompt segments, in files. Several processes may use one folder."""

    def __init__(self, folder: Path, identity: str) -> None:
        """Names a folder, which need not exist.

        Args:
            folder: Where the files are.
            identity: Of everything that the values depend on beside the tokens.
        """
        self._folder = folder
        self._identity = hashlib.sha256(identity.encode()).hexdigest()[:16]

    def load(self, key: bytes) -> NDArray[np.float32] | None:
        """Returns what is stored for a segment; None for nothing.

        A damaged file counts as nothing, with a warning in the log: its content can be had again.
        """
        path = self._path(key)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as exc:
            _log.warning("cannot read the stored prefix %s: %s", path, exc.strerror)
            return None
        # Marked as used. A folder that can only be read, such as an image's, is a fine place as well.
        with suppress(OSError):
            os.utime(path)
        head, _, body = data.partition(b"\n")
        try:
            told = json.loads(head)
            if told["sha256"] != hashlib.sha256(body).hexdigest():
                raise ValueError("its content has another hash")
            return np.frombuffer(body, np.float32).reshape(told["shape"])
        except (ValueError, KeyError, TypeError) as exc:
            _log.warning("the stored prefix %s is damaged and is written anew: %s", path, exc)
            return None

    def save(self, key: bytes, values: NDArray[np.float32]) -> bool:
        """Stores a segment and drops the files that were not used for longest.

        Returns:
            Whether it is stored; a folder that cannot be written is told in the log and costs the next
            process one more reading.
        """
        body = np.ascontiguousarray(values, np.float32).tobytes()
        head = json.dumps({"sha256": hashlib.sha256(body).hexdigest(), "shape": list(values.shape)})
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self._folder, delete=False) as part:
                part.write(head.encode() + b"\n" + body)
            Path(part.name).replace(self._path(key))
        except OSError as exc:
            _log.info("the shared prefix is not kept: cannot write %s: %s", self._folder, exc.strerror)
            return False
        self._drop_oldest()
        return True

    def _path(self, key: bytes) -> Path:
        return self._folder / f"{self._identity}-{key.hex()}{_SUFFIX}"

    def _drop_oldest(self) -> None:
        used: list[tuple[float, Path]] = []
        for path in self._folder.glob(f"*{_SUFFIX}"):
            try:
                used.append((path.stat().st_mtime, path))
            except FileNotFoundError:  # another process dropped it
                continue
        for _, path in sorted(used)[:-_MOST_FILES]:
            path.unlink(missing_ok=True)
