"""Scripted specialists and tools on real gRPC servers, and a router between them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import json_format
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message
from google.rpc import code_pb2, status_pb2

from narrowgauge.contracts.contract import Contract
from narrowgauge.contracts.descriptors import contracts_in, load_protos, pool_of
from narrowgauge.errors import FailedPrecondition
from narrowgauge.runtime.channels import open_channel
from narrowgauge.runtime.lifecycle import ServiceServer
from narrowgauge.v1 import (
    catalogue_pb2,
    catalogue_pb2_grpc,
    dispatcher_pb2,
    dispatcher_pb2_grpc,
    options_pb2,
    specialist_pb2,
    specialist_pb2_grpc,
)
from router_svc.assembly import Router, open_store
from router_svc.config import RouterConfig
from router_svc.limits import Limits
from router_svc.state.store import StateStore

BUNDLE = "b" * 64
SHOP = "narrowgauge.testing.shop.v1.ShopService"
NOTE = "narrowgauge.testing.shop.v1.NoteService"
_FILES = load_protos([Path(__file__).parent / "shop.proto"])
POOL = pool_of(_FILES)
CONTRACTS: dict[str, Contract] = {
    contract.specialist: contract
    for contract in contracts_in(_FILES, POOL)
    if contract.specialist in ("shop", "note")
}

AFTER = dispatcher_pb2.DEPENDENCY_KIND_AFTER
USES = dispatcher_pb2.DEPENDENCY_KIND_USES
FOR_EACH = dispatcher_pb2.DEPENDENCY_KIND_FOR_EACH
WRITE = options_pb2.SIDE_EFFECT_WRITE

Event = dispatcher_pb2.DispatchResponse


def step(text: str, *depends_on: tuple[int, int], specialist: str | None = None) -> dispatcher_pb2.PlanStep:
    """A planned step. Its text is `Method {json}`: the call that the scripted specialist writes."""
    if specialist is None:
        specialist = "note" if text.startswith("Note") else "shop"
    dependencies = [dispatcher_pb2.StepDependency(step=other, kind=kind) for other, kind in depends_on]  # type: ignore[arg-type]
    return dispatcher_pb2.PlanStep(text=text, specialist=specialist, depends_on=dependencies)


def plan(*steps: dispatcher_pb2.PlanStep) -> dispatcher_pb2.Plan:
    """A plan of these steps."""
    return dispatcher_pb2.Plan(steps=steps)


def any_of(message: Message) -> AnyMessage:
    """The message in an `Any`."""
    packed = AnyMessage()
    packed.Pack(message)
    return packed


def message(name: str, **fields: Any) -> Message:
    """A message of the shop's contract."""
    made = next(
        klass()
        for contract in CONTRACTS.values()
        for tool in contract.tools
        for klass in (tool.request_class, tool.response_class)
        if klass.DESCRIPTOR.name == name
    )
    json_format.ParseDict(fields, made, descriptor_pool=POOL)
    return made


def call_answer(text: str) -> specialist_pb2.ExecuteResponse:
    """The answer with the tool call that `Method {json}` stands for."""
    name, _, body = text.partition(" ")
    for contract in CONTRACTS.values():
        for tool in contract.tools:
            if tool.name == name:
                request = json_format.ParseDict(
                    json.loads(body or "{}"), tool.request_class(), descriptor_pool=POOL
                )
                call = specialist_pb2.ToolCall(method=tool.method, request=any_of(request), json=body or "{}")
                return specialist_pb2.ExecuteResponse(tool_call=call)
    return specialist_pb2.ExecuteResponse(
        refusal=specialist_pb2.Refusal(reason="UNANSWERABLE", message="no such tool")
    )


class ScriptedPlanner:
    """Plans by look-up."""

    def __init__(self, planned: dispatcher_pb2.Plan | Exception) -> None:
        self.planned = planned
        self.closed = False

    async def plan(self, text: str) -> dispatcher_pb2.Plan:
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
        catalogue = catalogue_pb2.Catalogue(hash="c1")
        if request.known_hash != "c1":
            catalogue.entities.add(name="items")
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


async def served(
    stack: AsyncExitStack, register: Callable[[grpc.aio.Server], list[str]], listen: str = "127.0.0.1:0"
) -> ServiceServer:
    """A started server that is ready; stopped with the stack."""
    server = ServiceServer(listen, register)
    await server.start()
    await server.set_ready()
    stack.push_async_callback(server.stop, 0)
    return server


def register_specialist(specialist: ScriptedSpecialist) -> Callable[[grpc.aio.Server], list[str]]:
    """How a server gets the specialist."""

    def register(server: grpc.aio.Server) -> list[str]:
        specialist_pb2_grpc.add_SpecialistServiceServicer_to_server(specialist, server)
        return ["narrowgauge.v1.SpecialistService"]

    return register


@dataclass
class World:
    """A router with its scripted surroundings."""

    tmp_path: Path
    stack: AsyncExitStack
    planner: ScriptedPlanner = field(default_factory=lambda: ScriptedPlanner(plan()))
    shop: ScriptedSpecialist = field(default_factory=lambda: ScriptedSpecialist("shop"))
    note: ScriptedSpecialist = field(default_factory=lambda: ScriptedSpecialist("note"))
    tool: ScriptedTool = field(default_factory=ScriptedTool)
    limits: dict[str, Any] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    store: StateStore | None = None
    routers: list[Router] = field(default_factory=list)
    addresses: dict[str, str] = field(default_factory=dict)
    servers: dict[str, ServiceServer] = field(default_factory=dict)
    state: str = ""

    def __post_init__(self) -> None:
        self.state = self.state or str(self.tmp_path / "state.db")

    async def surroundings(self) -> None:
        """Starts the specialists and the tool."""
        if self.servers:
            return
        for name, register in (
            ("shop", register_specialist(self.shop)),
            ("note", register_specialist(self.note)),
            ("tool", self.tool.register),
        ):
            self.servers[name] = await served(self.stack, register)
            self.addresses[name] = self.servers[name].address

    async def router(self, store: StateStore | None = None) -> dispatcher_pb2_grpc.DispatcherServiceAsyncStub:
        """Starts a router and returns a stub on it."""
        await self.surroundings()
        limits = Limits(**{"retry_backoff_s": 0.001, **self.limits})
        config = RouterConfig(
            bundle=Path("unused"),
            state=self.state,
            specialists={"shop": self.addresses["shop"], "note": self.addresses["note"]},
            tools={SHOP: self.addresses["tool"]},
            limits=limits,
            **self.config,
        )
        router = Router(
            config,
            bundle_hash=BUNDLE,
            contracts=CONTRACTS,
            pool=POOL,
            planner=self.planner,
            store=store or open_store(self.state, accept_volatile=True),
        )
        self.stack.push_async_callback(router.close)
        self.routers.append(router)
        await router.warm()
        server = await served(self.stack, router.register)
        return self.stub(server.address)

    def stub(self, address: str) -> dispatcher_pb2_grpc.DispatcherServiceAsyncStub:
        """A stub on a router."""
        channel = open_channel(address)
        self.stack.push_async_callback(channel.close)
        return dispatcher_pb2_grpc.DispatcherServiceStub(channel)  # type: ignore[return-value]


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
