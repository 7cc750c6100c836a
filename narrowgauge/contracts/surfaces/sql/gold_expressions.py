"""Values and conditions of SQL that people wrote, as the contract's messages."""

from __future__ import annotations

import re
from collections.abc import Callable

from sqlglot import exp

from narrowgauge.contracts.surfaces.sql.gold_scope import GoldScope, refuse
from narrowgauge.contracts.surfaces.sql.words import DATE
from narrowgauge.tools.sql.v1 import sql_pb2 as pb

__all__ = ["Expressions"]

_AGGREGATES: dict[type[exp.Expr], pb.AggregateFunction.ValueType] = {
    exp.Count: pb.AGGREGATE_FUNCTION_COUNT,
    exp.Sum: pb.AGGREGATE_FUNCTION_SUM,
    exp.Avg: pb.AGGREGATE_FUNCTION_AVG,
    exp.Min: pb.AGGREGATE_FUNCTION_MIN,
    exp.Max: pb.AGGREGATE_FUNCTION_MAX,
}
_ARITHMETIC: dict[type[exp.Expr], pb.ArithmeticOperator.ValueType] = {
    exp.Add: pb.ARITHMETIC_OPERATOR_ADD,
    exp.Sub: pb.ARITHMETIC_OPERATOR_SUBTRACT,
    exp.Mul: pb.ARITHMETIC_OPERATOR_MULTIPLY,
    exp.Div: pb.ARITHMETIC_OPERATOR_DIVIDE,
}
_CALLS: dict[type[exp.Expr], pb.ScalarFunction.ValueType] = {
    exp.Year: pb.SCALAR_FUNCTION_YEAR,
    exp.Month: pb.SCALAR_FUNCTION_MONTH,
    exp.Day: pb.SCALAR_FUNCTION_DAY,
    exp.Quarter: pb.SCALAR_FUNCTION_QUARTER,
    exp.Date: pb.SCALAR_FUNCTION_DATE,
    exp.TsOrDsToDate: pb.SCALAR_FUNCTION_DATE,
    exp.Lower: pb.SCALAR_FUNCTION_LOWER,
    exp.Upper: pb.SCALAR_FUNCTION_UPPER,
    exp.Length: pb.SCALAR_FUNCTION_LENGTH,
    exp.Abs: pb.SCALAR_FUNCTION_ABS,
}
_FORMATS = {
    "%Y": pb.SCALAR_FUNCTION_YEAR,
    "%m": pb.SCALAR_FUNCTION_MONTH,
    "%d": pb.SCALAR_FUNCTION_DAY,
    "%w": pb.SCALAR_FUNCTION_WEEKDAY,
    "%H": pb.SCALAR_FUNCTION_HOUR,
    "%Y-%m": pb.SCALAR_FUNCTION_YEAR_MONTH,
}
_TEXT_CALLS = (pb.SCALAR_FUNCTION_YEAR_MONTH, pb.SCALAR_FUNCTION_LOWER, pb.SCALAR_FUNCTION_UPPER)
_COMPARATORS: dict[type[exp.Expr], pb.Comparator.ValueType] = {
    exp.EQ: pb.COMPARATOR_EQUAL,
    exp.NEQ: pb.COMPARATOR_NOT_EQUAL,
    exp.LT: pb.COMPARATOR_LESS,
    exp.LTE: pb.COMPARATOR_LESS_OR_EQUAL,
    exp.GT: pb.COMPARATOR_GREATER,
    exp.GTE: pb.COMPARATOR_GREATER_OR_EQUAL,
}
_MIRRORED: dict[type[exp.Expr], type[exp.Expr]] = {
    exp.EQ: exp.EQ,
    exp.NEQ: exp.NEQ,
    exp.LT: exp.GT,
    exp.LTE: exp.GTE,
    exp.GT: exp.LT,
    exp.GTE: exp.LTE,
}
_OPPOSITE: dict[type[exp.Expr], type[exp.Expr]] = {
    exp.EQ: exp.NEQ,
    exp.NEQ: exp.EQ,
    exp.LT: exp.GTE,
    exp.LTE: exp.GT,
    exp.GT: exp.LTE,
    exp.GTE: exp.LT,
}
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)")
_DATE = re.compile(DATE)
_TIME = re.compile(rf"({DATE}) ([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?")


class Expressions:
    """Maps values and conditions of one SELECT."""

    def __init__(self, scope: GoldScope, query: Callable[[exp.Expr, pb.Query], None]) -> None:
        self._scope = scope
        self._query = query

    def value(self, node: exp.Expr, expression: pb.Expression) -> str:
        """Maps a value and returns what it is: a kind of column, or `unknown`."""
        node = node.unnest()
        if isinstance(node, exp.Column):
            place = self._scope.resolve(node)
            if place is None:
                refuse(f"the text {node.name!r} as a value")
            if isinstance(place, int):
                expression.output = place
                return "unknown"
            expression.column, expression.instance, column = place
            return column.kind
        if type(node) in _ARITHMETIC:
            self._arithmetic(node, expression)
            return "number"
        if type(node) in _AGGREGATES:
            return self._aggregate(node, expression.aggregate)
        return self._call(node, expression.call)

    def _aggregate(self, node: exp.Expr, aggregate: pb.Aggregate) -> str:
        aggregate.function = _AGGREGATES[type(node)]
        argument = node.this
        if isinstance(argument, exp.Distinct):
            if len(argument.expressions) != 1:
                refuse("COUNT(DISTINCT …) of several columns")
            aggregate.distinct = True
            argument = argument.expressions[0]
        counts = aggregate.function == pb.AGGREGATE_FUNCTION_COUNT
        if counts and isinstance(argument, exp.Star | exp.Literal):
            if aggregate.distinct:
                refuse("COUNT(DISTINCT *)")
            return "number"
        kind = self.value(argument, aggregate.argument)
        extremes = (pb.AGGREGATE_FUNCTION_MIN, pb.AGGREGATE_FUNCTION_MAX)
        return kind if aggregate.function in extremes else "number"

    def _call(self, node: exp.Expr, call: pb.Call) -> str:
        function = _CALLS.get(type(node))
        argument = node.this if isinstance(node.this, exp.Expr) else None
        if isinstance(node, exp.TimeToStr | exp.StrToTime | exp.TimeToTimeStr):
            function = _FORMATS.get(node.text("format"))
        elif isinstance(node, exp.Round) and not node.args.get("decimals"):
            function = pb.SCALAR_FUNCTION_ROUND
        elif isinstance(node, exp.Anonymous) and len(node.expressions) in (1, 2):
            name = node.name.upper()
            if name == "STRFTIME" and len(node.expressions) == 2:
                function = _FORMATS.get(node.expressions[0].name)
            elif name == "JULIANDAY":
                function = pb.SCALAR_FUNCTION_JULIAN_DAY
            argument = node.expressions[-1]
        if function is None or argument is None:
            refuse(f"{node.key.upper()} in {node.sql()[:60]}")
        while isinstance(argument, exp.TsOrDsToDate | exp.TsOrDsToTimestamp | exp.Cast) and isinstance(
            argument.this, exp.Column
        ):
            argument = argument.this
        call.function = function
        self.value(argument, call.argument)
        if function in _TEXT_CALLS:
            return "text"
        return "date" if function == pb.SCALAR_FUNCTION_DATE else "number"

    def _arithmetic(self, node: exp.Expr, expression: pb.Expression) -> None:
        left, right = node.this.unnest(), node.expression.unnest()
        if _constant(left) is not None:
            if not isinstance(node, exp.Add | exp.Mul):
                refuse("a calculation that begins with a number")
            left, right = right, left
        arithmetic = expression.arithmetic
        self.value(left, arithmetic.left)
        arithmetic.operator = _ARITHMETIC[type(node)]
        constant = _constant(right)
        if constant is None:
            self.value(right, arithmetic.expression)
        elif isinstance(constant, int):
            arithmetic.integer = constant
        else:
            arithmetic.number = constant

    def condition(self, node: exp.Expr, condition: pb.Condition) -> None:
        """Maps a condition."""
        self._condition(node, condition, negated=False)

    def _condition(self, node: exp.Expr, condition: pb.Condition, *, negated: bool) -> None:
        node = node.unnest()
        if isinstance(node, exp.Not):
            self._condition(node.this, condition, negated=not negated)
        elif isinstance(node, exp.And | exp.Or):
            group = condition.all if isinstance(node, exp.And) else condition.any
            group.negated = negated
            for part in _flat(node, type(node)):
                self._condition(part, group.conditions.add(), negated=False)
        elif type(node) in _COMPARATORS:
            self._compare(node, condition.compare, negated=negated)
        elif isinstance(node, exp.In):
            self._membership(node, condition.one_of, negated=negated)
        elif isinstance(node, exp.Between):
            kind = self.value(node.this, condition.between.left)
            condition.between.negated = negated
            self._literal(node.args["low"], condition.between.low, kind)
            self._literal(node.args["high"], condition.between.high, kind)
        elif isinstance(node, exp.Like | exp.ILike):
            self.value(node.this, condition.like.left)
            condition.like.negated = negated
            condition.like.pattern = self._text(node.expression)
        elif isinstance(node, exp.Is) and isinstance(node.expression, exp.Null):
            self.value(node.this, condition.is_null.left)
            condition.is_null.negated = negated
        else:
            refuse(f"the condition {node.key.upper()}")

    def _compare(self, node: exp.Expr, compare: pb.Comparison, *, negated: bool) -> None:
        comparator = type(node)
        left, right = node.this.unnest(), node.expression.unnest()
        if self._is_given(left) or isinstance(left, exp.Query):
            left, right = right, left
            comparator = _MIRRORED[comparator]
        if negated:
            comparator = _OPPOSITE[comparator]
        kind = self.value(left, compare.left)
        compare.operator = _COMPARATORS[comparator]
        if isinstance(right, exp.Query):
            self._query(right, compare.query)
        elif self._is_given(right):
            self._literal(right, compare.value, kind)
        else:
            self.value(right, compare.expression)

    def _membership(self, node: exp.In, one_of: pb.Membership, *, negated: bool) -> None:
        kind = self.value(node.this, one_of.left)
        one_of.negated = negated
        if query := node.args.get("query"):
            self._query(query, one_of.query)
            return
        if not node.expressions:
            refuse("IN without a list")
        for item in node.expressions:
            if isinstance(item, exp.Query):
                refuse("IN with a query among values")
            self._literal(item, one_of.values.items.add(), kind)

    def _is_given(self, node: exp.Expr) -> bool:
        if isinstance(node, exp.Column):
            return self._scope.resolve(node) is None
        return isinstance(node, exp.Boolean | exp.Null) or (
            isinstance(node, exp.Literal) or _constant(node) is not None
        )

    def _text(self, node: exp.Expr) -> str:
        if isinstance(node, exp.Literal | exp.Column) and self._is_given(node):
            return str(node.name)
        return refuse("a pattern that is no text")

    def _literal(self, node: exp.Expr, literal: pb.Literal, kind: str) -> None:
        """Maps a given value, in the type that SQLite's affinity gives it beside a column of this kind."""
        node = node.unnest()
        if isinstance(node, exp.Boolean):
            literal.boolean = bool(node.this)
            return
        number = _constant(node)
        if number is None and not self._is_given(node):
            refuse(f"{node.sql()[:60]} in the place of a given value")
        if isinstance(node, exp.Null):
            refuse("a comparison with NULL")
        text = node.name if number is None else str(number)
        if isinstance(node, exp.Literal) and not node.is_string:
            text = node.name  # as it was written, for a column of texts
        if kind == "boolean":
            if text.lower() not in ("0", "1", "true", "false"):
                refuse("a truth value that is neither 0 nor 1")
            literal.boolean = text.lower() in ("1", "true")
        elif kind == "number" or (kind == "unknown" and number is not None):
            if not _NUMBER.fullmatch(text.strip()):
                refuse("a number compared with a text")
            _set_number(literal, text.strip())
        elif _DATE.fullmatch(text):
            literal.date = text
        elif kind == "date" and not _TIME.fullmatch(text):
            refuse("a date compared with another text")
        else:
            literal.text = text


def _constant(node: exp.Expr) -> int | float | None:
    """Value of a number, or of a calculation with numbers only."""
    node = node.unnest()
    if isinstance(node, exp.Literal) and not node.is_string:
        return int(node.this) if node.is_int else float(node.this)
    if isinstance(node, exp.Neg):
        value = _constant(node.this)
        return None if value is None else -value
    if type(node) in _ARITHMETIC and not isinstance(node, exp.Div):
        left, right = _constant(node.this), _constant(node.expression)
        if left is not None and right is not None:
            if isinstance(node, exp.Add):
                return left + right
            return left - right if isinstance(node, exp.Sub) else left * right
    return None


def _set_number(literal: pb.Literal, text: str) -> None:
    value = float(text)
    if value.is_integer() and abs(value) < 1e15:
        literal.integer = int(value)
    else:
        literal.number = value


def _flat(node: exp.Expr, kind: type[exp.Expr]) -> list[exp.Expr]:
    node = node.unnest()
    if type(node) is kind:
        return [*_flat(node.this, kind), *_flat(node.expression, kind)]
    return [node]
