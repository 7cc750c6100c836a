"""Fields of the usual objects that people speak of, and what they call objects and fields."""

from __future__ import annotations

import random
from collections.abc import Mapping

from narrowgauge.training.specialist.salesforce_values import Value
from narrowgauge.v1.catalogue_pb2 import Entity, EntityField

__all__ = [
    "COMMON_FIELDS",
    "PREFIXES",
    "TEXT_TYPES",
    "Entities",
    "Made",
    "assignment",
    "default_columns",
    "field_words",
    "list_of",
    "noun_of",
    "ordered",
    "spoken",
]

PREFIXES = {
    "Account": "001",
    "Contact": "003",
    "Opportunity": "006",
    "Lead": "00Q",
    "Case": "500",
    "Task": "00T",
    "Event": "00U",
    "Campaign": "701",
    "CampaignMember": "00v",
    "OpportunityContactRole": "00K",
    "Product2": "01t",
    "User": "005",
    "Renewal__c": "a00",
}
"""The first characters of record ids of the usual objects."""
TEXT_TYPES = ("string", "textarea", "phone", "email", "url", "combobox")
_PLAIN_TYPES = (*TEXT_TYPES, "picklist", "currency", "percent", "int", "double", "date", "boolean")
COMMON_FIELDS = {
    "Account": (
        "Name",
        "Type",
        "Industry",
        "Phone",
        "Website",
        "BillingCity",
        "BillingCountry",
        "Rating",
        "AnnualRevenue",
    ),
    "Contact": ("Name", "FirstName", "LastName", "Email", "Phone", "Title", "Department", "MailingCity"),
    "Lead": (
        "Name",
        "FirstName",
        "LastName",
        "Company",
        "Email",
        "Phone",
        "Status",
        "LeadSource",
        "Industry",
        "City",
        "Country",
    ),
    "Opportunity": (
        "Name",
        "StageName",
        "Amount",
        "CloseDate",
        "Probability",
        "Type",
        "NextStep",
        "LeadSource",
    ),
    "Case": ("Subject", "Priority", "Status", "Origin", "Type", "Reason", "Description", "SuppliedCompany"),
    "Task": ("Subject", "Priority", "Status", "ActivityDate", "Description"),
    "Event": ("Subject", "Location", "ActivityDate", "DurationInMinutes", "Description"),
    "Campaign": ("Name", "Type", "Status", "StartDate", "EndDate", "BudgetedCost", "IsActive"),
    "Product2": ("Name", "ProductCode", "Family", "IsActive"),
    "User": ("Name", "Department", "Title", "IsActive", "Email"),
}
"""Fields of the usual objects that people speak of; others appear now and then, so that none is unknown."""


Entities = Mapping[str, Entity]
Made = tuple[str, str, dict[str, object], tuple[Mapping[str, Value], ...]] | None


def noun_of(entity: Entity) -> str:
    """What people call an object."""
    return (entity.label or entity.name.removesuffix("__c")).lower().replace("_", " ")


def spoken(entity: Entity, rng: random.Random, count: int, *, writable: bool) -> list[EntityField]:
    """Draws fields that people speak of."""
    usable = [
        f for f in entity.fields if f.type in _PLAIN_TYPES and not f.key and not (writable and f.read_only)
    ]
    common = [f for f in usable if f.name in COMMON_FIELDS.get(entity.name, ()) or f.name.endswith("__c")]
    pool = common if common and rng.random() < 0.88 else usable
    return rng.sample(pool, min(count, len(pool)))


def field_words(f: EntityField, entity: Entity, rng: random.Random) -> str:
    """How people call a field."""
    label = (f.label or f.name).lower().replace("_", " ").removesuffix(" id")
    label = label.removeprefix(noun_of(entity) + " ")
    short = {"billingcity": "city", "billingcountry": "country", "mailingcity": "city", "stagename": "stage"}
    short |= {"activitydate": "due date", "annualrevenue": "revenue", "suppliedcompany": "company"}
    return short.get(f.name.lower(), label) if rng.random() < 0.8 else label


def assignment(f: EntityField, entity: Entity, said: str, rng: random.Random) -> str:
    """Says a field with its value."""
    quote = rng.choice(("", '"', "'")) if f.type in TEXT_TYPES and " " in said and rng.random() < 0.5 else ""
    quoted = f"{quote}{said}{quote}" if "'" not in said else said
    words = field_words(f, entity, rng)
    return rng.choice(("{w} {v}", "{w}: {v}", "{w} = {v}", "{w} set to {v}", "a {w} of {v}")).format(
        w=words, v=quoted
    )


def list_of(parts: list[str], rng: random.Random) -> str:
    """Joins words as a list is written."""
    if len(parts) == 1:
        return parts[0]
    return ", ".join(parts[:-1]) + rng.choice((" and ", ", ", ", and ")) + parts[-1]


def ordered(entity: Entity, values: Mapping[str, Value]) -> dict[str, Value]:
    """Fields in the catalogue's order: one way to write a record."""
    result = {f.name: values[f.name] for f in entity.fields if f.name in values}
    return result | {name: value for name, value in values.items() if name not in result}


def default_columns(entity: Entity) -> list[str]:
    """The columns of a request that names none: what a list view shows."""
    wanted = {
        "Case": ["CaseNumber", "Subject", "Status", "Priority"],
        "Task": ["Subject", "Status", "ActivityDate"],
        "Event": ["Subject", "ActivityDate"],
        "Opportunity": ["Name", "StageName", "Amount", "CloseDate"],
        "Lead": ["Name", "Company", "Status"],
        "Contact": ["Name", "Email", "Title"],
        "Account": ["Name", "Industry", "BillingCity"],
    }.get(entity.name, ["Name"])
    names = {f.name for f in entity.fields}
    return ["Id", *(name for name in wanted if name in names)]
