"""Random messages of any type without rules: what a caller could have sent, independent of the grammar."""

from __future__ import annotations

import math
import random
import struct
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

_INTEGERS = {
    FieldDescriptor.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, 2**64 - 1),
}
_CHARACTERS = '"\\/\b\f\n\r\t\0\x1f\x7f aZ09{}[]:,\u00e9\u2028\u2029\ud7ff\ue000\uffff\U0001f600\U0010ffff'


def random_message(descriptor: Descriptor, source: random.Random, depth: int = 3) -> Message:
    """Returns a message with some of its fields set, at most `depth` levels deep."""
    message = GetMessageClass(descriptor)()
    _fill(message, source, depth)
    return message


def _fill(message: Any, source: random.Random, depth: int) -> None:
    if _fill_well_known(message, source, depth):
        return
    for field in message.DESCRIPTOR.fields:
        if not field.is_required and source.random() < 0.5:
            continue
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            _fill_map(getattr(message, field.name), field, source, depth)
        elif field.is_repeated:
            _fill_list(getattr(message, field.name), field, source, depth)
        elif field.message_type is None:
            setattr(message, field.name, _scalar(field, source))
        elif depth > 0 or field.is_required:
            getattr(message, field.name).SetInParent()
            _fill(getattr(message, field.name), source, depth - 1)


def _fill_list(items: Any, field: FieldDescriptor, source: random.Random, depth: int) -> None:
    for _ in range(source.randint(0, 2)):
        if field.message_type is None:
            items.append(_scalar(field, source))
        elif depth > 0:
            _fill(items.add(), source, depth - 1)


def _fill_map(pairs: Any, field: Any, source: random.Random, depth: int) -> None:
    key_field, value_field = (field.message_type.fields_by_name[name] for name in ("key", "value"))
    for _ in range(source.randint(0, 2)):
        key = _scalar(key_field, source)
        if value_field.message_type is None:
            pairs[key] = _scalar(value_field, source)
        elif depth > 0:
            _fill(pairs[key], source, depth - 1)


def _fill_well_known(message: Any, source: random.Random, depth: int) -> bool:
    """Values of the types whose fields do not take every value; says whether this was one."""
    match message.DESCRIPTOR.full_name:
        case "google.protobuf.Timestamp":
            message.seconds = source.choice(
                [-62135596800, 253402300799, 0, source.randint(-(10**10), 10**11)]
            )
            message.nanos = source.choice([0, 5_000_000, 999_999_999])
        case "google.protobuf.Duration":
            sign = source.choice([-1, 1])
            message.seconds = sign * source.choice([0, 1, 59, 315_575_999_999])
            message.nanos = sign * source.choice([0, 1, 500_000_000])
        case "google.protobuf.FieldMask":
            message.paths.extend(
                source.sample(["a", "some_name", "some_name.other_field"], source.randint(0, 3))
            )
        case "google.protobuf.Any":
            pass
        case "google.protobuf.Value":
            _fill_value(message, source, min(depth, 2))
        case "google.protobuf.ListValue" if depth > 0:
            for _ in range(source.randint(0, 2)):
                _fill_value(message.values.add(), source, min(depth, 2) - 1)
        case "google.protobuf.Struct" if depth > 0:
            for _ in range(source.randint(0, 2)):
                _fill_value(message.fields[_text(source)], source, min(depth, 2) - 1)
        case _:
            return False
    return True


def _fill_value(message: Any, source: random.Random, depth: int) -> None:
    match source.randint(0, 5 if depth > 0 else 3):
        case 0:
            message.null_value = 0
        case 1:
            message.number_value = source.choice([0.0, -1.5, 1e21, 1e-7, 123456789.0, 0.1])
        case 2:
            message.string_value = _text(source)
        case 3:
            message.bool_value = source.random() < 0.5
        case 4:
            message.list_value.SetInParent()
            _fill(message.list_value, source, depth - 1)
        case 5:
            message.struct_value.SetInParent()
            _fill(message.struct_value, source, depth - 1)


def _text(source: random.Random) -> str:
    return "".join(source.choice(_CHARACTERS) for _ in range(source.choice([0, 1, 5, 40])))


def _scalar(field: Any, source: random.Random) -> Any:
    match field.cpp_type:
        case FieldDescriptor.CPPTYPE_STRING:
            if field.type == FieldDescriptor.TYPE_BYTES:
                return source.randbytes(source.choice([0, 1, 2, 3, 20]))
            return _text(source)
        case FieldDescriptor.CPPTYPE_BOOL:
            return source.random() < 0.5
        case FieldDescriptor.CPPTYPE_ENUM:
            return source.choice(field.enum_type.values).number
        case FieldDescriptor.CPPTYPE_DOUBLE | FieldDescriptor.CPPTYPE_FLOAT:
            return _float(field.cpp_type == FieldDescriptor.CPPTYPE_FLOAT, source)
    low, high = _INTEGERS[field.cpp_type]
    return source.choice([low, high, 0, 1, source.randint(low, high)])


def _float(single: bool, source: random.Random) -> float:
    special = [0.0, -0.0, 1.0, 0.1, -2.5, 1e20, 1e21, 1e-6, 1e-7, math.inf, -math.inf, math.nan]
    kind = source.random()
    if kind < 0.5:
        return source.choice(special)
    if kind < 0.75:
        return source.uniform(-1e6, 1e6)
    while True:
        raw = struct.unpack("<f" if single else "<d", source.randbytes(4 if single else 8))[0]
        # The grammar ends at 1.7e308 and 3.4e38, and at the smallest normal number.
        most, least = (3.39e38, 1.2e-37) if single else (1.69e308, 1e-306)
        if least < abs(raw) < most:
            return float(raw)
