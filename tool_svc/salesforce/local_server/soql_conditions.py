"""Conditions of SOQL to SQL. SOQL knows two truth values, so every test here yields 0 or 1, never NULL."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from narrowgauge.demo.derived_fields import format_time
from narrowgauge.demo.record_ids import long_id
from tool_svc.salesforce.local_server.date_literals import days_of
from tool_svc.salesforce.local_server.faults import Fault, at
from tool_svc.salesforce.local_server.schema import Field
from tool_svc.salesforce.local_server.soql_columns import Column
from tool_svc.salesforce.local_server.soql_syntax import string_value
from tool_svc.salesforce.local_server.soql_tree import (
    AGGREGATES,
    All,
    AnyOf,
    Comparison,
    Condition,
    Expression,
    Literal,
    Negation,
    SemiJoin,
)

__all__ = ["Conditions", "function_sql"]

_RANGE_TESTS = {
    "=": "({x} >= ? AND {x} < ?)",
    "!=": "NOT ({x} >= ? AND {x} < ?)",
    "<": "{x} < ?1",
    "<=": "{x} < ?2",
    ">": "{x} >= ?2",
    ">=": "{x} >= ?1",
}
_FUNCTIONS = {
    "CALENDAR_YEAR": "CAST(substr({x}, 1, 4) AS INTEGER)",
    "CALENDAR_MONTH": "CAST(substr({x}, 6, 2) AS INTEGER)",
    "CALENDAR_QUARTER": "(CAST(substr({x}, 6, 2) AS INTEGER) + 2) / 3",
    "FISCAL_YEAR": "CAST(substr({x}, 1, 4) AS INTEGER)",
    "FISCAL_MONTH": "CAST(substr({x}, 6, 2) AS INTEGER)",
    "FISCAL_QUARTER": "(CAST(substr({x}, 6, 2) AS INTEGER) + 2) / 3",
    "DAY_IN_MONTH": "CAST(substr({x}, 9, 2) AS INTEGER)",
    "DAY_IN_WEEK": "(CAST(strftime('%w', substr({x}, 1, 10)) AS INTEGER) + 1)",
    "DAY_IN_YEAR": "CAST(strftime('%j', substr({x}, 1, 10)) AS INTEGER)",
    "DAY_ONLY": "substr({x}, 1, 10)",
    "HOUR_IN_DAY": "CAST(substr({x}, 12, 2) AS INTEGER)",
    "WEEK_IN_MONTH": "((CAST(substr({x}, 9, 2) AS INTEGER) - 1) / 7 + 1)",
    "WEEK_IN_YEAR": "((CAST(strftime('%j', substr({x}, 1, 10)) AS INTEGER) - 1) / 7 + 1)",
    "COUNT": "COUNT({x})",
    "COUNT_DISTINCT": "COUNT(DISTINCT {x})",
    "SUM": "SUM({x})",
    "AVG": "AVG({x})",
    "MIN": "MIN({x})",
    "MAX": "MAX({x})",
}


def function_sql(soql: str, expression: Expression, column: Column) -> str:
    """Applies an expression's function to a column.

    Raises:
        Fault: The field's type does not go with the function.
    """
    function, kind = expression.function, column.field.type
    if not function:
        return column.sql
    number = column.field.is_number
    if function in ("SUM", "AVG"):
        allowed = number
    elif function in AGGREGATES:
        allowed = column.field.aggregatable
    else:
        allowed = kind == "datetime" or (kind == "date" and function not in ("HOUR_IN_DAY", "DAY_ONLY"))
    if not allowed:
        raise at(
            soql,
            expression.position,
            "MALFORMED_QUERY",
            f"field {column.field.name} does not support aggregate operator {function}"
            if function in AGGREGATES
            else f"field {column.field.name} does not support the function {function}",
        )
    return _FUNCTIONS[function].format(x=column.sql)


@dataclass
class Conditions:
    """Writes one query's conditions.

    Attributes:
        soql: The whole query, for error messages.
        today: What date literals refer to.
        column: Resolves a path.
        semi_join: Writes the SELECT of a semi-join; returns SQL and its parameters.
    """

    soql: str
    today: date
    column: Callable[[Expression], Column]
    semi_join: Callable[[SemiJoin], tuple[str, list[object]]]

    def sql(self, condition: Condition, parameters: list[object]) -> str:
        """Returns SQL that yields 0 or 1, and appends its parameters.

        Raises:
            Fault: The condition does not fit its field.
        """
        if isinstance(condition, All):
            return "(" + " AND ".join(self.sql(part, parameters) for part in condition.conditions) + ")"
        if isinstance(condition, AnyOf):
            return "(" + " OR ".join(self.sql(part, parameters) for part in condition.conditions) + ")"
        if isinstance(condition, Negation):
            return f"(NOT {self.sql(condition.condition, parameters)})"
        column = self._filterable(condition.left)
        left = function_sql(self.soql, condition.left, column)
        if isinstance(condition, SemiJoin):
            inner, inner_parameters = self.semi_join(condition)
            parameters.extend(inner_parameters)
            test = f"COALESCE({left} IN ({inner}), 0)"
            return f"(NOT {test})" if condition.negated else test
        return self._comparison(condition, column, left, parameters)

    def _filterable(self, expression: Expression) -> Column:
        column = self.column(expression)
        if not column.field.filterable:
            raise at(
                self.soql,
                expression.position,
                "INVALID_FIELD",
                f"field '{column.field.name}' can not be filtered in a query call",
            )
        return column

    def _comparison(self, condition: Comparison, column: Column, left: str, parameters: list[object]) -> str:
        operator, field = condition.operator, column.field
        kind = _kind(condition.left, field)
        if operator == "LIKE":
            return self._like(condition, field, left, parameters)
        if operator in ("INCLUDES", "EXCLUDES"):
            return self._includes(condition, field, left, parameters)
        if field.type == "multipicklist" and operator not in ("=", "!="):
            raise self._invalid_operator(condition, field)
        if kind in ("text", "id", "boolean") and operator in ("<", "<=", ">", ">=") and kind != "text":
            raise self._invalid_operator(condition, field)
        if operator in ("IN", "NOT IN"):
            tests = [self._test("=", left, kind, field, value, parameters) for value in condition.values]
            joined = "(" + " OR ".join(tests) + ")"
            return f"(NOT {joined})" if operator == "NOT IN" else joined
        return self._test(operator, left, kind, field, condition.values[0], parameters)

    def _test(
        self, operator: str, left: str, kind: str, field: Field, value: Literal, parameters: list[object]
    ) -> str:
        if value.kind == "null" or (value.kind == "string" and kind in ("text", "id") and not value.text):
            if operator not in ("=", "!="):
                return "0"
            return f"({left} IS {'NOT ' if operator == '!=' else ''}NULL)"
        if value.kind == "literal" and kind in ("date", "datetime"):
            return self._range(operator, left, kind, value, parameters)
        parameters.append(self._operand(kind, field, value))
        collation = " COLLATE NOCASE" if kind == "text" else ""
        if operator == "!=":  # records without a value differ from every value
            return f"({left} IS NOT ?{collation})"
        return f"COALESCE({left} {operator} ?{collation}, 0)"

    def _range(self, operator: str, left: str, kind: str, value: Literal, parameters: list[object]) -> str:
        try:
            start, end = days_of(value.text, self.today)
        except ValueError as exc:
            raise at(self.soql, value.position, "MALFORMED_QUERY", str(exc)) from exc
        bounds = [day.isoformat() if kind == "date" else f"{day}T00:00:00.000+0000" for day in (start, end)]
        test = _RANGE_TESTS[operator].format(x=left)
        if "?1" in test or "?2" in test:
            parameters.append(bounds[0] if "?1" in test else bounds[1])
            return f"COALESCE({test.replace('?1', '?').replace('?2', '?')}, 0)"
        parameters.extend(bounds)
        return f"COALESCE({test}, {1 if operator == '!=' else 0})"

    def _like(self, condition: Comparison, field: Field, left: str, parameters: list[object]) -> str:
        value = condition.values[0]
        if not field.is_text or field.type == "multipicklist":
            raise self._invalid_operator(condition, field)
        if value.kind != "string":
            raise self._type_error(field, "text", value)
        parameters.append(string_value(value.text, keep_wildcards=True))
        return f"COALESCE({left} LIKE ? ESCAPE '\\', 0)"

    def _includes(self, condition: Comparison, field: Field, left: str, parameters: list[object]) -> str:
        if field.type != "multipicklist":
            raise self._invalid_operator(condition, field)
        tests: list[str] = []
        for value in condition.values:
            if value.kind != "string":
                raise self._type_error(field, "text", value)
            chosen = string_value(value.text).split(";")
            parameters.extend(f";{name};" for name in chosen)
            tests.append(" AND ".join(f"instr(';' || {left} || ';', ?) > 0" for _ in chosen))
        joined = "COALESCE(" + " OR ".join(f"({test})" for test in tests) + ", 0)"
        return f"(NOT {joined})" if condition.operator == "EXCLUDES" else joined

    def _operand(self, kind: str, field: Field, value: Literal) -> object:
        if kind in ("text", "id") and value.kind == "string":
            text = string_value(value.text)
            if kind == "text":
                return text
            try:
                return long_id(text)
            except ValueError as exc:
                raise at(
                    self.soql, value.position, "INVALID_QUERY_FILTER_OPERATOR", f"invalid ID field: {text}"
                ) from exc
        if kind == "number" and value.kind == "number":
            number = float(value.text)
            # SQLite's integers have 64 bits; beyond 2^53 a float compares as well as Salesforce's doubles do.
            return number if "." in value.text or abs(number) >= 2**53 else int(value.text)
        if kind == "boolean" and value.kind == "boolean":
            return value.text == "TRUE"
        try:
            if kind == "date" and value.kind == "date":
                return date.fromisoformat(value.text).isoformat()
            if kind == "datetime" and value.kind == "datetime":
                return format_time(_utc(value.text))
        except (ValueError, OverflowError) as exc:
            raise at(self.soql, value.position, "MALFORMED_QUERY", f"Invalid date: {value.text}") from exc
        raise self._type_error(field, kind, value)

    def _type_error(self, field: Field, kind: str, value: Literal) -> Fault:
        wanted = {"text": "string", "id": "string", "number": field.type, "datetime": "dateTime"}.get(
            kind, kind
        )
        advice = (
            "should be enclosed in quotes" if kind in ("text", "id") else "should not be enclosed in quotes"
        )
        return at(
            self.soql,
            value.position,
            "INVALID_FIELD",
            f"value of filter criterion for field '{field.name}' must be of type {wanted} and {advice}",
        )

    def _invalid_operator(self, condition: Comparison, field: Field) -> Fault:
        return at(
            self.soql,
            condition.left.position,
            "INVALID_FIELD",
            f"invalid operator on {field.type} field {field.name}: {condition.operator.lower()}",
        )


def _kind(expression: Expression, field: Field) -> str:
    """What an expression is compared as."""
    if expression.function in ("COUNT", "COUNT_DISTINCT", "SUM", "AVG"):
        return "number"
    if expression.function == "DAY_ONLY":
        return "date"
    if expression.function and expression.function not in AGGREGATES:
        return "number"
    if field.is_number:
        return "number"
    if field.is_text:
        return "text"
    return "id" if field.type in ("id", "reference") else field.type


def _utc(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    offset = moment.utcoffset() or timedelta()
    return moment.replace(tzinfo=None) - offset
