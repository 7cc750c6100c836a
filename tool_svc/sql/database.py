"""The variation point of the SQL tool: a database that is only read."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

from narrowgauge.errors import Cancelled, DeadlineExceeded
from narrowgauge.tools.sql.v1 import sql_pb2 as pb
from narrowgauge.v1.catalogue_pb2 import Catalogue
from tool_svc.sql.statement import Dialect, Statement

__all__ = ["Bounds", "Database", "Stop", "collect", "open_database", "too_slow"]


@dataclass(frozen=True)
class Bounds:
    """What one query may take.

    Attributes:
        rows: Rows it returns.
        bytes: Bytes of the rows' serialised form.
        seconds: Time until the answer.
    """

    rows: int
    bytes: int
    seconds: float


class Stop:
    """Says from another thread that a query's caller has left."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_set = False
        self._calls: list[Callable[[], None]] = []

    def set(self) -> None:
        """The caller has left."""
        with self._lock:
            self._is_set = True
            calls, self._calls = self._calls, []
        for call in calls:
            call()

    @property
    def is_set(self) -> bool:
        """Whether the caller has left."""
        return self._is_set

    @contextmanager
    def calling(self, call: Callable[[], None]) -> Iterator[None]:
        """Calls `call` when the caller leaves during the block, or has left before it."""
        with self._lock:
            left = self._is_set
            if not left:
                self._calls.append(call)
        if left:
            call()
        try:
            yield
        finally:
            with self._lock:
                if call in self._calls:
                    self._calls.remove(call)


class Database(Protocol):
    """A database that queries read. Methods block; they are called from several threads."""

    @property
    def dialect(self) -> Dialect:
        """What statements are written in."""

    def run(self, statement: Statement, bounds: Bounds, stop: Stop) -> pb.QueryResponse:
        """Runs a query.

        Raises:
            InvalidRequest: The database refuses the query; the message has its own words.
            Unavailable: It cannot be reached, or is locked.
            DeadlineExceeded: The query took too long and was ended.
            Cancelled: The caller left.
            DataLoss: The file is not a database, or is damaged.
        """

    def read_catalogue(self) -> Catalogue:
        """Reads what exists.

        Raises:
            Unavailable: There is none, it cannot be reached, or is locked.
            DataLoss: The file is not a database, or is damaged.
        """

    def close(self) -> None:
        """Closes all connections."""


def open_database(dsn: str) -> Database:
    """Opens the database of a DSN; the first use connects."""
    if dsn.startswith("sqlite:///"):
        from tool_svc.sql.sqlite import SqliteDatabase

        # Three slashes or four: the path is absolute either way.
        return SqliteDatabase("/" + dsn.removeprefix("sqlite://").lstrip("/"))
    from tool_svc.sql.postgres import PostgresDatabase

    return PostgresDatabase(dsn)


def collect(
    statement: Statement, names: list[str], rows: Any, bounds: Bounds, stop: Stop
) -> pb.QueryResponse:
    """Reads rows up to the bounds.

    Args:
        statement: What ran.
        names: Column names as the database gives them, for a query that selects all columns.
        rows: An iterable of tuples.
        bounds: What the answer may take.
        stop: Looked at between rows.
    """
    columns = statement.columns or _unique(names)
    response = pb.QueryResponse(statement=statement.text)
    types = [""] * len(columns)
    size = 0
    for row in rows:
        if stop.is_set:
            raise Cancelled("CALLER_LEFT", "the caller left before the query's end")
        values = [_value(value) for value in row]
        for place, (_, kind) in enumerate(values):
            types[place] = types[place] or kind
        message = pb.ResultRow(values=[value for value, _ in values])
        size += message.ByteSize()
        if len(response.rows) == bounds.rows or size > bounds.bytes:
            response.truncated = True
            break
        response.rows.append(message)
    response.row_count = len(response.rows)
    response.columns.extend(
        pb.ResultColumn(name=name, type=kind or "null") for name, kind in zip(columns, types, strict=True)
    )
    return response


def too_slow(bounds: Bounds) -> DeadlineExceeded:
    """The error of a query that was ended for its time."""
    return DeadlineExceeded(
        "QUERY_TIMEOUT",
        f"the query was ended after {bounds.seconds:.3g} s; ask for less, or raise NARROWGAUGE_SQL_TIMEOUT_S",
    )


def _unique(names: list[str]) -> tuple[str, ...]:
    seen: dict[str, int] = {}
    result = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        result.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return tuple(result)


def _value(value: Any) -> tuple[pb.ResultValue, str]:
    """Returns a value and the name of its type, which is empty for NULL."""
    match value:
        case None:
            return pb.ResultValue(), ""
        case bool():
            return pb.ResultValue(boolean=value), "boolean"
        case int() if -(2**63) <= value < 2**63:
            return pb.ResultValue(integer=value), "integer"
        case float():
            return pb.ResultValue(number=value), "number"
        case Decimal():
            return _decimal(value), "number"
        case dt.datetime():
            return pb.ResultValue(text=value.isoformat(sep=" ")), "timestamp"
        case dt.date():
            return pb.ResultValue(text=value.isoformat()), "date"
        case bytes() | bytearray() | memoryview():
            return pb.ResultValue(blob=bytes(value)), "bytes"
        case str():
            return pb.ResultValue(text=value), "text"
    return pb.ResultValue(text=str(value)), "text"


def _decimal(value: Decimal) -> pb.ResultValue:
    """A decimal as a double where that is the same number to 15 digits, or else as text."""
    number = float(value)
    if Decimal(repr(number)) == value:
        return pb.ResultValue(number=number)
    return pb.ResultValue(text=str(value))
