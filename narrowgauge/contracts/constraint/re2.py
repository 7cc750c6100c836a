"""Reads RE2 patterns, as protovalidate's `pattern` rules have them, so that they can be written anew.

A pattern matches somewhere in the raw value; a grammar needs an expression for the whole of the value's
JSON text. So the pattern is parsed (https://github.com/google/re2/wiki/Syntax), completed on both sides
where it is not anchored, and written with another spelling for each set of code points.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from narrowgauge.contracts.constraint.code_points import ALL, normalise, subtract
from narrowgauge.contracts.constraint.lark import CodePoints
from narrowgauge.contracts.constraint.re2_syntax import (
    Alternation,
    Anchor,
    CharacterSet,
    Concatenation,
    Inexpressible,
    Node,
    Parser,
    Repetition,
)

__all__ = ["Pattern"]


class Pattern:
    """A parsed pattern."""

    def __init__(self, pattern: str) -> None:
        """Parses `pattern`.

        Raises:
            Inexpressible: It uses word boundaries, multi-line anchors, Unicode classes or is malformed.
        """
        self._root = Parser(pattern).parse()

    def whole(self, spell: Callable[[CodePoints], str]) -> str:
        """Returns an expression for all values in which the pattern matches.

        Args:
            spell: Writes an expression for a non-empty set of code points.

        Raises:
            Inexpressible: An anchor stands inside the pattern.
        """
        anything = f"(?:{spell(ALL)})*"
        wholes = []
        for parts in _sequences(self._root):
            begin = bool(parts) and parts[0] == Anchor(begin=True)
            end = bool(parts) and parts[-1] == Anchor(begin=False)
            while parts and parts[0] == Anchor(begin=True):
                parts = parts[1:]
            while parts and parts[-1] == Anchor(begin=False):
                parts = parts[:-1]
            body = "".join(_write(part, spell) for part in parts)
            wholes.append(("" if begin else anything) + body + ("" if end else anything))
        return "(?:" + "|".join(wholes) + ")"

    def draw(self, rng: random.Random, *, most: int = 8) -> str:
        """Returns a text that the pattern matches, letters and digits where it lets us choose.

        Args:
            rng: Chooses.
            most: Repetitions of what may be repeated without end, beyond the fewest.
        """
        return _draw(self._root, rng, most)


def _anchored(node: Node) -> bool:
    match node:
        case Anchor():
            return True
        case Concatenation(parts) | Alternation(parts):
            return any(_anchored(part) for part in parts)
        case Repetition(part):
            return _anchored(part)
    return False


def _sequences(node: Node) -> list[tuple[Node, ...]]:
    """Multiplies out alternatives that hold anchors, so that anchors stand at the ends of sequences."""
    match node:
        case Alternation(parts):
            return [sequence for part in parts for sequence in _sequences(part)]
        case Concatenation(parts):
            sequences: list[tuple[Node, ...]] = [()]
            for part in parts:
                heads = (
                    _sequences(part) if _anchored(part) and not isinstance(part, Repetition) else [(part,)]
                )
                sequences = [left + right for left in sequences for right in heads]
                if len(sequences) > 64:
                    raise Inexpressible("the pattern has too many alternatives with anchors")
            return sequences
    return [(node,)]


def _write(node: Node, spell: Callable[[CodePoints], str]) -> str:
    match node:
        case CharacterSet(ranges):
            if not ranges:
                raise Inexpressible("the pattern has an empty character class")
            return spell(ranges)
        case Concatenation(parts):
            return "(?:" + "".join(_write(part, spell) for part in parts) + ")"
        case Alternation(parts):
            return "(?:" + "|".join(_write(part, spell) for part in parts) + ")"
        case Repetition(part, low, high):
            return f"(?:{_write(part, spell)}){{{low},{'' if high is None else high}}}"
    raise Inexpressible("an anchor stands inside the pattern")


_USUAL = normalise(((0x30, 0x39), (0x41, 0x5A), (0x61, 0x7A)))


def _draw(node: Node, rng: random.Random, most: int) -> str:
    match node:
        case CharacterSet(ranges):
            usual = subtract(_USUAL, subtract(ALL, ranges)) or ranges
            if not usual:
                raise Inexpressible("the pattern has an empty character class")
            low, high = rng.choices(usual, [end - begin + 1 for begin, end in usual])[0]
            return chr(rng.randint(low, high))
        case Concatenation(parts):
            return "".join(_draw(part, rng, most) for part in parts)
        case Alternation(parts):
            return _draw(rng.choice(parts), rng, most)
        case Repetition(part, low, high):
            times = rng.randint(low, low + most if high is None else min(high, low + most))
            return "".join(_draw(part, rng, most) for _ in range(times))
    return ""  # an anchor
