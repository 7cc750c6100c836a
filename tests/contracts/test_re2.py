"""Patterns of protovalidate as expressions over whole values."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from narrowgauge.contracts.constraint.code_points import ALL, normalise, subtract
from narrowgauge.contracts.constraint.lark import CodePoints
from narrowgauge.contracts.constraint.re2 import Pattern
from narrowgauge.contracts.constraint.re2_syntax import Inexpressible


def spelled(ranges: CodePoints) -> str:
    return "[" + "".join(f"\\U{low:08x}-\\U{high:08x}" for low, high in ranges) + "]"


PATTERNS = [
    "abc", "^abc$", "^a|b$", "a.c", "(?s)a.c", "[a-c]+", "[^a-c]", "^[\\w.-]+$", "^\\d{2,3}$", "a?b*c+",
    "^(a|b){2}$", "(?:ab)+?", "^(?P<x>a)b$", "[]a]", "[a-]", "\\.\\*", "^$", "",
    "^\\x41\\x{42}$", "\\Qa.b\\E",
    "^(^a|b)c", "(a$|b)$", "(?i)aBc", "^(?i:k)z$", "[[:digit:]]{2}", "\\A\\S\\z", "[\\d_]",
]  # fmt: skip
TEXTS = st.text(alphabet="abckzABC01._-\n *]\u00e9Q", max_size=6)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_pattern_matches_where_re_finds_it(pattern: str) -> None:
    """The expression for the whole value agrees with searching the value."""
    whole = re.compile(Pattern(pattern).whole(spelled))
    peer = pattern.replace("\\z", "\\Z").replace("\\x{42}", "B").replace("[[:digit:]]", "[0-9]")
    peer = peer.replace("\\Qa.b\\E", "a\\.b").replace("$", "\\Z")
    search = re.compile(peer, re.ASCII)

    @given(TEXTS)
    @settings(max_examples=80, deadline=None)
    def agrees(text: str) -> None:
        assert bool(whole.fullmatch(text)) is bool(search.search(text)), text

    agrees()


@pytest.mark.parametrize(
    "pattern",
    [
        "\\bword",
        "(?m)^a",
        "\\pL",
        "a(",
        "a)",
        "*a",
        "a{1001}",
        "(?=a)",
        "[b-a]",
        "(?:x^)+",
        "a\\",
        "\\1",
        "(?i)é",
    ],
)
def test_what_has_no_expression_is_said(pattern: str) -> None:
    """Patterns outside of the subset are reported, never written wrongly."""
    with pytest.raises(Inexpressible):
        Pattern(pattern).whole(spelled)


RANGES = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 9)).map(lambda pair: (pair[0], sum(pair))))


@given(RANGES, RANGES)
def test_sets_of_code_points_behave_as_sets(
    first: list[tuple[int, int]], second: list[tuple[int, int]]
) -> None:
    """Joining and subtracting ranges agrees with Python's sets."""

    def members(ranges: CodePoints) -> set[int]:
        return {point for low, high in ranges for point in range(low, high + 1)}

    left, right = normalise(first), normalise(second)
    assert members(left) == members(tuple(first))
    assert members(subtract(left, right)) == members(left) - members(right)
    assert subtract(ALL, ALL) == ()
