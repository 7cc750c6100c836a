"""Turns a surface's grammar into one regular expression, where it is one.

outlines_core's index is built from a regular expression in the syntax of Rust's `regex` crate. Its own reader
of JSON Schema drops `minimum`, `maximum`, `uniqueItems` and patterns beside lengths without a word, so the
expression is made from our grammar instead, in which all of them are written out. What no expression can say
(recursion, intersections, lists without repetitions), or only one that is too large, is refused.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from narrowgauge.contracts.constraint.lark import regex_escape
from narrowgauge.contracts.constraint.strings import JSON_CHAR
from narrowgauge.errors import Unsupported

__all__ = ["MAX_POSITIONS", "regular_expression"]

MAX_POSITIONS = 600
"""Characters that an expression may be long once its repetitions are written out.

Building an index takes about 8 ms and 0.6 MB a position of free text.
"""

_TOKEN = re.compile(
    r"""(?P<space>\s+)|(?P<text>"(?:[^"\\]|\\.)*")|(?P<regex>/(?:[^/\\]|\\.)+/)|(?P<name>[A-Za-z_]\w*)"""
    r"""|(?P<count>\{\d+(?:,\d*)?\})|(?P<sign>[|()?*+&~])|(?P<other>.)""",
    re.DOTALL,
)
_ATOM = re.compile(r"\\x\{[0-9a-fA-F]+\}|\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|.", re.DOTALL)
_COUNT = re.compile(r"\{(\d+)(?:,(\d*))?\}|[?*+]")
_ANY_TEXT = re.compile(rf"\(\?:{re.escape(JSON_CHAR)}\{{0,(\d+)\}}\)")
_ENDLESS = 1_000_000


@dataclass(frozen=True)
class _Part:
    """An expression that can stand in a sequence, and its length with all repetitions written out."""

    text: str
    positions: int


def regular_expression(grammar: str) -> str:
    """Returns the expression that matches the texts of a grammar.

    Args:
        grammar: In llguidance's Lark dialect, one rule a line, as the surfaces write it.

    Raises:
        Unsupported: `NOT_REGULAR`: there is none, or it is too large; says why.
    """
    part = _Grammar(grammar).rule("start", ())
    if part.positions > MAX_POSITIONS:
        raise _refused(
            f"its calls can be {part.positions:,} characters long, and an index is built for "
            f"{MAX_POSITIONS} at most"
        )
    return part.text


def _refused(reason: str) -> Unsupported:
    return Unsupported(
        "NOT_REGULAR", f'guide = "outlines_core" cannot express this contract: {reason}; use llguidance'
    )


class _Grammar:
    def __init__(self, grammar: str) -> None:
        self._bodies: dict[str, str] = {}
        for line in re.split(r"\n(?=[A-Za-z_]\w*(?:::_)?\s*:)", grammar.strip()):
            name, _, body = line.partition(":")
            if body.startswith(":"):
                raise _refused("it has a list without repetitions")
            self._bodies[name.strip()] = body
        self._known: dict[str, _Part] = {}

    def rule(self, name: str, above: tuple[str, ...]) -> _Part:
        if name in above:
            raise _refused("its messages are recursive")
        if name not in self._known:
            if name not in self._bodies:
                raise _refused(f"its grammar has no rule {name}")
            part = _Body(self, self._bodies[name], (*above, name)).alternatives()
            if part.positions > 64 * MAX_POSITIONS:  # a sum of many such parts would not end
                raise _refused("its calls are too long")
            self._known[name] = part
        return self._known[name]


class _Body:
    """Reads the body of one rule, by recursive descent."""

    def __init__(self, grammar: _Grammar, body: str, above: tuple[str, ...]) -> None:
        self._grammar, self._above = grammar, above
        self._tokens = [
            (str(found.lastgroup), found.group())
            for found in _TOKEN.finditer(body)
            if found.lastgroup != "space"
        ]
        self._next = 0

    def alternatives(self) -> _Part:
        found = [self._sequence()]
        while self._peek() == "|":
            self._next += 1
            found.append(self._sequence())
        return _either(found)

    def _sequence(self) -> list[_Part]:
        parts: list[_Part] = []
        while (sign := self._peek()) not in ("", "|", ")"):
            if sign == "&" and len(parts) == 1:
                self._next += 1
                parts = [_within(parts[0], self._atom())]
                continue
            if sign in ("&", "~") or self._tokens[self._next][0] == "other":
                raise _refused(f"a field's rules need the operator {sign}")
            parts.append(self._repeated(self._atom()))
        return parts

    def _atom(self) -> _Part:
        kind, part = self._tokens[self._next]
        self._next += 1
        match kind:
            case "text":
                text = str(json.loads(part))
                return _Part(regex_escape(text), len(text))
            case "regex":
                return _Part(f"(?:{part[1:-1]})", _positions(part[1:-1]))
            case "name":
                return self._grammar.rule(part, self._above)
        if part == "~":
            raise _refused("a field excludes texts")
        if part != "(":
            raise _refused(f"its grammar has {part!r} where a part should stand")
        inner = self.alternatives()
        self._next += 1
        return inner

    def _repeated(self, part: _Part) -> _Part:
        token = self._peek()
        if not _COUNT.fullmatch(token):
            return part
        self._next += 1
        return _Part(f"(?:{part.text}){token}", part.positions * _most(token))

    def _peek(self) -> str:
        return self._tokens[self._next][1] if self._next < len(self._tokens) else ""


def _within(first: _Part, second: _Part) -> _Part:
    """The texts of both. A pattern that is surely short enough needs no bound on its length beside it."""
    bound = _ANY_TEXT.fullmatch(first.text)
    if bound and _positions(second.text, endless=_ENDLESS) <= int(bound[1]):
        return second
    raise _refused("a field has a pattern that is not bounded, beside a length")


def _either(found: list[list[_Part]]) -> _Part:
    """An optional field is written as `key value rest | rest`; saying `rest` once keeps the size linear."""
    if len(found) == 2 and found[1] and found[0][-len(found[1]) :] == found[1]:
        head, rest = found[0][: -len(found[1])], found[1]
        parts = [_Part(f"(?:{_text(head)})?", _length(head)), *rest]
        return _Part(_text(parts), _length(parts))
    if len(found) == 1:
        return _Part(_text(found[0]), _length(found[0]))
    return _Part(f"(?:{'|'.join(map(_text, found))})", sum(map(_length, found)))


def _text(parts: list[_Part]) -> str:
    return "".join(part.text for part in parts)


def _length(parts: list[_Part]) -> int:
    return sum(part.positions for part in parts)


def _most(count: str, endless: int = 1) -> int:
    found = _COUNT.fullmatch(count)
    if count in "*+" or count.endswith(",}"):
        return endless
    if found is None or found[1] is None:
        return 1
    return max(1, int(found[2] or found[1]))


def _positions(expression: str, *, endless: int = 1) -> int:
    """Length of a regular expression with all repetitions written out.

    Args:
        expression: The expression.
        endless: What a repetition without end counts.
    """
    stack: list[list[int]] = [[]]
    place = 0
    while place < len(expression):
        counted = _COUNT.match(expression, place)
        if counted and stack[-1]:
            stack[-1][-1] *= _most(counted.group(), endless)
            place = counted.end()
            continue
        if expression.startswith("(?:", place):
            stack.append([])
            place += 3
        elif expression[place] == "(":
            stack.append([])
            place += 1
        elif expression[place] == ")" and len(stack) > 1:
            inner = sum(stack.pop())
            stack[-1].append(inner)
            place += 1
        else:
            atom = _ATOM.match(expression, place)
            assert atom is not None
            stack[-1].append(0 if atom.group() == "|" else 1)
            place = atom.end()
    return sum(map(sum, stack))
