"""Parses RE2 patterns (https://github.com/google/re2/wiki/Syntax)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from narrowgauge.contracts.constraint.code_points import ALL, normalise, subtract
from narrowgauge.contracts.constraint.lark import CodePoints

__all__ = [
    "Alternation",
    "Anchor",
    "CharacterSet",
    "Concatenation",
    "Inexpressible",
    "Node",
    "Parser",
    "Repetition",
]

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
class CharacterSet:
    """One character out of a set."""

    ranges: CodePoints


@dataclass(frozen=True)
class Concatenation:
    """Parts one after the other."""

    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Alternation:
    """One of several parts."""

    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Repetition:
    """A part so many times; without end where `high` is None."""

    part: Node
    low: int
    high: int | None


@dataclass(frozen=True)
class Anchor:
    """The begin or the end of the text."""

    begin: bool


Node = CharacterSet | Concatenation | Alternation | Repetition | Anchor


class Parser:
    """Reads one pattern."""

    def __init__(self, pattern: str) -> None:
        self._text = pattern
        self._at = 0
        self._fold = False
        self._dot_all = False

    def parse(self) -> Node:
        """Returns the pattern's tree.

        Raises:
            Inexpressible: It uses word boundaries, multi-line anchors, Unicode classes or is malformed.
        """
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

    def _alternatives(self) -> Node:
        fold, dot_all = self._fold, self._dot_all
        parts = [self._sequence()]
        while self._peek("|"):
            self._at += 1
            parts.append(self._sequence())
        self._fold, self._dot_all = fold, dot_all
        return parts[0] if len(parts) == 1 else Alternation(tuple(parts))

    def _sequence(self) -> Node:
        parts: list[Node] = []
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
        return parts[0] if len(parts) == 1 else Concatenation(tuple(parts))

    def _repeated(self, atom: Node) -> Node:
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
            atom = Repetition(atom, low, high)

    def _atom(self) -> Node | None:
        char = self._take()
        match char:
            case "(":
                return self._group()
            case "[":
                return self._class()
            case ".":
                return CharacterSet(ALL if self._dot_all else subtract(ALL, ((10, 10),)))
            case "^":
                return Anchor(begin=True)
            case "$":
                return Anchor(begin=False)
            case "\\":
                return self._escape()
            case "*" | "+" | "?":
                raise Inexpressible(f"nothing to repeat at {self._at - 1} of the pattern")
        return self._char(ord(char))

    def _group(self) -> Node | None:
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

    def _closed(self, node: Node) -> Node:
        if not self._peek(")"):
            raise Inexpressible("the pattern has an unmatched (")
        self._at += 1
        return node

    def _escape(self) -> Node:
        char = self._take()
        if char in "Az":
            return Anchor(begin=char == "A")
        if char in "bB":
            raise Inexpressible("the pattern has a word boundary")
        if char.lower() in _PERL:
            ranges = _PERL[char.lower()]
            return CharacterSet(subtract(ALL, ranges) if char.isupper() else ranges)
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

    def _class(self) -> Node:
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
        return CharacterSet(subtract(ALL, folded) if negated else subtract(folded, ((0xD800, 0xDFFF),)))

    def _class_item(self) -> int | CodePoints:
        char = self._take()
        if char != "\\":
            return ord(char)
        char = self._take()
        if char.lower() in _PERL:
            ranges = _PERL[char.lower()]
            return subtract(ALL, ranges) if char.isupper() else ranges
        return self._escaped_code_point(char)

    def _char(self, code_point: int) -> Node:
        return CharacterSet(self._folded(((code_point, code_point),)))

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
