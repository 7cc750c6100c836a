"""Columns whose values stay in the tool.

A catalogue says more than what exists: it lists the distinct values of columns of short texts, so that words
of a request are recognised by them (`EntityField.values` and `known_values`). Router and specialist get them
unasked. Where that is more than a site allows, entries name the columns whose values are taken out:

| entry | means |
|---|---|
| `patients.name` | this column; it has to exist |
| `patients.*`, `*.ssn`, `*` | all columns that match; `*` stands for any characters |
| `!orders.status` | not this one, whatever else matches it |

Letter case does not count. A table outside of the search path is named with its schema: `hr.people.name`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from narrowgauge.contracts.closed_sets import catalogue_hash
from narrowgauge.errors import FailedPrecondition
from narrowgauge.v1.catalogue_pb2 import Catalogue

__all__ = ["HiddenValues"]

_EXCEPT = "!"
_ANY = "*"


class HiddenValues:
    """Takes the values of columns out of catalogues."""

    def __init__(self, entries: Sequence[str]) -> None:
        """Reads entries as described above; without any, nothing is hidden.

        Raises:
            ValueError: An entry names no column, or there are exceptions and nothing that they except from.
        """
        self._patterns = {entry: _pattern(entry) for entry in entries}
        if entries and all(entry.startswith(_EXCEPT) for entry in entries):
            raise ValueError(
                "has exceptions alone, which hide nothing; write *,!table.column to hide all others"
            )

    def hide(self, catalogue: Catalogue) -> dict[str, int]:
        """Takes values out of a catalogue, and hashes it anew: a hash over few values would tell them.

        Returns:
            Entries and how many columns each of them matches.

        Raises:
            FailedPrecondition: `HIDDEN_COLUMN_MISSING`: an entry names a column that is not there. It may be
                misspelt or renamed, and the values meant would leave.
        """
        matched = dict.fromkeys(self._patterns, 0)
        for entity in catalogue.entities:
            for field in entity.fields:
                name = f"{entity.name}.{field.name}".lower()
                entries = [entry for entry, pattern in self._patterns.items() if pattern.fullmatch(name)]
                for entry in entries:
                    matched[entry] += 1
                if entries and not any(entry.startswith(_EXCEPT) for entry in entries):
                    del field.values[:]
                    del field.known_values[:]
        missing = [entry for entry, columns in matched.items() if not columns and _ANY not in entry]
        if missing:
            raise FailedPrecondition(
                "HIDDEN_COLUMN_MISSING",
                f"there is no column {', '.join(missing)}; NARROWGAUGE_SQL_HIDDEN_VALUES names columns as "
                "table.column, with their schema where the table is outside of the search path",
                metadata={"columns": ",".join(missing)},
            )
        if matched:
            catalogue.hash = catalogue_hash(catalogue)
        return matched


def _pattern(entry: str) -> re.Pattern[str]:
    name = entry.removeprefix(_EXCEPT)
    table, dot, column = name.rpartition(".")
    if name != _ANY and not (dot and table and column):
        raise ValueError(f"has the entry {entry!r}, which is not of the form table.column, table.* or *")
    # DOTALL: a quoted name may hold a line feed.
    return re.compile(".*".join(map(re.escape, name.lower().split(_ANY))), re.DOTALL)
