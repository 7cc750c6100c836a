"""Finds many patterns in one pass over a text, in time linear in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from narrowgauge.routing.patterns import CharSet, Positions

__all__ = ["Automaton"]

_KEPT = 8_192


class Automaton:
    """The positions of several patterns side by side; a set of positions is the bits of one integer.

    What follows a set is kept once computed, as a deterministic automaton that is built as texts need it
    (Thompson 1968, Communications of the ACM 11). What is kept is bounded, so a hostile text costs time and
    no memory: at most a walk over all positions a character. Safe to share between threads.

    Args:
        patterns: What to find; a match neither begins nor ends within a word.
    """

    def __init__(self, patterns: Sequence[Positions]) -> None:
        self._follow: list[int] = []
        self._precede: list[int] = []
        self._first: list[int] = []
        self._last: list[int] = []
        self._at_begin = [pattern.at_begin for pattern in patterns]
        self._at_end = [pattern.at_end for pattern in patterns]
        places: dict[CharSet, int] = {}
        for pattern in patterns:
            offset = len(self._follow)
            self._first.append(_bits(offset + p for p in pattern.first))
            self._last.append(_bits(offset + p for p in pattern.last))
            self._follow += [_bits(offset + q for q in after) for after in pattern.follow]
            self._precede += [0] * len(pattern.sets)
            for p, after in enumerate(pattern.follow):
                for q in after:
                    self._precede[offset + q] |= 1 << (offset + p)
            for p, chars in enumerate(pattern.sets):
                places[chars] = places.get(chars, 0) | 1 << (offset + p)
        self._places = tuple(places.items())
        self._start = _any(self._first)
        inside = (k for k, only in enumerate(self._at_begin) if not only)
        self._start_inside = _any(self._first[k] for k in inside)
        self._characters: dict[str, int] = {}
        self._after: dict[int, int] = {}

    def find(self, text: str, pieces: Sequence[tuple[int, int]]) -> dict[int, tuple[int, int]]:
        """Finds, of each pattern that matches, the match that ends first, and of those the longest.

        Args:
            text: The text.
            pieces: Ranges of it in order; no match reaches over a piece's end. `^` is the begin of the first
                one, `$` the end of the last.

        Returns:
            Pattern number -> range of characters.
        """
        found: dict[int, tuple[int, int]] = {}
        if not pieces:
            return found
        begin, end = pieces[0][0], pieces[-1][1]
        everywhere = [k for k, only in enumerate(self._at_end) if not only]
        pending = _any(self._last[k] for k in everywhere)
        for low, high in pieces:
            state = 0
            in_word = _in_word(text, low - 1)
            for at in range(low, high):
                word = _in_word(text, at)
                start = self._start if at == begin else self._start_inside
                if in_word and word:
                    start = 0
                in_word = word
                if not state and not start:
                    continue
                state = (self._next(state) | start) & self._allowed(text[at])
                last = at + 1 == end
                if not (last or state & pending) or (word and _in_word(text, at + 1)):
                    continue
                for number in range(len(self._last)) if last else everywhere:
                    if state & self._last[number] and number not in found:
                        found[number] = (self._begin(text, number, low, at + 1, begin), at + 1)
                        pending &= ~self._last[number]
        return found

    def _begin(self, text: str, number: int, low: int, until: int, begin: int) -> int:
        """The earliest begin of a match of a pattern that ends at `until`: the pattern read backwards."""
        state = self._last[number]
        best = until
        for at in range(until - 1, low - 1, -1):
            state &= self._allowed(text[at])
            if not state:
                break
            starts = not (_in_word(text, at) and _in_word(text, at - 1))
            if state & self._first[number] and starts and (at == begin or not self._at_begin[number]):
                best = at
            state = _any(self._precede[p] for p in _positions(state))
        return best

    def _next(self, state: int) -> int:
        after = self._after.get(state)
        if after is None:
            after = _any(self._follow[p] for p in _positions(state))
            if len(self._after) >= _KEPT:
                self._after.clear()
            self._after[state] = after
        return after

    def _allowed(self, character: str) -> int:
        allowed = self._characters.get(character)
        if allowed is None:
            cases = {character, character.lower(), character.upper()}
            allowed = _any(places for chars, places in self._places if chars.has_any(cases))
            if len(self._characters) >= _KEPT:
                self._characters.clear()
            self._characters[character] = allowed
        return allowed


def _in_word(text: str, at: int) -> bool:
    return 0 <= at < len(text) and (text[at].isalnum() or text[at] == "_")


def _bits(positions: Iterable[int]) -> int:
    bits = 0
    for position in positions:
        bits |= 1 << position
    return bits


def _any(masks: Iterable[int]) -> int:
    union = 0
    for mask in masks:
        union |= mask
    return union


def _positions(state: int) -> Iterator[int]:
    while state:
        lowest = state & -state
        yield lowest.bit_length() - 1
        state ^= lowest
