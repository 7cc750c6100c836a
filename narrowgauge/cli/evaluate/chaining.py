"""`eval chain`: whole requests on freshly seeded demo systems, judged by the rows that they leave."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from narrowgauge.cli.approvals import ApproveUpTo
from narrowgauge.cli.ask import chain_start
from narrowgauge.cli.chain import Decision, run_chain
from narrowgauge.cli.evaluate.options import EvalOptions
from narrowgauge.cli.home import Home
from narrowgauge.cli.preparing import Progress
from narrowgauge.cli.system import System, SystemOptions, running_system
from narrowgauge.errors import InvalidRequest
from narrowgauge.evaluation.chain_checks import Check, checks_of, problems_in, restore
from narrowgauge.evaluation.records import Record
from narrowgauge.evaluation.report import Report, percentiles
from narrowgauge.runtime.channels import open_channel

if TYPE_CHECKING:
    from narrowgauge.routing.evaluate import PlannedStep
    from narrowgauge.v1 import dispatcher_pb2 as pb

__all__ = ["EvalHome", "StepWatch", "evaluate_chains", "kept_seeds", "models_of"]


@dataclass(frozen=True)
class EvalHome(Home):
    """A folder of its own for data, chains and logs; bundle and models are those of the user's.

    Attributes:
        user: The user's home.
        given_bundle: A bundle to serve instead of the user's.
    """

    user: Home = field(default_factory=lambda: Home.of(os.environ))
    given_bundle: Path | None = None

    @staticmethod
    def beside(user: Home, bundle: Path | None) -> EvalHome:
        """Returns the folder for evaluations in a user's home."""
        return EvalHome(user.path / "eval", user, bundle)

    @property
    def bundle(self) -> Path:
        """The bundle that is served."""
        return self.given_bundle or self.user.bundle

    @property
    def bundle_inputs(self) -> Path:
        """Missing for a given bundle, which is served as it is."""
        return self.path / "bundle.inputs" if self.given_bundle else self.user.bundle_inputs

    @property
    def models(self) -> Path:
        """The user's prepared models."""
        return self.user.models


class StepWatch:
    """Collects from a chain's events which steps were planned, and which of them ended well."""

    def __init__(self) -> None:
        self.plan: list[PlannedStep] = []
        self._step_of: dict[str, int] = {}
        self._well: set[int] = set()
        self._badly: set[int] = set()

    def note(self, event: pb.DispatchResponse) -> None:
        """Takes one event."""
        from narrowgauge.routing.evaluate import planned_steps

        kind = event.WhichOneof("event")
        if kind == "plan_made":
            self.plan = planned_steps(event.plan_made.plan)
        elif kind == "step_started":
            self._step_of[event.step_id] = event.step_started.step
        elif kind == "step_finished":
            self._well.add(self._step_of.get(event.step_id, -1))
        elif kind in ("step_failed", "step_skipped"):
            self._badly.add(self._step_of.get(event.step_id, -1))

    def ended_well(self, step: int) -> bool:
        """Whether a step of the plan, and each of its runs, ended well."""
        return step in self._well and step not in self._badly


async def evaluate_chains(
    records: list[Record], options: EvalOptions, report: Report, progress: Progress
) -> None:
    """Runs all requests, each on the seeded rows.

    Raises:
        InvalidRequest: A record is malformed, records are of several days, or `--address` was given.
        FailedPrecondition: The system does not start.
    """
    if options.address:
        raise InvalidRequest("BAD_ARGUMENT", "eval chain starts systems of its own: leave --address out")
    checks = [checks_of(record) for record in records]
    home = EvalHome.beside(Home.of(os.environ), options.bundle)
    system_options = SystemOptions(
        model=options.model, fresh_demo_data=True, organisation_day=_day_of(records)
    )
    outcomes: list[_Outcome] = []
    async with running_system(home, system_options, progress) as system:
        report.bundle = system.bundle_hash
        report.model = await models_of(system)
        seeds = await asyncio.to_thread(kept_seeds, home)
        for record, own in zip(records, checks, strict=True):
            progress("running chains", len(outcomes) / len(records))
            await asyncio.to_thread(restore, home.organisation, seeds["crm"])
            outcomes.append(await _run(record, own, system, seeds))
    _add(records, outcomes, report)


@dataclass(frozen=True)
class _Outcome:
    """What came of one chain; `steps` says of each gold step whether it was planned right and ended well."""

    problems: list[str]
    steps: list[bool]
    loop_ms: float


def _day_of(records: Sequence[Record]) -> str:
    """The day on which all records are asked, and that the organisation must live on: `TODAY` is its own."""
    days = {_today(record) for record in records}
    if len(days) != 1:
        raise InvalidRequest(
            "BAD_RECORD", f"chains of several days ({', '.join(sorted(days))}): ask them apart"
        )
    return days.pop()


def _today(record: Record) -> str:
    from narrowgauge.demo.organisation import SEED_DATE

    return str(record.get("today") or SEED_DATE.isoformat())


async def _run(record: Record, checks: tuple[Check, ...], system: System, seeds: dict[str, Path]) -> _Outcome:
    from narrowgauge.routing.evaluate import gold_steps, match_spans

    async def refuse(event: pb.DispatchResponse, call: pb.ToolCallMade) -> Decision:
        return Decision(False, "everything is approved in advance")

    watch = StepWatch()
    approval = ApproveUpTo.DESTRUCTIVE
    start = chain_start(str(record["request"]), (), approval, "", _today(record), 0)
    async with open_channel(system.router) as channel:
        finished = await run_chain(channel, start, watch.note, refuse)
    databases = {"warehouse": system.home.warehouse, "crm": system.home.organisation}
    problems = await asyncio.to_thread(problems_in, checks, seeds, databases)
    if problems and finished.status.code:
        problems.insert(0, finished.status.message)
    gold = gold_steps(record) if "steps" in record else []
    found = match_spans(gold, watch.plan)
    steps = [
        (at := found.get(index)) is not None
        and watch.plan[at].specialist == step.specialist
        and (step.specialist == "none" or watch.ended_well(at))
        for index, step in enumerate(gold)
    ]
    return _Outcome(problems, steps, finished.timings.loop_ms)


def _add(records: list[Record], outcomes: list[_Outcome], report: Report) -> None:
    report.rate("right", sum(not outcome.problems for outcome in outcomes), len(outcomes))
    steps = [step for outcome in outcomes for step in outcome.steps]
    report.rate("steps_right", sum(steps), len(steps))
    loops = percentiles([outcome.loop_ms for outcome in outcomes])
    report.metrics |= {f"loop_ms.{name}": value for name, value in loops.items()}
    report.latency_ms = loops
    for record, outcome in zip(records, outcomes, strict=True):
        if outcome.problems:
            report.fail(str(record["id"]), "; ".join(outcome.problems))


def kept_seeds(home: Home) -> dict[str, Path]:
    """Keeps copies of the databases as they were written."""
    folder = home.path / "seeds"
    folder.mkdir(parents=True, exist_ok=True)
    seeds = {"warehouse": folder / "warehouse.db", "crm": folder / "organisation.db"}
    shutil.copyfile(home.warehouse, seeds["warehouse"])
    shutil.copyfile(home.organisation, seeds["crm"])
    return seeds


async def models_of(system: System) -> str:
    """Returns the names of the models that serve, each once."""
    from narrowgauge.evaluation.asking import describe

    names = []
    for child in system.supervisor.children:
        if child.name.startswith("specialist-"):
            async with open_channel(child.address) as channel:
                names.append((await describe(channel)).model)
    return ", ".join(dict.fromkeys(names))
