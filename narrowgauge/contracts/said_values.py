"""The values of a request that a call will have as they stand there: ids, addresses, amounts, days.

What each is of is for the model to find out; that a call has it can be checked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from narrowgauge.contracts.numbers_said import numbers_said, says_number
from narrowgauge.contracts.record_aliases import ALIAS

__all__ = [
    "SaidValue",
    "changes",
    "count_numbers",
    "denies",
    "emails_in",
    "order_said",
    "phones_in",
    "said_values",
]

_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_PHONE = re.compile(r"(?<![\w.:/-])\+?\(?\d[\d ()/.-]{5,}\d(?![\w/-])")
_QUOTED = re.compile(r"\"[^\"]*\"|“[^”]*”|'[^']+'(?!\w)")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}(?:T[\d:.]+Z?)?|\b\d{1,2}[./-]\d{1,2}[./-](?:\d{4}|\d{2})\b")
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_NTH = r"\d{1,4}(?:st|nd|rd|th)?"
# Days and times; years and spans of time: no amounts.
_TO = r" ?(?:to|and|until|till|or|-|–) ?(?:the )?"
_CALENDAR = re.compile(
    rf"\b(?:{_NTH}{_TO})?{_NTH}(?: of)? ?{_MONTH},?(?: \d{{4}}\b)?"
    rf"|\b{_MONTH} {_NTH}(?:{_TO}{_NTH})?(?:,? \d{{4}}\b)?"
    r"|(?<!\d)(?:\d+[:/-]\d+(?:[:/-]\d+)?|\d+\.\d+\.\d+)",
    re.IGNORECASE,
)
_SPAN = re.compile(
    r"\b(?:19|20)\d{2}\b|\b\d{1,2} ?(?:am|pm|h|o'clock|days?|weeks?|months?|years?)\b", re.IGNORECASE
)
_AMOUNT = re.compile(
    r"(?<![\w@#.,:/+-])\d[\d,]*(?:\.\d+)?(?: ?(?:k|thousand|million|m|mio))?(?![\w/+-]|[.,:]\d)"
)
_NEXT_WORD = re.compile(r" ?[A-Za-z%]+")
# Behind a name with a capital a number belongs to the name.
_NAMED = re.compile(r"(?<![.!?:] )(?<!^)\b[A-Z][\w&'-]* $")
_CHANGING = re.compile(
    r"\b(?:set|change|update|restore|undelete|delete|remove|erase|move|assign|reassign|give|mark|close|cancel|merge|"
    r"transfer|rename|convert|share|approve|send|mail|export|print|turn|raise|lower|clear|correct|edit|adjust|put|"
    r"lock|unlock|archive|submit|switch|recall|reset|bump|upgrade|downgrade|extend|postpone|reopen|escalate|make)\b",
    re.IGNORECASE,
)
_DENYING = re.compile(
    r"\b(?:no|not|non|none|nobody|nothing|never|without|w/o|miss(?:ing|es)?|lack(?:s|ing)?|empty|blank|null|absent"
    r"|un\w{3,}|\w+less|open|yet|left|forgot\w*|bare|top[- ]level|orphan\w*|alone|cannot)\b|n['’]?t\b",
    re.IGNORECASE,
)

_FIRST = r"(?: \w+){0,2} (?:first|on top|at the top)\b"
_ORDERS = {
    "date": re.compile(
        rf"\b(?:earliest|latest|oldest|newest|most recent|longest ago)\b{_FIRST}", re.IGNORECASE
    ),
    "number": re.compile(
        r"\b(?:largest|biggest|highest|smallest|lowest|cheapest|dearest|most expensive|least expensive|"
        rf"heaviest|lightest|greatest)\b{_FIRST}",
        re.IGNORECASE,
    ),
}


@dataclass(frozen=True)
class SaidValue:
    """A value of a request.

    Attributes:
        kind: `record`, `email`, `phone`, `number` or `day`.
        readings: How a call may have it.
    """

    kind: str
    readings: frozenset[str]

    def stands_in(self, call: str) -> bool:
        """Whether a call has it."""
        readings = "|".join(map(re.escape, sorted(self.readings)))
        # A time may follow a day.
        end = r"(?!\d)" if self.kind == "day" else r"(?!\w)"
        return re.search(rf"(?<![\w.])(?:{readings}){end}", call, re.IGNORECASE) is not None


def said_values(request: str) -> Iterator[SaidValue]:
    """Yields the values of a request but for its days, which only its reader knows."""
    for kind, pattern in (("record", ALIAS), ("email", _EMAIL)):
        for text in dict.fromkeys(pattern.findall(request)):
            yield SaidValue(kind, frozenset({text}))
    plain = _DAY.sub(" ", _EMAIL.sub(" ", ALIAS.sub(" ", request)))
    for text in phones_in(plain):
        yield SaidValue("phone", frozenset({text}))
    plain = _SPAN.sub(" ", _CALENDAR.sub(" ", _PHONE.sub(" ", _QUOTED.sub(" ", plain))))
    for match in _AMOUNT.finditer(plain):
        if not _NAMED.search(plain[: match.start()]):
            # The next word may be a unit.
            unit = _NEXT_WORD.match(plain, match.end())
            said = match[0] + (unit[0] if unit else "")
            readings = frozenset(f"{value.normalize():f}" for value in numbers_said(said))
            yield SaidValue("number", readings | {match[0]})


def emails_in(text: str) -> list[str]:
    """Returns the e-mail addresses of a text."""
    return list(dict.fromkeys(_EMAIL.findall(text)))


def phones_in(text: str) -> list[str]:
    """Returns what can be phone numbers in a text."""
    return list(dict.fromkeys(_PHONE.findall(_DAY.sub(" ", text))))


def count_numbers(text: str) -> int:
    """Returns how many numbers, but for dates and times, a text has in digits and in words."""
    plain = _CALENDAR.sub(" ", _DAY.sub(" ", text))
    words = re.findall(r"[a-z]+", plain.lower())
    return len(re.findall(r"\d+(?:[.,]\d+)*", plain)) + sum(map(says_number, words))


def changes(text: str) -> bool:
    """Whether a text has a verb for the change of a record."""
    return _CHANGING.search(text) is not None


def denies(text: str) -> bool:
    """Whether a text speaks of what there is not: of missing values, among other things."""
    return _DENYING.search(text) is not None


def order_said(text: str) -> str:
    """Returns what an order is by that an adjective asks for.

    `date` for `earliest first`, `number` for `largest first`; empty where there is none, or more than one.
    """
    kinds = [kind for kind, pattern in _ORDERS.items() if pattern.search(text)]
    return kinds[0] if len(kinds) == 1 else ""
