"""A real Redis server on a free port, for the tests of the state store."""

from __future__ import annotations

import asyncio
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest


@asynccontextmanager
async def redis_server(folder: Path, *settings: str) -> AsyncIterator[str]:
    """Starts a server in an existing folder that syncs each write, or as `settings` say; yields its URL."""
    program = shutil.which("redis-server") or shutil.which("valkey-server")
    if program is None:
        pytest.fail("redis-server is missing: run scripts/system_packages.sh")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    defaults = ("--appendonly", "yes", "--appendfsync", "always")
    process = await asyncio.create_subprocess_exec(
        program,
        *("--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""),
        *(settings or defaults),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout is not None
    said = b""
    while b"Ready to accept connections" not in said:
        line = await process.stdout.readline()
        assert line, said.decode()
        said += line
    drain = asyncio.create_task(process.stdout.read())
    try:
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.terminate()
        await process.wait()
        await drain
