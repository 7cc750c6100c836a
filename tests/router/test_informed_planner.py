"""Plans take the catalogues that are known: none waits for one, and what is missing is asked for again."""

from __future__ import annotations

import asyncio
import logging
from types import SimpleNamespace
from typing import Any, cast

import pytest

from narrowgauge.contracts.contract import Contract
from narrowgauge.errors import Unavailable
from narrowgauge.routing.vocabulary import Vocabulary
from narrowgauge.runtime.status import status_of
from narrowgauge.v1 import dispatcher_pb2, options_pb2
from narrowgauge.v1.catalogue_pb2 import Catalogue
from router_svc.hops.catalogues import Catalogues
from router_svc.hops.failure import HopFailed
from router_svc.informed_planner import InformedPlanner


def contract(service: str) -> Contract:
    tool = SimpleNamespace(side_effect=options_pb2.SIDE_EFFECT_READ)
    return cast(Contract, SimpleNamespace(service=service, tools=(tool,)))


CONTRACTS = {name: contract(f"test.{name}") for name in ("crm", "shop", "note")}


class Tools:
    """Catalogues of the services that are up; `note` has no service."""

    def __init__(self) -> None:
        self.up = {"test.crm", "test.shop"}
        self.found: dict[str, Catalogue] = {}
        self.asked: list[str] = []
        self.complete = asyncio.Event()

    def known(self, contract: Contract) -> Catalogue | None:
        return self.found.get(contract.service)

    def lacks(self, contract: Contract) -> bool:
        return contract.service != "test.note" and contract.service not in self.found

    async def of(self, contract: Contract, timeout_s: float) -> Catalogue | None:
        self.asked.append(contract.service)
        if contract.service not in self.up:
            raise HopFailed("tool", status_of(Unavailable("TOOL_UNREACHABLE", "secret words")))
        self.found.setdefault(contract.service, Catalogue(hash=contract.service))
        if len(self.found) == 2:
            self.complete.set()
        return self.found[contract.service]


class Listener:
    """A planner that keeps what it was given."""

    def __init__(self) -> None:
        self.given: list[Vocabulary | None] = []

    async def plan(self, text: str, vocabulary: Vocabulary | None = None) -> dispatcher_pb2.Plan:
        self.given.append(vocabulary)
        return dispatcher_pb2.Plan()

    async def aclose(self) -> None:
        pass


def informed(listener: Listener, tools: Any, retry_s: float = 60.0) -> InformedPlanner:
    return InformedPlanner(listener, CONTRACTS, cast(Catalogues, tools), retry_s)


async def test_what_was_learned_is_given_to_every_plan() -> None:
    """After learning, all plans get one vocabulary, until a catalogue is another one."""
    listener, tools = Listener(), Tools()
    planner = informed(listener, tools)
    await planner.learn()
    await planner.plan("one")
    await planner.plan("two")
    tools.found["test.crm"] = Catalogue(hash="changed")
    await planner.plan("three")
    one, two, three = listener.given
    assert one is not None and one is two
    assert three is not None and three is not one
    assert sorted(tools.asked) == ["test.crm", "test.shop"]
    await planner.aclose()


async def test_a_plan_does_not_wait() -> None:
    """The first plan goes without catalogues while they are asked for, and a later one has them."""
    listener, tools = Listener(), Tools()
    planner = informed(listener, tools)
    await planner.plan("one")
    await tools.complete.wait()
    await planner.plan("two")
    assert listener.given[0] is None and listener.given[1] is not None
    await planner.aclose()


async def test_a_tool_that_is_down(caplog: pytest.LogCaptureFixture) -> None:
    """One catalogue is none; what is down is logged by its reason, and asked again, not with every plan."""
    listener, tools = Listener(), Tools()
    tools.up.remove("test.crm")
    patient, eager = informed(listener, tools), informed(listener, tools, retry_s=-1.0)
    await patient.learn()
    await patient.plan("one")
    assert tools.asked.count("test.crm") == 1 and listener.given == [None]
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "secret words" not in str(vars(caplog.records[0]))
    tools.up.add("test.crm")
    await eager.plan("two")
    await tools.complete.wait()
    await patient.plan("three")
    assert listener.given[2] is not None
    await patient.aclose()
    await eager.aclose()
