"""Random plans with random outcomes: what must hold of every chain, whatever happens in it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from dispatch_client import Event
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message
from google.rpc import code_pb2, status_pb2
from hypothesis import given, settings
from hypothesis import strategies as st
from memory_store import MemoryStore
from scripted import ScriptedPlanner
from shop_contract import AFTER, CONTRACTS, FOR_EACH, POOL, USES, call_answer, message, plan, step

from narrowgauge.contracts.contract import Tool
from narrowgauge.v1 import dispatcher_pb2, specialist_pb2
from router_svc.chain.clock import ChainClock
from router_svc.chain.context import ContextBuilder
from router_svc.chain.executor import ChainExecutor
from router_svc.chain.gate import Decision, Gate
from router_svc.chain.log import ChainLog, LogClosed
from router_svc.chain.parts import ChainParts, Environment
from router_svc.chain.ports import Conversation, SubTask
from router_svc.chain.state import ChainState, End
from router_svc.hops.failure import HopFailed
from router_svc.limits import Limits
from router_svc.state.store import ChainRecord, Lease

TERMINAL = {"step_failed", "step_finished", "step_skipped"}
METHODS = ('List {"count": 0}', 'List {"count": 3}', 'Order {"name": "x"}', 'Note {"text": "x"}', "Dance {}")
CODES = (
    code_pb2.OK,
    code_pb2.OK,
    code_pb2.OK,
    code_pb2.UNAVAILABLE,
    code_pb2.INVALID_ARGUMENT,
    code_pb2.INTERNAL,
)


@dataclass
class Fate:
    """What happens in a chain, drawn from bytes: one for each hop, in turn."""

    draws: bytes
    used: int = 0

    def next(self) -> int:
        self.used += 1
        return self.draws[self.used % len(self.draws)] if self.draws else 0

    async def hop(self, name: str) -> None:
        """Lets other tasks run first or not, then succeeds or fails."""
        draw = self.next()
        for _ in range(draw % 4):
            await asyncio.sleep(0)
        code = CODES[draw // 4 % len(CODES)]
        if code != code_pb2.OK:
            raise HopFailed(name, status_pb2.Status(code=code, message="drawn"))


class DrawnConversation:
    """A specialist that says what the sub-task says, or fails."""

    def __init__(self, fate: Fate) -> None:
        self.fate = fate
        self.text = ""
        self.closed = False

    async def ask(self, sub_task: SubTask, timeout_s: float) -> specialist_pb2.ExecuteResponse:
        self.text = sub_task.text
        await self.fate.hop("specialist")
        return call_answer(sub_task.text)

    async def repair(self, error: status_pb2.Status, timeout_s: float) -> specialist_pb2.ExecuteResponse:
        await self.fate.hop("specialist")
        return call_answer('List {"count": %d}' % (self.fate.next() % 5))  # noqa: UP031  braces of JSON

    async def close(self) -> None:
        self.closed = True


class DrawnWorld:
    """Specialists and tools whose outcomes are drawn."""

    def __init__(self, fate: Fate) -> None:
        self.fate = fate
        self.conversations: list[DrawnConversation] = []
        self.executed: dict[str, int] = {}
        self.most = self.active = 0

    def converse(self, specialist: str, timeout_s: float) -> Conversation:
        self.conversations.append(DrawnConversation(self.fate))
        return self.conversations[-1]

    def tool(self, specialist: str, method: str) -> Tool:
        return CONTRACTS[specialist].tool(method)

    async def call(
        self, tool: Tool, request: AnyMessage, *, idempotency_key: str, timeout_s: float
    ) -> Message:
        self.active += 1
        self.most = max(self.most, self.active)
        try:
            await self.fate.hop("tool")
        finally:
            self.active -= 1
        if tool.name == "List":
            decoded = tool.request_class.FromString(request.value)
            return message("ListResponse", items=[{"name": f"i{n}"} for n in range(decoded.count)])  # type: ignore[attr-defined]
        self.executed[idempotency_key] = self.executed.get(idempotency_key, 0) + 1
        return message("OrderResponse", id="1")


@st.composite
def plans(draw: st.DrawFn) -> dispatcher_pb2.Plan:
    """A random DAG of up to seven steps, in any text order."""
    count = draw(st.integers(1, 7))
    order = draw(st.permutations(range(count)))
    steps = []
    for index in range(count):
        earlier = [other for other in range(count) if order[other] < order[index]]
        chosen = draw(st.lists(st.sampled_from(earlier), unique=True, max_size=3)) if earlier else []
        dependencies = [(other, draw(st.sampled_from((AFTER, USES, FOR_EACH)))) for other in chosen]
        text = draw(st.sampled_from(METHODS))
        steps.append(step(text, *dependencies, specialist=None if draw(st.integers(0, 9)) else ""))
    return plan(*steps)


async def execute(
    planned: dispatcher_pb2.Plan, fate: Fate, crash_after: int | None, cancel_after: int | None
) -> tuple[list[Event], DrawnWorld]:
    """Runs a chain to its end, with a crash and a take-over, or a cancel, after so many events."""
    world, store = DrawnWorld(fate), MemoryStore()
    limits = Limits(max_fan_out=4, max_parallel=3, retry_attempts=2, retry_backoff_s=0.0, max_turns=3)
    environment = Environment(
        planner=ScriptedPlanner(planned),
        specialist_names=frozenset(CONTRACTS),
        about_context=frozenset(),
        specialists=world,
        tools=world,
        contexts=ContextBuilder(POOL, 1000),
        violations=lambda checked: [],
        limits=limits,
    )
    now = time.time()
    lease = await store.create(ChainRecord("s", b"", now, now + 60, "", "b"), "one", 60)

    async def owner(lease: Lease, watch: Callable[[ChainExecutor, int], None]) -> None:
        events = [Event.FromString(body) for body in await store.events("s", 0)]
        log = ChainLog(store, lease, events)
        parts = ChainParts(
            environment=environment,
            start=dispatcher_pb2.ChainStart(text="x"),
            deadline_at=now + 60,
            log=log,
            gate=Gate(log.state),
            clock=ChainClock(now, log.state),
            slots=asyncio.Semaphore(limits.max_parallel),
        )
        executor = ChainExecutor(parts)
        running = asyncio.create_task(executor.run())

        async def decide() -> None:
            for event in events:
                await answer(event)
            async for event in log.follow(len(events)):
                watch(executor, event.sequence)
                await answer(event)

        async def answer(event: Event) -> None:
            if (
                event.HasField("approval_required")
                and log.state.runs[event.step_id].asked_at_sequence == event.sequence
            ):
                parts.gate.answer(event.step_id, Decision(approved=fate.next() % 4 > 0))

        deciding = asyncio.create_task(decide())
        try:
            await running
        finally:
            deciding.cancel()
            await asyncio.wait([deciding])

    class Crash(Exception):
        """The process is gone."""

    def crash(lease: Lease) -> None:
        if lease.owner == "one" and crash_after is not None and len(store.chains["s"].events) >= crash_after:
            raise Crash

    def cancel(executor: ChainExecutor, sequence: int) -> None:
        if cancel_after is not None and sequence >= cancel_after:
            executor.cancel("drawn")

    store.on_append = crash
    try:
        await owner(lease, cancel)
    except LogClosed:
        await store.release(lease)
        taken = await store.acquire("s", "two", 60)
        assert taken is not None
        await owner(taken, cancel)
    return [Event.FromString(body) for body in await store.events("s", 0)], world


def check(planned: dispatcher_pb2.Plan, events: list[Event], world: DrawnWorld) -> None:
    """What holds of every chain."""
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    assert [event for event in events if event.HasField("chain_finished")] == [events[-1]]
    state = ChainState()
    ended_at: dict[str, int] = {}
    started_at: dict[str, int] = {}
    sent: dict[str, int] = {}
    unsent: set[str] = set()
    for event in events:
        state.apply(event)
        kind = str(event.WhichOneof("event"))
        if kind in TERMINAL:
            assert event.step_id not in ended_at, "a step ends once"
            ended_at[event.step_id] = event.sequence
        elif event.step_id:
            assert event.step_id not in ended_at, "nothing happens after a step's end"
            started_at.setdefault(event.step_id, event.sequence)
        if kind == "tool_call":
            unsent.add(event.step_id)
        if kind == "tool_call_sent":
            assert event.step_id in unsent, "a call gets one key, whoever sends it"
            unsent.discard(event.step_id)
            run = state.runs[event.step_id]
            assert run.call is not None and (run.approved or not run.call.method.endswith("Order"))
            assert event.tool_call_sent.idempotency_key not in sent, "each call has its own key"
            sent[event.tool_call_sent.idempotency_key] = event.sequence
    assert ended_at.keys() == state.runs.keys(), "every step and run ends"
    for index, planned_step in enumerate(planned.steps):
        for dependency in planned_step.depends_on:
            other = state.step(dependency.step)
            for run in [state.step(index), *state.runs_of(state.step(index))]:
                if run.step_id in started_at:
                    assert ended_at[other.step_id] < started_at[run.step_id], "dependencies come first"
                    has_result = other.end is End.FINISHED or other.skip_reason == "NO_ROWS"
                    assert dependency.kind == AFTER or has_result, "what is used is there"
    assert set(world.executed) <= set(sent), "nothing is executed that the log does not know of"
    assert world.most <= 3
    assert all(conversation.closed for conversation in world.conversations), "no stream is left open"
    good = all(run.end is End.FINISHED or run.skip_reason == "NO_ROWS" for run in state.runs.values())
    assert (events[-1].chain_finished.status.code == code_pb2.OK) == good


@settings(max_examples=100, deadline=None)
@given(planned=plans(), draws=st.binary(min_size=1, max_size=60))
def test_every_step_ends_exactly_once(planned: dispatcher_pb2.Plan, draws: bytes) -> None:
    """Each step and run has one terminal event, dependencies are respected, the log has no gap."""
    events, world = asyncio.run(execute(planned, Fate(draws), None, None))
    check(planned, events, world)


@settings(max_examples=100, deadline=None)
@given(planned=plans(), draws=st.binary(min_size=1, max_size=60), crash_after=st.integers(0, 40))
def test_a_crash_anywhere_changes_none_of_that(
    planned: dispatcher_pb2.Plan, draws: bytes, crash_after: int
) -> None:
    """The same holds when the router dies at any point of the log and another one goes on."""
    events, world = asyncio.run(execute(planned, Fate(draws), crash_after, None))
    check(planned, events, world)


@settings(max_examples=100, deadline=None)
@given(planned=plans(), draws=st.binary(min_size=1, max_size=60), cancel_after=st.integers(1, 40))
def test_a_cancel_anywhere_changes_none_of_that(
    planned: dispatcher_pb2.Plan, draws: bytes, cancel_after: int
) -> None:
    """The same holds when the client cancels at any point."""
    events, world = asyncio.run(execute(planned, Fate(draws), None, cancel_after))
    check(planned, events, world)
