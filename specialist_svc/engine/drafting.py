"""Guesses what a call goes on with, so that several tokens are checked in one pass.

A pass over a few tokens costs hardly more than one over two, the least that the kernels take. Two sources
know what may come: the prompt, from which calls copy names and values, and the table of what the specialist
wrote in training (`DraftTable`). Whether to guess depends on the request's own text alone and never on the
load, since a token that is read among others takes other kernels than a lone one (`scheduler`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from narrowgauge.models.draft_table import DraftTable

__all__ = ["LEAST_CHANCE", "LEAST_EXPECTED", "MOST_TOKENS", "Drafter"]

LEAST_EXPECTED = 0.8
"""Right guesses that a draft must promise: below it, a pass with other requests' tokens is cheaper."""
LEAST_CHANCE = 0.15
"""Of all guesses up to one being right; no further one is made below it."""
MOST_TOKENS = 16
"""Tokens of a draft, forced ones between guesses included."""

# How often what follows the last place in the prompt that reads like the last 2 to 5 tokens comes next;
# counted on held-back training calls.
_COPIED = {2: 0.45, 3: 0.7, 4: 0.8, 5: 0.85}
_LONGEST = max(_COPIED)


class Drafter:
    """Guesses for one request.

    Args:
        prompt: The prompt's tokens.
        table: What the specialist wrote in training; None for prompts alone.
    """

    def __init__(self, prompt: Sequence[int], table: DraftTable | None) -> None:
        self._prompt = prompt
        self._table = table
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
        return (self._prompt[best], _COPIED[longest]) if best >= 0 else None
