"""The demo systems behind their tools, in one process: broken calls are sent to them for their errors."""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any

import psycopg
import uvicorn
from google.protobuf.message import Message
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from narrowgauge.contracts.surfaces.sql.render import render_request
from narrowgauge.demo.organisation import build_organisation
from narrowgauge.demo.warehouse import SCHEMA, TODAY, rows_of_warehouse
from narrowgauge.errors import InvalidRequest, NarrowgaugeError
from narrowgauge.evaluation.failed_calls import failed_query
from narrowgauge.tools.sql.v1 import sql_pb2
from narrowgauge.v1.catalogue_pb2 import Catalogue
from tool_svc.salesforce.config import SalesforceConfig
from tool_svc.salesforce.connection import Connection, Deadline
from tool_svc.salesforce.describes import Describes
from tool_svc.salesforce.local_server.app import make_app
from tool_svc.salesforce.local_server.organisation import Organisation
from tool_svc.salesforce.operations import Operations
from tool_svc.sql.database import Bounds, Stop, open_database
from tool_svc.sql.statement import statement_of

__all__ = [
    "DOCUMENTED",
    "Refusal",
    "SalesforceSystem",
    "SqlSystem",
    "postgres",
    "refusal_of_query",
    "salesforce_system",
]

TOKEN = "00D-local"  # noqa: S105 - opens nothing but the server in this process
_SECONDS = 10.0
# What an organisation says that the local server has no reason to say, as Salesforce's Object Reference and
# REST API Developer Guide word it: HTTP status, errorCode, message. `{id}` is the record's.
DOCUMENTED = {
    "no_access": (
        (400, "INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id"),
        (
            400,
            "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY",
            "insufficient access rights on cross-reference id: {id}",
        ),
        (403, "API_DISABLED_FOR_ORG", "The API is not enabled for this Organization or Partner"),
        (
            403,
            "INSUFFICIENT_ACCESS",
            "You do not have the level of access necessary to perform the operation.",
        ),
    ),
    "record_locked": (
        (400, "UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record or 1 records: {id}"),
        (
            400,
            "ENTITY_IS_LOCKED",
            "The record you are attempting to edit, or one of its related records, is currently being "
            "modified by another user. Please try again.",
        ),
        (400, "ENTITY_IS_LOCKED", "This record is locked. If you need to edit it, contact your admin."),
    ),
    "limit_reached": (
        (403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."),
        (400, "STORAGE_LIMIT_EXCEEDED", "storage limit exceeded"),
        (400, "QUERY_TIMEOUT", "Your query request was running for too long."),
    ),
    "session_ended": ((401, "INVALID_SESSION_ID", "Session expired or invalid"),),
}


class SqlSystem:
    """A database behind the SQL tool.

    Args:
        dsn: Of the database.
        seconds: Time a query may take.
    """

    def __init__(self, dsn: str, *, seconds: float = _SECONDS) -> None:
        database = open_database(dsn)
        self.dialect = database.dialect
        self._dsn = dsn
        self._database = database
        self._bounds = Bounds(rows=1000, bytes=1 << 22, seconds=seconds)

    def error_of_call(self, request: sql_pb2.QueryRequest) -> NarrowgaugeError | None:
        """Runs a call; returns the tool's error, or None when it runs."""
        try:
            statement = statement_of(request.query, self.dialect, max_rows=self._bounds.rows)
            self._database.run(statement, self._bounds, Stop())
        except NarrowgaugeError as error:
            return error
        return None

    def error_of_text(self, sql: str) -> str | None:
        """Runs text that is no call; returns the database's words, or None when it runs."""
        try:
            if self.dialect == "sqlite":
                path = self._dsn.removeprefix("sqlite://")
                with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
                    connection.execute(sql).fetchall()
            else:
                with psycopg.connect(self._dsn) as server:
                    server.execute(sql.encode()).fetchall()
        except sqlite3.Error as error:
            return str(error)
        except psycopg.Error as error:
            return str(error).strip().partition("\n")[0]
        return None


@dataclass(frozen=True)
class Refusal:
    """What a database says to a query.

    Attributes:
        failed: The query, as the surface writes it where it is a call of the contract.
        error: The tool's words, or the database's own for text that is no call.
        code: The tool's reason; empty for text that is no call.
    """

    failed: str
    error: str
    code: str = ""


def refusal_of_query(sql: str, system: SqlSystem, catalogue: Catalogue) -> Refusal | None:
    """Runs a query: through the tool where the contract can say it, else as text.

    Returns:
        The refusal, or None when the query runs.
    """
    request = failed_query(sql, catalogue)
    text = sql
    if request is not None:
        try:
            text = render_request(request)
        except InvalidRequest:
            request = None
    if request is not None:
        error = system.error_of_call(request)
        return None if error is None else Refusal(text, error.message, error.reason)
    words = system.error_of_text(sql)
    return None if words is None else Refusal(sql, words)


@contextmanager
def postgres() -> Iterator[str]:
    """Starts a PostgreSQL server with the demo warehouse; yields its DSN.

    Its role `reader` may read all tables but those of people: `employees` and `support_tickets`.
    """
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
    with tempfile.TemporaryDirectory() as name, socket.socket() as probe:
        folder, data = Path(name), Path(name) / "data"
        data.mkdir()
        user: list[str] = []
        if os.geteuid() == 0:  # the server refuses to run as root
            shutil.chown(data, "nobody")
            folder.chmod(0o755)
            user = ["runuser", "-u", "nobody", "--"]
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()

        def run(*command: str | Path) -> None:
            subprocess.run([*user, *map(str, command)], cwd="/", check=True, capture_output=True)

        run(
            programs[-1] / "initdb",
            "-D",
            data,
            "-U",
            "narrowgauge",
            "--auth=trust",
            "--no-sync",
            "--no-locale",
        )
        settings = f"-p {port} -h 127.0.0.1 -c unix_socket_directories='' -c fsync=off"
        run(programs[-1] / "pg_ctl", "-D", data, "-l", data / "server.log", "-o", settings, "-w", "start")
        try:
            dsn = f"postgresql://narrowgauge@127.0.0.1:{port}/postgres"
            _load(dsn)
            yield dsn
        finally:
            run(programs[-1] / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")


def _load(dsn: str) -> None:
    with psycopg.connect(dsn) as connection:
        for statement in SCHEMA.split(";"):
            if statement.strip():
                connection.execute(statement.encode())
        # SQLite keeps truth values as numbers.
        connection.execute("ALTER TABLE products ALTER discontinued TYPE integer USING discontinued::integer")
        for table, rows in rows_of_warehouse():
            with connection.cursor().copy(f"COPY {table} FROM STDIN".encode()) as copy:
                for row in rows:
                    copy.write_row(row)
        connection.execute(
            "ALTER TABLE products ALTER discontinued TYPE boolean USING discontinued::integer::boolean"
        )
        connection.execute("CREATE ROLE reader LOGIN")
        connection.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader")
        connection.execute("REVOKE SELECT ON employees, support_tickets FROM reader")


class SalesforceSystem:
    """The demo organisation behind the Salesforce tool.

    Attributes:
        refusing: What the organisation answers to calls on records in place of executing them: HTTP status,
            errorCode and message; None to execute them.
        ids: Ids of the records by object.
        deleted: Ids of deleted records by object.
    """

    def __init__(self, operations: Operations, organisation: Path) -> None:
        self.refusing: tuple[int, str, str] | None = None
        self._operations = operations
        self._organisation = organisation
        self.ids: dict[str, list[str]] = {}
        self.deleted: dict[str, list[str]] = {}

    def error_of_call(self, method: str, request: Message) -> NarrowgaugeError | None:
        """Makes a call; returns the tool's error, or None when it was executed."""
        deadline = Deadline.after(_SECONDS)
        call: Any = request
        try:
            match method:
                case "Query":
                    self._operations.query(call, deadline)
                case "GetRecord":
                    self._operations.get(call, deadline)
                case "CreateRecord":
                    self._operations.create(call, deadline, key="", retrying=False)
                case "UpdateRecord":
                    self._operations.update(call, deadline)
                case "UpsertRecord":
                    self._operations.upsert(call, deadline)
                case "DeleteRecord":
                    self._operations.delete(call, deadline, retrying=False)
        except NarrowgaugeError as error:
            return error
        return None

    def keys(self, name: str, field: str) -> list[str]:
        """Values of an external id that records have."""
        return [row[0] for row in self.rows(f'SELECT "{field}" FROM "{name}" WHERE "{field}" > \'\'')]  # noqa: S608

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Runs SQL on the organisation's file."""
        with closing(sqlite3.connect(self._organisation)) as connection:
            return connection.execute(sql).fetchall()


@contextmanager
def salesforce_system(folder: Path) -> Iterator[SalesforceSystem]:
    """The demo organisation on a loopback port, on the demo's date, and the tool's operations on it."""
    path = folder / "organisation.db"
    build_organisation(path, today=TODAY)
    now = datetime.combine(TODAY, time(12), UTC)
    system: SalesforceSystem
    with ExitStack() as stack:
        organisation = stack.enter_context(
            closing(Organisation(path, TOKEN, page_size=2000, clock=lambda: now))
        )
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        app = make_app(organisation)

        async def refusing(scope: Scope, receive: Receive, send: Send) -> None:
            answer: ASGIApp = app
            if system.refusing is not None and not scope["path"].endswith(("describe", "sobjects")):
                status, code, message = system.refusing
                answer = JSONResponse([{"message": message, "errorCode": code, "fields": []}], status)
            await answer(scope, receive, send)

        server = uvicorn.Server(uvicorn.Config(refusing, log_config=None, lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            config = SalesforceConfig(
                url=f"http://127.0.0.1:{listener.getsockname()[1]}", token=TOKEN, state=folder / "outcomes"
            )
            connection = stack.enter_context(closing(Connection(config, sleep=lambda seconds: None)))
            describes = Describes(connection, ["standard"], 3600)
            operations = Operations(
                connection, describes, key_field="Narrowgauge_Key__c", max_rows=200, max_bytes=1 << 22
            )
            system = SalesforceSystem(operations, path)
            describes.all(Deadline.after(60))
            for name in describes.names(Deadline.after(10)):
                system.ids[name] = [row[0] for row in system.rows(f'SELECT "Id" FROM "{name}"')]  # noqa: S608
            for name in ("Lead", "Case", "Task", "Opportunity"):
                gone = system.ids[name][-8:]
                system.ids[name] = system.ids[name][:-8]
                system.deleted[name] = gone
                with organisation.transaction() as records:
                    for identity in gone:
                        records.delete(organisation.object(name), identity)
            yield system
        finally:
            server.should_exit = True
            thread.join()
