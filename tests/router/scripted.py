"""A planner, specialists and tools that do what a test says; specialists and tools are gRPC servicers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf import json_format
from google.protobuf.message import Message
from shop_contract import CONTRACTS, POOL, SHOP, call_answer, message

from narrowgauge.errors import FailedPrecondition
from narrowgauge.routing.vocabulary import Vocabulary
from narrowgauge.v1 import (
    catalogue_pb2,
    catalogue_pb2_grpc,
    dispatcher_pb2,
    specialist_pb2,
    specialist_pb2_grpc,
)

BUNDLE = "b" * 64


class ScriptedPlanner:
    """Plans by look-up."""

    def __init__(self, planned: dispatcher_pb2.Plan | Exception) -> None:
        self.planned = planned
        self.closed = False

    async def plan(self, text: str, vocabulary: Vocabulary | None = None) -> dispatcher_pb2.Plan:
        if isinstance(self.planned, Exception):
            raise self.planned
        return self.planned

    async def aclose(self) -> None:
        self.closed = True


Answer = Callable[[list[specialist_pb2.ExecuteRequest]], Awaitable[specialist_pb2.ExecuteResponse]]


class ScriptedSpecialist(specialist_pb2_grpc.SpecialistServiceServicer):
    """A specialist whose sub-tasks say what it answers. Tests replace `answer`."""

    def __init__(self, name: str, bundle: str = BUNDLE) -> None:
        self.name = name
        self.bundle = bundle
        self.starts: list[specialist_pb2.ExecuteStart] = []
        self.errors: list[specialist_pb2.ToolError] = []
        self.streams = 0
        self.ended = asyncio.Event()
        self.catalogues: set[str] = set()
        self.answer: Answer = self.say

    async def say(self, turns: list[specialist_pb2.ExecuteRequest]) -> specialist_pb2.ExecuteResponse:
        return call_answer(next(turn for turn in reversed(turns) if turn.HasField("start")).start.text)

    def repair_with(self, call: str) -> None:
        """From now on answers a tool's error with another call."""

        async def repairing(turns: list[specialist_pb2.ExecuteRequest]) -> specialist_pb2.ExecuteResponse:
            return call_answer(call) if turns[-1].HasField("tool_error") else await self.say(turns)

        self.answer = repairing

    def hang(self) -> asyncio.Event:
        """From now on never answers; the event says that it was asked."""
        asked = asyncio.Event()

        async def hanging(turns: list[specialist_pb2.ExecuteRequest]) -> specialist_pb2.ExecuteResponse:
            asked.set()
            await asyncio.Event().wait()
            raise AssertionError

        self.answer = hanging
        return asked

    async def Describe(  # noqa: N802  gRPC's name
        self, request: specialist_pb2.DescribeRequest, context: Any
    ) -> specialist_pb2.DescribeResponse:
        description = specialist_pb2.SpecialistDescription(name=self.name)
        return specialist_pb2.DescribeResponse(specialist=description, bundle_hash=self.bundle)

    async def Execute(  # noqa: N802
        self, requests: AsyncIterator[specialist_pb2.ExecuteRequest], context: Any
    ) -> AsyncIterator[specialist_pb2.ExecuteResponse]:
        self.streams += 1
        turns: list[specialist_pb2.ExecuteRequest] = []
        try:
            async for request in requests:
                turns.append(request)
                if request.HasField("start"):
                    self._check_catalogue(request.start)
                    self.starts.append(request.start)
                else:
                    self.errors.append(request.tool_error)
                yield await self.answer(turns)
        finally:
            self.ended.set()

    def _check_catalogue(self, start: specialist_pb2.ExecuteStart) -> None:
        if start.catalogue.entities:
            self.catalogues.add(start.catalogue.hash)
        elif start.catalogue.hash and start.catalogue.hash not in self.catalogues:
            raise FailedPrecondition("CATALOGUE_UNKNOWN", "send it")


@dataclass
class ToolCallSeen:
    """A call as a tool got it."""

    method: str
    request: dict[str, Any]
    key: str


Behaviour = Callable[[Message, ToolCallSeen, Any], Awaitable[Message]]


class ScriptedTool(catalogue_pb2_grpc.CatalogueServiceServicer):
    """The shop. Tests replace what its methods do."""

    def __init__(self) -> None:
        self.calls: list[ToolCallSeen] = []
        self.outcomes: dict[str, Message] = {}
        self.behaviour: dict[str, Behaviour] = {
            "List": self.list_items,
            "Order": self.order,
            "Wipe": self.wipe,
        }
        self.catalogue = catalogue_pb2.Catalogue(hash="c1", entities=[catalogue_pb2.Entity(name="items")])
        self.catalogue_requests: list[str] = []

    async def list_items(self, request: Any, seen: ToolCallSeen, context: Any) -> Message:
        return message(
            "ListResponse", items=[{"name": f"item {n}", "price": n + 0.5} for n in range(request.count)]
        )

    async def order(self, request: Any, seen: ToolCallSeen, context: Any) -> Message:
        return self.outcomes.setdefault(seen.key, message("OrderResponse", id=f"order of {request.name}"))

    async def wipe(self, request: Any, seen: ToolCallSeen, context: Any) -> Message:
        return message("WipeResponse")

    def hang(self, method: str) -> asyncio.Event:
        """From now on never answers a method; the event says that a call of it was cancelled."""
        cancelled = asyncio.Event()

        async def hanging(request: Any, seen: ToolCallSeen, context: Any) -> Message:
            try:
                await asyncio.Event().wait()
            finally:
                cancelled.set()
            raise AssertionError

        self.behaviour[method] = hanging
        return cancelled

    async def GetCatalogue(  # noqa: N802
        self, request: catalogue_pb2.GetCatalogueRequest, context: Any
    ) -> catalogue_pb2.GetCatalogueResponse:
        self.catalogue_requests.append(request.known_hash)
        known = request.known_hash == self.catalogue.hash
        catalogue = catalogue_pb2.Catalogue(hash=self.catalogue.hash) if known else self.catalogue
        return catalogue_pb2.GetCatalogueResponse(catalogue=catalogue)

    def register(self, server: grpc.aio.Server) -> list[str]:
        catalogue_pb2_grpc.add_CatalogueServiceServicer_to_server(self, server)
        handlers = {}
        for tool in CONTRACTS["shop"].tools:
            handlers[tool.name] = grpc.unary_unary_rpc_method_handler(
                self._handler(tool.name),
                request_deserializer=tool.request_class.FromString,
                response_serializer=tool.response_class.SerializeToString,
            )
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SHOP, handlers),))
        return [SHOP]

    def _handler(self, name: str) -> Callable[[Message, Any], Awaitable[Message]]:
        async def handle(request: Message, context: Any) -> Message:
            metadata = dict(context.invocation_metadata())
            fields = json_format.MessageToDict(request, descriptor_pool=POOL)
            seen = ToolCallSeen(name, fields, str(metadata["narrowgauge-idempotency-key"]))
            self.calls.append(seen)
            return await self.behaviour[name](request, seen, context)

        return handle
