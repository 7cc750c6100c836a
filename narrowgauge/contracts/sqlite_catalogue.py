"""The catalogue of a SQLite database: tables, columns, keys, and the values of short categorical columns."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from narrowgauge.contracts.closed_sets import catalogue_hash
from narrowgauge.v1.catalogue_pb2 import Catalogue, Entity

__all__ = ["MAX_CATEGORY_CHARS", "MAX_CATEGORY_VALUES", "catalogue_of_sqlite"]

MAX_CATEGORY_VALUES = 48
"""A text column with at most so many distinct values is a category."""
MAX_CATEGORY_CHARS = 40
"""Longer values are prose, however few there are."""
# Of a table with fewer rows than this, that all values differ little says nothing.
_FEWEST_ROWS = 8


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
            field.values.extend(_categories(connection, table, _quoted(name)))


def _is_text(kind: str) -> bool:
    return not kind or any(word in kind for word in ("char", "text", "clob", "enum"))


def _categories(connection: sqlite3.Connection, table: str, column: str) -> Sequence[str]:
    """Returns the distinct values of a categorical column, most frequent first; nothing for other columns."""
    rows = connection.execute(
        f"SELECT {column}, COUNT(*) FROM {table} WHERE {column} IS NOT NULL "  # noqa: S608 - quoted names
        f"GROUP BY {column} ORDER BY COUNT(*) DESC, {column} LIMIT {MAX_CATEGORY_VALUES + 1}"
    ).fetchall()
    total = sum(count for _, count in rows)
    few = 0 < len(rows) <= MAX_CATEGORY_VALUES and (total >= _FEWEST_ROWS and len(rows) <= total / 2)
    short = all(isinstance(value, str) and 0 < len(value) <= MAX_CATEGORY_CHARS for value, _ in rows)
    return [value for value, _ in rows] if few and short else []


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
