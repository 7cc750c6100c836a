"""Gold calls of Salesforce records: from the format of `docs/eval.md` to the contract's messages."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from google.protobuf.message import Message

from narrowgauge.errors import Unsupported
from narrowgauge.tools.salesforce.v1 import salesforce_pb2 as pb

__all__ = ["OPERATORS", "gold_request"]

OPERATORS = {
    "=": pb.OPERATOR_EQUAL,
    "!=": pb.OPERATOR_NOT_EQUAL,
    "<>": pb.OPERATOR_NOT_EQUAL,
    "<": pb.OPERATOR_LESS,
    "<=": pb.OPERATOR_LESS_OR_EQUAL,
    ">": pb.OPERATOR_GREATER,
    ">=": pb.OPERATOR_GREATER_OR_EQUAL,
}
_FUNCTION = re.compile(r"^(\w+)\(\s*([\w.]*)\s*\)$")
_DATE = re.compile(
    r"^(\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}:\d{2}(\.\d+)?Z)?|YESTERDAY|TODAY|TOMORROW"
    r"|(LAST|THIS|NEXT)_(WEEK|MONTH|QUARTER|YEAR|FISCAL_QUARTER|FISCAL_YEAR)|(LAST|NEXT)_90_DAYS"
    r"|(LAST|NEXT)_N_\w+:\d+|N_\w+_AGO:\d+)$"
)


def gold_request(record: Mapping[str, Any]) -> tuple[str, Message]:
    """Builds the call that a record names.

    Args:
        record: In the form `salesforce` of `docs/eval.md`.

    Returns:
        Short name of the method, and its request message.

    Raises:
        Unsupported: The contract cannot say it; the message names the part.
    """
    object_name = record["object"]
    match record["operation"]:
        case "query":
            return "Query", _query(record)
        case "get":
            fields = record.get("fields") or []
            return "GetRecord", pb.GetRecordRequest(object=object_name, id=record["record_id"], fields=fields)
        case "create":
            fields = _field_values(record["fields"])
            return "CreateRecord", pb.CreateRecordRequest(object=object_name, fields=fields)
        case "update":
            fields = _field_values(record["fields"])
            message = pb.UpdateRecordRequest(object=object_name, id=record["record_id"], fields=fields)
            return "UpdateRecord", message
        case "upsert":
            external = record["external_id"]
            return "UpsertRecord", pb.UpsertRecordRequest(
                object=object_name,
                external_id_field=external["field"],
                external_id=str(external["value"]),
                fields=_field_values(record["fields"]),
            )
        case "delete":
            return "DeleteRecord", pb.DeleteRecordRequest(object=object_name, id=record["record_id"])
    raise Unsupported("NO_SUCH_OPERATION", f"the contract has no operation {record['operation']!r}")


def _field_values(fields: Mapping[str, Any]) -> list[pb.FieldValue]:
    result = []
    for name, value in fields.items():
        item = pb.FieldValue(field=name)
        # A word such as TODAY is a date in a comparison, and a text in a field.
        _set_value(item, value, date=str(value)[:1].isdigit() and bool(_DATE.match(str(value))))
        result.append(item)
    return result


def _set_value(item: pb.FieldValue | pb.Comparison, value: Any, *, date: bool) -> None:
    """Sets the member of `value` that a JSON value belongs to; a text may be a date."""
    if value is None:
        item.empty = True
    elif isinstance(value, bool):
        item.boolean = value
    elif isinstance(value, int | float):
        item.number = value
    elif date:
        item.date = value
    else:
        item.text = str(value)


def _query(record: Mapping[str, Any]) -> pb.QueryRequest:
    request = pb.QueryRequest(
        object=record["object"],
        select=[pb.Column(**_column(name)) for name in record["select"]],
        where=[_condition(item) for item in record.get("where") or []],
        limit=record.get("limit") or 0,
        offset=record.get("offset") or 0,
    )
    request.group_by.extend(pb.GroupKey(**_column(name)) for name in record.get("group_by") or [])
    for name, operator, number in record.get("having") or []:
        request.having.add(**_column(name), operator=OPERATORS[operator], number=number)
    for field, direction in record.get("order_by") or []:
        request.order_by.add(**_column(field), descending=direction.upper() == "DESC")
    return request


def _column(name: str) -> dict[str, Any]:
    """Splits `COUNT(Id)` into field and function."""
    call = _FUNCTION.match(name)
    if not call:
        return {"field": name}
    function = f"FUNCTION_{call[1].upper()}"
    if function not in pb.Function.keys():  # noqa: SIM118 - an enum wrapper is not a mapping
        raise Unsupported("NO_SUCH_FUNCTION", f"the contract has no function {call[1]}")
    return {"field": call[2] or "Id", "function": pb.Function.Value(function)}


def _condition(item: Any) -> pb.Condition:
    if isinstance(item, Mapping):
        kinds = {"or": "any_of", "and": "all_of", "not": "none_of"}
        (kind, inner), *rest = item.items()
        if rest or kind not in kinds:
            raise Unsupported("NO_SUCH_CONDITION", f"a condition is one of {sorted(kinds)}, not {kind!r}")
        condition = pb.Condition()
        getattr(condition, kinds[kind]).conditions.extend(_condition(part) for part in inner)
        return condition
    name, operator, value = item
    match operator.upper():
        case "LIKE":
            return pb.Condition(like=pb.Like(field=name, pattern=value))
        case "IN" | "NOT IN":
            negated = operator.upper() != "IN"
            return pb.Condition(among=pb.Membership(field=name, negated=negated, values=_strings(value)))
        case "INCLUDES" | "EXCLUDES":
            negated = operator.upper() != "INCLUDES"
            return pb.Condition(includes=pb.Inclusion(field=name, negated=negated, values=_strings(value)))
    if operator not in OPERATORS:
        raise Unsupported("NO_SUCH_OPERATOR", f"the contract has no operator {operator!r}")
    compare = pb.Comparison(field=name, operator=OPERATORS[operator])
    _set_value(compare, value, date=isinstance(value, str) and bool(_DATE.match(value)))
    return pb.Condition(compare=compare)


def _strings(values: Any) -> Sequence[str]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise Unsupported("NOT_A_LIST", "the contract takes a list of strings there")
    return values
