"""Dates of SOQL conditions as ranges of time, so that two ways to say one range are equal.

Source: SOQL and SOSL Reference, "Date Formats and Date Literals". Weeks begin on Sunday, fiscal years are
calendar years, and days are those of UTC.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta

__all__ = ["is_date", "range_of"]

_LITERAL = re.compile(
    r"(?P<day>YESTERDAY|TODAY|TOMORROW)"
    r"|(?P<step>LAST|THIS|NEXT)_(?:FISCAL_)?(?P<unit>WEEK|MONTH|QUARTER|YEAR)"
    r"|(?P<ninety>LAST|NEXT)_90_DAYS"
    r"|(?P<side>LAST|NEXT)_N_(?:FISCAL_)?(?P<units>DAY|WEEK|MONTH|QUARTER|YEAR)S:(?P<n>\d{1,4})"
    r"|N_(?:FISCAL_)?(?P<ago_units>DAY|WEEK|MONTH|QUARTER|YEAR)S_AGO:(?P<ago>\d{1,4})",
)
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}(T[\d:.]+(Z|[+-]\d{2}:?\d{2})?)?")
_MONTHS = {"MONTH": 1, "QUARTER": 3, "YEAR": 12}


def is_date(text: str) -> bool:
    """Whether a text is a date, a time or a date literal."""
    return bool(_ISO.fullmatch(text) or _LITERAL.fullmatch(text.upper()))


def range_of(text: str, today: date) -> tuple[datetime, datetime]:
    """Returns the first instant that a value stands for, and the first one after it.

    Raises:
        ValueError: The text is neither a date, nor a time, nor a date literal.
    """
    if _ISO.fullmatch(text):
        if "T" not in text:
            return _days(date.fromisoformat(text), date.fromisoformat(text) + timedelta(days=1))
        instant = datetime.fromisoformat(text)
        instant = (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).astimezone(UTC)
        return instant, instant + timedelta(seconds=1)
    literal = _LITERAL.fullmatch(text.upper())
    if literal is None:
        raise ValueError(f"{text} is no date")
    if literal["day"]:
        first = today + timedelta(days={"YESTERDAY": -1, "TODAY": 0, "TOMORROW": 1}[literal["day"]])
        return _days(first, first + timedelta(days=1))
    if literal["step"]:
        step = {"LAST": -1, "THIS": 0, "NEXT": 1}[literal["step"]]
        return _days(_begin(literal["unit"], today, step), _begin(literal["unit"], today, step + 1))
    if literal["ago"]:
        unit, step = literal["ago_units"], -int(literal["ago"])
        return _days(_begin(unit, today, step), _begin(unit, today, step + 1))
    unit, count = literal["units"] or "DAY", int(literal["n"] or 90)
    if (literal["side"] or literal["ninety"]) == "NEXT":
        return _days(_begin(unit, today, 1), _begin(unit, today, count + 1))
    # The last days end with today; longer units end before the current one.
    return _days(_begin(unit, today, -count), _begin(unit, today, 1 if unit == "DAY" else 0))


def _begin(unit: str, today: date, step: int) -> date:
    if unit == "DAY":
        return today + timedelta(days=step)
    if unit == "WEEK":
        return today - timedelta(days=(today.weekday() + 1) % 7) + timedelta(weeks=step)
    size = _MONTHS[unit]
    months = (today.year * 12 + today.month - 1) // size * size + step * size
    return date(months // 12, months % 12 + 1, 1)


def _days(first: date, after: date) -> tuple[datetime, datetime]:
    return datetime.combine(first, time(), UTC), datetime.combine(after, time(), UTC)
