"""Mends typing errors before a text is encoded: a misspelt noun falls into pieces of another meaning."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

__all__ = ["Mended", "Spelling", "words_of"]

_SHORTEST = 4
_INSERTED = 5
_SUBSTITUTED = 7
_LONGEST = 20
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_REMEMBERED = 4096
_WORD = re.compile(r"[a-z]+")
# A known word with one of these behind it is no misspelling of another word.
_ENDINGS = frozenset(
    (
        *(
            "s",
            "es",
            "d",
            "ed",
            "r",
            "er",
            "ers",
            "or",
            "ors",
            "ly",
            "al",
            "ally",
            "ing",
            "ings",
            "ion",
            "ions",
        ),
        *("able", "ably", "ful", "less", "ness", "ment", "ments", "y", "ies", "est", "th", "st", "ty", "ic"),
        *("ist", "ism", "ize", "ized", "ise", "ised", "ship", "wise", "man", "men", "work", "line", "side"),
        *("t", "n", "en", "a", "o"),
    )
)


@dataclass(frozen=True)
class Mended:
    """A text with its typing errors mended.

    Attributes:
        text: The mended text.
        replaced: (begin, end) in the mended text with (begin, end) in the original, in text order.
    """

    text: str
    replaced: tuple[tuple[tuple[int, int], tuple[int, int]], ...]

    def original(self, offsets: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
        """Character ranges of the original text for ranges of the mended text, in text order.

        A range at the beginning of a mended word begins where the original word does, and one that reaches
        its end ends where that ends, so that a word's pieces are still all of the word.
        """
        found: list[tuple[int, int]] = []
        k = shift = 0
        for begin, end in offsets:
            while k < len(self.replaced) and begin >= self.replaced[k][0][1]:
                shift = self.replaced[k][1][1] - self.replaced[k][0][1]
                k += 1
            if k == len(self.replaced) or end <= self.replaced[k][0][0]:
                found.append((begin + shift, end + shift))
                continue
            (low, high), (first, last) = self.replaced[k]
            inner = min(first + begin - low, last - 1)
            found.append((inner, last if end == high else max(inner + 1, min(first + end - low, last))))
        return found


class Spelling:
    """Finds the words of a vocabulary that unknown words were meant to be: those at one edit from them.

    An edit exchanges two neighbouring letters, leaves one out, adds one or puts another in its place; the
    first letter stays, and the last one, which is often an ending. Short words are mended by the first kind
    alone. A capital within a sentence marks a name, which stays as it is.

    Args:
        vocabulary: Word pieces with their numbers; pieces that continue a word begin with `##`. Of two words
            the one with the lower number is the commoner.
        words: Further known words in lower case; they come before those of the vocabulary.
    """

    def __init__(self, vocabulary: Mapping[str, int], words: Iterable[str] = ()) -> None:
        count = max(vocabulary.values()) + 1
        self._continues = np.zeros(count, bool)
        self._pieces = [""] * count
        for piece, number in vocabulary.items():
            self._pieces[number] = piece.removeprefix("##")
            self._continues[number] = piece.startswith("##")
        self._rank = {
            piece: number for piece, number in vocabulary.items() if _fits(piece) and piece.islower()
        }
        self._rank |= {word: -1 for word in words if _fits(word)}
        # Names and the bundle's own words come again and again.
        self._known = lru_cache(_REMEMBERED)(self._meant)

    def mend(
        self, text: str, ids: npt.NDArray[np.int64], offsets: Sequence[tuple[int, int]]
    ) -> Mended | None:
        """Mends a text; None where nothing is to be mended.

        Args:
            text: The text.
            ids: int64 [T], its pieces.
            offsets: Their character ranges.
        """
        continues = self._continues[ids]
        if not continues.any():
            return None
        found: list[tuple[int, int, str]] = []
        for first in np.flatnonzero(~continues[:-1] & continues[1:]).tolist():
            last = first + 2
            while last < len(ids) and continues[last]:
                last += 1
            begin, end = offsets[first][0], offsets[last - 1][1]
            word = text[begin:end]
            if not _fits(word) or (word[0].isupper() and not _begins(text, begin)):
                continue
            if meant := self._known(word.lower(), self._pieces[ids[first]]):
                found.append((begin, end, meant))
        if not found:
            return None
        parts: list[str] = []
        replaced: list[tuple[tuple[int, int], tuple[int, int]]] = []
        at = length = 0
        for begin, end, meant in found:
            parts += (text[at:begin], meant)
            length += begin - at
            replaced.append(((length, length + len(meant)), (begin, end)))
            length += len(meant)
            at = end
        return Mended("".join([*parts, text[at:]]), tuple(replaced))

    def _meant(self, word: str, stem: str) -> str:
        """The commonest known word at the likeliest edit; empty for a known word, and where there is none.

        Args:
            word: In lower case.
            stem: Its first piece.
        """
        rank, n = self._rank, len(word)
        if word in rank or (len(stem) >= _SHORTEST and word[len(stem) :] in _ENDINGS):
            return ""
        swapped = [word[:k] + word[k + 1] + word[k] + word[k + 2 :] for k in range(1, n - 1)]
        if best := _commonest(swapped, rank):
            return best
        if n < _INSERTED:
            return ""
        shorter = [word[:k] + word[k + 1 :] for k in range(1, n - 1)]
        longer = [word[:k] + c + word[k:] for k in range(1, n) for c in _LETTERS]
        if best := _commonest([*shorter, *longer], rank):
            return best
        if n < _SUBSTITUTED:
            return ""
        return _commonest([word[:k] + c + word[k + 1 :] for k in range(1, n - 1) for c in _LETTERS], rank)


def words_of(texts: Iterable[str]) -> list[str]:
    """The words of texts that can be known words, in lower case, each once and in order."""
    found = {word for text in texts for word in _WORD.findall(text.lower())}
    return sorted(word for word in found if _fits(word))


def _begins(text: str, at: int) -> bool:
    """Says whether a sentence or an item of a list begins here."""
    before = text[max(0, at - 8) : at].rstrip(" ")
    return not before or before[-1] in ".!?:;\n-)*"


def _fits(word: str) -> bool:
    return _SHORTEST <= len(word) <= _LONGEST and word.isascii() and word.isalpha()


def _commonest(candidates: Sequence[str], rank: Mapping[str, int]) -> str:
    known = [word for word in candidates if word in rank]
    return min(known, key=lambda word: (rank[word], word), default="")
