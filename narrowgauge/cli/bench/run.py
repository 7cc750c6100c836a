"""Runs one benchmark."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from statistics import median

from narrowgauge.cli.bench.options import BenchOptions, machine
from narrowgauge.cli.preparing import Progress
from narrowgauge.cli.render.progress import progress_bar
from narrowgauge.errors import InvalidRequest
from narrowgauge.evaluation.report import Report

__all__ = ["PEER_KINDS", "add_medians", "run_benchmark"]

PEER_KINDS = ("call", "engine", "serve")
"""Kinds that a peer can be measured in."""

Runner = Callable[[BenchOptions, Report, Progress], Awaitable[None]]


async def run_benchmark(kind: str, options: BenchOptions) -> Report:
    """Measures.

    Args:
        kind: For example `loop`.
        options: What to run on.

    Raises:
        InvalidRequest: The kind does not exist, or has no peer.
        NarrowgaugeError: What is measured cannot be served.
    """
    if options.peer and kind not in PEER_KINDS:
        raise InvalidRequest(
            "BAD_ARGUMENT",
            f"--peer goes with {', '.join(PEER_KINDS)}: no peer has what `bench {kind}` measures",
        )
    report = Report(kind, 0, machine=machine())
    with progress_bar() as progress:
        await _runner(kind)(options, report, progress)
    return report


def add_medians(report: Report, rounds: Mapping[str, Sequence[float]]) -> None:
    """Adds the median of each metric over its rounds, with its bootstrap interval."""
    for name, values in rounds.items():
        report.statistic(name, values, median)


def _runner(kind: str) -> Runner:
    match kind:
        case "compile":
            from narrowgauge.cli.bench.compiling import bench_compile

            return bench_compile
        case "router":
            from narrowgauge.cli.bench.routing import bench_router

            return bench_router
        case "engine":
            from narrowgauge.cli.bench.engine import bench_engine

            return bench_engine
        case "call":
            from narrowgauge.cli.bench.calling import bench_call

            return bench_call
        case "serve":
            from narrowgauge.cli.bench.serving import bench_serve

            return bench_serve
        case "surfaces":
            from narrowgauge.cli.bench.surfaces import bench_surfaces

            return bench_surfaces
        case "loop":
            from narrowgauge.cli.bench.loop import bench_loop

            return bench_loop
    raise InvalidRequest("NO_SUCH_KIND", f"there is no benchmark {kind!r}")
