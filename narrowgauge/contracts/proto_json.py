"""Writes and reads canonical ProtoJSON: fields in number order, no white space, shortest numbers.

protobuf's own writer puts maps in arbitrary order and numbers with a superfluous `.0`, and leaves no field
out, so the writer is ours; the reader is protobuf's.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable
from typing import Any

from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.unknown_fields import UnknownFieldSet

from narrowgauge.contracts.constraint.numbers import float_text
from narrowgauge.contracts.constraint.strings import json_text
from narrowgauge.contracts.constraint.well_known import WRAPPERS
from narrowgauge.errors import InvalidRequest

__all__ = ["read_message", "scalar_text", "write_message"]

Check = Callable[[FieldDescriptor, Any], bool]
"""Called with each field that is set and its value; tells whether to write it, raises when it may not be."""


def read_message(text: str, into: Message) -> None:
    """Parses ProtoJSON into `into`.

    Raises:
        InvalidRequest: It is not ProtoJSON of this message, with the place.
    """
    pool: Any = into.DESCRIPTOR.file.pool
    try:
        if not text.lstrip().startswith("{"):
            # protobuf's reader takes a list or null for an empty message.
            raise json_format.ParseError("it is no JSON object")
        json_format.Parse(text, into, descriptor_pool=pool)
    except (json_format.ParseError, UnicodeError) as error:
        raise InvalidRequest(
            "NOT_PROTOJSON", f"not ProtoJSON of {into.DESCRIPTOR.full_name}: {error}"
        ) from error


def write_message(message: Message, check: Check = lambda descriptor, value: True) -> str:
    """Returns canonical ProtoJSON.

    Raises:
        InvalidRequest: The message holds what ProtoJSON has no text for, for example an unknown enum number.
    """
    return _message(message, check)


def _message(message: Any, check: Check) -> str:
    descriptor: Any = message.DESCRIPTOR
    name = descriptor.full_name
    if name in WRAPPERS:
        return scalar_text(descriptor.fields_by_name["value"], message.value)
    writer = _SPECIAL.get(name)
    if writer is not None:
        return writer(message, check)
    return "{" + ",".join(_members(message, check)) + "}"


def _members(message: Message, check: Check) -> list[str]:
    members = []
    for descriptor, value in sorted(message.ListFields(), key=lambda pair: pair[0].number):
        if descriptor.is_extension:
            raise _unwritable(descriptor, "an extension is not part of the contract")
        if not check(descriptor, value):
            continue
        members.append(f"{json_text(descriptor.json_name)}:{_field(descriptor, value, check)}")
    if len(UnknownFieldSet(message)):
        raise InvalidRequest(
            "UNKNOWN_FIELDS", f"{message.DESCRIPTOR.full_name} has fields that its contract lacks"
        )
    return members


def _field(descriptor: FieldDescriptor, value: Any, check: Check) -> str:
    if _is_map(descriptor):
        entry: Any = descriptor.message_type
        key_field, value_field = entry.fields_by_name["key"], entry.fields_by_name["value"]
        pairs = []
        for key in sorted(value):
            key_text = scalar_text(key_field, key)
            quoted = key_text if key_text.startswith('"') else f'"{key_text}"'
            pairs.append(f"{quoted}:{_value(value_field, value[key], check)}")
        return "{" + ",".join(pairs) + "}"
    if descriptor.is_repeated:
        return "[" + ",".join(_value(descriptor, item, check) for item in value) + "]"
    return _value(descriptor, value, check)


def _value(descriptor: FieldDescriptor, value: Any, check: Check) -> str:
    if descriptor.message_type is not None:
        return _message(value, check)
    return scalar_text(descriptor, value)


def scalar_text(descriptor: FieldDescriptor, value: Any) -> str:
    """Returns the canonical JSON text of one value of a field that is no message.

    Raises:
        InvalidRequest: An enum value has no name.
    """
    enum: Any = descriptor.enum_type
    match descriptor.cpp_type:
        case FieldDescriptor.CPPTYPE_STRING:
            if descriptor.type == FieldDescriptor.TYPE_BYTES:
                return f'"{base64.b64encode(value).decode()}"'
            return json_text(value)
        case FieldDescriptor.CPPTYPE_BOOL:
            return "true" if value else "false"
        case FieldDescriptor.CPPTYPE_INT64 | FieldDescriptor.CPPTYPE_UINT64:
            return f'"{value}"'
        case FieldDescriptor.CPPTYPE_FLOAT | FieldDescriptor.CPPTYPE_DOUBLE:
            return float_text(value, single=descriptor.cpp_type == FieldDescriptor.CPPTYPE_FLOAT)
        case FieldDescriptor.CPPTYPE_ENUM:
            if enum.full_name == "google.protobuf.NullValue":
                return "null"
            # Aliases share a number: the first name is the one that the grammar has.
            for known in enum.values:
                if known.number == value:
                    return f'"{known.name}"'
            raise _unwritable(descriptor, f"{value} is no value of {enum.full_name}")
    return str(value)


def _any(message: Any, check: Check) -> str:
    if not message.type_url:
        return "{}"
    name = message.type_url.rpartition("/")[2]
    try:
        held = GetMessageClass(message.DESCRIPTOR.file.pool.FindMessageTypeByName(name))()
    except KeyError as error:
        raise InvalidRequest(
            "UNKNOWN_TYPE", f"an Any holds {message.type_url}, which is not known"
        ) from error
    held.ParseFromString(message.value)
    head = f'"@type":{json_text(message.type_url)}'
    if held.DESCRIPTOR.full_name in _SPECIAL or held.DESCRIPTOR.full_name in WRAPPERS:
        return f'{{{head},"value":{_message(held, check)}}}'
    return "{" + ",".join([head, *_members(held, check)]) + "}"


def _by_protobuf(message: Message, check: Check) -> str:
    try:
        text = json.dumps(json_format.MessageToDict(message), ensure_ascii=False)
        # A mask or time that protobuf writes but cannot read back has no ProtoJSON.
        copy = type(message)()
        json_format.Parse(text, copy)
    except (json_format.Error, ValueError) as error:
        raise InvalidRequest("UNWRITABLE", f"{message.DESCRIPTOR.full_name}: {error}") from error
    if copy != message:
        raise InvalidRequest("UNWRITABLE", f"{message.DESCRIPTOR.full_name}: its JSON is another value")
    return text


def _json_value(message: Any, check: Check) -> str:
    match message.WhichOneof("kind"):
        case "null_value":
            return "null"
        case "bool_value":
            return "true" if message.bool_value else "false"
        case "string_value":
            return json_text(message.string_value)
        case "number_value":
            if not math.isfinite(message.number_value):
                raise InvalidRequest(
                    "UNWRITABLE", f"google.protobuf.Value: {message.number_value} is no JSON"
                )
            return float_text(message.number_value, single=False)
        case "struct_value":
            return _struct(message.struct_value, check)
        case "list_value":
            return _list(message.list_value, check)
    raise InvalidRequest("UNWRITABLE", "google.protobuf.Value: it has no value")


def _struct(message: Any, check: Check) -> str:
    pairs = (f"{json_text(key)}:{_json_value(message.fields[key], check)}" for key in sorted(message.fields))
    return "{" + ",".join(pairs) + "}"


def _list(message: Any, check: Check) -> str:
    return "[" + ",".join(_json_value(value, check) for value in message.values) + "]"


_SPECIAL: dict[str, Callable[[Any, Check], str]] = {
    "google.protobuf.Any": _any,
    "google.protobuf.Duration": _by_protobuf,
    "google.protobuf.FieldMask": _by_protobuf,
    "google.protobuf.ListValue": _list,
    "google.protobuf.Struct": _struct,
    "google.protobuf.Timestamp": _by_protobuf,
    "google.protobuf.Value": _json_value,
}


def _is_map(descriptor: FieldDescriptor) -> bool:
    return descriptor.message_type is not None and bool(descriptor.message_type.GetOptions().map_entry)


def _unwritable(descriptor: FieldDescriptor, reason: str) -> InvalidRequest:
    return InvalidRequest(
        "UNWRITABLE", f"{descriptor.full_name}: {reason}", field_violations=[(descriptor.full_name, reason)]
    )
