"""`bench loop`: ten steps through client, router, specialists and tools, and where their time goes."""

from __future__ import annotations

import asyncio
import os
from collections import defaultdict
from collections.abc import Mapping
from statistics import median
from typing import TYPE_CHECKING

from narrowgauge.cli.approvals import ApproveUpTo
from narrowgauge.cli.ask import chain_start
from narrowgauge.cli.bench.options import BenchOptions
from narrowgauge.cli.bench.run import add_medians
from narrowgauge.cli.chain import Decision, run_chain
from narrowgauge.cli.evaluate.chaining import EvalHome, kept_seeds, models_of
from narrowgauge.cli.home import Home
from narrowgauge.cli.preparing import Progress
from narrowgauge.cli.system import System, SystemOptions, running_system
from narrowgauge.cli.trace import whole_trace
from narrowgauge.errors import FailedPrecondition
from narrowgauge.evaluation.chain_checks import restore
from narrowgauge.evaluation.report import Report, percentiles
from narrowgauge.runtime import semconv
from narrowgauge.runtime.channels import open_channel

if TYPE_CHECKING:
    from narrowgauge.runtime.trace_tree import Trace
    from narrowgauge.v1 import dispatcher_pb2 as pb

__all__ = ["LOOP_REQUEST", "bench_loop", "hops_of"]

LOOP_REQUEST = (
    "List the seven customers with the largest unpaid invoices, open a high priority case in Salesforce for "
    "each of them, then list the five newest cases in Salesforce, and write a short summary of "
    "the results."
)
"""Ten steps when the for-each has seven rows."""

_ROUNDS = 5
_MODEL_SPANS = frozenset({semconv.SPAN_PREFILL, semconv.SPAN_DECODE})


async def bench_loop(options: BenchOptions, report: Report, progress: Progress) -> None:
    """Adds `loop_ms.{p50,p95}`, `steps`, `step_ms.p50`, `not_model_share` and `by_hop_ms.*`.

    A first round warms caches and is not counted. Every round begins with the same rows.

    Raises:
        FailedPrecondition: A chain failed, or traces go to another endpoint, where they cannot be read.
    """
    from narrowgauge.demo.organisation import SEED_DATE

    rounds = options.rounds or _ROUNDS
    home = EvalHome.beside(Home.of(os.environ), options.bundle)
    loops, steps, step_counts = [], [], []
    hops: list[dict[str, float]] = []
    async with running_system(
        home, SystemOptions(model=options.model, fresh_demo_data=True), progress
    ) as system:
        if not system.sink:
            raise FailedPrecondition(
                "NO_TRACES", "traces go to OTEL_EXPORTER_OTLP_ENDPOINT; unset it to measure the hops"
            )
        report.bundle, report.model, report.n = system.bundle_hash, await models_of(system), rounds
        seeds = await asyncio.to_thread(kept_seeds, home)
        for number in range(rounds + 1):
            progress("running ten steps", number / (rounds + 1))
            await asyncio.to_thread(restore, home.organisation, seeds["crm"])
            finished, own_steps = await _run(system, SEED_DATE.isoformat())
            if number == 0:
                continue
            loops.append(finished.timings.loop_ms)
            steps += own_steps
            step_counts.append(float(len(own_steps)))
            hops.append(hops_of(await whole_trace(home.traces, finished.trace_id)))
    for name in ("p50", "p95"):
        report.statistic(f"loop_ms.{name}", loops, lambda sample, name=name: percentiles(sample)[name])  # type: ignore[misc]
    report.metrics["steps"] = median(step_counts)
    report.statistic("step_ms.p50", steps, median)
    report.statistic("not_model_share", [_not_model_share(found) for found in hops], median)
    names = sorted(set().union(*hops), key=lambda name: -median(found.get(name, 0.0) for found in hops))
    add_medians(report, {f"by_hop_ms.{name}": [found.get(name, 0.0) for found in hops] for name in names})


def _not_model_share(hops: Mapping[str, float]) -> float:
    return 1 - sum(hops.get(name, 0.0) for name in _MODEL_SPANS) / sum(hops.values())


def hops_of(trace: Trace) -> dict[str, float]:
    """Returns how long the chain waited for each kind of hop, in milliseconds; they add up to the whole.

    A hop's time is that of the critical path, without what it waited for in turn. Calls between our own
    processes are `rpc`; the time in a tool service is the tool's.
    """
    hops: dict[str, float] = defaultdict(float)
    for segment in trace.critical_path:
        hops[_hop(segment.span.name)] += segment.duration_ms
    return dict(hops)


def _hop(span: str) -> str:
    if "/" not in span:  # not a call: a hop by its own name
        return span
    return "rpc" if span.startswith("narrowgauge.v1.") else semconv.SPAN_TOOL


async def _run(system: System, today: str) -> tuple[pb.ChainFinished, list[float]]:
    """Runs the request once; returns its end and the time of each run of a step that made a call.

    Raises:
        FailedPrecondition: It did not end well.
    """
    called: set[str] = set()
    step_ms: list[float] = []

    def on_event(event: pb.DispatchResponse) -> None:
        kind = event.WhichOneof("event")
        if kind == "tool_call":
            called.add(event.step_id)
        elif kind == "step_finished" and event.step_id in called:  # not the for-each that holds the runs
            step_ms.append(event.step_finished.step_ms)

    async def refuse(event: pb.DispatchResponse, call: pb.ToolCallMade) -> Decision:
        return Decision(False, "writes are approved in advance")

    start = chain_start(LOOP_REQUEST, (), ApproveUpTo.WRITE, "", today, 0)
    async with open_channel(system.router) as channel:
        finished = await run_chain(channel, start, on_event, refuse)
    if finished.status.code:
        raise FailedPrecondition("CHAIN_FAILED", f"the chain failed: {finished.status.message}")
    return finished, step_ms
