"""Creates, reads, changes and deletes records, with the checks and side effects of Salesforce."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from narrowgauge.demo.derived_fields import IncompleteEvent, derive, format_time
from narrowgauge.demo.record_ids import long_id, record_id
from tool_svc.salesforce.local_server.faults import Fault
from tool_svc.salesforce.local_server.field_values import stored_value
from tool_svc.salesforce.local_server.schema import Field, ObjectType, Schema
from tool_svc.salesforce.local_server.soql_columns import quoted

__all__ = ["Records"]

# Object: children that are deleted with it; children that forbid deleting it.
_CASCADES = {
    "Account": (("Contact", "AccountId"), ("Opportunity", "AccountId")),
    "Campaign": (("CampaignMember", "CampaignId"),),
    "Contact": (("CampaignMember", "ContactId"), ("OpportunityContactRole", "ContactId")),
    "Lead": (("CampaignMember", "LeadId"),),
    "Opportunity": (("OpportunityContactRole", "OpportunityId"),),
}
_RESTRICTS = {"Account": ("Case", "AccountId"), "Contact": ("Case", "ContactId")}


@dataclass(frozen=True)
class Records:
    """The records within one transaction.

    Attributes:
        connection: The organisation's database.
        schema: Its objects.
        user: Id of the user who writes.
        now: Time of the request, in UTC.
    """

    connection: sqlite3.Connection
    schema: Schema
    user: str
    now: datetime

    def find(self, entry: ObjectType, key: str, *, writing: bool = False) -> str:
        """Returns the 18-character id of a record that exists.

        Raises:
            Fault: NOT_FOUND, MALFORMED_ID or ENTITY_IS_DELETED.
        """
        try:
            identity = long_id(key)
        except ValueError:
            if writing:
                raise Fault(400, "MALFORMED_ID", f"Record ID: malformed id {key}", ["Id"]) from None
            raise self._not_found(key) from None
        if not identity.startswith(entry.key_prefix):
            if writing:
                message = f"Record ID: id value of incorrect type: {key}"
                raise Fault(400, "MALFORMED_ID", message, ["Id"])
            raise self._not_found(key)
        row = self.connection.execute(
            f'SELECT "IsDeleted" FROM {quoted(entry.name)} WHERE "Id" = ?',  # noqa: S608
            (identity,),
        ).fetchone()
        if row is None:
            raise self._not_found(key)
        if row[0]:
            raise Fault(404, "ENTITY_IS_DELETED", "entity is deleted", [])
        return identity

    def find_external(self, entry: ObjectType, name: str, value: str) -> str | None:
        """Returns the id of the record with an external id, or None.

        Raises:
            Fault: NOT_FOUND: the field is not an external id.
        """
        field = entry.field(name)
        if field is None or not field.external_id:
            raise self._not_found(name)
        row = self.connection.execute(
            f'SELECT "Id" FROM {quoted(entry.name)} WHERE {quoted(field.name)} = ? AND "IsDeleted" = 0',  # noqa: S608
            (value,),
        ).fetchone()
        return None if row is None else str(row[0])

    def create(self, entry: ObjectType, values: Mapping[str, Any]) -> str:
        """Creates a record and returns its id.

        Raises:
            Fault: The object or a value does not allow it.
        """
        self._allowed(entry, "createable", "inserted")
        record: dict[str, Any] = {field.name: field.default for field in entry.stored}
        changed = self._values(entry, values, creating=True)
        record |= {name: value for name, value in changed.items() if value is not None}
        missing = [field.name for field in entry.stored if _required(field) and record[field.name] is None]
        if missing:
            message = f"Required fields are missing: [{', '.join(missing)}]"
            raise Fault(400, "REQUIRED_FIELD_MISSING", message, missing)
        moment = format_time(self.now)
        identity = record_id(entry.key_prefix, self._next(entry.name))
        record |= {
            "Id": identity,
            "IsDeleted": False,
            "CreatedDate": moment,
            "CreatedById": self.user,
            "LastModifiedDate": moment,
            "LastModifiedById": self.user,
            "SystemModstamp": moment,
        }
        for field in entry.stored:
            if field.auto_number:
                record[field.name] = f"{self._next(f'{entry.name}.{field.name}'):08d}"
            if field.name == "OwnerId" and record["OwnerId"] is None:
                record["OwnerId"] = self.user
        self._derive(entry, record, changed)
        self._check_unique(entry, record, changed, identity)
        names = [field.name for field in entry.stored]
        self.connection.execute(
            f"INSERT INTO {quoted(entry.name)} ({', '.join(map(quoted, names))}) "  # noqa: S608
            f"VALUES ({', '.join('?' * len(names))})",
            [record[name] for name in names],
        )
        return identity

    def update(self, entry: ObjectType, identity: str, values: Mapping[str, Any]) -> None:
        """Changes fields of a record.

        Raises:
            Fault: The object or a value does not allow it.
        """
        self._allowed(entry, "updateable", "updated")
        changed = self._values(entry, values, creating=False)
        before = self._record(entry, identity)
        record = before | changed
        cleared = [
            name
            for name, value in changed.items()
            if value is None and (field := entry.field(name)) is not None and _required(field)
        ]
        if cleared:
            message = f"Required fields are missing: [{', '.join(cleared)}]"
            raise Fault(400, "REQUIRED_FIELD_MISSING", message, cleared)
        self._derive(entry, record, changed)
        self._check_unique(entry, record, changed, identity)
        record |= {
            "LastModifiedDate": format_time(self.now),
            "LastModifiedById": self.user,
            "SystemModstamp": format_time(self.now),
        }
        different = [name for name, value in record.items() if value != before[name]]
        if different:
            self.connection.execute(
                f"UPDATE {quoted(entry.name)} SET {', '.join(f'{quoted(name)} = ?' for name in different)} "  # noqa: S608
                'WHERE "Id" = ?',
                [*(record[name] for name in different), identity],
            )

    def delete(self, entry: ObjectType, identity: str) -> None:
        """Deletes a record and what belongs to it; the rows stay, marked.

        Raises:
            Fault: The object does not allow it, or other records depend on this one.
        """
        self._allowed(entry, "deletable", "deleted")
        restrict = _RESTRICTS.get(entry.name)
        if restrict is not None and self.schema.object(restrict[0]) is not None:
            rows = self.connection.execute(
                f'SELECT "CaseNumber" FROM {quoted(restrict[0])} '  # noqa: S608
                f'WHERE {quoted(restrict[1])} = ? AND "IsDeleted" = 0 ORDER BY "CaseNumber"',
                (identity,),
            ).fetchall()
            if rows:
                name = self._record(entry, identity)["Name"]
                numbers = ", ".join(number for (number,) in rows[:10])
                message = (
                    f"Your attempt to delete {name} could not be completed because it is associated with the "
                    f"following cases.: {numbers}\n"
                )
                raise Fault(400, "DELETE_FAILED", message, [])
        for child, field in _CASCADES.get(entry.name, ()):
            target = self.schema.object(child)
            if target is None:
                continue
            rows = self.connection.execute(
                f'SELECT "Id" FROM {quoted(child)} WHERE {quoted(field)} = ? AND "IsDeleted" = 0',  # noqa: S608
                (identity,),
            ).fetchall()
            for (key,) in rows:
                self.delete(target, key)
        self.connection.execute(
            f'UPDATE {quoted(entry.name)} SET "IsDeleted" = 1, "SystemModstamp" = ? WHERE "Id" = ?',  # noqa: S608
            (format_time(self.now), identity),
        )

    def _values(self, entry: ObjectType, values: Mapping[str, Any], *, creating: bool) -> dict[str, Any]:
        changed: dict[str, Any] = {}
        forbidden: list[str] = []
        for name, value in values.items():
            if name == "attributes":
                continue
            reference = entry.relationship(name)
            if reference is not None and isinstance(value, Mapping):
                changed[reference.name] = self._by_external_id(reference, value)
                continue
            field = entry.field(name)
            if field is None or field.type == "address":
                message = f"No such column '{name}' on sobject of type {entry.name}"
                raise Fault(400, "INVALID_FIELD", message)
            if not (field.createable if creating else field.updateable):
                forbidden.append(field.name)
                continue
            changed[field.name] = stored_value(self.schema, field, value, self._exists)
        if forbidden:
            message = (
                f"Unable to create/update fields: {', '.join(forbidden)}. Please check the security settings "
                "of this field and verify that it is read/write for your profile or permission set."
            )
            raise Fault(400, "INVALID_FIELD_FOR_INSERT_UPDATE", message, forbidden)
        return changed

    def _by_external_id(self, reference: Field, value: Mapping[str, Any]) -> str:
        pairs = [(name, text) for name, text in value.items() if name != "attributes"]
        targets = [target for name in reference.references if (target := self.schema.object(name))]
        if len(pairs) != 1 or len(targets) != 1:
            message = f"{reference.relationship}: a related record is named by one external id"
            raise Fault(400, "INVALID_FIELD", message)
        (name, text), target = pairs[0], targets[0]
        field = target.field(name)
        if field is None or not field.external_id:
            message = f"No such external id '{name}' on sobject of type {target.name}"
            raise Fault(400, "INVALID_FIELD", message)
        found = self.find_external(target, field.name, str(text))
        if found is None:
            message = (
                f"Foreign key external ID: {text} not found for field {field.name} in entity {target.name}"
            )
            raise Fault(400, "INVALID_FIELD", message)
        return found

    def _derive(self, entry: ObjectType, record: dict[str, Any], changed: Mapping[str, Any]) -> None:
        try:
            derive(entry.name, record, changed.keys(), self.now, self._lookup)
        except IncompleteEvent as exc:
            raise Fault(400, "FIELD_INTEGRITY_EXCEPTION", str(exc), ["StartDateTime"]) from exc

    def _check_unique(
        self, entry: ObjectType, record: Mapping[str, Any], changed: Mapping[str, Any], identity: str
    ) -> None:
        for field in entry.stored:
            if not field.unique or field.name not in changed or record[field.name] is None:
                continue
            row = self.connection.execute(
                f'SELECT "Id" FROM {quoted(entry.name)} WHERE {quoted(field.name)} = ? '  # noqa: S608
                'AND "Id" <> ? AND "IsDeleted" = 0',
                (record[field.name], identity),
            ).fetchone()
            if row is not None:
                message = f"duplicate value found: {field.name} duplicates value on record with id: {row[0]}"
                raise Fault(400, "DUPLICATE_VALUE", message, [])

    def _allowed(self, entry: ObjectType, what: str, verb: str) -> None:
        if not entry.describe[what]:
            raise Fault(
                400,
                "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
                f"entity type cannot be {verb}: {entry.describe['label']}",
                [],
            )

    def _record(self, entry: ObjectType, identity: str) -> dict[str, Any]:
        names = [field.name for field in entry.stored]
        row: Sequence[Any] = self.connection.execute(
            f'SELECT {", ".join(map(quoted, names))} FROM {quoted(entry.name)} WHERE "Id" = ?',  # noqa: S608
            (identity,),
        ).fetchone()
        return dict(zip(names, row, strict=True))

    def _lookup(self, identity: str) -> dict[str, Any] | None:
        entry = self.schema.object_of(identity)
        return self._record(entry, identity) if entry is not None and self._exists(identity) else None

    def _exists(self, identity: str) -> bool:
        entry = self.schema.object_of(identity)
        if entry is None:
            return False
        row = self.connection.execute(
            f'SELECT 1 FROM {quoted(entry.name)} WHERE "Id" = ? AND "IsDeleted" = 0',  # noqa: S608
            (identity,),
        ).fetchone()
        return row is not None

    def _next(self, sequence: str) -> int:
        """Counts up a sequence of the organisation."""
        (number,) = self.connection.execute(
            "INSERT INTO _sequence VALUES (?, 1) "
            "ON CONFLICT (name) DO UPDATE SET last = last + 1 RETURNING last",
            (sequence,),
        ).fetchone()
        return int(number)

    def _not_found(self, key: str) -> Fault:
        message = f"Provided external ID field does not exist or is not accessible: {key}"
        return Fault(404, "NOT_FOUND", message)


def _required(field: Field) -> bool:
    return not field.nillable and not field.defaulted and (field.createable or field.updateable)
