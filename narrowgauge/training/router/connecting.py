"""The wording between sub-tasks (`connecting.toml`, and `connecting_train.toml` for training alone), and the
forms of verbs.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

__all__ = ["PHRASES", "TRAIN_PHRASES", "gerund", "imperative", "participle", "singular"]

_FILE: dict[str, Any] = tomllib.loads((Path(__file__).parent / "connecting.toml").read_text(encoding="utf-8"))
_REGULAR = frozenset(_FILE.pop("regular_verbs"))
_IRREGULAR: dict[str, list[str]] = _FILE.pop("irregular_verbs")

PHRASES: dict[str, list[str]] = _FILE
"""Phrases by what they do: openings, order, independent, each, ..."""

TRAIN_PHRASES: dict[str, list[str]] = tomllib.loads(
    (Path(__file__).parent / "connecting_train.toml").read_text(encoding="utf-8")
)
"""Further phrases for training alone, with choices (`wording.choose`); also the item marks of lists."""


def imperative(text: str) -> bool:
    """Says whether a sub-task begins with a verb whose forms are known."""
    word = text.split(" ", 1)[0].lower()
    return word in _IRREGULAR or word in _REGULAR


def gerund(text: str) -> str:
    """`open a case` -> `opening a case`."""
    word, rest = _head(text)
    if word in _IRREGULAR:
        return _IRREGULAR[word][0] + rest
    return re.sub(r"e$", "", word) + "ing" + rest


def participle(text: str) -> str:
    """`open a case` -> `opened a case`."""
    word, rest = _head(text)
    if word in _IRREGULAR:
        return _IRREGULAR[word][1] + rest
    if word.endswith("e"):
        return word + "d" + rest
    if re.search(r"[^aeiou]y$", word):
        return word[:-1] + "ied" + rest
    return word + "ed" + rest


def _head(text: str) -> tuple[str, str]:
    word = text.split(" ", 1)[0]
    return word.lower(), text[len(word) :]


def singular(noun: str) -> str:
    """`companies` -> `company`."""
    if noun.endswith("ies") and noun != "movies":
        return noun[:-3] + "y"
    if noun.endswith(("sses", "ches", "shes")):
        return noun[:-2]
    return noun[:-1] if noun.endswith("s") else noun
