"""Reads canonical SQL text as a request: strict recursive descent over the one way to write each thing.

One thing more is read: the columns of a single table without it, as people and examples write them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from narrowgauge.contracts.surfaces.sql.cursor import INTEGER_PATTERN
from narrowgauge.contracts.surfaces.sql.parse_conditions import ConditionReader
from narrowgauge.contracts.surfaces.sql.scope import Scope
from narrowgauge.contracts.surfaces.sql.words import (
    JOINS,
    SET_OPERATORS,
    UNANSWERABLE,
    derived_column,
    identifier,
)
from narrowgauge.errors import InvalidRequest
from narrowgauge.tools.sql.v1 import sql_pb2

__all__ = ["parse_request"]

# What can stand between SELECT and the FROM of the same query.
_ITEM = re.compile(r""" FROM |[()]|'(?:[^']|'')*'|"(?:[^"]|"")*"|[^()'" ]+| """)


def parse_request(text: str, columns: Mapping[str, Sequence[str]]) -> sql_pb2.QueryRequest:
    """Reads a request.

    Args:
        text: Canonical SQL text.
        columns: Column names by table; other names are refused.

    Raises:
        InvalidRequest: The text is not canonical SQL over these tables, with the place in its message.
    """
    if text == UNANSWERABLE:
        return sql_pb2.QueryRequest(unanswerable=True)
    parser = _Parser(text, {table: frozenset(names) for table, names in columns.items()})
    request = sql_pb2.QueryRequest()
    parser.query(request.query)
    if parser.at != len(text):
        parser.expected("the end")
    return request


class _Parser(ConditionReader):
    """Methods read one part each, into the message that they are given."""

    def query(self, query: sql_pb2.Query, *, derived: bool = False) -> None:
        """Reads a query."""
        self.enter()
        scope = self.select(query.select, derived=derived)
        # The longest word first: UNION ALL before UNION.
        for operator, word in sorted(SET_OPERATORS.items(), key=lambda item: -len(item[1])):
            if self.take(word):
                query.combine.operator = operator
                self.select(query.combine.select)
                break
        if self.take(" ORDER BY "):
            self.series(lambda: self.order_key(query.order_by.add(), scope))
        if self.take(" LIMIT "):
            query.limit = self.count()
            if self.take(" OFFSET "):
                query.offset = self.count()
        self.nesting -= 1

    def order_key(self, key: sql_pb2.OrderKey, scope: Scope) -> None:
        """Reads a sort key."""
        self.expression(key.expression, scope)
        key.descending = self.take(" DESC")

    def count(self) -> int:
        """Reads a row count."""
        text = self.match(INTEGER_PATTERN)
        if text is None or not 1 <= int(text) <= 1000:
            self.expected("a number from 1 to 1000")
        return int(text)

    def select(self, select: sql_pb2.Select, *, derived: bool = False) -> Scope:
        """Reads a SELECT. Its tables are read first: they say what its columns mean."""
        self.need("SELECT ")
        select.distinct = self.take("DISTINCT ")
        begin = self.at
        self.skip_to_from()
        tables_at = self.at
        self.need(" FROM ")
        scope = self.tables(select)
        end, self.at = self.at, begin
        if self.take("*"):
            select.all_columns = True
        else:
            self.series(lambda: self.output(select, scope, derived=derived))
        if self.at != tables_at:
            self.expected("' FROM '")
        self.at = end
        if self.take(" WHERE "):
            self.condition(select.where, scope)
        if self.take(" GROUP BY "):
            self.series(lambda: self.expression(select.group_by.add(), scope))
            if self.take(" HAVING "):
                self.condition(select.having, scope)
        return scope

    def skip_to_from(self) -> None:
        """Goes to the FROM that belongs to the SELECT here."""
        depth = 0
        while (found := _ITEM.match(self.text, self.at)) and not (found[0] == " FROM " and depth == 0):
            depth += {"(": 1, ")": -1}.get(found[0], 0)
            self.at = found.end()

    def output(self, select: sql_pb2.Select, scope: Scope, *, derived: bool) -> None:
        """Reads a selected column."""
        self.expression(select.columns.add(), scope)
        if derived:
            self.need(f" AS {derived_column(len(select.columns))}")

    def tables(self, select: sql_pb2.Select) -> Scope:
        """Reads what follows FROM."""
        if self.take("("):
            self.query(select.derived, derived=True)
            self.need(") AS d")
            return Scope(derived_columns=len(select.derived.select.columns))
        scope = Scope()
        select.table = self.table(scope)
        while kind := next((kind for kind, word in JOINS.items() if self.take(word)), None):
            join = select.joins.add(kind=kind)
            earlier = Scope(list(scope.sources))
            join.table = self.table(scope)
            if kind != sql_pb2.JOIN_KIND_CROSS:
                self.need(" ON ")
                self.join_key(join.on.add(), earlier, scope)
                while self.take(" AND "):
                    self.join_key(join.on.add(), earlier, scope)
        return scope

    def table(self, scope: Scope) -> str:
        """Reads a table into a scope."""
        at = self.at
        table = self.name()
        if table not in self.columns:
            raise InvalidRequest("UNKNOWN_TABLE", f"at character {at}: there is no table {table}")
        source = scope.add(table)
        if source.instance:
            self.need(f" AS {identifier(source.name)}")
        return table

    def join_key(self, key: sql_pb2.JoinKey, earlier: Scope, scope: Scope) -> None:
        """Reads `earlier_table.column = joined_table.column`."""
        joined = scope.sources[-1]
        at = self.at
        qualifier = self.name()
        self.need(".")
        name = self.name()
        if qualifier == joined.name:
            self.at = at
            self.expected("a column of an earlier table")
        key.left, key.left_instance = earlier.read(qualifier, name)
        self.known(key.left, name, at)
        self.need(f" = {identifier(joined.name)}.")
        at = self.at
        name = self.name()
        key.right = f"{joined.table}.{name}"
        self.known(key.right, name, at)
