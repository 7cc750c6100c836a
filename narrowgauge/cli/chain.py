"""Drives one chain over `Dispatch`: the start, each event, the approvals, and a cancel on Ctrl-C."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import signal
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf import any_pb2, descriptor_pool, json_format
from google.rpc import code_pb2, status_pb2

import narrowgauge.tools.salesforce.v1.salesforce_pb2
import narrowgauge.tools.sql.v1.sql_pb2
import narrowgauge.tools.text.v1.text_pb2  # noqa: F401  the three give `Any` its message types
from narrowgauge.errors import DataLoss
from narrowgauge.v1 import dispatcher_pb2 as pb
from narrowgauge.v1 import dispatcher_pb2_grpc, options_pb2

__all__ = ["Decision", "event_json", "run_chain"]


@dataclass(frozen=True)
class Decision:
    """Answer to a step that waits for approval."""

    approved: bool
    reason: str = ""


Decide = Callable[[pb.DispatchResponse, pb.ToolCallMade], Awaitable[Decision]]


async def run_chain(
    channel: grpc.aio.Channel,
    start: pb.ChainStart,
    on_event: Callable[[pb.DispatchResponse], None],
    decide: Decide,
) -> pb.ChainFinished:
    """Runs a chain to its end and returns its last event.

    Ctrl-C cancels the chain and waits for its end; a second Ctrl-C leaves at once.

    Args:
        channel: To the router.
        start: What to run.
        on_event: Called with each event, in order.
        decide: Asked about each step that waits for approval, with the call that it would send.

    Raises:
        grpc.aio.AioRpcError: The router refused the request or was lost.
        DataLoss: `LOG_ENDED`: the event log ended before the chain did.
    """
    call = dispatcher_pb2_grpc.DispatcherServiceStub(channel).Dispatch()
    calls: dict[str, pb.ToolCallMade] = {}
    with _cancelling(call):
        await call.write(pb.DispatchRequest(start=start))
        async for event in call:
            on_event(event)
            kind = event.WhichOneof("event")
            if kind == "tool_call":
                calls[event.step_id] = event.tool_call
                if event.tool_call.execution == options_pb2.EXECUTION_CLIENT:
                    await call.write(_cannot_execute(event))
            elif kind == "approval_required":
                await call.write(_answer(event, await decide(event, calls[event.step_id])))
            elif kind == "chain_finished":
                with contextlib.suppress(asyncio.InvalidStateError):  # the router may have closed the stream
                    await call.done_writing()
                return event.chain_finished
    raise DataLoss("LOG_ENDED", "the router closed the event log before the chain had ended")


def event_json(event: pb.DispatchResponse) -> dict[str, Any]:
    """Returns an event as ProtoJSON; a message of an unknown type is given in base64, as `value`."""
    copy = pb.DispatchResponse()
    copy.CopyFrom(event)
    unknown: list[tuple[str, str, any_pb2.Any]] = []
    for kind, field, message in (
        ("toolCall", "request", copy.tool_call.call.request if copy.HasField("tool_call") else None),
        ("toolResult", "message", copy.tool_result.message if copy.HasField("tool_result") else None),
    ):
        if message is not None and message.type_url and not _is_known(message):
            kept = any_pb2.Any()
            kept.CopyFrom(message)
            unknown.append((kind, field, kept))
            message.Clear()
    value: dict[str, Any] = json_format.MessageToDict(copy)
    for kind, field, kept in unknown:
        holder = value[kind]["call"] if kind == "toolCall" else value[kind]
        holder[field] = {"@type": kept.type_url, "value": base64.b64encode(kept.value).decode()}
    return value


def event_line(event: pb.DispatchResponse) -> str:
    """Returns an event as one line of JSON."""
    return json.dumps(event_json(event), ensure_ascii=False)


def _is_known(message: any_pb2.Any) -> bool:
    try:
        descriptor_pool.Default().FindMessageTypeByName(message.TypeName())
    except KeyError:
        return False
    return True


def _answer(event: pb.DispatchResponse, decision: Decision) -> pb.DispatchRequest:
    if decision.approved:
        return pb.DispatchRequest(approve=pb.ApproveStep(step_id=event.step_id))
    return pb.DispatchRequest(reject=pb.RejectStep(step_id=event.step_id, reason=decision.reason))


def _cannot_execute(event: pb.DispatchResponse) -> pb.DispatchRequest:
    message = (
        f"the command line cannot execute {event.tool_call.call.method}: its contract leaves that to a client"
    )
    status = status_pb2.Status(code=code_pb2.UNIMPLEMENTED, message=message)
    return pb.DispatchRequest(tool_result=pb.ClientToolResult(step_id=event.step_id, error=status))


@contextlib.contextmanager
def _cancelling(call: grpc.aio.StreamStreamCall[pb.DispatchRequest, pb.DispatchResponse]) -> Iterator[None]:
    """Sends a cancel on the first SIGINT, so that the chain ends instead of going on without a watcher."""
    loop = asyncio.get_running_loop()
    tasks: list[asyncio.Task[None]] = []

    def on_interrupt() -> None:
        if tasks:
            call.cancel()
            return
        cancel = pb.DispatchRequest(cancel=pb.CancelChain(reason="interrupted at the terminal"))
        tasks.append(asyncio.ensure_future(_write(call, cancel)))

    try:
        loop.add_signal_handler(signal.SIGINT, on_interrupt)
    except (ValueError, RuntimeError, NotImplementedError):  # not the main thread: its owner handles signals
        yield
        return
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGINT)
        for task in tasks:
            task.cancel()
        if not call.done():
            call.cancel()


async def _write(
    call: grpc.aio.StreamStreamCall[pb.DispatchRequest, pb.DispatchResponse], request: pb.DispatchRequest
) -> None:
    with contextlib.suppress(asyncio.InvalidStateError):  # it has just ended
        await call.write(request)
