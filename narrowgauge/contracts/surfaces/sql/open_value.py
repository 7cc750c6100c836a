"""Which free value a query ends in: texts and numbers that columns are compared with.

Categories, days and the numbers of LIMIT, OFFSET and calculations are left alone: the grammar has the first
two in closed form, and the others follow from a request more often than they stand in it.
"""

from __future__ import annotations

import re
from dataclasses import replace

from narrowgauge.contracts.grounded_values import Grounds, OpenValue, words_in
from narrowgauge.contracts.surfaces.sql.tables import column_of
from narrowgauge.contracts.surfaces.surface import ClosedSets

__all__ = ["ValueReader"]

_QUOTED = re.compile(r"\"(?:[^\"]|\"\")*\"|'(?:[^']|'')*(?:'(?!')|$)")
_CLOSED = re.compile(r"'(?:[^']|'')*'")
# Stand in for a closed text, and for an apostrophe in a name.
_TEXT, _APOSTROPHE = "\x00", "\x01"
_NAME = r"(?:\w+|\"(?:[^\"]|\"\")*\")"
_COLUMN = rf"(?P<table>{_NAME})\.(?P<column>{_NAME})"
_COMPARED = r"(?:=|<>|<=?|>=?)"
_BEFORE_TEXT = re.compile(
    rf"(?<!\w){_COLUMN} (?:{_COMPARED}|(?:NOT )?LIKE|(?:NOT )?BETWEEN(?: {_TEXT} AND)?) $"
    rf"|(?<!\w){_COLUMN.replace('<table>', '<table2>').replace('<column>', '<column2>')}"
    rf" (?:NOT )?IN \((?:{_TEXT}, )*$"
)
_NUMBER = re.compile(
    rf"(?:(?<![\w(]){_COLUMN}|(?:SUM|AVG|COUNT|MIN|MAX)\([^()]*\))"
    rf" (?:{_COMPARED} |(?:NOT )?BETWEEN (?:-?[0-9.]+ AND )?|(?:NOT )?IN \((?:-?[0-9.]+, )*)(-?[0-9.]*)$"
)
_COUNTED = re.compile(
    r"\d ?(?:%|per ?cent)|\d(?:st|nd|rd|th)?,? (?:to|and|through|until|or|-|–) \d|\d ?[-–] ?\d"
    r"|\b(?:rank|place|position|number|no|nr|question)s?\b",
    re.IGNORECASE,
)
_DATED = re.compile(r"date|time", re.IGNORECASE)


class ValueReader:
    """Finds the free value that a query ends in."""

    def __init__(self, closed_sets: ClosedSets, grounds: Grounds) -> None:
        self._sets = closed_sets
        # Ranks and percentages are counted with, and a number may be a part of a column's name.
        named = frozenset(words_in(" ".join(closed_sets.get("fields", ()))))
        self._said = [
            value
            for value in (() if _COUNTED.search(grounds.request) else grounds.said)
            if value.kind == "number" and value.readings.isdisjoint(named)
        ]

    def __call__(self, written: str) -> OpenValue | None:
        """Returns the value; None where everything is allowed."""
        value = self._value(written)
        # A query does not end before it has the request's amounts.
        if written.startswith("SELECT") and not all(said.stands_in(written) for said in self._said):
            return replace(value or OpenValue("any", ""), last=False)
        return value

    def _value(self, written: str) -> OpenValue | None:
        head, quote, begun = _QUOTED.sub(_stand_in, written).partition("'")
        if quote:
            match = _BEFORE_TEXT.search(head)
            kind = _kind(match, self._sets) if match else ""
            # Days are computed, and a column without a type may hold them.
            dated = match and kind == "unknown" and _DATED.search(match[0])
            if kind not in ("text", "unknown") or dated:
                return None
            return OpenValue("text", begun, pattern=head.endswith("LIKE "))
        match = _NUMBER.search(head)
        if match and (match["table"] is None or _kind(match, self._sets) in ("number", "unknown")):
            return OpenValue("number", match[match.lastindex or 0])
        return None


def _stand_in(match: re.Match[str]) -> str:
    if match[0].startswith('"'):
        return match[0].replace("'", _APOSTROPHE)
    return _TEXT if _CLOSED.fullmatch(match[0]) else match[0]


def _kind(match: re.Match[str], closed_sets: ClosedSets) -> str:
    """Kind of the column that a value is compared with; empty where there is no such column."""
    groups = match.groupdict()
    table, name = (_unquoted(groups[key] or groups.get(f"{key}2") or "") for key in ("table", "column"))
    if table not in closed_sets["entities"]:
        table = table.rpartition("_")[0]  # a further occurrence of the table
    if name not in closed_sets.get(f"fields:{table}", ()):
        return ""
    return column_of(table, name, closed_sets).kind


def _unquoted(name: str) -> str:
    return name.strip('"').replace('""', '"').replace(_APOSTROPHE, "'")
