"""Words of requests are linked to what they name in the catalogue."""

from __future__ import annotations

import pytest

from narrowgauge.contracts.amounts import amounts_in
from narrowgauge.contracts.closed_sets import catalogue_hash
from narrowgauge.contracts.name_words import name_words
from narrowgauge.contracts.prompts import build_prompt, chat_format
from narrowgauge.contracts.schema_links import SchemaLink, schema_links
from narrowgauge.contracts.shots import Shot
from narrowgauge.v1.catalogue_pb2 import Catalogue, Entity, EntityField


def field(name: str, *values: str, label: str = "", refers: str = "") -> EntityField:
    return EntityField(name=name, label=label, values=values, references=[refers] if refers else [])


CATALOGUE = Catalogue(
    entities=[
        Entity(
            name="support_tickets",
            fields=[
                EntityField(name="id", key=True),
                field("customer_id", refers="customers.id"),
                field("subject"),
                field("priority", "low", "urgent"),
                field("status", "open", "closed"),
                field("opened_date"),
            ],
        ),
        Entity(
            name="customers",
            fields=[
                EntityField(name="id", key=True),
                field("name"),
                field("country", "Germany", "United Kingdom", "US"),
                field("industry", "Energy", "Retail"),
            ],
        ),
        Entity(
            name="Lease__c",
            label="Lease",
            fields=[
                field("Status__c", "On Hold", "Cancelled", label="Status"),
                field("End__c", label="End Day"),
            ],
        ),
    ]
)


def linked(request: str) -> dict[str, str]:
    return {link.phrase: " or ".join(link.targets) for link in schema_links(CATALOGUE, request)}


@pytest.mark.parametrize(
    ("request_text", "expected"),
    [
        (
            "subject of urgent tickets",
            {"urgent": "support_tickets.priority = urgent", "tickets": "support_tickets"},
        ),
        ("leases on hold", {"leases": "Lease__c", "on hold": "Lease__c.Status__c = On Hold"}),
        ("which leases did they cancel", {"leases": "Lease__c", "cancel": "Lease__c.Status__c = Cancelled"}),
        ("end day of every lease", {"end day": "Lease__c.End__c", "lease": "Lease__c"}),
        ("our German customers", {"german": "customers.country = Germany", "customers": "customers"}),
        ("customers in the US, tell us", {"customers": "customers", "us": "customers.country = US"}),
        ("tell us about customers", {"customers": "customers"}),
        ("when were tickets opened", {"tickets": "support_tickets", "opened": "support_tickets.opened_date"}),
        ("opne tikcets", {"tikcets": "support_tickets"}),
        ("what is the weather like", {}),
        ("an open lease", {"lease": "Lease__c"}),
        ("list Support Tickets, not Leases", {"support tickets": "support_tickets", "leases": "Lease__c"}),
        ("on retailer visits", {"retailer": "customers.industry = Retail"}),
        ("cancel the opening", {"cancel": "Lease__c.Status__c = Cancelled"}),
        ("", {}),
    ],
)
def test_words_are_linked_to_what_they_name(request_text: str, expected: dict[str, str]) -> None:
    """Entities, fields and values are found in the plural, in parts, misspelt, in other forms."""
    assert linked(request_text) == expected


def test_a_value_of_two_entities_counts_for_the_one_that_is_named() -> None:
    """`status` is of two entities: the named one has it alone, none named leaves both."""
    assert linked("status of the lease")["status"] == "Lease__c.Status__c"
    assert linked("status, please") == {"status": "support_tickets.status or Lease__c.Status__c"}


def test_names_and_quotations_link_to_nothing() -> None:
    """What the request gives as a value is no name of the catalogue."""
    assert linked("customers called Atlas Energy") == {"customers": "customers"}
    assert "energy" in linked("customers in energy")
    assert linked('open a case "urgent leases"').get("urgent leases") is None
    assert "leases" not in linked("note “leases”")


def test_what_the_name_says_itself_has_no_link() -> None:
    """A column that is written like its word needs a link only where its table is not named."""
    assert "subject" not in linked("subject of tickets")
    assert linked("subject and priority") == {
        "subject": "support_tickets.subject",
        "priority": "support_tickets.priority",
    }


def test_links_are_few_and_the_same_with_and_without_a_remembered_index() -> None:
    """A request that names everything has eight links; an index that is kept gives what a fresh one gives."""
    catalogue = Catalogue(entities=[Entity(name=f"thing{chr(97 + n)}") for n in range(20)])
    request = " ".join(entity.name for entity in catalogue.entities)
    fresh = schema_links(catalogue, request)
    catalogue.hash = catalogue_hash(catalogue)
    assert schema_links(catalogue, request) == schema_links(catalogue, request) == fresh
    assert len(fresh) == 8


def test_prompts_have_links_and_amounts_before_the_request() -> None:
    """A line each; an example's question is written without links."""
    chat = chat_format("chatml")
    shot = Shot(request="count them", context="", catalogue="", call="{}")
    links = [SchemaLink("open", ("a.status = open", "b.<|status"))]
    parts = build_prompt(chat, "Do.", [shot], request="open ones over 3 million", links=links)
    assert parts.turn.startswith(
        "3 million: 3000000\nopen: a.status = open or b.< |status\nRequest: open ones over 3 million"
    )
    assert "open:" not in parts.shared


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("over 30 million", [("30 million", "30000000")]),
        ("5k to 2.5m", [("5k", "5000"), ("2.5m", "2500000")]),
        ("1,200 thousand", [("1,200 thousand", "1200000")]),
        ("12 km, 5kg, 3 m, INV-5k, 40", []),
        ('"3 million"', []),
    ],
)
def test_amounts_are_written_out(text: str, expected: list[tuple[str, str]]) -> None:
    """Words for thousands and millions become digits; units, identifiers and quotations do not."""
    assert amounts_in(text) == expected


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("support_tickets", ("support", "ticket")),
        ("StageName", ("stage", "name")),
        ("SKUs in boxes", ("sku", "in", "box")),
        ("statuses", ("status",)),
        ("warehouses", ("warehouse",)),
        ("companies", ("company",)),
    ],
)
def test_names_are_taken_apart(name: str, words: tuple[str, ...]) -> None:
    """Plural and singular of a word are one word."""
    assert name_words(name) == words
