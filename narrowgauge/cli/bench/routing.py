"""`bench router`: plans over loopback, at two lengths, and as many as the router can make."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from narrowgauge.cli.bench.options import BenchOptions
from narrowgauge.cli.evaluate.serving import chosen_bundle, served_router
from narrowgauge.cli.home import Home
from narrowgauge.cli.preparing import Progress
from narrowgauge.evaluation.report import Report, percentiles

if TYPE_CHECKING:
    from narrowgauge.v1 import dispatcher_pb2_grpc

__all__ = ["bench_router", "text_of_length"]

LENGTHS = (32, 64)
_ROUNDS = 200
_WARM_UP = 20
_CALLERS = 4
_TEXT = (
    "List the customers with unpaid invoices from May, open a high priority case in Salesforce for each of "
    "them, then count the delayed shipments per carrier, list the support tickets that are still open and "
    "were opened before March, get the average order value of every sales channel and write a short summary "
    "of the results for the people who were not there"
)
_FILLER = "now"  # one token


async def bench_router(options: BenchOptions, report: Report, progress: Progress) -> None:
    """Adds `plan_ms.{32,64}.{p50,p99}`, seen by the client, and `plans_per_s` of several callers."""
    from narrowgauge.v1 import dispatcher_pb2_grpc

    rounds = options.rounds or _ROUNDS
    bundle = await chosen_bundle(Home.of(os.environ), options.bundle, progress)
    texts = await asyncio.to_thread(_texts, bundle.router_path)
    report.bundle, report.n = bundle.hash, rounds
    async with served_router(address="", bundle=bundle.path, progress=progress) as channel:
        stub = dispatcher_pb2_grpc.DispatcherServiceStub(channel)
        times: dict[int, list[float]] = {length: [] for length in LENGTHS}
        for number in range(-_WARM_UP, rounds):
            for length, text in texts.items():
                took_ms = await _plan(stub, text)
                if number >= 0:
                    times[length].append(took_ms)
            progress("planning", max(0, number) / rounds)
        per_s = await _throughput(stub, list(texts.values()), rounds)
    for length, values in times.items():
        for name in ("p50", "p99"):
            report.statistic(
                f"plan_ms.{length}.{name}",
                values,
                lambda sample, name=name: percentiles(sample)[name],  # type: ignore[misc]
            )
    report.metrics["plans_per_s"] = per_s


def text_of_length(folder: Path, tokens: int) -> str:
    """Returns a request of a number of tokens of a compiled router's tokenizer.

    Args:
        folder: The compiled router.
        tokens: How many, the marks at both ends included.
    """
    return _texts(folder, (tokens,))[tokens]


def _texts(folder: Path, lengths: Sequence[int] = LENGTHS) -> dict[int, str]:
    from narrowgauge.routing.encoder import Encoder

    encoder, words = Encoder(folder, threads=1), _TEXT.split()

    def tokens(chosen: Sequence[str]) -> int:
        return len(encoder.encode(" ".join(chosen)).ids)

    found = {}
    for length in lengths:
        count = max(n for n in range(1, len(words) + 1) if tokens(words[:n]) <= length)
        chosen = words[:count]
        chosen += [_FILLER] * (length - tokens(chosen))
        found[length] = " ".join(chosen)
    return found


async def _plan(stub: dispatcher_pb2_grpc.DispatcherServiceAsyncStub, text: str) -> float:
    from narrowgauge.v1 import dispatcher_pb2 as pb

    began = time.perf_counter()
    await stub.Plan(pb.PlanRequest(text=text))
    return (time.perf_counter() - began) * 1e3


async def _throughput(
    stub: dispatcher_pb2_grpc.DispatcherServiceAsyncStub, texts: Sequence[str], rounds: int
) -> float:
    """Returns plans a second over callers that each send the next request when they have an answer."""

    async def caller() -> None:
        for number in range(rounds // _CALLERS + 1):
            await _plan(stub, texts[number % len(texts)])

    began = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(_CALLERS)))
    return _CALLERS * (rounds // _CALLERS + 1) / (time.perf_counter() - began)
