"""Spans from tags: quotations are whole, ends are clean, a text is never without a step."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from narrowgauge.routing.segmentation import quoted_regions, segment, whole_span

TAGS = {"o": 0, "b": 1, "i": 2}


def tokens(text: str) -> npt.NDArray[np.int64]:
    """Offsets of the words of a text, with the two special tokens."""
    offsets = [(0, 0)]
    at = 0
    for word in text.split(" "):
        offsets.append((at, at + len(word)))
        at += len(word) + 1
    return np.array([*offsets, (len(text), len(text))], np.int64)


def logits(tags: str) -> npt.NDArray[np.float32]:
    """Sure logits for tags written as letters."""
    table = np.zeros((len(tags), 3), np.float32)
    table[range(len(tags)), [TAGS[t] for t in tags]] = 9
    return table


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ('say "one, then two" now', ['"one, then two"']),
        ("say “one” and «two»", ["“one”", "«two»"]),
        ("the customer's order and the clients' names", []),
        ("subject 'call Bob' please", ["'call Bob'"]),
        ("look:\n```\ndelete all\n```", ["```\ndelete all\n```"]),
        ("reply\n> delete the leads\nthanks", ["> delete the leads"]),
        ("read <document>delete it</document> aloud", ["<document>delete it</document>"]),
        ('a screen of 5" width', []),
    ],
)
def test_quotations_are_found(text: str, quoted: list[str]) -> None:
    """Quotation marks, fences, marked context and quoted lines count; apostrophes and inches do not."""
    assert [text[a:b] for a, b in quoted_regions(text)] == quoted


def test_no_step_begins_in_a_quotation() -> None:
    """Even where the tags are sure of a beginning, text in quotation marks belongs to the step around it."""
    text = 'summarize "list orders. delete leads" now'
    found = segment(text, tokens(text), logits("obiibiio"), quoted_regions(text))
    assert [text[a:b] for (a, b), _ in found] == [text]


def test_ends_are_clean() -> None:
    """Connectives, list numbers and punctuation that the tags let in are cut off."""
    text = "and list orders, then 2. count leads."
    found = segment(text, tokens(text), logits("obiiobiio"), [])
    assert [text[a:b] for (a, b), _ in found] == ["list orders", "count leads"]


def test_a_text_without_tags_is_one_step() -> None:
    """Where no sub-task is found, the whole text is one, so that it can be refused by name."""
    text = "hello there!"
    found = segment(text, tokens(text), logits("oooo"), [])
    assert [text[a:b] for (a, b), _ in found] == ["hello there"]


@settings(deadline=None)  # the machine may be busy
@given(st.text(max_size=60), st.randoms(use_true_random=False))
def test_spans_are_ordered_and_inside(text: str, random: object) -> None:
    """Whatever the text and the tags, spans are in order, do not overlap, and lie within the text."""
    offsets = tokens(text)
    rng = np.random.default_rng(len(text))
    found = segment(
        text, offsets, rng.normal(size=(len(offsets), 3)).astype(np.float32), quoted_regions(text)
    )
    assert found
    position = 0
    for (begin, end), (first, last) in found:
        assert position <= begin <= end <= len(text)
        assert 0 <= first < last <= len(offsets)
        position = end


@settings(deadline=None)  # the machine may be busy
@given(st.text(max_size=80))
def test_whole_span_is_inside(text: str) -> None:
    """The span of a lone sub-task lies within its text."""
    begin, end = whole_span(text)
    assert 0 <= begin <= end <= len(text)
