"""A record's own describes, added to the catalogue of an organisation.

`catalog` is a list of describes, or an object with one describe a name. A describe has `name` and `fields`;
a field has `name` and `type`, and as in Salesforce's own describes optionally `label`, `picklistValues` (or
`values`), `referenceTo`, `relationshipName`, `nillable`, `externalId`, `createable` and `updateable`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from narrowgauge.contracts.closed_sets import catalogue_hash
from narrowgauge.v1.catalogue_pb2 import Catalogue, Entity

__all__ = ["with_describes"]


def with_describes(catalogue: Catalogue, catalog: Any) -> Catalogue:
    """Returns the catalogue with a record's objects and fields; an object's given fields are added to it.

    Raises:
        KeyError, TypeError: A describe has no name.
    """
    result = Catalogue()
    result.CopyFrom(catalogue)
    entities = {entity.name.lower(): entity for entity in result.entities}
    for describe in _listed(catalog):
        name = str(describe["name"])
        entity = entities.get(name.lower())
        if entity is None:
            entity = result.entities.add(name=name, label=str(describe.get("label", name)))
            entities[name.lower()] = entity
        for field in describe.get("fields", ()):
            _add_field(entity, field)
    _extend_closed_sets(result)
    result.hash = catalogue_hash(result)
    return result


def _listed(catalog: Any) -> list[Mapping[str, Any]]:
    if isinstance(catalog, Mapping):
        if "objects" in catalog:
            return _listed(catalog["objects"])
        if "name" in catalog:
            return [catalog]
        return [
            {"name": name, "fields": value} if isinstance(value, list) else {"name": name, **value}
            for name, value in catalog.items()
        ]
    return list(catalog)


def _add_field(entity: Entity, field: Any) -> None:
    described: Mapping[str, Any] = {"name": field} if isinstance(field, str) else field
    name = str(described["name"])
    known = [other.name.lower() for other in entity.fields]
    if name.lower() in known:
        del entity.fields[known.index(name.lower())]
    values = described.get("values") or [
        item["value"] if isinstance(item, Mapping) else item for item in described.get("picklistValues") or ()
    ]
    writable = bool(described.get("createable", True) or described.get("updateable", True))
    kind = str(described.get("type", "string")).lower()
    entity.fields.add(
        name=name,
        label=str(described.get("label") or name),
        type=kind,
        values=[str(value) for value in values],
        references=_strings(described.get("referenceTo")),
        key=kind == "id",
        nullable=bool(described.get("nillable", True)),
        read_only=not writable or kind == "id",
        external_id=bool(described.get("externalId", False)),
        relationship=str(described.get("relationshipName") or ""),
    )


def _strings(value: Any) -> Sequence[str]:
    return [value] if isinstance(value, str) else list(value or ())


def _extend_closed_sets(catalogue: Catalogue) -> None:
    """Lists new names in the closed sets that the Salesforce tool supplies."""
    entities = {entity.name: entity for entity in catalogue.entities}
    paths, writable, external = [], [], []
    for entity in catalogue.entities:
        for field in entity.fields:
            paths.append(field.name)
            if not field.read_only:
                writable.append(field.name)
            if field.external_id:
                external.append(field.name)
            if field.relationship and len(field.references) == 1 and field.references[0] in entities:
                parent = entities[field.references[0]]
                paths += [f"{field.relationship}.{other.name}" for other in parent.fields]
                writable += [
                    f"{field.relationship}.{other.name}"
                    for other in parent.fields
                    if other.external_id and not field.read_only
                ]
    found = {"field_paths": paths, "writable_fields": writable, "external_id_fields": external}
    sets = {named.name: named for named in catalogue.closed_sets}
    for name, values in found.items():
        known = sets.get(name) or catalogue.closed_sets.add(name=name)
        known.values.extend(value for value in dict.fromkeys(values) if value not in set(known.values))
