"""Calls that a tool refused, read into the contract although they name what does not exist."""

from __future__ import annotations

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from narrowgauge.contracts.surfaces.sql.from_sql import from_sql
from narrowgauge.errors import Unsupported
from narrowgauge.tools.sql.v1 import sql_pb2
from narrowgauge.v1.catalogue_pb2 import Catalogue, Entity, EntityField

__all__ = ["failed_query"]


def failed_query(sql: str, catalogue: Catalogue, *, dialect: str = "sqlite") -> sql_pb2.QueryRequest | None:
    """Returns the call that a refused query is, or None when the contract cannot say it.

    A column that could be of several tables is one that no call has: the mapping would repair the query.

    Args:
        sql: The query; its tables and columns need not exist.
        catalogue: What exists.
        dialect: As sqlglot calls it.
    """
    try:
        tree = sqlglot.parse_one(sql.strip().rstrip("; "), read=dialect)
    except (SqlglotError, ValueError):
        return None
    if _is_ambiguous(tree, catalogue):
        return None
    for known in (catalogue, _believed(tree, catalogue)):
        try:
            return from_sql(sql, known, dialect=dialect)
        except Unsupported:
            continue
    return None


def _is_ambiguous(tree: exp.Expr, catalogue: Catalogue) -> bool:
    """Whether a column without its table is one of several tables of its SELECT."""
    entities = {entity.name.lower(): entity for entity in catalogue.entities}
    for column in tree.find_all(exp.Column):
        select = column.find_ancestor(exp.Select)
        if column.table or select is None:
            continue
        sources = [table for table in select.find_all(exp.Table) if table.find_ancestor(exp.Select) is select]
        known = [entities[table.name.lower()] for table in sources if table.name.lower() in entities]
        aliases = {item.alias.lower() for item in select.selects if item.alias}
        if column.name.lower() not in aliases and sum(_has(entity, column.name) for entity in known) > 1:
            return True
    return False


def _believed(tree: exp.Expr, catalogue: Catalogue) -> Catalogue:
    """Returns the catalogue together with the tables and columns that a query takes to exist."""
    believed = Catalogue(dialect=catalogue.dialect, entities=catalogue.entities)
    tables = {entity.name.lower(): entity for entity in believed.entities}
    named: dict[str, Entity] = {}
    for table in tree.find_all(exp.Table):
        entity = tables.get(table.name.lower())
        if entity is None:
            entity = tables[table.name.lower()] = believed.entities.add(name=table.name)
        named[table.alias_or_name.lower()] = entity
    aliases = {alias.alias.lower() for alias in tree.find_all(exp.Alias)}
    for column in tree.find_all(exp.Column):
        if column.table:
            entity = named.get(column.table.lower())
            among = [] if entity is None else [entity]
        else:
            among = [] if column.name.lower() in aliases else list(named.values())
        if among and not any(_has(entity, column.name) for entity in among):
            among[0].fields.append(EntityField(name=column.name, type="text"))
    return believed


def _has(entity: Entity, name: str) -> bool:
    return any(field.name.lower() == name.lower() for field in entity.fields)
