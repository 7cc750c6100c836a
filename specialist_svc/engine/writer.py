"""Writes one text under a guide: says which tokens may come next, and appends what the guide forces.

Forced text is not sampled; its tokens are those of the whole text's own tokenisation, so that the model reads
at run time what it read in training. For that a sampled token that has not gone through the model yet may
still be exchanged: after `"` the forced `,"key` becomes `","`, `key`.

What the text probably goes on with is guessed (`Drafter`), and guesses go through the model together with the
tokens before them. A guess is kept when the token that is chosen before it is the same one: the text is what
it would be without guesses, but for the last bits of logits between two tokens as good as equal.
"""

from __future__ import annotations

from collections import deque
from copy import copy
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from narrowgauge.errors import InternalError
from specialist_svc.engine.closing import closing_path
from specialist_svc.engine.digits import DigitRule
from specialist_svc.engine.drafting import LEAST_CHANCE, LEAST_EXPECTED, MOST_TOKENS, Drafter
from specialist_svc.engine.grounding import GroundingRule
from specialist_svc.engine.guide import Guide, mask_words
from specialist_svc.engine.place import Place
from specialist_svc.engine.scheduler import Run
from specialist_svc.engine.tokenizer import ModelTokenizer

__all__ = ["CLOSING_RESERVE", "Writer"]

CLOSING_RESERVE = 48
"""Tokens before the limit from which a text is closed on a short way: brackets and last keys fit."""


class Writer:
    """The text of one request.

    Attributes:
        tokens: What was written, in the order in which it goes through the model.
        single: For each token that has been handed out in a run, whether that run was single.
        guessed_tokens: Tokens that were guessed, and so took no pass of their own.
        finished: Nothing will follow.
        closed_early: The limit came near and the text was closed on the shortest way.
    """

    def __init__(
        self,
        guide: Guide,
        tokenizer: ModelTokenizer,
        *,
        max_tokens: int,
        digits: DigitRule | None = None,
        grounding: GroundingRule | None = None,
        forced_runs: bool = True,
        drafter: Drafter | None = None,
    ) -> None:
        """Starts a text.

        Args:
            guide: At its start; the writer moves it.
            tokenizer: The model's.
            max_tokens: Upper bound on tokens.
            digits: A rule for runs of digits, or None.
            grounding: A rule for free values, or None.
            forced_runs: Hand forced tokens out in one run. Without it each is a run of its own with the same
                kernels, which gives the same bytes more slowly.
            drafter: Guesses what comes next; None guesses nothing.
        """
        self._guide = guide
        self._tokenizer = tokenizer
        self._max_tokens = max_tokens
        self._digits = digits
        self._grounding = grounding
        self.forced_runs = forced_runs
        self._drafter = drafter
        # What the guesses that are on their way would write, one after the other; and where the next token is
        # chosen, followed by the places behind each of them.
        self._guessed: deque[tuple[int, ...]] = deque()
        self._places: deque[Place] = deque()
        self._mask: NDArray[np.int32] = np.zeros((1, mask_words(tokenizer.vocab_size)), np.int32)
        self._sampled = 0
        self._closing_from = self._search_from = max(max_tokens - CLOSING_RESERVE, max_tokens // 2)
        self._written = b""
        self.tokens: list[int] = []
        self.single: list[bool] = []
        self.guessed_tokens = 0
        self.finished = False
        self.closed_early = False

    @property
    def forced_tokens(self) -> int:
        """Tokens that nobody sampled."""
        return max(0, len(self.tokens) - self._sampled)

    @property
    def text(self) -> str:
        """What was written.

        Raises:
            InternalError: The bytes are not UTF-8: a grammar that cuts characters.
        """
        try:
            return self._written.decode("utf-8")
        except UnicodeDecodeError as exc:
            raise InternalError("BAD_TEXT", "the constraint let an unfinished character end a text") from exc

    def begin(self) -> tuple[Run, ...]:
        """Returns the runs that the constraint forces before anything is sampled."""
        return self._extend([])

    @property
    def place(self) -> Place:
        """Where the next token is chosen; there after `begin`, until the text is finished."""
        return self._places[0]

    def closes(self) -> bool:
        """Ends the text when its limit is near and there is a short way; tells whether it did."""
        return len(self.tokens) >= self._closing_from and self._close()

    def take(self, token: int) -> tuple[Run, ...]:
        """Writes a token that `place` allows, and what is forced after it.

        Returns:
            What goes through the model next; nothing when the text is finished, or when the token was guessed
            and has gone through it.
        """
        self._places.popleft()
        if token in self._tokenizer.eos:
            self.finished = True
            return ()
        self._sampled += 1
        self._guide.accept([token])
        return self._extend([token])

    def _find_place(self) -> Place:
        self._guide.fill_mask(self._mask)
        if self._digits is not None:
            self._digits.narrow(self._mask, self._written[-24:].decode("utf-8", "replace"))
        if self._grounding is not None:
            self._grounding.narrow(self._mask, self._written.decode("utf-8", "replace"))
        return Place(self._mask[0].copy())

    def _close(self) -> bool:
        """Ends the text if it may end here, or on a short way that is found; tells whether it did."""
        if not self._guide.may_end() and len(self.tokens) < self._search_from:
            return False
        room = self._max_tokens - len(self.tokens)
        path = closing_path(self._guide, self._tokenizer, most=room, written=self._written)
        if path is None:
            # The search takes about as long as a few tokens, so it is not repeated at each.
            self._search_from = len(self.tokens) + 8
            return False
        self._guide.accept(path)
        self._written += self._tokenizer.bytes_of(path)
        self.tokens += path
        self.finished = self.closed_early = True
        return True

    def _extend(self, sampled: list[int]) -> tuple[Run, ...]:
        """Takes the sampled token, if any, and what is forced after it, and makes them runs."""
        self._written += self._tokenizer.bytes_of(sampled)
        forced = self._guide.forced()
        if forced:
            self._guide.accept(forced)
            self._written += self._tokenizer.bytes_of(forced)
        # Handed out tokens are fixed; these are not yet, so they become the canonical ones.
        fresh = self._canonical(sampled + forced) if sampled and forced else sampled + forced
        self.tokens += fresh
        self.finished = self._guide.must_end()
        if self.finished:
            return ()
        if not fresh:
            self._places.append(self._find_place())
            return ()
        if self._guessed and tuple(fresh) == self._guessed[0]:
            self._guessed.popleft()
            self.guessed_tokens += len(fresh)
            if self.forced_runs:
                self.single += [False] * len(fresh)
                return ()
            return self._runs(fresh, single=False)
        self._guessed.clear()
        self._places.clear()
        self._places.append(self._find_place())
        if self._drafter is not None and sampled:
            for guess, place in self._draft(self._drafter, room=MOST_TOKENS):
                self._guessed.append(guess)
                self._places.append(place)
        return self._runs(fresh, single=not forced and not self._guessed)

    def _canonical(self, fresh: list[int]) -> list[int]:
        try:
            whole = list(self._tokenizer.encode(self._written.decode("utf-8")))
        except UnicodeDecodeError:
            return fresh
        fixed = len(self.tokens)
        return whole[fixed:] if whole[:fixed] == self.tokens and len(whole) > fixed else fresh

    def _runs(self, fresh: list[int], *, single: bool) -> tuple[Run, ...]:
        self.single += [single] * len(fresh)
        here = (self._places[0].wide,)
        if not single and not self.forced_runs:
            return (*(Run((token,)) for token in fresh[:-1]), Run((fresh[-1],), wide=here))
        if not self._guessed:
            return (Run(tuple(fresh), single, wide=here),)
        ends = accumulate(map(len, self._guessed), initial=len(fresh))
        guesses = (token for guess in self._guessed for token in guess)
        wide = tuple(place.wide for place in self._places)
        return (Run((*fresh, *guesses), checked=tuple(ends), wide=wide),)

    def _draft(self, drafter: Drafter, *, room: int) -> list[tuple[tuple[int, ...], Place]]:
        """Returns what the next guesses would write, and the place behind each; nothing when too few of them
        are likely to be right.
        """
        guess = drafter.guess(self.tokens)
        if guess is None or guess[1] < LEAST_CHANCE:
            return []
        ghost = self._ghost()
        draft: list[tuple[tuple[int, ...], Place]] = []
        chance, expected = 1.0, 0.0
        while guess is not None and len(ghost.tokens) < self._closing_from:
            token, probability = guess
            chance *= probability
            if chance < LEAST_CHANCE or not ghost.place.allows(token):
                break
            before = len(ghost.tokens)
            ghost.take(token)
            written = tuple(ghost.tokens[before:])
            room -= len(written)
            # What is forced behind a guess may be longer than the call, and so than the slot.
            if ghost.finished or room < 0 or len(ghost.tokens) >= self._max_tokens:
                break
            draft.append((written, ghost.place))
            expected += chance
            guess = drafter.guess(ghost.tokens)
        return draft if expected >= LEAST_EXPECTED else []

    def _ghost(self) -> Writer:
        """Returns a writer that goes on from here by itself, and guesses nothing."""
        ghost = copy(self)
        ghost._guide = self._guide.copy()
        ghost._drafter, ghost._guessed, ghost._places = None, deque(), self._places.copy()
        ghost._mask = np.zeros_like(self._mask)
        ghost.tokens, ghost.single = list(self.tokens), list(self.single)
        return ghost
