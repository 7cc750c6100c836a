"""How people write a number or a day, so that a request keeps its style with another value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

__all__ = ["Style", "day_styles", "number_styles", "number_words"]

_ONES = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven"),
    *("twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July", "August", "September", "October"),
    *("November", "December"),
)
_MOST_IN_WORDS = 999


@dataclass(frozen=True)
class Style:
    """One way to write values of a kind.

    Attributes:
        name: For people.
        write: Writes a value; None when this way has no text for it.
    """

    name: str
    write: Callable[[object], str | None]


def number_words(number: int) -> str | None:
    """Returns an integer from 0 to 999 in words; None for others."""
    if not 0 <= number <= _MOST_IN_WORDS:
        return None
    if number < 20:
        return _ONES[number]
    if number < 100:
        tens, ones = divmod(number, 10)
        return _TENS[tens - 2] + (f"-{_ONES[ones]}" if ones else "")
    hundreds, rest = divmod(number, 100)
    return f"{_ONES[hundreds]} hundred" + (f" and {number_words(rest)}" if rest else "")


def _ordinal(day: int) -> str:
    ending = "th" if 10 < day < 20 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return f"{day}{ending}"


def _plain(value: object) -> str | None:
    if isinstance(value, int):
        return str(value)
    assert isinstance(value, float)
    text = f"{value:.6f}".rstrip("0").rstrip(".")
    return text if float(text) == value else None


def _grouped(value: object) -> str | None:
    assert isinstance(value, int | float)
    if abs(value) < 1000:
        return None
    return f"{value:,}" if isinstance(value, int) or not value.is_integer() else f"{int(value):,}"


def _cents(value: object) -> str | None:
    assert isinstance(value, int | float)
    return f"{value:.2f}" if isinstance(value, float) and round(value, 2) == value else None


def _grouped_cents(value: object) -> str | None:
    assert isinstance(value, int | float)
    return f"{value:,.2f}" if _cents(value) is not None and abs(value) >= 1000 else None


def _words(value: object) -> str | None:
    return number_words(value) if isinstance(value, int) else None


def _spaced_words(value: object) -> str | None:
    words = _words(value)
    return words.replace("-", " ") if words is not None and "-" in words else None


def _dozen(value: object) -> str | None:
    return {12: "a dozen", 24: "two dozen", 36: "three dozen", 6: "half a dozen"}.get(
        value if isinstance(value, int) else -1
    )


number_styles: tuple[Style, ...] = (
    Style("digits", _plain),
    Style("grouped", _grouped),
    Style("cents", _cents),
    Style("grouped cents", _grouped_cents),
    Style("words", _words),
    Style("words without hyphen", _spaced_words),
    Style("dozens", _dozen),
)
"""Ways to write a number; values are `int` or `float`."""


def _day(name: str, write: Callable[[date], str]) -> Style:
    def checked(value: object) -> str | None:
        assert isinstance(value, date)
        return write(value)

    return Style(name, checked)


def _month(day: date, *, short: bool = False) -> str:
    name = _MONTHS[day.month - 1]
    return name[:3] if short else name


day_styles: tuple[Style, ...] = (
    _day("ISO", lambda day: day.isoformat()),
    _day("month day, year", lambda day: f"{_month(day)} {day.day}, {day.year}"),
    _day("month day year", lambda day: f"{_month(day)} {day.day} {day.year}"),
    _day("month ordinal, year", lambda day: f"{_month(day)} {_ordinal(day.day)}, {day.year}"),
    _day("day month year", lambda day: f"{day.day} {_month(day)} {day.year}"),
    _day("ordinal of month year", lambda day: f"{_ordinal(day.day)} of {_month(day)} {day.year}"),
    _day("ordinal month year", lambda day: f"{_ordinal(day.day)} {_month(day)} {day.year}"),
    _day("short month day, year", lambda day: f"{_month(day, short=True)} {day.day}, {day.year}"),
    _day("short day month year", lambda day: f"{day.day} {_month(day, short=True)} {day.year}"),
    _day("day.month.year", lambda day: f"{day.day:02}.{day.month:02}.{day.year}"),
    _day("month/day/year", lambda day: f"{day.month}/{day.day}/{day.year}"),
)
"""Ways to write a day; values are `datetime.date`. A day without its year is not one of them: the call says
the year, and the request does not, so only its reader's calendar does."""
