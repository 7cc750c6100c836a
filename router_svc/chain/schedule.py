"""What a chain does next: pure decisions on its state.

The meaning of dependencies:

- *after* is order only: the step runs once the other one has ended, however it ended. What a step may do
  on its own is the approval policy's matter, not the order's.
- *uses* and *for each* need the other step's result: when that failed or was skipped, the step is skipped
  with DEPENDENCY_FAILED.
- A for-each over no rows is skipped with NO_ROWS. That is a good end, with an empty result.
- A for-each step ends well when at least one run did and the others were rejected by the client; it is
  skipped as REJECTED when all were, and fails when any run failed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from google.rpc import code_pb2, status_pb2

from narrowgauge.errors import FailedPrecondition, LimitExceeded, NarrowgaugeError
from narrowgauge.runtime.status import status_of
from narrowgauge.v1 import dispatcher_pb2
from router_svc.chain.state import ChainState, End, Run

__all__ = [
    "Begin",
    "Close",
    "Decision",
    "Expand",
    "Fail",
    "Skip",
    "chain_status",
    "decisions",
    "ended_well",
    "fan_out",
]

AFTER = dispatcher_pb2.DEPENDENCY_KIND_AFTER
FOR_EACH = dispatcher_pb2.DEPENDENCY_KIND_FOR_EACH


@dataclass(frozen=True)
class Begin:
    """Run this step, or this run of a step."""

    run: Run


@dataclass(frozen=True)
class Expand:
    """Make one run a row of this step."""

    step: Run


@dataclass(frozen=True)
class Skip:
    """Do not run this step."""

    step: Run
    reason: str
    message: str


@dataclass(frozen=True)
class Close:
    """End a for-each step whose runs have all ended well, or were rejected in part."""

    step: Run


@dataclass(frozen=True)
class Fail:
    """End a step as failed."""

    step: Run
    status: status_pb2.Status


Decision = Begin | Expand | Skip | Close | Fail


def decisions(state: ChainState, running: frozenset[str]) -> Iterator[Decision]:
    """Yields all that can be done now, given the ids of the runs that are under way.

    An empty answer with nothing under way means that every step has ended.
    """
    assert state.plan is not None
    for index, planned in enumerate(state.plan.steps):
        step = state.step(index)
        if step.end is not None or step.step_id in running:
            continue
        if step.runs is not None:
            yield from _expanded(state, step, running)
            continue
        if not planned.specialist:
            yield Skip(step, "NO_SPECIALIST", _abstention(planned))
            continue
        before = [(state.step(dependency.step), dependency.kind) for dependency in planned.depends_on]
        failed = [other for other, kind in before if kind != AFTER and other.end and not has_result(other)]
        if failed:
            names = ", ".join(other.step_id for other in failed)
            yield Skip(step, "DEPENDENCY_FAILED", f"needs the result of step {names}, which there is none of")
        elif all(other.end for other, _ in before):
            yield Expand(step) if any(kind == FOR_EACH for _, kind in before) else Begin(step)


def has_result(run: Run) -> bool:
    """Tells whether other steps can use the run's result, which may be empty."""
    return run.end is End.FINISHED or (run.end is End.SKIPPED and run.skip_reason == "NO_ROWS")


def ended_well(run: Run) -> bool:
    """Tells whether the run did all that it was asked to do."""
    return has_result(run)


def fan_out(step: Run, rows: int, limit: int) -> Skip | Fail | list[str]:
    """Decides how a for-each step over `rows` rows is expanded: the ids of its runs, or why it is not."""
    if rows == 0:
        return Skip(step, "NO_ROWS", "the step before has no rows")
    if rows > limit:
        error = LimitExceeded(
            "FAN_OUT_EXCEEDED",
            f"the step would run once for each of {rows} rows, the limit is {limit}; narrow the step before, "
            "or raise the limit",
            metadata={"rows": str(rows), "limit": str(limit)},
        )
        return Fail(step, status_of(error))
    return [f"{step.step_id}.{row + 1}" for row in range(rows)]


def chain_status(state: ChainState) -> status_pb2.Status:
    """Returns OK when every step and run ended well, otherwise a status that counts those that did not."""
    assert state.plan is not None
    if not state.runs:
        return status_of(FailedPrecondition("NO_STEPS", "the request has no step; word it as a task"))
    bad = [run for run in state.runs.values() if not ended_well(run)]
    if not bad:
        return status_pb2.Status(code=code_pb2.OK)
    failed = [run.step_id for run in bad if run.end is End.FAILED]
    rejected = [run.step_id for run in bad if run.skip_reason == "REJECTED"]
    unrouted = [run.step_id for run in bad if run.skip_reason == "NO_SPECIALIST"]
    metadata = {
        "failed": ",".join(failed),
        "rejected": ",".join(rejected),
        "without_specialist": ",".join(unrouted),
        "skipped": ",".join(run.step_id for run in bad if run.end is End.SKIPPED),
    }
    return _status_of_bad(state, failed, rejected, unrouted, metadata)


def _status_of_bad(
    state: ChainState,
    failed: Sequence[str],
    rejected: Sequence[str],
    unrouted: Sequence[str],
    metadata: dict[str, str],
) -> status_pb2.Status:
    facts = {name: value for name, value in metadata.items() if value}
    if failed:
        first = state.runs[failed[0]].status
        why = f": {first.message}" if first is not None else ""
        return status_of(_Aborted("STEPS_FAILED", f"step {failed[0]} failed{why}", metadata=facts))
    if unrouted:
        message = f"no specialist serves step {', '.join(unrouted)}"
        return status_of(FailedPrecondition("NO_SPECIALIST", message, metadata=facts))
    message = f"step {', '.join(rejected)} was rejected"
    return status_of(_Aborted("STEPS_REJECTED", message, metadata=facts))


class _Aborted(NarrowgaugeError):
    """Some steps of a chain did not end well."""

    code = code_pb2.ABORTED


def _expanded(state: ChainState, step: Run, running: frozenset[str]) -> Iterator[Decision]:
    runs = state.runs_of(step)
    for run in runs:
        if run.end is None and run.step_id not in running:
            yield Begin(run)
    if any(run.end is None for run in runs):
        return
    failed = [run for run in runs if run.end is End.FAILED]
    rejected = [run for run in runs if run.end is End.SKIPPED]
    if failed:
        first = failed[0].status or status_pb2.Status(code=code_pb2.UNKNOWN)
        status = status_pb2.Status()
        status.CopyFrom(first)
        status.message = f"{len(failed)} of {len(runs)} runs failed; {failed[0].step_id}: {first.message}"
        yield Fail(step, status)
    elif len(rejected) == len(runs):
        yield Skip(step, "REJECTED", "all of its runs were rejected")
    else:
        yield Close(step)


def _abstention(planned: dispatcher_pb2.PlanStep) -> str:
    nearest = ", ".join(f"{c.specialist} ({c.probability:.2f})" for c in planned.candidates[:3])
    return "no specialist serves this part of the request" + (f"; nearest: {nearest}" if nearest else "")
