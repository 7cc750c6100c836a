"""Runs one evaluation: records in, report out."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

from narrowgauge.cli.evaluate.options import EvalOptions
from narrowgauge.cli.preparing import Progress
from narrowgauge.cli.render.progress import progress_bar
from narrowgauge.errors import InvalidRequest
from narrowgauge.evaluation.records import Record, data_sha256, read_records
from narrowgauge.evaluation.report import Report, percentiles

if TYPE_CHECKING:
    from narrowgauge.evaluation.answers import Answer
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
        case "summarize":
            return _summarize
        case "recovery":
            return _recovery
        case "chain":
            from narrowgauge.cli.evaluate.chaining import evaluate_chains

            return evaluate_chains
        case "call":
            from narrowgauge.cli.evaluate.calling import evaluate_calls

            return evaluate_calls
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


async def _summarize(records: list[Record], options: EvalOptions, report: Report, progress: Progress) -> None:
    from narrowgauge.evaluation.kinds.summarize import SummarizeKind

    # Meetings are long: few slots with room for them, unless the environment says otherwise.
    environment = {"NARROWGAUGE_SLOT_TOKENS": "4096", "NARROWGAUGE_SLOTS": str(max(2, options.parallel))}
    await _ask(SummarizeKind(records), options, report, progress, environment)


async def _recovery(records: list[Record], options: EvalOptions, report: Report, progress: Progress) -> None:
    """Asks each specialist about its own records, one specialist after the other."""
    from narrowgauge.cli.evaluate.serving import organisation_catalogue
    from narrowgauge.evaluation.kinds.recovery import SPECIALISTS, RecoveryKind, add_outcomes

    by_specialist: dict[str, list[Record]] = {}
    for record in records:
        by_specialist.setdefault(str(record.get("specialist", "")), []).append(record)
    unknown = by_specialist.keys() - set(SPECIALISTS)
    if unknown or (options.address and len(by_specialist) > 1):
        raise InvalidRequest(
            "BAD_SPECIALIST",
            f"eval recovery takes records of {' and '.join(SPECIALISTS)}, with --address of one of them; "
            f"the data has {', '.join(sorted(map(repr, by_specialist)))}",
        )
    outcomes, latencies = [], []
    for name, own in by_specialist.items():
        kind = RecoveryKind(
            name,
            own,
            databases=await sql_databases(own, options, progress) if name == "sql" else None,
            organisation=await organisation_catalogue(progress) if name == "salesforce" else None,
        )
        answers = await _answers(kind, options, report, progress)
        latencies += [turn.latency_ms for turns in answers for turn in turns]
        outcomes += list(zip((case.id for case in kind.cases), kind.outcomes(answers), strict=True))
    report.latency_ms = percentiles(latencies)
    add_outcomes(outcomes, report)


async def sql_databases(records: list[Record], options: EvalOptions, progress: Progress) -> Databases:
    """Returns the databases of records; writes the demo warehouse when a record may be about it."""
    from narrowgauge.cli.home import Home
    from narrowgauge.cli.preparing import ready_demo_data
    from narrowgauge.evaluation import sql_databases as databases

    home = Home.of(os.environ)
    demo = any(record.get("db", "warehouse") == "warehouse" for record in records)
    await ready_demo_data(home, warehouse=demo, organisation=False, progress=progress)
    warehouse = home.warehouse if demo else None
    return databases.Databases(options.data, warehouse=warehouse, schemas=options.schemas)


async def _ask(
    kind: SpecialistKind,
    options: EvalOptions,
    report: Report,
    progress: Progress,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Asks the specialist of a kind and measures what it answers."""
    answers = await _answers(kind, options, report, progress, environment)
    progress("comparing", None)
    report.latency_ms = percentiles([turn.latency_ms for turns in answers for turn in turns])
    kind.score(answers, report)


async def _answers(
    kind: SpecialistKind,
    options: EvalOptions,
    report: Report,
    progress: Progress,
    environment: Mapping[str, str] | None = None,
) -> list[tuple[Answer, ...]]:
    from narrowgauge.cli.evaluate.serving import served_specialists
    from narrowgauge.evaluation.asking import Asker

    n = len(kind.cases)
    async with served_specialists(
        [kind.specialist],
        address=options.address,
        bundle=options.bundle,
        model=options.model,
        progress=progress,
        environment=environment or {},
    ) as served:
        report.bundle, report.model = served.bundle_hash, served.model
        return await Asker(served.channel, served.bundle_hash).ask_all(
            kind.cases,
            parallel=options.parallel,
            on_done=lambda done: progress(f"asking {kind.specialist}", done / n),
        )
