"""Tools that fail: what is repaired, what is tried again, and what the client gets to know."""

from __future__ import annotations

from typing import Any

import pytest
from dispatch_client import AUTO, Client, code_name, failure_of, final, kinds
from google.protobuf.message import Message
from scripted import ToolCallSeen
from scripted_world import World
from shop_contract import call_answer, plan, step

from narrowgauge.errors import (
    InvalidRequest,
    LimitExceeded,
    NotAllowed,
    Unavailable,
)
from narrowgauge.v1 import specialist_pb2
from router_svc.hops.failure import reason_of


async def test_a_tools_error_is_repaired_on_the_same_stream(world: World) -> None:
    """The specialist gets the tool's own status and its next call is executed."""
    world.planner.planned = plan(step('List {"count": 1}'))

    async def picky(request: Any, seen: ToolCallSeen, context: Any) -> Message:
        if request.count == 1:
            raise InvalidRequest("BAD_COUNT", "count must be even")
        return await world.tool.list_items(request, seen, context)

    world.tool.behaviour["List"] = picky
    world.shop.repair_with('List {"count": 2}')
    client = await Client(await world.router()).start()
    events = await client.all()
    assert kinds(events, "0") == [
        "step_started",
        "tool_call",
        "tool_call_sent",
        "step_retry",
        "tool_call",
        "tool_call_sent",
        "tool_result",
        "step_finished",
    ]
    (error,) = world.shop.errors
    assert error.status.message == "count must be even" and reason_of(error.status) == "BAD_COUNT"
    assert code_name(final(events)) == "OK"


async def test_repairs_are_bounded(world: World) -> None:
    """After the last turn the step fails with the tool's own status."""
    world.limits = {"max_turns": 3}
    world.planner.planned = plan(step('List {"count": 0}'))

    async def refuse(request: Any, seen: ToolCallSeen, context: Any) -> Message:
        raise LimitExceeded("NEVER", f"not {request.count}")

    async def counting(turns: list[specialist_pb2.ExecuteRequest]) -> specialist_pb2.ExecuteResponse:
        return call_answer(f'List {{"count": {len(turns)}}}')

    world.tool.behaviour["List"] = refuse
    world.shop.answer = counting
    client = await Client(await world.router()).start()
    await client.all()
    assert len(world.tool.calls) == 3
    assert failure_of(client).message == "not 3"
    assert reason_of(failure_of(client)) == "NEVER"
    assert code_name(final(client.events)) == "ABORTED"


async def test_the_same_call_again_is_not_sent_again(world: World) -> None:
    """A specialist that repeats its call gets no second error: the step fails with the first."""
    world.planner.planned = plan(step('List {"count": 1}'))

    async def refuse(request: Any, seen: ToolCallSeen, context: Any) -> Message:
        raise InvalidRequest("NEVER", "no")

    world.tool.behaviour["List"] = refuse
    client = await Client(await world.router()).start()
    await client.all()
    assert len(world.tool.calls) == 1
    assert reason_of(failure_of(client)) == "NEVER"


async def test_a_forbidden_call_is_not_worked_around(world: World) -> None:
    """PERMISSION_DENIED ends the step without a repair."""
    world.planner.planned = plan(step('List {"count": 1}'))

    async def refuse(request: Any, seen: ToolCallSeen, context: Any) -> Message:
        raise NotAllowed("FORBIDDEN", "no access to items")

    world.tool.behaviour["List"] = refuse
    client = await Client(await world.router()).start()
    await client.all()
    assert code_name(failure_of(client)) == "PERMISSION_DENIED"
    assert not world.shop.errors


async def test_an_unavailable_tool_is_tried_again_with_the_same_key(world: World) -> None:
    """A write is repeated after UNAVAILABLE, under the key of its first attempt."""
    world.planner.planned = plan(step('Order {"name": "x"}'))

    async def late(request: Any, seen: ToolCallSeen, context: Any) -> Message:
        if len(world.tool.calls) < 3:
            raise Unavailable("STARTING", "not yet")
        return await world.tool.order(request, seen, context)

    world.tool.behaviour["Order"] = late
    client = await Client(await world.router()).start(policy=AUTO)
    events = await client.all()
    assert len({call.key for call in world.tool.calls}) == 1
    retries = [e.step_retry for e in events if e.HasField("step_retry")]
    assert [retry.attempt for retry in retries] == [2, 3]
    assert {reason_of(retry.cause) for retry in retries} == {"STARTING"}
    assert code_name(final(events)) == "OK"


async def test_a_tool_that_is_down_fails_after_the_budget(world: World) -> None:
    """UNAVAILABLE stays UNAVAILABLE, and a write that may have happened says so."""
    world.limits = {"retry_attempts": 2}
    world.planner.planned = plan(step('Order {"name": "x"}'))

    async def down(request: Any, seen: ToolCallSeen, context: Any) -> Message:
        raise Unavailable("GONE", "the tool is gone")

    world.tool.behaviour["Order"] = down
    client = await Client(await world.router()).start(policy=AUTO)
    await client.all()
    assert len(world.tool.calls) == 2
    assert code_name(failure_of(client)) == "UNAVAILABLE"
    assert reason_of(failure_of(client)) == "WRITE_OUTCOME_UNKNOWN"


async def test_a_tool_server_that_is_stopped(world: World) -> None:
    """A refused connection is a typed failure of the step, not of the chain's other steps."""
    world.limits = {"retry_attempts": 2}
    world.planner.planned = plan(step('List {"count": 1}'), step('Note {"text": "x"}'))
    stub = await world.router()
    await world.servers["tool"].stop(0)
    client = await Client(stub).start()
    await client.all()
    assert code_name(failure_of(client)) == "UNAVAILABLE"
    assert kinds(client.events, "1")[-1] == "step_finished"


async def test_a_slow_tool_meets_its_time_limit(world: World) -> None:
    """The call ends at the tool's time limit, and the tool sees its cancellation."""
    world.limits = {"tool_timeout_s": 0.05}
    world.planner.planned = plan(step('List {"count": 1}'))
    cancelled = world.tool.hang("List")
    client = await Client(await world.router()).start()
    await client.all()
    assert code_name(failure_of(client)) == "DEADLINE_EXCEEDED"
    await cancelled.wait()


@pytest.mark.parametrize("count", [200, 60_000])
async def test_a_huge_result_is_a_typed_failure(world: World, count: int) -> None:
    """Above our limit, and above what the channel takes in at all."""
    world.limits = {"max_result_bytes": 1000}
    world.planner.planned = plan(step(f'List {{"count": {count}}}'))
    client = await Client(await world.router()).start()
    await client.all()
    assert code_name(failure_of(client)) == "OUT_OF_RANGE"
    assert reason_of(failure_of(client)) == "RESULT_TOO_LARGE"
