"""A structured query to SOQL text.

Nothing of a request reaches the text unchecked: objects, fields and relationships are spelled as the
describes spell them, numbers and dates are written out of parsed values, and every text goes through `quote`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from narrowgauge.contracts.salesforce_catalogue import Described
from narrowgauge.errors import InvalidRequest
from narrowgauge.tools.salesforce.v1 import salesforce_pb2 as pb
from tool_svc.salesforce.connection import Deadline
from tool_svc.salesforce.describes import Describes, ResolvedField

__all__ = ["RenderedQuery", "ResultColumn", "quote", "render_query"]

_OPERATORS = {
    pb.OPERATOR_EQUAL: "=",
    pb.OPERATOR_NOT_EQUAL: "!=",
    pb.OPERATOR_LESS: "<",
    pb.OPERATOR_LESS_OR_EQUAL: "<=",
    pb.OPERATOR_GREATER: ">",
    pb.OPERATOR_GREATER_OR_EQUAL: ">=",
}
_AGGREGATES = frozenset(
    (
        pb.FUNCTION_COUNT,
        pb.FUNCTION_COUNT_DISTINCT,
        pb.FUNCTION_SUM,
        pb.FUNCTION_AVG,
        pb.FUNCTION_MIN,
        pb.FUNCTION_MAX,
    )
)
_NUMBERS = frozenset(("int", "double", "currency", "percent", "long"))
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z")
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
# SOQL Reference, "Quoted String Escape Sequences"; quote and backslash are what could end the literal.
_ESCAPES = {
    "\\": "\\\\",
    "'": "\\'",
    '"': '\\"',
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\b": "\\b",
    "\f": "\\f",
}


@dataclass(frozen=True)
class ResultColumn:
    """A column of the answer.

    Attributes:
        name: As the result shows it, for example `Account.Name` or `SUM(Amount)`.
        path: Where its value stands in a record of the answer.
    """

    name: str
    path: tuple[str, ...]


@dataclass(frozen=True)
class RenderedQuery:
    """A query that can be sent."""

    object_name: str
    soql: str
    columns: tuple[ResultColumn, ...]


def quote(text: str) -> str:
    """Writes a text as a SOQL string literal: the only way in which a request's text gets into a query."""
    escaped = "".join(_ESCAPES.get(char) or (f"\\u{ord(char):04x}" if char < " " else char) for char in text)
    return f"'{escaped}'"


def render_query(request: pb.QueryRequest, describes: Describes, deadline: Deadline) -> RenderedQuery:
    """Renders a query.

    Raises:
        InvalidRequest: It names what does not exist, or compares what cannot be compared.
    """
    described = describes.object(request.object, deadline)
    return _Renderer(describes, described, deadline).render(request)


@dataclass(frozen=True)
class _Renderer:
    describes: Describes
    described: Described
    deadline: Deadline

    def render(self, request: pb.QueryRequest) -> RenderedQuery:
        grouped = bool(request.group_by) or any(item.function in _AGGREGATES for item in request.select)
        selected, columns = self.select(request.select, grouped)
        parts = ["SELECT " + ", ".join(selected), f"FROM {self.described.name}"]
        if request.where:
            parts.append(f"WHERE {self.all_of(request.where)}")
        if request.group_by:
            keys = [self.applied(self.field(key.field), key.function) for key in request.group_by]
            parts.append(f"GROUP BY {', '.join(keys)}")
        if request.having:
            if not request.group_by:
                raise InvalidRequest("MALFORMED_QUERY", "having needs group_by")
            tests = [
                f"{self.applied(self.field(test.field), test.function)} {_OPERATORS[test.operator]} "
                f"{number_text(test.number)}"
                for test in request.having
            ]
            parts.append(f"HAVING {' AND '.join(tests)}")
        if request.order_by:
            parts.append(f"ORDER BY {', '.join(self.sort_key(key) for key in request.order_by)}")
        if request.limit:
            parts.append(f"LIMIT {request.limit}")
        if request.offset:
            parts.append(f"OFFSET {request.offset}")
        return RenderedQuery(self.described.name, " ".join(parts), tuple(columns))

    def select(self, items: Sequence[pb.Column], grouped: bool) -> tuple[list[str], list[ResultColumn]]:
        selected: list[str] = []
        columns: list[ResultColumn] = []
        taken: set[str] = set()
        unnamed = 0
        for item in items:
            resolved = self.field(item.field)
            text = self.applied(resolved, item.function)
            if any(column.name == text for column in columns):
                continue  # a column twice says nothing more, and SOQL refuses it
            if not grouped:
                if item.function:
                    raise InvalidRequest("MALFORMED_QUERY", f"{text} needs group_by with the same function")
                selected.append(text)
                columns.append(ResultColumn(text, resolved.path))
                continue
            # Salesforce names a function's column expr0, expr1, …, and a field's by the path's last part.
            name = f"expr{unnamed}" if item.function else resolved.path[-1]
            unnamed += bool(item.function)
            if name.lower() in taken:
                name = f"column{len(columns)}"
                text_in_query = f"{text} {name}"
            else:
                text_in_query = text
            taken.add(name.lower())
            selected.append(text_in_query)
            columns.append(ResultColumn(text, (name,)))
        return selected, columns

    def sort_key(self, key: pb.SortKey) -> str:
        text = self.applied(self.field(key.field), key.function)
        text += " DESC" if key.descending else " ASC"
        nulls = {pb.NULLS_FIRST: " NULLS FIRST", pb.NULLS_LAST: " NULLS LAST"}
        return text + nulls.get(key.nulls, "")

    def all_of(self, conditions: Sequence[pb.Condition]) -> str:
        if len(conditions) == 1:
            return self.condition(conditions[0], outermost=True)
        return " AND ".join(self.condition(condition) for condition in conditions)

    def condition(self, condition: pb.Condition, *, outermost: bool = False) -> str:
        test = condition.WhichOneof("test")
        if test == "compare":
            text, compound = self.comparison(condition.compare)
            return text if outermost or not compound else f"({text})"
        if test == "like":
            return f"{self.field(condition.like.field).text} LIKE {quote(condition.like.pattern)}"
        if test == "among":
            among = condition.among
            resolved = self.field(among.field)
            values = ", ".join(self.listed(resolved, value) for value in among.values)
            return f"{resolved.text} {'NOT IN' if among.negated else 'IN'} ({values})"
        if test == "includes":
            includes = condition.includes
            values = ", ".join(quote(value) for value in includes.values)
            operator = "EXCLUDES" if includes.negated else "INCLUDES"
            return f"{self.field(includes.field).text} {operator} ({values})"
        if test == "none_of":
            parts = [self.condition(part) for part in condition.none_of.conditions]
            return f"(NOT ({' OR '.join(parts)}))"
        group = condition.any_of if test == "any_of" else condition.all_of
        word = " OR " if test == "any_of" else " AND "
        text = word.join(self.condition(part) for part in group.conditions)
        return text if outermost or len(group.conditions) == 1 else f"({text})"

    def comparison(self, compare: pb.Comparison) -> tuple[str, bool]:
        """Returns the text, and whether it must stand in parentheses beside others."""
        resolved, operator = self.field(compare.field), _OPERATORS[compare.operator]
        kind = compare.WhichOneof("value")
        if kind == "empty":
            return f"{resolved.text} {operator} null", False
        if kind == "number":
            return f"{resolved.text} {operator} {number_text(compare.number)}", False
        if kind == "boolean":
            return f"{resolved.text} {operator} {'true' if compare.boolean else 'false'}", False
        value = compare.date if kind == "date" else compare.text
        dated = kind == "date" or (resolved.type in ("date", "datetime") and _is_date(value))
        if not dated:
            return f"{resolved.text} {operator} {quote(value)}", False
        if resolved.type == "datetime" and _DATE.fullmatch(value):
            return _on_day(resolved.text, operator, value)
        return f"{resolved.text} {operator} {date_text(value)}", False

    def listed(self, resolved: ResolvedField, value: str) -> str:
        if resolved.type in _NUMBERS and _NUMBER.fullmatch(value):
            return value
        if resolved.type == "boolean" and value.lower() in ("true", "false"):
            return value.lower()
        if resolved.type in ("date", "datetime") and _is_date(value):
            return date_text(value if resolved.type == "date" or "T" in value else f"{value}T00:00:00Z")
        return quote(value)

    def applied(self, resolved: ResolvedField, function: pb.Function.ValueType) -> str:
        if function == pb.FUNCTION_UNSPECIFIED:
            return resolved.text
        return f"{pb.Function.Name(function).removeprefix('FUNCTION_')}({resolved.text})"

    def field(self, path: str) -> ResolvedField:
        return self.describes.resolve(self.described, path, self.deadline)


def number_text(number: float) -> str:
    """Writes a number without exponent, which SOQL does not read."""
    return str(int(number)) if number == int(number) else format(Decimal(repr(number)), "f")


def date_text(value: str) -> str:
    """Writes a date, time or date literal after checking that the calendar has it.

    Raises:
        InvalidRequest: `MALFORMED_QUERY`: it has not.
    """
    if value[0].isdigit():
        _day(value[:10])
    return value


def _is_date(value: str) -> bool:
    return bool(_DATE.fullmatch(value) or _TIME.fullmatch(value))


def _on_day(field: str, operator: str, value: str) -> tuple[str, bool]:
    """A time compared with a day: SOQL wants times, so the day becomes its bounds."""
    day = _day(value)
    start, end = f"{day}T00:00:00Z", f"{day + timedelta(days=1)}T00:00:00Z"
    if operator == "=":
        return f"{field} >= {start} AND {field} < {end}", True
    if operator == "!=":
        return f"{field} < {start} OR {field} >= {end}", True
    bound = {"<": f"< {start}", "<=": f"< {end}", ">": f">= {end}", ">=": f">= {start}"}[operator]
    return f"{field} {bound}", False


def _day(value: str) -> date:
    try:
        return date.fromisoformat(value)
    except ValueError as exc:
        raise InvalidRequest(
            "MALFORMED_QUERY", f"Invalid date: {value}", metadata={"errorCode": "MALFORMED_QUERY"}
        ) from exc
