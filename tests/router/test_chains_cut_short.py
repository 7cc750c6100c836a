"""Chains that a cancel or a deadline ends."""

from __future__ import annotations

import grpc
import pytest
from dispatch_client import AUTO, Client, code_name, failure_of, final
from scripted_world import World
from shop_contract import USES, plan, step

from narrowgauge.v1 import dispatcher_pb2
from router_svc.hops.failure import reason_of


async def test_cancel_reaches_the_specialist(world: World) -> None:
    """A cancel in the middle of a turn ends the specialist's stream, and every step gets its last event."""
    world.planner.planned = plan(step('Note {"text": "x"}'), step('Note {"text": "y"}', (0, USES)))
    asked = world.note.hang()
    client = await Client(await world.router()).start()
    await asked.wait()
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
    start.deadline.FromMilliseconds(2000)
    client = await Client(await world.router()).start(policy=AUTO, deadline=start.deadline)
    events = await client.all()
    await cancelled.wait()
    assert code_name(final(events)) == "DEADLINE_EXCEEDED"
    assert reason_of(failure_of(client)) == "WRITE_OUTCOME_UNKNOWN"


async def test_the_calls_own_deadline_bounds_the_chain(world: World) -> None:
    """Without a deadline of its own, a chain ends with the time that the client gave the call."""
    world.planner.planned = plan(step('Order {"name": "x"}'))
    stub = await world.router()
    client = await Client(stub, timeout=2).start(session_id="s")
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await client.all()
    assert raised.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    events = await (await Client(stub).resume("s")).all()
    assert code_name(final(events)) == "DEADLINE_EXCEEDED"
