"""Guesses what a call goes on with, so that several tokens are checked in one pass.

A pass over a few tokens costs hardly more than one over two, the least that the kernels take. Two sources
know what may come: the prompt, from which calls copy names and values, and the table of what the specialist
wrote in training (`DraftTable`). Whether to guess depends on the request's own text alone and never on the
load, since a token that is read among others takes other kernels than a lone one (`scheduler`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from narrowgauge.models.draft_table import DraftTable

__all__ = ["LEAST_CHANCE", "LEAST_EXPECTED", "MOST_TOKENS", "Copies", "Drafter"]

LEAST_EXPECTED = 0.8
"""Right guesses that a draft must promise: below it, a pass with other requests' tokens is cheaper."""
LEAST_CHANCE = 0.15
"""Of all guesses up to one being right; no further one is made below it."""
MOST_TOKENS = 16
"""Tokens of a draft, forced ones between guesses included."""

# How often what follows the last place in the prompt that reads like the last 2 to 5 tokens comes next, by
# what that is. Counted on training calls of the carried specialists; the rest of a word is nearly sure, and
# what stands behind a name in the prompt is hardly ever what stands behind it in the call.
_IN_WORD = {2: 0.75, 3: 0.9, 4: 0.95, 5: 0.95}
_NEW_WORD = {2: 0.35, 3: 0.35, 4: 0.35, 5: 0.3}
_SIGN = {2: 0.15, 3: 0.2, 4: 0.2, 5: 0.25}
_LONGEST = max(_SIGN)


class Copies:
    """How sure a token is that was copied from the prompt; found once a model."""

    def __init__(self, texts: Iterable[tuple[int, str]]) -> None:
        """Sorts the vocabulary.

        Args:
            texts: Tokens with what they write.
        """
        self._chances = {
            token: _IN_WORD if text[:1].isalnum() else _NEW_WORD
            for token, text in texts
            if text[:2].lstrip(" ")[:1].isalnum()
        }

    def chance(self, token: int, length: int) -> float:
        """Returns how often a token is right behind a match of 2 to 5 tokens."""
        return self._chances.get(token, _SIGN)[length]


class Drafter:
    """Guesses for one request.

    Args:
        prompt: The prompt's tokens.
        table: What the specialist wrote in training; None for prompts alone.
        copies: Of the model's vocabulary.
    """

    def __init__(self, prompt: Sequence[int], table: DraftTable | None, copies: Copies) -> None:
        self._prompt = prompt
        self._table = table
        self._copies = copies
        self._places: dict[tuple[int, int], list[int]] = defaultdict(list)
        for place in range(2, len(prompt)):
            self._places[prompt[place - 2], prompt[place - 1]].append(place)

    def guess(self, written: Sequence[int]) -> tuple[int, float] | None:
        """Returns the likeliest next token and the chance that it is right; None when nothing is known.

        Args:
            written: Tokens of the call so far.
        """
        copied = self._copied(written)
        known = self._table.guess(written) if self._table is not None else None
        if copied is None or known is None:
            return copied or known
        if copied[0] == known[0]:
            return known[0], max(known[1], copied[1])
        return max(copied, known, key=lambda pair: pair[1])

    def _copied(self, written: Sequence[int]) -> tuple[int, float] | None:
        """Returns what stands in the prompt behind the longest match, the last one of these."""
        best, longest = -1, 1
        if len(written) < 2:
            return None
        for place in reversed(self._places.get((written[-2], written[-1]), ())):
            length = 2
            while length < min(_LONGEST, len(written), place) and (
                self._prompt[place - length - 1] == written[-length - 1]
            ):
                length += 1
            if length > longest:
                best, longest = place, length
        if best < 0:
            return None
        token = self._prompt[best]
        return token, self._copies.chance(token, longest)
