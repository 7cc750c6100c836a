"""What the closed sets say about tables and columns, in the form that the SQL grammar needs."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from narrowgauge.contracts.surfaces.surface import ClosedSets
from narrowgauge.errors import FailedPrecondition

__all__ = ["CATEGORY", "Column", "Table", "column_of", "columns_of", "tables_of"]

CATEGORY = "category"
_CLASSES = (
    # The first match wins; SQLite's own affinity rules (https://www.sqlite.org/datatype3.html, section 3.1),
    # with booleans, dates and times told apart.
    ("boolean", re.compile(r"bool")),
    ("date", re.compile(r"date|time|year\(")),
    ("number", re.compile(r"int|real|floa|doub|num|dec|money|serial|bit|year")),
    ("text", re.compile(r"char|clob|text|string|uuid|enum|json")),
)


@dataclass(frozen=True)
class Column:
    """A column.

    Attributes:
        name: Its name.
        kind: `number`, `text`, `date`, `boolean`, `unknown`, or `category`: a text with known values only.
        values: All values of a category.
        references: What it refers to, as the catalogue writes it: `table.column`.
    """

    name: str
    kind: str
    values: tuple[str, ...] = ()
    references: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        name: Its name.
        columns: Its columns.
    """

    name: str
    columns: tuple[Column, ...] = field(default_factory=tuple)


# What a text in the contract can be; a column with another value is not a category.
_VALUE = re.compile(r"(?![0-9]{4}-[0-9]{2}-[0-9]{2}$)[^\x00-\x1f\x7f]{0,160}")


def columns_of(closed_sets: ClosedSets) -> dict[str, tuple[str, ...]]:
    """Returns the column names by table.

    Raises:
        FailedPrecondition: The closed sets name no table.
    """
    tables = closed_sets.get("entities")
    if not tables:
        raise FailedPrecondition(
            "CLOSED_SET_MISSING", "the closed set `entities` is empty: the catalogue holds no table to query"
        )
    return {table: tuple(closed_sets.get(f"fields:{table}", ())) for table in tables}


def tables_of(closed_sets: ClosedSets) -> tuple[Table, ...]:
    """Returns the tables that have columns.

    Raises:
        FailedPrecondition: There is none.
    """
    tables = tuple(
        Table(table, tuple(column_of(table, name, closed_sets) for name in names))
        for table, names in columns_of(closed_sets).items()
        if names
    )
    if not tables:
        raise FailedPrecondition("CLOSED_SET_MISSING", "no table of the catalogue has a column")
    return tables


def column_of(table: str, name: str, closed_sets: ClosedSets) -> Column:
    """Returns a column as the closed sets have it."""
    declared = (*closed_sets.get(f"type:{table}.{name}", ()), "")[0].lower()
    kind = next((kind for kind, pattern in _CLASSES if pattern.search(declared)), "unknown")
    values = tuple(closed_sets.get(f"values:{table}.{name}", ()))
    references = tuple(closed_sets.get(f"references:{table}.{name}", ()))
    if kind in ("text", "unknown") and values and all(map(_VALUE.fullmatch, values)):
        return Column(name, CATEGORY, values, references)
    return Column(name, kind, references=references)
