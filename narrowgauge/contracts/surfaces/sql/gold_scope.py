"""The tables and columns that a SELECT which people wrote sees."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NoReturn

from sqlglot import exp

from narrowgauge.contracts.surfaces.sql.scope import Source
from narrowgauge.contracts.surfaces.sql.tables import Column, Table
from narrowgauge.errors import Unsupported
from narrowgauge.tools.sql.v1 import sql_pb2

__all__ = ["GoldScope", "refuse"]

_KEYS = 4


def refuse(what: str) -> NoReturn:
    """Raises the error for what cannot be mapped."""
    raise Unsupported("SQL_NOT_MAPPED", f"{what} cannot be mapped")


class GoldScope:
    """Resolves names as SQLite does: without regard to case, and a quoted name that no column has is a text.

    Attributes:
        extra_conditions: Conditions of joins that are no keys; they belong to WHERE.
    """

    def __init__(self, statement: exp.Select, tables: Iterable[Table]) -> None:
        self._tables = {table.name.lower(): table for table in tables}
        self._sources: list[tuple[str, Source, Table]] = []
        self._outputs = _named_outputs(statement)
        self._positions = list(statement.expressions)
        self._derived: list[str] = []
        self._derived_alias = ""
        self._keys_of_where: list[exp.Expr] = []
        self.extra_conditions: list[exp.Expr] = []

    @classmethod
    def of_derived(cls, statement: exp.Select, alias: str, inner: exp.Expr) -> GoldScope:
        """Scope of a SELECT from a derived table."""
        scope = cls(statement, ())
        while isinstance(inner, exp.SetOperation):
            inner = inner.this
        scope._derived = [column.alias_or_name.lower() for column in inner.expressions]
        scope._derived_alias = alias.lower()
        return scope

    def read_tables(self, first: exp.Expr, joins: list[exp.Join], select: sql_pb2.Select) -> None:
        """Reads FROM into a SELECT, with join keys wherever they were written."""
        select.table = self._add(first)
        kinds = []
        equalities: list[exp.Expr] = []
        for join in joins:
            if join.args.get("method") or join.side in ("RIGHT", "FULL"):
                refuse(f"{join.args.get('method') or join.side} JOIN")
            left = join.side == "LEFT"
            table = self._add(join.this)
            kinds.append(left)
            select.joins.add(table=table)
            own = list(_conjuncts(join.args.get("on")))
            own += [self._using(name.name) for name in join.args.get("using") or ()]
            if left:
                for condition in own:
                    if not self._take_key(condition, select, only=len(self._sources) - 1):
                        refuse("LEFT JOIN with a condition that is no key")
            else:
                equalities += own
        for condition in equalities:
            if not self._take_key(condition, select):
                self.extra_conditions.append(condition)
        where = select_where(joins, first)
        for condition in _conjuncts(where):
            pair = self._pair(condition)
            if pair and not select.joins[pair[1] - 1].on and not kinds[pair[1] - 1]:
                self._take_key(condition, select)
                self._keys_of_where.append(condition)
        for mapped, left in zip(select.joins, kinds, strict=True):
            if left and not mapped.on:
                refuse("LEFT JOIN without a key")
            mapped.kind = sql_pb2.JOIN_KIND_LEFT if left else sql_pb2.JOIN_KIND_INNER
            if not mapped.on:
                mapped.kind = sql_pb2.JOIN_KIND_CROSS
        # Conditions that tests of truth leave behind say nothing.
        self.extra_conditions = [c for c in self.extra_conditions if not _is_true(c)]

    def without_keys(self, where: exp.Expr | None) -> list[exp.Expr]:
        """Conjuncts of WHERE that did not become join keys."""
        taken = {id(condition) for condition in self._keys_of_where}
        return [condition for condition in _conjuncts(where) if id(condition) not in taken]

    def resolve(self, column: exp.Column) -> tuple[str, int, Column] | int | None:
        """Finds a column.

        Returns:
            `table.column`, the instance and what is known of it; or the position in the derived table; or
            None for a quoted name that no column has.
        """
        name, qualifier = column.name.lower(), column.table.lower()
        if name in self._derived and qualifier in ("", self._derived_alias):
            return self._derived.index(name) + 1
        for alias, source, table in self._sources:
            if qualifier and qualifier not in (
                alias,
                *((table.name.lower(),) if source.instance == 0 else ()),
            ):
                continue
            for known in table.columns:
                if known.name.lower() == name:
                    return f"{table.name}.{known.name}", source.instance, known
        if column.this.args.get("quoted") and not qualifier:
            return None
        refuse(f"the column {column.sql()}, which no table of its SELECT has,")

    def columns_of(self, alias: str) -> list[str]:
        """Columns of one of the tables."""
        for name, source, table in self._sources:
            if alias.lower() in (name, table.name.lower() if source.instance == 0 else name):
                return [column.name for column in table.columns]
        refuse(f"{alias}.*")

    def output(self, expression: exp.Expr) -> exp.Expr:
        """Replaces the name or number of a selected value by the value."""
        if isinstance(expression, exp.Literal) and expression.is_int:
            position = int(expression.this)
            if not 1 <= position <= len(self._positions):
                refuse(f"the column number {position}")
            value: exp.Expr = self._positions[position - 1]
            return value.this if isinstance(value, exp.Alias) else value
        if isinstance(expression, exp.Column) and not expression.table:
            return self._outputs.get(expression.name.lower(), expression)
        return expression

    def with_outputs(self, condition: exp.Expr) -> exp.Expr:
        """Replaces names of selected values within a condition."""
        if not self._outputs:
            return condition
        return condition.transform(
            lambda node: self.output(node).copy() if isinstance(node, exp.Column) else node
        )

    def _add(self, node: exp.Expr) -> str:
        if not isinstance(node, exp.Table):
            refuse("a derived table among other tables")
        table = self._tables.get(node.name.lower())
        if table is None:
            refuse(f"the table {node.name}, which the catalogue lacks,")
        earlier = Counter(source.table for _, source, _ in self._sources)[table.name]
        alias = (node.alias or node.name).lower()
        self._sources.append((alias, Source(table.name, earlier + 1 if earlier else 0), table))
        return table.name

    def _using(self, name: str) -> exp.Expr:
        right = self._sources[-1]
        for alias, _, table in reversed(self._sources[:-1]):
            if any(column.name.lower() == name.lower() for column in table.columns):
                return exp.column(name, table=alias).eq(exp.column(name, table=right[0]))
        refuse(f"USING ({name})")

    def _pair(self, condition: exp.Expr) -> tuple[int, int, str, str] | None:
        """Earlier and later table of a join key, with their columns."""
        if not isinstance(condition, exp.EQ):
            return None
        found = []
        for side in (condition.this, condition.expression):
            place = self.resolve(side) if isinstance(side, exp.Column) else None
            if not isinstance(place, tuple):
                return None
            position = next(
                index
                for index, (_, source, _) in enumerate(self._sources)
                if place[0].startswith(source.table + ".") and source.instance == place[1]
            )
            found.append((position, place[0]))
        found.sort()
        (first, left), (second, right) = found
        return (first, second, left, right) if first != second else None

    def _take_key(self, condition: exp.Expr, select: sql_pb2.Select, only: int | None = None) -> bool:
        pair = self._pair(condition)
        if pair is None or (only is not None and pair[1] != only):
            return False
        join = select.joins[pair[1] - 1]
        if len(join.on) == _KEYS:
            return False
        join.on.add(left=pair[2], left_instance=self._sources[pair[0]][1].instance, right=pair[3])
        return True


def select_where(joins: list[exp.Join], first: exp.Expr) -> exp.Expr | None:
    """The WHERE of the SELECT that a FROM belongs to, when it has joins."""
    statement = first.find_ancestor(exp.Select)
    where = statement.args.get("where") if statement and joins else None
    return where.this if where else None


def _named_outputs(statement: exp.Select) -> dict[str, exp.Expr]:
    return {
        column.alias.lower(): column.this for column in statement.expressions if isinstance(column, exp.Alias)
    }


def _conjuncts(condition: exp.Expr | None) -> Iterator[exp.Expr]:
    if isinstance(condition, exp.And):
        yield from _conjuncts(condition.this)
        yield from _conjuncts(condition.expression)
    elif isinstance(condition, exp.Paren) and isinstance(condition.this, exp.And | exp.Paren):
        yield from _conjuncts(condition.this)
    elif condition is not None:
        yield condition


def _is_true(condition: exp.Expr) -> bool:
    return isinstance(condition, exp.Boolean) and bool(condition.this)
