"""Contracts and surfaces that the tests of this folder share.

`SURFACE_CASES` is what the common suite in `test_surfaces.py` runs over: every surface has at least one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from narrowgauge.contracts.closed_sets import closed_sets_of
from narrowgauge.contracts.contract import Contract
from narrowgauge.contracts.corpus import contract_for
from narrowgauge.contracts.descriptors import builtin_descriptor_set, contracts_in, load_protos
from narrowgauge.contracts.surfaces import ClosedSets, CompiledSurface, get_surface
from narrowgauge.v1 import catalogue_pb2, specialist_pb2

PROTOS = Path(__file__).parent / "protos"


@cache
def everything_contract() -> Contract:
    """Returns the contract of `protos/everything.proto`, from a descriptor pool of its own."""
    return contracts_in(load_protos([PROTOS]))[0]


@cache
def builtin_contract(specialist: str) -> Contract:
    """Returns a contract that Narrowgauge carries."""
    contracts = {contract.specialist: contract for contract in contracts_in(builtin_descriptor_set())}
    return contracts[specialist]


def shop() -> catalogue_pb2.Catalogue:
    """Returns a small catalogue with keys, references, types of all kinds and categorical values."""
    field = catalogue_pb2.EntityField
    return catalogue_pb2.Catalogue(
        dialect="sqlite",
        entities=[
            catalogue_pb2.Entity(
                name="customers",
                fields=[
                    field(name="id", type="integer", key=True),
                    field(name="name", type="text"),
                    field(name="country", type="text", values=["DE", "FR", "Côte d'Ivoire"]),
                ],
            ),
            catalogue_pb2.Entity(
                name="orders",
                fields=[
                    field(name="id", type="integer", key=True),
                    field(name="customer_id", type="integer", references=["customers.id"]),
                    field(name="status", type="text", values=["open", "shipped"]),
                    field(name="total", type="real"),
                    field(name="ordered_on", type="date"),
                ],
            ),
        ],
        closed_sets=[
            catalogue_pb2.ClosedSet(name="tables", values=["orders", 'größe "x"', "ab"]),
            catalogue_pb2.ClosedSet(name="columns", values=["id", "b\\c", "ü", "\u2028", "😀"]),
        ],
    )


def shop_sets() -> ClosedSets:
    """Returns the closed sets of the small catalogue and of a document with figures."""
    return closed_sets_of(shop(), [specialist_pb2.ContextDocument(text="Up 3.5 % to $1,200 on 2024-02-29.")])


@dataclass(frozen=True)
class SurfaceCase:
    """A compiled surface with the closed sets of a request."""

    compiled: CompiledSurface
    closed_sets: ClosedSets


def _case(surface: str, contract: Callable[[], Contract]) -> Callable[[], SurfaceCase]:
    return cache(lambda: SurfaceCase(get_surface(surface).compile(contract()), shop_sets()))


def _builtin(specialist: str) -> Callable[[], Contract]:
    return lambda: builtin_contract(specialist)


def _message(name: str) -> Callable[[], Contract]:
    return lambda: contract_for(everything_contract().tool(name).request)


_PARTS = ("Scalars", "Shapes", "WellKnown", "StringRules", "NumberRules", "ShapeRules", "Sets")

SURFACE_CASES: dict[str, Callable[[], SurfaceCase]] = {
    **{f"compact-{name}": _case("compact", _builtin(name)) for name in ("salesforce", "sql", "summary")},
    "compact-everything": _case("compact", everything_contract),
    **{f"compact-{name}": _case("compact", _message(name)) for name in _PARTS},
    "salesforce": _case("salesforce", lambda: builtin_contract("salesforce")),
    "sql": _case("sql", lambda: builtin_contract("sql")),
    "protojson-text": _case("protojson", lambda: builtin_contract("summary")),
    "protojson-everything": _case("protojson", everything_contract),
    **{f"protojson-{name}": _case("protojson", _message(name)) for name in _PARTS},
}
