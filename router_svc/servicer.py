"""`DispatcherService` over gRPC: streams in, streams out, nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import grpc

from narrowgauge.errors import InvalidRequest
from narrowgauge.v1 import dispatcher_pb2, dispatcher_pb2_grpc
from router_svc.chain.ports import Planner
from router_svc.dispatcher import Dispatcher
from router_svc.hops.specialists import SpecialistLinks
from router_svc.limits import Limits
from router_svc.requests import check_text

__all__ = ["DispatcherServicer"]

Request = dispatcher_pb2.DispatchRequest
Response = dispatcher_pb2.DispatchResponse


class DispatcherServicer(dispatcher_pb2_grpc.DispatcherServiceServicer):
    """Serves the dispatcher. Errors leave as exceptions, which the server's interceptor maps."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        planner: Planner,
        specialists: SpecialistLinks,
        limits: Limits,
        bundle_hash: str,
    ) -> None:
        self._dispatcher = dispatcher
        self._planner = planner
        self._specialists = specialists
        self._limits = limits
        self._bundle_hash = bundle_hash

    async def Dispatch(  # noqa: N802  gRPC's name
        self, request_iterator: AsyncIterator[Request], context: grpc.aio.ServicerContext[Request, Response]
    ) -> AsyncIterator[Response]:
        """Starts or resumes a chain and streams its events to the last one.

        Several streams may watch and steer one chain. An error in what a client sends (a second start, an
        approval of a step that waits for none) ends that stream with its status, and not the chain: the
        client may resume. Likewise a client that goes away leaves its chain running (see `dispatcher`). A
        client that has closed its side still gets all events.
        """
        requests = aiter(request_iterator)
        session_id, after = await self._first(requests, context)
        reader = asyncio.create_task(self._read(session_id, requests))
        try:
            async with aclosing(self._dispatcher.follow(session_id, after)) as events:
                while (event := await _next_event(events, reader)) is not None:
                    yield event
        finally:
            reader.cancel()
            await asyncio.wait([reader])
            if not reader.cancelled():
                reader.exception()  # raised above, or too late to matter: the chain has ended

    async def Plan(  # noqa: N802
        self, request: dispatcher_pb2.PlanRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> dispatcher_pb2.PlanResponse:
        """Plans a request without executing it."""
        check_text(request.text, self._limits)
        plan = await self._planner.plan(request.text)
        return dispatcher_pb2.PlanResponse(plan=plan, bundle_hash=self._bundle_hash)

    async def ListSpecialists(  # noqa: N802
        self, request: dispatcher_pb2.ListSpecialistsRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> dispatcher_pb2.ListSpecialistsResponse:
        """Lists the specialists as they are now."""
        statuses = await self._specialists.statuses()
        return dispatcher_pb2.ListSpecialistsResponse(specialists=statuses, bundle_hash=self._bundle_hash)

    async def _first(
        self, requests: AsyncIterator[Request], context: grpc.aio.ServicerContext[Request, Response]
    ) -> tuple[str, int]:
        """Reads the first message; returns the session and the sequence number to continue after."""
        first = await anext(requests, None)
        match first.WhichOneof("payload") if first is not None else None:
            case "start":
                assert first is not None
                return await self._dispatcher.start(first.start, context.time_remaining()), 0
            case "resume":
                assert first is not None
                await self._dispatcher.check_resume(first.resume)
                return first.resume.session_id, first.resume.last_sequence
        raise InvalidRequest(
            "NO_START",
            "the first message of a stream must start or resume a chain",
            field_violations=[("payload", "must be start or resume")],
        )

    async def _read(self, session_id: str, requests: AsyncIterator[Request]) -> None:
        async for request in requests:
            await self._dispatcher.steer(session_id, request)


async def _next_event(events: AsyncIterator[Response], reader: asyncio.Task[None]) -> Response | None:
    """Returns the next event, `None` after the last; raises what the reader of the client's side raised."""
    following = asyncio.ensure_future(anext(events, None))
    try:
        pending = {following} if reader.done() else {following, reader}
        while not following.done():
            await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            if reader.done():
                reader.result()
                pending = {following}
        return following.result()
    finally:
        if not following.done():
            following.cancel()
            await asyncio.wait([following])
