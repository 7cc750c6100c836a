"""Specialists that fail, refuse or overreach: what is asked again, and what the client gets to know."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any

import pytest
from dispatch_client import Client, code_name, failure_of, final, kinds
from google.protobuf.message import Message
from scripted import ToolCallSeen
from scripted_world import World, register_specialist, served
from shop_contract import USES, call_answer, plan, step

from narrowgauge.errors import (
    FailedPrecondition,
    LimitExceeded,
    Overloaded,
    Unavailable,
)
from narrowgauge.v1 import dispatcher_pb2, specialist_pb2
from router_svc.hops.failure import reason_of


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


async def test_a_specialist_killed_in_mid_stream(world: World) -> None:
    """The sub-task is asked again, from another process at the same address."""
    world.limits = {"retry_attempts": 20, "retry_backoff_s": 0.02}
    world.planner.planned = plan(step('Note {"text": "x"}'))
    asked = world.note.hang()
    client = await Client(await world.router()).start()
    await asked.wait()
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
