"""What a text says word for word: a hashed sketch of its words, beside the encoder's vector of its meaning.

Many intents of one field differ by a word or two that mean nearly the same to an encoder of this size. A
router of intents reads both; a router of specialists, which have fields of their own, needs the vector alone.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

__all__ = ["WIDTH", "asked_text", "lexical_features"]

Array = npt.NDArray[np.float32]

WIDTH = 1024
"""Length of a sketch."""

_WORD = re.compile(r"[^\W_]+(?:'\w+)?")
_GRAMS = (3, 4, 5)
_SIGN = 1 << 30
_LONGEST = 2000  # characters: what comes after them changes little, and costs time


def lexical_features(texts: Sequence[str]) -> Array:
    """Sketches of texts: words, pairs of words and pieces of words, each added to one place with a sign.

    The signs make two different pieces in one place cancel as often as they add up (Weinberger et al., 2009).

    Args:
        texts: The texts.

    Returns:
        float32 [texts, WIDTH], rows of length one; zero for a text without words.
    """
    out = np.zeros((len(texts), WIDTH), np.float32)
    for row, text in zip(out, texts, strict=True):
        for piece in _pieces(text[:_LONGEST].lower()):
            number = zlib.crc32(piece.encode())
            row[number % WIDTH] += 1.0 if number & _SIGN else -1.0
    lengths = np.linalg.norm(out, axis=1, keepdims=True)
    result: Array = out / np.maximum(lengths, 1e-6)
    return result


def asked_text(text: str, span: tuple[int, int], quotes: Sequence[tuple[int, int]]) -> str:
    """The text of a span without its quotations; all of it where nothing else is."""
    begin, end = span
    parts: list[str] = []
    at = begin
    for low, high in quotes:
        if low < end and high > begin:
            parts.append(text[at : max(at, low)])
            at = max(at, min(high, end))
    asked = " ".join([*parts, text[at:end]])
    return asked if asked.strip() else text[begin:end]


def _pieces(text: str) -> set[str]:
    words = _WORD.findall(text)
    found = {f" {word}" for word in words}
    found.update(f"{a} {b}" for a, b in pairwise(words))
    for word in words:
        marked = f"<{word}>"
        for n in _GRAMS:
            found.update(marked[k : k + n] for k in range(len(marked) - n + 1))
    return found
