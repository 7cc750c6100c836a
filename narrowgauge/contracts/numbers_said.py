"""Numbers that a text says, in digits or in words, and what they are in the units that fields count in.

`two and a half thousand` has its parts, `an hour` is 60 of a field in minutes, `5 %` is 5 or 0.05. All
readings are given: what a number is of is for its reader to know.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

__all__ = ["numbers_said", "says_number"]

_UNITS = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven"),
    *("twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_ORDINALS = (
    *("zeroth", "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth"),
    *("tenth", "eleventh", "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth"),
    *("seventeenth", "eighteenth", "nineteenth"),
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_WORDS = {
    **{word: Decimal(value) for value, word in enumerate(_UNITS)},
    **{word: Decimal(value) for value, word in enumerate(_ORDINALS)},
    **{word: Decimal(10 * value) for value, word in enumerate(_TENS, start=2)},
    **{word[:-1] + "ieth": Decimal(10 * value) for value, word in enumerate(_TENS, start=2)},
    **{"a": Decimal(1), "an": Decimal(1), "once": Decimal(1), "twice": Decimal(2), "couple": Decimal(2)},
    **{"both": Decimal(2), "pair": Decimal(2), "dozen": Decimal(12), "fortnight": Decimal(14)},
    **{"half": Decimal("0.5"), "quarter": Decimal("0.25"), "no": Decimal(0), "none": Decimal(0)},
}
_PARTS: dict[str, tuple[Decimal | int, ...]] = {
    "a": (1,),
    "an": (1,),
    "half": (Decimal("0.5"), Decimal("1.5")),
}
_ARTICLES = frozenset({"a", "an", "no", "none"})
_SIZES = {
    **{"k": Decimal(1000), "thousand": Decimal(1000), "hundred": Decimal(100), "dozen": Decimal(12)},
    **{"m": Decimal(10**6), "mio": Decimal(10**6), "mn": Decimal(10**6), "million": Decimal(10**6)},
    **{"bn": Decimal(10**9), "billion": Decimal(10**9)},
}
# What people count in, and how many of the smaller unit that fields have it is.
_SMALLER = {
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), Decimal(60)),
    **dict.fromkeys(("week", "weeks"), Decimal(7)),
    **dict.fromkeys(("year", "years"), Decimal(12)),
    **dict.fromkeys(("t", "ton", "tons", "tonne", "tonnes", "km", "kilometre"), Decimal(1000)),
    **dict.fromkeys(("%", "percent", "pct"), Decimal("0.01")),
}
# Of one number: `a a a` is no number, and must not take long to be none.
_MOST_READINGS = 8
_TOKEN = re.compile(
    r"(?P<digits>\d{1,3}(?:[,'’.\u00a0\u202f ]\d{3})+(?!\d)|\d+)(?P<rest>[.,]\d+)?"
    r"(?:st|nd|rd|th)?(?![A-Za-z]*\d)"
    r"|(?P<word>[A-Za-z]+|%)"
)
# Digits with dots or commas read in both ways: 1.250 may be a thousand.
_ALL_DIGITS = re.compile(r"\d+(?:[.,]\d+)*")


def numbers_said(text: str) -> Iterator[Decimal]:
    """Yields all readings of the numbers in a text, none of them negative; with repetitions."""
    for match in _ALL_DIGITS.finditer(text):
        yield from _readings(match[0])
    before: list[Decimal] = []
    for match in _TOKEN.finditer(text):
        if match["digits"] is not None:
            before = list(_readings(match["digits"] + (match["rest"] or "")))
            yield from before
            continue
        word = match["word"].lower()
        if word in _SIZES and before:
            before = [value * _SIZES[word] for value in before]
        elif word in _SMALLER and before:
            before = [value * _SMALLER[word] for value in before]
        elif word in _WORDS:
            value = _WORDS[word]
            # Twenty-five, two hundred fifty, one and a half, half an hour.
            sums = [earlier + value for earlier in before if earlier > value]
            parts = [earlier * factor for earlier in before for factor in _PARTS.get(word, ())]
            before = [value, *sums, *parts][:_MOST_READINGS]
        elif word not in ("and", "of"):
            before = []
            continue
        yield from before


def says_number(word: str) -> bool:
    """Whether a word in lower case says a number by itself, or a unit may: `an hour`."""
    return (word in _WORDS and word not in _ARTICLES) or word in ("hour", "dozen")


def _readings(digits: str) -> Iterator[Decimal]:
    """A number with separators: as groups of thousands and with the last one as a decimal point."""
    plain = re.sub(r"[^\d.,]", "", digits)
    yield Decimal(re.sub(r"[.,]", "", plain))
    parts = re.split(r"[.,]", plain)
    if len(parts) > 1:
        yield Decimal("".join(parts[:-1]) + "." + parts[-1])
