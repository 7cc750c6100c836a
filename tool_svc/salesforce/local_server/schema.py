"""The organisation's objects and fields, read from the describes in its database, found in any case."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

__all__ = ["Field", "ObjectType", "Schema", "load_schema"]

TEXT_TYPES = frozenset(
    (
        "string",
        "textarea",
        "phone",
        "url",
        "email",
        "picklist",
        "multipicklist",
        "combobox",
        "encryptedstring",
    )
)
NUMBER_TYPES = frozenset(("int", "double", "currency", "percent"))


@dataclass(frozen=True)
class Field:
    """A field, as its describe says."""

    name: str
    label: str
    type: str
    length: int
    scale: int
    createable: bool
    updateable: bool
    nillable: bool
    defaulted: bool
    default: Any
    filterable: bool
    sortable: bool
    groupable: bool
    aggregatable: bool
    unique: bool
    external_id: bool
    restricted: bool
    auto_number: bool
    custom: bool
    values: tuple[str, ...]
    references: tuple[str, ...]
    relationship: str | None

    @property
    def is_text(self) -> bool:
        """Whether it is compared as text, without regard to case."""
        return self.type in TEXT_TYPES

    @property
    def is_number(self) -> bool:
        """Whether it holds numbers."""
        return self.type in NUMBER_TYPES


@dataclass(frozen=True)
class ObjectType:
    """An object.

    Attributes:
        name: Its API name.
        describe: Its whole describe.
        fields: In their own order.
    """

    name: str
    describe: dict[str, Any] = field(repr=False)
    fields: tuple[Field, ...] = field(repr=False)

    @property
    def key_prefix(self) -> str:
        """First three characters of its records' ids."""
        return str(self.describe["keyPrefix"])

    @property
    def name_field(self) -> str | None:
        """The field that stands for a record where people read it."""
        return next((entry["name"] for entry in self.describe["fields"] if entry["nameField"]), None)

    @cached_property
    def _by_name(self) -> dict[str, Field]:
        return {entry.name.lower(): entry for entry in self.fields}

    @cached_property
    def _by_relationship(self) -> dict[str, Field]:
        return {entry.relationship.lower(): entry for entry in self.fields if entry.relationship}

    @cached_property
    def stored(self) -> tuple[Field, ...]:
        """The fields that are columns; compound ones are put together from others."""
        return tuple(entry for entry in self.fields if entry.type != "address")

    def field(self, name: str) -> Field | None:
        """Finds a field."""
        return self._by_name.get(name.lower())

    def relationship(self, name: str) -> Field | None:
        """Finds the reference field that a relationship follows."""
        return self._by_relationship.get(name.lower())

    def child(self, relationship: str) -> tuple[str, str] | None:
        """Finds the object and the field of a child relationship."""
        for entry in self.describe["childRelationships"]:
            if (entry["relationshipName"] or "").lower() == relationship.lower():
                return entry["childSObject"], entry["field"]
        return None


@dataclass(frozen=True)
class Schema:
    """All objects in their own order."""

    objects: tuple[ObjectType, ...]

    @cached_property
    def _by_name(self) -> dict[str, ObjectType]:
        return {entry.name.lower(): entry for entry in self.objects}

    @cached_property
    def _by_prefix(self) -> dict[str, ObjectType]:
        return {entry.key_prefix: entry for entry in self.objects}

    def object(self, name: str) -> ObjectType | None:
        """Finds an object by its API name."""
        return self._by_name.get(name.lower())

    def object_of(self, record_id: str) -> ObjectType | None:
        """Finds the object that a record id belongs to."""
        return self._by_prefix.get(record_id[:3])


def load_schema(connection: sqlite3.Connection) -> Schema:
    """Reads the describes of an organisation's database.

    Raises:
        sqlite3.Error: The file is no such database.
    """
    rows = connection.execute("SELECT describe FROM _describe ORDER BY position").fetchall()
    return Schema(tuple(_object_type(json.loads(text)) for (text,) in rows))


def _object_type(describe: dict[str, Any]) -> ObjectType:
    return ObjectType(describe["name"], describe, tuple(_field(entry) for entry in describe["fields"]))


def _field(entry: dict[str, Any]) -> Field:
    return Field(
        name=entry["name"],
        label=entry["label"],
        type=entry["type"],
        length=entry["length"],
        scale=entry["scale"],
        createable=entry["createable"],
        updateable=entry["updateable"],
        nillable=entry["nillable"],
        defaulted=entry["defaultedOnCreate"],
        default=entry["defaultValue"],
        filterable=entry["filterable"],
        sortable=entry["sortable"],
        groupable=entry["groupable"],
        aggregatable=entry["aggregatable"],
        unique=entry["unique"],
        external_id=entry["externalId"],
        restricted=entry["restrictedPicklist"],
        auto_number=entry["autoNumber"],
        custom=entry["custom"],
        values=tuple(value["value"] for value in entry["picklistValues"] if value["active"]),
        references=tuple(entry["referenceTo"]),
        relationship=entry["relationshipName"],
    )
