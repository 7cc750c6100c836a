"""SQLite, opened read-only in four ways: the file's mode, `query_only`, an authorizer, and no extensions."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from narrowgauge.contracts.sqlite_catalogue import catalogue_of_sqlite
from narrowgauge.errors import Cancelled, DataLoss, InvalidRequest, NarrowgaugeError, Unavailable
from narrowgauge.tools.sql.v1 import sql_pb2 as pb
from narrowgauge.v1.catalogue_pb2 import Catalogue
from tool_svc.sql.database import Bounds, Stop, collect, too_slow
from tool_svc.sql.statement import Dialect, Statement

__all__ = ["SqliteDatabase"]

_BUSY_S = 0.5
# Virtual machine steps between two looks at the clock: under a millisecond.
_STEPS = 10_000
_ALLOWED_ACTIONS = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_RECURSIVE}
_ALLOWED_FUNCTIONS = {
    *("abs", "avg", "count", "date", "julianday", "length", "like", "lower", "max", "min", "nullif"),
    *("round", "strftime", "sum", "total", "upper"),
}


class SqliteDatabase:
    """A SQLite file."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)

    @property
    def dialect(self) -> Dialect:
        """`sqlite`."""
        return "sqlite"

    def run(self, statement: Statement, bounds: Bounds, stop: Stop) -> pb.QueryResponse:
        """See `Database.run`."""
        ends = time.monotonic() + bounds.seconds
        with self._connection() as connection:
            connection.set_progress_handler(lambda: stop.is_set or time.monotonic() > ends, _STEPS)
            connection.set_authorizer(_authorize)
            try:
                cursor = connection.execute(statement.text, statement.parameters)
                names = [column[0] for column in cursor.description]
                return collect(statement, names, cursor, bounds, stop)
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
                    raise
                if stop.is_set:
                    raise Cancelled("CALLER_LEFT", "the caller left before the query's end") from error
                raise too_slow(bounds) from error

    def read_catalogue(self) -> Catalogue:
        """See `Database.read_catalogue`."""
        with self._connection() as connection:
            return catalogue_of_sqlite(connection)

    def close(self) -> None:
        """Connections live as long as a query."""

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        """Opens the file for one use; opening costs 0.1 ms, and a file that was replaced is seen at once."""
        if not self._path.is_file():
            raise Unavailable(  # not NOT_FOUND, which a specialist would try to repair with another call
                "NO_DATABASE", f"there is no database file {self._path.name}; set NARROWGAUGE_SQL_DSN"
            )
        try:
            connection = sqlite3.connect(
                f"file:{quote(str(self._path))}?mode=ro", uri=True, timeout=_BUSY_S, check_same_thread=False
            )
        except sqlite3.Error as error:
            raise _error_of(error) from error
        try:
            connection.execute("PRAGMA query_only = ON")
            connection.execute("PRAGMA trusted_schema = OFF")
            yield connection
        except sqlite3.Error as error:
            raise _error_of(error) from error
        finally:
            connection.close()


def _authorize(
    action: int, first: str | None, second: str | None, database: str | None, by: str | None
) -> int:
    if action in _ALLOWED_ACTIONS:
        return sqlite3.SQLITE_OK
    if action == sqlite3.SQLITE_FUNCTION and second is not None and second.lower() in _ALLOWED_FUNCTIONS:
        return sqlite3.SQLITE_OK
    return sqlite3.SQLITE_DENY


def _error_of(error: sqlite3.Error) -> NarrowgaugeError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the primary code, without its extension
    text = str(error)
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return Unavailable("DATABASE_LOCKED", f"the database is locked by another process: {text}")
    if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
        return DataLoss(
            "DATABASE_DAMAGED",
            f"the file is not a database, or is damaged: {text}; restore it, or set NARROWGAUGE_SQL_DSN",
        )
    if code in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH):
        return Unavailable("DATABASE_UNREADABLE", f"the database cannot be read: {text}")
    return InvalidRequest("QUERY_REFUSED", text)
