"""Planning with what the router knows of the tools' catalogues."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Protocol

from narrowgauge.contracts.contract import Contract
from narrowgauge.routing.vocabulary import Vocabulary
from narrowgauge.v1 import catalogue_pb2, dispatcher_pb2, options_pb2
from router_svc.hops.catalogues import Catalogues
from router_svc.hops.failure import HopFailed, reason_of

__all__ = ["InformedPlanner", "PlansWithVocabulary"]

LEARN_TIMEOUT_S = 2.0

_log = logging.getLogger(__name__)


class PlansWithVocabulary(Protocol):
    """Makes plans of a text and what the tools have: `router_svc.planner.Planner`."""

    async def plan(self, text: str, vocabulary: Vocabulary | None = None) -> dispatcher_pb2.Plan:
        """Plans a request; see `router_svc.chain.ports.Planner`."""

    async def aclose(self) -> None:
        """Releases the model."""


class InformedPlanner:
    """Plans with the catalogues that are known at that time: no plan waits for one.

    They are asked for when the router starts, and brought up to date when a step needs one. A catalogue that
    could not be had is asked for beside the plans, again and again, at most once in `retry_s`.
    """

    def __init__(
        self,
        planner: PlansWithVocabulary,
        contracts: Mapping[str, Contract],
        catalogues: Catalogues,
        retry_s: float,
    ) -> None:
        """Takes the planner, which it closes.

        Args:
            planner: Makes the plans.
            contracts: The bundle's contracts by specialist.
            catalogues: Of their tools.
            retry_s: Seconds between two attempts at what could not be had.
        """
        self._planner = planner
        self._contracts = contracts
        self._catalogues = catalogues
        self._retry_s = retry_s
        self._asked_at = float("-inf")
        self._learning: asyncio.Task[None] | None = None
        self._of: dict[str, catalogue_pb2.Catalogue] = {}
        self._vocabulary: Vocabulary | None = None
        self._only_read = frozenset(
            name
            for name, contract in contracts.items()
            if all(tool.side_effect == options_pb2.SIDE_EFFECT_READ for tool in contract.tools)
        )

    async def plan(self, text: str) -> dispatcher_pb2.Plan:
        """Plans a request; see `router_svc.chain.ports.Planner`."""
        if self._may_learn():
            self._learning = asyncio.create_task(self.learn())
        return await self._planner.plan(text, self.vocabulary())

    def vocabulary(self) -> Vocabulary | None:
        """The names of the known catalogues; None where fewer than two specialists have one.

        The same object for as long as the catalogues are the same, since it reads them once.
        """
        known = {name: self._catalogues.known(contract) for name, contract in self._contracts.items()}
        found = {name: catalogue for name, catalogue in known.items() if catalogue is not None}
        if len(found) < 2:
            return None
        same = found.keys() == self._of.keys() and all(found[name] is self._of[name] for name in found)
        if self._vocabulary is None or not same:
            self._of, self._vocabulary = found, Vocabulary(found, self._only_read)
        return self._vocabulary

    async def learn(self) -> None:
        """Asks for the catalogues that are not known yet; what cannot be had is logged."""
        self._asked_at = asyncio.get_running_loop().time()
        await asyncio.gather(*(self._ask(contract) for contract in self._unknown()))

    async def aclose(self) -> None:
        """Stops asking and closes the planner."""
        if self._learning is not None:
            self._learning.cancel()
            await asyncio.wait([self._learning])
        await self._planner.aclose()

    def _unknown(self) -> list[Contract]:
        return [contract for contract in self._contracts.values() if self._catalogues.lacks(contract)]

    def _may_learn(self) -> bool:
        if self._learning is not None and not self._learning.done():
            return False
        due = asyncio.get_running_loop().time() - self._asked_at > self._retry_s
        return due and bool(self._unknown())

    async def _ask(self, contract: Contract) -> None:
        try:
            await self._catalogues.of(contract, LEARN_TIMEOUT_S)
        except HopFailed as failed:
            _log.warning(
                "plans are made without a tool's catalogue",
                extra={"contract": contract.service, "reason": reason_of(failed.status)},
            )
