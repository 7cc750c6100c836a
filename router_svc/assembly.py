"""Puts a router together from its configuration, a bundle's contents and a planner."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import grpc
from google.protobuf.descriptor_pool import DescriptorPool

from narrowgauge.contracts.contract import Contract
from narrowgauge.contracts.validate import violations
from narrowgauge.errors import InvalidRequest
from narrowgauge.runtime.channels import open_channel
from narrowgauge.v1 import dispatcher_pb2, dispatcher_pb2_grpc, options_pb2
from router_svc.chain.context import ContextBuilder
from router_svc.chain.parts import Environment
from router_svc.chain.sources import about_context
from router_svc.config import RouterConfig
from router_svc.dispatcher import Dispatcher
from router_svc.hops.catalogues import Catalogues
from router_svc.hops.specialists import SpecialistLinks
from router_svc.hops.tools import ToolChannels
from router_svc.informed_planner import InformedPlanner, PlansWithVocabulary
from router_svc.servicer import DispatcherServicer
from router_svc.state.redis import RedisStore
from router_svc.state.sqlite import SqliteStore
from router_svc.state.store import StateStore
from router_svc.upkeep import Upkeep

__all__ = ["Router", "open_store"]

SERVICE = dispatcher_pb2.DESCRIPTOR.services_by_name["DispatcherService"].full_name


class Router:
    """Owns everything that a router process holds, from `warm` to `close`."""

    def __init__(
        self,
        config: RouterConfig,
        *,
        bundle_hash: str,
        contracts: Mapping[str, Contract],
        pool: DescriptorPool,
        planner: PlansWithVocabulary,
        store: StateStore,
    ) -> None:
        """Takes ownership of the planner and the store.

        Args:
            config: The configuration.
            bundle_hash: The bundle's hash.
            contracts: The bundle's contracts by specialist.
            pool: The bundle's descriptors.
            planner: Makes plans.
            store: Where chains are logged.

        Raises:
            InvalidRequest: BAD_CONFIG: an address is of something that the bundle lacks, or a contract of a
                configured specialist has nowhere to be executed.
        """
        _check_targets(config, contracts)
        limits = config.limits
        self._store = store
        self._channels: dict[str, grpc.aio.Channel] = {
            service: open_channel(target, max_message_bytes=max(4 * limits.max_result_bytes, 1 << 20))
            for service, target in config.tools.items()
        }
        catalogues = Catalogues(self._channels, config.catalogue_ttl_s)
        self._specialists = SpecialistLinks(bundle_hash, contracts, config.specialists, catalogues)
        self._planner = InformedPlanner(planner, contracts, catalogues, config.catalogue_ttl_s)
        environment = Environment(
            planner=self._planner,
            specialist_names=frozenset(contracts),
            about_context=about_context(contracts),
            specialists=self._specialists,
            tools=ToolChannels(contracts, self._channels, limits.max_result_bytes),
            contexts=ContextBuilder(pool, limits.max_result_text_chars),
            violations=violations,
            limits=limits,
        )
        self.dispatcher = Dispatcher(environment, store, bundle_hash, config.lease_s)
        self._upkeep = Upkeep(self.dispatcher, store, bundle_hash, config.lease_s, config.retention_s)
        self._servicer = DispatcherServicer(
            self.dispatcher, self._planner, self._specialists, limits, bundle_hash
        )

    def register(self, server: grpc.aio.Server) -> list[str]:
        """Adds the service to a server."""
        dispatcher_pb2_grpc.add_DispatcherServiceServicer_to_server(self._servicer, server)
        return [SERVICE]

    async def warm(self) -> None:
        """Opens the store, greets the specialists, reads catalogues and picks up chains that nobody runs.

        A specialist that is down or refused does not stop the router: it is logged and listed, and steps
        that need it fail. Without a tool's catalogue plans are made by wording alone.

        Raises:
            FailedPrecondition, Unavailable: The store cannot be used.
        """
        if isinstance(self._store, RedisStore):
            await self._store.open()
        await asyncio.gather(self._specialists.handshake(), self._planner.learn())
        self._upkeep.start()

    async def close(self) -> None:
        """Gives the chains up and closes everything."""
        await self._upkeep.close()
        await self.dispatcher.close()
        await self._planner.aclose()
        await self._specialists.close()
        await asyncio.gather(*(channel.close() for channel in self._channels.values()))
        await self._store.close()


def open_store(url: str, *, accept_volatile: bool) -> StateStore:
    """Returns the store that a URL or a file name stands for.

    Raises:
        DataLoss, Overloaded, Unavailable: The SQLite file cannot be used.
    """
    if url.startswith(("redis://", "rediss://", "unix://")):
        return RedisStore(url, accept_volatile=accept_volatile)
    return SqliteStore(Path(url).expanduser())


def _check_targets(config: RouterConfig, contracts: Mapping[str, Contract]) -> None:
    by_service = {contract.service: contract for contract in contracts.values()}
    for name in config.specialists:
        if name not in contracts:
            raise _bad("NARROWGAUGE_SPECIALISTS", f"{name!r} is no specialist of the bundle", contracts)
    for service in config.tools:
        if service not in by_service:
            raise _bad("NARROWGAUGE_TOOLS", f"{service!r} is no contract of the bundle", by_service)
    for name in config.specialists:
        contract = contracts[name]
        served = any(tool.execution == options_pb2.EXECUTION_SERVICE for tool in contract.tools)
        if served and contract.service not in config.tools:
            what = f"{contract.service}, the contract of specialist {name}, has no address"
            raise _bad("NARROWGAUGE_TOOLS", what, by_service)


def _bad(variable: str, what: str, known: Mapping[str, object]) -> InvalidRequest:
    return InvalidRequest(
        "BAD_CONFIG",
        f"{variable}: {what}; the bundle has {', '.join(sorted(known)) or 'none'}",
        metadata={"variable": variable},
    )
