"""A client of the router, and what its events say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import grpc
from google.rpc import code_pb2, status_pb2

from narrowgauge.v1 import (
    dispatcher_pb2,
    options_pb2,
)

Event = dispatcher_pb2.DispatchResponse
AUTO = dispatcher_pb2.ChainPolicy(auto_approve=[options_pb2.SIDE_EFFECT_WRITE])
"""Writes wait for nobody."""


class Client:
    """One `Dispatch` stream."""

    def __init__(self, stub: Any, timeout: float | None = None) -> None:
        self.call = stub.Dispatch(timeout=timeout)
        self.events: list[Event] = []

    async def start(self, text: str = "do it", **fields: Any) -> Client:
        start = dispatcher_pb2.ChainStart(text=text, **fields)
        await self.call.write(dispatcher_pb2.DispatchRequest(start=start))
        return self

    async def resume(self, session_id: str, last_sequence: int = 0) -> Client:
        resume = dispatcher_pb2.ChainResume(session_id=session_id, last_sequence=last_sequence)
        await self.call.write(dispatcher_pb2.DispatchRequest(resume=resume))
        return self

    async def send(self, **payload: Any) -> None:
        await self.call.write(dispatcher_pb2.DispatchRequest(**payload))

    async def approve(self, step_id: str) -> None:
        await self.send(approve=dispatcher_pb2.ApproveStep(step_id=step_id))

    async def next(self) -> Event | None:
        """The next event; `None` at the end. Raises the stream's error."""
        event = await self.call.read()
        if event is grpc.aio.EOF:
            code = await self.call.code()
            if code != grpc.StatusCode.OK:
                raise grpc.aio.AioRpcError(
                    code,
                    await self.call.initial_metadata(),
                    await self.call.trailing_metadata(),
                    await self.call.details(),
                )
            return None
        self.events.append(event)
        return event

    async def until(self, kind: str, step_id: str | None = None) -> Event:
        """Reads up to an event of that kind."""
        while (event := await self.next()) is not None:
            if event.WhichOneof("event") == kind and step_id in (None, event.step_id):
                return event
        raise AssertionError(f"the stream ended without {kind}: {self.events[-4:]}")

    async def all(self) -> list[Event]:
        """Reads to the end."""
        while await self.next() is not None:
            pass
        return self.events


def kinds(events: Sequence[Event], step_id: str | None = None) -> list[str]:
    """The kinds of the events (of one step), in order."""
    return [str(e.WhichOneof("event")) for e in events if step_id is None or e.step_id == step_id]


def final(events: Sequence[Event]) -> status_pb2.Status:
    """The chain's status."""
    assert events[-1].HasField("chain_finished")
    return events[-1].chain_finished.status


def code_name(status: status_pb2.Status) -> str:
    """The name of a status's code."""
    return str(code_pb2.Code.Name(status.code))


def failure_of(client: Client, step_id: str = "0") -> status_pb2.Status:
    """The status of a failed step."""
    return next(
        e.step_failed.status for e in client.events if e.step_id == step_id and e.HasField("step_failed")
    )
