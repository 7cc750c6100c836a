"""Remembers what became of each write, so that a repeated call is answered and not executed again.

A write's key is stored before the write is sent and its outcome before the caller hears of it. A key without
an outcome is a write in doubt: the process died, or Salesforce did not answer.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from narrowgauge.errors import DataLoss, FailedPrecondition, InvalidRequest

__all__ = ["Begun", "Outcomes"]

_KEEP_S = 30 * 24 * 3600.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS outcome (
  key TEXT PRIMARY KEY, fingerprint BLOB NOT NULL, response BLOB, at REAL NOT NULL
) WITHOUT ROWID
"""


@dataclass(frozen=True)
class Begun:
    """What is known of a key.

    Attributes:
        response: The first call's answer; None when there is none yet.
        in_doubt: An earlier call sent the write and never learned what became of it.
    """

    response: bytes | None
    in_doubt: bool


class Outcomes:
    """The outcomes in one SQLite file. Safe to use from several threads."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        """Opens the file, and makes it when it is missing.

        Raises:
            FailedPrecondition: `STATE_UNWRITABLE`: it cannot be made or written.
            DataLoss: `STATE_DAMAGED`: it is not a database.
        """
        self._path = path
        self._clock = clock
        self._lock = threading.Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            self._connection.execute("PRAGMA journal_mode = WAL")
            # An outcome that a power cut takes back would let a write happen twice.
            self._connection.execute("PRAGMA synchronous = FULL")
            self._connection.execute(_SCHEMA)
            self._connection.execute("DELETE FROM outcome WHERE at < ?", (clock() - _KEEP_S,))
        except sqlite3.DatabaseError as exc:
            if isinstance(exc, sqlite3.OperationalError):
                raise self._unwritable(exc) from exc
            raise DataLoss("STATE_DAMAGED", f"{path} is not a database of outcomes: {exc}") from exc
        except OSError as exc:
            raise self._unwritable(exc) from exc

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            self._connection.close()

    def begin(self, key: str, fingerprint: bytes) -> Begun:
        """Stores that a write is about to be sent, unless the key is known.

        Args:
            key: The caller's idempotency key.
            fingerprint: Digest of the method and the request.

        Raises:
            InvalidRequest: `IDEMPOTENCY_KEY_REUSED`: the key belongs to another request.
            FailedPrecondition: `STATE_UNWRITABLE`: nothing was sent.
        """
        with self._lock:
            row = self._execute("SELECT fingerprint, response FROM outcome WHERE key = ?", (key,)).fetchone()
            if row is None:
                self._execute("INSERT INTO outcome VALUES (?, ?, NULL, ?)", (key, fingerprint, self._clock()))
                return Begun(None, in_doubt=False)
        if row[0] != fingerprint:
            raise InvalidRequest(
                "IDEMPOTENCY_KEY_REUSED", "the idempotency key was used for another request before"
            )
        return Begun(row[1], in_doubt=row[1] is None)

    def finish(self, key: str, response: bytes) -> None:
        """Stores the answer of a write that happened."""
        with self._lock:
            self._execute("UPDATE outcome SET response = ? WHERE key = ?", (response, key))

    def forget(self, key: str) -> None:
        """Drops the key of a write that certainly did not happen, so that it may be tried again."""
        with self._lock:
            self._execute("DELETE FROM outcome WHERE key = ? AND response IS NULL", (key,))

    def _execute(self, sql: str, parameters: tuple[object, ...]) -> sqlite3.Cursor:
        try:
            return self._connection.execute(sql, parameters)
        except sqlite3.Error as exc:
            raise self._unwritable(exc) from exc

    def _unwritable(self, exc: Exception) -> FailedPrecondition:
        return FailedPrecondition(
            "STATE_UNWRITABLE", f"the outcomes of writes cannot be stored in {self._path}: {exc}"
        )
