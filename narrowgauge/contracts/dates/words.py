"""The words for days and periods, and the parts of the patterns that find them."""

from __future__ import annotations

import calendar
import re

__all__ = [
    "DAY",
    "LATER_YEAR",
    "MONTH",
    "MONTHS",
    "MONTH_WORD",
    "NUMBER",
    "NUMBERS",
    "OF_YEAR",
    "ON_WEEKDAY",
    "ORDINALS",
    "RANGE",
    "STEPS",
    "UNIT",
    "WEEKDAY",
    "WEEKDAYS",
    "YEAR",
    "compiled",
    "month_number",
]

MONTHS = {name.lower(): number for number, name in enumerate(calendar.month_name) if name}
_MONTH_NUMBERS = (
    MONTHS | {name[:3]: number for name, number in MONTHS.items()} | {"sept": MONTHS["september"]}
)
WEEKDAYS = {name.lower(): number for number, name in enumerate(calendar.day_name)}
_COUNTS = (
    *("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty"),
)
NUMBERS = {"a": 1, "an": 1, "thirty": 30, "sixty": 60, "ninety": 90} | {
    word: number for number, word in enumerate(_COUNTS, start=1)
}
ORDINALS = {"first": 1, "second": 2, "third": 3, "fourth": 4, "1st": 1, "2nd": 2, "3rd": 3, "4th": 4}
STEPS = {"this": 0, "current": 0, "last": -1, "previous": -1, "prior": -1, "next": 1, "following": 1}
MONTH_WORD = rf"(?:{'|'.join(sorted(_MONTH_NUMBERS, key=len, reverse=True))})\b(?:\.(?= ?\d))?"
MONTH = rf"(?P<month>{MONTH_WORD})"
YEAR = r"(?:19[5-9]\d|20\d\d)(?![\d%]|[.,:/-]\d)"
OF_YEAR = (
    rf"(?:(?:,| of|,? in|/|-)? ?(?P<year>{YEAR})|,?(?: of| in)? (?P<which_year>this|last|next|the) year\b)"
)
WEEKDAY = rf"(?P<weekday>{'|'.join(WEEKDAYS)})\b"
NUMBER = rf"(?P<number>\d{{1,4}}|{'|'.join(sorted(NUMBERS, key=len, reverse=True))})"
UNIT = r"(?P<unit>day|week|month|quarter|year)s?\b"
DAY = r"(?P<day>[0-3]?\d)(?:st|nd|rd|th)?"


def month_number(match: re.Match[str], group: str = "month") -> int:
    """Returns a month's place in the year, from 0."""
    return _MONTH_NUMBERS[match[group].lower().rstrip(".")] - 1


def compiled(pattern: str) -> re.Pattern[str]:
    """Compiles a pattern of whole words, with any white space for a space."""
    pattern = pattern.replace(" ?", r"\x20*").replace(" ", r"\x20+")
    # Only ASCII letters and digits count as such, so that a matched word is a key of the tables above.
    return re.compile(rf"(?<![\w-])(?<!\d[.,]){pattern}(?!\w)", re.IGNORECASE | re.ASCII)


RANGE = r"(?: ?[-–] ?| (?:to|and|until|till|through) (?:the )?)"
ON_WEEKDAY = rf"(?:(?:{'|'.join(WEEKDAYS)}),? )?(?:the )?"
LATER_YEAR = re.compile(
    compiled(
        rf"{RANGE}{ON_WEEKDAY}(?:[0-3]?\d(?:st|nd|rd|th)?(?: of)? (?P<one>{MONTH_WORD})"
        rf"|(?P<two>{MONTH_WORD}) [0-3]?\d(?:st|nd|rd|th)?),?(?: of)? (?P<year>{YEAR})"
    ).pattern.removeprefix(r"(?<![\w-])"),
    re.IGNORECASE | re.ASCII,
)
