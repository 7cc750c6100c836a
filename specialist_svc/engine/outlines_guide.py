"""Guides over outlines_core: an index of every state and token, built ahead from one regular expression.

Made for small contracts whose calls are a regular language and whose values need no closed set. What may come
next is looked up; llguidance computes it. Both allow and force the same tokens, so a call is the same.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import OrderedDict
from threading import Lock
from typing import Self

import numpy as np
from numpy.typing import NDArray
from outlines_core import Index, Vocabulary

from narrowgauge.errors import InternalError, Unsupported
from specialist_svc.engine.guide import mask_words
from specialist_svc.engine.regular import regular_expression
from specialist_svc.engine.tokenizer import ModelTokenizer

__all__ = ["OutlinesCoreGuide", "OutlinesCoreGuides"]

_LOOKBACK = 4
"""Last forced tokens that the next text may still change, as llguidance has it."""


class _ByteTokens:
    """A vocabulary by the bytes of its tokens.

    Attributes:
        vocabulary: For building indexes. Each byte that no token writes alone has a token behind the model's
            own ones, so that an index can be walked byte by byte; those are never allowed.
        single: For each byte its token.
    """

    def __init__(self, tokenizer: ModelTokenizer) -> None:
        self.tokenizer = tokenizer
        spelled: dict[bytes, list[int]] = {}
        for token in range(tokenizer.tokens):
            if token not in tokenizer.eos and not tokenizer.trie.is_special_token(token):
                spelled.setdefault(tokenizer.bytes_of([token]), []).append(token)
        spelled.pop(b"", None)
        self.longest = max(map(len, spelled))
        self.sorted = sorted(spelled)
        for byte in range(256):
            spelled.setdefault(bytes([byte]), [tokenizer.vocab_size + byte])
        self.single = [spelled[bytes([byte])][0] for byte in range(256)]
        self.vocabulary = Vocabulary(tokenizer.eos[0], spelled)

    def longer_than(self, start: bytes) -> list[bytes]:
        """Tokens that begin with some bytes and go on."""
        found = []
        place = bisect_left(self.sorted, start)
        while place < len(self.sorted) and self.sorted[place].startswith(start):
            if len(self.sorted[place]) > len(start):
                found.append(self.sorted[place])
            place += 1
        return found


class _States:
    """One grammar's index with what has been looked up in it; shared by all guides of the grammar."""

    def __init__(self, index: Index, tokens: _ByteTokens) -> None:
        self.index, self.tokens = index, tokens
        self._masks: dict[int, NDArray[np.int32]] = {}
        self._next_bytes: dict[int, tuple[int, ...]] = {}

    def ends(self, state: int) -> bool:
        return bool(self.index.is_final_state(state))

    def mask(self, state: int) -> NDArray[np.int32]:
        """int32 [words]; not to be changed."""
        if state not in self._masks:
            tokenizer = self.tokens.tokenizer
            allowed = np.zeros(mask_words(tokenizer.vocab_size) * 32, bool)
            found = np.array(self.index.get_allowed_tokens(state) or (), np.int64)
            allowed[found[found < tokenizer.vocab_size]] = True
            allowed[list(tokenizer.eos)] = self.ends(state)
            self._masks[state] = np.packbits(allowed, bitorder="little").view(np.int32)
        return self._masks[state]

    def after_byte(self, state: int, byte: int) -> int | None:
        found: int | None = self.index.get_next_state(state, self.tokens.single[byte])
        return found

    def next_bytes(self, state: int) -> tuple[int, ...]:
        """Bytes that may come next; of many, two."""
        if state not in self._next_bytes:
            found: list[int] = []
            for byte in range(256):
                if self.after_byte(state, byte) is not None:
                    found.append(byte)
                    if len(found) == 2:
                        break
            self._next_bytes[state] = tuple(found)
        return self._next_bytes[state]

    def forced(self, state: int) -> tuple[bytes, int]:
        """What must come next, and the state after it."""
        written = bytearray()
        while not self.ends(state) and len(following := self.next_bytes(state)) == 1:
            after = self.after_byte(state, following[0])
            assert after is not None
            written.append(following[0])
            state = after
        return bytes(written), state

    def takes(self, state: int, data: bytes) -> bool:
        """Whether some bytes may come next."""
        here: int | None = state
        for byte in data:
            here = self.after_byte(here, byte) if here is not None else None
        return here is not None


class OutlinesCoreGuide:
    """A guide over an index; see `Guide` for its methods."""

    def __init__(self, states: _States, state: int, last: int | None = None, *, ended: bool = False) -> None:
        self._states, self._state, self._last, self._ended = states, state, last, ended

    def forced(self) -> list[int]:
        """See `Guide.forced`: the tokens are those that llguidance would force."""
        data, after = self._states.forced(self._state)
        if not data or self._ended:
            return []
        tokens = self._tokenized(data)
        return tokens[: len(tokens) - self._unsure(tokens, after)]

    def forced_bytes(self) -> bytes:
        """See `Guide.forced_bytes`."""
        return b"" if self._ended else self._states.forced(self._state)[0]

    def fill_mask(self, mask: NDArray[np.int32]) -> None:
        """See `Guide.fill_mask`."""
        if self._ended:
            mask[0] = 0
        else:
            mask[0] = self._states.mask(self._state)

    def accept(self, tokens: list[int]) -> None:
        """See `Guide.accept`."""
        for token in tokens:
            if not self.allows(token):
                raise InternalError("CONSTRAINT_FAILED", f"the constraint does not allow token {token} here")
            if token in self._states.tokens.tokenizer.eos:
                self._ended = True
            else:
                self._state = int(self._states.index.get_next_state(self._state, token))
            self._last = token

    def allows(self, token: int) -> bool:
        """See `Guide.allows`."""
        if self._ended:
            return False
        words = self._states.mask(self._state)
        return 0 <= token < 32 * len(words) and bool(words[token >> 5] >> (token & 31) & 1)

    def may_end(self) -> bool:
        """See `Guide.may_end`."""
        return self._ended or self._states.ends(self._state)

    def must_end(self) -> bool:
        """See `Guide.must_end`."""
        return self._ended or (self._states.ends(self._state) and not self._states.next_bytes(self._state))

    def copy(self) -> Self:
        """See `Guide.copy`."""
        return type(self)(self._states, self._state, self._last, ended=self._ended)

    def _tokenized(self, data: bytes) -> list[int]:
        """Tokens of forced bytes behind the last token, where that stays the same token."""
        tokenizer = self._states.tokens.tokenizer
        if self._last is not None:
            joined: list[int] = tokenizer.trie.tokenize_bytes(tokenizer.bytes_of([self._last]) + data)
            if joined[0] == self._last:
                return joined[1:]
        alone: list[int] = tokenizer.trie.tokenize_bytes(data)
        return alone

    def _unsure(self, tokens: list[int], after: int) -> int:
        """How many of the last tokens could become part of a longer one with what may follow."""
        byte_tokens = self._states.tokens
        unsure, suffix = 0, b""
        for count, token in enumerate(reversed(tokens[-_LOOKBACK:]), start=1):
            for byte in reversed(byte_tokens.tokenizer.bytes_of([token])):
                suffix = bytes([byte]) + suffix
                longer = byte_tokens.longer_than(suffix)
                if any(self._states.takes(after, token[len(suffix) :]) for token in longer):
                    unsure = count
        return unsure


class OutlinesCoreGuides:
    """Makes guides; remembers the indexes that were built. Safe to use from several threads."""

    def __init__(self, tokenizer: ModelTokenizer, *, remembered: int = 8) -> None:
        self._tokens = _ByteTokens(tokenizer)
        self._remembered = remembered
        self._built: OrderedDict[str, _States] = OrderedDict()
        self._lock = Lock()

    def guide(self, grammar: str) -> OutlinesCoreGuide:
        """See `GuideFactory.guide`.

        Raises:
            Unsupported: The grammar is no regular expression, or one of too many states.
        """
        with self._lock:  # building twice at the same time would take twice the time
            states = self._built.get(grammar)
            if states is None:
                states = self._built[grammar] = self._build(grammar)
            self._built.move_to_end(grammar)
            while len(self._built) > self._remembered:
                self._built.popitem(last=False)
        return OutlinesCoreGuide(states, int(states.index.get_initial_state()))

    def _build(self, grammar: str) -> _States:
        expression = regular_expression(grammar)
        try:
            return _States(Index(expression, self._tokens.vocabulary), self._tokens)
        except Exception as exc:  # outlines_core's errors have no common base
            raise Unsupported(
                "NOT_REGULAR", f"outlines_core cannot build the contract's index: {exc}"
            ) from exc
