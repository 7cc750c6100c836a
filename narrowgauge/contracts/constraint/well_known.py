"""Grammars of the well-known types whose ProtoJSON is not an object of their fields."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from google.protobuf.json_format import MessageToDict

from narrowgauge.contracts.constraint.lark import Lark, literal, regex_escape
from narrowgauge.contracts.constraint.limits import Limits
from narrowgauge.contracts.constraint.numbers import decimal_range
from narrowgauge.contracts.constraint.scalar import Scalar, Unsatisfiable
from narrowgauge.contracts.constraint.strings import JSON_CHAR

__all__ = ["JSON_KINDS", "WRAPPERS", "duration", "field_mask", "json_value", "timestamp"]

WRAPPERS = frozenset(
    f"google.protobuf.{name}Value"
    for name in ("Bool", "Bytes", "Double", "Float", "Int32", "Int64", "String", "UInt32", "UInt64")
)
"""Messages that ProtoJSON writes as the value of their only field."""

JSON_KINDS = frozenset({"google.protobuf.Struct", "google.protobuf.ListValue", "google.protobuf.Value"})
"""Messages that hold any JSON."""

_DAY = (
    "(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])"
    "|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    "|02-(?:0[1-9]|1[0-9]|2[0-8]))"
)
_LEAP = "(?:0[48]|[2468][048]|[13579][26])"
_DATE = f"(?:[0-9]{{4}}-{_DAY}|(?:[0-9]{{2}}{_LEAP}|{_LEAP}00)-02-29)"
_TIME = "(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{1,9})?"
_MAX_DURATION_S = 315_576_000_000


def timestamp(rules: Any) -> Scalar:
    """Returns the grammar of a `google.protobuf.Timestamp`: RFC 3339 in UTC, years 0001 to 9999."""
    left = {
        descriptor.name: "compares times"
        for descriptor, _ in rules.ListFields()
        if descriptor.name not in {"example", "const"}
    }
    if rules.HasField("const"):
        text = f'"{MessageToDict(rules.const)}"'
        return Scalar(literal(text), None, {"const"}, left, word=True)
    body = f"(/{_DATE}T{_TIME}Z/ & ~/0000.*/)"
    return Scalar(f'"\\"" {body} "\\""', None, set(), left, word=True)


def duration(rules: Any) -> Scalar:
    """Returns the grammar of a `google.protobuf.Duration`: seconds with up to nine places."""
    left = {
        descriptor.name: "compares durations"
        for descriptor, _ in rules.ListFields()
        if descriptor.name in {"not_in"} or descriptor.number >= 1000
    }
    claims = {
        descriptor.name
        for descriptor, _ in rules.ListFields()
        if descriptor.name in {"const", "in", "lt", "lte", "gt", "gte"}
    }
    least, most = Decimal(-_MAX_DURATION_S), Decimal(_MAX_DURATION_S)
    less, greater = rules.WhichOneof("less_than"), rules.WhichOneof("greater_than")
    nano = Decimal("1e-9")
    if less:
        most = min(most, _seconds(getattr(rules, less)) - (nano if less == "lt" else 0))
    if greater:
        least = max(least, _seconds(getattr(rules, greater)) + (nano if greater == "gt" else 0))
    if less and greater and least > most:
        left |= {name: "its bounds exclude a range" for name in (less, greater)}
        claims -= {less, greater}
        least, most = Decimal(-_MAX_DURATION_S), Decimal(_MAX_DURATION_S)
    listed = [rules.const] if rules.HasField("const") else list(getattr(rules, "in"))
    if listed:
        texts = [f'"{MessageToDict(value)}"' for value in listed if least <= _seconds(value) <= most]
        if not texts:
            raise Unsatisfiable("no duration satisfies its rules")
        return Scalar(" | ".join(map(literal, texts)), tuple(texts), claims, left, word=True)
    body = f'"\\"" {decimal_range(least, most, places=9)} "s\\""'
    return Scalar(body, None, claims, left, word=True)


def _seconds(value: Any) -> Decimal:
    return Decimal(value.seconds) + Decimal(value.nanos) / 1_000_000_000


def field_mask(rules: Any) -> Scalar:
    """Returns the grammar of a `google.protobuf.FieldMask`: camel-case paths with commas between them."""
    left = {
        descriptor.name: "has no expression in the constraint"
        for descriptor, _ in rules.ListFields()
        if descriptor.name not in {"example", "const", "in"}
    }
    if rules.HasField("const"):
        return Scalar(literal(f'"{MessageToDict(rules.const)}"'), None, {"const"}, left)
    segment = "[a-z][a-zA-Z0-9]{0,63}"
    path = f"{segment}(?:\\.{segment}){{0,7}}"
    claims = set()
    if getattr(rules, "in"):
        claims.add("in")
        path = "(?:" + "|".join(map(regex_escape, map(_camel, getattr(rules, "in")))) + ")"
    return Scalar(f'"\\"" /(?:{path}(?:,{path}){{0,15}})?/ "\\""', None, claims, left)


def _camel(path: str) -> str:
    return "".join(
        char.upper() if index and path[index - 1] == "_" else char
        for index, char in enumerate(path)
        if char != "_"
    )


def json_value(lark: Lark, limits: Limits, name: str, depth: int) -> str:
    """Adds rules for a `google.protobuf.Struct`, `ListValue` or `Value` and returns the first one's name.

    Args:
        lark: The grammar.
        limits: Bounds of strings, lists and objects.
        name: Full name of the type.
        depth: Levels of lists and objects, this one included.
    """
    text = lark.terminal(f'"\\"" /{JSON_CHAR}{{0,{limits.string_chars}}}/ "\\""')
    parts = []
    if name == "google.protobuf.Value":
        parts += ['"null"', '"true"', '"false"', lark.terminal(_NUMBER), text]
    if depth > 0:
        value = json_value(lark, limits, "google.protobuf.Value", depth - 1)
        if name != "google.protobuf.Struct":
            parts.append(f'"[" ({value} ("," {value}){{0,{limits.items - 1}}})? "]"')
        if name != "google.protobuf.ListValue":
            parts.append(f'"{{" ({text} ":" {value} ("," {text} ":" {value}){{0,{limits.pairs - 1}}})? "}}"')
    return lark.rule(" | ".join(parts))


_NUMBER = (
    "/-?(?:0|[1-9][0-9]{0,20})(?:\\.[0-9]{1,24})?/ "
    "| /-?[1-9](?:\\.[0-9]{1,17})?e"
    "(?:-(?:0[7-9]|[1-9][0-9]|[12][0-9]{2})|\\+(?:2[1-9]|[3-9][0-9]|[12][0-9]{2}))/"
)
