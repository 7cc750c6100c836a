"""What a describe of Salesforce says in the catalogue."""

from __future__ import annotations

import re
from typing import Any

import pytest

from narrowgauge.contracts.closed_sets import closed_sets_of
from narrowgauge.contracts.salesforce_catalogue import catalogue_of_describes, described_of
from narrowgauge.contracts.surfaces.salesforce.grammar import salesforce_grammar


def describe(**flags: bool) -> dict[str, Any]:
    """An object with its id and a name, which every user could write."""
    badge = {"name": "Badge", "label": "Badge", "type": "string", "createable": True, "updateable": False}
    name = {"name": "Name", "label": "Name", "type": "string", "createable": True, "updateable": True}
    return {
        "name": "User",
        "label": "User",
        "keyPrefix": "005",
        "fields": [{"name": "Id", "label": "User ID", "type": "id"}, name, badge],
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


def literals_of(grammar: str, rule: str) -> set[str]:
    """The literals that a rule can write, in the rules that it names too."""
    bodies = dict(re.findall(r"^(\w+): (.*)$", grammar, re.MULTILINE))
    seen: set[str] = set()
    waiting, found = [rule], set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        body = bodies.get(name, "")
        found |= set(re.findall(r'"[^"]*"', body))
        waiting += re.findall(r"\br\d+\b", re.sub(r'"[^"]*"', "", body))
    return found


def test_what_is_written_once_is_not_changed() -> None:
    """A field that may only be written in a new record stands in `create` and not in `update`."""
    catalogue = catalogue_of_describes([described_of(describe())], key_field="Key__c")
    name, badge = catalogue.entities[0].fields[1:]
    assert (name.create_only, badge.create_only) == (False, True)
    grammar = salesforce_grammar(closed_sets_of(catalogue, (), "rename 005Ng0000000001IAA"))
    [created] = re.findall(r'"create " "User" ": " (r\d+)', grammar)
    [changed] = re.findall(r'"update " "User" " " r\d+ ": " (r\d+)', grammar)
    assert {'"Name = "', '"Badge = "'} <= literals_of(grammar, created)
    assert '"Name = "' in literals_of(grammar, changed)
    assert '"Badge = "' not in literals_of(grammar, changed)


def test_what_every_record_has_cannot_be_emptied() -> None:
    """`null` may stand where a field can be empty; an owner whom nobody named has nothing to be set to."""
    body = describe()
    body["fields"][1] |= {"nillable": False, "defaultedOnCreate": True}
    body["fields"][2] |= {"nillable": True, "updateable": True}
    owner = {"name": "ManagerId", "label": "Manager", "type": "reference", "referenceTo": ["User"]}
    body["fields"].append({**owner, "createable": True, "updateable": True, "defaultedOnCreate": True})
    catalogue = catalogue_of_describes([described_of(body)], key_field="Key__c")
    assert [field.never_empty for field in catalogue.entities[0].fields[1:]] == [True, False, True]
    grammar = salesforce_grammar(closed_sets_of(catalogue, (), "rename 005Ng0000000001IAA"))
    assert "ManagerId = " in grammar
    name, badge = (re.search(rf'"{field} = " (\w+)', grammar)[1] for field in ("Name", "Badge"))  # type: ignore[index]
    assert '"null"' not in literals_of(grammar, name)
    assert '"null"' in literals_of(grammar, badge)
    assert "ManagerId = " not in salesforce_grammar(closed_sets_of(catalogue, (), "a new user"))
