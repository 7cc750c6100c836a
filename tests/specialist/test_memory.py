"""Memory of a specialist under load: back to its level after it, and no growth over many calls.

These take minutes and run with `NARROWGAUGE_LONG_TESTS=1`; `narrowgauge bench serve --calls 20000` prints the
same of the real model.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import linear_regression

import grpc
import pytest
from served import ROWS, document

from narrowgauge.cli.bench.load import resident_mb
from narrowgauge.contracts.bundle import Bundle
from narrowgauge.runtime.channels import open_channel
from narrowgauge.runtime.status import error_from_rpc
from narrowgauge.v1 import specialist_pb2 as pb
from narrowgauge.v1 import specialist_pb2_grpc

pytestmark = pytest.mark.skipif(
    not os.environ.get("NARROWGAUGE_LONG_TESTS"), reason="takes minutes: set NARROWGAUGE_LONG_TESTS=1"
)

CONCURRENT, CALLS, SAMPLES = 1000, 20_000, 20
_TOLERANCE_MB = 40.0  # allocator arenas of a few threads, and gRPC's buffers
_GROWTH_MB = 1.0  # for each thousand calls: a leak of one kilobyte a call


@pytest.fixture
def specialist(bundle: Bundle, tiny_prepared_model: Path) -> Iterator[tuple[int, str]]:
    """Process id and address of a specialist with a small random model."""
    environ = {
        **os.environ,
        "NARROWGAUGE_LISTEN": "127.0.0.1:0",
        "NARROWGAUGE_BUNDLE": str(bundle.path),
        "NARROWGAUGE_SPECIALIST": "summary",
        "NARROWGAUGE_MODEL": str(tiny_prepared_model),
        "NARROWGAUGE_SLOTS": "8",
        "NARROWGAUGE_QUEUE": "1000",
        "NARROWGAUGE_THREADS": "1",
    }
    command = [sys.executable, "-m", "specialist_svc"]
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.pid, json.loads(process.stdout.readline())["address"]
        process.terminate()


async def load(address: str, bundle: Bundle, calls: int, callers: int) -> None:
    """Makes calls from so many callers at once."""
    numbers = iter(range(calls))
    async with open_channel(address) as channel:
        stub = specialist_pb2_grpc.SpecialistServiceStub(channel)

        async def caller() -> None:
            for number in numbers:
                start = pb.ExecuteStart(
                    bundle_hash=bundle.hash,
                    text=f"summarize the results, version {number % 97}",
                    context=[document(ROWS)],
                    max_tokens=64,
                )
                call = stub.Execute()
                try:
                    await call.write(pb.ExecuteRequest(start=start))
                    await call.read()
                    await call.done_writing()
                except grpc.aio.AioRpcError as exc:
                    # A model without sense writes some texts that do not end.
                    assert error_from_rpc(exc).reason == "CALL_TOO_LONG"

        await asyncio.gather(*(caller() for _ in range(callers)))


async def test_memory_returns_after_a_thousand_concurrent_requests(
    bundle: Bundle, specialist: tuple[int, str]
) -> None:
    """Under a light load it holds what it held before the heavy one, give or take the allocator's arenas."""
    pid, address = specialist
    await load(address, bundle, 200, 8)  # every slot and thread has been used
    before = resident_mb(pid)
    await load(address, bundle, CONCURRENT, CONCURRENT)
    await load(address, bundle, 200, 8)
    assert resident_mb(pid) - before < _TOLERANCE_MB


async def test_memory_does_not_grow_over_many_calls(bundle: Bundle, specialist: tuple[int, str]) -> None:
    """Over twenty thousand calls the second half has no slope."""
    pid, address = specialist
    held = []
    for _ in range(SAMPLES):
        await load(address, bundle, CALLS // SAMPLES, 16)
        held.append(resident_mb(pid))
    half = held[SAMPLES // 2 :]
    slope = linear_regression(range(len(half)), half).slope / (CALLS / SAMPLES) * 1000
    assert slope < _GROWTH_MB, held
