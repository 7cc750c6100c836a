"""`narrowgauge bench`: how fast it is on this machine."""

from __future__ import annotations

import asyncio
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["BenchKind", "PeerName", "bench"]


class BenchKind(StrEnum):
    """What is measured."""

    COMPILE = "compile"
    ROUTER = "router"
    ENGINE = "engine"
    CALL = "call"
    LOOP = "loop"
    SERVE = "serve"
    SURFACES = "surfaces"


class PeerName(StrEnum):
    """Who is measured beside us."""

    LLAMACPP = "llamacpp"
    TRANSFORMERS = "transformers"
    GENAI = "genai"


def bench(
    kind: Annotated[BenchKind, typer.Argument(help="What is measured.")],
    rounds: Annotated[
        int, typer.Option(min=0, help="Rounds, of which the medians count; 0 for the kind's own number.")
    ] = 0,
    time: Annotated[
        float,
        typer.Option(min=0, help="Seconds of rounds, where --rounds is not given; call, engine, serve."),
    ] = 0,
    peer: Annotated[
        PeerName | None,
        typer.Option(help="call, engine, serve: measure it too, with the same weights, in turns."),
    ] = None,
    concurrency: Annotated[int, typer.Option(min=1, help="serve: callers at once.")] = 8,
    calls: Annotated[int, typer.Option(min=0, help="serve: calls of a round; 0 for four a caller.")] = 0,
    rate: Annotated[
        float,
        typer.Option(min=0, help="serve: arrivals a second of the open loop; 0 for 0.7 of the closed one."),
    ] = 0,
    plot: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Draw the figures into a .svg or .png file.")
    ] = None,
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
    from narrowgauge.cli.bench.plot import check_plot, write_plot
    from narrowgauge.cli.bench.run import run_benchmark
    from narrowgauge.cli.render.report import print_report

    options = BenchOptions(
        rounds=rounds,
        time_s=time,
        bundle=bundle,
        model=model,
        packages=tuple(package or ()),
        peer=peer.value if peer is not None else "",
        concurrency=concurrency,
        calls=calls,
        rate=rate,
    )
    if plot is not None:
        check_plot(plot)
    report = asyncio.run(run_benchmark(kind.value, options))
    if plot is not None:
        write_plot(report, plot)
    print_report(report, as_json=as_json)
