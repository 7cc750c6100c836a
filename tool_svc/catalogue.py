"""How a tool service answers for its catalogue, wherever that comes from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import grpc

from narrowgauge.errors import NotFound
from narrowgauge.v1 import catalogue_pb2, catalogue_pb2_grpc

__all__ = ["CATALOGUE_SERVICE", "ContractCatalogue"]

CATALOGUE_SERVICE = catalogue_pb2.DESCRIPTOR.services_by_name["CatalogueService"].full_name


class ContractCatalogue(catalogue_pb2_grpc.CatalogueServiceServicer, ABC):
    """Serves the catalogue of one contract."""

    def __init__(self, contract: str) -> None:
        """Takes the full name of the contract's service."""
        self._contract = contract

    @abstractmethod
    async def current(self, context: grpc.aio.ServicerContext[Any, Any]) -> catalogue_pb2.Catalogue:
        """Returns the catalogue as it is now, with its hash; it is not changed."""

    async def GetCatalogue(  # noqa: N802  the method's name in the contract
        self,
        request: catalogue_pb2.GetCatalogueRequest,
        context: grpc.aio.ServicerContext[Any, Any],
    ) -> catalogue_pb2.GetCatalogueResponse:
        """Returns the catalogue, or its hash alone when the caller's copy is current."""
        if request.contract not in ("", self._contract):
            raise NotFound("UNKNOWN_CONTRACT", f"this tool serves {self._contract}, not {request.contract}")
        catalogue = await self.current(context)
        if request.known_hash == catalogue.hash:
            catalogue = catalogue_pb2.Catalogue(hash=catalogue.hash)
        return catalogue_pb2.GetCatalogueResponse(catalogue=catalogue)
