"""The way people type: politeness, lower case, missing punctuation, slips of the finger."""

from __future__ import annotations

import random
import re

__all__ = ["roughen", "roughen_wording"]

_OPENINGS = ("please ", "could you please ", "hey, ", "hi, ", "can you ", "kindly ", "I'd like you to ")
_CLOSINGS = (" please", ", please", ", thanks", " thank you", " asap")

_QUESTION = re.compile(
    r"(what|which|how|who|whose|when|where|why|can|could|are|is|was|were|do|does|did|has|have|any)('s)?\b",
    re.IGNORECASE,
)

_WORDING_OPENINGS = (
    "please ",
    "could you ",
    "can you ",
    "hey, ",
    "hi, ",
    "kindly ",
    "I need you to ",
    "pls ",
)
_WORDING_CLOSINGS = (" please", ", please", ", thanks", " thanks", " asap", ", thank you", " pls")
_WORDING_QUESTION = re.compile(
    r"(what|which|how|who|when|where|can|could|is|are|do|did|does)\b", re.IGNORECASE
)
_VERBS = frozenset(
    (
        *("add", "assign", "book", "bump", "change", "clear", "close", "create", "delete", "drop", "enter"),
        *("erase", "fetch", "file", "find", "flag", "get", "give", "list", "log", "make", "mark", "move"),
        *("open", "pull", "put", "raise", "record", "register", "remove", "rename", "reopen", "schedule"),
        *("set", "show", "switch", "turn", "update", "upsert", "wipe", "count", "look"),
    )
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


def roughen_wording(ask: str, stated: str, rng: random.Random) -> str:
    """Returns a wording as someone might have typed it, its slots as they are.

    Args:
        ask: The wording, with slots in braces.
        stated: What the call holds: its words are typed without a slip.
        rng: Source of choice.
    """
    first = ask.partition(" ")[0]
    if first.lower() in _VERBS:
        if rng.random() < 0.07:
            ask = rng.choice(_WORDING_OPENINGS) + ask[0].lower() + ask[1:]
        elif rng.random() < 0.05 and ask[-1] not in ".?!":
            ask += rng.choice(_WORDING_CLOSINGS)
    if rng.random() < 0.06:
        ask = _slip(ask, rng, stated.lower())
    draw = rng.random()
    if not ask.startswith("{"):
        if draw < 0.5:
            ask = ask[0].upper() + ask[1:]
        elif draw > 0.9 and first.isalpha() and first.lower() in _VERBS:
            ask = ask[0].lower() + ask[1:]
    if rng.random() < 0.25 and ask[-1] not in ".?!\"'”":
        ask += "?" if _WORDING_QUESTION.match(ask) else "."
    return ask


def _slip(text: str, rng: random.Random, stated: str = "") -> str:
    """Swaps, drops or doubles one letter of one plain word that does not stand in what is stated."""
    words = text.split(" ")
    plain = [i for i, word in enumerate(words) if len(word) > 4 and word.isalpha() and word.islower()]
    plain = [i for i in plain if words[i] not in stated]
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
