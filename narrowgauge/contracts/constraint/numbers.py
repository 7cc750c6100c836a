"""Regular expressions for numbers in a range, and the canonical text of floating-point numbers.

All expressions are without slashes and need no flags. Integers have no leading zeros and no `-0`.
"""

from __future__ import annotations

import math
import struct
from decimal import Decimal

__all__ = ["decimal_range", "float_text", "integer_range", "next_down", "next_up", "shortest"]

INTEGER_DIGITS = 21
"""Digits before the point in fixed notation: larger numbers have an exponent, as in ECMAScript."""


def integer_range(low: int, high: int) -> str:
    """Returns an expression for the integers from `low` to `high`, both included; `low <= high`."""
    parts = []
    if low < 0:
        parts.append("-(?:" + _natural_range(max(1, -high), -low) + ")")
    if high >= 0:
        parts.append(_natural_range(max(0, low), high))
    return "(?:" + "|".join(parts) + ")"


def _natural_range(low: int, high: int) -> str:
    parts = []
    while low <= high:
        if low == 10 ** (len(str(low)) - 1) and (whole := len(str(high + 1)) - 1) > len(str(low)):
            # All lengths of which every number is in the range, at once.
            parts.append("[1-9]" + _digits(len(str(low)) - 1, whole - 1))
            low = 10**whole
            continue
        last = min(high, 10 ** len(str(low)) - 1)
        parts.append(_same_length(str(low), str(last)))
        low = last + 1
    return "|".join(parts)


def _same_length(low: str, high: str) -> str:
    """Digit strings of one length between two of that length."""
    if low == high:
        return low
    if low[0] == high[0]:
        return low[0] + "(?:" + _same_length(low[1:], high[1:]) + ")"
    rest = len(low) - 1
    first, last = int(low[0]), int(high[0])
    parts = []
    if rest and low[1:].strip("0"):
        parts.append(low[0] + "(?:" + _same_length(low[1:], "9" * rest) + ")")
        first += 1
    tail = ""
    if rest and high[1:].strip("9"):
        tail = high[0] + "(?:" + _same_length("0" * rest, high[1:]) + ")"
        last -= 1
    if first <= last:
        parts.append(_digit(first, last) + _digits(rest, rest))
    if tail:
        parts.append(tail)
    return "|".join(parts)


def _digit(low: int, high: int) -> str:
    return str(low) if low == high else f"[{low}-{high}]"


def _digits(low: int, high: int) -> str:
    return "" if high <= 0 else f"[0-9]{{{low},{high}}}"


def decimal_range(low: Decimal, high: Decimal, *, places: int) -> str:
    """Returns a Lark expression for decimals in fixed notation from `low` to `high`, both included.

    Args:
        low: Lower bound, not above `high`.
        high: Upper bound.
        places: Most digits after the point; at least as many as the bounds have.
    """
    parts = []
    if low < 0:
        magnitude_low = max(Decimal(0), -high)
        parts.append('"-" ' + _magnitudes(magnitude_low, -low, places))
    if high >= 0:
        parts.append(_magnitudes(max(Decimal(0), low), high, places))
    return "(" + " | ".join(parts) + ")"


def _magnitudes(low: Decimal, high: Decimal, places: int) -> str:
    at_most = _at_most(high, places)
    return f"/{at_most}/" if low == 0 else f"(/{at_most}/ & /{_at_least(low, places)}/)"


def _split(bound: Decimal) -> tuple[int, str]:
    whole, _, fraction = f"{bound:f}".partition(".")
    return int(whole), fraction.rstrip("0")


def _at_most(bound: Decimal, places: int) -> str:
    whole, fraction = _split(bound)
    parts = []
    if whole > 0:
        parts.append(f"(?:{_natural_range(0, whole - 1)})(?:\\.{_digits(1, places)})?")
    ends = [f"{fraction}0{{{0 if fraction else 1},{places - len(fraction)}}}"]
    for place, digit in enumerate(fraction):
        if place:
            ends.append(fraction[:place])
        if digit > "0":
            ends.append(fraction[:place] + _digit(0, int(digit) - 1) + _digits(0, places - place - 1))
    parts.append(f"{whole}(?:\\.(?:{'|'.join(ends)}))?")
    return "(?:" + "|".join(parts) + ")"


def _at_least(bound: Decimal, places: int) -> str:
    whole, fraction = _split(bound)
    parts = [f"(?:{_natural_range(whole + 1, 10**INTEGER_DIGITS - 1)})(?:\\.{_digits(1, places)})?"]
    if not fraction:
        parts.append(f"{whole}(?:\\.{_digits(1, places)})?")
    else:
        ends = [fraction + _digits(0, places - len(fraction))]
        for place, digit in enumerate(fraction):
            if digit < "9":
                ends.append(fraction[:place] + _digit(int(digit) + 1, 9) + _digits(0, places - place - 1))
        parts.append(f"{whole}\\.(?:{'|'.join(ends)})")
    return "(?:" + "|".join(parts) + ")"


def shortest(value: float, *, single: bool) -> Decimal:
    """Returns the shortest decimal that reads back as the finite `value`.

    Args:
        value: The number.
        single: Reads back as a 32-bit float.
    """
    if not single:
        return Decimal(repr(value))
    for precision in range(6, 9):
        text = f"{value:.{precision}g}"
        if _single(float(text)) == value:
            return Decimal(text)
    return Decimal(f"{value:.9g}")


def float_text(value: float, *, single: bool) -> str:
    """Returns the canonical ProtoJSON text of a number: shortest, fixed below 1e21 and from 1e-7."""
    if math.isnan(value):
        return '"NaN"'
    if math.isinf(value):
        return '"Infinity"' if value > 0 else '"-Infinity"'
    if value == 0:
        # `-0` would be read as the integer 0.
        return "0" if math.copysign(1.0, value) > 0 else "-0.0"
    decimal = shortest(value, single=single).normalize()
    if 1e-7 <= abs(value) < 1e21:
        return f"{decimal:f}"
    sign, digits, _ = decimal.as_tuple()
    mantissa = "".join(map(str, digits))
    exponent = decimal.adjusted()
    point = f".{mantissa[1:]}" if len(mantissa) > 1 else ""
    return f"{'-' if sign else ''}{mantissa[0]}{point}e{'+' if exponent >= 0 else '-'}{abs(exponent):02d}"


def next_up(value: float, *, single: bool) -> float:
    """Returns the next larger number of the type."""
    if not single:
        return math.nextafter(value, math.inf)
    return -next_down(-value, single=True)


def next_down(value: float, *, single: bool) -> float:
    """Returns the next smaller number of the type."""
    if not single:
        return math.nextafter(value, -math.inf)
    if value == 0:
        return -math.ldexp(1.0, -149)
    bits = int(struct.unpack("<I", struct.pack("<f", value))[0])
    stepped = bits - 1 if value > 0 else bits + 1
    return float(struct.unpack("<f", struct.pack("<I", stepped))[0])


def _single(value: float) -> float:
    return float(struct.unpack("<f", struct.pack("<f", value))[0])
