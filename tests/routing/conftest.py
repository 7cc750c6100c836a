"""A router compiled once for the tests, from the contracts of the product's three specialists."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from narrowgauge.contracts.contract import contract_of
from narrowgauge.routing import RouterGraph, compile_router
from narrowgauge.tools.salesforce.v1 import salesforce_pb2
from narrowgauge.tools.sql.v1 import sql_pb2
from narrowgauge.tools.text.v1 import text_pb2

DATA = Path(__file__).parent / "data"


def specialists() -> dict[str, tuple[str, list[str]]]:
    """Descriptions and examples as the bundle's compiler takes them from the contracts."""
    services = [
        salesforce_pb2.DESCRIPTOR.services_by_name["SalesforceToolService"],
        sql_pb2.DESCRIPTOR.services_by_name["SqlToolService"],
        text_pb2.DESCRIPTOR.services_by_name["TextToolService"],
    ]
    contracts = [contract_of(service) for service in services]
    return {c.specialist: (c.description, [e for tool in c.tools for e in tool.examples]) for c in contracts}


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("router")
    compile_router(folder, specialists())
    return folder


@pytest.fixture(scope="session")
def router(compiled: Path) -> RouterGraph:
    return RouterGraph.load(compiled, threads=1)


@pytest.fixture(scope="session")
def golden() -> list[dict[str, Any]]:
    return [json.loads(line) for line in (DATA / "golden.jsonl").read_text().splitlines()]
