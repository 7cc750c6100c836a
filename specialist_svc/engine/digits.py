"""Keeps a text's numbers to those of its source: every run of digits must be one of a given set.

A summary may quote figures, and must not invent them. The constraint's grammar leaves free text free, so this
narrows the mask: inside a run of digits only digits that lead to a known run, after an unfinished one no
other character. With an empty set no digit can be written at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from specialist_svc.engine.guide import mask_words
from specialist_svc.engine.tokenizer import ModelTokenizer

__all__ = ["DigitRule", "DigitTokens"]

_TAIL = re.compile(r"[0-9]*$")
_RUNS = re.compile(r"[0-9]+")


class DigitTokens:
    """Which tokens of a vocabulary write digits; found once a model."""

    def __init__(self, tokenizer: ModelTokenizer) -> None:
        self.texts = tokenizer.tokens_with_digits()
        words = np.zeros(mask_words(tokenizer.vocab_size), np.int32).view(np.uint32)
        for token in self.texts:
            words[token >> 5] |= np.uint32(1 << (token & 31))
        self.mask: NDArray[np.int32] = words.view(np.int32)


class DigitRule:
    """Narrows the masks of one text."""

    def __init__(self, tokens: DigitTokens, allowed: Iterable[str]) -> None:
        self._tokens = tokens
        self._allowed = frozenset(allowed)
        self._prefixes = frozenset(run[:n] for run in self._allowed for n in range(1, len(run) + 1))

    def narrow(self, mask: NDArray[np.int32], written: str) -> None:
        """Takes out the tokens that break the rule.

        When nothing would be left the mask stays as it is: the constraint goes first, and the finished text
        is checked anyway.

        Args:
            mask: int32 [1, words], as `Guide.fill_mask` wrote it.
            written: The text so far, or its last part as far as it ends in digits.
        """
        match = _TAIL.search(written)
        tail = match.group() if match else ""
        row = mask[0]
        narrowed = row.copy() if not tail or tail in self._allowed else row & self._tokens.mask
        bits = narrowed.view(np.uint32)
        for token, text in self._tokens.texts.items():
            word, bit = token >> 5, np.uint32(1 << (token & 31))
            if bits[word] & bit and not self._fits(tail + text):
                bits[word] &= ~bit
        if narrowed.any():
            row[:] = narrowed

    def _fits(self, text: str) -> bool:
        """Whether each finished run of a text is allowed, and the unfinished one at its end can become so."""
        for run in _RUNS.finditer(text):
            known = self._prefixes if run.end() == len(text) else self._allowed
            if run.group() not in known:
                return False
        return True
