"""Grammars of scalar values under their protovalidate rules."""

from __future__ import annotations

import base64
from typing import Any

from google.protobuf.descriptor import EnumDescriptor

from narrowgauge.contracts.constraint.lark import regex_escape
from narrowgauge.contracts.constraint.limits import Limits
from narrowgauge.contracts.constraint.scalar import (
    Scalar,
    Unsatisfiable,
    known_rules,
    listed_values,
    scalar_of,
)
from narrowgauge.contracts.constraint.strings import StringRule, json_text

__all__ = ["bool_scalar", "bytes_scalar", "enum_scalar", "string_scalar"]


def string_scalar(rule: StringRule) -> Scalar:
    """Returns the grammar of a string."""
    if rule.values is not None:
        texts = [json_text(value) for value in rule.allowed(rule.values)]
        return scalar_of(texts, rule.claims, rule.left, rule=rule)
    if rule.low > rule.high:
        raise Unsatisfiable(f"its length is at least {rule.low} and at most {rule.high}")
    inner, may_be_empty = rule.inner()
    return Scalar(f'"\\"" {inner} "\\""', None, rule.claims, rule.left, may_be_empty, rule)


def bool_scalar(rules: Any, *, quoted: bool, exclude_zero: bool) -> Scalar:
    """Returns the grammar of a bool."""
    claims, left = known_rules(rules, {"const"})
    allowed = [rules.const] if rules.HasField("const") else [True, False]
    texts = ["true" if value else "false" for value in allowed if value or not exclude_zero]
    return scalar_of([f'"{text}"' if quoted else text for text in texts], claims, left, word=True)


def enum_scalar(rules: Any, enum: EnumDescriptor, *, exclude_zero: bool) -> Scalar:
    """Returns the grammar of an enum value: its name, the first one of aliases."""
    if enum.full_name == "google.protobuf.NullValue":
        return scalar_of(["null"], set(), word=True)
    claims, left = known_rules(rules, {"const", "in", "not_in", "defined_only"})
    names: dict[int, str] = {}
    for value in enum.values:
        names.setdefault(value.number, value.name)
    within = set(getattr(rules, "in"))
    allowed = [
        number
        for number in names
        if (not within or number in within)
        and number not in rules.not_in
        and (not rules.HasField("const") or number == rules.const)
        and not (exclude_zero and number == 0)
    ]
    return scalar_of([f'"{names[number]}"' for number in allowed], claims, left, word=True)


def bytes_scalar(rules: Any, limits: Limits, *, exclude_zero: bool) -> Scalar:
    """Returns the grammar of bytes: standard base64 with padding and zero spare bits."""
    claims, left = known_rules(
        rules, {"const", "len", "min_len", "max_len", "in", "not_in", "ip", "ipv4", "ipv6", "uuid"}
    )
    low, high = rules.min_len, rules.max_len if rules.HasField("max_len") else None
    if exclude_zero:
        low = max(low, 1)
    sizes: set[int] | None = None
    if rules.HasField("len"):
        sizes = {rules.len}
    form = rules.WhichOneof("well_known")
    if form and getattr(rules, form):
        of_form = {"ip": {4, 16}, "ipv4": {4}, "ipv6": {16}, "uuid": {16}}[form]
        sizes = of_form if sizes is None else sizes & of_form
    if high is None:
        high = max(low, limits.bytes_length)
    listed = listed_values(rules)
    if listed is not None:
        allowed = [
            value
            for value in listed
            if low <= len(value) <= high
            and (sizes is None or len(value) in sizes)
            and value not in rules.not_in
        ]
        return scalar_of([f'"{base64.b64encode(value).decode()}"' for value in allowed], claims, left)
    ranges = (
        [(low, high)] if sizes is None else [(size, size) for size in sorted(sizes) if low <= size <= high]
    )
    parts = [part for a, b in ranges for part in _base64(a, b)]
    if not parts:
        raise Unsatisfiable("no length is in its range")
    body = f"/{'|'.join(parts)}/"
    if rules.not_in:
        texts = (regex_escape(base64.b64encode(value).decode()) for value in rules.not_in)
        body = f"({body} & ~/(?:{'|'.join(texts)})/)"
    return Scalar(f'"\\"" {body} "\\""', None, claims, left, bool(rules.not_in))


def _base64(low: int, high: int) -> list[str]:
    tails = ("", "[A-Za-z0-9+\\/][AQgw]==", "[A-Za-z0-9+\\/]{2}[AEIMQUYcgkosw048]=")
    parts = []
    for spare, tail in enumerate(tails):
        least, most = max(0, -(-(low - spare) // 3)), (high - spare) // 3
        if least <= most:
            parts.append(f"(?:[A-Za-z0-9+\\/]{{4}}){{{least},{most}}}{tail}")
    return parts
