"""A run's talk with its specialist: the first call, repairs, and streams that break in between."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from google.rpc import code_pb2, status_pb2

from narrowgauge.runtime import metrics, semconv
from narrowgauge.runtime.telemetry import tracer
from narrowgauge.v1 import specialist_pb2
from router_svc.chain.conversations import Conversations
from router_svc.chain.parts import ChainParts
from router_svc.chain.ports import Conversation, SubTask
from router_svc.chain.retrying import retrying
from router_svc.chain.state import Run
from router_svc.hops.failure import HopFailed

__all__ = ["Talk"]


class Talk:
    """One sub-task with one specialist.

    The log has the calls but not the specialist's KV cache. After a lost stream, a wait for a person or a
    take-over, a repair therefore begins with the sub-task again: greedy decoding gives the call that failed,
    and its error follows; if it gives another call, that one is the repair.
    """

    def __init__(self, parts: ChainParts, conversations: Conversations, run: Run, specialist: str) -> None:
        self._parts = parts
        self._conversations = conversations
        self._run = run
        self._specialist = specialist
        self._conversation: Conversation | None = None
        self._reused = False

    async def first(self) -> specialist_pb2.ExecuteResponse:
        """Returns the answer to the sub-task; raises `HopFailed`."""
        return await retrying(self._parts, self._run, self._ask)

    async def repair(
        self, failed: specialist_pb2.ToolCall, error: status_pb2.Status
    ) -> specialist_pb2.ExecuteResponse:
        """Returns the answer to a tool's error; raises `HopFailed`."""

        async def attempt() -> specialist_pb2.ExecuteResponse:
            if self._conversation is None:
                answer = await self._ask()
                if answer.tool_call.request != failed.request:
                    return answer
            return await self._turn(lambda talk, timeout_s: talk.repair(error, timeout_s))

        return await retrying(self._parts, self._run, attempt)

    async def pause(self) -> None:
        """Ends the stream for a wait of unknown length, because an open stream may hold a slot."""
        if self._conversation is not None:
            conversation, self._conversation = self._conversation, None
            await self._conversations.end(conversation)

    async def close(self, *, reusable: bool) -> None:
        """Leaves the stream to the chain's next step, or ends it."""
        if self._conversation is not None:
            conversation, self._conversation = self._conversation, None
            reusable = reusable and self._run.row is None
            await self._conversations.give_back(self._specialist, conversation, reusable=reusable)

    async def _ask(self) -> specialist_pb2.ExecuteResponse:
        parts, run = self._parts, self._run
        assert parts.state.plan is not None
        sub_task = SubTask(
            text=parts.state.plan.steps[run.step].text,
            context=parts.environment.contexts.documents(parts.state, run, parts.start.context),
            today=parts.start.today,
        )
        self._open(fresh=run.row is not None)
        try:
            return await self._turn(lambda talk, timeout_s: talk.ask(sub_task, timeout_s))
        except HopFailed as failed:
            if not self._reused or failed.status.code != code_pb2.OUT_OF_RANGE:
                raise
        # with the earlier turns in view the sub-task was too long: alone it may fit
        self._open(fresh=True)
        return await self._turn(lambda talk, timeout_s: talk.ask(sub_task, timeout_s))

    def _open(self, *, fresh: bool) -> None:
        self._conversation, self._reused = self._conversations.take(
            self._specialist, self._parts.left_s, fresh=fresh
        )

    async def _turn(
        self, send: Callable[[Conversation, float], Awaitable[specialist_pb2.ExecuteResponse]]
    ) -> specialist_pb2.ExecuteResponse:
        parts, conversation = self._parts, self._conversation
        assert conversation is not None
        attributes = {semconv.SPECIALIST: self._specialist, semconv.STEP_ID: self._run.step_id}
        async with parts.slots:
            began = time.perf_counter()
            with (
                parts.clock.working(),
                tracer().start_as_current_span(semconv.SPAN_SPECIALIST, attributes=attributes),
            ):
                try:
                    timeout_s = min(parts.left_s, parts.environment.limits.turn_timeout_s)
                    return await send(conversation, timeout_s)
                except BaseException:
                    await self.pause()
                    raise
                finally:
                    spent_s = time.perf_counter() - began
                    parts.clock.specialist_ms += spent_s * 1000
                    metrics.hop_duration.record(
                        spent_s, {semconv.HOP: semconv.SPAN_SPECIALIST, semconv.SPECIALIST: self._specialist}
                    )
