"""Fixtures of the router's suite."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from scripted_world import World


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Scripted specialists and tools, and routers on demand."""
    async with AsyncExitStack() as stack:
        yield World(tmp_path, stack)
