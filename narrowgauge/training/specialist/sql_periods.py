"""Days and periods: the many ways in which people say them, and the comparison that each one means."""

from __future__ import annotations

import calendar
import datetime as dt
import random
from collections.abc import Callable

__all__ = ["TODAY", "WHOLE_PERIODS", "draw_today", "near_day", "period", "said_day", "whole_period"]

TODAY = dt.date(2026, 3, 2)
"""The date of the demo's data and of given examples, which name none; generated ones have their own."""

_FIRST, _LAST = dt.date(2023, 1, 1), dt.date(2028, 12, 31)
_Period = tuple[str, str]
_ORDINALS = ("first", "second", "third", "fourth")
_SMALL = ("", "", "two", "three", "four", "five", "six")
# A day without its year is the one nearest to today.
_YEARLESS = dt.timedelta(days=180)
_NEAR = 0.4


def draw_today(rng: random.Random) -> dt.date:
    """Draws the date on which something is asked: one that is always the same is learnt by heart."""
    return _FIRST + dt.timedelta(days=rng.randint(0, (_LAST - _FIRST).days))


def near_day(day: dt.date, today: dt.date, rng: random.Random) -> dt.date:
    """Returns a day of the data, or as often as not one near today: people ask about what is recent."""
    return day if rng.random() >= _NEAR else today + dt.timedelta(days=rng.randint(-500, 60))


def period(day: dt.date, today: dt.date, rng: random.Random) -> tuple[str, str]:
    """Draws a period.

    Args:
        day: A day that the period should be about, unless it is relative to today.
        today: The date that relative words refer to.
        rng: The source of chance.

    Returns:
        Words that stand after a verb (`in March 2025`, `yesterday`), and what follows the column in SQL
        (`BETWEEN '2025-03-01' AND '2025-03-31'`). A single day is `=`, bounds are included as the words say.
    """
    kinds: list[tuple[Callable[[dt.date, dt.date, random.Random], _Period], int]] = [
        (_month, 5),
        (_year, 4),
        (_quarter, 2),
        (_from, 3),
        (_until, 3),
        (_on, 2),
        (_range, 2),
        (_relative, 7),
        (_last_days, 3),
        (_future, 2),
        (_bare_month, 2),
    ]
    made: Callable[[dt.date, dt.date, random.Random], _Period] = rng.choices(
        [kind for kind, _ in kinds], [weight for _, weight in kinds]
    )[0]
    return made(near_day(day, today, rng), today, rng)


WHOLE_PERIODS = ("year", "month", "quarter")
"""Periods of the calendar that have names."""


def whole_period(kind: str, day: dt.date, rng: random.Random) -> tuple[str, str]:
    """Returns the period that holds a day by its name, and what follows the column in SQL.

    Args:
        kind: One of `WHOLE_PERIODS`.
        day: The day.
        rng: The source of chance.
    """
    if kind == "year":
        return str(day.year), _between(dt.date(day.year, 1, 1), dt.date(day.year, 12, 31))
    if kind == "month":
        words = rng.choice(("%B %Y", "%B %Y", "%B %Y", "%b %Y"))
        return day.strftime(words), _between(day.replace(day=1), _month_end(day))
    number = (day.month - 1) // 3
    first = dt.date(day.year, number * 3 + 1, 1)
    forms = ("Q{n} {y}", "Q{n} {y}", "Q{n} of {y}", "the {o} quarter of {y}")
    words = rng.choice(forms).format(n=number + 1, y=day.year, o=_ORDINALS[number])
    return words, _between(first, _month_end(first.replace(month=first.month + 2)))


def said_day(day: dt.date, today: dt.date, rng: random.Random) -> str:
    """Writes a day as people do, sometimes without its year when it is near today."""
    month = calendar.month_name[day.month]
    suffix = "th" if 10 < day.day < 14 else {1: "st", 2: "nd", 3: "rd"}.get(day.day % 10, "th")
    if abs(day - today) < _YEARLESS and rng.random() < 0.3:
        return rng.choice(
            (
                f"{month} {day.day}",
                f"{day.day} {month}",
                f"{month} {day.day}{suffix}",
                f"{day.day} {month[:3]}",
                f"the {day.day}{suffix} of {month}",
            )
        )
    return rng.choice(
        (
            str(day),
            str(day),
            f"{month} {day.day}, {day.year}",
            f"{day.day} {month} {day.year}",
            f"{day.day} {month} {day.year}",
            f"{month} {day.day}{suffix} {day.year}",
            f"{month} {day.day}{suffix}, {day.year}",
            f"{day.day} {month[:3]} {day.year}",
        )
    )


def _between(first: dt.date, last: dt.date) -> str:
    return f"= '{first}'" if first == last else f"BETWEEN '{first}' AND '{last}'"


def _month_end(day: dt.date) -> dt.date:
    return day.replace(day=calendar.monthrange(day.year, day.month)[1])


def _months_before(day: dt.date, months: int) -> dt.date:
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return dt.date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def _month(day: dt.date, today: dt.date, rng: random.Random) -> _Period:
    name = calendar.month_name[day.month]
    words = rng.choice(("in {m} {y}", "in {m} {y}", "during {m} {y}", "in {m} of {y}", "in {s} {y}"))
    text = words.format(m=name, s=name[:3], y=day.year)
    return text, _between(day.replace(day=1), _month_end(day))


def _bare_month(day: dt.date, today: dt.date, rng: random.Random) -> _Period:
    """A month without its year is the one nearest to today."""
    first = _months_before(today.replace(day=1), rng.choice((0, 1, 1, 2, 2, 3, 4, 5, 6, -1, -2, -4)))
    name = calendar.month_name[first.month]
    if first <= today and rng.random() < 0.3:
        return f"since {name}", f">= '{first}'"
    if rng.random() < 0.2:
        return f"before {name}", f"< '{first}'"
    return f"in {name}", _between(first, _month_end(first))


def _year(day: dt.date, today: dt.date, rng: random.Random) -> _Period:
    first = dt.date(day.year, 1, 1)
    words = rng.choice(("in {y}", "in {y}", "in {y}", "during {y}", "in the year {y}"))
    return words.format(y=day.year), _between(first, dt.date(day.year, 12, 31))


def _quarter(day: dt.date, today: dt.date, rng: random.Random) -> _Period:
    if rng.random() < 0.2:
        half = (day.month - 1) // 6
        first = dt.date(day.year, half * 6 + 1, 1)
        words = rng.choice((f"in the {_ORDINALS[half]} half of {day.year}", f"in H{half + 1} {day.year}"))
        return words, _between(first, _month_end(first.replace(month=first.month + 5)))
    number = (day.month - 1) // 3
    first = dt.date(day.year, number * 3 + 1, 1)
    words = rng.choice(
        (
            f"in Q{number + 1} {day.year}",
            f"in Q{number + 1} of {day.year}",
            f"in the {_ORDINALS[number]} quarter of {day.year}",
        )
    )
    return words, _between(first, _month_end(first.replace(month=first.month + 2)))


def _from(day: dt.date, today: dt.date, rng: random.Random) -> _Period:
    first = day.replace(day=1)
    name = f"{calendar.month_name[day.month]} {day.year}"
    # After `since`, a day without its year is a past one.
    begun = said_day(day, today, rng) if day <= today else str(day)
    return rng.choice(
        (
            (f"since {begun}", f">= '{day}'"),
            (f"on or after {said_day(day, today, rng)}", f">= '{day}'"),
            (f"from {said_day(day, today, rng)} on", f">= '{day}'"),
            (f"after {said_day(day, today, rng)}", f"> '{day}'"),
            (f"after {said_day(day, today, rng)}", f"> '{day}'"),
            (f"later than {said_day(day, today, rng)}", f"> '{day}'"),
            (f"since {name}", f">= '{first}'"),
            (f"since {day.year}", f">= '{dt.date(day.year, 1, 1)}'"),
            (f"after {day.year}", f"> '{dt.date(day.year, 12, 31)}'"),
        )
    )


def _until(day: dt.date, today: dt.date, rng: random.Random) -> _Period:
    first = day.replace(day=1)
    name = f"{calendar.month_name[day.month]} {day.year}"
    return rng.choice(
        (
            (f"before {said_day(day, today, rng)}", f"< '{day}'"),
            (f"before {said_day(day, today, rng)}", f"< '{day}'"),
            (f"earlier than {said_day(day, today, rng)}", f"< '{day}'"),
            (f"until {said_day(day, today, rng)}", f"<= '{day}'"),
            (f"up to {said_day(day, today, rng)}", f"<= '{day}'"),
            (f"by {said_day(day, today, rng)}", f"<= '{day}'"),
            (f"before {name}", f"< '{first}'"),
            (f"before {day.year}", f"< '{dt.date(day.year, 1, 1)}'"),
        )
    )


def _on(day: dt.date, today: dt.date, rng: random.Random) -> _Period:
    return f"on {said_day(day, today, rng)}", f"= '{day}'"


def _range(day: dt.date, today: dt.date, rng: random.Random) -> _Period:
    if rng.random() < 0.3 and day.month < 10:
        last = _month_end(day.replace(month=day.month + rng.randint(1, 3), day=1))
        names = calendar.month_name[day.month], calendar.month_name[last.month]
        words = rng.choice(("between {a} and {b} {y}", "from {a} to {b} {y}", "from {a} through {b} {y}"))
        return words.format(a=names[0], b=names[1], y=day.year), _between(day.replace(day=1), last)
    last = day + dt.timedelta(days=rng.choice((6, 13, 20, 30, 45, 61, 90, 120)))
    words = rng.choice(("between {a} and {b}", "between {a} and {b}", "from {a} to {b}"))
    form = rng.random()
    said = [said_day(d, today, random.Random(form)) for d in (day, last)]  # both days in one form
    return words.format(a=said[0], b=said[1]), _between(day, last)


def _last_days(day: dt.date, today: dt.date, rng: random.Random) -> _Period:
    unit = rng.choice(("day", "day", "day", "week", "month"))
    number = rng.choice((7, 10, 14, 30, 30, 60, 90) if unit == "day" else (2, 2, 3, 4, 6))
    first = _months_before(today, number) if unit == "month" else today - dt.timedelta(number * 7)
    if unit == "day":
        first = today - dt.timedelta(days=number)
    said = _SMALL[number] if number < len(_SMALL) and rng.random() < 0.6 else str(number)
    words = rng.choice(("in the last {n} {u}s", "in the last {n} {u}s", "in the past {n} {u}s"))
    return words.format(n=said, u=unit), _between(first, today)


def _relative(day: dt.date, today: dt.date, rng: random.Random) -> _Period:
    this_month = today.replace(day=1)
    last_month = this_month - dt.timedelta(days=1)
    monday = today - dt.timedelta(days=today.weekday())
    quarter = this_month.replace(month=(today.month - 1) // 3 * 3 + 1)
    last_quarter = quarter - dt.timedelta(days=1)
    year = dt.date(today.year, 1, 1)
    ago = rng.randint(2, 6)
    weekday = today - dt.timedelta(days=rng.randint(1, 7))
    return rng.choice(
        (
            ("last month", _between(last_month.replace(day=1), last_month)),
            ("last month", _between(last_month.replace(day=1), last_month)),
            ("this month", _between(this_month, _month_end(today))),
            ("last year", _between(year.replace(year=year.year - 1), year - dt.timedelta(days=1))),
            ("this year", _between(year, dt.date(today.year, 12, 31))),
            ("this year", _between(year, dt.date(today.year, 12, 31))),
            ("since the start of the year", f">= '{year}'"),
            ("today", f"= '{today}'"),
            ("yesterday", f"= '{today - dt.timedelta(days=1)}'"),
            (f"{_SMALL[ago]} days ago", f"= '{today - dt.timedelta(days=ago)}'"),
            (f"{_SMALL[ago]} weeks ago", f"= '{today - dt.timedelta(weeks=ago)}'"),
            (f"last {weekday:%A}", f"= '{weekday}'"),
            (f"since {weekday:%A}", f">= '{weekday}'"),
            ("since yesterday", f">= '{today - dt.timedelta(days=1)}'"),
            ("before last month", f"< '{last_month.replace(day=1)}'"),
            ("before this year", f"< '{year}'"),
            ("since last month", f">= '{last_month.replace(day=1)}'"),
            ("in the past week", _between(today - dt.timedelta(days=7), today)),
            ("last week", _between(monday - dt.timedelta(days=7), monday - dt.timedelta(days=1))),
            ("this week", _between(monday, monday + dt.timedelta(days=6))),
            ("this quarter", _between(quarter, _month_end(quarter.replace(month=quarter.month + 2)))),
            ("last quarter", _between(_months_before(quarter, 3), last_quarter)),
        )
    )


def _future(day: dt.date, today: dt.date, rng: random.Random) -> _Period:
    monday = today - dt.timedelta(days=today.weekday()) + dt.timedelta(days=7)
    next_month = _month_end(today) + dt.timedelta(days=1)
    days = rng.choice((7, 10, 14, 30))
    weekday = today + dt.timedelta(days=rng.randint(1, 7))
    of_next_week = monday + dt.timedelta(days=rng.randint(0, 4))
    quarter = today.replace(month=(today.month - 1) // 3 * 3 + 1, day=1)
    next_quarter = _months_before(quarter, -3)
    return rng.choice(
        (
            ("tomorrow", f"= '{today + dt.timedelta(days=1)}'"),
            ("next week", _between(monday, monday + dt.timedelta(days=6))),
            ("next month", _between(next_month, _month_end(next_month))),
            (f"in the next {days} days", _between(today, today + dt.timedelta(days=days))),
            ("within the coming week", _between(today, today + dt.timedelta(days=7))),
            ("next quarter", _between(next_quarter, _month_end(_months_before(next_quarter, -2)))),
            (f"on {weekday:%A}", f"= '{weekday}'"),
            (f"next {of_next_week:%A}", f"= '{of_next_week}'"),
            ("by the end of the month", f"<= '{_month_end(today)}'"),
            (f"until {weekday:%A}", f"<= '{weekday}'"),
            (f"within {days} days", _between(today, today + dt.timedelta(days=days))),
        )
    )
