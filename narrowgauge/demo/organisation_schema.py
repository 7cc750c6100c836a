"""The demo organisation's objects: Salesforce's describes and the SQLite tables that hold the records.

`organisation.json` lists objects and fields briefly; this module writes them out as the describes that the
REST API answers with, which the organisation's database keeps in the table `_describe`.
"""

from __future__ import annotations

import json
import sqlite3
from functools import cache
from importlib.resources import files
from typing import Any

__all__ = ["create_tables", "describes"]

_SYSTEM_FIELDS: tuple[dict[str, Any], ...] = (
    {"name": "IsDeleted", "label": "Deleted", "type": "boolean", "access": "r"},
    {"name": "CreatedDate", "label": "Created Date", "type": "datetime", "access": "r"},
    {
        "name": "CreatedById",
        "label": "Created By ID",
        "type": "reference",
        "references": ["User"],
        "relationship": "CreatedBy",
        "access": "r",
    },
    {"name": "LastModifiedDate", "label": "Last Modified Date", "type": "datetime", "access": "r"},
    {
        "name": "LastModifiedById",
        "label": "Last Modified By ID",
        "type": "reference",
        "references": ["User"],
        "relationship": "LastModifiedBy",
        "access": "r",
    },
    {"name": "SystemModstamp", "label": "System Modstamp", "type": "datetime", "access": "r"},
)

# Holds the key of the call that created the record, so that a repeated call finds it.
_KEY_FIELD: dict[str, Any] = {
    "name": "Narrowgauge_Key__c",
    "label": "Narrowgauge Key",
    "type": "string",
    "length": 200,
    "external_id": True,
    "unique": True,
}

_SOAP_TYPES = {
    "id": "tns:ID",
    "reference": "tns:ID",
    "boolean": "xsd:boolean",
    "int": "xsd:int",
    "double": "xsd:double",
    "currency": "xsd:double",
    "percent": "xsd:double",
    "date": "xsd:date",
    "datetime": "xsd:dateTime",
    "address": "urn:address",
}
_COLUMN_TYPES = {
    "id": "TEXT",
    "reference": "TEXT",
    "boolean": "INTEGER",
    "int": "INTEGER",
    "double": "REAL",
    "currency": "REAL",
    "percent": "REAL",
    "date": "TEXT",
    "datetime": "TEXT",
}
# Salesforce compares text without regard to case.
_TEXT_COLUMN = "TEXT COLLATE NOCASE"
# The field that stands for a record where people read it: the first of these that the object has.
_NAME_FIELDS = ("Name", "CaseNumber", "Subject")
# Set by the organisation when the creator does not.
_ALWAYS_SET = frozenset(
    ("OwnerId", "CreatedDate", "CreatedById", "LastModifiedDate", "LastModifiedById", "SystemModstamp")
)
# Longer text areas can be neither filtered nor sorted.
_LONGEST_FILTERABLE = 255


@cache
def describes() -> tuple[dict[str, Any], ...]:
    """Returns the describe of every object, as `/sobjects/X/describe` answers it. Not to be changed."""
    listed = json.loads(files("narrowgauge.demo").joinpath("organisation.json").read_text())["objects"]
    children: dict[str, list[dict[str, Any]]] = {entry["name"]: [] for entry in listed}
    for entry in listed:
        for field in entry["fields"]:
            for target in field.get("references", ()):
                children[target].append(
                    {
                        "cascadeDelete": False,
                        "childSObject": entry["name"],
                        "deprecatedAndHidden": False,
                        "field": field["name"],
                        "relationshipName": field.get("children"),
                    }
                )
    return tuple(_describe(entry, children[entry["name"]]) for entry in listed)


def create_tables(connection: sqlite3.Connection) -> None:
    """Creates the tables of an empty organisation: one an object, the describes, and the number sequences."""
    connection.execute("CREATE TABLE _describe (name TEXT PRIMARY KEY, position INTEGER, describe TEXT)")
    connection.execute("CREATE TABLE _sequence (name TEXT PRIMARY KEY, last INTEGER NOT NULL)")
    for position, describe in enumerate(describes()):
        name = describe["name"]
        connection.execute("INSERT INTO _describe VALUES (?, ?, ?)", (name, position, json.dumps(describe)))
        columns = [
            f'"{field["name"]}" {_COLUMN_TYPES.get(field["type"], _TEXT_COLUMN)}'
            + (" PRIMARY KEY" if field["type"] == "id" else "")
            for field in describe["fields"]
            if field["type"] != "address"
        ]
        connection.execute(f'CREATE TABLE "{name}" ({", ".join(columns)})')
        for field in describe["fields"]:
            if field["type"] == "reference" or field["unique"]:
                connection.execute(f'CREATE INDEX "{name}_{field["name"]}" ON "{name}" ("{field["name"]}")')


def _describe(entry: dict[str, Any], children: list[dict[str, Any]]) -> dict[str, Any]:
    name = entry["name"]
    writable = entry.get("access") != "r"
    key = {"name": "Id", "label": f"{entry['label']} ID", "type": "id", "access": "r"}
    fields = (key, *entry["fields"], *((_KEY_FIELD,) if writable else ()), *_SYSTEM_FIELDS)
    names = {field["name"] for field in fields}
    named = next((name for name in _NAME_FIELDS if name in names), None)
    base = f"/services/data/v{{version}}/sobjects/{name}"
    return {
        "name": name,
        "label": entry["label"],
        "labelPlural": entry["plural"],
        "keyPrefix": entry["prefix"],
        "custom": name.endswith("__c"),
        "createable": writable,
        "updateable": writable,
        "deletable": writable,
        "queryable": True,
        "retrieveable": True,
        "searchable": True,
        "fields": [_field(field, named == field["name"]) for field in fields],
        "childRelationships": children,
        "recordTypeInfos": [],
        "urls": {"sobject": base, "describe": f"{base}/describe", "rowTemplate": f"{base}/{{ID}}"},
    }


def _field(field: dict[str, Any], is_name: bool) -> dict[str, Any]:
    kind, access = field["type"], field.get("access", "cu")
    compound = kind == "address"
    long_text = kind == "textarea" and field.get("length", 0) > _LONGEST_FILTERABLE
    number = kind in ("int", "double", "currency", "percent")
    required = field.get("required", False)
    return {
        "name": field["name"],
        "label": field["label"],
        "type": kind,
        "soapType": _SOAP_TYPES.get(kind, "xsd:string"),
        "length": 18 if kind in ("id", "reference") else field.get("length", 0),
        "precision": 18 if number and kind != "int" else 0,
        "digits": 9 if kind == "int" else 0,
        "scale": field.get("scale", 0),
        "custom": field["name"].endswith("__c"),
        "createable": "c" in access,
        "updateable": "u" in access,
        "nillable": not required and kind not in ("id", "boolean") and field["name"] not in _ALWAYS_SET,
        "defaultedOnCreate": kind in ("id", "boolean") or "default" in field or field["name"] in _ALWAYS_SET,
        "defaultValue": field.get("default", False if kind == "boolean" and "c" in access else None),
        "filterable": not (compound or long_text),
        "sortable": not (compound or long_text or kind == "multipicklist"),
        "groupable": not (compound or long_text or number or kind in ("datetime", "multipicklist"))
        or kind == "int",
        "aggregatable": not (compound or long_text or kind in ("boolean", "multipicklist")),
        "autoNumber": field.get("auto_number", False),
        "calculated": False,
        "externalId": field.get("external_id", False),
        "idLookup": kind == "id" or field.get("external_id", False),
        "unique": field.get("unique", False),
        "caseSensitive": False,
        "restrictedPicklist": kind in ("picklist", "multipicklist"),
        "picklistValues": [
            {
                "active": True,
                "defaultValue": value == field.get("default"),
                "label": value,
                "validFor": None,
                "value": value,
            }
            for value in field.get("values", ())
        ],
        "referenceTo": field.get("references", []),
        "relationshipName": field.get("relationship"),
        "polymorphicForeignKey": len(field.get("references", ())) > 1,
        "nameField": is_name,
    }
