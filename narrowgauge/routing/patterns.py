"""Patterns of rules, read into positions of an automaton: what cannot be matched in linear time is refused.

The syntax is that of RE2 (https://github.com/google/re2/wiki/Syntax), but for what a rule does not need:

    a \\. \\t        a character            ab      a sequence
    . \\d \\w \\s     sets, \\D \\W \\S others   a|b     alternatives
    [a-z_] [^,]   sets                   (a) (?:a)  groups
    a* a+ a? a{2} a{2,} a{2,5}           ^ $     begin and end of the step, at the pattern's own ends

Letters match in both cases, and a match neither begins nor ends within a word, so that `\\b` at the ends of a
pattern is allowed and means nothing. Back references and look-around are no regular language: refused.

The automaton is Glushkov's (1961): one position for each character of the pattern, no empty moves, and as
many states at once as there are positions at most, so that no pattern can take exponential time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from narrowgauge.errors import InvalidRequest

__all__ = ["CharSet", "Positions", "keyword_pattern", "read_pattern"]

MAX_LENGTH = 500
"""Characters of a pattern."""

MAX_POSITIONS = 1_000
"""Positions of a pattern once its counted repetitions are written out."""

_MAX_COUNT = 256
_MAX_DEPTH = 32
_ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "v": "\v"}
_PERL = {"d": str.isdecimal, "w": lambda c: c.isalnum() or c == "_", "s": str.isspace}
_COUNTS = re.compile(r"\{(\d+)(?:(,)(\d*))?\}")


@dataclass(frozen=True)
class CharSet:
    """A set of characters.

    Attributes:
        ranges: Inclusive ranges of characters.
        classes: Letters of Perl classes that belong to it, upper case for the complement.
        negated: It is what the others say that it is not.
    """

    ranges: tuple[tuple[str, str], ...] = ()
    classes: str = ""
    negated: bool = False

    def has_any(self, cases: Iterable[str]) -> bool:
        """Tells whether a character is in the set, given as the forms that it has in either case."""
        return any(self._has(character) for character in cases) != self.negated

    def _has(self, character: str) -> bool:
        return any(low <= character <= high for low, high in self.ranges) or any(
            _PERL[name.lower()](character) != name.isupper() for name in self.classes
        )


@dataclass
class Positions:
    """A pattern as an automaton without empty moves.

    Attributes:
        sets: What the character at each position may be.
        first: Positions at which a match may begin.
        last: Positions at which it may end.
        follow: Positions that may come after each.
        at_begin: It matches only at the begin of a step.
        at_end: It matches only at the end of a step.
    """

    sets: list[CharSet] = field(default_factory=list)
    first: frozenset[int] = frozenset()
    last: frozenset[int] = frozenset()
    follow: list[set[int]] = field(default_factory=list)
    at_begin: bool = False
    at_end: bool = False


@dataclass(frozen=True)
class _Sequence:
    parts: tuple[_Node, ...]


@dataclass(frozen=True)
class _Alternatives:
    parts: tuple[_Node, ...]


@dataclass(frozen=True)
class _Repeat:
    part: _Node
    low: int
    high: int | None


_Node = CharSet | _Sequence | _Alternatives | _Repeat


def keyword_pattern(keyword: str) -> str:
    """Returns the pattern of a word or phrase; blanks between words may be any."""
    return r"\s+".join("".join(c if c.isalnum() else f"\\{c}" for c in word) for word in keyword.split())


def read_pattern(pattern: str) -> Positions:
    """Reads a pattern.

    Raises:
        InvalidRequest: BAD_PATTERN: it is malformed, no regular expression, too large, or matches the empty
            text; the message says where.
    """
    if len(pattern) > MAX_LENGTH:
        raise _bad(pattern[:40] + "…", f"it has {len(pattern)} characters, at most {MAX_LENGTH} are allowed")
    body, at_begin, at_end = _without_anchors(pattern)
    node = _Parser(pattern, body).parse()
    if (at_begin or at_end) and isinstance(node, _Alternatives):
        raise _bad(pattern, "beside ^ or $ alternatives need a group: ^(?:a|b)$")
    builder = _Builder(pattern)
    nullable, first, last = builder.build(node)
    if nullable or not first:
        raise _bad(pattern, "it matches the empty text, and so every step")
    return Positions(builder.sets, first, last, builder.follow, at_begin, at_end)


def _without_anchors(pattern: str) -> tuple[str, bool, bool]:
    at_begin = pattern.startswith("^")
    body = pattern.removeprefix("^")
    body = body.removeprefix("\\b")
    at_end = _ends_with(body, "$")
    body = body[:-1] if at_end else body
    return body[:-2] if _ends_with(body, "\\b") else body, at_begin, at_end


def _ends_with(body: str, ending: str) -> bool:
    """Tells whether the body ends so, and not with an escaped form of it."""
    if not body.endswith(ending):
        return False
    before = body[: -len(ending)]
    return (len(before) - len(before.rstrip("\\"))) % 2 == 0


def _bad(pattern: str, why: str) -> InvalidRequest:
    return InvalidRequest("BAD_PATTERN", f"the pattern {pattern!r} cannot be used: {why}")


class _Parser:
    def __init__(self, whole: str, body: str) -> None:
        self._whole = whole
        self._text = body
        self._at = 0
        self._depth = 0

    def parse(self) -> _Node:
        node = self._alternatives()
        if self._at < len(self._text):
            raise self._bad("a ) without its (")
        return node

    def _bad(self, why: str) -> InvalidRequest:
        return _bad(self._whole, f"{why} (at {self._whole.find(self._text) + self._at})")

    def _next(self) -> str:
        return self._text[self._at] if self._at < len(self._text) else ""

    def _take(self) -> str:
        if self._at >= len(self._text):
            raise self._bad("it ends too early")
        self._at += 1
        return self._text[self._at - 1]

    def _alternatives(self) -> _Node:
        parts = [self._sequence()]
        while self._next() == "|":
            self._at += 1
            parts.append(self._sequence())
        return parts[0] if len(parts) == 1 else _Alternatives(tuple(parts))

    def _sequence(self) -> _Node:
        parts: list[_Node] = []
        while self._next() not in ("", "|", ")"):
            parts.append(self._repeated(self._atom()))
        return parts[0] if len(parts) == 1 else _Sequence(tuple(parts))

    def _repeated(self, part: _Node) -> _Node:
        while True:
            counts = _COUNTS.match(self._text, self._at)
            if self._next() in ("*", "+", "?") and self._next():
                low, high = {"*": (0, None), "+": (1, None), "?": (0, 1)}[self._take()]
            elif counts:
                low = int(counts[1])
                high = low if not counts[2] else int(counts[3]) if counts[3] else None
                if max(low, high or 0) > _MAX_COUNT or (high is not None and high < low):
                    raise self._bad(f"a repetition is from 0 to {_MAX_COUNT} times")
                self._at = counts.end()
            else:
                return part
            if self._next() == "?":  # lazy: the same texts match
                self._at += 1
            part = _Repeat(part, low, high)

    def _atom(self) -> _Node:
        char = self._take()
        match char:
            case "(":
                return self._group()
            case "[":
                return self._set()
            case ".":
                return CharSet((("\n", "\n"),), negated=True)
            case "^" | "$":
                self._at -= 1
                raise self._bad(f"{char} is allowed at the pattern's ends alone")
            case "*" | "+" | "?":
                self._at -= 1
                raise self._bad("nothing to repeat")
            case "\\":
                return self._escape()
        return CharSet(((char, char),))

    def _group(self) -> _Node:
        if self._next() == "?" and not self._text.startswith("?:", self._at):
            raise self._bad("look-around, flags and named groups are not supported; write (?:…)")
        self._at += 2 if self._next() == "?" else 0
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise self._bad(f"groups are nested more than {_MAX_DEPTH} deep")
        node = self._alternatives()
        if self._next() != ")":
            raise self._bad("a ( without its )")
        self._at += 1
        self._depth -= 1
        return _Sequence((node,))

    def _escape(self) -> CharSet:
        char = self._take()
        if char.lower() in _PERL:
            return CharSet(classes=char)
        if char == "b":
            raise self._bad("\\b is allowed at the pattern's ends alone; whole words are matched anyway")
        if char.isdigit():
            raise self._bad("back references cannot be matched in linear time")
        if char.isalpha() and char not in _ESCAPES:
            raise self._bad(f"\\{char} is not supported")
        char = _ESCAPES.get(char, char)
        return CharSet(((char, char),))

    def _set(self) -> CharSet:
        negated = self._next() == "^"
        self._at += negated
        ranges: list[tuple[str, str]] = []
        classes = ""
        begun = self._at
        while self._next() != "]" or self._at == begun:
            low = self._member()
            if low.classes:
                classes += low.classes
                continue
            first = last = low.ranges[0][0]
            if self._next() == "-" and self._text[self._at + 1 : self._at + 2] not in ("", "]"):
                self._at += 1
                high = self._member()
                if high.classes or high.ranges[0][0] < first:
                    raise self._bad("a range in [] runs from a lower to a higher character")
                last = high.ranges[0][0]
            ranges.append((first, last))
        self._at += 1
        return CharSet(tuple(ranges), classes, negated)

    def _member(self) -> CharSet:
        char = self._take()
        return self._escape() if char == "\\" else CharSet(((char, char),))


class _Builder:
    """Writes the positions of a syntax tree: for each part whether it may be empty, its firsts and lasts."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._parts = 0
        self.sets: list[CharSet] = []
        self.follow: list[set[int]] = []

    def build(self, node: _Node) -> tuple[bool, frozenset[int], frozenset[int]]:
        self._parts += 1  # repetitions of what has no position are bounded by it
        if max(self._parts // 4, len(self.sets)) > MAX_POSITIONS:
            raise _bad(
                self._pattern,
                f"with its repetitions written out it has more than {MAX_POSITIONS} positions; use smaller "
                "counts, or * and +",
            )
        match node:
            case CharSet():
                self.sets.append(node)
                self.follow.append(set())
                own = frozenset([len(self.sets) - 1])
                return False, own, own
            case _Alternatives(parts):
                built = [self.build(part) for part in parts]
                return (
                    any(nullable for nullable, _, _ in built),
                    frozenset().union(*(first for _, first, _ in built)),
                    frozenset().union(*(last for _, _, last in built)),
                )
            case _Sequence(parts):
                return self._joined(parts)
        assert isinstance(node, _Repeat)
        if node.high is None:
            copies: list[_Node] = [node.part] * max(1, node.low)
            nullable, first, last = self._joined(copies, looped=True)
            return nullable or node.low == 0, first, last
        optional = [_Alternatives((node.part, _Sequence(())))] * (node.high - node.low)
        return self._joined([*[node.part] * node.low, *optional])

    def _joined(
        self, parts: Sequence[_Node], *, looped: bool = False
    ) -> tuple[bool, frozenset[int], frozenset[int]]:
        """Builds parts one after the other; `looped` lets the last of them come again."""
        nullable, first, last = True, frozenset[int](), frozenset[int]()
        for number, part in enumerate(parts, start=1):
            empty, firsts, lasts = self.build(part)
            for position in last:
                self.follow[position] |= firsts
            if looped and number == len(parts):
                for position in lasts:
                    self.follow[position] |= firsts
            first = first | firsts if nullable else first
            last = last | lasts if empty else lasts
            nullable = nullable and empty
        return nullable, first, last
