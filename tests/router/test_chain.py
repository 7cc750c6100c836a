"""Chains through real gRPC servers: what runs, in which order, and what the client sees of it."""

from __future__ import annotations

import asyncio
import json
from unittest.mock import patch

import grpc
import pytest
from dispatch_client import Client, code_name, final, kinds
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import format_trace_id
from scripted import ScriptedPlanner
from scripted_world import World
from shop_contract import AFTER, FOR_EACH, USES, WRITE, message, plan, step

from narrowgauge.v1 import dispatcher_pb2, specialist_pb2
from router_svc.hops.failure import reason_of


async def test_a_read_then_a_note_on_its_rows(world: World) -> None:
    """A step's result is the next one's context, the log is gapless, and its last event says OK."""
    world.planner.planned = plan(step('List {"count": 2}'), step('Note {"text": "two"}', (0, USES)))
    client = await Client(await world.router()).start()
    events = await client.all()
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    assert kinds(events, "0") == [
        "step_started",
        "tool_call",
        "tool_call_sent",
        "tool_result",
        "step_finished",
    ]
    assert kinds(events, "1") == ["step_started", "tool_call", "tool_result", "step_finished"]
    assert kinds(events)[0] == "plan_made"
    assert code_name(final(events)) == "OK"
    (document,) = world.note.starts[0].context
    assert document.title == "step 0 result"
    assert document.text == "name | price\nitem 0 | 0.5\nitem 1 | 1.5"
    assert [json.loads(row)["name"] for row in document.rows_json] == ["item 0", "item 1"]


async def test_timings_add_up(world: World) -> None:
    """The last event says how long the loop took, and no part of it took longer than a loop of one step."""
    world.planner.planned = plan(step('List {"count": 1}'))
    events = await (await Client(await world.router()).start()).all()
    timings = events[-1].chain_finished.timings
    assert timings.loop_ms > 0 and timings.approval_ms == 0
    for part in (timings.plan_ms, timings.specialist_ms, timings.tool_ms, timings.state_ms):
        assert 0 < part <= timings.loop_ms


async def test_for_each_runs_in_parallel(world: World) -> None:
    """All runs of a for-each are at the tool at once: each waits there for the others."""
    world.planner.planned = plan(step('List {"count": 4}'), step('Note {"text": "x"}', (0, FOR_EACH)))
    barrier = asyncio.Barrier(4)

    async def together(turns: list[specialist_pb2.ExecuteRequest]) -> specialist_pb2.ExecuteResponse:
        await barrier.wait()
        return await world.note.say(turns)

    world.note.answer = together
    events = await (await Client(await world.router()).start()).all()
    assert code_name(final(events)) == "OK"
    expanded = next(e for e in events if e.HasField("step_expanded"))
    assert list(expanded.step_expanded.step_ids) == ["1.1", "1.2", "1.3", "1.4"]
    assert kinds(events, "1") == ["step_started", "step_expanded", "step_finished"]
    texts = sorted(start.context[0].text for start in world.note.starts)
    assert texts == [f"name: item {n}\nprice: {n + 0.5}" for n in range(4)]
    assert sorted(start.context[0].title for start in world.note.starts)[0] == "row 1 of step 0 result"


async def test_parallelism_is_bounded(world: World) -> None:
    """No more than the configured number of calls of one chain is under way at once."""
    world.limits = {"max_parallel": 2}
    world.planner.planned = plan(step('List {"count": 6}'), step('Note {"text": "x"}', (0, FOR_EACH)))
    active = most = 0

    async def counted(turns: list[specialist_pb2.ExecuteRequest]) -> specialist_pb2.ExecuteResponse:
        nonlocal active, most
        active += 1
        most = max(most, active)
        await asyncio.sleep(0)
        active -= 1
        return await world.note.say(turns)

    world.note.answer = counted
    events = await (await Client(await world.router()).start()).all()
    assert code_name(final(events)) == "OK"
    assert most <= 2


async def test_fan_out_beyond_the_limit_fails_with_both_numbers(world: World) -> None:
    """A for-each over too many rows is refused as a whole, never cut."""
    world.planner.planned = plan(
        step('List {"count": 5}'),
        step('Note {"text": "x"}', (0, FOR_EACH)),
        step('Note {"text": "y"}', (1, USES)),
    )
    client = await Client(await world.router()).start(policy=dispatcher_pb2.ChainPolicy(max_fan_out=4))
    events = await client.all()
    failed = next(e for e in events if e.HasField("step_failed"))
    assert failed.step_id == "1"
    assert reason_of(failed.step_failed.status) == "FAN_OUT_EXCEEDED"
    assert "5 rows" in failed.step_failed.status.message and "limit is 4" in failed.step_failed.status.message
    assert next(e for e in events if e.step_id == "2").step_skipped.reason == "DEPENDENCY_FAILED"
    assert code_name(final(events)) == "ABORTED"
    assert not world.note.starts


async def test_for_each_over_no_rows(world: World) -> None:
    """No rows means nothing to do, which is a good end; what uses it gets an empty result."""
    world.planner.planned = plan(
        step('List {"count": 0}'),
        step('Note {"text": "x"}', (0, FOR_EACH)),
        step('Note {"text": "y"}', (1, USES)),
    )
    events = await (await Client(await world.router()).start()).all()
    assert next(e for e in events if e.step_id == "1").step_skipped.reason == "NO_ROWS"
    assert code_name(final(events)) == "OK"
    assert world.note.starts[0].context[0].text == "no rows"


async def test_results_of_a_for_each_are_rows_for_the_next_step(world: World) -> None:
    """Each run's result joined with its row is a row of the step's result, in the order of the rows."""
    world.planner.planned = plan(
        step('List {"count": 2}'),
        step('Order {"name": "n"}', (0, FOR_EACH)),
        step('Note {"text": "y"}', (1, USES)),
    )
    policy = dispatcher_pb2.ChainPolicy(auto_approve=[WRITE])
    events = await (await Client(await world.router()).start(policy=policy)).all()
    assert code_name(final(events)) == "OK"
    rows = [json.loads(row) for row in world.note.starts[0].context[0].rows_json]
    assert rows == [
        {"name": "item 0", "price": 0.5, "id": "order of n"},
        {"name": "item 1", "price": 1.5, "id": "order of n"},
    ]
    given = [e.approval_given for e in events if e.HasField("approval_given")]
    assert len(given) == 2 and all(g.approved and g.by_policy for g in given)
    assert len({call.key for call in world.tool.calls if call.method == "Order"}) == 2


async def test_a_step_without_specialist(world: World) -> None:
    """It is skipped, so is what uses it; what only comes after it and what is independent run."""
    world.planner.planned = plan(
        step("sing a song", specialist=""),
        step('Note {"text": "a"}', (0, USES)),
        step('Note {"text": "b"}', (0, AFTER)),
        step('Note {"text": "c"}'),
    )
    events = await (await Client(await world.router()).start()).all()
    reasons = {e.step_id: e.step_skipped.reason for e in events if e.HasField("step_skipped")}
    assert reasons == {"0": "NO_SPECIALIST", "1": "DEPENDENCY_FAILED"}
    assert {start.text for start in world.note.starts} == {'Note {"text": "b"}', 'Note {"text": "c"}'}
    assert code_name(final(events)) == "FAILED_PRECONDITION"
    assert reason_of(final(events)) == "NO_SPECIALIST"


async def test_sequential_steps_share_a_stream(world: World) -> None:
    """Steps of one specialist that follow each other are turns of one stream."""
    world.planner.planned = plan(step('List {"count": 1}'), step('List {"count": 2}', (0, AFTER)))
    events = await (await Client(await world.router()).start()).all()
    assert code_name(final(events)) == "OK"
    assert world.shop.streams == 1
    assert len(world.shop.starts) == 2


async def test_the_catalogue_goes_once(world: World) -> None:
    """The catalogue is fetched once in its time to live and sent in full only to a specialist without it."""
    world.planner.planned = plan(step('List {"count": 1}'), step('List {"count": 2}', (0, AFTER)))
    await (await Client(await world.router()).start()).all()
    assert world.tool.catalogue_requests == [""]
    assert [bool(start.catalogue.entities) for start in world.shop.starts] == [True, False]
    assert {start.catalogue.hash for start in world.shop.starts} == {"c1"}


async def test_a_specialist_that_forgot_the_catalogue_gets_it_again(world: World) -> None:
    """A replica that has not seen it refuses the hash; it is sent in full, and the client notices nothing."""
    world.planner.planned = plan(step('List {"count": 1}'))
    stub = await world.router()
    await (await Client(stub).start()).all()
    world.shop.catalogues.clear()
    events = await (await Client(stub).start()).all()
    assert code_name(final(events)) == "OK" and "step_retry" not in kinds(events, "0")
    assert [bool(start.catalogue.entities) for start in world.shop.starts] == [True, True]


async def test_the_clients_documents_reach_every_step(world: World) -> None:
    """Context documents of the request inform steps, and `today` goes with them."""
    world.planner.planned = plan(step('Note {"text": "x"}'))
    document = specialist_pb2.ContextDocument(title="mail.txt", text="hello")
    client = await Client(await world.router()).start(context=[document], today="2026-03-02")
    await client.all()
    assert list(world.note.starts[0].context) == [document]
    assert world.note.starts[0].today == "2026-03-02"


async def test_a_plan_that_cannot_be_executed_ends_the_chain(world: World) -> None:
    """A planner's mistake is a typed end of the chain, not a hang."""
    world.limits = {"max_steps": 1}
    world.planner.planned = plan(step('Note {"text": "x"}'), step('Note {"text": "y"}'))
    stub = await world.router()
    events = await (await Client(stub).start()).all()
    assert reason_of(final(events)) == "TOO_MANY_STEPS"
    world.planner.planned = plan(step('Note {"text": "x"}', (0, USES)))
    events = await (await Client(stub).start()).all()
    assert reason_of(final(events)) == "BAD_PLAN"


async def test_a_planner_that_fails_ends_the_chain(world: World) -> None:
    """Even a defect of the planner ends the chain with a status."""
    world.planner = ScriptedPlanner(RuntimeError("boom"))
    events = await (await Client(await world.router()).start()).all()
    assert kinds(events) == ["chain_finished"]
    assert code_name(final(events)) == "INTERNAL"


async def test_a_client_executed_tool(world: World) -> None:
    """The client's answer is the result; an answer of another type is refused and the chain goes on."""
    world.planner.planned = plan(step('Ask {"question": "why"}'))
    stub = await world.router()
    client = await Client(stub).start()
    sent = await client.until("tool_call_sent")
    wrong = dispatcher_pb2.ClientToolResult(step_id="0")
    wrong.message.Pack(message("OrderResponse"))
    await client.send(tool_result=wrong)
    error = await _error(client)
    assert error.code().name == "INVALID_ARGUMENT"

    again = await Client(stub).resume(sent.session_id, sent.sequence)
    right = dispatcher_pb2.ClientToolResult(step_id="0")
    right.message.Pack(message("AskResponse", answer="because"))
    await again.send(tool_result=right)
    events = await again.all()
    assert kinds(events) == ["tool_result", "step_finished", "chain_finished"]
    assert events[0].tool_result.json == '{"answer":"because"}'


async def _error(client: Client) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await client.all()
    return raised.value


async def test_a_result_that_is_its_own_call_is_one_thing(world: World) -> None:
    """What EXECUTION_NONE gives reaches the next step as its ProtoJSON, whole."""
    world.planner.planned = plan(step('Note {"text": "all paid"}'), step('Note {"text": "y"}', (0, USES)))
    events = await (await Client(await world.router()).start()).all()
    assert code_name(final(events)) == "OK"
    assert world.note.starts[1].context[0].text == '{"text":"all paid"}'


async def test_spans_of_a_chain_are_one_trace(world: World) -> None:
    """Dispatch, plan, step, specialist and tool are spans of one trace, which the last event names; no span
    holds text of the request or of a result."""
    spans = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    with (
        patch("router_svc.chain.executor.tracer", lambda: provider.get_tracer("t")),
        patch("router_svc.chain.run.tracer", lambda: provider.get_tracer("t")),
        patch("router_svc.chain.talk.tracer", lambda: provider.get_tracer("t")),
    ):
        world.planner.planned = plan(step('List {"count": 1}'))
        events = await (await Client(await world.router()).start("secret words")).all()
    trace_id = events[-1].chain_finished.trace_id
    finished = spans.get_finished_spans()
    by_name = {span.name: span for span in finished}
    assert set(by_name) == {"dispatch", "plan", "step", "specialist", "tool"}
    assert {format_trace_id(span.context.trace_id) for span in finished} == {trace_id}
    assert by_name["tool"].parent.span_id == by_name["step"].context.span_id
    assert by_name["specialist"].parent.span_id == by_name["step"].context.span_id
    assert by_name["step"].parent.span_id == by_name["dispatch"].context.span_id
    said = " ".join(str(dict(span.attributes or {})) for span in finished)
    assert "secret" not in said and "item" not in said
