"""The catalogue as text for a prompt: short, because every token of it is read before the first is written.

One entity a line, in the catalogue's order:

    orders(id integer key, customer_id integer -> customers.id, status text in [open, shipped])

A field has its name, its label in quotes where the name does not say it, its type, `key` when it is part of
the key, `-> entity.field` when it refers to another, and `in […]` with the values of a short closed column.
When the whole is longer than allowed, entities are kept by their words in common with the request, then the
entities that those refer to or are referred by; of each the keys, the references and the fields in common
with the request come first. What fits is kept; the order stays the catalogue's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from narrowgauge.v1 import catalogue_pb2

__all__ = ["catalogue_text"]

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_]+")
# Words of requests that are names of columns too often to say anything.
_COMMON = {
    *("a", "all", "an", "and", "are", "at", "by", "for", "from", "get", "give", "has", "have", "in", "is"),
    *("list", "me", "my", "of", "on", "or", "our", "show", "the", "to", "with"),
}
_NAME_WEIGHT = 4.0
_VALUE_WEIGHT = 2.0
_FIELD_WEIGHT = 1.0
_NEIGHBOUR_WEIGHT = 0.5


def catalogue_text(catalogue: catalogue_pb2.Catalogue, *, max_chars: int, request: str) -> str:
    """Returns the catalogue as text, pruned to what `request` can need when it is longer than `max_chars`.

    Args:
        catalogue: The environment's catalogue.
        max_chars: Most characters of the text.
        request: The sub-task.
    """
    lines = [_line(entity, entity.fields) for entity in catalogue.entities]
    whole = "\n".join(lines)
    if len(whole) <= max_chars:
        return whole
    return _Pruned(catalogue, request).text(max_chars)


def _line(entity: catalogue_pb2.Entity, fields: Iterable[catalogue_pb2.EntityField]) -> str:
    return f"{entity.name}{_label(entity.name, entity.label)}({', '.join(map(_field, fields))})"


def _label(name: str, label: str) -> str:
    return f' "{label}"' if label and set(_words(label)) - set(_words(name)) else ""


def _field(field: catalogue_pb2.EntityField) -> str:
    text = f"{field.name}{_label(field.name, field.label)} {field.type}".rstrip()
    if field.key:
        text += " key"
    if field.references:
        text += f" -> {' or '.join(field.references)}"
    if field.values:
        text += f" in [{', '.join(field.values)}]"
    return text


def _words(text: str) -> list[str]:
    """Lower-case words without a plural ending; `camelCase` and `snake_case` are taken apart."""
    found = []
    for word in _WORD.findall(text):
        lower = word.lower()
        if lower.endswith("ies") and len(lower) > 4:
            lower = lower[:-3] + "y"
        elif lower.endswith("s") and not lower.endswith("ss") and len(lower) > 3:
            lower = lower[:-1]
        found.append(lower)
    return found


class _Pruned:
    """Entities and fields in the order of how much a request may need them."""

    def __init__(self, catalogue: catalogue_pb2.Catalogue, request: str) -> None:
        self._entities = list(catalogue.entities)
        self._request_words = set(_words(request)) - _COMMON
        self._request_text = f" {' '.join(_words(request))} "
        scores = [self._score(entity) for entity in self._entities]
        neighbours = self._neighbours()
        total = [
            score + _NEIGHBOUR_WEIGHT * max((scores[other] for other in neighbours[index]), default=0.0)
            for index, score in enumerate(scores)
        ]
        self._ranking = sorted(range(len(total)), key=lambda index: (-total[index], index))
        self._needed = {index for index, score in enumerate(total) if score > 0}

    def text(self, max_chars: int) -> str:
        kept: dict[int, set[int]] = {}
        used = 0
        # Three rounds: what is needed of the entities that matter, all of these, the rest.
        for round_fields, candidates in (
            (self._core, [index for index in self._ranking if index in self._needed]),
            (self._all, [index for index in self._ranking if index in self._needed]),
            (self._core, self._ranking),
        ):
            for index in candidates:
                for group in round_fields(index):
                    grown = kept.get(index, set()) | group
                    added = self._length(index, grown) - (
                        self._length(index, kept[index]) if index in kept else -1
                    )
                    if grown != kept.get(index) and used + added <= max_chars + 1:
                        kept[index] = grown
                        used += added
        return "\n".join(self._text_of(index, kept[index]) for index in sorted(kept))

    def _core(self, index: int) -> list[set[int]]:
        fields = self._entities[index].fields
        return [
            {
                place
                for place, field in enumerate(fields)
                if field.key or field.references or self._field_score(field) > 0
            }
        ]

    def _all(self, index: int) -> list[set[int]]:
        return [{place} for place in range(len(self._entities[index].fields))]

    def _length(self, index: int, places: set[int]) -> int:
        return len(self._text_of(index, places))

    def _text_of(self, index: int, places: set[int]) -> str:
        entity = self._entities[index]
        return _line(entity, (entity.fields[place] for place in sorted(places)))

    def _score(self, entity: catalogue_pb2.Entity) -> float:
        names = set(_words(entity.name)) | set(_words(entity.label))
        score = _NAME_WEIGHT * len(names & self._request_words)
        return score + sum(self._field_score(field) for field in entity.fields)

    def _field_score(self, field: catalogue_pb2.EntityField) -> float:
        names = (set(_words(field.name)) | set(_words(field.label))) - {"id"}
        score = _FIELD_WEIGHT * len(names & self._request_words)
        values = sum(f" {' '.join(_words(value))} " in self._request_text for value in field.values if value)
        return score + _VALUE_WEIGHT * values

    def _neighbours(self) -> list[set[int]]:
        places = {entity.name: index for index, entity in enumerate(self._entities)}
        found: list[set[int]] = [set() for _ in self._entities]
        for index, entity in enumerate(self._entities):
            for field in entity.fields:
                for reference in field.references:
                    # Names may hold dots themselves (schema.table), so the longest known one counts.
                    name = reference if reference in places else reference.rpartition(".")[0]
                    other = places.get(name)
                    if other is not None and other != index:
                        found[index].add(other)
                        found[other].add(index)
        return found
