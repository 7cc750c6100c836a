"""Runs one evaluation: records in, report out."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from narrowgauge.cli.evaluate.options import EvalOptions
from narrowgauge.cli.preparing import Progress
from narrowgauge.cli.render.progress import progress_bar
from narrowgauge.errors import InvalidRequest
from narrowgauge.evaluation.records import Record, data_sha256, read_records
from narrowgauge.evaluation.report import Report, percentiles

if TYPE_CHECKING:
    from narrowgauge.evaluation.kinds.kind import SpecialistKind
    from narrowgauge.evaluation.sql_databases import Databases

__all__ = ["run_evaluation"]

Runner = Callable[[list[Record], EvalOptions, Report, Progress], Awaitable[None]]


async def run_evaluation(kind: str, options: EvalOptions) -> Report:
    """Evaluates.

    Args:
        kind: For example `sql`.
        options: What to run on.

    Raises:
        NarrowgaugeError: The data cannot be read, or what is evaluated cannot be served.
    """
    records = read_records(options.data, limit=options.limit)
    if not records:
        raise InvalidRequest("NO_RECORDS", f"{options.data} has no records")
    report = Report(kind, len(records), data_sha256(options.data))
    with progress_bar() as progress:
        await _runner(kind)(records, options, report, progress)
    return report


def _runner(kind: str) -> Runner:
    match kind:
        case "router":
            from narrowgauge.cli.evaluate.routing import evaluate_intents

            return evaluate_intents
        case "plan":
            from narrowgauge.cli.evaluate.routing import evaluate_plans

            return evaluate_plans
        case "sql":
            return _sql
        case "salesforce":
            return _salesforce
    raise InvalidRequest("NO_SUCH_KIND", f"there is no evaluation {kind!r}")


async def _sql(records: list[Record], options: EvalOptions, report: Report, progress: Progress) -> None:
    from narrowgauge.evaluation.kinds.sql import SqlKind

    await _ask(SqlKind(records, await sql_databases(records, options, progress)), options, report, progress)


async def _salesforce(
    records: list[Record], options: EvalOptions, report: Report, progress: Progress
) -> None:
    from narrowgauge.cli.evaluate.serving import organisation_catalogue
    from narrowgauge.evaluation.kinds.salesforce import SalesforceKind

    await _ask(SalesforceKind(records, await organisation_catalogue(progress)), options, report, progress)


async def sql_databases(records: list[Record], options: EvalOptions, progress: Progress) -> Databases:
    """Returns the databases of records; writes the demo warehouse when a record is about it."""
    from narrowgauge.cli.home import Home
    from narrowgauge.cli.preparing import ready_demo_data
    from narrowgauge.evaluation import sql_databases as databases

    home = Home.of(os.environ)
    demo = any(record.get("db") == "warehouse" for record in records)
    await ready_demo_data(home, warehouse=demo, organisation=False, progress=progress)
    return databases.Databases(
        options.data, warehouse=home.warehouse if demo else None, schemas=options.schemas
    )


async def _ask(kind: SpecialistKind, options: EvalOptions, report: Report, progress: Progress) -> None:
    """Asks the specialist of a kind and measures what it answers."""
    from narrowgauge.cli.evaluate.serving import served_specialist
    from narrowgauge.evaluation.asking import Asker

    async with served_specialist(
        kind.specialist,
        address=options.address,
        bundle=options.bundle,
        model=options.model,
        progress=progress,
    ) as served:
        report.bundle, report.model = served.bundle_hash, served.model
        asker = Asker(served.channel, served.bundle_hash)
        n = len(kind.cases)
        answers = await asker.ask_all(
            kind.cases,
            parallel=options.parallel,
            on_done=lambda done: progress(f"asking {kind.specialist}", done / n),
        )
    progress("comparing", None)
    report.latency_ms = percentiles([turn.latency_ms for turns in answers for turn in turns])
    kind.score(answers, report)
