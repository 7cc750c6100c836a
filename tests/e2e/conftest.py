"""Fixtures of the end-to-end tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from beside import Beside
from running_system import RunningSystem

from narrowgauge.cli.processes import Supervisor


@pytest.fixture
async def beside(system: RunningSystem, tmp_path: Path, tiny_prepared_model: Path) -> AsyncIterator[Beside]:
    """Starts processes beside the shared system, and stops them after the test."""
    async with Supervisor(tmp_path / "logs") as supervisor:
        yield Beside(system, supervisor, tmp_path, tiny_prepared_model)
