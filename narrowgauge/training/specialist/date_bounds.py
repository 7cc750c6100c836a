"""Days that bound a date field: `by Friday`, `before May`, `since yesterday`, each with its operator."""

from __future__ import annotations

import calendar
import datetime as dt
import random

from narrowgauge.training.specialist.salesforce_said import day, past_day

__all__ = ["bound"]

_AHEAD = {
    "by": "<=",
    "until": "<=",
    "up to": "<=",
    "no later than": "<=",
    "before": "<",
    "earlier than": "<",
    "after": ">",
    "later than": ">",
}
_PAST = {"since": ">=", "before": "<", "until": "<=", "after": ">"}
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")


def bound(kind: str, today: dt.date, rng: random.Random, *, past: bool) -> tuple[str, str, str]:
    """Draws a bound of a date field.

    Args:
        kind: The field's type, `date` or `datetime`; of a moment only `before` and `since` are plain.
        today: The date on which it is asked.
        rng: Source of choice.
        past: Whether it lies behind.

    Returns:
        Words such as `by Friday`, the operator, and a date literal or date.
    """
    words = _PAST if past else _AHEAD
    if kind == "datetime":
        words = {word: operator for word, operator in words.items() if operator in ("<", ">=")}
    draw = rng.random()
    if draw < 0.25:
        return _month(kind, words, today, rng, past=past)
    if draw < 0.5:
        return _literal(words, rng, past=past)
    word = rng.choice(list(words))
    if not past:
        said, date = day(today, rng)
        while said in ("today", "tomorrow"):
            said, date = day(today, rng)
        # `after in two weeks` is said by nobody.
        if said.startswith("in "):
            said = f"{date.day} {calendar.month_name[date.month]} {date.year}"
    elif rng.random() < 0.4:
        days = [today - dt.timedelta(days=number) for number in range(2, 7)]
        date = rng.choice([one for one in days if one.weekday() < 5])
        # A day of the week that has passed is said with `since` alone.
        word, said = "since", _WEEKDAYS[date.weekday()]
    else:
        said, date = past_day(today, rng)
    return f"{word} {said}", words[word], _stored(date, kind)


def _stored(date: dt.date, kind: str) -> str:
    return f"{date}T00:00:00Z" if kind == "datetime" else str(date)


def _literal(words: dict[str, str], rng: random.Random, *, past: bool) -> tuple[str, str, str]:
    if past:
        said = rng.choice(("yesterday", "yesterday", "last week", "last month", "last year"))
        word = "since" if said != "yesterday" else rng.choice([w for w in words if w in ("since", "before")])
        return f"{word} {said}", words[word], said.upper().replace(" ", "_")
    fitting = [word for word in words if word in ("by", "until", "before", "after", "no later than")]
    word = rng.choice(fitting)
    said = rng.choice(("today", "tomorrow", "tomorrow")) if word != "after" else "tomorrow"
    return f"{word} {said}", words[word], said.upper()


def _month(
    kind: str, words: dict[str, str], today: dt.date, rng: random.Random, *, past: bool
) -> tuple[str, str, str]:
    """A bound of whole months: before May is before its first day, after May is after its last."""
    months = today.year * 12 + today.month - 1 + (-rng.randint(1, 9) if past else rng.randint(1, 9))
    year, month = divmod(months, 12)
    first = dt.date(year, month + 1, 1)
    last = first.replace(day=calendar.monthrange(year, month + 1)[1])
    name = calendar.month_name[month + 1]
    ends = {
        "before": (f"before {name}", "<", first),
        "since": (f"since {name}", ">=", first),
        "by": (rng.choice((f"by the end of {name}", f"by end of {name}")), "<=", last),
        "until": (f"until the end of {name}", "<=", last),
        "after": (f"after {name}", ">", last),
    }
    said, operator, date = ends[rng.choice([word for word in ends if word in words])]
    return said, operator, _stored(date, kind)
