"""Where steps wait for the client: approvals, and results of tool calls that the client executes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc import status_pb2

from narrowgauge.errors import FailedPrecondition
from narrowgauge.v1 import options_pb2
from router_svc.chain.state import ChainState, Run

__all__ = ["Answer", "ClientResult", "Decision", "Gate", "waiting_run"]


@dataclass(frozen=True)
class Decision:
    """The client approves, or else rejects."""

    approved: bool
    reason: str = ""


@dataclass(frozen=True)
class ClientResult:
    """The outcome of a tool call that the client executed: a message or an error."""

    message: AnyMessage | None = None
    error: status_pb2.Status | None = None


Answer = Decision | ClientResult


class Gate:
    """Hands the client's answers to the steps that asked.

    Whether a step waits is what the log says, so an answer may come before a router that has just taken the
    chain over has reached the step again.
    """

    def __init__(self, state: ChainState) -> None:
        self._state = state
        self._answers: dict[str, asyncio.Future[Answer]] = {}

    async def wait(self, run: Run) -> Answer:
        """Returns the answer to the question that the run has asked in the log."""
        future = self._future(run.step_id)
        try:
            return await future
        finally:
            self._answers.pop(run.step_id, None)

    def answer(self, step_id: str, answer: Answer) -> None:
        """Answers a step.

        Raises:
            FailedPrecondition: It does not wait for that.
        """
        waiting_run(self._state, step_id, answer)
        future = self._future(step_id)
        if future.done():
            raise _not_waiting(step_id)
        future.set_result(answer)

    def _future(self, step_id: str) -> asyncio.Future[Answer]:
        if step_id not in self._answers:
            self._answers[step_id] = asyncio.get_running_loop().create_future()
        return self._answers[step_id]


def waiting_run(state: ChainState, step_id: str, answer: Answer) -> Run:
    """Returns the run that waits for such an answer.

    Raises:
        FailedPrecondition: None does.
    """
    run = state.runs.get(step_id)
    if run is None or run.end is not None or not run.asked_at_sequence:
        raise _not_waiting(step_id)
    asked_for_result = run.execution == options_pb2.EXECUTION_CLIENT and bool(run.idempotency_key)
    if asked_for_result != isinstance(answer, ClientResult):
        raise _not_waiting(step_id)
    return run


def _not_waiting(step_id: str) -> FailedPrecondition:
    return FailedPrecondition(
        "STEP_NOT_WAITING",
        f"step {step_id!r} does not wait for this; answer the events approval_required and, for a tool that "
        "the client executes, tool_call_sent",
        metadata={"step_id": step_id[:64]},
    )
