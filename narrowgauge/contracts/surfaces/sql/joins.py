"""Which columns of two tables can be joined.

What the catalogue declares counts: a reference, in either direction, and a table with itself only where it
refers to itself. Between tables without a reference, names suggest keys: `start_station_id` is the `id` of
`stations`; failing that, columns of one name belong together. Where a chain of references connects the two
tables, only those of them do that are named like keys. A catalogue without any of these leaves the choice
between all columns of one kind (see `from_clause`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass

from narrowgauge.contracts.surfaces.sql.tables import CATEGORY, Column, Table

__all__ = ["Key", "joinable_kinds", "keys_of", "leads_again"]

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_]+")
_KEY_LIKE = frozenset(("code", "id", "ids", "key", "no", "nr", "number", "num", "uuid"))
_SELF = frozenset(("boss", "manager", "parent", "supervisor"))
"""What people call the row of the same table that a row belongs to."""


@dataclass(frozen=True)
class Key:
    """Two columns that are equal in rows that belong together; tables are given by their positions.

    Attributes:
        table: The table that refers.
        column: Its column.
        other: The table that is referred to.
        other_column: Its column.
        suggested: Only names say so.
    """

    table: int
    column: str
    other: int
    other_column: str
    suggested: bool = False

    def seen_from(self, table: int) -> Iterator[tuple[str, int, str]]:
        """Yields a table's own column, the other table and its column; both ways for a self-reference."""
        if self.table == table:
            yield self.column, self.other, self.other_column
        if self.other == table:
            yield self.other_column, self.table, self.column


def keys_of(tables: Sequence[Table]) -> tuple[Key, ...]:
    """Returns the keys that a catalogue declares, then those that names suggest where it declares none."""
    found = list(dict.fromkeys(_declared(tables)))
    linked = {frozenset((key.table, key.other)) for key in found}
    ends = {end for key in found for end in ((key.table, key.column), (key.other, key.other_column))}
    groups = list(range(len(tables)))
    for key in found:
        here, there = groups[key.table], groups[key.other]
        groups = [here if group == there else group for group in groups]
    for table in range(len(tables)):
        if frozenset((table,)) not in linked:
            found += _self_named(tables, table)
        for other in range(table):
            if frozenset((table, other)) not in linked:
                connected = groups[table] == groups[other]
                found += _naming(tables, table, other) or _of_one_name(tables, table, other, ends, connected)
    return tuple(dict.fromkeys(found))


def leads_again(keys: Sequence[Key], table: int, other: int) -> bool:
    """Says whether a second occurrence of a table can be joined with another table's first one, or its own.

    It can where one column has keys to two: over a single key it would bring the same rows again.
    """
    ways = [(own, column) for key in keys for own, end, column in key.seen_from(table) if end == other]
    if table == other:
        return bool(ways)
    return len({own for own, _ in ways}) < len(ways) or len({column for _, column in ways}) < len(ways)


def joinable_kinds(kind: str) -> frozenset[str]:
    """Returns the kinds of columns that a column can be joined with; of an unknown kind, all."""
    if kind == "unknown":
        return frozenset(("number", "text", "date", "boolean", CATEGORY, "unknown"))
    alike = ("text", CATEGORY) if kind in ("text", CATEGORY) else (kind,)
    return frozenset((*alike, "unknown"))


def _declared(tables: Sequence[Table]) -> Iterator[Key]:
    for index, table in enumerate(tables):
        for column in table.columns:
            for reference in column.references:
                if found := _resolve(tables, column, reference):
                    other, target = found
                    if (other, target) != (index, column.name):
                        yield Key(index, column.name, other, target)


def _resolve(tables: Sequence[Table], column: Column, reference: str) -> tuple[int, str] | None:
    """Finds `table.column` without regard to case; names of tables may hold dots themselves."""
    written = reference.lower()
    for index, table in sorted(enumerate(tables), key=lambda item: -len(item[1].name)):
        name = table.name.lower()
        if written != name and not written.startswith(f"{name}."):
            continue
        names = {known.name.lower(): known.name for known in table.columns}
        # A reference that names no column, or one that is not there, is to the column of the same name.
        for wanted in (written[len(name) + 1 :], column.name.lower(), "id"):
            if wanted in names:
                return index, names[wanted]
    return None


def _naming(tables: Sequence[Table], table: int, other: int) -> list[Key]:
    """Keys of columns that name the other table: `customer_id`."""
    return [
        Key(here, column.name, there, target.name, suggested=True)
        for here, there in ((table, other), (other, table))
        for column in tables[here].columns
        for target in tables[there].columns
        if target.kind in joinable_kinds(column.kind)
        and any(_names(column.name, (*name, *_words(target.name))) for name in _forms(tables[there].name))
    ]


def _of_one_name(
    tables: Sequence[Table], table: int, other: int, ends: Set[tuple[int, str]], connected: bool
) -> list[Key]:
    """Keys of columns of one name: all of one kind or, in connected tables, those that are like keys."""
    found = []
    for column in tables[table].columns:
        for target in tables[other].columns:
            # Each table may have its own `id`.
            if column.name.lower() != target.name.lower() or column.name.lower() == "id":
                continue
            # People's schemas give one key different types in two tables.
            like_key = bool({(table, column.name), (other, target.name)} & ends) or bool(
                _KEY_LIKE.intersection(_words(column.name))
            )
            if like_key or (not connected and target.kind in joinable_kinds(column.kind)):
                found.append(Key(table, column.name, other, target.name, suggested=True))
    return found


def _self_named(tables: Sequence[Table], table: int) -> list[Key]:
    """Keys that names suggest within one table: `manager_id` and `id`."""
    return [
        Key(table, column.name, table, target.name, suggested=True)
        for column in tables[table].columns
        for target in tables[table].columns
        if target.kind in joinable_kinds(column.kind)
        and any(_words(column.name) == (name, *_words(target.name)) for name in _SELF)
    ]


def _names(column: str, wanted: tuple[str, ...]) -> bool:
    """Says whether the name of a column ends with words, or is made of them without a mark between."""
    return _words(column)[-len(wanted) :] == wanted or column.lower() == "".join(wanted)


def _forms(table: str) -> set[tuple[str, ...]]:
    """How the name of a reference to a table may begin, in the plural and the singular."""
    *first, last = _words(table.rpartition(".")[2]) or ("",)
    forms = {last, last.removesuffix("s"), last.removesuffix("es")}
    if last.endswith("ies"):
        forms.add(last[:-3] + "y")
    return {(*first, form) for form in forms if form}


def _words(name: str) -> tuple[str, ...]:
    return tuple(word.lower() for word in _WORD.findall(name))
