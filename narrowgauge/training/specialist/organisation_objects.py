"""Objects for invented organisations: invented ones, and standard ones out of describes that a user has.

`wording/organisation_objects.txt` has an invented object a line: `Label: field; field; …`. A field is its
label and what it holds:

| written | is |
|---|---|
| `auto CV` | the record's name, numbered by the system with this prefix |
| `text A\\|B\\|C` | a text such as these |
| `[A, B]`, `{A, B}` | a picklist of one value, of several |
| `> Account` | a reference to a record of that object |
| `date`, `time`, `number`, `count`, `money`, `percent`, `flag`, `long` | that |
| `person`, `city`, `email`, `phone` | that |
| `key` | an external id |
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

__all__ = [
    "KEPT_FOR_EVALUATION",
    "FieldIdea",
    "ObjectIdea",
    "api_name",
    "describe_of_idea",
    "object_ideas",
    "standard_describes",
]

KEPT_FOR_EVALUATION = frozenset(
    (
        *("Asset", "Contract", "Order", "Quote", "WorkOrder", "ServiceAppointment__c", "Vehicle__c"),
        *("Shipment__c", "Invoice__c", "Training_Course__c", "Job_Application__c", "Site_Visit__c"),
        "Lease__c",
    )
)
"""Objects of the development files, which no training request names."""

_USUAL = ("Account", "Contact", "Opportunity", "Case", "Campaign")
_LINE = re.compile(r"(?P<label>[^:]+): (?P<fields>.+)")
_FIELD = re.compile(
    r"(?P<label>.+?) (?:\[(?P<one>[^\]]+)\]|\{(?P<many>[^}]+)\}|> (?P<target>.+)|auto (?P<prefix>\w+)"
    r"|text (?P<texts>.+)|(?P<kind>date|time|number|count|money|percent|flag|long|person|city|email|phone"
    r"|key))"
)
_TYPES = {
    "auto": "string",
    "text": "string",
    "person": "string",
    "city": "string",
    "key": "string",
    "email": "email",
    "phone": "phone",
    "date": "date",
    "time": "datetime",
    "number": "double",
    "count": "int",
    "money": "currency",
    "percent": "percent",
    "flag": "boolean",
    "long": "textarea",
    "one": "picklist",
    "many": "multipicklist",
    "target": "reference",
}


@dataclass(frozen=True)
class FieldIdea:
    """A field of an invented object.

    Attributes:
        label: As people read it.
        kind: What it holds, by the words of the module's table; `one` and `many` for picklists, `target`.
        values: A picklist's values, texts that it may hold, the prefix of numbers, or the object referred to.
    """

    label: str
    kind: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class ObjectIdea:
    """An invented object; its first field is the record's name."""

    label: str
    fields: tuple[FieldIdea, ...]

    @property
    def targets(self) -> tuple[str, ...]:
        """Names or labels of the objects that it refers to."""
        return tuple(field.values[0] for field in self.fields if field.kind == "target")


@cache
def object_ideas() -> tuple[ObjectIdea, ...]:
    """Returns the invented objects in the order of their file.

    Raises:
        ValueError: A line is of another form.
    """
    text = files("narrowgauge.training.specialist.wording").joinpath("organisation_objects.txt")
    lines = text.read_text(encoding="utf-8").splitlines()
    return tuple(_idea(line) for line in lines if line and not line.startswith("#"))


def _idea(line: str) -> ObjectIdea:
    found = _LINE.fullmatch(line)
    if found is None:
        raise ValueError(f"no object: {line}")
    label, name, rest = found["label"], *_name_and_rest(found["fields"])
    return ObjectIdea(label, (name, *(_field(text) for text in rest)))


def _name_and_rest(fields: str) -> tuple[FieldIdea, list[str]]:
    first, *rest = fields.split("; ")
    return _field(first), rest


def _field(text: str) -> FieldIdea:
    found = _FIELD.fullmatch(text)
    if found is None:
        raise ValueError(f"no field: {text}")
    for kind, separator in (("one", ", "), ("many", ", "), ("texts", "|")):
        if found[kind]:
            values = tuple(found[kind].split(separator))
            return FieldIdea(found["label"], "text" if kind == "texts" else kind, values)
    if found["target"]:
        return FieldIdea(found["label"], "target", (found["target"],))
    if found["prefix"]:
        return FieldIdea(found["label"], "auto", (found["prefix"],))
    return FieldIdea(found["label"], found["kind"])


def api_name(label: str, style: str) -> str:
    """Returns the API name of a custom object or field.

    Args:
        label: As people read it.
        style: `joined` for `FillLevel__c`, another for `Fill_Level__c`.
    """
    words = re.findall(r"[A-Za-z0-9]+", label)
    if style == "joined":
        return "".join(word[0].upper() + word[1:] for word in words) + "__c"
    return "_".join(words) + "__c"


def describe_of_idea(idea: ObjectIdea, rng: random.Random, *, style: str) -> dict[str, Any]:
    """Returns an invented object's describe, in the form of the REST API.

    Some of its fields are left out, and in half of the organisations those that every object has.

    Args:
        idea: The object.
        rng: Source of choice.
        style: Of API names, as `api_name` takes it.
    """
    own = list(idea.fields[1:])
    kept = rng.randint(min(6, len(own)), len(own))
    chosen = [own[place] for place in sorted(rng.sample(range(len(own)), kept))]
    fields: list[dict[str, Any]] = [
        {"name": "Id", "label": f"{idea.label} ID", "type": "id", "nillable": False},
        {
            "name": "Name",
            "label": idea.fields[0].label,
            "type": "string",
            "nillable": False,
            "createable": idea.fields[0].kind != "auto",
        },
    ]
    fields += [_described(field, rng, style) for field in chosen]
    if rng.random() < 0.6:
        fields += _system_fields()
    return {"name": api_name(idea.label, style), "label": idea.label, "fields": fields, "custom": True}


def _described(field: FieldIdea, rng: random.Random, style: str) -> dict[str, Any]:
    name = api_name(field.label, style)
    described: dict[str, Any] = {
        "name": name,
        "label": field.label,
        "type": _TYPES[field.kind],
        "createable": True,
        "updateable": True,
        # A new record must have what is required, so requests have to say it: seldom.
        "nillable": field.kind not in ("one", "date", "money") or rng.random() < 0.93,
        "externalId": field.kind == "key",
    }
    if field.kind in ("one", "many"):
        described["picklistValues"] = [{"value": value, "active": True} for value in field.values]
    if field.kind == "target":
        target = field.values[0]
        described["referenceTo"] = [target if target in _USUAL else api_name(target, style)]
        described["relationshipName"] = name.removesuffix("__c") + "__r"
    return described


def _system_fields() -> list[dict[str, Any]]:
    user = {"type": "reference", "referenceTo": ["User"], "nillable": True}
    return [
        {"name": "OwnerId", "label": "Owner ID", "relationshipName": "Owner", "createable": True, **user},
        {"name": "CreatedDate", "label": "Created Date", "type": "datetime", "nillable": False},
        {"name": "CreatedById", "label": "Created By ID", "relationshipName": "CreatedBy", **user},
        {"name": "LastModifiedDate", "label": "Last Modified Date", "type": "datetime", "nillable": False},
    ]


_SYSTEM = frozenset(
    ("CreatedDate", "CreatedById", "LastModifiedDate", "LastModifiedById", "SystemModstamp", "IsDeleted")
)
# Of the platform's hundreds of objects those that people work with, and that are no part of another one.
_WORKED_WITH = frozenset(
    (
        *("Entitlement", "ServiceContract", "Idea", "Solution", "Pricebook2", "PricebookEntry", "Partner"),
        *(
            "OpportunityLineItem",
            "OpportunityCompetitor",
            "AccountContactRole",
            "CaseMilestone",
            "CaseComment",
        ),
        *("CollaborationGroup", "ContactRequest", "Document", "Note", "Topic", "WorkBadge", "SocialPost"),
        *("WorkBadgeDefinition", "Holiday", "KnowledgeArticle", "Report", "Dashboard", "QuickText"),
        *("TodayGoal", "BusinessHours", "CallCenter", "Community", "ContentWorkspace", "Individual"),
        *("Attachment", "EmailMessage", "UserRole", "WorkThanks", "Product2", "ListEmail"),
    )
)
_STATES = {
    "Status": ("New", "Open", "In Progress", "Completed", "Cancelled"),
    "Type": ("Standard", "Internal", "External", "Other"),
    "Priority": ("Low", "Medium", "High", "Critical"),
    "Category": ("Sales", "Service", "Training", "Other"),
}
_FEWEST_FIELDS, _MOST_FIELDS = 6, 20


def standard_describes(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Returns describes of standard objects that people work with, in the form of the REST API.

    Args:
        rows: Describes as the REST API answers them, or with `fields` that map names to TypeScript's types
            and `parents` that map relationships to objects.
    """
    wanted = (row for row in rows if row["name"] in _WORKED_WITH or not isinstance(row["fields"], Mapping))
    found = [dict(row) if isinstance(row["fields"], list) else _of_types(row) for row in wanted]
    return [row for row in found if len(row["fields"]) >= _FEWEST_FIELDS and not _is_kept_back(row)]


def _is_kept_back(row: Mapping[str, Any]) -> bool:
    """Tells whether it is an object of the development files, or a part of one."""
    name = str(row["name"])
    standard = tuple(kept for kept in KEPT_FOR_EVALUATION if not kept.endswith("__c"))
    return name in KEPT_FOR_EVALUATION or name.startswith(standard)


def _of_types(row: Mapping[str, Any]) -> dict[str, Any]:
    types = {name: str(kind) for name, kind in row["fields"].items()}
    parents = {name: str(kind).removesuffix(" | null") for name, kind in row["parents"].items()}
    names = [name for name in types if name in _SYSTEM or name in ("Id", "Name")]
    names += [name for name in types if name not in names][: _MOST_FIELDS - len(names)]
    fields = [_typed_field(name, types[name], parents) for name in types if name in names]
    return {"name": row["name"], "label": _words(str(row["name"])), "fields": fields}


def _typed_field(name: str, kind: str, parents: Mapping[str, str]) -> dict[str, Any]:
    writable = name not in _SYSTEM and name != "Id"
    # Nothing tells which of them a new record needs, so none is.
    described = {"name": name, "label": _words(name), "createable": writable, "updateable": writable}
    described["nillable"] = True
    plain = kind.removesuffix(" | null")
    relationship = name.removesuffix("Id")
    if name == "Id":
        described["type"] = "id"
    elif relationship != name and relationship in parents:
        described |= {"type": "reference", "referenceTo": [parents[relationship]]}
        described["relationshipName"] = relationship
    elif plain == "boolean":
        described["type"] = "boolean"
    elif plain == "number":
        money = name.endswith(("Amount", "Price", "Cost", "Revenue", "Total"))
        described["type"] = "currency" if money else "percent" if "Percent" in name else "double"
    elif plain == "DateString":
        timed = name in _SYSTEM or not name.endswith("Date")
        described["type"] = "datetime" if timed else "date"
    elif plain == "string":
        values = next((values for end, values in _STATES.items() if name.endswith(end)), ())
        described["type"] = "picklist" if values else "string"
        described["picklistValues"] = [{"value": value, "active": True} for value in values]
    else:
        described["type"] = "complexvalue"
    return described


def _words(name: str) -> str:
    return " ".join(re.findall(r"[A-Z]+(?![a-z])|[A-Z][a-z]+|[a-z]+|\d+", name.removesuffix("2")))
