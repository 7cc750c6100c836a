"""The names of a catalogue by the words that they are made of: what words of a request can name."""

from __future__ import annotations

import difflib
import re
from collections import OrderedDict, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import TypeVar

from narrowgauge.contracts.countries import demonym, short_names
from narrowgauge.contracts.name_words import COMMON_WORDS, name_words
from narrowgauge.v1 import catalogue_pb2

__all__ = ["Name", "NameIndex", "Word", "index_of"]

_Words = tuple[str, ...]
_K = TypeVar("_K")
# Shorter words are parts of too many names, and of too many others by a misspelling.
_LEAST_PART = 4
_LEAST_MISSPELT = 5
_LEAST_STEM = 5
_LIKENESS = 0.85
_LONGEST_ENDING = 3
# A word of two or three letters names a value (`UK`, `IT`) only when it is written like it.
_SHORT = 3
# Parts of names that requests use for other things.
_NOT_PARTS = frozenset(
    {
        *("first", "last", "next", "only", "full", "other", "number", "total", "count", "description"),
        *("type", "year", "quarter", "month", "week"),
    }
)
_SUFFIX = re.compile(r"__[a-z]+$")


@dataclass(frozen=True)
class Name:
    """What words can name.

    Attributes:
        entity: The entity, or the one that the field is of.
        field: The field, or the one that the value is of; empty for an entity.
        value: A categorical or known value; empty for a field.
        whole: Whether the words are the whole name.
    """

    entity: str
    field: str = ""
    value: str = ""
    whole: bool = True

    def __str__(self) -> str:
        text = f"{self.entity}.{self.field}" if self.field else self.entity
        return f"{text} = {self.value}" if self.value else text


@dataclass(frozen=True)
class Word:
    """A word of a request.

    Attributes:
        text: As the request has it.
        word: In lower case and in the singular.
        proper: Whether it looks like a part of a proper name.
        after: What stands between it and the next word.
    """

    text: str
    word: str
    proper: bool
    after: str = " "


class NameIndex:
    """The names of one catalogue by their words."""

    def __init__(self, catalogue: catalogue_pb2.Catalogue) -> None:
        self._whole: dict[_Words, list[Name]] = defaultdict(list)
        self._parts: dict[str, list[Name]] = defaultdict(list)
        self._stems: dict[str, list[tuple[str, Name]]] = defaultdict(list)
        self._known: dict[_Words, list[Name]] = defaultdict(list)
        for entity in catalogue.entities:
            self._add(Name(entity.name), entity.name, entity.label)
            for field in entity.fields:
                name = Name(entity.name, field.name)
                # The word of a reference speaks of the other entity.
                if not field.references and not field.key:
                    self._add(name, field.name, field.label)
                for value in field.values:
                    self._add_value(Name(entity.name, field.name, value))
                    self._add_said(value, Name(entity.name, field.name, value))
                for value in field.known_values:
                    self._put(self._known, name_words(value), Name(entity.name, field.name, value))
                    self._add_said(value, Name(entity.name, field.name, value))
        words = {word for key in self._whole for word in key} | set(self._parts)
        self._words = sorted(word for word in words if len(word) >= _LEAST_MISSPELT)

    def _add(self, name: Name, *texts: str) -> None:
        for text in texts:
            words = name_words(_SUFFIX.sub("", text))
            if not words or (words[0] in COMMON_WORDS and len(words) == 1):
                continue
            self._put(self._whole, words, name)
            if len(words) > 1:
                part = Name(name.entity, name.field, whole=False)
                # `tickets` for support_tickets, `weight` for weight_kg.
                for word in words if name.field else words[-1:]:
                    if len(word) >= _LEAST_PART and word not in COMMON_WORDS | _NOT_PARTS:
                        self._put(self._parts, word, part)

    def _add_value(self, name: Name) -> None:
        words = name_words(name.value)
        if words and any(word.isalpha() for word in words):
            self._put(self._whole, words, name)
            if len(words) == 1 and len(words[0]) > _LEAST_STEM:
                self._stems[words[0][:_LEAST_STEM]].append((words[0], name))

    def _add_said(self, value: str, name: Name) -> None:
        """Adds what people say for a country: `Dutch`, `UK`."""
        for said in (demonym(value), *short_names(value)):
            if said:
                self._put(self._known, name_words(said), name)

    @staticmethod
    def _put(index: dict[_K, list[Name]], key: _K, name: Name) -> None:
        if name not in index[key]:
            index[key].append(name)

    def names(self, words: Sequence[Word]) -> list[Name]:
        """Returns what the words can name together."""
        text = " ".join(word.text for word in words)
        names = self._whole.get(tuple(word.word for word in words), [])
        if len(text) <= _SHORT:
            names = [name for name in names if not name.value.isupper() or name.value == text]
        names = names + self._known_values(words)
        if len(words) == 1:
            # A part of somebody's name: `Energy` of `Atlas Energy`.
            return [] if words[0].proper else self._single(words[0], names)
        return names

    def _known_values(self, words: Sequence[Word]) -> list[Name]:
        """Returns known values; one of a single word only where it is written like a name or a code."""
        text = words[0].text
        named = text.isupper() if len(text) <= _SHORT else text[0].isupper()
        if len(words) == 1 and not (named or any(map(str.isdigit, text))):
            return []
        return self._known.get(tuple(word.word for word in words), [])

    def _single(self, token: Word, names: list[Name]) -> list[Name]:
        word = token.word
        if word in COMMON_WORDS or not word.isalpha():
            return names
        if found := names + self._parts.get(word, []) or self._akin(token):
            return found
        if len(word) < _LEAST_MISSPELT or token.text != token.text.lower() or word in _NOT_PARTS:
            return []
        word = token.text.removesuffix("s")  # a misspelt plural need not have a singular's ending
        others = self._near(word)
        near = difflib.get_close_matches(word, others, n=1, cutoff=_LIKENESS)
        near = near or [other for other in others if sorted(other) == sorted(word)]
        return self._whole.get((near[0],), []) + self._parts.get(near[0], []) if near else []

    def _akin(self, token: Word) -> list[Name]:
        """Returns the values of which a word is another form: `cancel` of cancelled, `German` of Germany."""
        return [
            name
            for word, name in self._stems.get(token.word[:_LEAST_STEM], ())
            if word != token.word
            and abs(len(word) - len(token.word)) <= _LONGEST_ENDING
            and (token.text[0].isupper() or word.startswith(token.word) or token.word.startswith(word))
        ]

    def _near(self, word: str) -> list[str]:
        """Names' words that begin alike and are about as long: few, since comparing is slow.

        Another form of a word (`create`, `created`) is no misspelling.
        """
        return [
            other
            for other in self._words
            if other[0] == word[0]
            and abs(len(other) - len(word)) <= 2
            and not other.startswith(word[:-1])
            and not word.startswith(other[:-1])
        ]


class _Indexes:
    """Keeps the indexes of the catalogues that were used last. Safe to use from several threads."""

    _REMEMBERED = 32

    def __init__(self) -> None:
        self._indexes: OrderedDict[str, NameIndex] = OrderedDict()
        self._lock = Lock()

    def of(self, catalogue: catalogue_pb2.Catalogue) -> NameIndex:
        """Returns a catalogue's index; one without a hash is read each time."""
        with self._lock:
            if catalogue.hash and catalogue.hash in self._indexes:
                self._indexes.move_to_end(catalogue.hash)
                return self._indexes[catalogue.hash]
        index = NameIndex(catalogue)
        with self._lock:
            if catalogue.hash:
                self._indexes[catalogue.hash] = index
            while len(self._indexes) > self._REMEMBERED:
                self._indexes.popitem(last=False)
        return index


_INDEXES = _Indexes()


def index_of(catalogue: catalogue_pb2.Catalogue) -> NameIndex:
    """Returns the names of a catalogue; they are kept for the next request on it."""
    return _INDEXES.of(catalogue)
