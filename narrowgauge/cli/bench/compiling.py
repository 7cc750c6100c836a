"""`bench compile`: every message of real corpora, from its descriptor to a matcher that gives masks."""

from __future__ import annotations

import asyncio
import importlib.util
from statistics import median
from typing import TYPE_CHECKING

from narrowgauge.cli.bench.options import BenchOptions
from narrowgauge.cli.preparing import Progress
from narrowgauge.errors import NotFound
from narrowgauge.evaluation.report import Report, percentiles

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor

__all__ = ["CORPORA", "bench_compile"]

CORPORA = (
    *("narrowgauge.v1", "narrowgauge.tools"),
    *("google.api", "google.rpc", "google.type", "google.logging"),
    *("envoy", "xds", "opentelemetry.proto"),
)
"""Measured without --package: of these, what is installed."""
_ROUNDS = 3


async def bench_compile(options: BenchOptions, report: Report, progress: Progress) -> None:
    """Adds `messages`, `compiled`, `refused` and `ms.{p50,p99,max}` of the messages that compile.

    Raises:
        NotFound: A package is not installed.
    """
    await asyncio.to_thread(_measure, options, report, progress)


def _measure(options: BenchOptions, report: Report, progress: Progress) -> None:
    from narrowgauge.contracts.corpus import compile_messages

    messages = _messages(options.packages, progress)
    rounds = options.rounds or _ROUNDS
    times: dict[str, list[float]] = {}
    refused: set[str] = set()
    for number in range(rounds):
        for done, compiled in enumerate(compile_messages(messages)):
            if compiled.refused:
                refused.add(compiled.message)
            else:
                times.setdefault(compiled.message, []).append(compiled.compile_ms)
            if done % 50 == 0:
                progress("compiling messages", (number + done / len(messages)) / rounds)
    each = [median(values) for values in times.values()]
    report.n = rounds * len(messages)
    report.metrics |= {
        "messages": len(messages),
        "compiled": len(times),
        "refused": len(refused),
    }
    for name in ("p50", "p99"):
        report.statistic(f"ms.{name}", each, lambda values, name=name: percentiles(values)[name])  # type: ignore[misc]
    report.metrics["ms.max"] = max(each, default=0.0)


def _messages(packages: tuple[str, ...], progress: Progress) -> list[Descriptor]:
    from narrowgauge.contracts.corpus import messages_of_package

    found: dict[str, Descriptor] = {}
    for package in packages or CORPORA:
        progress(f"reading {package}", None)
        if not _is_installed(package):
            if packages:
                raise NotFound("NO_SUCH_PACKAGE", f"there is no installed package {package}")
            continue
        found |= {message.full_name: message for message in messages_of_package(package)}
    return list(found.values())


def _is_installed(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except ModuleNotFoundError:  # its parent package is missing
        return False
