"""`narrowgauge eval`: how good the answers are, on records with gold answers."""

from __future__ import annotations

import asyncio
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["EvalKind", "evaluate"]


class EvalKind(StrEnum):
    """What is evaluated."""

    ROUTER = "router"
    PLAN = "plan"
    SQL = "sql"
    SALESFORCE = "salesforce"
    SUMMARIZE = "summarize"
    RECOVERY = "recovery"
    CHAIN = "chain"
    CALL = "call"


def evaluate(
    kind: Annotated[EvalKind, typer.Argument(help="What is evaluated.")],
    data: Annotated[
        Path, typer.Option(exists=True, dir_okay=False, help="Records: JSON Lines, also .xz or .gz.")
    ],
    limit: Annotated[int, typer.Option(min=0, help="Only the first N records; 0 for all.")] = 0,
    address: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="A specialist (router, for plan) that runs already.")
    ] = "",
    bundle: Annotated[
        Path | None,
        typer.Option(exists=True, file_okay=False, help="Bundle to serve; NARROWGAUGE_HOME's without it."),
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(envvar="NARROWGAUGE_MODEL_SOURCE", exists=True, help="GGUF file or checkpoint folder."),
    ] = None,
    schemas: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="Schemas or tools; beside the data without it."),
    ] = None,
    parallel: Annotated[
        int, typer.Option(min=1, help="Requests at once; latencies are those of lone requests with 1.")
    ] = 1,
    adapter: Annotated[
        str | None,
        typer.Option(
            metavar="DIR", help="call: the adapter to ask with, or `none`; the carried one without it."
        ),
    ] = None,
    catalogues: Annotated[
        bool, typer.Option("--catalogues", help="plan: with the catalogues of the demo systems.")
    ] = False,
    failures: Annotated[int, typer.Option(min=0, help="Failures to report at most.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Measure answers against gold: starts what it needs, asks it over gRPC, prints rates with intervals.

    docs/eval.md describes the records of each kind and every metric.
    """
    from narrowgauge.cli.evaluate.options import EvalOptions
    from narrowgauge.cli.evaluate.run import run_evaluation
    from narrowgauge.cli.render.report import print_report
    from narrowgauge.errors import InvalidRequest

    if adapter is not None and kind is not EvalKind.CALL:
        raise InvalidRequest("BAD_ARGUMENT", "--adapter belongs to eval call; others serve their bundle's")
    if catalogues and (kind is not EvalKind.PLAN or address):
        raise InvalidRequest("BAD_ARGUMENT", "--catalogues belongs to eval plan without --address")

    options = EvalOptions(
        data=data,
        limit=limit,
        address=address,
        bundle=bundle,
        model=model,
        schemas=schemas,
        parallel=parallel,
        adapter=adapter,
        catalogues=catalogues,
    )
    report = asyncio.run(run_evaluation(kind.value, options))
    del report.failures[failures:]
    print_report(report, as_json=as_json)
