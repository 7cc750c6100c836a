"""Finds the days and periods of a request."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from narrowgauge.contracts.dates.periods import Days, calendar_period, coming, months_from, nearest
from narrowgauge.contracts.dates.readers import READERS, Reader
from narrowgauge.contracts.dates.words import MONTH, MONTHS, YEAR, compiled, month_number

__all__ = ["ResolvedDate", "dates_in"]


@dataclass(frozen=True)
class ResolvedDate:
    """A day or period that a request speaks of.

    Attributes:
        phrase: The words as the request has them, in lower case.
        first: The first day.
        last: The last day; the same for a single day.
        relative: Whether the words mean something else on another day.
    """

    phrase: str
    first: date
    last: date
    relative: bool


# Where it begins and ends in the request, its days, and whether they are relative to today.
_Found = tuple[int, int, Days, bool]


def dates_in(request: str, today: date) -> list[ResolvedDate]:
    """Finds the days and periods that a request speaks of.

    Args:
        request: The request.
        today: The date that relative words refer to.

    Returns:
        Them in the order of the request, each phrase once. Of words that overlap the longest are taken.
    """
    text = _QUOTED.sub(lambda quoted: "\0" * len(quoted[0]), request)
    if not _ANY.search(text):
        return []
    found: list[_Found] = [
        (start, end, days, relative)
        for pattern, reader in READERS
        for match in pattern.finditer(text)
        for start, end, days, relative in _read(match, reader, today)
    ]
    found += _edges(text, found, today)
    taken: list[_Found] = []
    for entry in sorted(found, key=lambda entry: (entry[0] - entry[1], entry[0])):
        if all(entry[1] <= other[0] or other[1] <= entry[0] for other in taken):
            taken.append(entry)
    resolved: dict[str, ResolvedDate] = {}
    for start, end, (first, last), relative in sorted(taken):
        phrase = request[start:end].lower()
        resolved.setdefault(phrase, ResolvedDate(phrase, first, last, relative))
    return list(resolved.values())


def _read(match: re.Match[str], reader: Reader, today: date) -> list[_Found]:
    """Reads one match; none when its words are no date after all, such as 31 February."""
    name = "phrase" if "phrase" in match.re.groupindex else 0
    start, end = match.span(name)
    try:
        first, last = reader(match, today)
    except (ValueError, OverflowError):
        return []
    relative = not match.groupdict().get("year")
    return [(start, end, (first, last), relative)] if first <= last else []


def _edges(text: str, found: list[_Found], today: date) -> list[_Found]:
    """Reads `end of June`: the first or last day of a period that stands behind it."""
    edges: list[_Found] = []
    for match in _EDGE.finditer(text):
        ends = match["edge"].lower() in ("end", "last day")
        periods = [(end, 1, days, relative) for start, end, days, relative in found if start == match.end()]
        unit = _EDGE_UNIT.match(text, match.end())
        if unit:
            periods.append((unit.end(), 0, calendar_period(unit["unit"].lower(), today, 0), True))
        year = _EDGE_YEAR.match(text, match.end())
        if year:
            periods.append((year.end(), 1, months_from(int(year["year"]) * 12, 12), False))
        named = _EDGE_NAMED.match(text, match.end())
        if named:
            size, number = (3, int(named["quarter"]) - 1) if named["quarter"] else (1, month_number(named))
            days = (coming if ends else nearest)(size, number, today)
            periods.append((named.end(), 2, days, True))
        if periods:
            end, _, (first, last), relative = max(periods, key=lambda period: period[:2])
            day = last if ends else first
            edges.append((match.start(), end, (day, day), relative))
    return edges


_EDGE = re.compile(
    compiled(r"(?:the )?(?P<edge>end|start|beginning|first day|last day) of(?: the)?").pattern + r"\x20+",
    re.IGNORECASE | re.ASCII,
)
_EDGE_UNIT = compiled(r"(?P<unit>week|month|quarter|year)")
_EDGE_YEAR = compiled(rf"(?:year )?(?P<year>{YEAR})")
_EDGE_NAMED = compiled(rf"(?:Q(?P<quarter>[1-4])|{MONTH})")
_QUOTED = re.compile(r"\"[^\"\n]*\"|“[^”]*”|«[^»]*»|`[^`]*`|(?<!\w)'[^'\n]*'(?!\w)|(?<!\w)‘[^’\n]*’(?!\w)")
# Without one of these no pattern matches.
_ANY = re.compile(
    r"day|week|month|quarter|year|tonight|tomorrow|q[1-4]|(?:19|20)\d\d"
    rf"|{'|'.join(name[:3] for name in MONTHS)}",
    re.IGNORECASE | re.ASCII,
)
