"""Which valid requests have a text: the surface bounds how deep expressions, groups and queries nest.

The contract's messages nest freely, a grammar that always ends does not. What is refused here is what the
grammar cannot write whatever the catalogue holds; which types go together is the grammar's own matter.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NoReturn

from google.protobuf.message import Message

from narrowgauge.contracts.surfaces.sql.parameter import MAX_DEPTH
from narrowgauge.contracts.surfaces.sql.words import CONSTANT, MAX_DERIVED_COLUMNS, number_text
from narrowgauge.errors import InvalidRequest
from narrowgauge.tools.sql.v1 import sql_pb2

__all__ = ["MAX_GROUP_LEVELS", "MAX_TABLES", "check_shape"]

MAX_TABLES = 8
MAX_GROUP_LEVELS = 3
_TEXT_CALLS = frozenset(
    (sql_pb2.SCALAR_FUNCTION_YEAR_MONTH, sql_pb2.SCALAR_FUNCTION_LOWER, sql_pb2.SCALAR_FUNCTION_UPPER)
)
_CONSTANT = re.compile(CONSTANT)


def check_shape(request: sql_pb2.QueryRequest) -> None:
    """Checks that a valid request has a text.

    Raises:
        InvalidRequest: It has none; says what nests too deeply.
    """
    if request.HasField("query"):
        _query(request.query, 0)


def _refuse(what: str) -> NoReturn:
    raise InvalidRequest("NOT_EXPRESSIBLE", f"{what} has no text in the surface sql")


def _query(query: sql_pb2.Query, depth: int, *, derived: bool = False) -> None:
    if depth > MAX_DEPTH:
        _refuse(f"a query inside more than {MAX_DEPTH} others")
    _select(query.select, depth, derived=derived)
    if query.select.HasField("derived"):
        _check_outputs(query)
    if query.HasField("combine"):
        _select(query.combine.select, depth)
        if query.combine.select.HasField("derived"):
            _check_outputs(sql_pb2.Query(select=query.combine.select))
    for key in query.order_by:
        _value(key.expression, groups=len(query.select.group_by) > 0)


def _select(select: sql_pb2.Select, depth: int, *, derived: bool = False) -> None:
    if select.HasField("derived"):
        if derived:
            _refuse("a derived table directly inside a derived table")
        if len(select.derived.select.columns) > MAX_DERIVED_COLUMNS:
            _refuse(f"a derived table of more than {MAX_DERIVED_COLUMNS} columns")
        _query(select.derived, depth + 1, derived=True)
    if len(select.joins) >= MAX_TABLES:
        _refuse(f"a SELECT from more than {MAX_TABLES} tables")
    for key in (key for join in select.joins for key in join.on):
        _instance(key.left_instance)
    for column in select.columns:
        _value(column, groups=True)
    for group in select.group_by:
        if not _is_simple(group):
            _refuse("grouping by a calculation")
    if select.HasField("where"):
        _condition(select.where, depth, groups=False, level=0)
    if select.HasField("having"):
        _condition(select.having, depth, groups=True, level=0)


def _check_outputs(query: sql_pb2.Query) -> None:
    """After FROM, the text sees the first column of a derived table and those that the select list names."""
    select = query.select
    named = max((1, *_outputs(select.columns)))
    later = [*select.group_by, select.where, select.having, *query.order_by]
    if any(output > named for output in _outputs(later)):
        _refuse("a derived table's second column, where the select list does not name it,")


def _outputs(messages: Iterable[Message]) -> Iterator[int]:
    """Columns of the derived table that messages name, without those of nested queries."""
    for message in messages:
        if isinstance(message, sql_pb2.Expression) and message.HasField("output"):
            yield message.output
        for field, value in message.ListFields():
            if (
                field.message_type is None
                or field.message_type.full_name == sql_pb2.Query.DESCRIPTOR.full_name
            ):
                continue
            yield from _outputs(value if field.is_repeated else [value])


def _instance(instance: int) -> None:
    if instance > 2:
        _refuse("a third occurrence of a table")


def _is_column(expression: sql_pb2.Expression) -> bool:
    _instance(expression.instance)
    return expression.WhichOneof("kind") in ("column", "output")


def _is_simple(expression: sql_pb2.Expression) -> bool:
    """A column, or a function of one."""
    return _is_column(expression) or (expression.HasField("call") and _is_column(expression.call.argument))


def _is_aggregate(expression: sql_pb2.Expression) -> bool:
    if not expression.HasField("aggregate"):
        return False
    aggregate = expression.aggregate
    if aggregate.HasField("argument") and not _is_simple(aggregate.argument):
        _calculation(aggregate.argument, groups=False, right=False)
    return True


def _value(expression: sql_pb2.Expression, *, groups: bool) -> None:
    """Checks a value of a row or, with `groups`, of a group."""
    if _is_simple(expression) or (groups and _is_aggregate(expression)):
        return
    _calculation(expression, groups=groups and _begins_with_aggregate(expression), right=True)


def _begins_with_aggregate(expression: sql_pb2.Expression) -> bool:
    while expression.HasField("arithmetic"):
        expression = expression.arithmetic.left
    return expression.HasField("aggregate")


def _calculation(expression: sql_pb2.Expression, *, groups: bool, right: bool) -> None:
    """Checks `a + b`, `(a + b) + c` and, with `right` and over columns, `a + (b + c)`."""
    if not expression.HasField("arithmetic"):
        _refuse("a function of a calculation, or an aggregate here,")
    arithmetic = expression.arithmetic
    if arithmetic.left.HasField("arithmetic"):
        inner = arithmetic.left.arithmetic
        _operand(inner.left, groups=groups)
        _right(inner, groups=groups)
        _right(arithmetic, groups=groups)
        return
    _operand(arithmetic.left, groups=groups)
    if right and not groups and arithmetic.expression.HasField("arithmetic"):
        inner = arithmetic.expression.arithmetic
        _operand(inner.left, groups=False)
        _right(inner, groups=False)
    else:
        _right(arithmetic, groups=groups)


def _right(arithmetic: sql_pb2.Arithmetic, *, groups: bool) -> None:
    if arithmetic.HasField("expression"):
        _operand(arithmetic.expression, groups=groups)
    elif arithmetic.HasField("number") and not _CONSTANT.fullmatch(number_text(arithmetic.number)):
        _refuse(f"the number {arithmetic.number!r} in a calculation")


def _operand(expression: sql_pb2.Expression, *, groups: bool) -> None:
    if groups and not _is_aggregate(expression):
        _refuse("a calculation of aggregates and columns")
    if not groups and not _is_simple(expression):
        _refuse("a calculation nested this deeply")
    if expression.HasField("call") and _result(expression) != "number":
        _refuse("a calculation with a text")


def _result(expression: sql_pb2.Expression) -> str:
    """What a simple expression gives, as far as it says itself."""
    if not expression.HasField("call"):
        return ""
    function = expression.call.function
    if function in _TEXT_CALLS:
        return "text"
    return "date" if function == sql_pb2.SCALAR_FUNCTION_DATE else "number"


def _condition(condition: sql_pb2.Condition, depth: int, *, groups: bool, level: int) -> None:
    kind = condition.WhichOneof("kind")
    if kind in ("all", "any"):
        if level == MAX_GROUP_LEVELS:
            _refuse(f"more than {MAX_GROUP_LEVELS} levels of AND, OR and NOT")
        for part in (condition.all if kind == "all" else condition.any).conditions:
            _condition(part, depth, groups=groups, level=level + 1)
    elif groups:
        _group_test(condition, depth)
    else:
        _row_test(condition, depth)


def _row_test(condition: sql_pb2.Condition, depth: int) -> None:
    match condition.WhichOneof("kind"):
        case "compare":
            compare = condition.compare
            _value(compare.left, groups=False)
            right = compare.WhichOneof("right")
            if right != "value" and _result(compare.left) in ("text", "date"):
                _refuse("a comparison of a text function with anything but a given value")
            if right == "expression":
                _value(compare.expression, groups=False)
                if _result(compare.expression) in ("text", "date"):
                    _refuse("a comparison with a text function")
            elif right == "query":
                _query(compare.query, depth + 1)
        case "one_of":
            one_of = condition.one_of
            _value(one_of.left, groups=False)
            result = _result(one_of.left)
            if result == "date" or (result == "text" and one_of.HasField("query")):
                _refuse("a list for this function")
            if one_of.HasField("query"):
                _query(one_of.query, depth + 1)
        case "between":
            _value(condition.between.left, groups=False)
        case "like":
            if not _is_simple(condition.like.left) or _result(condition.like.left) in ("date", "number"):
                _refuse("a pattern for a number")
        case _:
            if not _is_column(condition.is_null.left):
                _refuse("IS NULL of anything but a column")


def _group_test(condition: sql_pb2.Condition, depth: int) -> None:
    match condition.WhichOneof("kind"):
        case "compare":
            compare = condition.compare
            _group_value(compare.left)
            if compare.HasField("expression"):
                _group_value(compare.expression)
            elif compare.HasField("query"):
                _query(compare.query, depth + 1)
        case "between":
            _group_value(condition.between.left)
        case _:
            _refuse("HAVING with anything but comparisons and BETWEEN")


def _group_value(expression: sql_pb2.Expression) -> None:
    if not _begins_with_aggregate(expression):
        _refuse("HAVING without an aggregate")
    _value(expression, groups=True)
