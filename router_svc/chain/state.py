"""What a chain's log amounts to: the state of every step and run, folded from the events alone.

Pure: no clock, no input or output. The executor of a new chain and a router that takes a chain over hold
the same object, one fed as the events happen, the other from the store.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc import status_pb2

from narrowgauge.errors import InternalError
from narrowgauge.v1 import dispatcher_pb2, options_pb2, specialist_pb2

__all__ = ["ChainState", "End", "Run"]


class End(Enum):
    """How a step or a run ended."""

    FINISHED = "finished"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass
class Run:
    """A step, or one run of a for-each step.

    Attributes:
        step_id: `2`, or `2.7` for the seventh run.
        step: Index of the step in the plan.
        row: Index of the row, from 0; `None` for the step itself.
        started_at: Seconds since the epoch; 0 before its start.
        call: The last tool call that the specialist wrote.
        side_effect: What it does.
        execution: Who executes it.
        calls: Tool calls written so far.
        attempt: Number of the current attempt, from 1; grows with each `StepRetry`.
        asked_at_sequence: Sequence number of the open question (approval or client call); 0 for none.
        approval_from: When the open question for approval was asked, in seconds since the epoch; 0 for none.
        approval_s: Time spent waiting for approvals.
        approved: The current call was approved, by the client or by the policy.
        idempotency_key: Key under which the current call was handed to the tool; empty before.
        result: The tool's answer.
        runs: Ids of the runs of a for-each step; `None` before it is expanded.
        end: How it ended; `None` while it has not.
        status: Why it failed.
        skip_reason: Why it was skipped.
    """

    step_id: str
    step: int
    row: int | None = None
    started_at: float = 0.0
    call: specialist_pb2.ToolCall | None = None
    side_effect: int = options_pb2.SIDE_EFFECT_UNSPECIFIED
    execution: int = options_pb2.EXECUTION_UNSPECIFIED
    calls: int = 0
    attempt: int = 1
    asked_at_sequence: int = 0
    approval_from: float = 0.0
    approval_s: float = 0.0
    approved: bool = False
    idempotency_key: str = ""
    result: AnyMessage | None = None
    runs: list[str] | None = None
    end: End | None = None
    status: status_pb2.Status | None = None
    skip_reason: str = ""


@dataclass
class ChainState:
    """A chain's state.

    Attributes:
        plan: The plan; `None` before it is made.
        runs: Steps and runs by id, steps first in the order of the plan.
        last_sequence: Sequence number of the last event.
        finished: The last event of a chain that has ended.
    """

    plan: dispatcher_pb2.Plan | None = None
    runs: dict[str, Run] = field(default_factory=dict)
    last_sequence: int = 0
    finished: dispatcher_pb2.ChainFinished | None = None

    def step(self, index: int) -> Run:
        """Returns the step with that index in the plan."""
        return self.runs[str(index)]

    def runs_of(self, step: Run) -> list[Run]:
        """Returns a for-each step's runs in the order of its rows; none for another step."""
        return [self.runs[step_id] for step_id in step.runs or ()]

    def open_runs(self) -> Iterator[Run]:
        """Yields what has not ended: runs before the steps that wait for them."""
        for run in reversed(list(self.runs.values())):
            if run.end is None:
                yield run

    def apply(self, event: dispatcher_pb2.DispatchResponse) -> None:
        """Takes the next event in.

        Raises:
            InternalError: The event cannot follow the ones before it.
        """
        kind = event.WhichOneof("event")
        if event.sequence != self.last_sequence + 1 or self.finished is not None or kind is None:
            raise _impossible(event, f"the log stands at {self.last_sequence}")
        if kind == "plan_made":
            if self.plan is not None:
                raise _impossible(event, "there is a plan")
            self.plan = event.plan_made.plan
            self.runs = {str(index): Run(str(index), index) for index in range(len(self.plan.steps))}
        elif kind == "chain_finished":
            self.finished = event.chain_finished
        else:
            run = self.runs.get(event.step_id)
            if run is None or run.end is not None:
                raise _impossible(event, "no such step is open")
            self._apply_to(run, kind, event)
        self.last_sequence = event.sequence

    def _apply_to(self, run: Run, kind: str, event: dispatcher_pb2.DispatchResponse) -> None:
        now = event.time.ToNanoseconds() / 1e9
        match kind:
            case "step_started":
                run.started_at = now
            case "step_expanded":
                run.runs = list(event.step_expanded.step_ids)
                for row, step_id in enumerate(run.runs):
                    self.runs[step_id] = Run(step_id, run.step, row)
            case "tool_call":
                run.call = event.tool_call.call
                run.side_effect = event.tool_call.side_effect
                run.execution = event.tool_call.execution
                run.calls += 1
                run.approved, run.idempotency_key = False, ""
            case "approval_required":
                run.asked_at_sequence, run.approval_from = event.sequence, now
            case "approval_given":
                run.approved = event.approval_given.approved
                _stop_waiting(run, now)
            case "tool_call_sent":
                run.idempotency_key = event.tool_call_sent.idempotency_key
                if run.execution == options_pb2.EXECUTION_CLIENT:
                    run.asked_at_sequence = event.sequence
            case "tool_result":
                run.result = event.tool_result.message
                run.asked_at_sequence = 0
            case "step_retry":
                run.attempt = event.step_retry.attempt
            case "step_failed":
                _stop_waiting(run, now)
                run.end, run.status = End.FAILED, event.step_failed.status
            case "step_finished":
                run.end = End.FINISHED
            case "step_skipped":
                _stop_waiting(run, now)
                run.end, run.skip_reason = End.SKIPPED, event.step_skipped.reason


def _stop_waiting(run: Run, now: float) -> None:
    if run.approval_from:
        run.approval_s += max(0.0, now - run.approval_from)
    run.asked_at_sequence, run.approval_from = 0, 0.0


def _impossible(event: dispatcher_pb2.DispatchResponse, why: str) -> InternalError:
    return InternalError(
        "IMPOSSIBLE_EVENT",
        f"event {event.sequence} ({event.WhichOneof('event')}) of step {event.step_id!r} cannot follow: "
        f"{why}",
        metadata={"session_id": event.session_id},
    )
