"""A contract in a few lines for a prompt, for a specialist whose weights do not know the contract."""

from __future__ import annotations

from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from narrowgauge.contracts.constraint.fields import is_derived, is_map, rules_of
from narrowgauge.contracts.constraint.well_known import JSON_KINDS, WRAPPERS
from narrowgauge.contracts.contract import Contract
from narrowgauge.contracts.validate import default_violations
from narrowgauge.v1 import options_pb2

__all__ = ["contract_instruction", "contract_text"]

_INTEGERS = {
    FieldDescriptor.CPPTYPE_INT32,
    FieldDescriptor.CPPTYPE_INT64,
    FieldDescriptor.CPPTYPE_UINT32,
    FieldDescriptor.CPPTYPE_UINT64,
}
_NAMED = {
    "google.protobuf.Timestamp": "time",
    "google.protobuf.Duration": "duration",
    "google.protobuf.FieldMask": "fields",
    "google.protobuf.Any": "any",
}
_MOST_VALUES = 24
_DEPTH = 3


def contract_text(contract: Contract) -> str:
    """Returns a line for each method: its name, its fields with their types and meanings, what it does.

    A `?` marks fields that may be left out. Enum values and `in` lists are written out, up to a length.
    """
    return "\n".join(
        f"{tool.name}({_fields(tool.request, _DEPTH)}): {' '.join(tool.description.split())}".rstrip(": ")
        for tool in contract.tools
    )


def contract_instruction(contract: Contract) -> str:
    """Returns the system text of a specialist that reads its contract instead of knowing it."""
    return f"Write the call.\n{contract_text(contract)}"


def _fields(message: Descriptor, depth: int) -> str:
    needed = default_violations(message)
    return ", ".join(
        _field(field, field.name in needed or field.is_required, depth)
        for field in message.fields
        if not is_derived(field)
    )


def _field(field: FieldDescriptor, needed: bool, depth: int) -> str:
    description = field.GetOptions().Extensions[options_pb2.value].description
    meaning = f" {description}" if description else ""
    return f"{field.json_name}{'' if needed else '?'}: {_type(field, depth)}{meaning}"


def _type(field: Any, depth: int) -> str:
    rules = rules_of(field)
    if is_map(field):
        return f"map of {_single(field.message_type.fields_by_name['value'], rules.map.values, depth)}"
    if field.is_repeated:
        return f"list of {_single(field, rules.repeated.items, depth)}"
    return _single(field, rules, depth)


def _single(field: Any, rules: Any, depth: int) -> str:
    target = field.message_type
    if target is not None:
        name = target.full_name
        if name in WRAPPERS:
            return _single(target.fields_by_name["value"], rules, depth)
        if name in JSON_KINDS:
            return "JSON"
        if name in _NAMED:
            return _NAMED[name]
        return "{" + _fields(target, depth - 1) + "}" if depth > 1 else "object"
    if field.cpp_type in _INTEGERS:
        return "integer"
    if field.type == FieldDescriptor.TYPE_ENUM:
        return _listed([value.name for value in field.enum_type.values if value.number != 0])
    if field.type == FieldDescriptor.TYPE_BOOL:
        return "boolean"
    if field.type == FieldDescriptor.TYPE_BYTES:
        return "bytes"
    if field.type == FieldDescriptor.TYPE_STRING:
        listed = list(getattr(rules.string, "in"))
        return _listed(listed) if listed else "string"
    return "number"


def _listed(values: list[str]) -> str:
    shown = values[:_MOST_VALUES]
    return "|".join(shown) + ("|…" if len(shown) < len(values) else "")
