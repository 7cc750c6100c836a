"""One form for Salesforce calls that do the same: what `exact` compares.

| written | equal |
|---|---|
| an id of 18 characters | its first 15, without the check characters |
| a condition on `IsWon` or `IsClosed` | the one on the stage or status that defines it |
| a date literal | the range of days that it stands for on the given day |
| several conditions on one date field | their intersection |
| `among` one value, a pattern without wildcards | `=` |
| `any_of` equalities of one field | `among` |
| end of an event | its duration |
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from google.protobuf.message import Message

from narrowgauge.demo.record_ids import RECORD_ID
from narrowgauge.evaluation.salesforce_dates import is_date, range_of
from narrowgauge.tools.salesforce.v1 import salesforce_pb2 as pb

__all__ = ["call_items", "canonical_call"]

_EARLIEST, _LATEST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
_NEGATED = {
    pb.OPERATOR_EQUAL: pb.OPERATOR_NOT_EQUAL,
    pb.OPERATOR_NOT_EQUAL: pb.OPERATOR_EQUAL,
    pb.OPERATOR_LESS: pb.OPERATOR_GREATER_OR_EQUAL,
    pb.OPERATOR_GREATER_OR_EQUAL: pb.OPERATOR_LESS,
    pb.OPERATOR_GREATER: pb.OPERATOR_LESS_OR_EQUAL,
    pb.OPERATOR_LESS_OR_EQUAL: pb.OPERATOR_GREATER,
}
# What the flags of the standard organisation stand for: object, flag -> field and its values.
_FLAGS: dict[tuple[str, str], tuple[str, frozenset[str]]] = {
    ("opportunity", "iswon"): ("stagename", frozenset({"closed won"})),
    ("opportunity", "isclosed"): ("stagename", frozenset({"closed won", "closed lost"})),
    ("case", "isclosed"): ("status", frozenset({"closed"})),
    ("task", "isclosed"): ("status", frozenset({"completed"})),
}
# Objects to which a parent path leads, for the flags above.
_PARENTS = {"opportunity": "opportunity", "case": "case", "what": ""}


def canonical_call(method: str, request: Message, today: date) -> Any:
    """Returns a value that is equal for two calls when they do the same on the given day."""
    if isinstance(request, pb.QueryRequest):
        return (method, frozenset(call_items(method, request, today)), _order(request), request.offset)
    return (method, frozenset(call_items(method, request, today)))


def call_items(method: str, request: Message, today: date) -> set[Any]:
    """Returns the parts of a call, for its F1: object, id, fields with values, columns, conditions."""
    if isinstance(request, pb.QueryRequest):
        return _query_items(request, today)
    if isinstance(request, pb.GetRecordRequest):
        return {*_record(request.object, request.id), *(("column", name.lower()) for name in request.fields)}
    if isinstance(request, pb.DeleteRecordRequest):
        return set(_record(request.object, request.id))
    if isinstance(request, pb.UpdateRecordRequest):
        return {*_record(request.object, request.id), *_fields(request.object, request.fields)}
    if isinstance(request, pb.CreateRecordRequest):
        return {("object", request.object.lower()), *_fields(request.object, request.fields)}
    assert isinstance(request, pb.UpsertRecordRequest), method
    key = ("external id", request.external_id_field.lower(), request.external_id.lower())
    return {("object", request.object.lower()), key, *_fields(request.object, request.fields)}


def _record(object_name: str, record: str) -> tuple[Any, ...]:
    return ("object", object_name.lower()), ("id", _text(record))


def _text(value: str) -> str:
    """Returns an id in its short form, other text as it is."""
    return value[:15] if _is_id(value) else value


def _is_id(value: str) -> bool:
    # Every object's key prefix has a digit; a word of fifteen letters has none.
    return bool(RECORD_ID.fullmatch(value)) and any(char.isdigit() for char in value[:3])


def _fields(object_name: str, fields: Iterable[pb.FieldValue]) -> set[Any]:
    values = {item.field.lower(): _field_value(item) for item in fields}
    if object_name.lower() == "event":
        values = _event_times(values)
    return {("field", name, value) for name, value in values.items()}


def _field_value(item: pb.FieldValue) -> Any:
    match item.WhichOneof("value"):
        case "empty" | None:
            return None
        case "date":
            return _instant(item.date)
        case "text":
            return _instant(item.text) if re.match(r"\d{4}-\d{2}-\d{2}", item.text) else _text(item.text)
        case "boolean":
            return item.boolean
    return ("number", item.number)


def _instant(text: str) -> Any:
    try:
        start, _ = range_of(text, date.min)
    except ValueError:
        return text
    return ("time" if "T" in text else "date", start)


def _event_times(values: dict[str, Any]) -> dict[str, Any]:
    """Writes an event's times as its start and its minutes; a time given twice counts once."""
    result = dict(values)
    start = result.pop("activitydatetime", None) or result.get("startdatetime")
    if start is not None:
        result["startdatetime"] = start
    end = result.get("enddatetime")
    begins, ends = _time_of(start), _time_of(end)
    if begins is not None and ends is not None:
        del result["enddatetime"]
        result["durationinminutes"] = ("number", (ends - begins) / timedelta(minutes=1))
    day = result.get("activitydate")
    if begins is not None and isinstance(day, tuple) and day[0] == "date" and day[1].date() == begins.date():
        del result["activitydate"]
    return result


def _time_of(value: Any) -> datetime | None:
    """Returns the instant of a field's value; None for a date or another value."""
    is_time = isinstance(value, tuple) and value[0] == "time"
    return value[1] if is_time and isinstance(value[1], datetime) else None


def _query_items(request: pb.QueryRequest, today: date) -> set[Any]:
    items: set[Any] = {("object", request.object.lower())}
    items |= {("column", column.field.lower(), column.function) for column in request.select}
    items |= {("group", key.field.lower(), key.function) for key in request.group_by}
    items |= {("having", c.field.lower(), c.function, c.operator, c.number) for c in request.having}
    items |= {("order", *key) for key in _order(request)}
    if request.limit:
        items.add(("limit", request.limit))
    return items | {("where", item) for item in _conjunction(request.where, request.object.lower(), today)}


def _order(request: pb.QueryRequest) -> tuple[Any, ...]:
    return tuple((key.field.lower(), key.function, key.descending, key.nulls) for key in request.order_by)


def _conjunction(conditions: Iterable[pb.Condition], object_name: str, today: date) -> frozenset[Any]:
    """Returns conditions that all hold; those on one date field become one range."""
    parts: set[Any] = set()
    for condition in conditions:
        part = _condition(condition, object_name, today)
        parts |= part[1] if part[0] == "all" else {part}
    ranges: dict[str, tuple[datetime, datetime]] = {}
    for part in [part for part in parts if part[0] == "time"]:
        parts.discard(part)
        _, field, low, high = part
        earlier = ranges.get(field, (_EARLIEST, _LATEST))
        ranges[field] = max(earlier[0], low), min(earlier[1], high)
    return frozenset(parts | {("time", field, *bounds) for field, bounds in ranges.items()})


def _condition(condition: pb.Condition, object_name: str, today: date, *, negated: bool = False) -> Any:
    match condition.WhichOneof("test"):
        case "compare":
            return _comparison(condition.compare, object_name, today, negated)
        case "like":
            like = condition.like
            if not set(like.pattern) & set("%_"):
                return _values(object_name, like.field, [like.pattern], negated)
            return ("like", negated, like.field.lower(), like.pattern.lower())
        case "among":
            among = condition.among
            return _values(object_name, among.field, among.values, negated != among.negated)
        case "includes":
            includes = condition.includes
            values = frozenset(frozenset(value.lower().split(";")) for value in includes.values)
            return ("includes", negated != includes.negated, includes.field.lower(), values)
        case "any_of":
            return _any(condition.any_of.conditions, object_name, today, negated)
        case "none_of":
            return _any(condition.none_of.conditions, object_name, today, not negated)
    inner = condition.all_of.conditions
    if negated:
        return _group("any", (_condition(c, object_name, today, negated=True) for c in inner))
    return ("all", _conjunction(inner, object_name, today))


def _any(conditions: Sequence[pb.Condition], object_name: str, today: date, negated: bool) -> Any:
    parts = [_condition(condition, object_name, today, negated=negated) for condition in conditions]
    if negated:
        return ("all", frozenset(parts))
    if len({part[:3] for part in parts}) == 1 and parts[0][:2] == ("values", False):
        return ("values", False, parts[0][2], frozenset().union(*(part[3] for part in parts)))
    return _group("any", parts)


def _group(kind: str, parts: Iterable[Any]) -> Any:
    distinct: set[Any] = set()
    for part in parts:
        distinct |= part[1] if part[0] == kind else {part}
    return (kind, frozenset(distinct)) if len(distinct) > 1 else next(iter(distinct))


def _comparison(compare: pb.Comparison, object_name: str, today: date, negated: bool) -> Any:
    field = compare.field.lower()
    operator = _NEGATED[compare.operator] if negated else compare.operator
    kind = compare.WhichOneof("value")
    if kind == "boolean":
        wanted = compare.boolean == (operator == pb.OPERATOR_EQUAL)
        return _flag(object_name, field, wanted)
    if kind == "empty":
        return ("empty", operator == pb.OPERATOR_EQUAL, field)
    if kind == "number":
        return ("number", operator, field, compare.number)
    text = compare.date if kind == "date" else compare.text
    if kind == "date" or is_date(text):
        return _time(field, operator, text, today)
    if operator in (pb.OPERATOR_EQUAL, pb.OPERATOR_NOT_EQUAL):
        return _values(object_name, field, [text], operator == pb.OPERATOR_NOT_EQUAL)
    return ("text", operator, field, text.lower())


def _values(object_name: str, field: str, values: Iterable[str], negated: bool) -> Any:
    """Returns "the field has one of these values"; text is compared without regard to case, ids are not."""
    return ("values", negated, field.lower(), frozenset(_value(value) for value in values))


def _value(value: str) -> str:
    return value[:15] if _is_id(value) else value.lower()


def _flag(object_name: str, field: str, wanted: bool) -> Any:
    path, _, name = field.rpartition(".")
    owner = _PARENTS.get(path.rpartition(".")[2], path.rpartition(".")[2]) if path else object_name
    meaning = _FLAGS.get((owner, name))
    if meaning is None:
        return ("flag", field, wanted)
    target, values = meaning
    return ("values", not wanted, f"{path}.{target}" if path else target, values)


def _time(field: str, operator: int, text: str, today: date) -> Any:
    low, high = range_of(text, today)
    match operator:
        case pb.OPERATOR_EQUAL:
            return ("time", field, low, high)
        case pb.OPERATOR_NOT_EQUAL:
            return ("not time", field, low, high)
        case pb.OPERATOR_LESS:
            return ("time", field, _EARLIEST, low)
        case pb.OPERATOR_LESS_OR_EQUAL:
            return ("time", field, _EARLIEST, high)
        case pb.OPERATOR_GREATER:
            return ("time", field, high, _LATEST)
    return ("time", field, low, _LATEST)
