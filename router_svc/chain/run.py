"""One run of a step: the specialist's call, the approval, the tool, and repairs, each in the log."""

from __future__ import annotations

import logging
import time

from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message
from google.rpc import code_pb2, status_pb2
from opentelemetry.trace import StatusCode
from ulid import ULID

from narrowgauge.errors import FailedPrecondition, NarrowgaugeError, Unavailable
from narrowgauge.runtime import metrics, semconv
from narrowgauge.runtime.status import status_of
from narrowgauge.runtime.telemetry import tracer
from narrowgauge.v1 import dispatcher_pb2, options_pb2, specialist_pb2
from router_svc.chain.calls import CheckedCall, check_call
from router_svc.chain.conversations import Conversations
from router_svc.chain.gate import ClientResult, Decision
from router_svc.chain.log import LogClosed
from router_svc.chain.parts import ChainParts
from router_svc.chain.retrying import log_retry, retrying
from router_svc.chain.rows import message_json
from router_svc.chain.state import Run
from router_svc.chain.talk import Talk
from router_svc.hops.failure import HopFailed, reason_of

__all__ = ["outcome_unknown", "run_step"]

_log = logging.getLogger(__name__)

# Errors that another call may avoid. The others say that the caller may not (PERMISSION_DENIED,
# UNAUTHENTICATED), that time ran out, or that the tool is broken: a different call does not help.
REPAIRABLE = frozenset(
    (
        code_pb2.INVALID_ARGUMENT,
        code_pb2.NOT_FOUND,
        code_pb2.ALREADY_EXISTS,
        code_pb2.FAILED_PRECONDITION,
        code_pb2.OUT_OF_RANGE,
        code_pb2.ABORTED,
        code_pb2.UNKNOWN,
    )
)
# After these a call may have been executed although its outcome did not arrive.
OUTCOME_UNKNOWN = frozenset((code_pb2.UNAVAILABLE, code_pb2.DEADLINE_EXCEEDED, code_pb2.CANCELLED))
OUR_OWN_REASONS = frozenset(("RESULT_TOO_LARGE", "TOOL_NOT_CONFIGURED", "BAD_TOOL_RESPONSE"))


class _Rejected(Exception):
    """The client rejected the call; the events are in the log."""


async def run_step(parts: ChainParts, conversations: Conversations, run: Run) -> None:
    """Runs one step, or one run of a for-each, to its terminal event.

    Goes on from what the log has: with the call that was made, the approval that was given, and the
    idempotency key under which the call was sent.

    Raises:
        LogClosed: The log takes no more events.
    """
    assert parts.state.plan is not None
    specialist = parts.state.plan.steps[run.step].specialist
    attributes = {semconv.STEP_ID: run.step_id, semconv.SPECIALIST: specialist}
    with tracer().start_as_current_span(semconv.SPAN_STEP, attributes=attributes) as span:
        talk = Talk(parts, conversations, run, specialist)
        step = _StepRun(parts, run, specialist, talk)
        try:
            await step.to_its_end()
            await talk.close(reusable=True)
        except _Rejected:
            pass
        except HopFailed as failed:
            await step.fail(failed.status)
        except NarrowgaugeError as error:
            await step.fail(status_of(error))
        except LogClosed:
            raise
        except Exception as error:
            _log.exception("defect in a step", extra={"step_id": run.step_id})
            await step.fail(status_of(error))
        finally:
            await talk.close(reusable=False)
            if run.status is not None:
                span.set_status(StatusCode.ERROR)
                span.set_attribute(semconv.REASON, reason_of(run.status))
            if run.end is not None:
                outcome = {semconv.SPECIALIST: specialist, semconv.OUTCOME: run.end.value}
                metrics.steps.add(1, outcome)
                metrics.step_duration.record(step.step_ms / 1000, outcome)


def outcome_unknown(run: Run, status: status_pb2.Status) -> status_pb2.Status:
    """Returns the status with which a run ends that had handed a write to its tool and got no answer.

    Other runs' statuses are returned as they are.
    """
    writes = run.side_effect in (options_pb2.SIDE_EFFECT_WRITE, options_pb2.SIDE_EFFECT_DESTRUCTIVE)
    if not writes or not run.idempotency_key or status.code not in OUTCOME_UNKNOWN:
        return status
    error = NarrowgaugeError(
        "WRITE_OUTCOME_UNKNOWN",
        f"the call was sent and may have been executed: {status.message}",
        metadata={"idempotency_key": run.idempotency_key, "cause": reason_of(status)},
    )
    unknown = status_of(error)
    unknown.code = status.code
    return unknown


class _StepRun:
    def __init__(self, parts: ChainParts, run: Run, specialist: str, talk: Talk) -> None:
        self._parts = parts
        self._run = run
        self._specialist = specialist
        self._talk = talk
        self._limits = parts.environment.limits

    @property
    def step_ms(self) -> float:
        """Time from the step's start, waiting for approvals excluded."""
        if not self._run.started_at:
            return 0.0
        return max(0.0, time.time() - self._run.started_at - self._run.approval_s) * 1000

    async def fail(self, status: status_pb2.Status) -> None:
        """Logs the step's failure."""
        status = outcome_unknown(self._run, status)
        failed = dispatcher_pb2.StepFailed(status=status)
        await self._log({"step_failed": failed}, durable=bool(self._run.idempotency_key))

    async def to_its_end(self) -> None:
        """Runs the step until it is finished; every other end is an exception."""
        call = await self._begin()
        while True:
            try:
                response = await self._execute(call)
            except HopFailed as failed:
                call = await self._repaired(call, failed)
                continue
            await self._finish(call, response)
            return

    async def _begin(self) -> CheckedCall:
        run = self._run
        if not run.started_at:
            assert self._parts.state.plan is not None
            started = dispatcher_pb2.StepStarted(
                step=run.step,
                specialist=self._specialist,
                text=self._parts.state.plan.steps[run.step].text,
            )
            await self._log({"step_started": started})
        elif not run.asked_at_sequence:
            stopped = Unavailable("ROUTER_LOST", "the router that ran this step stopped; another one goes on")
            await log_retry(self._parts, run, status_of(stopped))
        if run.call is not None:
            return check_call(self._parts.environment, self._specialist, run.call)
        return await self._made(await self._talk.first())

    async def _repaired(self, call: CheckedCall, failed: HopFailed) -> CheckedCall:
        """Gets another call after a tool's error; raises `failed` when there is no point in one."""
        status = failed.status
        mine = reason_of(status) in OUR_OWN_REASONS
        if mine or status.code not in REPAIRABLE or self._run.calls >= self._limits.max_turns:
            raise failed
        metrics.repairs.add(1, {semconv.SPECIALIST: self._specialist, semconv.REASON: reason_of(status)})
        await log_retry(self._parts, self._run, status)
        answer = await self._talk.repair(call.wire, status)
        if answer.WhichOneof("payload") != "tool_call" or answer.tool_call.request == call.wire.request:
            raise failed  # given up, or the same call again: the tool's own words say what is wrong
        return await self._made(answer)

    async def _made(self, answer: specialist_pb2.ExecuteResponse) -> CheckedCall:
        if answer.WhichOneof("payload") != "tool_call":
            refusal = answer.refusal
            raise FailedPrecondition(
                refusal.reason or "REFUSED",
                refusal.message or f"specialist {self._specialist} made no call",
                metadata={"specialist": self._specialist},
            )
        call = check_call(self._parts.environment, self._specialist, answer.tool_call)
        made = dispatcher_pb2.ToolCallMade(
            call=answer.tool_call,
            side_effect=call.tool.side_effect,  # type: ignore[arg-type]  # a plain int in `Tool`
            execution=call.tool.execution,  # type: ignore[arg-type]
            timings=answer.timings,
        )
        await self._log({"tool_call": made})
        return call

    async def _execute(self, call: CheckedCall) -> tuple[Message, float]:
        """Turns a call into its result and the milliseconds that took; raises `HopFailed`."""
        if call.tool.execution == options_pb2.EXECUTION_NONE:
            return call.request, 0.0
        if call.writes and not self._run.approved:
            await self._approve()
        by_client = call.tool.execution == options_pb2.EXECUTION_CLIENT
        if not self._run.idempotency_key:
            sent = dispatcher_pb2.ToolCallSent(idempotency_key=str(ULID()))
            await self._log({"tool_call_sent": sent}, durable=call.writes)
        began = time.perf_counter()
        response = await (self._ask_client(call) if by_client else self._call_tool(call))
        return response, (time.perf_counter() - began) * 1000

    async def _approve(self) -> None:
        """Returns once the call may be sent; raises `_Rejected`."""
        run = self._run
        if run.side_effect in self._parts.start.policy.auto_approve:
            given = dispatcher_pb2.ApprovalGiven(approved=True, by_policy=True)
            await self._log({"approval_given": given})
            return
        await self._talk.pause()
        with self._parts.clock.waiting(), tracer().start_as_current_span(semconv.SPAN_APPROVAL):
            if not run.asked_at_sequence:
                required = dispatcher_pb2.ApprovalRequired(side_effect=run.side_effect)  # type: ignore[arg-type]
                await self._log({"approval_required": required})
            decision = await self._parts.gate.wait(run)
        assert isinstance(decision, Decision)
        given = dispatcher_pb2.ApprovalGiven(approved=decision.approved, reason=decision.reason)
        if decision.approved:
            await self._log({"approval_given": given}, durable=True)
            return
        skipped = dispatcher_pb2.StepSkipped(
            reason="REJECTED", message=decision.reason or "rejected by the client"
        )
        await self._log({"approval_given": given}, {"step_skipped": skipped})
        raise _Rejected

    async def _call_tool(self, call: CheckedCall) -> Message:
        run, parts = self._run, self._parts

        async def attempt() -> Message:
            attributes = {semconv.TOOL_NAME: call.tool.method, semconv.STEP_ID: run.step_id}
            async with parts.slots:
                began = time.perf_counter()
                with (
                    parts.clock.working(),
                    tracer().start_as_current_span(semconv.SPAN_TOOL, attributes=attributes),
                ):
                    try:
                        return await parts.environment.tools.call(
                            call.tool,
                            call.wire.request,
                            idempotency_key=run.idempotency_key,
                            timeout_s=min(parts.left_s, self._limits.tool_timeout_s),
                        )
                    finally:
                        spent_s = time.perf_counter() - began
                        parts.clock.tool_ms += spent_s * 1000
                        metrics.hop_duration.record(
                            spent_s, {semconv.HOP: semconv.SPAN_TOOL, semconv.SPECIALIST: self._specialist}
                        )

        return await retrying(parts, run, attempt)

    async def _ask_client(self, call: CheckedCall) -> Message:
        await self._talk.pause()
        began = time.perf_counter()
        with self._parts.clock.working(), tracer().start_as_current_span(semconv.SPAN_TOOL):
            answer = await self._parts.gate.wait(self._run)
        self._parts.clock.tool_ms += (time.perf_counter() - began) * 1000
        assert isinstance(answer, ClientResult)
        if answer.message is None:
            unsaid = status_pb2.Status(code=code_pb2.UNKNOWN, message="the client's tool failed")
            raise HopFailed(semconv.SPAN_TOOL, answer.error or unsaid)
        response = call.tool.response_class()
        response.ParseFromString(answer.message.value)
        return response

    async def _finish(self, call: CheckedCall, outcome: tuple[Message, float]) -> None:
        response, tool_ms = outcome
        message = AnyMessage()
        message.Pack(response)
        result = dispatcher_pb2.ToolResultReceived(
            message=message,
            json=message_json(response, self._parts.environment.contexts.pool),
            tool_ms=tool_ms,
        )
        finished = dispatcher_pb2.StepFinished(step_ms=self.step_ms)
        await self._log({"tool_result": result}, {"step_finished": finished}, durable=call.writes)

    async def _log(self, *events: dict[str, object], durable: bool = False) -> None:
        await self._parts.log.append(*((self._run.step_id, event) for event in events), durable=durable)
