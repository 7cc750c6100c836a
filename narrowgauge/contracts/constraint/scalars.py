"""Grammars of scalar values under their protovalidate rules."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypeVar

from google.protobuf.descriptor import EnumDescriptor

from narrowgauge.contracts.constraint.lark import literal, regex_escape
from narrowgauge.contracts.constraint.limits import Limits
from narrowgauge.contracts.constraint.numbers import (
    decimal_range,
    float_text,
    integer_range,
    next_down,
    next_up,
    shortest,
)
from narrowgauge.contracts.constraint.strings import StringRule, json_text

__all__ = [
    "Scalar",
    "Unsatisfiable",
    "bool_scalar",
    "bytes_scalar",
    "enum_scalar",
    "float_scalar",
    "integer_scalar",
    "string_scalar",
]


class Unsatisfiable(Exception):
    """No value satisfies the rules; the message says why."""


@dataclass
class Scalar:
    """The grammar of one scalar value.

    Attributes:
        body: Lark expression of the value's JSON text, fit for a terminal.
        choices: All JSON texts, when they are few; None otherwise.
        claims: Names of the rules that the constraint guarantees.
        left: Rules that are left to protovalidate, with the reason.
        may_be_empty: Whether `body` intersects expressions and so may match nothing.
        rule: What a string was made from, for a surface that spells it otherwise; None for other values.
        also: JSON text that is allowed beside what `rule` allows; None for none.
        word: Whether every text is one word once its quotes are gone: not empty, without white space, commas
            and brackets.
    """

    body: str
    choices: tuple[str, ...] | None = None
    claims: set[str] = field(default_factory=set)
    left: dict[str, str] = field(default_factory=dict)
    may_be_empty: bool = False
    rule: StringRule | None = None
    also: str | None = None
    word: bool = False


def _of_choices(
    texts: list[str],
    claims: set[str],
    left: dict[str, str] | None = None,
    *,
    rule: StringRule | None = None,
    word: bool = False,
) -> Scalar:
    if not texts:
        raise Unsatisfiable("no value satisfies its rules")
    body = " | ".join(map(literal, texts))
    return Scalar(body, tuple(texts), claims, left or {}, rule=rule, word=word)


def string_scalar(rule: StringRule) -> Scalar:
    """Returns the grammar of a string."""
    if rule.values is not None:
        texts = [json_text(value) for value in rule.allowed(rule.values)]
        return _of_choices(texts, rule.claims, rule.left, rule=rule)
    if rule.low > rule.high:
        raise Unsatisfiable(f"its length is at least {rule.low} and at most {rule.high}")
    inner, may_be_empty = rule.inner()
    return Scalar(f'"\\"" {inner} "\\""', None, rule.claims, rule.left, may_be_empty, rule)


def _listed(rules: Any) -> list[Any] | None:
    """Returns the values that `const` and `in` leave; None where neither is set."""
    listed = [rules.const] if rules.HasField("const") else None
    within = list(dict.fromkeys(getattr(rules, "in")))
    if not within:
        return listed
    return within if listed is None else [value for value in listed if value in within]


def _known(rules: Any, names: set[str]) -> tuple[set[str], dict[str, str]]:
    present = {descriptor.name for descriptor, _ in rules.ListFields()} - {"example"}
    return present & names, {name: "has no expression in the constraint" for name in present - names}


Number = TypeVar("Number", int, float)
_COMPARISONS = {"const", "in", "not_in", "lt", "lte", "gt", "gte"}


def _intervals(
    rules: Any, low: Number, high: Number, down: Callable[[Number], Number], up: Callable[[Number], Number]
) -> list[tuple[Number, Number]]:
    less, greater = rules.WhichOneof("less_than"), rules.WhichOneof("greater_than")
    most = getattr(rules, less) if less else high
    least = getattr(rules, greater) if greater else low
    # Bounds that cross mean "outside of", as protovalidate documents for `gt` above `lt`.
    crossed = bool(
        less and greater and least >= most and not (least == most and less == "lte" and greater == "gte")
    )
    if less == "lt":
        most = down(most)
    if greater == "gt":
        least = up(least)
    found = [(low, most), (least, high)] if crossed else [(least, most)]
    return [(max(a, low), min(b, high)) for a, b in found if max(a, low) <= min(b, high)]


def integer_scalar(rules: Any, *, bits: int, signed: bool, quoted: bool, exclude: frozenset[int]) -> Scalar:
    """Returns the grammar of an integer.

    Args:
        rules: Its rules message, for example `Int32Rules`.
        bits: 32 or 64.
        signed: Whether it has a sign.
        quoted: Written as a string, as 64-bit integers and map keys are.
        exclude: Further values that are not allowed.
    """
    claims, left = _known(rules, _COMPARISONS)
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    intervals = _intervals(rules, low, high, lambda value: value - 1, lambda value: value + 1)
    excluded = exclude | set(rules.not_in)
    listed = _listed(rules)
    spell = (lambda text: f'"{text}"') if quoted else str
    if listed is not None:
        allowed = [v for v in listed if v not in excluded and any(a <= v <= b for a, b in intervals)]
        return _of_choices([spell(str(value)) for value in allowed], claims, left, word=True)
    if not intervals:
        raise Unsatisfiable("no number is in its range")
    if all(b - a < 4096 for a, b in intervals) and all(
        value in excluded for a, b in intervals for value in range(a, b + 1)
    ):
        raise Unsatisfiable("every number in its range is excluded")
    body = "/" + "|".join(integer_range(a, b) for a, b in intervals) + "/"
    if excluded:
        body = f"({body} & ~/{'|'.join(map(str, sorted(excluded)))}/)"
    return Scalar(f'"\\"" {body} "\\""' if quoted else body, None, claims, left, word=True)


_PLACES = 24  # 1e-7 with 17 significant digits
_TINY = {
    False: "[1-9](?:\\.[0-9]{1,17})?e-(?:0[7-9]|[1-9][0-9]|[12][0-9]{2}|30[0-7])",
    True: "[1-9](?:\\.[0-9]{1,9})?e-(?:0[7-9]|[12][0-9]|3[0-7])",
}
_HUGE = {
    False: "(?:[1-9](?:\\.[0-9]{1,17})?e\\+(?:2[1-9]|[3-9][0-9]|[12][0-9]{2}|30[0-7])"
    "|1(?:\\.[0-6][0-9]{0,16})?e\\+308)",
    True: "(?:[1-9](?:\\.[0-9]{1,9})?e\\+(?:2[1-9]|3[0-7])"
    "|(?:[12](?:\\.[0-9]{1,9})?|3(?:\\.[0-3][0-9]{0,8})?)e\\+38)",
}
_LARGEST = {False: 1.7976931348623157e308, True: 3.4028234663852886e38}
_FIXED_END = 1e21


def float_scalar(rules: Any, *, single: bool, exclude_zero: bool) -> Scalar:
    """Returns the grammar of a floating-point number: fixed from 1e-7 to 1e21, with an exponent beyond.

    Args:
        rules: `FloatRules` or `DoubleRules`.
        single: 32 bits.
        exclude_zero: Zero is not allowed.
    """
    claims, left = _known(rules, _COMPARISONS | {"finite"})
    largest = _LARGEST[single]
    bounded = bool(rules.WhichOneof("less_than") or rules.WhichOneof("greater_than"))
    intervals = _intervals(
        rules,
        -math.inf,
        math.inf,
        lambda value: next_down(value, single=single),
        lambda value: next_up(value, single=single),
    )
    listed = _listed(rules)
    if listed is not None:
        allowed = [
            value
            for value in listed
            if value not in rules.not_in
            and not (exclude_zero and value == 0)
            and (not bounded or any(a <= value <= b for a, b in intervals))
            and not (rules.finite and not math.isfinite(value))
        ]
        texts = [float_text(value, single=single) for value in allowed]
        return _of_choices(texts, claims, left, word=True)
    parts = []
    for low, high in intervals:
        if any(_FIXED_END <= abs(bound) < largest for bound in (low, high)):
            left |= {
                name: "its bound is beyond 1e21" for name in claims if name in {"lt", "lte", "gt", "gte"}
            }
            low, high = -math.inf, math.inf
        parts += _float_parts(low, high, single, largest)
        if not rules.finite:
            parts += ['"\\"Infinity\\""'] if high == math.inf else []
            parts += ['"\\"-Infinity\\""'] if low == -math.inf else []
    if not bounded and not rules.finite:
        parts.append('"\\"NaN\\""')
    if not parts:
        raise Unsatisfiable("no number is in its range")
    body = " | ".join(dict.fromkeys(parts))
    removed = [f"{regex_escape(float_text(value, single=single))}" for value in rules.not_in if value != 0]
    if rules.not_in:
        # Another text of the same number would slip through, so the rule is only mostly expressed.
        left["not_in"] = "a number has several texts"
    if exclude_zero or 0 in rules.not_in:
        removed.append("-?0(?:\\.0+)?")
    if removed:
        body = f"(({body}) & ~/{'|'.join(removed)}/)"
    return Scalar(body, None, claims - set(left), left, word=True)


def _float_parts(low: float, high: float, single: bool, largest: float) -> list[str]:
    fixed_end = Decimal(10) ** 21 - 1
    least = -fixed_end if low <= -_FIXED_END else shortest(low, single=single)
    most = fixed_end if high >= _FIXED_END else shortest(high, single=single)
    parts = []
    # Bounds next to zero, as `gt: 0` gives them: the smallest number in fixed notation is far above.
    smallest = Decimal(10) ** -_PLACES
    least = smallest if 0 < least < smallest else Decimal(0) if -smallest < least < 0 else least
    most = -smallest if -smallest < most < 0 else Decimal(0) if 0 < most < smallest else most
    if least <= most:
        places = max(_PLACES, *(-int(bound.as_tuple().exponent) for bound in (least, most)))
        parts.append(decimal_range(least, most, places=places))
    tiny = 1e-37 if single else 1e-307
    if low <= tiny and high >= 1e-6:
        parts.append(f"/{_TINY[single]}/")
    if high >= -tiny and low <= -1e-6:
        parts.append(f"/-{_TINY[single]}/")
    if high >= largest:
        parts.append(f"/{_HUGE[single]}/")
    if low <= -largest:
        parts.append(f"/-{_HUGE[single]}/")
    return parts


def bool_scalar(rules: Any, *, quoted: bool, exclude_zero: bool) -> Scalar:
    """Returns the grammar of a bool."""
    claims, left = _known(rules, {"const"})
    allowed = [rules.const] if rules.HasField("const") else [True, False]
    texts = ["true" if value else "false" for value in allowed if value or not exclude_zero]
    return _of_choices([f'"{text}"' if quoted else text for text in texts], claims, left, word=True)


def enum_scalar(rules: Any, enum: EnumDescriptor, *, exclude_zero: bool) -> Scalar:
    """Returns the grammar of an enum value: its name, the first one of aliases."""
    if enum.full_name == "google.protobuf.NullValue":
        return _of_choices(["null"], set(), word=True)
    claims, left = _known(rules, {"const", "in", "not_in", "defined_only"})
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
    return _of_choices([f'"{names[number]}"' for number in allowed], claims, left, word=True)


def bytes_scalar(rules: Any, limits: Limits, *, exclude_zero: bool) -> Scalar:
    """Returns the grammar of bytes: standard base64 with padding and zero spare bits."""
    claims, left = _known(
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
    listed = _listed(rules)
    if listed is not None:
        allowed = [
            value
            for value in listed
            if low <= len(value) <= high
            and (sizes is None or len(value) in sizes)
            and value not in rules.not_in
        ]
        return _of_choices([f'"{base64.b64encode(value).decode()}"' for value in allowed], claims, left)
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
