"""An organisation's describes as a catalogue: what a call may name, and the closed sets of the contract."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from narrowgauge.contracts.closed_sets import catalogue_hash
from narrowgauge.v1 import catalogue_pb2

__all__ = ["Described", "DescribedField", "catalogue_of_describes", "described_of", "usual_objects"]

_STANDARD = (
    "Account",
    "Contact",
    "Lead",
    "Opportunity",
    "OpportunityContactRole",
    "Case",
    "Task",
    "Event",
    "Campaign",
    "CampaignMember",
    "Product2",
    "User",
)
_COMPOUND = frozenset(("address", "location", "base64", "complexvalue", "anytype"))
# Fields of a parent that may be of several objects.
_COMMON = ("Id", "Name", "Type")


@dataclass(frozen=True)
class DescribedField:
    """A field."""

    name: str
    label: str
    type: str
    writable: bool
    create_only: bool
    nillable: bool
    required: bool
    external_id: bool
    values: tuple[str, ...]
    references: tuple[str, ...]
    relationship: str

    @property
    def compound(self) -> bool:
        """Whether its value is no plain value."""
        return self.type in _COMPOUND


@dataclass(frozen=True)
class Described:
    """An object."""

    name: str
    label: str
    fields: tuple[DescribedField, ...] = dataclasses.field(repr=False)
    key_prefix: str = ""

    @cached_property
    def by_name(self) -> dict[str, DescribedField]:
        """The fields by lower-case name."""
        return {entry.name.lower(): entry for entry in self.fields}

    @cached_property
    def by_relationship(self) -> dict[str, DescribedField]:
        """The reference fields by the lower-case name of their relationship."""
        return {entry.relationship.lower(): entry for entry in self.fields if entry.relationship}


def described_of(body: dict[str, Any]) -> Described:
    """Reads a describe as the REST API answers it."""
    # A describe that does not say so is of an object that can be written.
    writable = bool(body.get("createable", True) or body.get("updateable", True))
    fields = tuple(_field(entry, writable=writable) for entry in body["fields"])
    return Described(body["name"], body["label"], fields, body.get("keyPrefix") or "")


def _field(entry: dict[str, Any], *, writable: bool) -> DescribedField:
    createable = bool(entry.get("createable"))
    nillable = bool(entry.get("nillable"))
    return DescribedField(
        name=entry["name"],
        label=entry["label"],
        type=str(entry["type"]).lower(),
        writable=writable and (createable or bool(entry.get("updateable"))),
        create_only=createable and not entry.get("updateable", True),
        nillable=nillable,
        required=writable and createable and not nillable and not entry.get("defaultedOnCreate"),
        external_id=bool(entry.get("externalId")),
        values=tuple(value["value"] for value in entry.get("picklistValues") or () if value.get("active")),
        references=tuple(entry.get("referenceTo") or ()),
        relationship=entry.get("relationshipName") or "",
    )


def usual_objects(listed: Sequence[dict[str, Any]]) -> tuple[str, ...]:
    """Returns the names of the objects that people work with: the usual standard ones and all custom ones.

    Args:
        listed: Describes, or the shorter entries that `/sobjects` lists.
    """
    usable = {entry["name"]: entry for entry in listed if entry.get("queryable")}
    standard = (name for name in _STANDARD if name in usable)
    custom = (name for name, entry in usable.items() if entry.get("custom"))
    return tuple(dict.fromkeys((*standard, *custom)))


def catalogue_of_describes(objects: Sequence[Described], *, key_field: str) -> catalogue_pb2.Catalogue:
    """Returns the catalogue with its hash.

    Args:
        objects: What calls may name.
        key_field: The field for idempotency keys, which no call sets by itself.
    """
    catalogue = catalogue_pb2.Catalogue(dialect="soql")
    known = {described.name: described for described in objects}
    for described in objects:
        entity = catalogue.entities.add(
            name=described.name, label=described.label, key_prefix=described.key_prefix
        )
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
                create_only=field.create_only,
                never_empty=not field.nillable,
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
