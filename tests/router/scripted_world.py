"""Scripted specialists and tools on real gRPC servers, and a router between them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
from scripted import BUNDLE, ScriptedPlanner, ScriptedSpecialist, ScriptedTool
from shop_contract import CONTRACTS, POOL, SHOP, plan

from narrowgauge.runtime.channels import open_channel
from narrowgauge.runtime.lifecycle import ServiceServer
from narrowgauge.v1 import (
    dispatcher_pb2_grpc,
    specialist_pb2_grpc,
)
from router_svc.assembly import Router, open_store
from router_svc.config import RouterConfig
from router_svc.limits import Limits
from router_svc.state.store import StateStore


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
        return dispatcher_pb2_grpc.DispatcherServiceStub(channel)
