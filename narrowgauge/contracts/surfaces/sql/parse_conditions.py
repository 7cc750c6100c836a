"""Reads the expressions and conditions of canonical SQL text."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping

from narrowgauge.contracts.surfaces.sql.cursor import INTEGER_PATTERN, NUMBER_PATTERN, Cursor
from narrowgauge.contracts.surfaces.sql.scope import Scope
from narrowgauge.contracts.surfaces.sql.words import (
    AGGREGATES,
    ARITHMETIC,
    CALL_END,
    CALL_START,
    COMPARATORS,
)
from narrowgauge.errors import InvalidRequest
from narrowgauge.tools.sql.v1 import sql_pb2

__all__ = ["ConditionReader"]

_OUTPUT = re.compile(r"v([1-9][0-9]?)")
_VALUE = re.compile(r"['0-9-]|(TRUE|FALSE)(?![A-Za-z0-9_])")


class ConditionReader(Cursor, ABC):
    """Methods read one part each, into the message that they are given."""

    def __init__(self, text: str, columns: Mapping[str, frozenset[str]]) -> None:
        """Begins to read.

        Args:
            text: Canonical SQL text.
            columns: Column names by table.
        """
        super().__init__(text)
        self.columns = columns

    @abstractmethod
    def query(self, query: sql_pb2.Query, *, derived: bool = False) -> None:
        """Reads a query, which a condition can have inside."""

    def known(self, column: str, name: str, at: int) -> None:
        """Checks that a column exists."""
        if name not in self.columns[column[: -len(name) - 1]]:
            raise InvalidRequest("UNKNOWN_COLUMN", f"at character {at}: there is no column {column}")

    def expression(self, expression: sql_pb2.Expression, scope: Scope) -> None:
        """Reads an expression."""
        at = self.at
        left = sql_pb2.Expression()
        self.operand(left, scope)
        operator = next((number for number, word in ARITHMETIC.items() if self.take(word)), None)
        if operator is None:
            if left.HasField("arithmetic"):
                self.at = at
                self.expected("an expression without parentheses around it")
            expression.CopyFrom(left)
            return
        arithmetic = expression.arithmetic
        arithmetic.left.CopyFrom(left)
        arithmetic.operator = operator
        if (number := self.match(NUMBER_PATTERN)) is not None:
            arithmetic.number = float(number)
        elif (integer := self.match(INTEGER_PATTERN)) is not None:
            arithmetic.integer = int(integer)
        else:
            self.operand(arithmetic.expression, scope)

    def operand(self, expression: sql_pb2.Expression, scope: Scope) -> None:
        """Reads an expression that has parentheses around it when it is a calculation."""
        if self.take("("):
            self.enter()
            at = self.at
            self.expression(expression, scope)
            if not expression.HasField("arithmetic"):
                self.at = at
                self.expected("a calculation")
            self.need(")")
            self.nesting -= 1
        elif call := next((function for function, word in CALL_START.items() if self.take(word)), None):
            expression.call.function = call
            self.expression(expression.call.argument, scope)
            self.need(CALL_END)
        elif function := next((n for n, word in AGGREGATES.items() if self.take(word + "(")), None):
            expression.aggregate.function = function
            if not self.take("*"):
                expression.aggregate.distinct = self.take("DISTINCT ")
                self.expression(expression.aggregate.argument, scope)
            elif function != sql_pb2.AGGREGATE_FUNCTION_COUNT:
                self.expected("an argument")
            self.need(CALL_END)
        else:
            self.column(expression, scope)

    def column(self, expression: sql_pb2.Expression, scope: Scope) -> None:
        """Reads a column."""
        at = self.at
        if scope.derived_columns:
            output = self.match(_OUTPUT)
            if output is None or int(output[1:]) > scope.derived_columns:
                self.at = at
                self.expected(f"a column from v1 to v{scope.derived_columns}")
            expression.output = int(output[1:])
            return
        qualifier, name = "", self.name()
        if self.take("."):
            qualifier, name = name, self.name()
        expression.column, expression.instance = scope.read(qualifier, name)
        self.known(expression.column, name, at)

    def condition(self, condition: sql_pb2.Condition, scope: Scope) -> None:
        """Reads a condition: an `any` of `all` of single ones, as far as there are several."""
        alternatives = [self.conjunction(scope)]
        while self.take(" OR "):
            alternatives.append(self.conjunction(scope))
        if len(alternatives) == 1:
            condition.CopyFrom(alternatives[0])
        else:
            condition.any.conditions.extend(alternatives)

    def conjunction(self, scope: Scope) -> sql_pb2.Condition:
        """Reads conditions with AND between them."""
        at = self.at
        parts = [self.single(scope)]
        while self.take(" AND "):
            parts.append(self.single(scope))
        if len(parts) > 1:
            return sql_pb2.Condition(all=sql_pb2.ConditionGroup(conditions=parts))
        if parts[0].HasField("any") and not parts[0].any.negated:
            self.at = at
            self.expected("a group without parentheses around it")
        return parts[0]

    def single(self, scope: Scope) -> sql_pb2.Condition:
        """Reads a comparison, a test, or a group in parentheses."""
        condition = sql_pb2.Condition()
        if self.take("NOT ("):
            self.group(condition, scope, negated=True)
            return condition
        at, nesting = self.at, self.nesting
        if self.take("("):
            # A group of conditions, or else the calculation that a comparison begins with.
            try:
                self.group(condition, scope, negated=False)
                return condition
            except InvalidRequest:
                condition.Clear()
                self.at, self.nesting = at, nesting
        self.comparison(condition, scope)
        return condition

    def group(self, condition: sql_pb2.Condition, scope: Scope, *, negated: bool) -> None:
        """Reads what is inside a group's parentheses."""
        self.enter()
        at = self.at
        self.condition(condition, scope)
        kind = condition.WhichOneof("kind")
        if kind not in ("any", "all") or (kind == "all" and not negated):
            self.at = at
            self.expected("a group of conditions")
        group = condition.any if kind == "any" else condition.all
        if group.negated:
            self.at = at
            self.expected("several conditions")
        group.negated = negated
        self.need(")")
        self.nesting -= 1

    def comparison(self, condition: sql_pb2.Condition, scope: Scope) -> None:
        """Reads a comparison or a test of one value."""
        left = sql_pb2.Expression()
        self.expression(left, scope)
        negated = self.take(" NOT")
        if self.take(" IN ("):
            condition.one_of.left.CopyFrom(left)
            condition.one_of.negated = negated
            if self.text.startswith("SELECT ", self.at):
                self.query(condition.one_of.query)
            else:
                values = condition.one_of.values
                self.series(lambda: self.literal(values.items.add()))
            self.need(")")
        elif self.take(" BETWEEN "):
            condition.between.left.CopyFrom(left)
            condition.between.negated = negated
            self.literal(condition.between.low)
            self.need(" AND ")
            self.literal(condition.between.high)
        elif self.take(" LIKE "):
            condition.like.left.CopyFrom(left)
            condition.like.negated = negated
            condition.like.pattern = self.string()
        elif negated:
            self.expected("IN, BETWEEN or LIKE")
        elif self.take(" IS"):
            condition.is_null.left.CopyFrom(left)
            condition.is_null.negated = self.take(" NOT")
            self.need(" NULL")
        else:
            self.compare(condition.compare, left, scope)

    def compare(self, compare: sql_pb2.Comparison, left: sql_pb2.Expression, scope: Scope) -> None:
        """Reads an operator and the right side."""
        operator = next((number for number, word in COMPARATORS.items() if self.take(word)), None)
        if operator is None:
            self.expected("a comparison")
        compare.left.CopyFrom(left)
        compare.operator = operator
        if self.text.startswith("(SELECT ", self.at):
            self.need("(")
            self.query(compare.query)
            self.need(")")
        elif _VALUE.match(self.text, self.at):
            self.literal(compare.value)
        else:
            self.expression(compare.expression, scope)
