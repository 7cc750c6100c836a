"""Catalogues of the tools' environments, kept for a while and asked for again by their hash."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import grpc

from narrowgauge.contracts.contract import Contract
from narrowgauge.v1 import catalogue_pb2, catalogue_pb2_grpc
from router_svc.hops.failure import HopFailed

__all__ = ["Catalogues"]


@dataclass(frozen=True)
class _Entry:
    catalogue: catalogue_pb2.Catalogue | None
    fetched_at: float


class Catalogues:
    """Fetches a contract's catalogue from its tool service at most once in `ttl_s`."""

    def __init__(self, channels: Mapping[str, grpc.aio.Channel], ttl_s: float) -> None:
        """Takes the tool services' channels by contract."""
        self._channels = channels
        self._ttl_s = ttl_s
        self._entries: dict[str, _Entry] = {}
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def known(self, contract: Contract) -> catalogue_pb2.Catalogue | None:
        """Returns the catalogue that was fetched last, however long ago; None without one."""
        entry = self._entries.get(contract.service)
        return entry.catalogue if entry is not None else None

    def lacks(self, contract: Contract) -> bool:
        """Tells whether a contract has a tool service which has not answered yet."""
        return contract.service in self._channels and contract.service not in self._entries

    async def of(self, contract: Contract, timeout_s: float) -> catalogue_pb2.Catalogue | None:
        """Returns the catalogue, at most `ttl_s` old.

        `None` for a contract that no tool service executes, and for a service that has no catalogue: one of
        another maker, whose calls name nothing of an environment.

        Raises:
            HopFailed: The tool service cannot be asked.
        """
        channel = self._channels.get(contract.service)
        if channel is None:
            return None
        async with self._locks[contract.service]:  # several steps at once ask once
            now = asyncio.get_running_loop().time()
            entry = self._entries.get(contract.service)
            if entry is None or now - entry.fetched_at > self._ttl_s:
                known = entry.catalogue if entry is not None else None
                entry = _Entry(await _fetch(channel, contract.service, known, timeout_s), now)
                self._entries[contract.service] = entry
            return entry.catalogue


async def _fetch(
    channel: grpc.aio.Channel, service: str, known: catalogue_pb2.Catalogue | None, timeout_s: float
) -> catalogue_pb2.Catalogue | None:
    request = catalogue_pb2.GetCatalogueRequest(contract=service, known_hash=known.hash if known else "")
    try:
        response = await catalogue_pb2_grpc.CatalogueServiceStub(channel).GetCatalogue(
            request, timeout=timeout_s
        )
    except grpc.aio.AioRpcError as error:
        if error.code() == grpc.StatusCode.UNIMPLEMENTED:
            return None
        raise HopFailed.of_tool(service, timeout_s, error) from error
    if known is not None and response.catalogue.hash == known.hash:
        return known
    return response.catalogue
