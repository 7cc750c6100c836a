"""The catalogue of a SQLite database: tables, columns, keys, and the values of columns of short texts."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence

from narrowgauge.contracts.closed_sets import catalogue_hash
from narrowgauge.v1.catalogue_pb2 import Catalogue, Entity

__all__ = [
    "MAX_CATEGORY_CHARS",
    "MAX_CATEGORY_VALUES",
    "MAX_KNOWN_VALUES",
    "TextColumn",
    "catalogue_of_sqlite",
]

MAX_CATEGORY_VALUES = 48
"""A text column with at most so many distinct values is a category."""
MAX_CATEGORY_CHARS = 40
"""Longer values are prose, however few there are."""
MAX_KNOWN_VALUES = 2000
"""Of a column of short texts with more distinct values none is listed."""
_FEWEST_ROWS = 8
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_DATETIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?")


class TextColumn:
    """What the distinct values of a text column say of it.

    Args:
        rows: Distinct values and how often each occurs, most frequent first; `MAX_KNOWN_VALUES + 1` of them
            when there are more.
    """

    def __init__(self, rows: Sequence[tuple[object, int]]) -> None:
        self._values = [value for value, _ in rows if isinstance(value, str) and value]
        self._short = (
            0 < len(rows) <= MAX_KNOWN_VALUES
            and len(self._values) == len(rows)
            and max(map(len, self._values)) <= MAX_CATEGORY_CHARS
        )
        self._total = sum(count for _, count in rows)

    @property
    def categories(self) -> list[str]:
        """All values of a category; empty when the column is none."""
        few = len(self._values) <= MAX_CATEGORY_VALUES
        # Of a few rows, that all values differ little says nothing.
        repeated = self._total >= _FEWEST_ROWS and len(self._values) <= self._total / 2
        return self._values if self._short and few and repeated and not self.date_type else []

    @property
    def known(self) -> list[str]:
        """All values of a column of short texts that is no category and holds no dates."""
        return self._values if self._short and not self.categories and not self.date_type else []

    @property
    def date_type(self) -> str:
        """`date` or `datetime` when all values are written so, SQLite has no types for them; or empty."""
        for kind, form in (("date", _DATE), ("datetime", _DATETIME)):
            if self._values and all(form.fullmatch(value) for value in self._values):
                return kind
        return ""


def catalogue_of_sqlite(connection: sqlite3.Connection) -> Catalogue:
    """Reads the catalogue.

    Args:
        connection: An open database; nothing is written.

    Raises:
        sqlite3.Error: The database cannot be read.
    """
    catalogue = Catalogue(dialect="sqlite")
    tables = connection.execute(
        "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND substr(name, 1, 7) <> 'sqlite_' "
        "ORDER BY rowid"
    ).fetchall()
    for (table,) in tables:
        _read_table(connection, catalogue.entities.add(name=table))
    catalogue.hash = catalogue_hash(catalogue)
    return catalogue


def _read_table(connection: sqlite3.Connection, entity: Entity) -> None:
    table = _quoted(entity.name)
    references = {
        row[3]: f"{row[2]}.{row[4] or 'id'}"
        for row in connection.execute(f"PRAGMA foreign_key_list({table})")
    }
    columns = connection.execute(f"PRAGMA table_info({table})").fetchall()
    for _, name, declared, required, _, key in columns:
        kind = (declared or "").lower().partition("(")[0].strip()
        field = entity.fields.add(name=name, type=kind, key=bool(key), nullable=not (required or key))
        if name in references:
            field.references.append(references[name])
        elif not key and _is_text(kind):
            values = _values(connection, table, _quoted(name))
            field.type = values.date_type or kind
            field.values.extend(values.categories)
            field.known_values.extend(values.known)


def _is_text(kind: str) -> bool:
    return not kind or any(word in kind for word in ("char", "text", "clob", "enum"))


def _values(connection: sqlite3.Connection, table: str, column: str) -> TextColumn:
    rows = connection.execute(
        f"SELECT {column}, COUNT(*) FROM {table} WHERE {column} IS NOT NULL "  # noqa: S608 - quoted names
        f"GROUP BY {column} ORDER BY COUNT(*) DESC, {column} LIMIT {MAX_KNOWN_VALUES + 1}"
    ).fetchall()
    return TextColumn(rows)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
