"""Writes grammars in llguidance's Lark dialect: numbered rules and terminals, each body once."""

from __future__ import annotations

import json
from functools import cache

from llguidance import LLMatcher, LLTokenizer

__all__ = ["Lark", "class_of", "literal", "regex_escape"]

CodePoints = tuple[tuple[int, int], ...]
"""Sorted, disjoint, inclusive ranges of code points."""


@cache
def _byte_tokenizer() -> LLTokenizer:
    return LLTokenizer("byte")


def literal(text: str) -> str:
    """Returns a Lark string literal that matches exactly `text`."""
    return json.dumps(text)


def regex_escape(text: str) -> str:
    """Returns a regular expression (without slashes) that matches exactly `text`."""
    return "".join(char if char.isascii() and char.isalnum() else f"\\x{{{ord(char):x}}}" for char in text)


def class_of(ranges: CodePoints) -> str:
    """Returns a character class (without slashes) for a non-empty set of code points."""
    parts = []
    for low, high in ranges:
        parts.append(f"\\x{{{low:x}}}" + (f"-\\x{{{high:x}}}" if high > low else ""))
    return f"[{''.join(parts)}]"


class Lark:
    """A grammar under construction. Names are given in order of use, so equal input gives equal text."""

    def __init__(self) -> None:
        self._names: dict[tuple[str, str], str] = {}
        self._lines: list[str] = []
        self._count = 0

    def terminal(self, body: str) -> str:
        """Adds a terminal, matched as one regular expression, and returns its name."""
        return self._add("T", "", body)

    def rule(self, body: str) -> str:
        """Adds a rule and returns its name."""
        return self._add("r", "", body)

    def unique_list(
        self, choices: list[str], low: int, high: int, *, begin: str = "[", between: str = ",", end: str = "]"
    ) -> str:
        """Adds rules for a list without repetitions and returns the name of the first.

        Args:
            choices: Lark expressions of the possible items, at most 64.
            low: Fewest items.
            high: Most items.
            begin: Text before the first item.
            between: Text between two items.
            end: Text after the last item.
        """
        first_text, next_text, end_text = literal(begin), literal(between), literal(end)
        # One bit an item in llguidance's rule parameter says which were taken (its docs/parametric.md).
        more, start = self._reserve(), self._reserve()
        alternatives = [f"{end_text} %if bit_count_ge(_, {low})"]
        first = [f"{first_text} {end_text}"] if low == 0 else []
        for bit, item in enumerate(choices):
            alternatives.append(
                f"{next_text} {item} {more}::set_bit({bit}) "
                f"%if and(bit_clear({bit}), bit_count_lt(_, {high}))"
            )
            first.append(f"{first_text} {item} {more}::{1 << bit}")
        self._lines.append(f"{more}::_ : " + "\n  | ".join(alternatives))
        self._lines.append(f"{start} : " + "\n  | ".join(first))
        return start

    def distinct_list(self, choices: list[str], others: str, most: int) -> str:
        """Adds rules for items with commas between them, at least one, and returns the first rule.

        Args:
            choices: Lark expressions of items that occur once; beyond the 58th they may repeat.
            others: Lark expression of items that may repeat; empty for none.
            most: Most items of each of the two sorts, at most 31.
        """
        item, tail = self._reserve(), self._reserve()
        # The lower bits say which choices were taken, the upper ones count the others.
        alternatives = [
            f"{choice} {tail}::set_bit({bit}) %if and(bit_clear({bit}), bit_count_lt([0:58], {most}))"
            for bit, choice in enumerate(choices[:58])
        ]
        if rest := " | ".join(filter(None, [*choices[58:], others])):
            alternatives.append(f"{self.rule(rest)} {tail}::incr([58:63]) %if lt([58:63], {most})")
        self._lines.append(f"{item}::_ : " + "\n  | ".join(alternatives))
        self._lines.append(f'{tail}::_ : ""\n  | ", " {item}::_')
        return self.rule(f"{item}::0")

    def text(self, start: str) -> str:
        """Returns the grammar that begins with the rule or terminal `start`."""
        return "\n".join([f"start: {start}", *self._lines]) + "\n"

    def matches_nothing(self, terminal: str) -> bool:
        """Says whether no text at all matches a terminal; intersections can do that."""
        matcher = LLMatcher(_byte_tokenizer(), LLMatcher.grammar_from_lark(self.text(terminal)), log_level=0)
        return not any(matcher.compute_bitmask()) or bool(matcher.get_error())

    def _reserve(self) -> str:
        self._count += 1
        return f"r{self._count}"

    def _add(self, prefix: str, parameter: str, body: str) -> str:
        key = (prefix, body)
        name = self._names.get(key)
        if name is None:
            self._count += 1
            name = self._names[key] = f"{prefix}{self._count}"
            self._lines.append(f"{name}{parameter}: {body}")
        return name
