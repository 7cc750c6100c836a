"""Keeps the free values of a call to their grounds (`narrowgauge.contracts.grounded_values`).

The constraint's grammar leaves free values free, so this narrows the mask: inside a word only tokens that
lead to a known word, after an unfinished one nothing else; likewise for numbers and days.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from narrowgauge.contracts.grounded_values import Grounds, OpenValue, OpenValueOf, Source
from specialist_svc.engine.guide import mask_words
from specialist_svc.engine.tokenizer import ModelTokenizer

__all__ = ["GroundingRule", "WordTokens"]

Mask = NDArray[np.int32]

_RUN = re.compile(r"[^\W_]+")
_LAST_RUN = re.compile(r"[^\W_]*$")
# What a token writes of a text, up to a quote that may close it.
_TEXT = re.compile(r"""[^"']*""")
_NUMERIC = frozenset("0123456789.")
_NULLS = frozenset("null"[:end] for end in range(1, 5))
_DAY_CHARS = 10


class _Several(NamedTuple):
    """A token that finishes a word: whole words behind that, and the one that its text breaks off in."""

    token: int
    whole: list[str]
    begun: str


class WordTokens:
    """The vocabulary by the words that its tokens write; found once a model."""

    def __init__(self, tokenizer: ModelTokenizer) -> None:
        self._words = mask_words(tokenizer.vocab_size)
        # By the letters and digits that they add: to an unfinished word, or as a new one.
        self.going_on: dict[str, list[int]] = defaultdict(list)
        self.beginning: dict[str, list[int]] = defaultdict(list)
        # The same for tokens that finish this word, and may have further ones.
        self.finishing: dict[str, list[_Several]] = defaultdict(list)
        self.holding: dict[str, list[_Several]] = defaultdict(list)
        self.digits: dict[str, int] = {}
        wordless: list[int] = list(tokenizer.eos)
        broken: list[int] = []
        numeric: list[int] = []
        texts = list(tokenizer.texts())
        for token, text in texts:
            runs = _RUN.findall(text)
            if "\ufffd" in text:
                broken.append(token)  # a part of a character
            elif not runs:
                wordless.append(token)
            elif len(runs) > 1 or not text.endswith(runs[0]):
                ends_in_word = text.endswith(runs[-1])
                rest = (runs[1:-1], runs[-1]) if ends_in_word else (runs[1:], "")
                place = self.finishing if text.startswith(runs[0]) else self.holding
                place[runs[0]].append(_Several(token, *rest))
            elif text == runs[0]:
                self.going_on[text].append(token)
            else:
                self.beginning[runs[0]].append(token)
            if text and text[0] in _NUMERIC:
                numeric.append(token)
                if len(text) == 1:
                    self.digits[text] = token
        self.wordless, self.broken = self.mask(wordless), self.mask(broken)
        by_sign: dict[str, list[int]] = defaultdict(list)
        for token, text in texts:
            for sign in set(_TEXT.match(text)[0]):  # type: ignore[index]
                if not sign.isalnum():
                    by_sign[sign].append(token)
        self.signed = {sign: self.mask(with_it) for sign, with_it in by_sign.items()}
        self.wild = self.signed["%"] & self.wordless
        self.not_numeric = ~self.mask(numeric)
        self.not_null = ~self.mask(token for token, text in texts if text.lstrip(" ") in _NULLS)
        self.closing = self.mask(token for token, text in texts if text.startswith('"'))
        self.not_closed_on = ~self.mask(token for token, text in texts if text.startswith('",'))
        self.not_on = ~self.mask(token for token, text in texts if text.lstrip('"').startswith(","))
        self.not_end = ~self.mask(tokenizer.eos)
        self._texts = {text: token for token, text in texts}
        self._longest = max(map(len, self._texts))

    def leading_to(self, texts: Iterable[str], begun: str) -> Mask:
        """Returns a mask of the tokens that go on to one of some texts from what is written of it."""
        parts = {
            text[len(begun) : end]
            for text in texts
            if text.startswith(begun)
            for end in range(len(begun) + 1, min(len(text), len(begun) + self._longest) + 1)
        }
        mask = self.mask(token for part in parts if (token := self._texts.get(part)) is not None)
        # What follows a closed text may be in one token with its quote.
        closed = any(text == f'{begun}"' for text in texts)
        return mask | self.closing if closed else mask

    def mask(self, tokens: Iterable[int]) -> Mask:
        """Returns a mask of these tokens: int32 [words]."""
        words = np.zeros(self._words, np.int32).view(np.uint32)
        for token in tokens:
            words[token >> 5] |= np.uint32(1 << (token & 31))
        return words.view(np.int32)


class GroundingRule:
    """Narrows the masks of one text.

    Args:
        tokens: Of the model.
        grounds: Of the sub-task.
        open_value: Tells which value a text ends in.
    """

    def __init__(self, tokens: WordTokens, grounds: Grounds, open_value: OpenValueOf) -> None:
        self._tokens = tokens
        self._grounds = grounds
        self._open_value = open_value
        self._masks: dict[OpenValue, Mask] = {}
        self._texts: dict[tuple[str, Source], Mask] = {}
        self._betweens: dict[Source, Mask] = {}
        self._parts: dict[Source, frozenset[str]] = {}
        # What takes long is made here, where no other request waits for it.
        grounds.prepare()
        self._between("")
        unsaid = tokens.mask(())
        for sign, with_it in tokens.signed.items():
            if sign not in grounds.signs:
                unsaid = unsaid | with_it
        self._said_signs = ~unsaid

    def narrow(self, mask: Mask, written: str) -> None:
        """Takes out the tokens that break the rule.

        When nothing would be left the mask stays as it is: the constraint goes first.

        Args:
            mask: int32 [1, words], as `Guide.fill_mask` wrote it.
            written: The text so far.
        """
        value = self._open_value(written)
        if value is None:
            return
        if value.kind == "text":
            value = replace(value, begun=_last_run(value.begun), null=True)
        if value not in self._masks:
            self._masks[value] = self._mask_of(value)
        narrowed = mask[0] & self._masks[value]
        if narrowed.any():
            mask[0] = narrowed

    def _mask_of(self, value: OpenValue) -> Mask:
        match value.kind:
            case "text":
                mask = self._text(value.begun, value.source, pattern=value.pattern)
            case "number":
                mask = self._one_of(self._grounds.numbers, value.begun.lstrip("-"))
            case "day" if len(value.begun) < _DAY_CHARS:
                days = self._grounds.days if value.days is None else value.days
                mask = self._one_of(days, value.begun)
            case "one_of":
                mask = self._tokens.leading_to(value.texts, value.begun)
            case _:
                mask = ~self._tokens.mask(())
        if not value.null and not value.begun and value.kind != "one_of":
            mask = mask & self._tokens.not_null
        if not value.last:
            mask = mask & self._tokens.not_end
        if not value.more:
            # A comma in a text is one of the text's.
            mask = mask & (self._tokens.not_closed_on if value.kind == "text" else self._tokens.not_on)
        if value.without:
            mask = mask & ~self._tokens.leading_to((value.without,), "")
        return mask

    def _text(self, run: str, source: Source, *, pattern: bool) -> Mask:
        """Mask behind an unfinished word, or between words when it is empty."""
        if (run, source) not in self._texts:
            self._texts[run, source] = self._in_word(run, source)
        mask = self._texts[run, source] & self._said_signs
        # A pattern may end inside a word: `wrench%` for wrenches.
        return mask | self._tokens.wild if pattern else mask

    def _in_word(self, run: str, source: Source) -> Mask:
        tokens, words = self._tokens, self._grounds.words_of(source)
        # What follows the first word is not the first.
        after: Source = "written" if source == "first" and run else source
        allowed: list[int] = []
        for word in words:
            if word.startswith(run):
                for end in range(len(run) + 1, len(word) + 1):
                    allowed += tokens.going_on.get(word[len(run) : end], ())
                allowed += self._fitting(tokens.finishing.get(word[len(run) :], ()), after)
        mask = tokens.mask(allowed)
        if not self._grounds.text.isascii():
            mask = mask | tokens.broken
        return mask | self._between(after) if not run or run in words else mask

    def _between(self, source: Source) -> Mask:
        """Mask of the tokens that write no word, or begin one behind a sign or a space."""
        if source not in self._betweens:
            tokens, words = self._tokens, self._grounds.words_of(source)
            allowed: list[int] = []
            for part in self._parts_of(source):
                allowed += tokens.beginning.get(part, ())
            for word in words:
                allowed += self._fitting(tokens.holding.get(word, ()), source)
            self._betweens[source] = tokens.wordless | tokens.mask(allowed)
        return self._betweens[source]

    def _fitting(self, several: Iterable[_Several], source: Source) -> Iterator[int]:
        """Tokens whose further words are known ones, and the last, unfinished one can become so."""
        words, parts = self._grounds.words_of(source), self._parts_of(source)
        return (
            token
            for token, whole, begun in several
            if begun in parts and all(word in words for word in whole)
        )

    def _parts_of(self, source: Source) -> frozenset[str]:
        """All beginnings of words."""
        if source not in self._parts:
            words = self._grounds.words_of(source)
            self._parts[source] = frozenset(word[:end] for word in words for end in range(len(word) + 1))
        return self._parts[source]

    def _one_of(self, values: Iterable[str], begun: str) -> Mask:
        """Mask of the digits that lead to one of the values; and of all else where none or a whole one is."""
        following = {value[len(begun)] for value in values if value.startswith(begun) and value != begun}
        mask = self._tokens.mask(
            token for digit in following if (token := self._tokens.digits.get(digit)) is not None
        )
        return mask | self._tokens.not_numeric if not begun or begun in values else mask


def _last_run(text: str) -> str:
    match = _LAST_RUN.search(text)
    return match[0] if match else ""
