"""Lost connections and lost routers: no event is lost or doubled, and no write is done twice."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from dispatch_client import AUTO, Client, Event, code_name, final, kinds
from google.protobuf.message import Message
from memory_store import MemoryStore
from redis_server import redis_server
from router_process import router_process
from scripted import ToolCallSeen
from scripted_world import World
from shop_contract import FOR_EACH, SHOP, USES, plan, step

from narrowgauge.errors import Overloaded
from narrowgauge.runtime.status import error_from_rpc
from narrowgauge.v1 import dispatcher_pb2
from router_svc.hops.failure import reason_of
from router_svc.state.store import Lease


@pytest.fixture(params=["sqlite", "redis"])
async def shared_state(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """A state store that two routers share."""
    if request.param == "sqlite":
        yield str(tmp_path / "shared.db")
        return
    async with redis_server(tmp_path) as url:
        yield url


def _gapless(events: list[Event]) -> bool:
    return [event.sequence for event in events] == list(range(1, len(events) + 1))


async def test_a_client_that_comes_back_misses_nothing(world: World) -> None:
    """The chain waits without a listener; the resumed log begins right after the last event seen."""
    world.planner.planned = plan(step('List {"count": 1}'), step('Order {"name": "x"}', (0, USES)))
    stub = await world.router()
    first = await Client(stub).start(session_id="s")
    await first.until("tool_result")
    first.call.cancel()
    second = await Client(stub).resume("s", first.events[-1].sequence)
    await second.until("approval_required")
    await second.approve("1")
    await second.all()
    assert _gapless(first.events + second.events)
    third = await Client(stub).resume("s")
    assert await third.all() == first.events + second.events
    assert code_name(final(third.events)) == "OK"


async def test_every_position_of_a_finished_log_can_be_resumed(world: World) -> None:
    """After n seen events come exactly the others."""
    world.planner.planned = plan(step('List {"count": 3}'), step('Note {"text": "x"}', (0, FOR_EACH)))
    stub = await world.router()
    events = await (await Client(stub).start(session_id="s")).all()
    for seen in range(0, len(events) + 1, 3):
        assert await (await Client(stub).resume("s", seen)).all() == events[seen:]


async def test_a_chain_is_watched_and_steered_through_another_router(world: World, shared_state: str) -> None:
    """A router that does not run the chain shows its log live and carries the approval to its owner."""
    world.planner.planned = plan(step('Order {"name": "x"}'))
    world.state = shared_state
    owner, other = await world.router(), await world.router()
    one = await Client(owner).start(session_id="s")
    await one.until("approval_required")
    two = await Client(other).resume("s")
    await two.until("approval_required")
    await two.approve("0")
    await two.all()
    await one.all()
    assert one.events == two.events
    assert code_name(final(two.events)) == "OK"
    assert len(world.tool.calls) == 1


async def test_wrong_steering_through_another_router(world: World) -> None:
    """What the log does not ask for is refused there and then."""
    world.planner.planned = plan(step('Order {"name": "x"}'))
    owner, other = await world.router(), await world.router()
    one = await Client(owner).start(session_id="s")
    await one.until("approval_required")
    two = await Client(other).resume("s")
    await two.approve("9")
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await two.all()
    assert raised.value.code() == grpc.StatusCode.FAILED_PRECONDITION


async def test_cancel_through_another_router(world: World) -> None:
    """A cancel reaches the owner too."""
    world.planner.planned = plan(step('Order {"name": "x"}'))
    owner, other = await world.router(), await world.router()
    one = await Client(owner).start(session_id="s")
    await one.until("approval_required")
    two = await Client(other).resume("s")
    await two.send(cancel=dispatcher_pb2.CancelChain())
    assert code_name(final(await one.all())) == "CANCELLED"


async def test_a_router_that_stops_leaves_its_chains_to_others(world: World) -> None:
    """After an orderly stop the next router goes on at once, with the approval still open."""
    world.planner.planned = plan(step('Order {"name": "x"}'))
    one = await Client(await world.router()).start(session_id="s")
    await one.until("approval_required")
    await world.routers[0].dispatcher.close()
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await one.all()
    assert error_from_rpc(raised.value).reason == "ROUTER_STOPPING"
    two = await Client(await world.router()).resume("s", one.events[-1].sequence)
    await two.approve("0")
    await two.all()
    assert _gapless(one.events + two.events)
    assert code_name(final(two.events)) == "OK"
    assert len(world.shop.starts) == 1  # the call was in the log


async def test_a_killed_router_neither_loses_nor_repeats_a_write(world: World, shared_state: str) -> None:
    """Killed between ToolCallSent and the outcome: another router sends the call again under the same key,
    the tool executes it once, and the client's log goes on without a gap."""
    planned = plan(
        step('List {"count": 1}'),
        step('Order {"name": "x"}', (0, USES)),
        step('Note {"text": "x"}', (1, USES)),
    )
    world.planner.planned = planned
    world.state = shared_state
    world.config = {"lease_s": 0.5}
    await world.surroundings()
    arrived, killed = asyncio.Event(), asyncio.Event()

    async def order(request: Any, seen: ToolCallSeen, context: Any) -> Message:
        outcome = await world.tool.order(request, seen, context)
        arrived.set()
        await killed.wait()  # executed, but the answer does not reach the first router
        return outcome

    world.tool.behaviour["Order"] = order
    environ = {
        "NARROWGAUGE_STATE": shared_state,
        "NARROWGAUGE_SPECIALISTS": f"shop={world.addresses['shop']},note={world.addresses['note']}",
        "NARROWGAUGE_TOOLS": f"{SHOP}={world.addresses['tool']}",
        "NARROWGAUGE_LEASE_S": "0.5",
    }
    async with router_process(planned, environ) as (process, address):
        one = await Client(world.stub(address)).start(session_id="s", policy=AUTO)
        await one.until("tool_call_sent", "1")
        await arrived.wait()
        process.send_signal(signal.SIGKILL)
        await process.wait()
        with pytest.raises(grpc.aio.AioRpcError):
            await one.all()
    killed.set()
    two = await Client(await world.router()).resume("s", one.events[-1].sequence)
    await two.all()
    assert _gapless(one.events + two.events)
    assert code_name(final(two.events)) == "OK"
    orders = [call for call in world.tool.calls if call.method == "Order"]
    assert len(orders) == 2 and len({call.key for call in orders}) == 1
    assert len(world.tool.outcomes) == 1
    retry = next(e.step_retry for e in two.events if e.HasField("step_retry"))
    assert reason_of(retry.cause) == "ROUTER_LOST"
    assert kinds(one.events + two.events).count("tool_call_sent") == 2  # the list's and the order's


async def test_a_chain_nobody_asks_for_is_finished_too(world: World) -> None:
    """A router that starts finds the chains of one that was killed and ends them without any client."""
    planned = plan(step('Order {"name": "x"}'))
    world.planner.planned = planned
    world.config = {"lease_s": 0.3}
    await world.surroundings()
    arrived, go = asyncio.Event(), asyncio.Event()

    async def order(request: Any, seen: ToolCallSeen, context: Any) -> Message:
        arrived.set()
        await go.wait()
        return await world.tool.order(request, seen, context)

    world.tool.behaviour["Order"] = order
    environ = {
        "NARROWGAUGE_STATE": world.state,
        "NARROWGAUGE_SPECIALISTS": f"shop={world.addresses['shop']},note={world.addresses['note']}",
        "NARROWGAUGE_TOOLS": f"{SHOP}={world.addresses['tool']}",
        "NARROWGAUGE_LEASE_S": "0.3",
    }
    async with router_process(planned, environ) as (process, address):
        one = await Client(world.stub(address)).start(session_id="s", policy=AUTO)
        await arrived.wait()
        arrived.clear()
        process.kill()
        await process.wait()
        one.call.cancel()
    stub = await world.router()
    await arrived.wait()  # called by nobody but the new router itself
    go.set()
    events = await (await Client(stub).resume("s")).all()
    assert _gapless(events) and code_name(final(events)) == "OK"


async def test_a_router_that_lost_its_lease_stops(world: World) -> None:
    """Fencing: once another router owns the chain, the first writes nothing. What its client said goes to
    the new owner, and its client sees the chain go on."""
    store = MemoryStore()
    world.planner.planned = plan(step('Order {"name": "x"}'))
    stub = await world.router(store)
    one = await Client(stub).start(session_id="s")
    asked = await one.until("approval_required")
    store.chains["s"].lease_until = 0.0
    other = await world.router(store)
    two = await Client(other).resume("s", asked.sequence)
    await world.routers[1].dispatcher.wait_for_chains()
    await one.approve("0")  # the first router finds out when it writes
    events = await two.all()
    await one.all()
    assert _gapless(one.events)
    assert one.events[asked.sequence :] == events


async def test_a_full_store_fails_its_chain_only(world: World) -> None:
    """The chain whose event cannot be stored ends its streams with a typed status and can be resumed; the
    others do not notice."""
    store = MemoryStore()
    world.planner.planned = plan(step('Order {"name": "x"}'))
    stub = await world.router(store)
    one, two = await Client(stub).start(session_id="one"), await Client(stub).start(session_id="two")
    await one.until("approval_required")
    await two.until("approval_required")

    def full(lease: Lease) -> None:
        if lease.session_id == "one":
            raise Overloaded("STATE_STORE_FULL", "the disk is full", retry_after_ms=1)

    store.on_append = full
    await one.approve("0")
    await two.approve("0")
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await one.all()
    assert raised.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert error_from_rpc(raised.value).reason == "STATE_STORE_FULL"
    assert code_name(final(await two.all())) == "OK"
    assert len(world.tool.calls) == 1  # what could not be logged was not sent

    store.on_append = lambda lease: None
    again = await Client(stub).resume("one", one.events[-1].sequence)
    await again.all()  # with the approval that the store had no room for
    assert _gapless(one.events + again.events)
    assert code_name(final(again.events)) == "OK"


async def test_a_chain_of_another_bundle_is_not_run(world: World) -> None:
    """Contracts may differ between bundles: such a chain is shown, and ended only at its deadline."""
    store = MemoryStore()
    world.planner.planned = plan(step('Order {"name": "x"}'))
    stub = await world.router(store)
    start = dispatcher_pb2.ChainStart()
    start.deadline.FromMilliseconds(1500)
    one = await Client(stub).start(session_id="s", deadline=start.deadline)
    asked = await one.until("approval_required")
    await world.routers[0].dispatcher.close()
    record = store.chains["s"].record
    object.__setattr__(record, "bundle_hash", "another")
    two = await Client(await world.router(store)).resume("s")
    seen = await two.until("approval_required")
    assert seen == asked and not world.routers[1].dispatcher.running
    assert code_name(final(await two.all())) == "DEADLINE_EXCEEDED"
