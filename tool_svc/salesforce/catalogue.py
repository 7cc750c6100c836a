"""The organisation's describes as a catalogue: what a call may name, and the closed sets of the contract."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from narrowgauge.contracts.closed_sets import catalogue_hash
from narrowgauge.v1 import catalogue_pb2
from tool_svc.salesforce.describes import Described, DescribedField

__all__ = ["catalogue_of"]

# Fields of a parent that may be of several objects.
_COMMON = ("Id", "Name", "Type")


def catalogue_of(objects: Sequence[Described], *, key_field: str) -> catalogue_pb2.Catalogue:
    """Returns the catalogue with its hash.

    Args:
        objects: What calls may name.
        key_field: The field for idempotency keys, which no call sets by itself.
    """
    catalogue = catalogue_pb2.Catalogue(dialect="soql")
    known = {described.name: described for described in objects}
    for described in objects:
        entity = catalogue.entities.add(name=described.name, label=described.label)
        for field in _shown(described, key_field):
            entity.fields.add(
                name=field.name,
                label=field.label,
                type=field.type,
                values=field.values,
                # A reference to a record is its id, the referred object's key.
                references=[name for name in field.references if name in known],
                key=field.type == "id",
                nullable=not field.required,
                read_only=not field.writable,
                external_id=field.external_id,
                relationship=field.relationship,
            )
    sets = {
        "field_paths": _field_paths(objects, known, key_field),
        "writable_fields": _writable_fields(objects, known, key_field),
        "external_id_fields": (
            field.name for described in objects for field in _shown(described, key_field) if field.external_id
        ),
    }
    for name, values in sets.items():
        catalogue.closed_sets.add(name=name, values=list(dict.fromkeys(values)))
    catalogue.hash = catalogue_hash(catalogue)
    return catalogue


def _shown(described: Described, key_field: str) -> Iterator[DescribedField]:
    for field in described.fields:
        if not field.compound and field.name != key_field:
            yield field


def _field_paths(objects: Sequence[Described], known: dict[str, Described], key_field: str) -> Iterator[str]:
    for described in objects:
        yield from (field.name for field in _shown(described, key_field))
    for described in objects:
        for field in described.fields:
            if not field.relationship:
                continue
            parents = [known[name] for name in field.references if name in known]
            if len(field.references) > 1:
                yield from (f"{field.relationship}.{name}" for name in _COMMON)
            elif parents:
                yield from (f"{field.relationship}.{entry.name}" for entry in _shown(parents[0], key_field))


def _writable_fields(
    objects: Sequence[Described], known: dict[str, Described], key_field: str
) -> Iterator[str]:
    for described in objects:
        yield from (field.name for field in _shown(described, key_field) if field.writable)
    for described in objects:
        for field in described.fields:
            if field.relationship and field.writable and len(field.references) == 1:
                parent = known.get(field.references[0])
                for entry in _shown(parent, key_field) if parent else ():
                    if entry.external_id:
                        yield f"{field.relationship}.{entry.name}"
