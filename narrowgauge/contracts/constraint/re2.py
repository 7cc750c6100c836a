"""Reads RE2 patterns, as protovalidate's `pattern` rules have them, so that they can be written anew.

A pattern matches somewhere in the raw value; a grammar needs an expression for the whole of the value's
JSON text. So the pattern is parsed (https://github.com/google/re2/wiki/Syntax), completed on both sides
where it is not anchored, and written with another spelling for each set of code points.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass

from narrowgauge.contracts.constraint.lark import CodePoints

__all__ = ["ALL", "Inexpressible", "Pattern", "normalise", "subtract"]

ALL: CodePoints = ((0, 0xD7FF), (0xE000, 0x10FFFF))
"""Every code point that a protobuf string can hold: surrogates are not among them."""

_PERL = {
    "d": ((0x30, 0x39),),
    "s": ((0x09, 0x0A), (0x0C, 0x0D), (0x20, 0x20)),
    "w": ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A)),
}
_POSIX = {
    "alnum": ((0x30, 0x39), (0x41, 0x5A), (0x61, 0x7A)),
    "alpha": ((0x41, 0x5A), (0x61, 0x7A)),
    "ascii": ((0, 0x7F),),
    "blank": ((0x09, 0x09), (0x20, 0x20)),
    "cntrl": ((0, 0x1F), (0x7F, 0x7F)),
    "digit": ((0x30, 0x39),),
    "graph": ((0x21, 0x7E),),
    "lower": ((0x61, 0x7A),),
    "print": ((0x20, 0x7E),),
    "punct": ((0x21, 0x2F), (0x3A, 0x40), (0x5B, 0x60), (0x7B, 0x7E)),
    "space": ((0x09, 0x0D), (0x20, 0x20)),
    "upper": ((0x41, 0x5A),),
    "word": ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A)),
    "xdigit": ((0x30, 0x39), (0x41, 0x46), (0x61, 0x66)),
}
_CONTROL = {"a": 7, "f": 12, "t": 9, "n": 10, "r": 13, "v": 11}


class Inexpressible(Exception):
    """The rule is valid but no regular expression of ours says it; the message says why."""


@dataclass(frozen=True)
class _Set:
    ranges: CodePoints


@dataclass(frozen=True)
class _Cat:
    parts: tuple[_Node, ...]


@dataclass(frozen=True)
class _Alt:
    parts: tuple[_Node, ...]


@dataclass(frozen=True)
class _Repeat:
    part: _Node
    low: int
    high: int | None


@dataclass(frozen=True)
class _Anchor:
    begin: bool


_Node = _Set | _Cat | _Alt | _Repeat | _Anchor


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


class Pattern:
    """A parsed pattern."""

    def __init__(self, pattern: str) -> None:
        """Parses `pattern`.

        Raises:
            Inexpressible: It uses word boundaries, multi-line anchors, Unicode classes or is malformed.
        """
        self._root = _Parser(pattern).parse()

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
            begin = bool(parts) and parts[0] == _Anchor(begin=True)
            end = bool(parts) and parts[-1] == _Anchor(begin=False)
            while parts and parts[0] == _Anchor(begin=True):
                parts = parts[1:]
            while parts and parts[-1] == _Anchor(begin=False):
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


def _anchored(node: _Node) -> bool:
    match node:
        case _Anchor():
            return True
        case _Cat(parts) | _Alt(parts):
            return any(_anchored(part) for part in parts)
        case _Repeat(part):
            return _anchored(part)
    return False


def _sequences(node: _Node) -> list[tuple[_Node, ...]]:
    """Multiplies out alternatives that hold anchors, so that anchors stand at the ends of sequences."""
    match node:
        case _Alt(parts):
            return [sequence for part in parts for sequence in _sequences(part)]
        case _Cat(parts):
            sequences: list[tuple[_Node, ...]] = [()]
            for part in parts:
                heads = _sequences(part) if _anchored(part) and not isinstance(part, _Repeat) else [(part,)]
                sequences = [left + right for left in sequences for right in heads]
                if len(sequences) > 64:
                    raise Inexpressible("the pattern has too many alternatives with anchors")
            return sequences
    return [(node,)]


def _write(node: _Node, spell: Callable[[CodePoints], str]) -> str:
    match node:
        case _Set(ranges):
            if not ranges:
                raise Inexpressible("the pattern has an empty character class")
            return spell(ranges)
        case _Cat(parts):
            return "(?:" + "".join(_write(part, spell) for part in parts) + ")"
        case _Alt(parts):
            return "(?:" + "|".join(_write(part, spell) for part in parts) + ")"
        case _Repeat(part, low, high):
            return f"(?:{_write(part, spell)}){{{low},{'' if high is None else high}}}"
    raise Inexpressible("an anchor stands inside the pattern")


_USUAL = normalise(((0x30, 0x39), (0x41, 0x5A), (0x61, 0x7A)))


def _draw(node: _Node, rng: random.Random, most: int) -> str:
    match node:
        case _Set(ranges):
            usual = subtract(_USUAL, subtract(ALL, ranges)) or ranges
            if not usual:
                raise Inexpressible("the pattern has an empty character class")
            low, high = rng.choices(usual, [end - begin + 1 for begin, end in usual])[0]
            return chr(rng.randint(low, high))
        case _Cat(parts):
            return "".join(_draw(part, rng, most) for part in parts)
        case _Alt(parts):
            return _draw(rng.choice(parts), rng, most)
        case _Repeat(part, low, high):
            times = rng.randint(low, low + most if high is None else min(high, low + most))
            return "".join(_draw(part, rng, most) for _ in range(times))
    return ""  # an anchor


class _Parser:
    def __init__(self, pattern: str) -> None:
        self._text = pattern
        self._at = 0
        self._fold = False
        self._dot_all = False

    def parse(self) -> _Node:
        node = self._alternatives()
        if self._at < len(self._text):
            raise Inexpressible(f"unmatched ) at {self._at} of the pattern")
        return node

    def _peek(self, text: str) -> bool:
        return self._text.startswith(text, self._at)

    def _take(self) -> str:
        if self._at >= len(self._text):
            raise Inexpressible("the pattern ends too early")
        self._at += 1
        return self._text[self._at - 1]

    def _alternatives(self) -> _Node:
        fold, dot_all = self._fold, self._dot_all
        parts = [self._sequence()]
        while self._peek("|"):
            self._at += 1
            parts.append(self._sequence())
        self._fold, self._dot_all = fold, dot_all
        return parts[0] if len(parts) == 1 else _Alt(tuple(parts))

    def _sequence(self) -> _Node:
        parts: list[_Node] = []
        while self._at < len(self._text) and not self._peek("|") and not self._peek(")"):
            if self._peek("\\Q"):
                end = self._text.find("\\E", self._at)
                quoted = self._text[self._at + 2 : end if end >= 0 else len(self._text)]
                self._at = end + 2 if end >= 0 else len(self._text)
                parts.extend(self._char(ord(char)) for char in quoted)
                continue
            atom = self._atom()
            if atom is not None:
                parts.append(self._repeated(atom))
        return parts[0] if len(parts) == 1 else _Cat(tuple(parts))

    def _repeated(self, atom: _Node) -> _Node:
        while True:
            counts = re.compile(r"\{(\d+)(?:(,)(\d*))?\}").match(self._text, self._at)
            if self._peek("*") or self._peek("+") or self._peek("?"):
                symbol = self._take()
                low, high = {"*": (0, None), "+": (1, None), "?": (0, 1)}[symbol]
            elif counts:
                self._at = counts.end()
                low = int(counts[1])
                high = low if not counts[2] else int(counts[3]) if counts[3] else None
                if max(low, high or 0) > 1000:
                    raise Inexpressible("the pattern repeats more than 1000 times, which RE2 refuses")
            else:
                return atom
            if self._peek("?"):  # lazy: the same strings
                self._at += 1
            atom = _Repeat(atom, low, high)

    def _atom(self) -> _Node | None:
        char = self._take()
        match char:
            case "(":
                return self._group()
            case "[":
                return self._class()
            case ".":
                return _Set(ALL if self._dot_all else subtract(ALL, ((10, 10),)))
            case "^":
                return _Anchor(begin=True)
            case "$":
                return _Anchor(begin=False)
            case "\\":
                return self._escape()
            case "*" | "+" | "?":
                raise Inexpressible(f"nothing to repeat at {self._at - 1} of the pattern")
        return self._char(ord(char))

    def _group(self) -> _Node | None:
        if self._peek("?"):
            named = re.compile(r"\?P?<\w+>").match(self._text, self._at)
            flags = re.compile(r"\?([isU]*)(?:-([imsU]+))?([:)])").match(self._text, self._at)
            if named:
                self._at = named.end()
            elif flags:
                self._at = flags.end()
                outer = self._fold, self._dot_all
                self._fold = (self._fold or "i" in flags[1]) and "i" not in (flags[2] or "")
                self._dot_all = (self._dot_all or "s" in flags[1]) and "s" not in (flags[2] or "")
                if flags[3] == ")":
                    return None
                node = self._alternatives()
                self._fold, self._dot_all = outer
                return self._closed(node)
            else:
                raise Inexpressible(f"the pattern's group at {self._at - 1} is not in our subset of RE2")
        return self._closed(self._alternatives())

    def _closed(self, node: _Node) -> _Node:
        if not self._peek(")"):
            raise Inexpressible("the pattern has an unmatched (")
        self._at += 1
        return node

    def _escape(self) -> _Node:
        char = self._take()
        if char in "Az":
            return _Anchor(begin=char == "A")
        if char in "bB":
            raise Inexpressible("the pattern has a word boundary")
        if char.lower() in _PERL:
            ranges = _PERL[char.lower()]
            return _Set(subtract(ALL, ranges) if char.isupper() else ranges)
        return self._char(self._escaped_code_point(char))

    def _escaped_code_point(self, char: str) -> int:
        if char in _CONTROL:
            return _CONTROL[char]
        if char == "x":
            found = re.compile(r"\{([0-9A-Fa-f]+)\}|([0-9A-Fa-f]{2})").match(self._text, self._at)
            if not found:
                raise Inexpressible("the pattern has a malformed \\x")
            self._at = found.end()
            return int(found[1] or found[2], 16)
        if char == "0" or (char.isdigit() and char < "8"):
            found = re.compile(r"[0-7]{1,3}").match(self._text, self._at - 1)
            if found and (char == "0" or len(found[0]) > 1):
                self._at = found.end()
                return int(found[0], 8)
        if char.isalnum():
            raise Inexpressible(f"the pattern's \\{char} is not in our subset of RE2")
        return ord(char)

    def _class(self) -> _Node:
        negated = self._peek("^")
        if negated:
            self._at += 1
        ranges: list[tuple[int, int]] = []
        first = True
        while first or not self._peek("]"):
            first = False
            posix = re.compile(r"\[:(\^?)(\w+):\]").match(self._text, self._at)
            if posix and posix[2] in _POSIX:
                self._at = posix.end()
                ranges += subtract(ALL, _POSIX[posix[2]]) if posix[1] else _POSIX[posix[2]]
                continue
            low = self._class_item()
            if not isinstance(low, int):
                ranges += low
                continue
            high: int | CodePoints = low
            if self._peek("-") and not self._peek("-]"):
                self._at += 1
                high = self._class_item()
            if not isinstance(high, int) or high < low:
                raise Inexpressible("the pattern has a malformed character range")
            ranges.append((low, high))
        self._at += 1
        folded = self._folded(normalise(ranges))
        return _Set(subtract(ALL, folded) if negated else subtract(folded, ((0xD800, 0xDFFF),)))

    def _class_item(self) -> int | CodePoints:
        char = self._take()
        if char != "\\":
            return ord(char)
        char = self._take()
        if char.lower() in _PERL:
            ranges = _PERL[char.lower()]
            return subtract(ALL, ranges) if char.isupper() else ranges
        return self._escaped_code_point(char)

    def _char(self, code_point: int) -> _Node:
        return _Set(self._folded(((code_point, code_point),)))

    def _folded(self, ranges: CodePoints) -> CodePoints:
        if not self._fold:
            return ranges
        if ranges and ranges[-1][1] > 0x7F:
            raise Inexpressible("the pattern ignores case beyond ASCII")
        letters = [
            (ord(other), ord(other))
            for low, high in ranges
            for point in range(low, high + 1)
            for other in (chr(point).lower(), chr(point).upper())
        ]
        # RE2 folds k and s to KELVIN SIGN and LONG S too.
        letters += [(0x212A, 0x212A)] if (0x6B, 0x6B) in letters else []
        letters += [(0x17F, 0x17F)] if (0x73, 0x73) in letters else []
        return normalise([*ranges, *letters])
