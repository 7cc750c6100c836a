"""Which columns a further condition can be on: none that another one behind the same WHERE equals to a value.

`a = 'x' AND a = 'y'` never holds, and beside `a = 'x'` no other condition on `a` says anything. Of 6,100
known queries none has one; a small model that should go on to another column at times repeats the one it has.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from narrowgauge.contracts.grounded_values import OpenValue
from narrowgauge.contracts.surfaces.sql.tables import columns_of
from narrowgauge.contracts.surfaces.sql.words import CALL_START, identifier
from narrowgauge.contracts.surfaces.surface import ClosedSets

__all__ = ["Conjuncts"]

# Conditions that are joined by AND stand between these.
_APART = re.compile(r" WHERE | HAVING | OR |[()]")
_NAME = r"(?:\w+|\"(?:[^\"]|\"\")*\")"
_EQUALITY = re.compile(rf"({_NAME}(?:\.{_NAME})?) = (?:\x00|-?[0-9.]+|TRUE|FALSE)")
_BETWEEN = re.compile(r" BETWEEN \S+$")
_OTHER = ("(", "NOT (", *CALL_START.values(), "v1", "v2")


class Conjuncts:
    """Conditions of one query that are joined by AND."""

    def __init__(self, closed_sets: ClosedSets) -> None:
        self._columns_of = columns_of(closed_sets)

    def column(self, head: str, written: str) -> OpenValue | None:
        """Returns the column that a query ends in or is about to begin, where one of them is taken.

        Args:
            head: The query so far, with a sign for each closed text and each apostrophe in a name.
            written: The query so far.
        """
        *before, last = _APART.split(head)[-1].split(" AND ")
        if not before or _BETWEEN.search(before[-1]):
            return None
        taken = frozenset(match[1] for text in before if (match := _EQUALITY.fullmatch(text)))
        if not taken:
            return None
        begun = written[len(written) - len(last) :]
        texts = (*(name for name in self._columns(written) if name not in taken), *_OTHER)
        if begun in texts or not any(text.startswith(begun) for text in texts):
            return None
        return OpenValue("one_of", begun, texts)

    def _columns(self, written: str) -> Iterator[str]:
        for table, columns in self._columns_of.items():
            for name in (table, *(f"{table}_{instance}" for instance in (2, 3, 4))):
                if name in written:
                    yield from (f"{identifier(name)}.{identifier(column)}" for column in columns)
