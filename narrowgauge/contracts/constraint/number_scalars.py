"""The grammars of integers and floating-point numbers as ProtoJSON, from their rules."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeVar

from narrowgauge.contracts.constraint.lark import regex_escape
from narrowgauge.contracts.constraint.numbers import (
    decimal_range,
    float_text,
    integer_range,
    next_down,
    next_up,
    shortest,
)
from narrowgauge.contracts.constraint.scalar import (
    Scalar,
    Unsatisfiable,
    known_rules,
    listed_values,
    scalar_of,
)

__all__ = ["float_scalar", "integer_scalar"]

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
    claims, left = known_rules(rules, _COMPARISONS)
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    intervals = _intervals(rules, low, high, lambda value: value - 1, lambda value: value + 1)
    excluded = exclude | set(rules.not_in)
    listed = listed_values(rules)
    spell = (lambda text: f'"{text}"') if quoted else str
    if listed is not None:
        allowed = [v for v in listed if v not in excluded and any(a <= v <= b for a, b in intervals)]
        return scalar_of([spell(str(value)) for value in allowed], claims, left, word=True)
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
    claims, left = known_rules(rules, _COMPARISONS | {"finite"})
    largest = _LARGEST[single]
    bounded = bool(rules.WhichOneof("less_than") or rules.WhichOneof("greater_than"))
    intervals = _intervals(
        rules,
        -math.inf,
        math.inf,
        lambda value: next_down(value, single=single),
        lambda value: next_up(value, single=single),
    )
    listed = listed_values(rules)
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
        return scalar_of(texts, claims, left, word=True)
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
