"""One form for queries that say the same: what `exact` compares.

The contract's messages already have no aliases and one spelling of names. Here the order of conditions, the
order of inner joins and the ways to write one condition are taken away as well.
"""

from __future__ import annotations

from typing import Any

from narrowgauge.tools.sql.v1 import sql_pb2 as pb

__all__ = ["canonical_query", "literals_of", "without_case"]

_MIRRORED = {
    pb.COMPARATOR_LESS: pb.COMPARATOR_GREATER,
    pb.COMPARATOR_LESS_OR_EQUAL: pb.COMPARATOR_GREATER_OR_EQUAL,
    pb.COMPARATOR_GREATER: pb.COMPARATOR_LESS,
    pb.COMPARATOR_GREATER_OR_EQUAL: pb.COMPARATOR_LESS_OR_EQUAL,
}


def canonical_query(request: pb.QueryRequest) -> Any:
    """Returns a value that is equal for two requests when they are equal in canonical form."""
    if request.WhichOneof("call") != "query":
        return "unanswerable"
    return _query(request.query)


def without_case(request: pb.QueryRequest) -> pb.QueryRequest:
    """Returns a copy whose text values are in lower case."""
    copy = pb.QueryRequest()
    copy.CopyFrom(request)

    def walk(message: Any) -> None:
        if isinstance(message, pb.Literal) and message.WhichOneof("kind") == "text":
            message.text = message.text.lower()
        elif isinstance(message, pb.Match):
            message.pattern = message.pattern.lower()
        for field, value in message.ListFields():
            if field.message_type is not None:
                for part in value if field.is_repeated else (value,):
                    walk(part)

    walk(copy)
    return copy


def literals_of(request: pb.QueryRequest) -> list[str | float]:
    """Returns the values that a query compares with, in its order, each once."""
    found: dict[str | float, None] = {}

    def walk(message: Any) -> None:
        if isinstance(message, pb.Literal):
            found[_value(message)] = None
        elif isinstance(message, pb.Match):
            found[message.pattern] = None
        for field, value in message.ListFields():
            if field.message_type is not None:
                for part in value if field.is_repeated else (value,):
                    walk(part)

    walk(request)
    return list(found)


def _query(query: pb.Query) -> Any:
    combined = None
    if query.HasField("combine"):
        combined = (query.combine.operator, _select(query.combine.select))
    return (
        "query",
        _select(query.select),
        combined,
        tuple((_expression(key.expression), key.descending) for key in query.order_by),
        query.limit if query.HasField("limit") else None,
        query.offset,
    )


def _select(select: pb.Select) -> Any:
    grouped = tuple(sorted((_expression(key) for key in select.group_by), key=repr))
    return (
        "select",
        _source(select),
        select.distinct,
        select.all_columns,
        tuple(_expression(column) for column in select.columns),
        _condition(select.where) if select.HasField("where") else None,
        grouped,
        _condition(select.having) if select.HasField("having") else None,
    )


def _source(select: pb.Select) -> Any:
    if select.HasField("derived"):
        return _query(select.derived)
    tables = [select.table, *(join.table for join in select.joins)]
    inner = all(join.kind == pb.JOIN_KIND_INNER for join in select.joins)
    joins = [(join.kind, join.table, frozenset(_key(key) for key in join.on)) for join in select.joins]
    if inner and len(set(tables)) == len(tables):
        # Inner joins of different tables commute: the tables and the keys say all.
        return ("tables", frozenset(tables), frozenset(key for _, _, keys in joins for key in keys))
    return ("tables", select.table, tuple(joins))


def _key(key: pb.JoinKey) -> Any:
    return frozenset({(key.left, key.left_instance), (key.right, 0)})


def _expression(expression: pb.Expression) -> Any:
    match expression.WhichOneof("kind"):
        case "column":
            return ("column", expression.column, expression.instance)
        case "aggregate":
            aggregate = expression.aggregate
            argument = _expression(aggregate.argument) if aggregate.HasField("argument") else None
            return ("aggregate", aggregate.function, aggregate.distinct, argument)
        case "arithmetic":
            return _arithmetic(expression.arithmetic)
        case "call":
            return ("call", expression.call.function, _expression(expression.call.argument))
    return ("output", expression.output)


def _arithmetic(arithmetic: pb.Arithmetic) -> Any:
    left = _expression(arithmetic.left)
    kind = arithmetic.WhichOneof("right")
    if kind == "expression":
        right = _expression(arithmetic.expression)
        if arithmetic.operator in (pb.ARITHMETIC_OPERATOR_ADD, pb.ARITHMETIC_OPERATOR_MULTIPLY):
            left, right = sorted((left, right), key=repr)
    else:
        right = ("value", float(arithmetic.integer if kind == "integer" else arithmetic.number))
    return ("arithmetic", arithmetic.operator, left, right)


def _condition(condition: pb.Condition) -> Any:
    match condition.WhichOneof("kind"):
        case "compare":
            return _comparison(condition.compare)
        case "one_of":
            return _membership(condition.one_of)
        case "between":
            return _range(condition.between)
        case "like":
            like = condition.like
            return ("like", like.negated, _expression(like.left), like.pattern.lower())
        case "is_null":
            return ("null", condition.is_null.negated, _expression(condition.is_null.left))
        case "all":
            return _group("all", condition.all)
    return _group("any", condition.any)


def _group(kind: str, group: pb.ConditionGroup) -> Any:
    parts: set[Any] = set()
    for part in map(_condition, group.conditions):
        parts |= part[1] if part[0] == kind else {part}
    result = (kind, frozenset(parts)) if len(parts) > 1 else next(iter(parts))
    return ("not", result) if group.negated else result


def _comparison(compare: pb.Comparison) -> Any:
    left, operator = _expression(compare.left), compare.operator
    match compare.WhichOneof("right"):
        case "value":
            right: Any = ("value", _value(compare.value))
        case "query":
            right = _query(compare.query)
        case _:
            right = _expression(compare.expression)
            if repr(left) > repr(right):
                left, right, operator = right, left, _MIRRORED.get(operator, operator)
    return ("compare", operator, left, right)


def _membership(one_of: pb.Membership) -> Any:
    left = _expression(one_of.left)
    if one_of.HasField("query"):
        return ("in", one_of.negated, left, _query(one_of.query))
    values = frozenset(_value(item) for item in one_of.values.items)
    if len(values) == 1:
        operator = pb.COMPARATOR_NOT_EQUAL if one_of.negated else pb.COMPARATOR_EQUAL
        return ("compare", operator, left, ("value", next(iter(values))))
    return ("in", one_of.negated, left, values)


def _range(between: pb.Range) -> Any:
    left = _expression(between.left)
    low = ("compare", pb.COMPARATOR_GREATER_OR_EQUAL, left, ("value", _value(between.low)))
    high = ("compare", pb.COMPARATOR_LESS_OR_EQUAL, left, ("value", _value(between.high)))
    both = ("all", frozenset({low, high}))
    return ("not", both) if between.negated else both


def _value(literal: pb.Literal) -> str | float:
    kind = literal.WhichOneof("kind")
    if kind in ("integer", "number", "boolean"):
        return float(getattr(literal, kind))
    return str(getattr(literal, kind or "text"))
