"""A structured query as a statement with bound parameters: sqlglot's syntax tree, never pasted text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from google.protobuf.message import Message
from sqlglot import exp

from narrowgauge.contracts.surfaces.sql.scope import Scope, Source
from narrowgauge.errors import InvalidRequest
from narrowgauge.tools.sql.v1 import sql_pb2 as pb
from tool_svc.sql.functions import scalar_function

__all__ = ["MAX_LEVELS", "Dialect", "Parameter", "Statement", "statement_of"]

MAX_LEVELS = 2
"""Queries inside one another, within the outermost."""

Dialect = Literal["sqlite", "postgres"]
Parameter = str | int | float | bool

_COMPARATORS: dict[int, type[exp.Binary]] = {
    pb.COMPARATOR_EQUAL: exp.EQ,
    pb.COMPARATOR_NOT_EQUAL: exp.NEQ,
    pb.COMPARATOR_LESS: exp.LT,
    pb.COMPARATOR_LESS_OR_EQUAL: exp.LTE,
    pb.COMPARATOR_GREATER: exp.GT,
    pb.COMPARATOR_GREATER_OR_EQUAL: exp.GTE,
}
_AGGREGATES: dict[int, type[exp.AggFunc]] = {
    pb.AGGREGATE_FUNCTION_COUNT: exp.Count,
    pb.AGGREGATE_FUNCTION_SUM: exp.Sum,
    pb.AGGREGATE_FUNCTION_AVG: exp.Avg,
    pb.AGGREGATE_FUNCTION_MIN: exp.Min,
    pb.AGGREGATE_FUNCTION_MAX: exp.Max,
}
_AGGREGATE_NAMES = {
    pb.AGGREGATE_FUNCTION_COUNT: "count",
    pb.AGGREGATE_FUNCTION_SUM: "sum",
    pb.AGGREGATE_FUNCTION_AVG: "avg",
    pb.AGGREGATE_FUNCTION_MIN: "min",
    pb.AGGREGATE_FUNCTION_MAX: "max",
}
_ARITHMETIC: dict[int, type[exp.Binary]] = {
    pb.ARITHMETIC_OPERATOR_ADD: exp.Add,
    pb.ARITHMETIC_OPERATOR_SUBTRACT: exp.Sub,
    pb.ARITHMETIC_OPERATOR_MULTIPLY: exp.Mul,
    pb.ARITHMETIC_OPERATOR_DIVIDE: exp.Div,
}
_SET_OPERATORS: dict[int, tuple[type[exp.SetOperation], bool]] = {
    pb.SET_OPERATOR_UNION: (exp.Union, True),
    pb.SET_OPERATOR_UNION_ALL: (exp.Union, False),
    pb.SET_OPERATOR_INTERSECT: (exp.Intersect, True),
    pb.SET_OPERATOR_EXCEPT: (exp.Except, True),
}
_JOINS = {pb.JOIN_KIND_INNER: "", pb.JOIN_KIND_LEFT: "LEFT", pb.JOIN_KIND_CROSS: "CROSS"}
_DERIVED = "derived"


@dataclass(frozen=True)
class Statement:
    """What is sent to the database.

    Attributes:
        text: In the dialect, with placeholders for all values.
        parameters: One for each placeholder, in order.
        columns: Names of the result's columns, unique; empty where the query selects all columns.
    """

    text: str
    parameters: tuple[Parameter, ...]
    columns: tuple[str, ...]


def statement_of(query: pb.Query, dialect: Dialect, *, max_rows: int) -> Statement:
    """Renders a valid query.

    Args:
        query: Valid against its message.
        dialect: The database's.
        max_rows: A query without a lower limit of its own is limited to one row more, so that the tool sees
            that there are more without reading them.

    Raises:
        InvalidRequest: It names a column outside of its scope, or nests too deeply.
    """
    if (levels := _levels(query)) > MAX_LEVELS:
        raise InvalidRequest(
            "NESTED_TOO_DEEPLY",
            f"the query nests {levels} queries; {MAX_LEVELS} inside one another are allowed",
        )
    builder = _Builder(dialect)
    tree = builder.query(query)
    if not query.HasField("limit") or query.limit > max_rows:
        tree = tree.limit(max_rows + 1, copy=False)
    columns = builder.names(query.select)
    # Placeholders are numbered by their place in the text, which is not always the order of building.
    parameters = tuple(node.meta["value"] for node in _in_text_order(tree, dialect))
    return Statement(_text(tree, dialect), parameters, columns)


def _text(tree: exp.Expr, dialect: Dialect) -> str:
    return tree.sql(dialect, identify=True)


def _in_text_order(tree: exp.Expr, dialect: Dialect) -> list[exp.Placeholder]:
    """Finds the placeholders in the order in which the dialect writes them."""
    found = list(tree.find_all(exp.Placeholder))
    numbered = tree.copy()
    for number, node in enumerate(numbered.find_all(exp.Placeholder)):
        node.replace(exp.Identifier(this=f"\ue000{number}\ue001", quoted=True))
    text = numbered.sql(dialect, identify=True)
    places = {number: text.index(f"\ue000{number}\ue001") for number in range(len(found))}
    return [found[number] for number in sorted(places, key=places.__getitem__)]


class _Builder:
    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect

    def query(self, query: pb.Query) -> exp.Query:
        tree: exp.Query = self._select(query.select)
        if query.HasField("combine"):
            operator, distinct = _SET_OPERATORS[query.combine.operator]
            right = self._select(query.combine.select)
            return operator(this=tree, expression=right, distinct=distinct)
        scope = Scope.of(query.select)
        for key in query.order_by:
            ordered = exp.Ordered(this=self._expression(key.expression, scope), desc=key.descending)
            # PostgreSQL puts NULL above all values and SQLite below: an unknown value is no largest one.
            ordered.set("nulls_first", not key.descending)
            tree = tree.order_by(ordered, copy=False)
        if query.HasField("limit"):
            tree = tree.limit(query.limit, copy=False)
        if query.HasField("offset"):
            tree = tree.offset(query.offset, copy=False)
        return tree

    def names(self, select: pb.Select) -> tuple[str, ...]:
        """Names the columns of a result, each once."""
        scope = Scope.of(select)
        taken: dict[str, int] = {}
        result = []
        for column in select.columns:
            name = self._name(column, scope)
            taken[name] = taken.get(name, 0) + 1
            result.append(name if taken[name] == 1 else f"{name}_{taken[name]}")
        return tuple(result)

    def _name(self, expression: pb.Expression, scope: Scope) -> str:
        match expression.WhichOneof("kind"):
            case "column":
                return scope.split(expression.column, expression.instance)[1]
            case "aggregate":
                word = _AGGREGATE_NAMES[expression.aggregate.function]
                if not expression.aggregate.HasField("argument"):
                    return word
                return f"{word}_{self._name(expression.aggregate.argument, scope)}"
            case "call":
                return (
                    pb.ScalarFunction.Name(expression.call.function).removeprefix("SCALAR_FUNCTION_").lower()
                )
            case "output":
                return f"v{expression.output}"
        return "value"

    def _select(self, select: pb.Select) -> exp.Select:
        scope = Scope.of(select)
        tree = exp.Select()
        if select.all_columns:
            tree.select(exp.Star(), copy=False)
        for column in select.columns:
            tree.select(self._expression(column, scope), copy=False)
        self._sources(tree, select, scope)
        if select.distinct:
            tree.distinct(copy=False)
        if select.HasField("where"):
            tree.where(self._condition(select.where, scope), copy=False)
        for key in select.group_by:
            tree.group_by(self._expression(key, scope), copy=False)
        if select.HasField("having"):
            tree.having(self._condition(select.having, scope), copy=False)
        return tree

    def _sources(self, tree: exp.Select, select: pb.Select, scope: Scope) -> None:
        if select.HasField("derived"):
            inner = self.query(select.derived)
            for number, column in enumerate(inner.selects, start=1):
                column.replace(exp.alias_(column.copy(), f"v{number}", quoted=True))
            tree.from_(inner.subquery(_DERIVED, copy=False), copy=False)
            return
        first, *others = scope.sources
        tree.from_(self._table(first), copy=False)
        for source, join in zip(others, select.joins, strict=True):
            keys = [
                exp.EQ(
                    this=self._column(scope, key.left, key.left_instance),
                    expression=self._column(scope, key.right, source.instance),
                )
                for key in join.on
            ]
            on = exp.and_(*keys, copy=False) if keys else None
            kind = _JOINS[join.kind]
            tree.join(self._table(source), on=on, join_type=kind or None, copy=False)

    def _expression(self, expression: pb.Expression, scope: Scope) -> exp.Expr:
        match expression.WhichOneof("kind"):
            case "column":
                return self._column(scope, expression.column, expression.instance)
            case "aggregate":
                return self._aggregate(expression.aggregate, scope)
            case "arithmetic":
                return self._arithmetic(expression.arithmetic, scope)
            case "call":
                argument = self._expression(expression.call.argument, scope)
                return scalar_function(expression.call.function, argument, self._dialect)
            case "output":
                return exp.column(scope.write_output(expression.output), table=_DERIVED, quoted=True)
        raise InvalidRequest("EMPTY_EXPRESSION", "an expression of the query is empty")

    def _table(self, source: Source) -> exp.Table:
        # PostgreSQL's tables outside of the search path are named with their schema.
        schema, _, bare = (
            source.table.rpartition(".") if self._dialect == "postgres" else ("", "", source.table)
        )
        tree = exp.table_(bare, db=schema or None, quoted=True)
        if source.name != bare:
            tree.set("alias", exp.TableAlias(this=exp.to_identifier(source.name, quoted=True)))
        return tree

    def _column(self, scope: Scope, column: str, instance: int) -> exp.Column:
        source, name = scope.split(column, instance)
        return exp.column(name, table=source.name, quoted=True)

    def _aggregate(self, aggregate: pb.Aggregate, scope: Scope) -> exp.Expr:
        function = _AGGREGATES[aggregate.function]
        if not aggregate.HasField("argument"):
            return function(this=exp.Star())
        argument = self._expression(aggregate.argument, scope)
        if aggregate.distinct:
            argument = exp.Distinct(expressions=[argument])
        return function(this=argument)

    def _arithmetic(self, arithmetic: pb.Arithmetic, scope: Scope) -> exp.Expr:
        left: exp.Expr = exp.paren(self._expression(arithmetic.left, scope), copy=False)
        match arithmetic.WhichOneof("right"):
            case "integer":
                right: exp.Expr = _bind(arithmetic.integer)
            case "number":
                right = _bind(arithmetic.number)
            case _:
                right = exp.paren(self._expression(arithmetic.expression, scope), copy=False)
        if arithmetic.operator == pb.ARITHMETIC_OPERATOR_DIVIDE:
            # The quotient of two whole numbers keeps its fraction in every database; by zero it is NULL.
            kind = exp.DataType.build("REAL" if self._dialect == "sqlite" else "NUMERIC")
            left = exp.Cast(this=left, to=kind)
            right = exp.Anonymous(this="NULLIF", expressions=[right, exp.Literal.number(0)])
        return _ARITHMETIC[arithmetic.operator](this=left, expression=right)

    def _condition(self, condition: pb.Condition, scope: Scope) -> exp.Expr:
        match condition.WhichOneof("kind"):
            case "all" | "any" as kind:
                group: pb.ConditionGroup = getattr(condition, kind)
                return self._group(group, scope, exp.And if kind == "all" else exp.Or)
            case "compare":
                return self._comparison(condition.compare, scope)
            case "one_of":
                return self._membership(condition.one_of, scope)
            case "between":
                between = condition.between
                tree: exp.Expr = exp.Between(
                    this=self._expression(between.left, scope),
                    low=_literal(between.low),
                    high=_literal(between.high),
                )
                return _not(tree, between.negated)
            case "like":
                like = condition.like
                # SQLite's LIKE ignores the case of ASCII letters; so does ours everywhere.
                operator = exp.Like if self._dialect == "sqlite" else exp.ILike
                left = self._expression(like.left, scope)
                if self._dialect == "postgres":
                    left = exp.Cast(this=left, to=exp.DataType.build("TEXT"))
                return _not(operator(this=left, expression=_bind(like.pattern)), like.negated)
            case "is_null":
                test = exp.Is(this=self._expression(condition.is_null.left, scope), expression=exp.Null())
                return _not(test, condition.is_null.negated)
        raise InvalidRequest("EMPTY_CONDITION", "a condition of the query is empty")

    def _group(self, group: pb.ConditionGroup, scope: Scope, connector: type[exp.Connector]) -> exp.Expr:
        first, *others = (exp.paren(self._condition(part, scope), copy=False) for part in group.conditions)
        tree: exp.Expr = first
        for other in others:
            tree = connector(this=tree, expression=other)
        return _not(tree, group.negated)

    def _comparison(self, compare: pb.Comparison, scope: Scope) -> exp.Expr:
        left = self._expression(compare.left, scope)
        match compare.WhichOneof("right"):
            case "value":
                right: exp.Expr = _literal(compare.value)
            case "query":
                right = self.query(compare.query).subquery(copy=False)
            case _:
                right = self._expression(compare.expression, scope)
        return _COMPARATORS[compare.operator](this=left, expression=right)

    def _membership(self, one_of: pb.Membership, scope: Scope) -> exp.Expr:
        left = self._expression(one_of.left, scope)
        if one_of.HasField("query"):
            tree = exp.In(this=left, query=self.query(one_of.query).subquery(copy=False))
        else:
            tree = exp.In(this=left, expressions=[_literal(item) for item in one_of.values.items])
        return _not(tree, one_of.negated)


def _levels(message: Message) -> int:
    """Counts how many queries lie inside one another within a message."""
    deepest = 0
    for field, value in message.ListFields():
        if field.message_type is not None:
            inside = field.message_type.full_name == pb.Query.DESCRIPTOR.full_name
            for part in value if field.is_repeated else (value,):
                deepest = max(deepest, _levels(part) + inside)
    return deepest


def _bind(value: Parameter) -> exp.Placeholder:
    node = exp.Placeholder()
    node.meta["value"] = value
    return node


def _literal(literal: pb.Literal) -> exp.Placeholder:
    kind = literal.WhichOneof("kind")
    if kind is None:
        raise InvalidRequest("EMPTY_LITERAL", "a value of the query is empty")
    value: Parameter = getattr(literal, kind)
    return _bind(value)


def _not(tree: exp.Expr, negated: bool) -> exp.Expr:
    return exp.Not(this=exp.paren(tree, copy=False)) if negated else tree
