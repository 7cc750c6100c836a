"""The grammar of a field's single value, by the field's type."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from narrowgauge.contracts.constraint.coverage import Coverage
from narrowgauge.contracts.constraint.lark import literal
from narrowgauge.contracts.constraint.limits import Limits
from narrowgauge.contracts.constraint.number_scalars import float_scalar, integer_scalar
from narrowgauge.contracts.constraint.scalar import Scalar
from narrowgauge.contracts.constraint.scalars import bool_scalar, bytes_scalar, enum_scalar, string_scalar
from narrowgauge.contracts.constraint.strings import string_rule

__all__ = ["field_scalar", "with_zero"]

_INTEGERS = {
    FieldDescriptor.TYPE_INT32: ("int32", 32, True),
    FieldDescriptor.TYPE_INT64: ("int64", 64, True),
    FieldDescriptor.TYPE_UINT32: ("uint32", 32, False),
    FieldDescriptor.TYPE_UINT64: ("uint64", 64, False),
    FieldDescriptor.TYPE_SINT32: ("sint32", 32, True),
    FieldDescriptor.TYPE_SINT64: ("sint64", 64, True),
    FieldDescriptor.TYPE_FIXED32: ("fixed32", 32, False),
    FieldDescriptor.TYPE_FIXED64: ("fixed64", 64, False),
    FieldDescriptor.TYPE_SFIXED32: ("sfixed32", 32, True),
    FieldDescriptor.TYPE_SFIXED64: ("sfixed64", 64, True),
}
_ZEROS = {
    FieldDescriptor.CPPTYPE_STRING: '""',
    FieldDescriptor.CPPTYPE_BOOL: "false",
    FieldDescriptor.CPPTYPE_FLOAT: "0",
    FieldDescriptor.CPPTYPE_DOUBLE: "0",
    FieldDescriptor.CPPTYPE_INT32: "0",
    FieldDescriptor.CPPTYPE_UINT32: "0",
    FieldDescriptor.CPPTYPE_INT64: '"0"',
    FieldDescriptor.CPPTYPE_UINT64: '"0"',
}


def field_scalar(
    member: FieldDescriptor,
    rules: Any,
    limits: Limits,
    coverage: Coverage,
    *,
    exclude_zero: bool = False,
    quoted: bool = False,
) -> Scalar:
    """Returns the grammar of a value that is no message.

    Args:
        member: The field.
        rules: Its rules.
        limits: Bounds where the contract sets none.
        coverage: Takes the bound of a string.
        exclude_zero: Zero is not allowed.
        quoted: Numbers and truth values stand in quotes, as keys of maps do.

    Raises:
        Unsatisfiable: No value satisfies the rules.
    """
    kind = member.type
    enum: Any = member.enum_type
    if kind in _INTEGERS:
        name, bits, signed = _INTEGERS[kind]
        exclude = frozenset({0}) if exclude_zero else frozenset[int]()
        return integer_scalar(
            getattr(rules, name), bits=bits, signed=signed, quoted=quoted or bits == 64, exclude=exclude
        )
    match kind:
        case FieldDescriptor.TYPE_STRING:
            rule = string_rule(rules.string, limits)
            rule = replace(rule, low=max(rule.low, 1)) if exclude_zero else rule
            coverage.bounds.setdefault(member.full_name, rule.high)
            return string_scalar(rule)
        case FieldDescriptor.TYPE_BYTES:
            return bytes_scalar(rules.bytes, limits, exclude_zero=exclude_zero)
        case FieldDescriptor.TYPE_BOOL:
            return bool_scalar(rules.bool, quoted=quoted, exclude_zero=exclude_zero)
        case FieldDescriptor.TYPE_ENUM:
            return enum_scalar(rules.enum, enum, exclude_zero=exclude_zero)
        case FieldDescriptor.TYPE_FLOAT:
            return float_scalar(rules.float, single=True, exclude_zero=exclude_zero)
    return float_scalar(rules.double, single=False, exclude_zero=exclude_zero)


def with_zero(member: FieldDescriptor, scalar: Scalar) -> Scalar:
    """Adds the zero value, on which `IGNORE_IF_ZERO_VALUE` suspends the rules."""
    if member.cpp_type == FieldDescriptor.CPPTYPE_ENUM:
        enum: Any = member.enum_type
        value = enum.values_by_number.get(0)
        if value is None:
            return scalar
        zero = f'"{value.name}"'
    else:
        zero = _ZEROS[member.cpp_type]
    if scalar.choices is not None:
        texts = tuple(dict.fromkeys((*scalar.choices, zero)))
        return replace(scalar, choices=texts, body=" | ".join(map(literal, texts)))
    return replace(scalar, body=f"{scalar.body} | {literal(zero)}", also=zero)
