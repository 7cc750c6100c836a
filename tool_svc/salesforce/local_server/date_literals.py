"""Date literals of SOQL (`TODAY`, `LAST_N_DAYS:30`, …) as ranges of days.

Source: SOQL and SOSL Reference, "Date Formats and Date Literals". Weeks begin on Sunday, as in Salesforce's
default locale; the fiscal year is the calendar year.
"""

from __future__ import annotations

import re
from datetime import date, timedelta

__all__ = ["days_of"]

_FORM = re.compile(
    r"(?P<plain>YESTERDAY|TODAY|TOMORROW)"
    r"|(?P<which>LAST|THIS|NEXT)_(?:FISCAL_)?(?P<unit>WEEK|MONTH|QUARTER|YEAR)"
    r"|(?P<ninety>LAST|NEXT)_90_DAYS"
    r"|(?P<side>LAST|NEXT)_N_(?:FISCAL_)?(?P<units>DAY|WEEK|MONTH|QUARTER|YEAR)S:(?P<count>\d{1,4})"
    r"|N_(?:FISCAL_)?(?P<ago_units>DAY|WEEK|MONTH|QUARTER|YEAR)S_AGO:(?P<ago>\d{1,4})",
)


def days_of(literal: str, today: date) -> tuple[date, date]:
    """Returns the first day of a literal's range and the day after its last.

    Raises:
        ValueError: The text is not a date literal, or its range leaves the calendar.
    """
    match = _FORM.fullmatch(literal.upper())
    if match is None:
        raise ValueError(f"{literal} is not a date literal")
    day = timedelta(days=1)
    try:
        if match["plain"]:
            start = today + {"YESTERDAY": -day, "TODAY": 0 * day, "TOMORROW": day}[match["plain"]]
            return start, start + day
        if match["which"]:
            step = {"LAST": -1, "THIS": 0, "NEXT": 1}[match["which"]]
            return _start(match["unit"], today, step), _start(match["unit"], today, step + 1)
        if match["ago_units"]:
            step = -int(match["ago"])
            return _start(match["ago_units"], today, step), _start(match["ago_units"], today, step + 1)
        unit = match["units"] or "DAY"
        count = int(match["count"] or 90)
        if (match["side"] or match["ninety"]) == "NEXT":
            return _start(unit, today, 1), _start(unit, today, count + 1)
        # Days count up to and with the current one; longer units end before the current one.
        return _start(unit, today, -count), today + day if unit == "DAY" else _start(unit, today, 0)
    except OverflowError as exc:
        raise ValueError(f"{literal} leaves the calendar") from exc


def _start(unit: str, today: date, step: int) -> date:
    """Returns the first day of the unit that lies `step` units from the current one."""
    if unit == "DAY":
        return today + timedelta(days=step)
    if unit == "WEEK":
        sunday = today - timedelta(days=(today.weekday() + 1) % 7)
        return sunday + timedelta(weeks=step)
    months = {"MONTH": 1, "QUARTER": 3, "YEAR": 12}[unit]
    index = (today.year * 12 + today.month - 1) // months * months + step * months
    if not 12 <= index < 12 * 9999:
        raise OverflowError
    return date(index // 12, index % 12 + 1, 1)
