"""Which fields a further condition can be on: none that another one equals to a value.

`A = "x" and A = "y"` never holds, and beside `A = "x"` no other condition on `A` says anything; a small model
that should go on to another field sometimes repeats the one it has.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from narrowgauge.contracts.grounded_values import OpenValue
from narrowgauge.contracts.surfaces.salesforce import words
from narrowgauge.contracts.surfaces.salesforce.assigning import CLOSED_TEXT

__all__ = ["next_condition"]

_APART = re.compile(r" where |[()]")
_EQUALITY = re.compile(rf"({words.PATH}) = (?:{CLOSED_TEXT}|[^ ;\"]+)")
_GROUPS = tuple(f"{word}(" for word in words.GROUPS.values())


def next_condition(head: str, fields: Iterable[str]) -> OpenValue | None:
    """Returns the field that a query ends in or is about to begin, where one of its fields is taken.

    Args:
        head: The query so far, with a sign for each closed text.
        fields: Names of the fields and paths of its object.
    """
    *before, last = _APART.split(head)[-1].split(" and ")
    taken = frozenset(match[1] for text in before if (match := _EQUALITY.fullmatch(text)))
    if not taken:
        return None
    texts = (*(name for name in fields if name not in taken), *_GROUPS)
    if last in texts or not any(text.startswith(last) for text in texts):
        return None
    return OpenValue("one_of", last, texts)
