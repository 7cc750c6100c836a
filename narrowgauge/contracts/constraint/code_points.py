"""Sets of code points."""

from __future__ import annotations

from narrowgauge.contracts.constraint.lark import CodePoints

__all__ = ["ALL", "normalise", "subtract"]

ALL: CodePoints = ((0, 0xD7FF), (0xE000, 0x10FFFF))
"""Every code point that a protobuf string can hold: surrogates are not among them."""


def normalise(ranges: list[tuple[int, int]] | CodePoints) -> CodePoints:
    """Sorts and joins ranges."""
    joined: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if joined and low <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(high, joined[-1][1]))
        else:
            joined.append((low, high))
    return tuple(joined)


def subtract(ranges: CodePoints, removed: CodePoints) -> CodePoints:
    """Returns the code points of `ranges` that are not in `removed`."""
    left: list[tuple[int, int]] = []
    for low, high in ranges:
        at = low
        for other_low, other_high in removed:
            if other_high < at or other_low > high:
                continue
            if other_low > at:
                left.append((at, other_low - 1))
            at = other_high + 1
        if at <= high:
            left.append((at, high))
    return tuple(left)
