"""Bad input gets a clear, typed error."""

from __future__ import annotations

from typing import Any

import grpc
import pytest
from dispatch_client import Client
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2
from scripted_world import World
from shop_contract import plan, step

from narrowgauge.runtime.status import error_from_rpc, status_from_rpc
from narrowgauge.v1 import dispatcher_pb2, specialist_pb2


async def _refused(client: Client) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await client.all()
    return raised.value


def _fields(error: grpc.aio.AioRpcError) -> list[str]:
    for detail in status_from_rpc(error).details:
        bad = error_details_pb2.BadRequest()
        if detail.Unpack(bad):
            return [violation.field for violation in bad.field_violations]
    return []


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is empty"),
        ("   \n\t ", "is blank"),
        ("x" * 101, "has 101 characters, the limit is 100"),
        ("drop\x00it", "has the control character U+0000 at offset 4"),
        ("a\x1b[31m", "has the control character U+001B at offset 1"),
        ("a\x85b", "has the control character U+0085 at offset 1"),
    ],
)
async def test_texts_that_are_refused(world: World, text: str, why: str) -> None:
    """Dispatch and Plan refuse the same texts, with the field and the reason."""
    world.limits = {"max_text_chars": 100}
    stub = await world.router()
    error = await _refused(await Client(stub).start(text))
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert why in str(error.details())
    assert _fields(error) == ["start.text"]
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await stub.Plan(dispatcher_pb2.PlanRequest(text=text))
    assert _fields(raised.value) == ["text"]


async def test_line_feeds_and_tabs_are_text(world: World) -> None:
    """Layout characters are no reason to refuse a text."""
    stub = await world.router()
    world.planner.planned = plan(step('Note {"text": "x"}'))
    assert (await (await Client(stub).start("one\r\n\ttwo")).all())[-1].HasField("chain_finished")


@pytest.mark.parametrize(
    ("fields", "violation"),
    [
        ({"session_id": "no spaces"}, "start.session_id"),
        ({"session_id": "x" * 129}, "start.session_id"),
        ({"today": "2026-02-30"}, "start.today"),
        ({"today": "20260302"}, "start.today"),
        ({"deadline": Duration(seconds=0)}, "start.deadline"),
        ({"deadline": Duration(seconds=-5)}, "start.deadline"),
        ({"deadline": Duration(seconds=10**6)}, "start.deadline"),
        ({"policy": dispatcher_pb2.ChainPolicy(max_fan_out=-1)}, "start.policy.max_fan_out"),
        ({"policy": dispatcher_pb2.ChainPolicy(auto_approve=[0])}, "start.policy.auto_approve"),
        ({"policy": dispatcher_pb2.ChainPolicy(auto_approve=[99])}, "start.policy.auto_approve"),  # type: ignore[list-item]
        ({"context": [specialist_pb2.ContextDocument()] * 17}, "start.context"),
        ({"context": [specialist_pb2.ContextDocument(text="x" * 200_001)]}, "start.context"),
        ({"context": [specialist_pb2.ContextDocument(text="a\x00b")]}, "start.context[0].text"),
        ({"context": [specialist_pb2.ContextDocument(title="\x1b[2J")]}, "start.context[0].title"),
    ],
)
async def test_starts_that_are_refused(world: World, fields: dict[str, Any], violation: str) -> None:
    """Each field of a start that cannot be meant is named."""
    error = await _refused(await Client(await world.router()).start(**fields))
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert _fields(error) == [violation]


async def test_a_second_start_is_refused_and_the_chain_goes_on(world: World) -> None:
    """INVALID_ARGUMENT ends the stream; the chain that it began can be resumed."""
    world.planner.planned = plan(step('Order {"name": "x"}'))
    stub = await world.router()
    client = await Client(stub).start(session_id="s")
    await client.until("approval_required")
    await client.start("again")
    error = await _refused(client)
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert error_from_rpc(error).reason == "SECOND_START"
    again = await Client(stub).resume("s")
    await again.until("approval_required")


@pytest.mark.parametrize("payload", [{}, {"approve": dispatcher_pb2.ApproveStep(step_id="0")}])
async def test_the_first_message_must_start_or_resume(world: World, payload: dict[str, Any]) -> None:
    """Anything else first is INVALID_ARGUMENT."""
    client = Client(await world.router())
    await client.send(**payload)
    assert (await _refused(client)).code() == grpc.StatusCode.INVALID_ARGUMENT


async def test_a_stream_without_a_message_is_refused(world: World) -> None:
    """A client that closes its side at once gets INVALID_ARGUMENT."""
    client = Client(await world.router())
    await client.call.done_writing()
    assert (await _refused(client)).code() == grpc.StatusCode.INVALID_ARGUMENT


async def test_a_session_id_that_is_taken(world: World) -> None:
    """ALREADY_EXISTS, also after the first chain has ended."""
    world.planner.planned = plan(step('Note {"text": "x"}'))
    stub = await world.router()
    await (await Client(stub).start(session_id="mine")).all()
    assert (
        await _refused(await Client(stub).start(session_id="mine"))
    ).code() == grpc.StatusCode.ALREADY_EXISTS


async def test_unknown_sessions_and_sequences(world: World) -> None:
    """NOT_FOUND for a session, OUT_OF_RANGE for a sequence number that its log does not have."""
    world.planner.planned = plan(step('Note {"text": "x"}'))
    stub = await world.router()
    assert (await _refused(await Client(stub).resume("nobody"))).code() == grpc.StatusCode.NOT_FOUND
    events = await (await Client(stub).start(session_id="s")).all()
    for sequence in (-1, len(events) + 1):
        error = await _refused(await Client(stub).resume("s", sequence))
        assert error.code() == grpc.StatusCode.OUT_OF_RANGE
    assert await (await Client(stub).resume("s", len(events))).all() == []


async def test_too_many_chains(world: World) -> None:
    """Overload is RESOURCE_EXHAUSTED with RetryInfo, at once, and ends with the chain that was in the way."""
    world.limits = {"max_chains": 1}
    world.planner.planned = plan(step('Order {"name": "x"}'))
    stub = await world.router()
    first = await Client(stub).start()
    await first.until("approval_required")
    error = await _refused(await Client(stub).start())
    assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert any(detail.Is(error_details_pb2.RetryInfo.DESCRIPTOR) for detail in status_from_rpc(error).details)
    await first.approve("0")
    await first.all()
    second = await Client(stub).start()
    await second.until("approval_required")


async def test_plan_and_list(world: World) -> None:
    """`Plan` returns the plan alone; `ListSpecialists` the bundle's contracts and who is there."""
    world.planner.planned = plan(step('Note {"text": "x"}'))
    stub = await world.router()
    response = await stub.Plan(dispatcher_pb2.PlanRequest(text="hello"))
    assert response.plan == world.planner.planned and response.bundle_hash == "b" * 64
    assert not world.note.starts
    listed = (await stub.ListSpecialists(dispatcher_pb2.ListSpecialistsRequest())).specialists
    assert [s.specialist.name for s in listed] == ["note", "shop"]
    assert all(s.reachable for s in listed)
    assert [tool.method.rpartition(".")[2] for tool in listed[1].specialist.tools] == [
        "List",
        "Order",
        "Wipe",
        "Ask",
    ]
