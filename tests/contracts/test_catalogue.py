"""Closed sets and prompt text out of a catalogue."""

from __future__ import annotations

import pytest
from surface_cases import shop, shop_sets

from narrowgauge.contracts.catalogue_text import catalogue_text
from narrowgauge.contracts.closed_sets import catalogue_hash, closed_sets_of, figures_in
from narrowgauge.errors import InvalidRequest
from narrowgauge.v1 import catalogue_pb2

WHOLE = (
    "customers(id key, name, country in [DE, FR, Côte d'Ivoire])\n"
    "orders(id key, customer_id -> customers, status in [open, shipped], "
    "total real, ordered_on date)"
)


def test_sets_are_derived_from_any_catalogue() -> None:
    """Names, fields, values and types are there for every entity, next to the catalogue's own sets."""
    sets = shop_sets()
    assert sets["entities"] == ("customers", "orders")
    assert sets["fields"] == ("id", "name", "country", "customer_id", "status", "total", "ordered_on")
    assert sets["qualified_fields"][:2] == ("customers.id", "customers.name")
    assert sets["values"] == ("DE", "FR", "Côte d'Ivoire", "open", "shipped")
    assert sets["fields:orders"] == ("id", "customer_id", "status", "total", "ordered_on")
    assert sets["values:orders.status"] == ("open", "shipped")
    assert "values:orders.total" not in sets
    assert sets["type:orders.total"] == ("real",)
    assert sets["tables"] == ("orders", 'größe "x"', "ab")
    assert sets["figures"] == ("3.5 %", "$1,200", "2024-02-29")


def test_a_reserved_name_is_refused() -> None:
    """A catalogue cannot silently replace a derived set."""
    catalogue = catalogue_pb2.Catalogue(closed_sets=[catalogue_pb2.ClosedSet(name="entities", values=["x"])])
    with pytest.raises(InvalidRequest, match="entities"):
        closed_sets_of(catalogue)


FIGURES = [
    ("On 2024-03-01 we sold 1,200 units for $3,400.50.", ["2024-03-01", "1,200", "$3,400.50"]),
    ("up 3.5 % to €7, down -5", ["3.5 %", "€7", "-5"]),
    ("INV-0042 and v2.3 of the 3rd are names, 42 is not", ["42"]),
    ('{"total":12.5,"n":7}', ["12.5", "7"]),
    ("1.2 million at 12:30", ["1.2 million", "12:30"]),
    ("", []),
]


@pytest.mark.parametrize(("text", "expected"), FIGURES)
def test_figures_are_taken_as_written(text: str, expected: list[str]) -> None:
    """Numbers, dates, amounts and percentages, but no digits out of identifiers."""
    assert figures_in(text) == expected


def test_the_hash_is_over_everything_but_itself() -> None:
    """Equal catalogues have an equal hash, whether or not it is filled in."""
    catalogue = shop()
    before = catalogue_hash(catalogue)
    catalogue.hash = before
    assert catalogue_hash(catalogue) == before
    catalogue.entities[0].fields[0].type = "text"
    assert catalogue_hash(catalogue) != before


def test_the_text_has_one_entity_a_line() -> None:
    """What fits is written whole."""
    assert catalogue_text(shop(), max_chars=1000, request="anything") == WHOLE


def test_labels_are_written_where_names_do_not_say_them() -> None:
    """`AnnualRevenue` needs no label; `Tier__c` with the label Loyalty does."""
    field = catalogue_pb2.EntityField
    entity = catalogue_pb2.Entity(
        name="Account",
        label="Accounts",
        fields=[
            field(name="AnnualRevenue", label="Annual Revenue", type="currency"),
            field(name="Tier__c", label="Loyalty", type="picklist"),
            field(name="OwnerId", type="reference", references=["User", "Group"]),
        ],
    )
    text = catalogue_text(catalogue_pb2.Catalogue(entities=[entity]), max_chars=1000, request="")
    assert text == ('Account(AnnualRevenue currency, Tier__c "Loyalty", OwnerId -> User or Group)')


def _wide(entities: int) -> catalogue_pb2.Catalogue:
    catalogue = shop()
    for number in range(entities):
        entity = catalogue.entities.add(name=f"archive_{number:03}")
        for place in range(12):
            entity.fields.add(name=f"column_{place}", type="text")
    return catalogue


def test_a_large_catalogue_is_pruned_to_the_request() -> None:
    """Entities, fields and values that the request names stay, with the entities that they refer to."""
    text = catalogue_text(_wide(200), max_chars=200, request="total of the shipped orders")
    assert len(text) <= 200
    lines = text.splitlines()
    assert [line.split("(")[0] for line in lines[:2]] == ["customers", "orders"]
    assert "customer_id -> customers" in lines[1]
    assert "status in [open, shipped]" in lines[1]
    assert "total real" in lines[1]


@pytest.mark.parametrize("max_chars", [0, 1, 30, 60, 150, 400, 2000])
def test_pruned_text_keeps_its_bound_and_order(max_chars: int) -> None:
    """Whatever the bound, the text keeps it, keeps the catalogue's order, and is the same every time."""
    catalogue = _wide(50)
    text = catalogue_text(catalogue, max_chars=max_chars, request="archive 007 for customers in FR")
    assert len(text) <= max_chars
    order = [entity.name for entity in catalogue.entities]
    names = [line.split("(")[0] for line in text.splitlines()]
    assert names == sorted(names, key=order.index)
    again = catalogue_text(catalogue, max_chars=max_chars, request="archive 007 for customers in FR")
    assert again == text
