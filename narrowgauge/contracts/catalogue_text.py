"""The catalogue as text for a prompt: short, because every token of it is read before the first is written.

One entity a line, in the catalogue's order:

    orders(id key, customer_id -> customers, total numeric, status in [open, shipped])

A field has its name, its label in quotes where the name does not say it, then `key` when it is part of the
key, `-> entity.field` (without `.id`) when it refers to another, or else its type unless that is text, and
`in […]` with the values of a short closed column.
When the whole is longer than allowed, entities are taken in the order of their words in common with the
request, then those that refer to them or are referred by them: whole ones while they fit, then keys,
references and the fields in common with the request. Of a long list of values, those that the request names
and the first few stay. The order stays the catalogue's.
"""

from __future__ import annotations

from collections.abc import Iterable

from narrowgauge.contracts.name_words import COMMON_WORDS, name_words
from narrowgauge.v1 import catalogue_pb2

__all__ = ["catalogue_text", "holds_dates"]

_NAME_WEIGHT = 4.0
_VALUE_WEIGHT = 2.0
_FIELD_WEIGHT = 1.0
_NEIGHBOUR_WEIGHT = 0.25
# Longer lists of values are cut in a pruned text; the constraint knows them all.
_FEW_VALUES = 2
# Most fields are texts, and what has no type reads as one.
_TEXTS = frozenset(("text", "string", "varchar", "picklist"))


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


def holds_dates(catalogue: catalogue_pb2.Catalogue) -> bool:
    """Returns whether a field is a date or time, or a year; an empty catalogue says nothing of it: True."""
    return not catalogue.entities or any(
        "date" in field.type or "time" in field.type or field.type == "year"
        for entity in catalogue.entities
        for field in entity.fields
    )


def _line(entity: catalogue_pb2.Entity, fields: Iterable[catalogue_pb2.EntityField]) -> str:
    return f"{entity.name}{_label(entity.name, entity.label)}({', '.join(map(_field, fields))})"


def _label(name: str, label: str) -> str:
    return f' "{label}"' if label and set(name_words(label)) - set(name_words(name)) else ""


def _field(field: catalogue_pb2.EntityField) -> str:
    text = f"{field.name}{_label(field.name, field.label)}"
    if field.references:
        # The type of a key or a reference says nothing that the word itself does not.
        return f"{text} -> {' or '.join(reference.removesuffix('.id') for reference in field.references)}"
    if field.key:
        return f"{text} key"
    if field.type not in _TEXTS:
        text = f"{text} {field.type}".rstrip()
    if field.values:
        text += f" in [{', '.join(field.values)}]"
    return text


class _Pruned:
    """Entities and fields in the order of how much a request may need them."""

    def __init__(self, catalogue: catalogue_pb2.Catalogue, request: str) -> None:
        self._entities = list(catalogue.entities)
        self._request_words = set(name_words(request)) - COMMON_WORDS
        self._request_text = f" {' '.join(name_words(request))} "
        scores = [self._score(entity) for entity in self._entities]
        neighbours = self._neighbours()
        total = [
            # Of all its neighbours together: what joins two named tables is needed as much as they are.
            score + _NEIGHBOUR_WEIGHT * sum(scores[other] for other in neighbours[index])
            for index, score in enumerate(scores)
        ]
        self._ranking = sorted(range(len(total)), key=lambda index: (-total[index], index))
        self._needed = {index for index, score in enumerate(total) if score > 0}

    def text(self, max_chars: int) -> str:
        kept: dict[int, set[int]] = {}
        used = 0

        def keep(index: int, places: set[int]) -> bool:
            nonlocal used
            grown = kept.get(index, set()) | places
            before = self._length(index, kept[index]) if index in kept else -1
            added = self._length(index, grown) - before
            if used + added > max_chars + 1:
                return False
            kept[index] = grown
            used += added
            return True

        # Whole entities, since a table without the column that is asked for is of no use; where one does not
        # fit, its keys and what the request speaks of, then as many of its other fields as fit.
        for index in [i for i in self._ranking if i in self._needed] or self._ranking:
            places = set(range(len(self._entities[index].fields)))
            if not keep(index, places) and keep(index, self._core(index)):
                for place in sorted(places):
                    keep(index, {place})
        return "\n".join(self._text_of(index, kept[index]) for index in sorted(kept))

    def _core(self, index: int) -> set[int]:
        fields = self._entities[index].fields
        return {
            place
            for place, field in enumerate(fields)
            if field.key or field.references or self._field_score(field) > 0
        }

    def _length(self, index: int, places: set[int]) -> int:
        return len(self._text_of(index, places))

    def _text_of(self, index: int, places: set[int]) -> str:
        entity = self._entities[index]
        return _line(entity, (self._shortened(entity.fields[place]) for place in sorted(places)))

    def _shortened(self, field: catalogue_pb2.EntityField) -> catalogue_pb2.EntityField:
        """The field with the values that the request names and the first others."""
        if len(field.values) <= _FEW_VALUES:
            return field
        named = [value for value in field.values if self._names(value)]
        shown = (named + [value for value in field.values if value not in named])[
            : max(_FEW_VALUES, len(named))
        ]
        short = catalogue_pb2.EntityField()
        short.CopyFrom(field)
        del short.values[:]
        short.values.extend([*(value for value in field.values if value in shown), "…"])
        return short

    def _names(self, value: str) -> bool:
        return bool(value) and f" {' '.join(name_words(value))} " in self._request_text

    def _score(self, entity: catalogue_pb2.Entity) -> float:
        names = set(name_words(entity.name)) | set(name_words(entity.label))
        score = _NAME_WEIGHT * len(names & self._request_words)
        return score + sum(self._field_score(field) for field in entity.fields)

    def _field_score(self, field: catalogue_pb2.EntityField) -> float:
        if field.references:
            return 0.0  # the word speaks of the other entity
        names = (set(name_words(field.name)) | set(name_words(field.label))) - {"id"}
        score = _FIELD_WEIGHT * len(names & self._request_words)
        return score + _VALUE_WEIGHT * sum(map(self._names, field.values))

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
