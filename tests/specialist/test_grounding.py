"""Masks are narrowed to what free values can be made of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from narrowgauge.contracts.grounded_values import Grounds, OpenValue
from narrowgauge.models import load_prepared
from specialist_svc.engine.grounding import GroundingRule, WordTokens
from specialist_svc.engine.guide import mask_words
from specialist_svc.engine.tokenizer import ModelTokenizer

GROUNDS = Grounds(
    "this friday: 2026-03-06\nRequest: lead Victor Amos of Tallgrass, 1,250.50 euro, new wrenches"
)


@pytest.fixture(scope="module")
def tokenizer(tiny_prepared_model: Path) -> ModelTokenizer:
    """A tokenizer of byte-level tokens."""
    model = load_prepared(tiny_prepared_model)
    return ModelTokenizer(
        model.tokenizer_path, vocab_size=model.config.vocab_size, eos=model.config.eos_token_ids
    )


@pytest.fixture(scope="module")
def tokens(tokenizer: ModelTokenizer) -> WordTokens:
    """Its vocabulary by words."""
    return WordTokens(tokenizer)


def _allowed(tokenizer: ModelTokenizer, tokens: WordTokens, value: OpenValue | None) -> set[int]:
    """Tokens that may come next, of all."""
    mask = np.full((1, mask_words(tokenizer.vocab_size)), -1, np.int32)
    GroundingRule(tokens, GROUNDS, lambda written: value).narrow(mask, "written")
    bits = np.unpackbits(mask[0].view(np.uint8), bitorder="little")
    return set(np.flatnonzero(bits).tolist())


def _single(tokenizer: ModelTokenizer, text: str) -> int:
    """The token of one character."""
    (token,) = tokenizer.encode(text)
    return token


@pytest.mark.parametrize(
    ("begun", "possible", "impossible"),
    [
        ("", "VvATtaw", "zq"),
        ("Am", "o", 'a eX"'),
        ("Amo", "s", "ktS"),
        ("Amos", ' ",.', "si"),
        ("Victor ", "ATV", "zx"),
        ("wrench", 'e" ', "o%"),
        ("wrenc", "h", "e %"),
    ],
)
def test_texts_are_made_of_words_of_the_turn(
    tokenizer: ModelTokenizer, tokens: WordTokens, begun: str, possible: str, impossible: str
) -> None:
    """In any case, whole, and in the singular; a pattern may end inside a word."""
    allowed = _allowed(tokenizer, tokens, OpenValue("text", begun))
    for char in possible:
        assert _single(tokenizer, char) in allowed, char
    for char in impossible:
        assert _single(tokenizer, char) not in allowed, char


@pytest.mark.parametrize(
    ("value", "possible", "impossible"),
    [
        (OpenValue("number", ""), "1", "23456789"),
        (OpenValue("number", "12"), "5", "0,. "),
        (OpenValue("number", "1250"), ".", "0"),
        (OpenValue("number", "1250.5"), ", ", "0"),
        (OpenValue("day", "2026-03-0"), "67", "58"),
        (OpenValue("day", "2026-03-06"), "T ,", ""),
        (OpenValue("one_of", "Na", (" Name =", "Name =")), "m", "aoN"),
        (OpenValue("text", "wrenc", pattern=True), "h%", "e "),
        (OpenValue("one_of", "a@b.c", ('a@b.c"',)), '"', ",c"),
        (OpenValue("text", "", null=False), "nw", "z"),
        (OpenValue("any", "", null=False), '1"t', "n"),
        (OpenValue("any", "nu", null=False), "l1", ""),
        (None, 'aA1 "', ""),
    ],
)
def test_numbers_days_and_names(
    tokenizer: ModelTokenizer, tokens: WordTokens, value: OpenValue | None, possible: str, impossible: str
) -> None:
    """Digits that lead to a known number or day, names that may come, and no `null` where none is meant."""
    allowed = _allowed(tokenizer, tokens, value)
    for char in possible:
        assert _single(tokenizer, char) in allowed, char
    for char in impossible:
        assert _single(tokenizer, char) not in allowed, char


def test_signs_are_those_of_the_turn(tokenizer: ModelTokenizer, tokens: WordTokens) -> None:
    """A text has no bracket or star that nobody wrote; hyphen, point and the closing quote need no ground."""
    between = _allowed(tokenizer, tokens, OpenValue("text", ""))
    for sign in "-. \"'":
        assert _single(tokenizer, sign) in between, sign
    for sign in "*[#":
        assert sign not in GROUNDS.text
        assert _single(tokenizer, sign) not in between, sign
    assert ":" in GROUNDS.text
    assert _single(tokenizer, ":") in between


def test_a_call_does_not_end_where_it_must_go_on(tokenizer: ModelTokenizer, tokens: WordTokens) -> None:
    """The tokens that end a text are out as long as something is left to say."""
    assert set(tokenizer.eos) <= _allowed(tokenizer, tokens, OpenValue("any", "x"))
    assert not set(tokenizer.eos) & _allowed(tokenizer, tokens, OpenValue("any", "x", last=False))


def test_what_may_not_follow_is_not_begun(tokenizer: ModelTokenizer, tokens: WordTokens) -> None:
    """A comma where a list ends, but not one of a text; and a word that nothing asks for."""
    comma, space = _single(tokenizer, ","), _single(tokenizer, " ")
    assert comma not in _allowed(tokenizer, tokens, OpenValue("any", "x", more=False))
    assert comma in _allowed(tokenizer, tokens, OpenValue("text", "", more=False))
    assert space not in _allowed(tokenizer, tokens, OpenValue("any", "x", without=" OFFSET"))


def test_the_constraint_goes_first(tokenizer: ModelTokenizer, tokens: WordTokens) -> None:
    """Where the rule would leave nothing the mask stays as the grammar made it."""
    mask = tokens.mask([_single(tokenizer, "z")])[None, :].copy()
    before = mask.copy()
    GroundingRule(tokens, GROUNDS, lambda written: OpenValue("text", "Am")).narrow(mask, "written")
    assert (mask == before).all()
