"""Words of the surface: short names of methods, fields and enum values, and strings as one word or one line.

A word is followed by a space, a comma or a bracket, before which the pre-tokenizers of the usual BPE
vocabularies split, and after a space a common English word is one token. So what is chosen among few is
written as one word of a name, after a space.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from llguidance import LLMatcher, LLTokenizer

from narrowgauge.contracts.constraint.lark import Lark
from narrowgauge.contracts.constraint.strings import json_text

__all__ = [
    "EMPTY",
    "WORD",
    "enum_words",
    "is_word",
    "json_to_word",
    "line_text",
    "name_text",
    "only_words",
    "short_names",
]

WORD = r"[A-Za-z0-9_+-](?:[A-Za-z0-9_.:\/@+#-]*[A-Za-z0-9])?"
"""A string that is written bare."""
EMPTY = '""'
"""The empty string; no other line begins with a quote, because quotes are escaped in lines."""

_WORD = re.compile(WORD)
_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z][a-z]*|[a-z]+|[0-9]+")


def short_names(names: Sequence[str]) -> list[str]:
    """Returns a short name for each of the names, all different.

    A name's first word that no other name has; the name in lower case where each of its words is in another
    name; the name itself where that is taken.

    Args:
        names: Identifiers, all different.
    """
    words = [[part.lower() for part in _PARTS.findall(name)] for name in names]
    spread = Counter(word for parts in words for word in set(parts))
    chosen: list[str] = []
    for name, parts in zip(names, words, strict=True):
        own = (word for word in parts if spread[word] == 1 and word.isalpha())
        lower = "_".join(re.findall(r"[A-Za-z0-9]+", name)).lower()
        candidates = [parts[0] if len(parts) == 1 and parts[0].isalpha() else "", *own, lower]
        chosen.append(next((text for text in candidates if text and text not in chosen), name))
    return chosen if len(set(chosen)) == len(chosen) else list(names)


@lru_cache(maxsize=1024)
def enum_words(enum: Any) -> dict[int, str]:
    """Returns the word of each number of an enum: its name without the enum's, shortened.

    Args:
        enum: Its descriptor.
    """
    names: dict[int, str] = {}
    for value in enum.values:
        names.setdefault(value.number, value.name)
    own = "_".join(_PARTS.findall(enum.name)).upper() + "_"
    bare = [name.removeprefix(own) for name in names.values()]
    if len(set(bare)) < len(bare) or not all(bare):
        bare = list(names.values())
    return dict(zip(names, short_names(bare), strict=True))


def is_word(value: str) -> bool:
    """Says whether a string can be written bare."""
    return _WORD.fullmatch(value) is not None


def name_text(value: str) -> str:
    """Writes a value of a closed set: bare where it is a word, as a JSON string elsewhere."""
    return value if is_word(value) else json_text(value)


def line_text(value: str) -> str:
    """Writes a string up to the end of its line, in JSON's escapes."""
    return (json_text(value)[1:-1] if value else EMPTY) + "\n"


@lru_cache(maxsize=512)
def only_words(expression: str) -> bool:
    """Says whether every text of a terminal's expression is a word.

    Args:
        expression: In llguidance's Lark dialect.
    """
    lark = Lark()
    other = lark.terminal(f"({expression} & ~/{WORD}/)")
    matcher = LLMatcher(LLTokenizer("byte"), LLMatcher.grammar_from_lark(lark.text(other)), log_level=0)
    matcher.compute_bitmask()
    # The engine says so where no token can follow; when it gives up, its error is another one.
    return bool(matcher.get_error().startswith("NoExtensionBias"))


def json_to_word(member: FieldDescriptor, text: str) -> str:
    """Returns the word of a value, given as JSON text."""
    plain = text.strip('"')
    enum: Any = member.enum_type
    if enum is None or plain == "null":
        return plain
    return enum_words(enum)[enum.values_by_name[plain].number]
