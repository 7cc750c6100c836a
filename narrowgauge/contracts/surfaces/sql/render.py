"""Writes a request as canonical SQL text."""

from __future__ import annotations

from collections.abc import Iterable

from narrowgauge.contracts.surfaces.sql.scope import Scope
from narrowgauge.contracts.surfaces.sql.shape import check_shape
from narrowgauge.contracts.surfaces.sql.words import (
    AGGREGATES,
    ARITHMETIC,
    CALL_END,
    CALL_START,
    COMPARATORS,
    JOINS,
    SET_OPERATORS,
    UNANSWERABLE,
    derived_column,
    identifier,
    integer_text,
    number_text,
    string_text,
)
from narrowgauge.errors import InvalidRequest
from narrowgauge.tools.sql.v1 import sql_pb2

__all__ = ["render_request"]


def render_request(request: sql_pb2.QueryRequest) -> str:
    """Writes a valid request.

    Raises:
        InvalidRequest: It is not valid, names a column outside its scope, or nests deeper than the text does.
    """
    if request.WhichOneof("call") == "unanswerable":
        return UNANSWERABLE
    check_shape(request)
    return _query(request.query)


def _query(query: sql_pb2.Query, *, derived: bool = False) -> str:
    scope = Scope.of(query.select)
    text = _select(query.select, scope, derived=derived)
    if query.HasField("combine"):
        right = query.combine.select
        text += SET_OPERATORS[query.combine.operator] + _select(right, Scope.of(right))
    if query.order_by:
        keys = (_expression(key.expression, scope) + " DESC" * key.descending for key in query.order_by)
        text += " ORDER BY " + ", ".join(keys)
    if query.HasField("limit"):
        text += f" LIMIT {query.limit}"
    if query.HasField("offset"):
        text += f" OFFSET {query.offset}"
    return text


def _select(select: sql_pb2.Select, scope: Scope, *, derived: bool = False) -> str:
    columns = [_expression(column, scope) for column in select.columns]
    if derived:
        columns = [f"{text} AS {derived_column(n)}" for n, text in enumerate(columns, 1)]
    words = ("SELECT", *["DISTINCT"] * select.distinct, ", ".join(columns) or "*", "FROM ")
    text = " ".join(words)
    text += f"({_query(select.derived, derived=True)}) AS d" if select.HasField("derived") else ""
    text += _tables(select, scope)
    if select.HasField("where"):
        text += " WHERE " + _condition(select.where, scope)
    if select.group_by:
        text += " GROUP BY " + ", ".join(_expression(key, scope) for key in select.group_by)
    if select.HasField("having"):
        text += " HAVING " + _condition(select.having, scope)
    return text


def _tables(select: sql_pb2.Select, scope: Scope) -> str:
    texts = []
    for index, source in enumerate(scope.sources):
        table = identifier(source.table)
        if source.instance:
            table += f" AS {identifier(source.name)}"
        if index == 0:
            texts.append(table)
            continue
        join = select.joins[index - 1]
        earlier = Scope(scope.sources[:index])
        keys = []
        for key in join.on:
            left, left_name = earlier.split(key.left, key.left_instance)
            if not key.right.startswith(source.table + "."):
                raise InvalidRequest(
                    "COLUMN_OUT_OF_SCOPE",
                    f"key {key.right} is not a column of the joined table {source.table}",
                )
            right_name = key.right[len(source.table) + 1 :]
            keys.append(
                f"{identifier(left.name)}.{identifier(left_name)} = "
                f"{identifier(source.name)}.{identifier(right_name)}"
            )
        texts.append(JOINS[join.kind] + table + (" ON " + " AND ".join(keys) if keys else ""))
    return "".join(texts)


def _expression(expression: sql_pb2.Expression, scope: Scope) -> str:
    match expression.WhichOneof("kind"):
        case "column":
            return scope.write(expression.column, expression.instance)
        case "output":
            return scope.write_output(expression.output)
        case "call":
            call = expression.call
            return CALL_START[call.function] + _expression(call.argument, scope) + CALL_END
        case "aggregate":
            aggregate = expression.aggregate
            inner = _expression(aggregate.argument, scope) if aggregate.HasField("argument") else "*"
            return f"{AGGREGATES[aggregate.function]}({'DISTINCT ' * aggregate.distinct}{inner})"
        case "arithmetic":
            arithmetic = expression.arithmetic
            left = _operand(arithmetic.left, scope)
            return left + ARITHMETIC[arithmetic.operator] + _right_operand(arithmetic, scope)
        case _:
            raise InvalidRequest("INVALID_CALL", "an expression is empty")


def _operand(expression: sql_pb2.Expression, scope: Scope) -> str:
    text = _expression(expression, scope)
    return f"({text})" if expression.HasField("arithmetic") else text


def _right_operand(arithmetic: sql_pb2.Arithmetic, scope: Scope) -> str:
    match arithmetic.WhichOneof("right"):
        case "integer":
            return integer_text(arithmetic.integer)
        case "number":
            return number_text(arithmetic.number)
        case _:
            return _operand(arithmetic.expression, scope)


def _condition(condition: sql_pb2.Condition, scope: Scope, *, within: str = "") -> str:
    match condition.WhichOneof("kind"):
        case "all":
            return _group(condition.all, " AND ", scope, parentheses=False)
        case "any":
            return _group(condition.any, " OR ", scope, parentheses=within == " AND ")
        case "compare":
            compare = condition.compare
            text = _expression(compare.left, scope) + COMPARATORS[compare.operator]
            match compare.WhichOneof("right"):
                case "value":
                    return text + _literal(compare.value)
                case "query":
                    return f"{text}({_query(compare.query)})"
                case _:
                    return text + _expression(compare.expression, scope)
        case "one_of":
            one_of = condition.one_of
            text = _expression(one_of.left, scope) + " NOT" * one_of.negated + " IN "
            if one_of.HasField("query"):
                return f"{text}({_query(one_of.query)})"
            return f"{text}({', '.join(_literals(one_of.values.items))})"
        case "between":
            between = condition.between
            text = _expression(between.left, scope) + " NOT" * between.negated + " BETWEEN "
            return text + _literal(between.low) + " AND " + _literal(between.high)
        case "like":
            like = condition.like
            text = _expression(like.left, scope) + " NOT" * like.negated + " LIKE "
            return text + string_text(like.pattern)
        case "is_null":
            is_null = condition.is_null
            return _expression(is_null.left, scope) + " IS" + " NOT" * is_null.negated + " NULL"
        case _:
            raise InvalidRequest("INVALID_CALL", "a condition is empty")


def _group(group: sql_pb2.ConditionGroup, word: str, scope: Scope, *, parentheses: bool) -> str:
    text = word.join(_condition(condition, scope, within=word) for condition in group.conditions)
    if group.negated:
        return f"NOT ({text})"
    return f"({text})" if parentheses else text


def _literals(literals: Iterable[sql_pb2.Literal]) -> list[str]:
    return [_literal(literal) for literal in literals]


def _literal(literal: sql_pb2.Literal) -> str:
    match literal.WhichOneof("kind"):
        case "text":
            return string_text(literal.text)
        case "date":
            return string_text(literal.date)
        case "integer":
            return integer_text(literal.integer)
        case "number":
            return number_text(literal.number)
        case "boolean":
            return "TRUE" if literal.boolean else "FALSE"
        case _:
            raise InvalidRequest("INVALID_CALL", "a literal is empty")
