"""The demo warehouse in both databases, and the tool on a port."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from postgres_server import load_warehouse, postgres_server
from sql_tool import SqlTool, serve_tool

from narrowgauge.demo.warehouse import build_warehouse


@pytest.fixture(scope="session")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("warehouse") / "warehouse.db"
    build_warehouse(path)
    return path


@pytest.fixture(scope="session")
def postgres_dsn() -> Iterator[str]:
    # Not under pytest's folder, which nobody but its owner may enter.
    with tempfile.TemporaryDirectory() as folder, postgres_server(Path(folder)) as dsn:
        load_warehouse(dsn)
        yield dsn


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def dsn(request: pytest.FixtureRequest) -> str:
    """DSN of the warehouse, in one database after the other."""
    if request.param == "sqlite":
        return f"sqlite://{request.getfixturevalue('warehouse')}"
    return str(request.getfixturevalue("postgres_dsn"))


@pytest.fixture
async def serve() -> AsyncIterator[Callable[..., Awaitable[SqlTool]]]:
    """Starts the tool on a DSN, with bounds as given."""
    async with AsyncExitStack() as stack:

        async def start(dsn: str, **bounds: object) -> SqlTool:
            return await stack.enter_async_context(serve_tool(dsn, **bounds))

        yield start
