"""Databases that are missing, locked, damaged or slow, callers that leave, and the process itself."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import grpc
import pytest
from sql_tool import SqlTool

from narrowgauge.errors import NarrowgaugeError
from narrowgauge.tools.sql.v1 import sql_pb2 as pb
from tool_svc.sql.database import Bounds, Stop, open_database
from tool_svc.sql.sqlite import SqliteDatabase
from tool_svc.sql.statement import Statement

Serve = Callable[..., Awaitable[SqlTool]]

# Every customer beside every order item, twice: far more rows than fit in a second.
ENDLESS = (
    "SELECT COUNT(*) FROM order_items CROSS JOIN order_items AS order_items_2 CROSS JOIN customers "
    "WHERE order_items.quantity + order_items_2.quantity > customers.id * 100000"
)


async def test_a_slow_query_is_ended(dsn: str, serve: Serve) -> None:
    """The statement timeout ends the query in the database, and the answer says what to do."""
    tool = await serve(dsn, timeout_s=0.2)
    with pytest.raises(grpc.aio.AioRpcError, match="ask for less") as caught:
        await tool.run(ENDLESS)
    assert caught.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    assert await tool.rows("SELECT COUNT(*) FROM customers") != []


async def test_a_caller_that_leaves_frees_its_thread(dsn: str, serve: Serve) -> None:
    """With one worker, the next query is answered though the cancelled one would run for minutes."""
    tool = await serve(dsn, workers=1, timeout_s=600.0)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):  # cancels the call without a deadline that the tool could see
            await tool.run(ENDLESS)
    assert len(await tool.rows("SELECT customers.id FROM customers LIMIT 1")) == 1


async def test_a_deadline_ends_the_query_too(dsn: str, serve: Serve) -> None:
    """The caller's own deadline bounds the query, and frees the worker."""
    tool = await serve(dsn, workers=1, timeout_s=600.0)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await tool.run(ENDLESS, timeout=0.3)
    assert caught.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    assert len(await tool.rows("SELECT customers.id FROM customers LIMIT 1")) == 1


def _fails(database: object, text: str = "SELECT 1") -> NarrowgaugeError:
    assert isinstance(database, SqliteDatabase)
    with pytest.raises(NarrowgaugeError) as caught:
        database.run(Statement(text, (), ()), Bounds(10, 1000, 5), Stop())
    return caught.value


def test_a_file_that_is_missing_or_no_database_is_named_as_such(tmp_path: Path) -> None:
    """Missing file or a folder: UNAVAILABLE. Other content, or a damaged page: DATA_LOSS."""
    assert _fails(open_database(f"sqlite://{tmp_path}/none.db")).reason == "NO_DATABASE"
    assert not (tmp_path / "none.db").exists()
    assert _fails(open_database(f"sqlite://{tmp_path}")).reason == "NO_DATABASE"
    text = tmp_path / "text.db"
    text.write_bytes(b"this is not a database, whatever its name says" * 100)
    assert _fails(open_database(f"sqlite://{text}"), "SELECT * FROM t").reason == "DATABASE_DAMAGED"


def test_a_locked_file_is_unavailable_and_free_again(tmp_path: Path) -> None:
    """While another process holds the lock the tool says so; afterwards it answers."""
    path = tmp_path / "locked.db"
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("CREATE TABLE t (a)")
    writer.execute("BEGIN EXCLUSIVE")
    database = open_database(f"sqlite://{path}")
    error = _fails(database, "SELECT a FROM t")
    assert (error.reason, error.code) == ("DATABASE_LOCKED", 14)
    writer.execute("COMMIT")
    writer.close()
    assert database.run(Statement("SELECT a FROM t", (), ("a",)), Bounds(1, 100, 5), Stop()).row_count == 0


@pytest.mark.parametrize(
    "text",
    [
        "DELETE FROM t",
        "INSERT INTO t VALUES (1)",
        "CREATE TABLE u (a)",
        "ATTACH DATABASE ':memory:' AS other",
        "PRAGMA query_only = OFF",
        "SELECT load_extension('x')",
        "SELECT writefile('x', 'y')",
        "SELECT zeroblob(1000000000)",
        "VACUUM",
    ],
)
def test_sqlite_is_only_read_whatever_the_statement(tmp_path: Path, text: str) -> None:
    """The authorizer refuses everything but reading, and the file stays as it is."""
    path = tmp_path / "kept.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE t (a)")
    connection.close()
    before = path.read_bytes()
    _fails(open_database(f"sqlite://{path}"), text)
    assert path.read_bytes() == before


@pytest.mark.parametrize("dsn", ["postgresql://x@127.0.0.1:1/none?connect_timeout=1"])
def test_a_server_that_is_not_there_is_unavailable(dsn: str) -> None:
    """A refused connection is UNAVAILABLE, without the password."""
    database = open_database(dsn.replace("x@", "x:secret-word@"))
    try:
        with pytest.raises(NarrowgaugeError) as caught:
            database.read_catalogue()
    finally:
        database.close()
    assert caught.value.code == 14
    assert "secret-word" not in caught.value.message


@pytest.mark.postgres
def test_a_missing_postgresql_database_is_not_found(postgres_dsn: str) -> None:
    """The server's word for it comes back: no such database."""
    database = open_database(postgres_dsn.replace("/postgres", "/nothing"))
    try:
        with pytest.raises(NarrowgaugeError, match="nothing") as caught:
            database.read_catalogue()
    finally:
        database.close()
    assert caught.value.reason == "NO_DATABASE"


async def _process(**variables: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tool_svc.sql"),
        env={**os.environ, **variables},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def test_the_process_serves_until_it_is_told_to_end(warehouse: Path) -> None:
    """It says where it serves, answers, and ends with code 0 on SIGTERM."""
    process = await _process(NARROWGAUGE_LISTEN="127.0.0.1:0", NARROWGAUGE_SQL_DSN=f"sqlite://{warehouse}")
    assert process.stdout is not None
    line = json.loads(await process.stdout.readline())
    assert (line["event"], line["service"]) == ("serving", "sql")
    async with grpc.aio.insecure_channel(line["address"]) as channel:
        call = channel.unary_unary(
            "/narrowgauge.tools.sql.v1.SqlToolService/Query",
            request_serializer=pb.QueryRequest.SerializeToString,
            response_deserializer=pb.QueryResponse.FromString,
        )
        request = pb.QueryRequest()
        request.query.select.table = "customers"
        request.query.select.columns.add().aggregate.function = pb.AGGREGATE_FUNCTION_COUNT
        response = await call(request)
        assert response.rows[0].values[0].integer > 100
    process.send_signal(signal.SIGTERM)
    await process.communicate()
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("dsn", "words"),
    [
        ("", "NARROWGAUGE_SQL_DSN"),
        ("mysql://x", "sqlite:///"),
        ("sqlite:///nowhere/none.db", "no database file"),
    ],
)
async def test_a_wrong_configuration_ends_the_process_with_one_line(dsn: str, words: str) -> None:
    """Exit code 2 and a line that names what is wrong."""
    process = await _process(NARROWGAUGE_LISTEN="127.0.0.1:0", NARROWGAUGE_SQL_DSN=dsn)
    _, said = await process.communicate()
    assert process.returncode == 2
    assert words in said.decode()
