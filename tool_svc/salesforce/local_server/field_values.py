"""Checks the values that a client writes, and converts them to what the database holds."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import date, datetime, timedelta

from narrowgauge.demo.derived_fields import format_time
from narrowgauge.demo.record_ids import long_id
from tool_svc.salesforce.local_server.faults import Fault
from tool_svc.salesforce.local_server.schema import Field, Schema

__all__ = ["stored_value"]

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
_MAX_INT = 2**31


def stored_value(schema: Schema, field: Field, value: object, exists: Callable[[str], bool]) -> object:
    """Returns a field's value as the database holds it; an empty text is no value.

    Args:
        schema: The organisation's objects.
        field: The field that gets the value.
        value: As JSON carried it.
        exists: Tells whether a record id names a record that is not deleted.

    Raises:
        Fault: The value does not fit, in Salesforce's words.
    """
    if value is None or value == "":
        return None
    if isinstance(value, dict | list):
        raise _cannot_read(field, value)
    if field.type == "boolean":
        return _boolean(field, value)
    if field.is_number:
        return _number(field, value)
    if field.type in ("date", "datetime"):
        return _time(field, value)
    if field.type == "reference":
        return _reference(schema, field, str(value), exists)
    if isinstance(value, bool):
        raise _cannot_read(field, value)
    return _text(field, str(value))


def _boolean(field: Field, value: object) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise _cannot_read(field, value)


def _number(field: Field, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise _cannot_read(field, value)
    try:
        number = float(value)
    except ValueError:
        raise _cannot_read(field, value) from None
    if field.type == "int":
        if number != int(number):
            raise _cannot_read(field, value)
        if abs(number) >= _MAX_INT:
            raise _outside(field, value)
        return int(number)
    if abs(number) >= 10.0 ** (18 - field.scale):
        raise _outside(field, value)
    return round(number, field.scale)


def _time(field: Field, value: object) -> str:
    if not isinstance(value, str):
        raise _cannot_read(field, value)
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise _cannot_read(field, value) from None
    if field.type == "date":
        return date(moment.year, moment.month, moment.day).isoformat()
    offset = moment.utcoffset() or timedelta()
    return format_time(moment.replace(tzinfo=None) - offset)


def _reference(schema: Schema, field: Field, value: str, exists: Callable[[str], bool]) -> str:
    try:
        record_id = long_id(value)
    except ValueError:
        raise Fault(
            400, "MALFORMED_ID", f"{field.label}: id value of incorrect type: {value}", [field.name]
        ) from None
    target = schema.object_of(record_id)
    if target is None or target.name not in field.references:
        raise Fault(400, "MALFORMED_ID", f"{field.label}: id value of incorrect type: {value}", [field.name])
    if not exists(record_id):
        raise Fault(400, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", [field.name])
    return record_id


def _text(field: Field, value: str) -> str:
    if field.length and len(value) > field.length:
        raise Fault(
            400,
            "STRING_TOO_LONG",
            f"{field.label}: data value too large: {value} (max length={field.length})",
            [field.name],
        )
    if field.type == "email" and not _EMAIL.fullmatch(value):
        raise Fault(
            400, "INVALID_EMAIL_ADDRESS", f"{field.label}: invalid email address: {value}", [field.name]
        )
    if field.restricted:
        chosen = value.split(";") if field.type == "multipicklist" else [value]
        for name in chosen:
            if name not in field.values:
                raise Fault(
                    400,
                    "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
                    f"{field.label}: bad value for restricted picklist field: {name}",
                    [field.name],
                )
        return ";".join(name for name in field.values if name in chosen)
    return value


def _cannot_read(field: Field, value: object) -> Fault:
    kinds = {bool: "VALUE_TRUE" if value is True else "VALUE_FALSE", str: "VALUE_STRING"}
    kinds |= {int: "VALUE_NUMBER_INT", float: "VALUE_NUMBER_FLOAT", dict: "START_OBJECT", list: "START_ARRAY"}
    wanted = field.type if field.type in ("boolean", "int", "date", "datetime") else "double"
    if field.is_text:
        wanted = "string"
    shown = value if isinstance(value, str) else json.dumps(value)
    return Fault(
        400,
        "JSON_PARSER_ERROR",
        f"Cannot deserialize instance of {wanted} from {kinds[type(value)]} value {shown} for field "
        f"{field.name} or request may be missing a required field",
        [field.name],
    )


def _outside(field: Field, value: object) -> Fault:
    return Fault(
        400,
        "NUMBER_OUTSIDE_VALID_RANGE",
        f"{field.label}: value outside of valid range on numeric field: {value}",
        [field.name],
    )
