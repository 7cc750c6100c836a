"""Hops that fail: what is repaired, what is tried again, and what the client gets to know."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message
from scripted import (
    USES,
    WRITE,
    Client,
    ToolCallSeen,
    World,
    call_answer,
    code_name,
    final,
    kinds,
    plan,
    register_specialist,
    served,
    step,
)

from narrowgauge.errors import (
    FailedPrecondition,
    InvalidRequest,
    LimitExceeded,
    NotAllowed,
    Overloaded,
    Unavailable,
)
from narrowgauge.v1 import dispatcher_pb2, specialist_pb2
from router_svc.hops.failure import reason_of

AUTO = dispatcher_pb2.ChainPolicy(auto_approve=[WRITE])


def failure_of(client: Client, step_id: str = "0") -> Any:
    return next(
        e.step_failed.status for e in client.events if e.step_id == step_id and e.HasField("step_failed")
    )


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


async def test_a_refusal_names_its_reason(world: World) -> None:
    """A sub-task that the specialist holds impossible fails with the specialist's reason; others go on."""
    world.planner.planned = plan(
        step("Dance {}"), step('Note {"text": "x"}'), step('Note {"text": "y"}', (0, USES))
    )
    client = await Client(await world.router()).start()
    await client.all()
    assert code_name(failure_of(client)) == "FAILED_PRECONDITION"
    assert reason_of(failure_of(client)) == "UNANSWERABLE"
    assert kinds(client.events, "1")[-1] == "step_finished"
    assert kinds(client.events, "2") == ["step_skipped"]


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


async def test_an_overloaded_specialist_is_asked_again(world: World) -> None:
    """RESOURCE_EXHAUSTED with RetryInfo is waited out."""
    world.planner.planned = plan(step('Note {"text": "x"}'))
    asked = 0

    async def busy(turns: list[specialist_pb2.ExecuteRequest]) -> specialist_pb2.ExecuteResponse:
        nonlocal asked
        asked += 1
        if asked == 1:
            raise Overloaded("NO_SLOT", "all slots are taken", retry_after_ms=1)
        return await world.note.say(turns)

    world.note.answer = busy
    events = await (await Client(await world.router()).start()).all()
    assert kinds(events, "0") == ["step_started", "step_retry", "tool_call", "tool_result", "step_finished"]


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


async def test_a_specialist_killed_in_mid_stream(world: World) -> None:
    """The sub-task is asked again, from another process at the same address."""
    world.limits = {"retry_attempts": 20, "retry_backoff_s": 0.02}
    world.planner.planned = plan(step('Note {"text": "x"}'))
    reached = asyncio.Event()

    async def hang(turns: list[specialist_pb2.ExecuteRequest]) -> specialist_pb2.ExecuteResponse:
        reached.set()
        await asyncio.Event().wait()
        raise AssertionError

    world.note.answer = hang
    client = await Client(await world.router()).start()
    await reached.wait()
    address = world.servers["note"].address
    await world.servers["note"].stop(0)
    world.note.answer = world.note.say
    async with AsyncExitStack() as stack:
        await served(stack, register_specialist(world.note), address)
        events = await client.all()
    assert "step_retry" in kinds(events, "0")
    assert code_name(final(events)) == "OK"


async def test_a_specialist_that_is_down(world: World) -> None:
    """Its steps fail as UNAVAILABLE after the budget; the list says that it is not reachable."""
    world.limits = {"retry_attempts": 2}
    world.planner.planned = plan(step('Note {"text": "x"}'), step('List {"count": 1}'))
    await world.surroundings()
    await world.servers["note"].stop(0)
    stub = await world.router()
    client = await Client(stub).start()
    await client.all()
    assert code_name(failure_of(client)) == "UNAVAILABLE"
    assert kinds(client.events, "1")[-1] == "step_finished"
    listed = (await stub.ListSpecialists(dispatcher_pb2.ListSpecialistsRequest())).specialists
    assert {s.specialist.name: s.reachable for s in listed} == {"note": False, "shop": True}


async def test_a_specialist_with_another_bundle_is_refused(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """Both hashes are named at the start, in the list, and in the failure of its steps."""
    world.note.bundle = "f" * 64
    world.planner.planned = plan(step('Note {"text": "x"}'))
    stub = await world.router()
    assert "f" * 64 in caplog.text and "b" * 64 in caplog.text
    client = await Client(stub).start()
    await client.all()
    status = failure_of(client)
    assert code_name(status) == "FAILED_PRECONDITION" and reason_of(status) == "BUNDLE_MISMATCH"
    assert "f" * 64 in status.message and "b" * 64 in status.message
    assert not world.note.starts
    listed = (await stub.ListSpecialists(dispatcher_pb2.ListSpecialistsRequest())).specialists
    assert reason_of(next(s for s in listed if s.specialist.name == "note").status) == "BUNDLE_MISMATCH"


async def test_a_call_that_is_not_the_specialists_is_not_sent(world: World) -> None:
    """Neither a method of another contract nor a message that breaks a rule reaches a tool."""
    world.planner.planned = plan(step("a"), step("b"))

    async def rogue(turns: list[specialist_pb2.ExecuteRequest]) -> specialist_pb2.ExecuteResponse:
        return call_answer('Note {"text": "x"}' if turns[-1].start.text == "a" else 'List {"count": -1}')

    world.shop.answer = rogue
    client = await Client(await world.router()).start()
    await client.all()
    assert reason_of(failure_of(client, "0")) == "TOOL_NOT_OF_CONTRACT"
    assert reason_of(failure_of(client, "1")) == "BAD_TOOL_CALL"
    assert not world.tool.calls


async def test_cancel_reaches_the_specialist(world: World) -> None:
    """A cancel in the middle of a turn ends the specialist's stream, and every step gets its last event."""
    world.planner.planned = plan(step('Note {"text": "x"}'), step('Note {"text": "y"}', (0, USES)))
    reached = asyncio.Event()

    async def hang(turns: list[specialist_pb2.ExecuteRequest]) -> specialist_pb2.ExecuteResponse:
        reached.set()
        await asyncio.Event().wait()
        raise AssertionError

    world.note.answer = hang
    client = await Client(await world.router()).start()
    await reached.wait()
    await client.send(cancel=dispatcher_pb2.CancelChain(reason="changed my mind"))
    events = await client.all()
    await world.note.ended.wait()
    assert code_name(final(events)) == "CANCELLED" and "changed my mind" in final(events).message
    assert code_name(failure_of(client)) == "CANCELLED"
    assert next(e for e in events if e.step_id == "1").step_skipped.reason == "CHAIN_ENDED"


async def test_the_deadline_ends_the_chain_and_a_write_says_what_is_unknown(world: World) -> None:
    """At the deadline the tool call is cancelled; the log keeps that its outcome is not known."""
    world.planner.planned = plan(step('Order {"name": "x"}'))
    cancelled = world.tool.hang("Order")
    start = dispatcher_pb2.ChainStart()
    start.deadline.FromMilliseconds(300)
    client = await Client(await world.router()).start(policy=AUTO, deadline=start.deadline)
    events = await client.all()
    await cancelled.wait()
    assert code_name(final(events)) == "DEADLINE_EXCEEDED"
    assert reason_of(failure_of(client)) == "WRITE_OUTCOME_UNKNOWN"


async def test_the_calls_own_deadline_bounds_the_chain(world: World) -> None:
    """Without a deadline of its own, a chain ends with the time that the client gave the call."""
    world.planner.planned = plan(step('Order {"name": "x"}'))
    stub = await world.router()
    client = await Client(stub, timeout=0.3).start(session_id="s")
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await client.all()
    assert raised.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    events = await (await Client(stub).resume("s")).all()
    assert code_name(final(events)) == "DEADLINE_EXCEEDED"


async def test_a_sub_task_that_is_too_long_with_earlier_turns_gets_its_own_stream(world: World) -> None:
    """What does not fit behind earlier turns is asked alone."""
    world.planner.planned = plan(step('Note {"text": "x"}'), step('Note {"text": "y"}', (0, USES)))

    async def forgetful(turns: list[specialist_pb2.ExecuteRequest]) -> specialist_pb2.ExecuteResponse:
        if len(turns) > 1:
            raise LimitExceeded("PROMPT_TOO_LONG", "no room")
        return await world.note.say(turns)

    world.note.answer = forgetful
    events = await (await Client(await world.router()).start()).all()
    assert code_name(final(events)) == "OK"
    assert world.note.streams == 2


async def test_a_repair_after_a_lost_stream_begins_with_the_sub_task(world: World) -> None:
    """The new stream gets the sub-task and, since it writes the call that failed, its error."""
    world.planner.planned = plan(step('List {"count": 1}'))

    async def picky(request: Any, seen: ToolCallSeen, context: Any) -> Message:
        if request.count == 1:
            raise FailedPrecondition("BAD_COUNT", "count must be even")
        return await world.tool.list_items(request, seen, context)

    failed_once = False

    async def flaky(turns: list[specialist_pb2.ExecuteRequest]) -> specialist_pb2.ExecuteResponse:
        nonlocal failed_once
        if not turns[-1].HasField("tool_error"):
            return await world.shop.say(turns)
        if not failed_once:
            failed_once = True
            raise Unavailable("LOST", "out of memory")
        assert turns[0].HasField("start")
        return call_answer('List {"count": 2}')

    world.tool.behaviour["List"] = picky
    world.shop.answer = flaky
    events = await (await Client(await world.router()).start()).all()
    assert code_name(final(events)) == "OK"
    assert [call.request["count"] for call in world.tool.calls] == [1, 2]
