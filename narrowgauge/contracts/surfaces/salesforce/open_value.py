"""Which free value a call ends in: texts, numbers and days, not values of picklists and references."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from narrowgauge.contracts.grounded_values import Grounds, OpenValue
from narrowgauge.contracts.record_aliases import ALIAS
from narrowgauge.contracts.said_values import denies, order_said
from narrowgauge.contracts.surfaces.salesforce import words
from narrowgauge.contracts.surfaces.salesforce.assigning import CLOSED_TEXT, Assigning
from narrowgauge.contracts.surfaces.salesforce.conjuncts import next_condition
from narrowgauge.contracts.surfaces.salesforce.fields import Fields
from narrowgauge.contracts.surfaces.surface import ClosedSets

__all__ = ["OWN_WORDS", "PLACE_WORDS", "ValueReader"]

# A task or case about a record that was given no subject is a follow-up; of an address the end goes unsaid.
OWN_WORDS = frozenset({"follow", "up", "com"})
"""Words that a text may have without the request."""
PLACE_WORDS = frozenset({"salesforce", "sfdc", "crm", "org"})
"""What people call the organisation, when they say where something is."""
_JOINED = "follow-up"

_METHODS = ("query", "get", "create", "update", "upsert", "delete")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_COMPARED = rf"({words.PATH}) (?:=|!=|<=?|>=?|like) $"
_LISTED = rf"({words.PATH}) (?:not in|in|includes|excludes) \((?:{CLOSED_TEXT}, )*$"
_FIELD_OF_TEXT = re.compile(rf"{_COMPARED}|{_LISTED}|^upsert \w+ (\w+) $")
_COUNT = re.compile(r"(?: (?:limit|offset) |(?:_N_[A-Z_]+|_AGO):)([0-9]*)$")
_COMPARED_NUMBER = re.compile(rf"(?:({words.PATH})|\)) (?:=|!=|<=?|>=?) (-?[0-9.]*)$")
_COMPARED_DAY = re.compile(rf"({words.PATH}) (?:=|!=|<=?|>=?) ([0-9][0-9T:Z-]*|)$")
_EQUALS = re.compile(r"[^!<>] = ?$")
_WRITE = re.compile(
    r"(?P<opening>(?P<method>create|update|upsert) (?P<entity>\w+)"
    rf"(?: (?P<target>{ALIAS.pattern})| (?P<key>\w+) {CLOSED_TEXT})?:)(?P<assigned>.*)$",
    re.DOTALL,
)


class ValueReader:
    """Finds the free value that a call ends in."""

    def __init__(self, closed_sets: ClosedSets, grounds: Grounds) -> None:
        self._fields = Fields(closed_sets)
        self._grounds = grounds
        self._denied = denies(grounds.request)
        self._ordered = order_said(grounds.request) != ""
        self._kinds: dict[str, dict[str, str]] = {}
        self._assigning: dict[str, Assigning] = {}

    def __call__(self, written: str) -> OpenValue | None:
        """Returns the value; None where everything is allowed."""
        if not written.startswith(_METHODS) and self._grounds.answerable:
            return OpenValue("one_of", written, _METHODS)
        # Closed strings are emptied, so that nothing in them looks like a part of the call.
        head, quote, begun = _STRING.sub(CLOSED_TEXT, written).partition('"')
        if quote:
            match = _FIELD_OF_TEXT.search(head)
            path = next(filter(None, match.groups()), "") if match else ""
            kind = self._kind(head, path) if path else ""
            if kind == "pick" and _WRITE.match(head):
                return self._assigned(OpenValue("one_of", begun), head, written)
            if kind != "text":
                return None
            # `Delayed shipment` for each of them is the subject of each, without the customer's name.
            joined = ":" in self._grounds.request or begun.lower().startswith(_JOINED)
            value: OpenValue | None = OpenValue(
                "text", begun, pattern=head.endswith(" like "), without="" if joined else ":"
            )
        else:
            value = self._bare_value(head)
        return self._assigned(value, head, written)

    def _assigned(self, value: OpenValue | None, head: str, written: str) -> OpenValue | None:
        """The value, as the fields of a write narrow it."""
        write = _WRITE.match(head)
        if write is None:
            return self._unfinished(value, written)
        if write["opening"] not in self._assigning:
            fields = self._fields.written(write["entity"])
            new = write["method"] != "update"
            self._assigning[write["opening"]] = Assigning(
                write["entity"], fields, self._grounds, new=new, target=write["target"] or write["key"] or ""
            )
        return self._assigning[write["opening"]].narrowed(value, write["assigned"], written)

    def _unfinished(self, value: OpenValue | None, written: str) -> OpenValue | None:
        """A query does not end before it has the request's ids, addresses and amounts, and asks for missing
        values where the request does.
        """
        if not written.startswith("query "):
            return value
        null = self._denied or not _EQUALS.search(written)
        ordered = not self._ordered or " order by " in written
        last = ordered and self._grounds.all_said(written, _entity_of(written))
        if null and last:
            return value
        return replace(value or OpenValue("any", ""), null=null, last=last)

    def _bare_value(self, head: str) -> OpenValue | None:
        """A value without quotes."""
        if match := _COUNT.search(head):
            return OpenValue("number", match[1])
        if match := _COMPARED_NUMBER.search(head):
            path, begun = match.groups()
            if path is None or self._kind(head, path) == "number":
                return OpenValue("number", begun)
        if match := _COMPARED_DAY.search(head):
            path, begun = match.groups()
            if self._kind(head, path) in ("date", "datetime"):
                return OpenValue("day", begun)
        return next_condition(head, self._paths(head)) if head.startswith("query ") else None

    def _kind(self, head: str, path: str) -> str:
        """Kind of a field of the call's object; empty where there is none."""
        return self._paths(head).get(path, "")

    def _paths(self, head: str) -> Mapping[str, str]:
        """Kinds of all fields of the call's object, by their paths."""
        entity = _entity_of(head)
        if entity not in self._kinds:
            self._kinds[entity] = {field.name: field.kind for field in self._fields.paths(entity)}
        return self._kinds[entity]


def _entity_of(call: str) -> str:
    """The object of a call."""
    return (*call.split(" ", 2), "", "")[1].rstrip(":")
