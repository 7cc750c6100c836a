"""Load on one specialist through gRPC: closed loops, whose callers wait for their answers, and open ones."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from narrowgauge.errors import Overloaded
from narrowgauge.runtime.status import error_from_rpc
from narrowgauge.v1 import specialist_pb2 as pb

if TYPE_CHECKING:
    import grpc

__all__ = ["ServedLoad", "SpecialistLoad", "resident_mb"]

_SAMPLE_S = 0.05


@dataclass
class ServedLoad:
    """What came of a load.

    Attributes:
        wall_s: From the first request to the last answer.
        latency_ms: Of each answered call; in an open loop from the instant when it was due.
        texts: What was written.
        refused: Calls that were refused because the queue was full.
        peak_mb: Most memory that the process held meanwhile.
    """

    wall_s: float = 0.0
    latency_ms: list[float] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    refused: int = 0
    peak_mb: float = 0.0


def resident_mb(pid: int) -> float:
    """Returns a process's resident memory in megabytes."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024 / 1e6
    return 0.0


class SpecialistLoad:
    """Sends sub-tasks to one specialist."""

    def __init__(self, channel: grpc.aio.Channel, bundle_hash: str, pid: int) -> None:
        """Names the specialist.

        Args:
            channel: To it.
            bundle_hash: Of its bundle.
            pid: Of its process, whose memory is watched.
        """
        from narrowgauge.v1 import specialist_pb2_grpc

        self._stub = specialist_pb2_grpc.SpecialistServiceStub(channel)
        self._bundle_hash = bundle_hash
        self._pid = pid

    async def closed(self, requests: Sequence[str], concurrency: int) -> ServedLoad:
        """Sends requests from callers that each send the next one when they have an answer."""
        load, waiting = ServedLoad(), iter(requests)

        async def caller() -> None:
            for request in waiting:
                await self._send(request, time.perf_counter(), load)

        return await self._watched(load, [caller() for _ in range(concurrency)])

    async def open(self, requests: Sequence[str], rate: float) -> ServedLoad:
        """Sends requests when they are due, whether or not earlier ones have been answered.

        Args:
            requests: In this order.
            rate: Arrivals a second, with exponential gaps from a fixed seed.
        """
        rng, load, at = random.Random(1), ServedLoad(), 0.0  # noqa: S311 - arrivals, not secrets
        began = time.perf_counter()

        async def arrival(request: str, due: float) -> None:
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            await self._send(request, due, load)

        arrivals = []
        for request in requests:
            arrivals.append(arrival(request, began + at))
            at += rng.expovariate(rate)
        return await self._watched(load, arrivals)

    async def _watched(self, load: ServedLoad, callers: Sequence[Coroutine[Any, Any, None]]) -> ServedLoad:
        async def watch() -> None:
            while True:
                load.peak_mb = max(load.peak_mb, resident_mb(self._pid))
                await asyncio.sleep(_SAMPLE_S)

        watching = asyncio.create_task(watch())
        began = time.perf_counter()
        try:
            await asyncio.gather(*callers)
        finally:
            watching.cancel()
        load.wall_s = time.perf_counter() - began
        return load

    async def _send(self, request: str, since: float, load: ServedLoad) -> None:
        import grpc

        start = pb.ExecuteStart(bundle_hash=self._bundle_hash, text=request)
        call = self._stub.Execute()
        try:
            await call.write(pb.ExecuteRequest(start=start))
            answer = await call.read()
        except grpc.aio.AioRpcError as exc:
            error = error_from_rpc(exc)
            if not isinstance(error, Overloaded):
                raise error from exc
            load.refused += 1
            return
        assert isinstance(answer, pb.ExecuteResponse)
        load.latency_ms.append((time.perf_counter() - since) * 1000)
        load.texts.append(answer.tool_call.surface_text)
        await call.done_writing()
