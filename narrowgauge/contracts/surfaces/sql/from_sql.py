"""Maps SQL that people wrote into the contract, for training and evaluation.

Gold queries come in many styles: aliases, comma joins, join conditions in WHERE, values in double quotes,
letter case that differs from the schema. What the contract has no place for is refused with the reason.
"""

from __future__ import annotations

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from narrowgauge.contracts.closed_sets import closed_sets_of
from narrowgauge.contracts.surfaces.sql.gold_expressions import Expressions
from narrowgauge.contracts.surfaces.sql.gold_scope import GoldScope, refuse
from narrowgauge.contracts.surfaces.sql.shape import check_shape
from narrowgauge.contracts.surfaces.sql.tables import Table, tables_of
from narrowgauge.contracts.validate import violations
from narrowgauge.errors import InvalidRequest, Unsupported
from narrowgauge.tools.sql.v1 import sql_pb2
from narrowgauge.v1 import catalogue_pb2

__all__ = ["from_sql"]

_SET_OPERATORS: dict[type[exp.Expr], sql_pb2.SetOperator.ValueType] = {
    exp.Union: sql_pb2.SET_OPERATOR_UNION,
    exp.Intersect: sql_pb2.SET_OPERATOR_INTERSECT,
    exp.Except: sql_pb2.SET_OPERATOR_EXCEPT,
}


def from_sql(
    sql: str, catalogue: catalogue_pb2.Catalogue, *, dialect: str = "sqlite"
) -> sql_pb2.QueryRequest:
    """Maps one SELECT statement.

    Args:
        sql: The statement.
        catalogue: The tables that it is about; names are matched without regard to case.
        dialect: The dialect that it is written in, as sqlglot calls it.

    Returns:
        A valid request that the surface can write.

    Raises:
        Unsupported: The statement cannot be read, or says something that the contract or its text cannot; the
            message says what.
    """
    try:
        statement = sqlglot.parse_one(sql.strip().rstrip("; "), read=dialect)
    except (SqlglotError, ValueError) as error:
        raise Unsupported("SQL_NOT_MAPPED", f"not a statement: {error}") from error
    request = sql_pb2.QueryRequest()
    _Mapper(tables_of(closed_sets_of(catalogue))).query(statement, request.query)
    if found := violations(request):
        raise Unsupported("SQL_NOT_MAPPED", "; ".join(f"{path}: {text}" for path, text in found))
    try:
        check_shape(request)
    except InvalidRequest as error:
        raise Unsupported("SQL_NOT_MAPPED", error.message) from error
    return request


class _Mapper:
    """Maps the parts of a statement that hold a query."""

    def __init__(self, tables: tuple[Table, ...]) -> None:
        self._tables = tables

    def query(self, statement: exp.Expr, query: sql_pb2.Query) -> None:
        """Maps a SELECT or a set operation."""
        statement = _bare(statement)
        if isinstance(statement, exp.SetOperation):
            operator = _SET_OPERATORS[type(statement)]
            if operator == sql_pb2.SET_OPERATOR_UNION and not statement.args.get("distinct"):
                operator = sql_pb2.SET_OPERATOR_UNION_ALL
            sides = (_bare(statement.this), _bare(statement.expression))
            if any(statement.args.get(key) for key in ("order", "limit", "offset", "with_", "with")) or any(
                side.args.get(key) for side in sides for key in ("order", "limit", "offset")
            ):
                refuse("a set operation with ORDER BY or LIMIT")
            self.select(sides[0], query.select)
            query.combine.operator = operator
            self.select(sides[1], query.combine.select)
            return
        scope = self.select(statement, query.select)
        expressions = Expressions(scope, self.query)
        order = statement.args.get("order")
        for ordered in order.expressions if order else ():
            key = query.order_by.add()
            expressions.value(scope.output(ordered.this), key.expression)
            key.descending = bool(ordered.args.get("desc"))
        if limit := statement.args.get("limit"):
            query.limit = _count(limit.expression)
        if (offset := statement.args.get("offset")) and (skipped := _count(offset.expression)):
            query.offset = skipped

    def select(self, statement: exp.Expr, select: sql_pb2.Select) -> GoldScope:
        """Maps one SELECT."""
        if not isinstance(statement, exp.Select):
            refuse(f"a statement {statement.key.upper()}")
        for part in (
            "with_",
            "with",
            "windows",
            "qualify",
            "distribute",
            "sort",
            "cluster",
            "laterals",
            "pivots",
        ):
            if statement.args.get(part):
                refuse(f"the clause {part.strip('_').upper()}")
        scope = self._scope(statement, select)
        expressions = Expressions(scope, self.query)
        if distinct := statement.args.get("distinct"):
            if distinct.args.get("on"):
                refuse("DISTINCT ON")
            select.distinct = True
        self._columns(statement, select, scope, expressions)
        where = statement.args.get("where")
        conditions = [*scope.extra_conditions, *scope.without_keys(where.this if where else None)]
        if conditions:
            expressions.condition(exp.and_(*conditions, copy=True), select.where)
        group = statement.args.get("group")
        for key in group.expressions if group else ():
            expressions.value(scope.output(key), select.group_by.add())
        if having := statement.args.get("having"):
            expressions.condition(scope.with_outputs(having.this), select.having)
        return scope

    def _scope(self, statement: exp.Select, select: sql_pb2.Select) -> GoldScope:
        source = statement.args.get("from_") or statement.args.get("from")
        if source is None:
            refuse("a SELECT without FROM")
        joins = statement.args.get("joins") or []
        if isinstance(source.this, exp.Subquery):
            if joins:
                refuse("a derived table with joins")
            inner = _bare(source.this)
            only_counted = all(
                isinstance(column, exp.Count) and isinstance(column.this, exp.Star)
                for column in statement.expressions
            )
            if only_counted and isinstance(inner, exp.Select) and inner.is_star:
                inner = _with_one_column(inner)
            self.query(inner, select.derived)
            return GoldScope.of_derived(statement, source.this.alias, inner)
        scope = GoldScope(statement, self._tables)
        scope.read_tables(source.this, joins, select)
        return scope

    def _columns(
        self, statement: exp.Select, select: sql_pb2.Select, scope: GoldScope, expressions: Expressions
    ) -> None:
        for column in statement.expressions:
            value = column.this if isinstance(column, exp.Alias) else column
            if isinstance(value, exp.Star):
                if len(statement.expressions) > 1:
                    refuse("* beside other columns")
                select.all_columns = True
            elif isinstance(value, exp.Column) and isinstance(value.this, exp.Star):
                for name in scope.columns_of(value.table):
                    expressions.value(exp.column(name, table=value.table, quoted=True), select.columns.add())
            else:
                expressions.value(value, select.columns.add())


def _bare(statement: exp.Expr) -> exp.Expr:
    while isinstance(statement, exp.Subquery | exp.Paren):
        statement = statement.this
    return statement


def _with_one_column(inner: exp.Select) -> exp.Select:
    """Selects a group's key, or else a constant column, in place of *: only the rows are counted."""
    group = inner.args.get("group")
    if not group:
        refuse("COUNT(*) over SELECT * without groups")
    result = inner.copy()
    result.set("expressions", [group.expressions[0].copy()])
    return result


def _count(value: exp.Expr) -> int:
    if not isinstance(value, exp.Literal) or not value.is_int:
        refuse("LIMIT or OFFSET with anything but a number")
    return int(value.this)
