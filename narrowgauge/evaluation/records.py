"""Evaluation files: JSON Lines, plain or compressed with xz or gzip."""

from __future__ import annotations

import gzip
import hashlib
import json
import lzma
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from narrowgauge.errors import InvalidRequest, NotFound

__all__ = ["Record", "data_sha256", "read_records"]

Record = dict[str, Any]


def read_records(path: Path, *, limit: int = 0) -> list[Record]:
    """Reads a file of one JSON object a line.

    Args:
        path: `.jsonl`, `.jsonl.xz` or `.jsonl.gz`.
        limit: Rows at most; 0 for all.

    Returns:
        The objects; one without an `id` gets its line number, from 1.

    Raises:
        NotFound: The file does not exist.
        InvalidRequest: A line is not a JSON object; names the line.
    """
    if not path.is_file():
        raise NotFound("NO_DATA_FILE", f"{path} does not exist; name a JSON Lines file with --data")
    records: list[Record] = []
    with _open(path) as lines:
        for number, line in _numbered(lines):
            try:
                record = json.loads(line)
            except ValueError as error:
                raise InvalidRequest("BAD_DATA_FILE", f"{path}, line {number}: {error}") from error
            if not isinstance(record, dict):
                raise InvalidRequest("BAD_DATA_FILE", f"{path}, line {number}: not a JSON object")
            record.setdefault("id", str(number))
            records.append(record)
            if limit and len(records) >= limit:
                break
    return records


def data_sha256(path: Path) -> str:
    """Returns the SHA-256 of the file as it lies there, in lower-case hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _open(path: Path) -> IO[str]:
    if path.suffix == ".xz":
        return lzma.open(path, "rt", encoding="utf-8")
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8")
    return path.open(encoding="utf-8")


def _numbered(lines: IO[str]) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield number, line
