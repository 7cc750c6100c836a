"""Days, weeks, months, quarters and years of the calendar, relative to a day."""

from __future__ import annotations

import calendar
from datetime import date, timedelta

__all__ = [
    "SIZES",
    "Days",
    "begun",
    "calendar_period",
    "coming",
    "has_day",
    "month_index",
    "months_after",
    "months_from",
    "nearest",
    "years_around",
]

Days = tuple[date, date]
"""The first and the last day of a period."""
SIZES = {"month": 1, "quarter": 3, "half": 6, "year": 12}
"""Months of a period."""


def months_from(index: int, size: int) -> Days:
    """Returns so many months, the first one counted since year 0."""
    first = date(index // 12, index % 12 + 1, 1)
    after = index + size
    return first, date(after // 12, after % 12 + 1, 1) - timedelta(days=1)


def month_index(day: date) -> int:
    """Returns how many months a day's month comes after the first one of year 0."""
    return day.year * 12 + day.month - 1


def months_after(day: date, months: int) -> date:
    """Returns the same day so many months later, or the last one of a shorter month."""
    index = month_index(day) + months
    year, month = index // 12, index % 12 + 1
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


def calendar_period(unit: str, today: date, step: int) -> Days:
    """Returns the calendar's day, week, month, quarter or year that lies `step` from the current one."""
    if unit == "day":
        return today + timedelta(days=step), today + timedelta(days=step)
    if unit in ("week", "weekend"):
        monday = today - timedelta(days=today.weekday()) + timedelta(weeks=step)
        return monday + timedelta(days=5 if unit == "weekend" else 0), monday + timedelta(days=6)
    size = SIZES[unit]
    return months_from(month_index(today) // size * size + step * size, size)


def nearest(size: int, number: int, today: date) -> Days:
    """Returns a period of the year that is said without its year, the earlier of two that are as near."""
    now = month_index(today) // size
    places = [year * 12 // size + number for year in years_around(today)]
    return months_from(size * min(places, key=lambda place: abs(place - now)), size)


def coming(size: int, number: int, today: date) -> Days:
    """Returns the first one that is not over."""
    this_year = months_from(today.year * 12 + number * size, size)
    return this_year if this_year[1] >= today else months_from(today.year * 12 + 12 + number * size, size)


def begun(size: int, number: int, today: date) -> Days:
    """Returns the latest one that has begun."""
    this_year = months_from(today.year * 12 + number * size, size)
    return this_year if this_year[0] <= today else months_from(today.year * 12 - 12 + number * size, size)


def years_around(today: date) -> tuple[int, int, int]:
    """Returns last year, this one and the next."""
    return today.year - 1, today.year, today.year + 1


def has_day(year: int, month: int, day: int) -> bool:
    """Tells whether a month has a day."""
    return 1 <= day <= calendar.monthrange(year, month)[1]
