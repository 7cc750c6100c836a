"""A record is referred to by a key of another system only where somebody gave one."""

from __future__ import annotations

import pytest

from narrowgauge.contracts.closed_sets import closed_sets_of
from narrowgauge.contracts.external_keys import gives_key
from narrowgauge.contracts.surfaces.salesforce.grammar import salesforce_grammar
from narrowgauge.v1.catalogue_pb2 import Catalogue, Entity, EntityField


@pytest.mark.parametrize(
    "text",
    [
        "open a case for C-1017",
        "customer number 1017",
        '{"customer_number":"C-1040"}',
        "plate HH-KL204",
        "ref: 88",
    ],
)
def test_keys_are_recognised(text: str) -> None:
    """Words of letters and digits, and numbers that are called one."""
    assert gives_key(text)


@pytest.mark.parametrize(
    "text",
    [
        "a case called Late delivery, 16 seats, high priority",
        "due on the 30th, 5kg, 10k, 3pm, Q1, FY2026, at 08:00 UTC on 2026-03-12",
        "for account 001Ng000000000BIAQ and @2",
        '{"Amount__c": 12, "When": "2026-03-12T08:00:00Z"}',
        "",
    ],
)
def test_what_is_no_key_is_none(text: str) -> None:
    """Quantities, ordinals, times, record ids and names of fields."""
    assert not gives_key(text)


def test_a_reference_by_key_needs_a_key() -> None:
    """Without one the constraint does not offer the field, so that none is made up."""
    catalogue = Catalogue(
        entities=[
            Entity(
                name="Account",
                fields=[
                    EntityField(name="Id", type="id", key=True),
                    EntityField(name="Number__c", type="string", external_id=True),
                ],
            ),
            Entity(
                name="Case",
                fields=[
                    EntityField(name="Subject", type="string", nullable=True),
                    EntityField(
                        name="AccountId",
                        type="reference",
                        nullable=True,
                        references=["Account.Id"],
                        relationship="Account",
                    ),
                ],
            ),
        ]
    )
    written = 'Account.Number__c = "'
    assert written.replace('"', "") in salesforce_grammar(closed_sets_of(catalogue, (), "case for C-1017"))
    assert written.replace('"', "") not in salesforce_grammar(closed_sets_of(catalogue, (), "case for Acme"))
