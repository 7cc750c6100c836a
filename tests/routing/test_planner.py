"""The planner: off the event loop, bounded, and without work for callers that left."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest

from narrowgauge.errors import InvalidRequest, Overloaded, Unavailable
from narrowgauge.routing import RouterGraph
from narrowgauge.routing.vocabulary import Vocabulary
from narrowgauge.v1 import dispatcher_pb2
from router_svc.planner import Planner


class Gate:
    """Plans by echo, each plan only when the test lets it."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.entered = threading.Event()
        self.seen: list[str] = []

    def plan(self, text: str, vocabulary: Vocabulary | None = None) -> dispatcher_pb2.Plan:
        self.seen.append(text)
        self.entered.set()
        assert self.open.wait(10)
        if text == "bad":
            raise InvalidRequest("EMPTY_TEXT", "no text")
        return dispatcher_pb2.Plan(steps=[dispatcher_pb2.PlanStep(text=text)], plan_ms=1)


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
async def planner(gate: Gate) -> AsyncIterator[Planner]:
    planner = Planner(gate, permits=3)
    yield planner
    gate.open.set()
    await planner.aclose()


async def entered(gate: Gate) -> None:
    assert await asyncio.to_thread(gate.entered.wait, 10)


async def test_plans_and_errors_reach_their_callers(planner: Planner, gate: Gate) -> None:
    """Each caller gets its own plan or its own error."""
    gate.open.set()
    results = await asyncio.gather(
        planner.plan("one"), planner.plan("bad"), planner.plan("two"), return_exceptions=True
    )
    assert isinstance(results[1], InvalidRequest)
    assert [r.steps[0].text for r in results if isinstance(r, dispatcher_pb2.Plan)] == ["one", "two"]
    assert planner.admitted == 0


async def test_the_event_loop_stays_free(planner: Planner, gate: Gate) -> None:
    """While a plan is being made, other coroutines run."""
    task = asyncio.create_task(planner.plan("slow"))
    await entered(gate)
    assert not task.done()
    gate.open.set()
    assert (await task).steps[0].text == "slow"


async def test_it_refuses_beyond_its_permits(planner: Planner, gate: Gate) -> None:
    """Overload is an error at once, with a time to try again; a permit that comes back is used again."""
    tasks = [asyncio.create_task(planner.plan(str(n))) for n in range(3)]
    await entered(gate)
    with pytest.raises(Overloaded) as caught:
        await planner.plan("one too many")
    assert caught.value.retry_after_ms >= 1
    gate.open.set()
    await asyncio.gather(*tasks)
    assert (await planner.plan("again")).steps[0].text == "again"


async def test_a_caller_that_left_is_not_planned(planner: Planner, gate: Gate) -> None:
    """A cancelled request gives its permit back and never reaches the graph."""
    first = asyncio.create_task(planner.plan("first"))
    await entered(gate)
    second = asyncio.create_task(planner.plan("second"))
    await asyncio.sleep(0)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    third = asyncio.create_task(planner.plan("third"))
    gate.open.set()
    await asyncio.gather(first, third)
    assert gate.seen == ["first", "third"]


async def test_closing_ends_what_waits(planner: Planner, gate: Gate) -> None:
    """When the router shuts down, waiting callers get an error instead of silence, and later ones too."""
    first = asyncio.create_task(planner.plan("first"))
    await entered(gate)
    second = asyncio.create_task(planner.plan("second"))
    await asyncio.sleep(0)
    closing = asyncio.create_task(planner.aclose())
    with pytest.raises(Unavailable):
        await second
    gate.open.set()
    await closing
    with pytest.raises(Unavailable):
        await first
    with pytest.raises(Unavailable):
        await planner.plan("late")


async def test_many_at_once_equal_one_at_a_time(router: RouterGraph) -> None:
    """A real plan is the same alone and among others."""
    texts = [
        "count the orders",
        "delete the lead John Smith",
        "summarize the results",
        "list orders, then summarize them",
    ]
    planner = Planner(router, workers=2)
    try:
        together = await asyncio.gather(*(planner.plan(text) for text in texts * 3))
        for text, plan in zip(texts * 3, together, strict=True):
            alone = router.plan(text)
            alone.plan_ms = plan.plan_ms
            assert alone == plan
    finally:
        await planner.aclose()
