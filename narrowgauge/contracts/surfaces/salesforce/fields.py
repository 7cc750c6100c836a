"""The fields of an organisation's objects, and the values that each can hold, out of the closed sets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from narrowgauge.contracts.surfaces.surface import ClosedSets

__all__ = ["Field", "Fields"]

_NUMBERS = frozenset({"currency", "percent", "int", "double", "long"})


@dataclass(frozen=True)
class Field:
    """A field or a path to one.

    Attributes:
        name: As a call names it.
        type: As the catalogue has it: `email`, `currency`, `reference`, …
        kind: `text`, `number`, `boolean`, `date`, `datetime`, `pick`, `multi` or `reference`.
        values: Of a picklist; names of the record ids that a reference can hold; empty otherwise.
        never_empty: Whether it cannot be emptied.
    """

    name: str
    type: str
    kind: str
    values: tuple[str, ...] = ()
    never_empty: bool = False


class Fields:
    """Fields by object; for one set of record ids."""

    def __init__(self, sets: ClosedSets) -> None:
        self._sets = sets
        # Nobody knows a record's id but who wrote the request or the row: no id can be made up.
        parted = (record.partition(" ") for record in sets.get("record_ids", ()))
        self._ids = [(name, prefix) for name, _, prefix in parted]
        prefixes = {entity: sets.get(f"key_prefix:{entity}", ()) for entity in sets["entities"]}
        self._prefixes = {entity: known[0] for entity, known in prefixes.items() if known}

    def ids_of(self, entity: str) -> tuple[str, ...]:
        """The ids that can be of an entity; where its prefix is unknown, those that are of no other one."""
        own = self._prefixes.get(entity, "")
        known = set(self._prefixes.values())
        return tuple(name for name, prefix in self._ids if (prefix == own if own else prefix not in known))

    def paths(self, entity: str) -> list[Field]:
        """Own fields in the catalogue's order, then those one relationship away."""
        return [self._field(*names) for names in self._names(entity)]

    def _names(self, entity: str) -> Iterator[tuple[str, str, str]]:
        """For each path its field's object and name, and the path."""
        yield from ((entity, name, name) for name in self._sets.get(f"fields:{entity}", ()))
        for relationship, target in self._relationships(entity):
            yield from ((target, name, f"{relationship}.{name}") for name in self._sets[f"fields:{target}"])

    def written(self, entity: str) -> list[Field]:
        """Fields that a write can set, in the same order."""
        own = self._sets.get(f"writable:{entity}", ())
        allowed = set(own)
        # A new record can refer to another one by that one's external id, if somebody gave it.
        if self._sets.get("external_keys", ("given",)):
            allowed.update(
                f"{relationship}.{key}"
                for relationship, target in self._relationships(entity)
                for key in self._sets.get(f"external_ids:{target}", ())
            )
        kept = frozenset(self._sets.get(f"never_empty:{entity}", ()))
        fields = (self._field(*names) for names in self._names(entity) if names[2] in allowed)
        return [
            replace(field, never_empty=field.name in kept)
            for field in fields
            # What cannot be emptied and refers to no record that the texts name has nothing to be set to.
            if not (field.name in kept and field.kind == "reference" and not field.values)
        ]

    def _relationships(self, entity: str) -> list[tuple[str, str]]:
        pairs = (item.split("=", 1) for item in self._sets.get(f"relationships:{entity}", ()))
        return [(relationship, target) for relationship, target in pairs if f"fields:{target}" in self._sets]

    def _field(self, entity: str, name: str, path: str) -> Field:
        declared = (*self._sets.get(f"type:{entity}.{name}", ()), "string")[0]
        values = tuple(self._sets.get(f"values:{entity}.{name}", ()))
        if declared in _NUMBERS:
            return Field(path, declared, "number")
        if declared in ("boolean", "date", "datetime"):
            return Field(path, declared, declared)
        if declared in ("reference", "id"):
            return Field(path, declared, "reference", self._referable(entity, name, declared))
        if declared == "multipicklist" and values:
            return Field(path, declared, "multi", values)
        if declared == "picklist" and values:
            return Field(path, declared, "pick", values)
        return Field(path, declared, "text")

    def _referable(self, entity: str, name: str, declared: str) -> tuple[str, ...]:
        """The ids that a field can hold."""
        if declared == "id":
            return self.ids_of(entity)
        targets = self._sets.get(f"references:{entity}.{name}", ())
        # A target outside of the catalogue is one whose prefix nobody knows.
        found = [self.ids_of(target.partition(".")[0]) for target in targets or ("",)]
        return tuple(dict.fromkeys(record for ids in found for record in ids))
