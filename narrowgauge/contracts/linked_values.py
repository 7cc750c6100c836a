"""Words of a request that name a value of one field, and so ask for it (`schema_links`).

Of such links in requests with known calls, 99 % are in the call. The others are of words that mean something
else as well, most of them by what stands behind them: `delivered in May` is a date.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

__all__ = ["LinkedValue", "linked_values", "links_in", "names_object_and_field"]

_LINK = re.compile(r"^(?P<phrase>[^\n]+?): (?P<targets>\w+\.\w+(?: = [^\n]+)?)$", re.MULTILINE)
# A prompt has fewer; rows of a context can look like links.
_MOST_LINKS = 16
_TARGET = re.compile(r"(?:^| or )(?P<entity>\w+)\.(?P<field>\w+)(?P<value> = )?")
_OBJECT = re.compile(r"^[^\n]+: (\w+)$", re.MULTILINE)
# Verbs and nouns of the tools themselves.
_COMMON = frozenset({"new", "each", "call", "calls", "meeting", "meetings", "email", "emails"})
_MONTH = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
_BEHIND = (
    r"\s+(?:date\w*|since|before|after|until|till|between|from|during|this|last|next|today|yesterday|tomorrow|"
    r"within|by|on|later|earlier|ago|over|than|first|address|numbers?|to\b|"
    rf"in (?:the |early|late|mid|{_MONTH}|q[1-4]|h[12]|\d))"
)
_DENIED = r"\b(?:no|not|nobody|never|without|isn't|aren't|hasn't|haven't|don't|doesn't) "


@dataclass(frozen=True)
class LinkedValue:
    """A value that a request asks for.

    Attributes:
        phrase: How the request says it, in lower case.
        entity: Whose field it is.
        field: The field.
    """

    phrase: str
    entity: str
    field: str

    def stands_in(self, call: str) -> bool:
        """Whether a call has the field, or a text with these words."""
        words = "|".join((re.escape(self.field), re.escape(self.phrase)))
        return re.search(rf"(?<!\w)(?:{words})(?!\w)", call, re.IGNORECASE) is not None


def linked_values(turn: str, request: str) -> Iterator[LinkedValue]:
    """Yields the values that links of a prompt's turn give to one field.

    Args:
        turn: The turn, with its lines of links before the request.
        request: The request.
    """
    for link in islice(_LINK.finditer(turn.rpartition("Request:")[0]), _MOST_LINKS):
        phrase, targets = link["phrase"], list(_TARGET.finditer(link["targets"]))
        if phrase in _COMMON or _is_meant_otherwise(phrase, request):
            continue
        entities = Counter(target["entity"] for target in targets)
        for target in targets:
            # Of one object it names one thing, and that is a value.
            if target["value"] and entities[target["entity"]] == 1:
                yield LinkedValue(phrase, target["entity"], target["field"])


def links_in(turn: str) -> Iterator[tuple[str, list[str]]]:
    """Yields the links of a prompt's turn to fields and values: the phrase, and what it names."""
    for link in islice(_LINK.finditer(turn.rpartition("Request:")[0]), _MOST_LINKS):
        yield link["phrase"], re.split(r" or (?=\w+\.)", link["targets"])


def names_object_and_field(turn: str) -> bool:
    """Whether links say which object a request is about, and a field or a value of that object."""
    lines = turn.rpartition("Request:")[0]
    objects = set(_OBJECT.findall(lines))
    fields = (target for link in _LINK.finditer(lines) for target in _TARGET.finditer(link["targets"]))
    return any(target["entity"] in objects for target in fields)


def _is_meant_otherwise(phrase: str, request: str) -> bool:
    words = re.escape(phrase)
    otherwise = rf"\bfrom {words}\b|(?<!\w){words}{_BEHIND}|{_DENIED}(?:\w+ )?{words}\b"
    return phrase not in request.lower() or re.search(otherwise, request, re.IGNORECASE) is not None
