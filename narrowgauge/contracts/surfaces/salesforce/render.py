"""A call as text of the surface."""

from __future__ import annotations

from collections.abc import Iterable

from google.protobuf.message import Message

from narrowgauge.contracts.surfaces.salesforce.words import (
    FUNCTIONS,
    GROUPS,
    NULLS,
    OPERATORS,
    UNANSWERABLE,
    implied_keys,
    number_text,
    string_text,
)
from narrowgauge.errors import InvalidRequest
from narrowgauge.tools.salesforce.v1 import salesforce_pb2 as pb

__all__ = ["render"]


def render(request: Message) -> str:
    """Writes a valid request message.

    Raises:
        InvalidRequest: It has a value that the surface cannot write.
    """
    match request:
        case pb.QueryRequest():
            return _query(request)
        case pb.GetRecordRequest():
            fields = f": {', '.join(request.fields)}" if request.fields else ""
            return f"get {request.object} {request.id}{fields}"
        case pb.CreateRecordRequest():
            return f"create {request.object}: {_assignments(request.fields)}"
        case pb.UpdateRecordRequest():
            return f"update {request.object} {request.id}: {_assignments(request.fields)}"
        case pb.UpsertRecordRequest():
            key = f"{request.external_id_field} {string_text(request.external_id)}"
            return f"upsert {request.object} {key}: {_assignments(request.fields)}"
        case pb.DeleteRecordRequest():
            return f"delete {request.object} {request.id}"
        case pb.RefuseRequest():
            return UNANSWERABLE
    raise InvalidRequest("NOT_WRITABLE", f"{request.DESCRIPTOR.full_name} is not a request of this contract")


def _assignments(fields: Iterable[pb.FieldValue]) -> str:
    return ", ".join(f"{item.field} = {_value(item)}" for item in fields)


def _value(item: pb.FieldValue | pb.Comparison) -> str:
    match item.WhichOneof("value"):
        case "text":
            return string_text(item.text)
        case "number":
            return number_text(item.number)
        case "boolean":
            return "true" if item.boolean else "false"
        case "date":
            return item.date
        case "empty":
            return "null"
    raise InvalidRequest("NOT_WRITABLE", f"the field {item.field} has no value")


def _query(request: pb.QueryRequest) -> str:
    text = f"query {request.object}: {', '.join(_column(c.field, c.function) for c in request.select)}"
    if request.where:
        text += " where " + " and ".join(map(_condition, request.where))
    if list(request.group_by) != (implied := implied_keys(request.select)):
        if implied and not request.group_by:
            raise InvalidRequest("NOT_WRITABLE", "a field beside a function is no group key")
        text += " group by " + ", ".join(_column(key.field, key.function) for key in request.group_by)
    if request.having:
        tests = (
            f"{_column(h.field, h.function)} {OPERATORS[h.operator]} {number_text(h.number)}"
            for h in request.having
        )
        text += " having " + " and ".join(tests)
    if request.order_by:
        text += " order by " + ", ".join(map(_sort_key, request.order_by))
    if request.limit:
        text += f" limit {request.limit}"
    if request.offset:
        text += f" offset {request.offset}"
    return text


def _column(field: str, function: pb.Function.ValueType) -> str:
    return f"{FUNCTIONS[function]}({field})" if function else field


def _sort_key(key: pb.SortKey) -> str:
    return _column(key.field, key.function) + (" desc" if key.descending else "") + NULLS.get(key.nulls, "")


def _condition(condition: pb.Condition) -> str:
    kind = condition.WhichOneof("test")
    match kind:
        case "compare":
            compare = condition.compare
            return f"{compare.field} {OPERATORS[compare.operator]} {_value(compare)}"
        case "like":
            return f"{condition.like.field} like {string_text(condition.like.pattern)}"
        case "among":
            word = "not in" if condition.among.negated else "in"
            return f"{condition.among.field} {word} ({_strings(condition.among.values)})"
        case "includes":
            word = "excludes" if condition.includes.negated else "includes"
            return f"{condition.includes.field} {word} ({_strings(condition.includes.values)})"
        case "any_of" | "all_of" | "none_of":
            inner = getattr(condition, kind).conditions
            return f"{GROUPS[kind]}({'; '.join(map(_condition, inner))})"
    raise InvalidRequest("NOT_WRITABLE", "a condition without a test")


def _strings(values: Iterable[str]) -> str:
    return ", ".join(map(string_text, values))
