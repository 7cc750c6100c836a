"""Runs SOQL: a syntax tree to SQL over the organisation's tables, rows to records in Salesforce's shape."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from tool_svc.salesforce.local_server.faults import Fault, at
from tool_svc.salesforce.local_server.schema import Field, ObjectType, Schema
from tool_svc.salesforce.local_server.soql_columns import ADVICE, Column, Source, quoted
from tool_svc.salesforce.local_server.soql_conditions import Conditions, function_sql
from tool_svc.salesforce.local_server.soql_syntax import parse_soql
from tool_svc.salesforce.local_server.soql_tree import (
    AGGREGATES,
    Expression,
    Order,
    Query,
    SemiJoin,
    SubSelect,
)

__all__ = ["Answer", "run_soql"]

Record = dict[str, Any]
_MAX_OFFSET = 2000
_ADDRESS_PARTS = ("Street", "City", "State", "PostalCode", "Country")


@dataclass(frozen=True)
class Answer:
    """All records of a query. `total` differs from their number for `COUNT()` alone."""

    records: list[Record]
    total: int


def run_soql(
    connection: sqlite3.Connection,
    schema: Schema,
    soql: str,
    *,
    today: date,
    version: str,
    include_deleted: bool = False,
) -> Answer:
    """Runs a query.

    Args:
        connection: The organisation's database.
        schema: Its objects.
        soql: The query.
        today: What date literals refer to.
        version: API version that appears in the records' addresses.
        include_deleted: Show deleted records too.

    Raises:
        Fault: The query is malformed, or names what does not exist.
    """
    query = parse_soql(soql)
    root = schema.object(query.object_name)
    if root is None:
        raise at(
            soql,
            query.object_position,
            "INVALID_TYPE",
            f"sObject type '{query.object_name}' is not supported. If you are attempting to use a custom "
            f"object, be sure to append the '__c' after the entity name. {ADVICE}",
        )
    run = _Run(connection, schema, soql, today, version, include_deleted)
    return run.query(query, root, None)


@dataclass
class _Run:
    connection: sqlite3.Connection
    schema: Schema
    soql: str
    today: date
    version: str
    include_deleted: bool
    nested: int = 0

    def query(self, query: Query, root: ObjectType, parent: tuple[str, str] | None) -> Answer:
        """Runs one level; `parent` is the field and id that a child sub-query is bound to."""
        source = Source(self.schema, self.soql, root, query.alias)
        aggregated = bool(query.group_by) or any(
            isinstance(item, Expression) and item.function in AGGREGATES for item in query.select
        )
        if query.offset > _MAX_OFFSET:
            raise Fault(400, "NUMBER_OUTSIDE_VALID_RANGE", f"Maximum SOQL offset allowed is {_MAX_OFFSET}")
        if _is_count(query):
            return self._count(query, source)
        return self._aggregate(query, source) if aggregated else self._rows(query, source, parent)

    def _count(self, query: Query, source: Source) -> Answer:
        parameters: list[object] = []
        where = self._where(query, source, None, parameters)
        limit = f" LIMIT {query.limit}" if query.limit is not None else ""
        inner = f"SELECT 1 FROM {source.sql} WHERE {where}{limit}"  # noqa: S608 - built from the schema's names
        (total,) = self.connection.execute(f"SELECT COUNT(*) FROM ({inner})", parameters).fetchone()  # noqa: S608
        return Answer([], total)

    def _rows(self, query: Query, source: Source, parent: tuple[str, str] | None) -> Answer:
        items = [part for item in query.select for part in self._expanded(item, query, source.root)]
        columns: list[Column | SubSelect] = []
        for item in items:
            if isinstance(item, SubSelect):
                columns.append(item)
                continue
            if item.alias:
                raise at(
                    self.soql,
                    item.position,
                    "MALFORMED_QUERY",
                    "only aggregate expressions use field aliasing",
                )
            if item.function:
                raise at(self.soql, item.position, "MALFORMED_QUERY", f"{item.text} needs a GROUP BY clause")
            columns.append(source.column(item))
        order = self._order(query.order_by, source, None)
        parameters: list[object] = []
        where = self._where(query, source, parent, parameters)
        selected = [f'{source.table}."Id"']
        selected += [column.sql for column in columns if isinstance(column, Column) and _stored(column)]
        wanted = {
            column.path[:-1] for column in columns if isinstance(column, Column) and len(column.path) > 1
        }
        prefixes = sorted({path[: end + 1] for path in wanted for end in range(len(path))})
        for prefix in prefixes:
            selected += [source.parents[prefix].id_sql, source.parents[prefix].type_sql]
        sql = (
            f"SELECT {', '.join(selected)} FROM {source.sql} WHERE {where} "  # noqa: S608
            f'ORDER BY {order}{source.table}."Id"{_limits(query)}'
        )
        records: list[Record] = []
        for row in self.connection.execute(sql, parameters).fetchall():
            values = iter(row)
            key = next(values)
            record = self._head(source.root.name, key)
            plain = [next(values) if not isinstance(c, SubSelect) and _stored(c) else None for c in columns]
            parents = {prefix: (next(values), next(values)) for prefix in prefixes}
            for column, value in zip(columns, plain, strict=True):
                if isinstance(column, SubSelect):
                    name, children = self._children(column.query, source.root, key)
                    record[name] = children
                elif column.field.type == "address":
                    record[column.field.name] = self._address(source.root, column.field, key)
                else:
                    self._place(record, column, value, parents)
            records.append(record)
        return Answer(records, len(records))

    def _aggregate(self, query: Query, source: Source) -> Answer:
        groups = self._groups(query, source)
        names: list[str] = []
        selected: list[str] = []
        fields: list[tuple[Expression, Field | None]] = []
        for item in query.select:
            if isinstance(item, SubSelect):
                raise Fault(400, "MALFORMED_QUERY", "a grouped query cannot have child sub-queries")
            if item.function == "COUNT" and not item.path:
                raise at(self.soql, item.position, "MALFORMED_QUERY", "Grouped query cannot use COUNT()")
            column = source.column(item)
            if item.function not in AGGREGATES and item.key not in groups:
                raise at(
                    self.soql,
                    item.position,
                    "MALFORMED_QUERY",
                    f"Field must be grouped or aggregated: {item.text}",
                )
            unnamed = sum(name.startswith("expr") for name in names)
            name = item.alias or (f"expr{unnamed}" if item.function else column.field.name)
            if name.lower() in (known.lower() for known in names):
                raise at(self.soql, item.position, "MALFORMED_QUERY", f"duplicate alias: {name}")
            names.append(name)
            selected.append(function_sql(self.soql, item, column))
            fields.append((item, column.field))
        order = self._order(query.order_by, source, groups)
        parameters: list[object] = []
        where = self._where(query, source, None, parameters)
        having = ""
        if query.having is not None:
            conditions = self._conditions(source, groups)
            having = f" HAVING {conditions.sql(query.having, parameters)}"
        grouped = f" GROUP BY {', '.join(groups.values())}" if groups else ""
        if groups:
            order += ", ".join(groups.values())
        ordered = f" ORDER BY {order}" if order else ""
        sql = (
            f"SELECT {', '.join(selected)} FROM {source.sql} WHERE {where}"  # noqa: S608
            f"{grouped}{having}{ordered}{_limits(query)}"
        )
        records: list[Record] = []
        for row in self.connection.execute(sql, parameters).fetchall():
            record: Record = {"attributes": {"type": "AggregateResult"}}
            for name, value, (item, field) in zip(names, row, fields, strict=True):
                keeps_type = field is not None and item.function in ("", "MIN", "MAX")
                record[name] = _json_value(field, value) if keeps_type and field is not None else value
            records.append(record)
        return Answer(records, len(records))

    def _groups(self, query: Query, source: Source) -> dict[tuple[str, str], str]:
        groups: dict[tuple[str, str], str] = {}
        for key in query.group_by:
            column = source.column(key)
            if key.function in AGGREGATES or not (key.function or column.field.groupable):
                raise at(
                    self.soql,
                    key.position,
                    "MALFORMED_QUERY",
                    f"field '{column.field.name}' can not be grouped in a query call",
                )
            groups[key.key] = function_sql(self.soql, key, column) + _collation(key, column.field)
        return groups

    def _where(
        self, query: Query, source: Source, parent: tuple[str, str] | None, parameters: list[object]
    ) -> str:
        tests = ["1"] if self.include_deleted else [f'{source.table}."IsDeleted" = 0']
        if parent is not None:
            tests.append(f"{source.table}.{quoted(parent[0])} = ?")
            parameters.append(parent[1])
        if query.where is not None:
            tests.append(self._conditions(source, None).sql(query.where, parameters))
        return " AND ".join(tests)

    def _conditions(self, source: Source, groups: dict[tuple[str, str], str] | None) -> Conditions:
        def column(expression: Expression) -> Column:
            if groups is None and expression.function in AGGREGATES:
                raise at(
                    self.soql,
                    expression.position,
                    "MALFORMED_QUERY",
                    f"Aggregate expressions are not allowed in WHERE: {expression.text}",
                )
            if groups is not None and expression.function not in AGGREGATES and expression.key not in groups:
                raise at(
                    self.soql,
                    expression.position,
                    "MALFORMED_QUERY",
                    f"Field must be grouped or aggregated: {expression.text}",
                )
            return source.column(expression)

        return Conditions(self.soql, self.today, column, self._semi_join)

    def _semi_join(self, join: SemiJoin) -> tuple[str, list[object]]:
        query = join.query
        root = self.schema.object(query.object_name)
        if root is None:
            raise at(
                self.soql,
                query.object_position,
                "INVALID_TYPE",
                f"sObject type '{query.object_name}' is not supported.",
            )
        item = query.select[0]
        if len(query.select) != 1 or isinstance(item, SubSelect) or item.function or query.group_by:
            raise at(
                self.soql,
                query.object_position,
                "MALFORMED_QUERY",
                "a semi-join sub-query selects one field and does not group",
            )
        self.nested += 1
        source = Source(self.schema, self.soql, root, query.alias, prefix=f"s{self.nested}_")
        column = source.column(item)
        if column.field.type not in ("id", "reference"):
            raise at(
                self.soql,
                item.position,
                "MALFORMED_QUERY",
                f"The inner select field '{item.text}' cannot have more than one level of relationships or "
                "another type than id or reference",
            )
        parameters: list[object] = []
        where = self._where(query, source, None, parameters)
        sql = f"SELECT {column.sql} FROM {source.sql} WHERE {where} AND {column.sql} IS NOT NULL"  # noqa: S608
        return sql + _limits(query), parameters

    def _order(self, keys: Sequence[Order], source: Source, groups: dict[tuple[str, str], str] | None) -> str:
        parts: list[str] = []
        for key in keys:
            column = source.column(key.by)
            grouped = groups is None or key.by.function in AGGREGATES or key.by.key in groups
            if not grouped:
                raise at(
                    self.soql,
                    key.by.position,
                    "MALFORMED_QUERY",
                    f"Ordered field must be grouped or aggregated: {key.by.text}",
                )
            if key.by.function not in AGGREGATES and not column.field.sortable:
                raise at(
                    self.soql,
                    key.by.position,
                    "MALFORMED_QUERY",
                    f"field '{column.field.name}' can not be sorted in a query call",
                )
            if groups is None and key.by.function in AGGREGATES:
                raise at(
                    self.soql, key.by.position, "MALFORMED_QUERY", f"{key.by.text} needs a grouped query"
                )
            direction = "DESC" if key.descending else "ASC"
            nulls = "LAST" if key.nulls_last else "FIRST"
            value = function_sql(self.soql, key.by, column) + _collation(key.by, column.field)
            parts.append(f"{value} {direction} NULLS {nulls}, ")
        order = "".join(parts)
        return order if groups is None or groups else order.removesuffix(", ")

    def _expanded(
        self, item: Expression | SubSelect, query: Query, root: ObjectType
    ) -> list[Expression | SubSelect]:
        if isinstance(item, SubSelect) or item.function != "FIELDS":
            return [item]
        which = item.path[0].upper()
        if which not in ("ALL", "STANDARD", "CUSTOM"):
            raise at(self.soql, item.position, "MALFORMED_QUERY", f"unexpected token: '{item.path[0]}'")
        if which != "STANDARD" and (query.limit is None or query.limit > 200):
            raise at(
                self.soql,
                item.position,
                "MALFORMED_QUERY",
                f"The SOQL FIELDS function must have a LIMIT of at most 200: FIELDS({which})",
            )
        chosen = [field for field in root.fields if which == "ALL" or field.custom == (which == "CUSTOM")]
        return [Expression((field.name,), "", item.position) for field in chosen]

    def _children(self, query: Query, root: ObjectType, key: str) -> tuple[str, Record | None]:
        child = root.child(query.object_name.split(".")[-1])
        entry = self.schema.object(child[0]) if child else None
        if child is None or entry is None:
            raise at(
                self.soql,
                query.object_position,
                "INVALID_TYPE",
                f"Didn't understand relationship '{query.object_name}' in FROM part of query call. If you "
                "are attempting to use a custom relationship, be sure to append the '__r' after the custom "
                f"relationship name. {ADVICE}",
            )
        answer = self.query(query, entry, (child[1], key))
        if not answer.records:
            return query.object_name, None
        body = {"totalSize": answer.total, "done": True, "records": answer.records}
        return query.object_name, body

    def _address(self, root: ObjectType, field: Field, key: str) -> Record | None:
        prefix = field.name.removesuffix("Address")
        parts = [part for part in _ADDRESS_PARTS if root.field(prefix + part) is not None]
        names = ", ".join(quoted(prefix + part) for part in parts)
        sql = f'SELECT {names} FROM {quoted(root.name)} WHERE "Id" = ?'  # noqa: S608
        row = self.connection.execute(sql, (key,)).fetchone()
        if all(value is None for value in row):
            return None
        return {part[0].lower() + part[1:]: value for part, value in zip(parts, row, strict=True)}

    def _head(self, name: str, key: str) -> Record:
        url = f"/services/data/v{self.version}/sobjects/{name}/{key}"
        return {"attributes": {"type": name, "url": url}}

    def _place(
        self,
        record: Record,
        column: Column,
        value: object,
        parents: dict[tuple[str, ...], tuple[str | None, str | None]],
    ) -> None:
        """Puts a value at its path; a parent that is missing is null as a whole."""
        target = record
        for depth in range(1, len(column.path)):
            prefix = column.path[:depth]
            key, name = parents[prefix]
            if key is None or name is None:
                target[prefix[-1]] = None
                return
            if not target.get(prefix[-1]):
                target[prefix[-1]] = self._head(name, key)
            target = target[prefix[-1]]
        target[column.path[-1]] = _json_value(column.field, value)


def _is_count(query: Query) -> bool:
    item = query.select[0]
    return (
        len(query.select) == 1
        and isinstance(item, Expression)
        and (item.function, item.path) == ("COUNT", ())
        and not query.group_by
    )


def _stored(column: Column) -> bool:
    return column.field.type != "address"


def _collation(expression: Expression, field: Field) -> str:
    return " COLLATE NOCASE" if field.is_text and expression.function in ("", "MIN", "MAX") else ""


def _limits(query: Query) -> str:
    if query.limit is None and not query.offset:
        return ""
    return f" LIMIT {-1 if query.limit is None else query.limit} OFFSET {query.offset}"


def _json_value(field: Field, value: Any) -> Any:
    if value is None:
        return None
    return bool(value) if field.type == "boolean" else value
