"""What a query is sorted by where the request says so by an adjective: `earliest first` is a day, `largest
first` a number. Of 286 such requests with known queries all were sorted, each by such a column or a function.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from narrowgauge.contracts.grounded_values import OpenValue
from narrowgauge.contracts.said_values import order_said
from narrowgauge.contracts.surfaces.sql.tables import tables_of
from narrowgauge.contracts.surfaces.sql.words import AGGREGATES, CALL_START, identifier
from narrowgauge.contracts.surfaces.surface import ClosedSets

__all__ = ["Ordering"]

_KEY = re.compile(r" ORDER BY( [^ ,()]*)?$")
_FUNCTIONS = (*AGGREGATES.values(), *(text.partition("(")[0] for text in CALL_START.values()))


class Ordering:
    """The first key of a query's order."""

    def __init__(self, closed_sets: ClosedSets, request: str) -> None:
        self._kind = order_said(request)
        self._tables = tables_of(closed_sets) if self._kind else ()

    def is_said(self, written: str) -> bool:
        """Whether a query has the order that the request wants."""
        return not self._kind or " ORDER BY " in written

    def key(self, written: str) -> OpenValue | None:
        """Returns the key that a query ends in, None elsewhere and behind a whole one."""
        match = _KEY.search(written) if self._kind else None
        if match is None:
            return None
        texts = tuple(f" {text}" for text in (*self._columns(written), *_FUNCTIONS, "v1", "v2"))
        begun = match[1] or ""
        return None if begun in texts else OpenValue("one_of", begun, texts)

    def _columns(self, written: str) -> Iterator[str]:
        """Columns of the query's tables; one without a type may be anything."""
        for table in self._tables:
            names = (table.name, *(f"{table.name}_{instance}" for instance in (2, 3, 4)))
            for name in filter(written.__contains__, names):
                for column in table.columns:
                    if column.kind in (self._kind, "unknown"):
                        yield f"{identifier(name)}.{identifier(column.name)}"
