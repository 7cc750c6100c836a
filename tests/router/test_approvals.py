"""What waits for the client, and what the client's answers do."""

from __future__ import annotations

from typing import Any

import grpc
import pytest
from dispatch_client import Client, code_name, final, kinds
from google.protobuf.message import Message
from scripted import ToolCallSeen
from scripted_world import World
from shop_contract import USES, WRITE, message, plan, step

from narrowgauge.errors import InvalidRequest
from narrowgauge.v1 import dispatcher_pb2
from router_svc.hops.failure import reason_of


async def test_a_write_waits_for_approval_and_then_runs(world: World) -> None:
    """Nothing reaches the tool before the client approves."""
    world.planner.planned = plan(step('Order {"name": "x"}'))
    client = await Client(await world.router()).start()
    asked = await client.until("approval_required")
    assert asked.approval_required.side_effect == WRITE
    assert not world.tool.calls
    await client.approve("0")
    events = await client.all()
    assert kinds(events, "0") == [
        "step_started",
        "tool_call",
        "approval_required",
        "approval_given",
        "tool_call_sent",
        "tool_result",
        "step_finished",
    ]
    sent = next(e.tool_call_sent for e in events if e.HasField("tool_call_sent"))
    assert [call.key for call in world.tool.calls] == [sent.idempotency_key]
    assert code_name(final(events)) == "OK"
    assert events[-1].chain_finished.timings.approval_ms > 0


async def test_a_rejected_write_is_skipped_with_what_uses_it(world: World) -> None:
    """A rejection is final, keeps the client's reason, and is not a success of the chain."""
    world.planner.planned = plan(step('Order {"name": "x"}'), step('Note {"text": "x"}', (0, USES)))
    client = await Client(await world.router()).start()
    await client.until("approval_required")
    await client.send(reject=dispatcher_pb2.RejectStep(step_id="0", reason="too dear"))
    events = await client.all()
    skipped = {e.step_id: e.step_skipped for e in events if e.HasField("step_skipped")}
    assert skipped["0"].reason == "REJECTED" and skipped["0"].message == "too dear"
    assert skipped["1"].reason == "DEPENDENCY_FAILED"
    assert not world.tool.calls
    assert code_name(final(events)) == "ABORTED"
    assert reason_of(final(events)) == "STEPS_REJECTED"


async def test_auto_approval_covers_what_it_names_only(world: World) -> None:
    """A policy that allows writes does not allow what is destructive."""
    world.planner.planned = plan(step("Wipe {}"))
    policy = dispatcher_pb2.ChainPolicy(auto_approve=[WRITE])
    client = await Client(await world.router()).start(policy=policy)
    await client.until("approval_required")
    assert not world.tool.calls


async def test_approval_of_a_step_that_does_not_wait_ends_the_stream_only(world: World) -> None:
    """The error is FAILED_PRECONDITION on the stream of the client that sent it; the chain goes on."""
    world.planner.planned = plan(step('Order {"name": "x"}'))
    stub = await world.router()
    client = await Client(stub).start()
    asked = await client.until("approval_required")
    await client.approve("7")
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await client.all()
    assert raised.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    again = await Client(stub).resume(asked.session_id, asked.sequence)
    await again.approve("0")
    assert code_name(final(await again.all())) == "OK"


async def test_two_clients_watch_and_steer_one_chain(world: World) -> None:
    """Both see the same log, whichever of them approves."""
    world.planner.planned = plan(step('Order {"name": "x"}'))
    stub = await world.router()
    one = await Client(stub).start()
    asked = await one.until("approval_required")
    two = await Client(stub).resume(asked.session_id)
    await two.until("approval_required")
    await two.approve("0")
    await one.all()
    await two.all()
    assert one.events == two.events


async def test_a_partly_rejected_for_each_goes_on_with_the_rest(world: World) -> None:
    """The client's choice among the runs is a result, made of the runs that it approved."""
    world.planner.planned = plan(
        step('List {"count": 2}'),
        step('Order {"name": "n"}', (0, 3)),
        step('Note {"text": "y"}', (1, USES)),
    )
    client = await Client(await world.router()).start()
    await client.until("approval_required")
    await client.until("approval_required")
    await client.send(reject=dispatcher_pb2.RejectStep(step_id="1.1"))
    await client.approve("1.2")
    events = await client.all()
    assert kinds(events, "1")[-1] == "step_finished"
    assert [row for row in world.note.starts[0].context[0].rows_json] == [
        '{"name":"item 1","price":1.5,"id":"order of n"}'
    ]
    assert code_name(final(events)) == "ABORTED"


async def test_a_repaired_write_needs_another_approval(world: World) -> None:
    """What was approved is one call; the call that replaces it is asked for again, under another key."""
    world.planner.planned = plan(step('Order {"name": "bad"}'))

    async def picky(request: Any, seen: ToolCallSeen, context: Any) -> Message:
        if request.name == "bad":
            raise InvalidRequest("NO_SUCH_ITEM", "there is no item 'bad'")
        return message("OrderResponse", id="1")

    world.tool.behaviour["Order"] = picky
    world.shop.repair_with('Order {"name": "good"}')
    client = await Client(await world.router()).start()
    await client.until("approval_required")
    await client.approve("0")
    await client.until("approval_required")
    await client.approve("0")
    events = await client.all()
    assert kinds(events).count("approval_required") == 2
    assert [call.request["name"] for call in world.tool.calls] == ["bad", "good"]
    assert len({call.key for call in world.tool.calls}) == 2
    assert code_name(final(events)) == "OK"


async def test_a_waiting_step_holds_no_stream(world: World) -> None:
    """While a person thinks, the specialist's slot is free: its stream has ended."""
    world.planner.planned = plan(step('Order {"name": "x"}'))
    client = await Client(await world.router()).start()
    world.shop.ended.clear()
    await client.until("approval_required")
    await world.shop.ended.wait()
