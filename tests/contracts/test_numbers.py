"""Regular expressions for ranges, against plain comparison."""

from __future__ import annotations

import math
import re
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from narrowgauge.contracts.constraint.numbers import (
    decimal_range,
    float_text,
    integer_range,
    next_down,
    next_up,
    shortest,
)

INTEGERS = st.one_of(st.integers(-1200, 1200), st.integers(-(2**63), 2**64))
DECIMALS = st.decimals(-10_000, 10_000, places=3) | st.integers(-30, 30).map(Decimal)


@given(INTEGERS, INTEGERS, INTEGERS)
@settings(max_examples=300, deadline=None)
def test_an_integer_range_has_exactly_its_integers(first: int, second: int, probe: int) -> None:
    """The expression matches the text of an integer exactly when it lies between the bounds."""
    low, high = min(first, second), max(first, second)
    expression = re.compile(integer_range(low, high))
    for value in {probe, low, high, low - 1, high + 1, -low, 0, 10 ** len(str(abs(high)))}:
        assert bool(expression.fullmatch(str(value))) is (low <= value <= high)
    for text in ("", "-", "-0", "00", "+1", f"0{abs(low)}x"):
        assert not expression.fullmatch(text)


def _matches(lark: str, text: str) -> bool:
    """Evaluates the alternatives and intersections that `decimal_range` writes."""
    for part in lark[1:-1].split(" | "):
        sign = part.startswith('"-" ')
        if sign != text.startswith("-"):
            continue
        expressions = re.findall("/([^/]*)/", part)
        if all(re.fullmatch(expression, text.removeprefix("-")) for expression in expressions):
            return True
    return False


@given(DECIMALS, DECIMALS, DECIMALS)
@settings(max_examples=300, deadline=None)
def test_a_decimal_range_has_exactly_its_decimals(first: Decimal, second: Decimal, probe: Decimal) -> None:
    """The expression matches a decimal, with or without trailing zeros, when it lies between the bounds."""
    low, high = min(first, second), max(first, second)
    lark = decimal_range(low, high, places=6)
    step = Decimal("0.001")
    for value in {probe, low, high, low - step, high + step, low + step, high - step}:
        for text in {f"{value:f}", f"{value.normalize():f}", f"{value:.6f}"}:
            if value != 0 or not text.startswith("-"):
                assert _matches(lark, text) is (low <= value <= high), (lark, text)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_double_text_reads_back(value: float) -> None:
    """The canonical text of a double is the double, signed zero included."""
    text = float_text(value, single=False)
    assert float(text) == value
    assert math.copysign(1.0, float(text)) == math.copysign(1.0, value)
    assert "E" not in text
    assert not text.endswith(".0") or value == 0


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_single_steps_are_the_next_numbers(value: float) -> None:
    """`next_up` and `next_down` undo each other, and the shortest text of a 32-bit float has nine digits."""
    assert len(shortest(value, single=True).as_tuple().digits) <= 9
    if abs(value) < 3e38:
        assert next_up(value, single=True) > value
        assert next_down(value, single=True) < value
        assert next_down(next_up(value, single=True), single=True) == value
