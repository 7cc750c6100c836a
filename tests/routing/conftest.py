"""A router compiled once for the tests, from the contracts of the product's three specialists."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from product_specialists import specialists

from narrowgauge.routing import RouterGraph, compile_router

DATA = Path(__file__).parent / "data"


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
