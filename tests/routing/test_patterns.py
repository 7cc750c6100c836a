"""Patterns of rules: they mean what regular expressions mean, whole words, in linear time."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from narrowgauge.errors import InvalidRequest
from narrowgauge.routing.automaton import Automaton
from narrowgauge.routing.entities import ENTITIES
from narrowgauge.routing.patterns import keyword_pattern, read_pattern


def found(pattern: str, text: str) -> str | None:
    """What a pattern matches in a text."""
    matches = Automaton([read_pattern(pattern)]).find(text, [(0, len(text))])
    return text[slice(*matches[0])] if matches else None


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("case", "open a Case for Globex", "Case"),
        ("case", "the showcase of cases", None),
        (r"case \d{8}", "close case 00001234 now", "case 00001234"),
        (r"case \d{8}", "close case 000012345", None),
        ("invoices?", "all invoices", "invoices"),
        (r"(?:open|close) (?:a|the) case", "please close the case", "close the case"),
        (r"\bcase\b", "a case", "case"),
        ("[a-c]{2,3}x", "aaabx", None),
        ("[a-c]{2,3}x", "abx", "abx"),
        ("^delete", "delete it", "delete"),
        ("^delete", "do not delete it", None),
        ("(?:it|them)$", "delete it or them", "them"),
        ("[^a-z]5", "é5 $5", "é5"),
        ("größe", "die GRÖSSE oder Größe", "Größe"),
        (r"\$[0-9]+", "costs $500", "$500"),
        ("a.c", "a\nc a-c", "a-c"),
        ("[]x]+", "a x]", "x"),
    ],
)
def test_what_a_pattern_matches(pattern: str, text: str, expected: str | None) -> None:
    """Whole words, either case, anchored at the step's ends."""
    assert found(pattern, text) == expected


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        (r"(a)\1", "back references"),
        ("(?=a)b", "look-around"),
        ("(?<name>a)", "named groups"),
        ("a**(", "a ( without its )"),
        ("a)", "a ) without its ("),
        ("*a", "nothing to repeat"),
        ("[b-a]", "from a lower to a higher"),
        ("[a", "ends too early"),
        ("a\\", "ends too early"),
        ("a?", "matches the empty text"),
        ("", "matches the empty text"),
        ("a{300}", "from 0 to 256"),
        ("(?:(?:a{200}){200}){200}", "more than 1000 positions"),
        ("(?:(?:(?:a{0}){256}){256}){256}b", "more than 1000 positions"),
        ("a^b", "pattern's ends alone"),
        (r"a\bb", "pattern's ends alone"),
        ("^a|b", "need a group"),
        (r"\p{L}", r"\p is not supported"),
        ("x" * 501, "501 characters"),
        ("(" * 40 + "a" + ")" * 40, "nested more than 32"),
    ],
)
def test_what_cannot_be_used_is_refused(pattern: str, why: str) -> None:
    """The message says what is wrong with the pattern, whatever would make it slow included."""
    with pytest.raises(InvalidRequest) as caught:
        read_pattern(pattern)
    assert caught.value.reason == "BAD_PATTERN"
    assert why in caught.value.message


_PATTERNS = st.recursive(
    st.sampled_from(["a", "b", "c", "[ab]", "[^a]", r"\w", "."]),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda p: p[0] + p[1]),
        st.tuples(inner, inner).map(lambda p: f"(?:{p[0]}|{p[1]})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,2}", "{1,}"])).map(
            lambda p: f"(?:{p[0]}){p[1]}"
        ),
    ),
    max_leaves=5,
)


@settings(deadline=None)  # the machine may be busy
@given(_PATTERNS, st.text("abc -", max_size=12))
def test_it_agrees_with_regular_expressions(pattern: str, text: str) -> None:
    """A pattern matches just the whole words that Python's `re` can match in full."""
    try:
        got = found(pattern, text)
    except InvalidRequest:
        assert re.fullmatch(pattern, "")
        return
    expression = re.compile(pattern, re.IGNORECASE)
    wanted = {
        text[i:j]
        for i in range(len(text))
        for j in range(i + 1, len(text) + 1)
        if expression.fullmatch(text[i:j])
        and not (i and text[i - 1].isalnum() and text[i].isalnum())
        and not (j < len(text) and text[j - 1].isalnum() and text[j].isalnum())
    }
    assert got in wanted if wanted else got is None


@pytest.mark.parametrize("pattern", ["(?:a*)*b", "(?:a|a)*b", "(?:a|aa)+$", ".*.*.*.*b", r"(?:\w+\s?)*!"])
def test_catastrophic_patterns_stay_linear(pattern: str) -> None:
    """Patterns that take exponential time elsewhere visit each character once: few sets of states are met."""
    automaton = Automaton([read_pattern(pattern)])
    text = "a" * 20_000
    automaton.find(text, [(0, len(text))])
    assert len(automaton._after) < 100


@pytest.mark.parametrize(
    ("entity", "text", "expected"),
    [
        ("salesforce_id", "delete 0065g00000Ab1Cd", True),
        ("salesforce_id", "delete 0065g00000Ab1CdEAK", True),
        ("salesforce_id", "our recommendations and 123456789012345", False),
        ("email", "write to jo.b+x@mail.example.co.uk, please", True),
        ("email", "meet me @ noon", False),
        ("url", "see https://example.com/a?b=1.", True),
        ("date", "since 2026-03-02", True),
        ("date", "on March 3rd, 2026", True),
        ("date", "the 3rd of May", True),
        ("date", "in may 2026", True),
        ("date", "I may come", False),
        ("date", "version 2026-13-02", False),
        ("money", "more than $1,250.00", True),
        ("money", "500 euros", True),
        ("money", "500 orders", False),
        ("phone_number", "call +49 30 1234567", True),
        ("phone_number", "call (555) 123-4567", True),
        ("phone_number", "order 12345", False),
        ("uuid", "id 123e4567-e89b-12d3-a456-426614174000", True),
    ],
)
def test_entities(entity: str, text: str, expected: bool) -> None:
    """Each entity is told from what looks like it."""
    matches = Automaton([read_pattern(p) for p in ENTITIES[entity]]).find(text, [(0, len(text))])
    assert bool(matches) == expected


def test_keywords_are_phrases() -> None:
    """The words of a phrase may stand on several lines, and its signs mean themselves."""
    assert found(keyword_pattern("open a case"), "Open  a\ncase!") == "Open  a\ncase"
    assert found(keyword_pattern("c++ (old)"), "use C++ (old) here") == "C++ (old)"
