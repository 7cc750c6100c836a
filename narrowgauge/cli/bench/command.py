"""`narrowgauge bench`: how fast it is on this machine."""

from __future__ import annotations

import asyncio
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["BenchKind", "bench"]


class BenchKind(StrEnum):
    """What is measured."""

    COMPILE = "compile"
    ROUTER = "router"
    ENGINE = "engine"
    CALL = "call"
    LOOP = "loop"


def bench(
    kind: Annotated[BenchKind, typer.Argument(help="What is measured.")],
    rounds: Annotated[
        int, typer.Option(min=0, help="Rounds, of which the medians count; 0 for the kind's own number.")
    ] = 0,
    bundle: Annotated[
        Path | None,
        typer.Option(exists=True, file_okay=False, help="Bundle to serve; NARROWGAUGE_HOME's without it."),
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(envvar="NARROWGAUGE_MODEL_SOURCE", exists=True, help="GGUF file or checkpoint folder."),
    ] = None,
    package: Annotated[
        list[str] | None,
        typer.Option(help="compile: an installed package with generated protobuf code, as a corpus."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Measure this machine: rounds of everything that is compared follow each other, and medians count.

    docs/eval.md describes every metric.
    """
    from narrowgauge.cli.bench.options import BenchOptions
    from narrowgauge.cli.bench.run import run_benchmark
    from narrowgauge.cli.render.report import print_report

    options = BenchOptions(rounds=rounds, bundle=bundle, model=model, packages=tuple(package or ()))
    print_report(asyncio.run(run_benchmark(kind.value, options)), as_json=as_json)
