"""One span an RPC, linked across client and server, ended however the RPC ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import grpc
import pytest
from echo_service import Echo, EchoStub, EventOf, Spawn, text
from google.protobuf.wrappers_pb2 import StringValue
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode, format_trace_id
from span_recorder import SpanRecorder

from narrowgauge.runtime import semconv
from narrowgauge.runtime.channels import open_channel
from narrowgauge.runtime.telemetry import context_of, record_span, traceparent, tracer


async def ended(spans: SpanRecorder, count: int) -> dict[SpanKind, ReadableSpan]:
    """Waits until `count` spans have ended, and returns them by kind."""
    return {span.kind: span for span in await spans.wait(count)}


def assert_linked(found: dict[SpanKind, ReadableSpan], code: str) -> None:
    client, server = found[SpanKind.CLIENT], found[SpanKind.SERVER]
    assert server.parent is not None and server.parent.span_id == client.context.span_id
    assert server.context.trace_id == client.context.trace_id
    assert client.attributes is not None and server.attributes is not None
    assert client.attributes[semconv.RPC_STATUS] == server.attributes[semconv.RPC_STATUS] == code


async def words(*values: str) -> AsyncIterator[StringValue]:
    for value in values:
        yield text(value)


async def unary_unary(stub: EchoStub) -> str:
    return (await stub.one(text("trace"))).value


async def unary_stream(stub: EchoStub) -> str:
    return " ".join([response.value async for response in stub.down(text("trace"))]).split()[0]


async def stream_unary(stub: EchoStub) -> str:
    return (await stub.up(words("trace"))).value


async def stream_stream(stub: EchoStub) -> str:
    return " ".join([response.value async for response in stub.both(words("trace"))])


@pytest.mark.parametrize("call", [unary_unary, unary_stream, stream_unary, stream_stream])
async def test_client_and_server_share_a_trace(call, stub: EchoStub, spans: SpanRecorder) -> None:
    """For each kind of RPC the server's span is the child of the client's, and the handler runs inside it."""
    seen = await call(stub)
    found = await ended(spans, 2)
    assert_linked(found, "OK")
    assert seen == format_trace_id(found[SpanKind.CLIENT].context.trace_id)


async def test_a_call_inside_a_span_is_its_child(stub: EchoStub, spans: SpanRecorder) -> None:
    """The caller's own span is the parent of the hop."""
    with tracer().start_as_current_span("step") as step:
        await stub.one(text("x"))
    found = await ended(spans, 3)
    parent = found[SpanKind.CLIENT].parent
    assert parent is not None and parent.span_id == step.get_span_context().span_id


async def test_reader_and_writer_style_streams_work(stub: EchoStub, spans: SpanRecorder) -> None:
    """`write` and `read` on an intercepted stream behave as on a plain one."""
    call = stub.both()
    for word in ("a", "b"):
        await call.write(text(word))
        assert (await call.read()).value == word
    await call.done_writing()
    assert await call.read() is grpc.aio.EOF
    assert_linked(await ended(spans, 2), "OK")


@pytest.mark.parametrize(
    ("word", "code", "server_fault"),
    [
        ("invalid", "INVALID_ARGUMENT", False),
        ("overloaded", "RESOURCE_EXHAUSTED", False),
        ("defect", "INTERNAL", True),
    ],
)
@pytest.mark.parametrize("kind", ["one", "down"])
async def test_an_error_ends_both_spans_with_its_code(
    kind: str, word: str, code: str, server_fault: bool, stub: EchoStub, spans: SpanRecorder
) -> None:
    """The status reaches the client; only faults of the server mark the server's span as an error."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        call = getattr(stub, kind)(text(word))
        if kind == "one":
            await call
        else:
            await call.read()
    assert caught.value.code().name == code
    assert "secret" not in (caught.value.details() or "")
    found = await ended(spans, 2)
    assert_linked(found, code)
    assert found[SpanKind.CLIENT].status.status_code == StatusCode.ERROR
    assert (found[SpanKind.SERVER].status.status_code == StatusCode.ERROR) == server_fault


async def test_an_abort_by_hand_keeps_its_code(stub: EchoStub, spans: SpanRecorder) -> None:
    """`context.abort` in a handler passes through."""
    with pytest.raises(grpc.aio.AioRpcError):
        await stub.refuse(text(""))
    assert_linked(await ended(spans, 2), "NOT_FOUND")


async def test_a_cancelled_stream_ends_its_spans(stub: EchoStub, echo: Echo, spans: SpanRecorder) -> None:
    """Cancelling a stream ends both spans and runs the handler's `finally`."""
    call = stub.down(text("forever"))
    await call.read()
    assert not spans.ended
    call.cancel()
    assert_linked(await ended(spans, 2), "CANCELLED")
    assert echo.closed == ["forever"]


async def test_closing_a_channel_ends_the_spans_of_its_streams(
    echo_address: str, echo: Echo, spans: SpanRecorder
) -> None:
    """A stream that its caller neither read to the end nor cancelled leaves no span open."""
    async with open_channel(echo_address) as channel:
        call = EchoStub(channel).down(text("forever"))
        await call.read()
        del call
    assert_linked(await ended(spans, 2), "CANCELLED")
    assert echo.closed == ["forever"]


async def test_a_stream_that_its_server_ends_leaves_no_task(spawn: Spawn, event_of: EventOf) -> None:
    """When the server ends a stream first, nothing here waits for the caller's next message."""
    async with open_channel((await event_of(await spawn()))["address"]) as channel:
        await channel.channel_ready()
        before = asyncio.all_tasks()
        call = EchoStub(channel).both()
        await call.write(text("invalid"))
        with pytest.raises(grpc.aio.AioRpcError):
            await call.read()
        assert asyncio.all_tasks() == before


async def test_a_deadline_ends_both_spans(stub: EchoStub, spans: SpanRecorder) -> None:
    """A deadline that passes ends the client's span with its code, and the server's too."""
    call = stub.down(text("forever"), timeout=0.2)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        async for _ in call:
            pass
    assert caught.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    found = await ended(spans, 2)
    assert found[SpanKind.CLIENT].attributes is not None
    assert found[SpanKind.CLIENT].attributes[semconv.RPC_STATUS] == "DEADLINE_EXCEEDED"


async def test_a_message_on_a_stream_can_carry_its_own_parent(spans: SpanRecorder) -> None:
    """A span recorded with a message's traceparent belongs to the step that sent the message."""
    with tracer().start_as_current_span("step") as step:
        sent = traceparent()
    with tracer().start_as_current_span("stream"):
        record_span("decode", 1_000, 2_000, parent=context_of(sent))
    decode = next(span for span in spans.ended if span.name == "decode")
    assert decode.parent is not None and decode.parent.span_id == step.get_span_context().span_id
    assert (decode.start_time, decode.end_time) == (1_000, 2_000)
