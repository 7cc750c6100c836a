"""Salesforce records written with values and fields that an organisation refuses."""

from __future__ import annotations

import random
from typing import Any

from narrowgauge.training.specialist.recovery_salesforce_calls import (
    DATES,
    NUMBERS,
    Call,
    Entities,
    field_of,
    odd_date,
    written_fields,
)
from narrowgauge.training.specialist.salesforce_requests import Request

__all__ = [
    "bad_email",
    "bad_picklist",
    "duplicate",
    "flag_as_text",
    "malformed_date",
    "missing_required",
    "number_as_text",
    "out_of_range",
    "read_only",
    "too_long",
    "wrong_record_type",
    "wrong_reference",
]

_READ_ONLY = (
    "CreatedDate",
    "LastModifiedDate",
    "CreatedById",
    "IsDeleted",
    "SystemModstamp",
    "LastActivityDate",
)
_CLOSED = {"Case": "IsClosed", "Opportunity": "IsClosed", "Task": "IsClosed", "Lead": "IsConverted"}
_SHORT_TEXTS = frozenset(
    (
        *("Phone", "Fax", "MobilePhone", "BillingCity", "ShippingCity", "MailingCity", "City", "Country"),
        *("FirstName", "LastName", "BillingCountry", "BillingState", "PostalCode", "BillingPostalCode"),
        *("ProductCode", "Title", "Department", "Salutation", "SuppliedPhone", "HomePhone", "AssistantName"),
    )
)


def bad_picklist(call: Call, request: Request, entities: Entities, rng: random.Random) -> Call | None:
    """Writes a value that is near to one of the picklist and not in it."""
    names = written_fields(call, entities, "picklist", "multipicklist")
    if not names:
        return None
    name = rng.choice(names)
    value = str(call["fields"][name])
    words = value.replace("/", " ").replace("-", " ").split()
    field = field_of(call, entities, name)
    forms = [
        words[0],
        words[-1],
        value.lower(),
        value.upper(),
        f"{value}s",
        f"Very {value}",
        " ".join(words),
        f"In {value}",
        value.replace(" ", "_"),
        rng.choice(
            ("Urgent", "Critical", "Done", "Active", "Open", "P1", "Pending", "Other value", "Prospect")
        ),
    ]
    usable = [form for form in forms if field is not None and form not in field.values]
    if not usable:
        return None
    call["fields"][name] = rng.choice(usable)
    return call


def missing_required(call: Call, request: Request, entities: Entities, rng: random.Random) -> Call | None:
    """Leaves out a field that a new record must have."""
    if call["operation"] != "create" or len(call["fields"]) < 2:
        return None
    entity = entities[call["object"]]
    required = [f.name for f in entity.fields if not f.nullable and f.name in call["fields"]]
    names = required or list(call["fields"])
    del call["fields"][rng.choice(names)]
    return call


def malformed_date(call: Call, request: Request, entities: Entities, rng: random.Random) -> Call | None:
    """Writes a date as people do."""
    names = written_fields(call, entities, *DATES)
    if not names:
        return None
    name = rng.choice(names)
    call["fields"][name] = odd_date(str(call["fields"][name]), rng)
    return call


def number_as_text(call: Call, request: Request, entities: Entities, rng: random.Random) -> Call | None:
    """Writes a number with words, units or commas."""
    names = written_fields(call, entities, *NUMBERS)
    if not names:
        return None
    name = rng.choice(names)
    value = float(call["fields"][name])
    forms = (
        f"{value:,.0f}",
        f"${value:,.0f}",
        f"{value / 1000:g}k",
        f"{value:g} EUR",
        f"{value:g}%",
        f"about {value:g}",
        f"EUR {value:.2f}",
    )
    call["fields"][name] = rng.choice(forms)
    return call


def flag_as_text(call: Call, request: Request, entities: Entities, rng: random.Random) -> Call | None:
    """Writes a truth value as a word."""
    names = written_fields(call, entities, "boolean")
    if not names:
        return None
    name = rng.choice(names)
    call["fields"][name] = rng.choice(("yes", "Active", "on", "1")) if call["fields"][name] else "no"
    return call


def out_of_range(call: Call, request: Request, entities: Entities, rng: random.Random) -> Call | None:
    """Writes a number with more digits than its field holds."""
    names = written_fields(call, entities, "int")
    if not names:
        return None
    call["fields"][rng.choice(names)] = rng.choice((9999999999, 2147483648, 4000000000, 10**12))
    return call


def bad_email(call: Call, request: Request, entities: Entities, rng: random.Random) -> Call | None:
    """Writes an email address without one of its parts."""
    names = written_fields(call, entities, "email")
    if not names:
        return None
    name = rng.choice(names)
    value = str(call["fields"][name])
    user, _, host = value.partition("@")
    forms = (user, f"{user} at {host}", f"{user}@{host.partition('.')[0]}", f"{user}{host}", f"{user}@")
    call["fields"][name] = rng.choice(forms)
    return call


def too_long(call: Call, request: Request, entities: Entities, rng: random.Random) -> Call | None:
    """Writes more text than a short field holds."""
    names = [name for name in written_fields(call, entities) if name in _SHORT_TEXTS]
    if not names:
        return None
    name = rng.choice(names)
    value = str(call["fields"][name])
    tail = rng.choice(("as said in the request", "according to the customer, to be confirmed", request.text))
    text = f"{value} ({tail}; {request.text}; {request.text})"
    call["fields"][name] = text[: rng.randint(90, 160)]
    return call


def wrong_record_type(call: Call, request: Request, entities: Entities, rng: random.Random) -> Call | None:
    """Another object than the one that the id names."""
    if call["operation"] not in ("get", "update", "delete"):
        return None
    others = [n for n in ("Account", "Contact", "Lead", "Opportunity", "Case", "Task") if n != call["object"]]
    call["object"] = rng.choice(others)
    if isinstance(call.get("fields"), dict):
        known = {field.name for field in entities[call["object"]].fields}
        kept = {name: value for name, value in call["fields"].items() if name in known}
        if not kept:
            return None
        call["fields"] = kept
    return call


def wrong_reference(call: Call, request: Request, entities: Entities, rng: random.Random) -> Call | None:
    """An id in the reference field of another object."""
    names = written_fields(call, entities, "reference")
    if not names:
        return None
    name = rng.choice(names)
    references = [
        f.name for f in entities[call["object"]].fields if f.type == "reference" and not f.read_only
    ]
    others = [other for other in references if other not in call["fields"]]
    if not others:
        return None
    new = rng.choice(others)
    call["fields"] = {new if key == name else key: value for key, value in call["fields"].items()}
    return call


def read_only(call: Call, request: Request, entities: Entities, rng: random.Random) -> Call | None:
    """Writes a field that Salesforce keeps itself."""
    if call["operation"] not in ("create", "update", "upsert"):
        return None
    closed = _CLOSED.get(call["object"])
    if closed and rng.random() < 0.4:
        call["fields"][closed] = True
        return call
    name = rng.choice(_READ_ONLY)
    values: dict[str, Any] = {"CreatedById": "0055g000005Uvwx", "IsDeleted": True}
    call["fields"][name] = values.get(
        name, "2026-03-02T09:00:00Z" if name != "LastActivityDate" else "2026-03-02"
    )
    return call


def duplicate(call: Call, request: Request, entities: Entities, rng: random.Random) -> Call | None:
    """A record created anew whose external id another one has."""
    if call["operation"] != "upsert":
        return None
    key = call.pop("external_id")
    # Without a name it would be refused for that.
    fields = {"Name": key["value"], key["field"]: key["value"], **call["fields"]}
    return {**call, "operation": "create", "fields": fields}
