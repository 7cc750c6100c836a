"""Which free value a query ends in: texts and numbers that columns are compared with.

Categories, days and the numbers of LIMIT, OFFSET and calculations are left alone: the grammar has the first
two in closed form, and the others follow from a request more often than they stand in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from narrowgauge.contracts.grounded_values import Grounds, OpenValue
from narrowgauge.contracts.surfaces.sql.conjuncts import Conjuncts
from narrowgauge.contracts.surfaces.sql.ordering import Ordering
from narrowgauge.contracts.surfaces.sql.tables import column_of
from narrowgauge.contracts.surfaces.surface import ClosedSets
from narrowgauge.contracts.written_words import words_in

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
_LIMITED = re.compile(r" LIMIT \d+$")
_RANKED = re.compile(
    r"\b(?:second|third|\w+th|\d+(?:st|nd|rd|th)|to|next|before|after|skip\w*|rank\w*|places?|positions?|numbers?|no|"
    r"runner\w*|behind|without|but|except\w*|leav\w+|follow\w*|beyond|other|then|from)\b",
    re.IGNORECASE,
)
_CONTAINS = re.compile(
    r"\b(?:contain\w*|includ\w*|the word|anywhere|somewhere|mention\w*"
    r"|in (?:the|their|its|his|her)\b[\w ]{0,20}(?:name|title|subject|sku|description|email))\b",
    re.IGNORECASE,
)
_STARTS = re.compile(r"\b(?:start|begin|prefix)\w*", re.IGNORECASE)
_DATED = re.compile(r"date|time", re.IGNORECASE)


class ValueReader:
    """Finds the free value that a query ends in."""

    def __init__(self, closed_sets: ClosedSets, grounds: Grounds) -> None:
        self._sets = closed_sets
        self._request = grounds.request
        columns = frozenset(words_in(" ".join(closed_sets.get("fields", ()))))
        # Ranks and percentages are counted with, and a number may be a part of a column's name.
        self._said = [
            value
            for value in (() if _COUNTED.search(grounds.request) else grounds.said)
            if value.kind == "number" and value.readings.isdisjoint(columns)
        ]
        # `closed` is a status, unless it is said of `closed_date`.
        self._linked = [
            value
            for value in grounds.linked
            if value.phrase != "sales" and not _alike(value.phrase, columns - {*words_in(value.field)})
        ]
        self._bounds = grounds.bounds
        self._numbers = grounds.number_count
        self._ordering = Ordering(closed_sets, grounds.request)
        self._conjuncts = Conjuncts(closed_sets)

    def __call__(self, written: str) -> OpenValue | None:
        """Returns the value; None where everything is allowed."""
        if not written.startswith("SELECT"):
            return None
        value = self._ordering.key(written) or self._value(written)
        without = " OFFSET" if _LIMITED.search(written) and not _RANKED.search(self._request) else ""
        last = self._says_all(written)
        if last and not without:
            return value
        return replace(value or OpenValue("any", ""), last=last, without=without)

    def _says_all(self, written: str) -> bool:
        """Whether a query has the request's amounts and order, a day of it, and what its words name."""
        return (
            self._ordering.is_said(written)
            and all(said.stands_in(written) for said in self._said)
            and (not self._bounds or any(day in written for day in self._bounds))
            and all(
                value.stands_in(written)
                for value in self._linked
                if re.search(rf"(?<!\w){re.escape(value.entity)}\.", written)
            )
        )

    def _value(self, written: str) -> OpenValue | None:
        head, quote, begun = _QUOTED.sub(_stand_in, written).partition("'")
        if quote:
            match = _BEFORE_TEXT.search(head)
            kind = _kind(match, self._sets) if match else ""
            # Days are computed, and a column without a type may hold them.
            dated = match and kind == "unknown" and _DATED.search(match[0])
            if kind not in ("text", "unknown") or dated:
                return None
            pattern = head.endswith("LIKE ")
            if (
                pattern
                and not begun
                and _CONTAINS.search(self._request)
                and not _STARTS.search(self._request)
            ):
                return OpenValue("one_of", "", ("%",))
            return OpenValue("text", begun, pattern=pattern)
        match = _NUMBER.search(head)
        if match and (match["table"] is None or _kind(match, self._sets) in ("number", "unknown")):
            # A list has no more numbers than the text.
            listed = match[0].rpartition("(")[2].split(", ") if " IN (" in match[0] else []
            more = len(listed) < max(1, self._numbers)
            return OpenValue("number", match[match.lastindex or 0], more=more)
        return self._conjuncts.column(head, written)


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


def _alike(phrase: str, columns: Iterable[str]) -> bool:
    """Whether a column has a word with the phrase's beginning."""
    return any(column.lower().startswith(phrase[:4]) for column in columns)
