"""PostgreSQL through psycopg: every connection is read-only and has a statement timeout."""

from __future__ import annotations

import re
import threading
from contextlib import AbstractContextManager

import psycopg
from psycopg import errors as pg_errors
from psycopg_pool import ConnectionPool, PoolTimeout

from narrowgauge.errors import Cancelled, InvalidRequest, NarrowgaugeError, NotAllowed, Unavailable
from narrowgauge.tools.sql.v1 import sql_pb2 as pb
from narrowgauge.v1.catalogue_pb2 import Catalogue
from tool_svc.sql.database import Bounds, Stop, collect, too_slow
from tool_svc.sql.postgres_catalogue import catalogue_of_postgres
from tool_svc.sql.statement import Dialect, Statement

__all__ = ["PostgresDatabase"]

_CONNECT_S = 5.0
_BATCH_ROWS = 256
_NO_DATABASE = re.compile(r'FATAL: +database ".*" does not exist')


class PostgresDatabase:
    """A PostgreSQL database, through a pool of connections."""

    def __init__(self, dsn: str, *, connections: int = 8) -> None:
        self._dsn = dsn
        self._pool = ConnectionPool(
            dsn,
            min_size=0,
            max_size=connections,
            timeout=_CONNECT_S,
            open=False,
            # One failed attempt is an answer; the caller decides whether to try again.
            reconnect_timeout=_CONNECT_S,
            kwargs={
                "autocommit": True,
                "connect_timeout": int(_CONNECT_S),
                "application_name": "narrowgauge",
                "options": "-c default_transaction_read_only=on -c standard_conforming_strings=on",
            },
        )
        self._opening = threading.Lock()

    @property
    def dialect(self) -> Dialect:
        """`postgres`."""
        return "postgres"

    def run(self, statement: Statement, bounds: Bounds, stop: Stop) -> pb.QueryResponse:
        """See `Database.run`."""
        try:
            with self._connected() as connection, connection.transaction(), stop.calling(connection.cancel):
                connection.execute("SET TRANSACTION READ ONLY")
                milliseconds = str(max(1, int(bounds.seconds * 1000)))
                connection.execute("SELECT set_config('statement_timeout', %s, true)", (milliseconds,))
                # A server-side cursor: a huge result is read in batches and never as a whole.
                with connection.cursor(name="narrowgauge") as cursor:
                    cursor.itersize = _BATCH_ROWS
                    cursor.execute(_escaped(statement), statement.parameters)
                    names = [column.name for column in cursor.description or ()]
                    return collect(statement, names, cursor, bounds, stop)
        except pg_errors.QueryCanceled as error:
            if stop.is_set:
                raise Cancelled("CALLER_LEFT", "the caller left before the query's end") from error
            raise too_slow(bounds) from error
        except (psycopg.Error, PoolTimeout) as error:
            raise _error_of(error) from error

    def read_catalogue(self) -> Catalogue:
        """See `Database.read_catalogue`."""
        try:
            with self._connected() as connection:
                return catalogue_of_postgres(connection)
        except (psycopg.Error, PoolTimeout) as error:
            raise _error_of(error) from error

    def close(self) -> None:
        """Closes the pool."""
        self._pool.close()

    def _connected(self) -> AbstractContextManager[psycopg.Connection]:
        with self._opening:
            if self._pool.closed:
                # A pool tries again and then only says that it took too long; a connection says why.
                psycopg.connect(self._dsn, connect_timeout=int(_CONNECT_S)).close()
                self._pool.open()
        return self._pool.connection()


def _escaped(statement: Statement) -> bytes:
    """The statement for psycopg, which reads `%s`; sqlglot has written those, and a name may hold a `%`."""
    parts = statement.text.split("%s")
    return "%s".join(part.replace("%", "%%") for part in parts).encode()


def _error_of(error: psycopg.Error | PoolTimeout) -> NarrowgaugeError:
    text = str(error).strip().partition("\n")[0]
    state = getattr(error, "sqlstate", None) or ""
    # While connecting there is no SQLSTATE yet.
    if state == "3D000" or (not state and _NO_DATABASE.search(text)):
        return Unavailable("NO_DATABASE", f"there is no such database: {text}")
    if state[:2] in ("22", "42") and state != "42501":
        return InvalidRequest("QUERY_REFUSED", text, metadata={"sqlstate": state})
    if state == "42501":
        return NotAllowed("QUERY_NOT_ALLOWED", text, metadata={"sqlstate": state})
    if state in ("55P03", "40P01"):
        return Unavailable("DATABASE_LOCKED", f"the database is locked: {text}")
    # The text of a failed connection names host and user, and never the password.
    return Unavailable("DATABASE_UNREACHABLE", f"the database cannot be reached: {text}")
