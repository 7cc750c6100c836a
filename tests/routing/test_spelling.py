"""Typing errors are mended before a text is encoded, and offsets stay those of the text as it was typed."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from tokenizers import Tokenizer

from narrowgauge.routing.encoder import ENCODER_FOLDER
from narrowgauge.routing.spelling import Mended, Spelling, words_of

WORDS = ("invoices", "summarize", "opportunities", "shipments")


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    """The tokenizer of the encoder that ships."""
    return Tokenizer.from_file(str(ENCODER_FOLDER / "tokenizer.json"))


def mended(tokenizer: Tokenizer, text: str) -> Mended | None:
    """Mends a text with a few known words beside the vocabulary."""
    encoding = tokenizer.encode(text)
    spelling = Spelling(tokenizer.get_vocab(), WORDS)
    return spelling.mend(text, np.array(encoding.ids, np.int64), encoding.offsets)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("list the invocies", "list the invoices"),  # two letters exchanged
        ("sumarize them", "summarize them"),  # one left out
        ("open oppportunities", "open opportunities"),  # one twice
        ("late shipnents", "late shipments"),  # a key beside it
        ("create a laed", "create a lead"),
        ("Invocies of May", "invoices of May"),
    ],
)
def test_one_wrong_edit_is_mended(tokenizer: Tokenizer, typed: str, meant: str) -> None:
    """Each kind of slip within a word is undone where a known word is one edit away."""
    found = mended(tokenizer, typed)
    assert found is not None and found.text == meant


@pytest.mark.parametrize(
    "text",
    [
        "list the invoices",
        "which invoices were summarized",  # an ending behind a known word
        "add Invocies as an account",  # a capital within a sentence is a name
        "cancel xqzzyv now",
        "0065g00000Ab1Cd",
        "фактуры and 発票",
    ],
)
def test_other_words_stay(tokenizer: Tokenizer, text: str) -> None:
    """Known words, their forms, names, numbers and other scripts are read as they are."""
    assert mended(tokenizer, text) is None


def test_offsets_are_of_the_typed_text(tokenizer: Tokenizer) -> None:
    """Each piece of a mended text lies where the typed text has it, whole words end where they did."""
    typed = "list oppportunities and sumarize the invocies, please"
    found = mended(tokenizer, typed)
    assert found is not None
    encoding = tokenizer.encode(found.text)
    places = found.original(encoding.offsets)
    assert len(places) == len(encoding.ids)
    assert all(begin < end for begin, end in places)
    assert all(a[0] <= b[0] for a, b in itertools.pairwise(places))
    covered = {typed[b:e] for b, e in places}
    assert {"list", "and", "the", "please", ","} <= covered
    starts, ends = {b for b, _ in places}, {e for _, e in places}
    for word in ("oppportunities", "sumarize", "invocies"):
        at = typed.index(word)
        assert at in starts and at + len(word) in ends


def test_words_of_texts_are_sorted_and_long_enough() -> None:
    """The bundle's words are the same whatever the order of its texts."""
    texts = ["List the Invoices", "a lead for Ana's firm"]
    assert words_of(texts) == words_of(texts[::-1]) == ["firm", "invoices", "lead", "list"]
