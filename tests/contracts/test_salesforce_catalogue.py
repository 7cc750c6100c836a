"""What a describe of Salesforce says in the catalogue."""

from __future__ import annotations

from typing import Any

import pytest

from narrowgauge.contracts.closed_sets import closed_sets_of
from narrowgauge.contracts.salesforce_catalogue import catalogue_of_describes, described_of
from narrowgauge.contracts.surfaces.salesforce.grammar import salesforce_grammar


def describe(**flags: bool) -> dict[str, Any]:
    """An object with its id and a name, which every user could write."""
    name = {"name": "Name", "label": "Name", "type": "string", "createable": True, "updateable": True}
    return {
        "name": "User",
        "label": "User",
        "keyPrefix": "005",
        "fields": [{"name": "Id", "label": "User ID", "type": "id"}, name],
        **flags,
    }


@pytest.mark.parametrize(
    ("flags", "writable"),
    [
        ({"createable": False, "updateable": False}, False),
        ({"createable": False, "updateable": True}, True),
        ({}, True),
    ],
)
def test_what_cannot_be_written_has_no_writes(flags: dict[str, bool], writable: bool) -> None:
    """Of an object that may only be read, no field is writable, and no constraint offers to write it."""
    catalogue = catalogue_of_describes([described_of(describe(**flags))], key_field="Key__c")
    assert catalogue.entities[0].fields[1].read_only is not writable
    grammar = salesforce_grammar(closed_sets_of(catalogue, (), "rename 005Ng0000000001IAA"))
    assert ('"create "' in grammar) is writable
    assert ('"update "' in grammar) is writable
    assert ('"delete "' in grammar) is writable
    assert '"query "' in grammar
