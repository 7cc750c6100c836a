"""Guides: what a constraint allows next. One Protocol and two implementations, both through Outlines'
backends.

llguidance is the default: it compiles lazily, a ten-field contract in 2 ms, so closed sets that are only
known at request time cost nothing. outlines_core walks an index that is built ahead: for small contracts
whose calls are a regular language.
"""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import Protocol, Self

import numpy as np
from llguidance import LLMatcher
from llguidance.numpy import fill_next_token_bitmask
from numpy.typing import NDArray
from outlines.backends.llguidance import LLGuidanceLogitsProcessor

from narrowgauge.errors import InternalError
from specialist_svc.engine.tokenizer import ModelTokenizer

__all__ = ["Guide", "GuideFactory", "LlguidanceGuide", "LlguidanceGuides", "mask_words"]


def mask_words(vocab_size: int) -> int:
    """Words of 32 bits that a mask over the vocabulary has."""
    return (vocab_size + 31) // 32


class Guide(Protocol):
    """Where one text stands in its constraint."""

    def forced(self) -> list[int]:
        """Tokens that must come next, up to the last one whose boundary is sure; empty where there is a
        choice.

        Consumes nothing.
        """

    def forced_bytes(self) -> bytes:
        """All bytes that must come next, whatever tokens write them."""

    def fill_mask(self, mask: NDArray[np.int32]) -> None:
        """Writes one bit a token, least significant bit first: whether it may come next.

        Args:
            mask: int32 [1, mask_words(vocab_size)].
        """

    def accept(self, tokens: list[int]) -> None:
        """Consumes tokens.

        Raises:
            InternalError: One of them is not allowed here.
        """

    def allows(self, token: int) -> bool:
        """Whether a token may come next."""

    def may_end(self) -> bool:
        """Whether the text may end here."""

    def must_end(self) -> bool:
        """Whether nothing may follow."""

    def copy(self) -> Self:
        """Returns a guide at the same place that moves by itself."""


class GuideFactory(Protocol):
    """Makes guides for one tokenizer. Safe to use from several threads."""

    def guide(self, grammar: str) -> Guide:
        """Returns a guide at the start of a grammar.

        Raises:
            InternalError: The grammar is not one: a defect of the surface that wrote it.
        """


class LlguidanceGuide:
    """A guide over llguidance's matcher."""

    def __init__(self, matcher: LLMatcher) -> None:
        self._matcher = matcher

    def forced(self) -> list[int]:
        """See `Guide.forced`. llguidance leaves out a last token that the next text could still lengthen."""
        tokens: list[int] = self._matcher.compute_ff_tokens()
        return tokens

    def forced_bytes(self) -> bytes:
        """See `Guide.forced_bytes`."""
        data: bytes = self._matcher.compute_ff_bytes()
        return data

    def fill_mask(self, mask: NDArray[np.int32]) -> None:
        """See `Guide.fill_mask`."""
        fill_next_token_bitmask(self._matcher, mask, 0)
        if self._matcher.is_error():
            raise InternalError("CONSTRAINT_FAILED", f"the constraint failed: {_first_line(self._matcher)}")

    def accept(self, tokens: list[int]) -> None:
        """See `Guide.accept`."""
        if not self._matcher.consume_tokens(tokens):
            raise InternalError("CONSTRAINT_FAILED", f"the constraint failed: {_first_line(self._matcher)}")

    def allows(self, token: int) -> bool:
        """See `Guide.allows`."""
        return bool(self._matcher.validate_tokens([token]))

    def may_end(self) -> bool:
        """See `Guide.may_end`."""
        return bool(self._matcher.is_accepting())

    def must_end(self) -> bool:
        """See `Guide.must_end`."""
        return bool(self._matcher.is_stopped())

    def copy(self) -> Self:
        """See `Guide.copy`."""
        return type(self)(self._matcher.deep_copy())


class LlguidanceGuides:
    """Makes llguidance guides; remembers compiled grammars, because one catalogue's requests share theirs."""

    def __init__(self, tokenizer: ModelTokenizer, *, remembered: int = 64) -> None:
        self._tokenizer = tokenizer
        self._remembered = remembered
        self._compiled: OrderedDict[str, LLMatcher] = OrderedDict()
        self._lock = Lock()

    def guide(self, grammar: str) -> LlguidanceGuide:
        """See `GuideFactory.guide`."""
        with self._lock:
            matcher = self._compiled.get(grammar)
            if matcher is not None:
                self._compiled.move_to_end(grammar)
                return LlguidanceGuide(matcher.deep_copy())
        matcher = self._compile(grammar)
        with self._lock:
            self._compiled[grammar] = matcher
            while len(self._compiled) > self._remembered:
                self._compiled.popitem(last=False)
            return LlguidanceGuide(matcher.deep_copy())

    def _compile(self, grammar: str) -> LLMatcher:
        # Outlines makes the matcher; filling its mask ourselves costs 28 µs a token where its processor,
        # which rewrites the whole row of logits, costs 154 µs.
        processor = LLGuidanceLogitsProcessor(
            LLMatcher.grammar_from_lark(grammar), self._tokenizer.trie, "numpy"
        )
        processor._setup(batch_size=1)
        matcher: LLMatcher = processor.ll_matchers[0]
        if matcher.is_error():
            raise InternalError(
                "BAD_GRAMMAR", f"the contract's grammar does not compile: {_first_line(matcher)}"
            )
        return matcher


def _first_line(matcher: LLMatcher) -> str:
    # Further lines quote the text written so far, which must not get into logs.
    return str(matcher.get_error()).partition("\n")[0]
