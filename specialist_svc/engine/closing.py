"""Finds a short way to end a text that has reached its limit.

The grammar is known only through its guide, which tells what may come next. So the way is searched byte by
byte, the most promising place first: A* over places in the text, where what is forced costs next to nothing,
each choice costs something, and each bracket that is still open counts as the choices that closing it will
take. Places from which the same will follow are gone on from once; that makes the search short.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterator
from itertools import count
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from specialist_svc.engine.guide import Guide, mask_words
from specialist_svc.engine.tokenizer import ModelTokenizer

__all__ = ["closing_path"]

_OPENING, _CLOSING = b"([{", b")]}"
_ENDING = _CLOSING + b"\"'\n"
_PARTING = b" ,\n"
# What ends a free text, or a word in one; and what fills it until it has its least length.
_LEAVING = _ENDING + b" ,;:"
_FILLING = b"a0A"

# More tokens than that are allowed in free text only, where nearly everything is.
_FREE = 1000
# Costs of a choice. Naming again what the text has named needs nothing new behind it, such as another table.
_END, _AGAIN, _NEW, _OPEN, _FILL, _STRANGE = 0.5, 0.1, 1.0, 1.5, 0.2, 4.0
_FORCED_BYTE = 0.02
_OPEN_BRACKET = 4.0
# Masks that are looked at, one of free text counting as eight. Other requests wait meanwhile: mostly about
# as long as for ten decode steps, and for a few dozen in the worst case.
_MOST_WORK, _FREE_WORK = 3000, 8
_MOST_TOKEN_BYTES = 10

_NAME = re.compile(rb"(?<![\w.\"'])[A-Za-z_][\w.]*(?![\w.(])")
_LAST_WORD = re.compile(rb"[\w.]*$")
_LONGEST_WORD = 64


class _Nesting(NamedTuple):
    """Where a place is among brackets.

    Attributes:
        depth: Brackets opened less brackets closed since the search began.
        words: What was written since the innermost bracket, in words.
        outer: The same outside of that bracket; None where the search did not see it open.
    """

    depth: int = 0
    words: int = 0
    outer: _Nesting | None = None

    def after(self, text: bytes) -> _Nesting:
        here = self
        for byte in text:
            if byte in _OPENING:
                here = _Nesting(here.depth + 1, 0, here)
            elif byte in _CLOSING:
                here = here.outer or _Nesting(here.depth - 1)
            elif byte in _PARTING:
                here = here._replace(words=here.words + 1)
        return here


class _Place(NamedTuple):
    """A place that the search has reached, or will when `token` is taken.

    Attributes:
        cost: Of the way there.
        nesting: Among brackets.
        guide: There; not to be moved. Before `token` when that is not None.
        tokens: The way there.
        token: The last choice, still to be taken.
        mask: What could follow before that choice.
        same: Choices after each of which the same could follow: what counts them is not seen in a mask.
    """

    cost: float
    nesting: _Nesting
    guide: Guide
    tokens: tuple[int, ...]
    token: int | None = None
    mask: bytes = b""
    same: int = 0


def closing_path(
    guide: Guide, tokenizer: ModelTokenizer, *, most: int, written: bytes = b""
) -> list[int] | None:
    """Searches for a short way to a place where the text may end.

    Args:
        guide: Where the text stands; not moved.
        tokenizer: The model's.
        most: Tokens that the way may have.
        written: The text so far; names that stand in it are preferred.

    Returns:
        Tokens after which the text may end; None when no such way is found.
    """
    return _Search(tokenizer, most, written).way_from(guide)


class _Search:
    def __init__(self, tokenizer: ModelTokenizer, most: int, written: bytes) -> None:
        self._tokenizer, self._most, self._written = tokenizer, most, written
        parts = {byte: tokenizer.encode_part(chr(byte)) for byte in (*b"\n\t", *range(0x20, 0x7F))}
        singles = {byte: tokens[0] for byte, tokens in parts.items() if len(tokens) == 1}
        self._bytes, self._singles = np.array(list(singles)), np.array(list(singles.values()))
        self._names = _beginnings(written)
        self._mask = np.zeros((1, mask_words(tokenizer.vocab_size)), np.int32)
        self._work = 0
        self._seen: set[tuple[bytes, _Nesting, int]] = set()
        self._serial = count()
        self._heap: list[tuple[float, int, _Place]] = []

    def way_from(self, guide: Guide) -> list[int] | None:
        self._push(_Place(0.0, _Nesting(), guide, ()))
        while self._heap and self._work <= _MOST_WORK:
            place = self._arrive(heapq.heappop(self._heap)[2])
            if place.guide.may_end():
                way = self._canonical(place.tokens)
                if len(way) <= self._most:
                    return way
            else:
                self._go_on(place)
        return None

    def _push(self, place: _Place) -> None:
        estimate = place.cost + _OPEN_BRACKET * place.nesting.depth
        heapq.heappush(self._heap, (estimate, next(self._serial), place))

    def _arrive(self, place: _Place) -> _Place:
        """Takes a place's last choice and what is forced behind it."""
        guide = place.guide.copy()
        if place.token is not None:
            guide.accept([place.token])
            place = place._replace(tokens=(*place.tokens, place.token), token=None)
        cost, nesting, tokens = place.cost, place.nesting, place.tokens
        while not guide.may_end():
            forced = self._tokenizer.encode(guide.forced_bytes().decode("utf-8", "ignore"))
            if not forced:
                break
            guide.accept(list(forced))
            text = self._tokenizer.bytes_of(forced)
            cost, nesting = cost + _FORCED_BYTE * len(text), nesting.after(text)
            tokens += forced
        return place._replace(guide=guide, cost=cost, nesting=nesting, tokens=tokens)

    def _go_on(self, place: _Place) -> None:
        """Adds the choices that a place has, unless another place like it had them."""
        allowed, free = self._allowed(place.guide)
        mask = self._mask.tobytes()
        same = place.same + 1 if mask == place.mask else 0
        key = (mask, place.nesting, same)
        text = self._tokenizer.bytes_of(place.tokens)
        if key in self._seen or len(text) > _MOST_TOKEN_BYTES * self._most:
            return
        self._seen.add(key)
        if not allowed:
            choices: Iterator[tuple[bytes, int, float]] = self._beyond_ascii()
        elif free:
            choices = self._out_of_free_text(place.guide, allowed)
        else:
            choices = self._words(text, allowed)
        for written, token, cost in choices:
            nesting = place.nesting if free else place.nesting.after(written)
            self._push(_Place(place.cost + cost, nesting, place.guide, place.tokens, token, mask, same))

    def _allowed(self, guide: Guide) -> tuple[dict[int, int], int]:
        """Returns the ASCII bytes that may come next, each with its token, and in free text how many tokens
        may come next, else 0.
        """
        guide.fill_mask(self._mask)
        words: NDArray[np.uint32] = self._mask[0].view(np.uint32)
        number = int(np.bitwise_count(words).sum())
        free = number if number > _FREE else 0
        self._work += _FREE_WORK if free else 1
        found = (words[self._singles >> 5] >> (self._singles & 31).astype(np.uint32) & 1).astype(bool)
        return dict(zip(self._bytes[found].tolist(), self._singles[found].tolist(), strict=True)), free

    def _words(self, text: bytes, allowed: dict[int, int]) -> Iterator[tuple[bytes, int, float]]:
        """Choices between words of the grammar, names and numbers."""
        whole = self._written[-_LONGEST_WORD:] + text
        found = _LAST_WORD.search(whole[-_LONGEST_WORD:])
        word = found.group() if found else b""
        names = self._names | _beginnings(text[: max(0, len(text) - len(word))])
        for byte, token in allowed.items():
            if byte in _ENDING:
                cost = _END
            elif byte in _OPENING:
                cost = _OPEN
            else:
                cost = _AGAIN if word + bytes((byte,)) in names else _NEW
            yield bytes((byte,)), token, cost

    def _out_of_free_text(self, guide: Guide, allowed: dict[int, int]) -> Iterator[tuple[bytes, int, float]]:
        """What ends a free text; where nothing does, what fills it, and other signs, one of which may."""
        leaving = [byte for byte in _LEAVING if byte in allowed and self._leaves(guide, allowed[byte])]
        filling = [byte for byte in _FILLING if byte in allowed][:1]
        strange = [byte for byte in allowed if not filling or not chr(byte).isalnum()]
        for bytes_, cost in (
            (leaving, _END),
            ([] if leaving else filling, _FILL),
            ([] if leaving else strange, _STRANGE),
        ):
            yield from ((bytes((byte,)), allowed[byte], cost) for byte in bytes_)

    def _leaves(self, guide: Guide, token: int) -> bool:
        """Whether a token leads out of free text."""
        there = guide.copy()
        there.accept([token])
        return there.may_end() or not self._allowed(there)[1]

    def _beyond_ascii(self) -> Iterator[tuple[bytes, int, float]]:
        """Choices where no ASCII character may come next: the shortest tokens, of each first byte one."""
        bits = np.unpackbits(self._mask.view(np.uint8), bitorder="little")
        texts: dict[int, tuple[bytes, int]] = {}
        for token in np.flatnonzero(bits).tolist():
            text = self._tokenizer.bytes_of([token])
            if text and (text[0] not in texts or len(text) < len(texts[text[0]][0])):
                texts[text[0]] = (text, token)
        yield from ((text, token, _NEW) for text, token in texts.values())

    def _canonical(self, tokens: tuple[int, ...]) -> list[int]:
        try:
            return list(self._tokenizer.encode(self._tokenizer.bytes_of(tokens).decode("utf-8")))
        except UnicodeDecodeError:
            return list(tokens)  # the text so far ended inside a character


def _beginnings(text: bytes) -> set[bytes]:
    """Returns the names in a text and all that they begin with; words in capitals and functions are none."""
    names = {name for name in _NAME.findall(text) if not name.isupper()}
    return {name[:end] for name in names for end in range(1, len(name) + 1)}
