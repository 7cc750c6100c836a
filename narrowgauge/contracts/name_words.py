"""The words that names of tables, objects, columns and fields are made of."""

from __future__ import annotations

import re
from functools import lru_cache

__all__ = ["COMMON_WORDS", "name_words", "singular"]

WORD = re.compile(r"[A-Z]{2,}s\b|[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_]+")
"""A word of a name: `camelCase` and `snake_case` are taken apart."""

# Boxes, branches and statuses, but no houses.
_STRONG_PLURAL = re.compile(r"(?:ss|x|ch|sh|[^aeo]us)es$")

COMMON_WORDS = frozenset(
    {
        *("a", "all", "an", "and", "are", "at", "by", "for", "from", "get", "give", "has", "have", "in"),
        *("is", "list", "me", "my", "of", "on", "or", "our", "show", "the", "to", "with"),
    }
)
"""Words of requests that are parts of names too often to say anything."""


@lru_cache(maxsize=65536)  # a catalogue's names come back with every request
def name_words(text: str) -> tuple[str, ...]:
    """Returns a name's words in lower case and in the singular."""
    return tuple(singular(word.lower()) for word in WORD.findall(text))


def singular(word: str) -> str:
    """Returns a lower-case word without a plural ending."""
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if _STRONG_PLURAL.search(word):
        return word[:-2]
    if len(word) <= 3 or not word.endswith("s") or word.endswith(("ss", "is")):
        return word
    # A status and a campus, but several skus.
    return word if word.endswith("us") and len(word) > 4 else word[:-1]
