"""Drives one chain from its log to its end."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable
from typing import Any

from google.rpc import code_pb2, status_pb2
from opentelemetry import trace

from narrowgauge.errors import Cancelled, DeadlineExceeded, InternalError, NarrowgaugeError
from narrowgauge.runtime import metrics, semconv
from narrowgauge.runtime.status import status_of
from narrowgauge.runtime.telemetry import tracer
from narrowgauge.v1 import dispatcher_pb2
from router_svc.chain.conversations import Conversations
from router_svc.chain.log import LogClosed
from router_svc.chain.parts import ChainParts
from router_svc.chain.planning import check_plan
from router_svc.chain.run import outcome_unknown, run_step
from router_svc.chain.schedule import (
    Begin,
    Close,
    Decision,
    Expand,
    Fail,
    Skip,
    chain_status,
    decisions,
    fan_out,
)
from router_svc.chain.sources import link_sources
from router_svc.chain.state import End, Run

__all__ = ["ChainExecutor"]

_log = logging.getLogger(__name__)


class ChainExecutor:
    """Executes a chain. One `run` a router process; after a crash another process runs the rest."""

    def __init__(self, parts: ChainParts) -> None:
        self._parts = parts
        self._tasks: dict[str, asyncio.Task[Any]] = {}
        self._conversations = Conversations(parts.environment.specialists)
        self._stop: asyncio.Future[NarrowgaugeError] = asyncio.get_running_loop().create_future()

    def cancel(self, reason: str) -> bool:
        """Ends the chain: what runs is cancelled down to the specialists and tools.

        Returns:
            False when the chain is ending early already.
        """
        return self._end_early(
            Cancelled("CHAIN_CANCELLED", f"the client cancelled the chain{reason and ': ' + reason}")
        )

    async def run(self) -> None:
        """Runs the chain to its last event.

        When the caller cancels this, the log stays as it is and another router can go on with it.

        Raises:
            LogClosed: The log takes no more events.
        """
        session = self._parts.log.session_id
        metrics.chains_active.add(1)
        with tracer().start_as_current_span(
            semconv.SPAN_DISPATCH, attributes={semconv.SESSION_ID: session}
        ) as span:
            timer = asyncio.get_running_loop().call_later(self._parts.left_s, self._on_deadline)
            try:
                error = await self._work_or_defect()
                await self._stop_tasks()
                await self._finish(span, error)
            finally:
                timer.cancel()
                metrics.chains_active.add(-1)
                await self._stop_tasks()
                await self._conversations.close()

    def _on_deadline(self) -> None:
        self._end_early(DeadlineExceeded("CHAIN_DEADLINE", "the chain's deadline passed"))

    def _end_early(self, error: NarrowgaugeError) -> bool:
        if self._stop.done():
            return False
        self._stop.set_result(error)
        return True

    async def _work_or_defect(self) -> NarrowgaugeError | None:
        try:
            return await self._work()
        except LogClosed:
            raise
        except Exception as error:
            _log.exception("defect in a chain", extra={"session_id": self._parts.log.session_id})
            return InternalError("CHAIN_DEFECT", f"a defect ended the chain ({type(error).__name__})")

    async def _work(self) -> NarrowgaugeError | None:
        """Plans and runs all steps; returns why it stopped early, `None` when it did not."""
        if self._parts.state.plan is None:
            planning = asyncio.create_task(self._plan())
            self._tasks["plan"] = planning
            early: list[asyncio.Future[Any]] = [planning, self._stop]
            await asyncio.wait(early, return_when=asyncio.FIRST_COMPLETED)
            if self._stop.done():
                return self._stop.result()
            del self._tasks["plan"]
            error = planning.result()
            if error is not None:
                return error
        while True:
            while await self._decide():
                pass
            if not self._tasks:
                return None
            waited: list[asyncio.Future[Any]] = [*self._tasks.values(), self._stop]
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            if self._stop.done():
                return self._stop.result()
            for step_id in [step_id for step_id, task in self._tasks.items() if task.done()]:
                self._tasks.pop(step_id).result()

    async def _plan(self) -> NarrowgaugeError | None:
        """Makes the plan; returns why there is none."""
        parts, environment = self._parts, self._parts.environment
        began = time.perf_counter()
        with parts.clock.working(), tracer().start_as_current_span(semconv.SPAN_PLAN) as span:
            try:
                plan = await environment.planner.plan(parts.start.text)
                check_plan(plan, environment.specialist_names, environment.limits.max_steps)
                if not parts.start.context:
                    plan = link_sources(plan, environment.about_context)
            except NarrowgaugeError as error:
                return error
            span.set_attribute(semconv.STEP_COUNT, len(plan.steps))
        parts.clock.plan_ms += (time.perf_counter() - began) * 1000
        abstained = sum(not step.specialist for step in plan.steps)
        if abstained:
            metrics.abstentions.add(abstained)
        await self._log(("", {"plan_made": dispatcher_pb2.PlanMade(plan=plan)}))
        return None

    async def _decide(self) -> bool:
        """Does what can be done without waiting; returns whether that changed the chain's state."""
        changed = False
        for decision in list(decisions(self._parts.state, frozenset(self._tasks))):
            changed |= await self._do(decision)
        return changed

    async def _do(self, decision: Decision) -> bool:
        match decision:
            case Begin(run):
                self._tasks[run.step_id] = asyncio.create_task(
                    run_step(self._parts, self._conversations, run)
                )
                return False
            case Expand(step):
                await self._expand(step)
            case Skip(step, reason, message):
                skipped = dispatcher_pb2.StepSkipped(reason=reason, message=message)
                await self._log((step.step_id, {"step_skipped": skipped}))
                metrics.steps.add(1, {semconv.OUTCOME: End.SKIPPED.value, semconv.REASON: reason})
            case Close(step):
                finished = dispatcher_pb2.StepFinished(step_ms=self._step_ms(step))
                await self._log((step.step_id, {"step_finished": finished}))
            case Fail(step, status):
                await self._log((step.step_id, {"step_failed": dispatcher_pb2.StepFailed(status=status)}))
        return True

    async def _expand(self, step: Run) -> None:
        assert self._parts.state.plan is not None
        rows = self._parts.environment.contexts.rows_for(self._parts.state, step)
        expansion = fan_out(step, len(rows), self._max_fan_out())
        if not isinstance(expansion, list):
            await self._do(expansion)
            return
        planned = self._parts.state.plan.steps[step.step]
        started = dispatcher_pb2.StepStarted(step=step.step, specialist=planned.specialist, text=planned.text)
        expanded = dispatcher_pb2.StepExpanded(step_ids=expansion)
        await self._log(
            (step.step_id, {"step_started": started}), (step.step_id, {"step_expanded": expanded})
        )

    def _max_fan_out(self) -> int:
        own, asked = self._parts.environment.limits.max_fan_out, self._parts.start.policy.max_fan_out
        return min(own, asked) if asked else own

    def _step_ms(self, step: Run) -> float:
        waited = max((run.approval_s for run in self._parts.state.runs_of(step)), default=0.0)
        return max(0.0, time.time() - step.started_at - waited) * 1000

    async def _stop_tasks(self) -> None:
        tasks, self._tasks = list(self._tasks.values()), {}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
            for task in tasks:
                if not task.cancelled():
                    task.exception()  # what it raised is the log's error, which the next append raises too
        await self._parts.log.drain()

    async def _finish(self, span: trace.Span, error: NarrowgaugeError | None) -> None:
        events = list(self._last_steps(error)) if error is not None else []
        # a cancel or a deadline that comes after the last step's end cuts nothing short
        early = error is not None and (bool(events) or not self._parts.state.runs)
        status = status_of(error) if early and error is not None else chain_status(self._parts.state)
        timings = self._parts.clock.timings(self._parts.log.state_ms)
        context = span.get_span_context()
        finished = dispatcher_pb2.ChainFinished(
            status=status,
            timings=timings,
            trace_id=trace.format_trace_id(context.trace_id) if context.is_valid else "",
        )
        await self._log(*events, ("", {"chain_finished": finished}), durable=True)
        outcome = code_pb2.Code.Name(status.code)
        span.set_attribute(semconv.OUTCOME, outcome)
        metrics.chain_duration.record(timings.loop_ms / 1000, {semconv.OUTCOME: outcome})

    def _last_steps(self, error: NarrowgaugeError) -> Iterable[tuple[str, dict[str, Any]]]:
        """The terminal events of what a chain that ends early leaves open."""
        status = status_of(error)
        for run in self._parts.state.open_runs():
            if run.started_at:
                failed: status_pb2.Status = outcome_unknown(run, status)
                yield run.step_id, {"step_failed": dispatcher_pb2.StepFailed(status=failed)}
            else:
                skipped = dispatcher_pb2.StepSkipped(reason="CHAIN_ENDED", message=error.message)
                yield run.step_id, {"step_skipped": skipped}

    async def _log(self, *events: tuple[str, dict[str, Any]], durable: bool = False) -> None:
        await self._parts.log.append(*events, durable=durable)
