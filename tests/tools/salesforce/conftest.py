"""A seeded organisation, the REST server that serves it, and the tool on top."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from salesforce_harness import NOW, TOKEN, Rest, RestServer, ServeTool, Tool, serve_tool

from narrowgauge.demo.organisation import build_organisation
from tool_svc.salesforce.local_server.app import make_app
from tool_svc.salesforce.local_server.organisation import Organisation


@pytest.fixture(scope="session")
def seeded_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("organisation") / "org.db"
    build_organisation(path, today=NOW.date())
    return path


@pytest.fixture(scope="session")
def seeded_organisation(seeded_file: Path) -> Iterator[Organisation]:
    """For tests that only read."""
    opened = Organisation(seeded_file, TOKEN, page_size=50, clock=lambda: NOW)
    yield opened
    opened.close()


@pytest.fixture
def organisation_file(seeded_file: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(seeded_file, tmp_path / "org.db"))


@pytest.fixture
def organisation(organisation_file: Path) -> Iterator[Organisation]:
    opened = Organisation(
        organisation_file, TOKEN, page_size=50, clock=lambda: NOW, login=("ana@example.com", "secretXYZ")
    )
    yield opened
    opened.close()


@pytest.fixture
def rest_server(organisation: Organisation) -> Iterator[RestServer]:
    server = RestServer(make_app(organisation))
    yield server
    server.stop()


@pytest.fixture
def rest(rest_server: RestServer) -> Iterator[Rest]:
    client = Rest(rest_server.url)
    yield client
    client.session.close()


@pytest.fixture
async def serve(tmp_path: Path) -> AsyncIterator[ServeTool]:
    """Starts tools that end with the test; they share one file of outcomes unless told otherwise."""
    async with AsyncExitStack() as stack:

        async def start(url: str, **settings: Any) -> Tool:
            state = settings.pop("state", tmp_path / "outcomes.sqlite")
            return await stack.enter_async_context(serve_tool(url, state, **settings))

        yield start


@pytest.fixture
async def tool(serve: ServeTool, rest_server: RestServer) -> Tool:
    served: Tool = await serve(rest_server.url)
    return served
