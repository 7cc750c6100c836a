"""The way people type: politeness, lower case, missing punctuation, slips of the finger."""

from __future__ import annotations

import random
import re

__all__ = ["roughen"]

_OPENINGS = ("please ", "could you please ", "hey, ", "hi, ", "can you ", "kindly ", "I'd like you to ")
_CLOSINGS = (" please", ", please", ", thanks", " thank you", " asap")

_QUESTION = re.compile(
    r"(what|which|how|who|whose|when|where|why|can|could|are|is|was|were|do|does|did|has|have|any)('s)?\b",
    re.IGNORECASE,
)


def roughen(text: str, rng: random.Random) -> str:
    """Returns the text as someone might have typed it; names, numbers and quoted text stay as they are."""
    first_word = text.partition(" ")[0].lower()
    imperative = first_word in (
        "list",
        "show",
        "get",
        "find",
        "display",
        "fetch",
        "count",
        "give",
        "look",
        "pull",
    )
    if imperative and rng.random() < 0.12:
        text = rng.choice(_OPENINGS) + text
    if imperative and rng.random() < 0.06:
        text += rng.choice(_CLOSINGS)
    if rng.random() < 0.06:
        text = _slip(text, rng)
    if rng.random() < 0.55:
        text = text[0].upper() + text[1:]
    question = _QUESTION.match(text)
    # A question mark is typed more often than a full stop after a request or a few key words.
    if rng.random() < (0.6 if question else 0.3) and "?" not in text and text[-1] not in "!.":
        text += "?" if question else "."
    return text


def _slip(text: str, rng: random.Random) -> str:
    """Swaps, drops or doubles one letter of one plain word."""
    words = text.split(" ")
    plain = [i for i, word in enumerate(words) if len(word) > 4 and word.isalpha() and word.islower()]
    if not plain:
        return text
    index = rng.choice(plain)
    word = words[index]
    at = rng.randrange(1, len(word) - 1)
    words[index] = rng.choice(
        (
            word[:at] + word[at + 1] + word[at] + word[at + 2 :],
            word[:at] + word[at + 1 :],
            word[:at] + word[at] + word[at:],
        )
    )
    return " ".join(words)
