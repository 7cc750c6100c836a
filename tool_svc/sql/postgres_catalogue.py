"""The catalogue of a PostgreSQL database: what the connected role may read."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import sql

from narrowgauge.contracts.closed_sets import catalogue_hash
from narrowgauge.contracts.sqlite_catalogue import MAX_KNOWN_VALUES, TextColumn
from narrowgauge.v1.catalogue_pb2 import Catalogue

__all__ = ["catalogue_of_postgres"]

_COLUMNS = """
SELECT c.table_schema, c.table_name, c.column_name, c.data_type, c.is_nullable = 'YES',
       c.table_schema = ANY (current_schemas(false)),
       obj_description(format('%I.%I', c.table_schema, c.table_name)::regclass, 'pg_class'),
       col_description(format('%I.%I', c.table_schema, c.table_name)::regclass, c.ordinal_position::int)
FROM information_schema.columns c
WHERE c.table_schema NOT IN ('pg_catalog', 'information_schema')
  AND has_table_privilege(format('%I.%I', c.table_schema, c.table_name), 'SELECT')
ORDER BY c.table_schema, c.table_name, c.ordinal_position
"""
_KEYS = """
SELECT n.nspname, t.relname, a.attname, con.contype,
       fn.nspname, ft.relname, fa.attname, fn.nspname = ANY (current_schemas(false))
FROM pg_constraint con
JOIN pg_class t ON t.oid = con.conrelid
JOIN pg_namespace n ON n.oid = t.relnamespace
CROSS JOIN LATERAL unnest(con.conkey, con.confkey) AS k (own, other)
JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.own
LEFT JOIN pg_class ft ON ft.oid = con.confrelid
LEFT JOIN pg_namespace fn ON fn.oid = ft.relnamespace
LEFT JOIN pg_attribute fa ON fa.attrelid = ft.oid AND fa.attnum = k.other
WHERE con.contype IN ('p', 'f')
"""
_TEXT_TYPES = ("text", "character varying", "character", "USER-DEFINED")
# A table with more rows is sampled: the catalogue is read at start, and every minute.
_SAMPLE_ROWS = 100_000


def catalogue_of_postgres(connection: psycopg.Connection[Any]) -> Catalogue:
    """Reads the catalogue; tables outside of the search path are named with their schema."""
    catalogue = Catalogue(dialect="postgres")
    keys: dict[tuple[str, str, str], list[str]] = {}
    primary: set[tuple[str, str, str]] = set()
    for schema, table, column, kind, *target in connection.execute(_KEYS).fetchall():
        if kind == "p":
            primary.add((schema, table, column))
        else:
            other = target[1] if target[3] else f"{target[0]}.{target[1]}"
            keys.setdefault((schema, table, column), []).append(f"{other}.{target[2]}")
    entity = None
    for schema, table, column, kind, nullable, visible, about, note in connection.execute(
        _COLUMNS
    ).fetchall():
        name = table if visible else f"{schema}.{table}"
        if entity is None or entity.name != name:
            entity = catalogue.entities.add(name=name, description=about or "")
        place = (schema, table, column)
        field = entity.fields.add(
            name=column,
            type="enum" if kind == "USER-DEFINED" else kind,
            description=note or "",
            key=place in primary,
            nullable=nullable,
            references=keys.get(place, []),
        )
        if kind in _TEXT_TYPES and not field.key and not field.references:
            values = _values(connection, schema, table, column)
            field.values.extend(values.categories)
            field.known_values.extend(values.known)
    catalogue.hash = catalogue_hash(catalogue)
    return catalogue


def _values(connection: psycopg.Connection[Any], schema: str, table: str, column: str) -> TextColumn:
    query = sql.SQL(
        "SELECT value, count(*) FROM (SELECT {column}::text AS value FROM {table} WHERE {column} IS NOT NULL "
        "LIMIT {sample}) AS sampled GROUP BY value ORDER BY count(*) DESC, value LIMIT {most}"
    ).format(
        column=sql.Identifier(column),
        table=sql.Identifier(schema, table),
        sample=sql.Literal(_SAMPLE_ROWS),
        most=sql.Literal(MAX_KNOWN_VALUES + 1),
    )
    return TextColumn(connection.execute(query).fetchall())
