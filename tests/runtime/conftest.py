"""Fixtures of the runtime's tests: recorded spans, an echo server in this loop, an echo process."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import grpc
import pytest
from echo_service import Echo, EchoStub, EventOf, Spawn
from span_recorder import SpanRecorder

from narrowgauge.runtime.channels import open_channel
from narrowgauge.runtime.lifecycle import ServiceServer
from narrowgauge.runtime.telemetry import configure_telemetry

_RECORDER = SpanRecorder()


@pytest.fixture(scope="session", autouse=True)
def _telemetry() -> None:
    configure_telemetry("test", span_processor=_RECORDER)


@pytest.fixture
def spans() -> Iterator[SpanRecorder]:
    """Spans that ended since the test began."""
    _RECORDER.clear()
    yield _RECORDER
    _RECORDER.clear()


@pytest.fixture
def echo() -> Echo:
    return Echo()


@pytest.fixture
async def echo_address(echo: Echo) -> AsyncIterator[str]:
    """A ready echo server in this event loop."""
    server = ServiceServer("127.0.0.1:0", echo.register)
    await server.start()
    await server.set_ready()
    yield server.address
    await server.stop(drain_s=0)


@pytest.fixture
async def echo_channel(echo_address: str) -> AsyncIterator[grpc.aio.Channel]:
    async with open_channel(echo_address) as channel:
        yield channel


@pytest.fixture
def stub(echo_channel: grpc.aio.Channel) -> EchoStub:
    return EchoStub(echo_channel)


@pytest.fixture
async def spawn() -> AsyncIterator[Spawn]:
    """Starts the echo service (or `-m module`) as a process; what still runs at the end is killed."""
    processes: list[asyncio.subprocess.Process] = []

    async def start(*arguments: str, **environment: str) -> asyncio.subprocess.Process:
        program = () if arguments[:1] == ("-m",) else (str(Path(__file__).with_name("echo_service.py")),)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, *program, *arguments),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, **environment},
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@pytest.fixture
def event_of() -> EventOf:
    """Reads the next event line of a process."""

    async def read(process: asyncio.subprocess.Process) -> dict[str, str]:
        assert process.stdout is not None
        line = await asyncio.wait_for(process.stdout.readline(), 30)
        assert line, (await process.communicate())[1].decode()
        event: dict[str, str] = json.loads(line)
        return event

    return read


@pytest.fixture
def unused_tcp_address() -> str:
    """An address where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return f"127.0.0.1:{free.getsockname()[1]}"
