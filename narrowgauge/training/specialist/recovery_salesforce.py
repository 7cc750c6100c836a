"""Salesforce calls that go wrong as people and models get them wrong, made out of right ones.

Each rule takes a right call in the form of `docs/eval.md` and returns one that an organisation should refuse,
or None where the call has nothing that the rule could break. Whether it is refused is found out by sending
it.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from narrowgauge.training.specialist.salesforce_requests import Request
from narrowgauge.v1.catalogue_pb2 import Catalogue, Entity, EntityField

__all__ = ["broken_calls"]

Call = dict[str, Any]

_FIELD_SYNONYMS = {
    "StageName": ("Stage", "Stage_Name", "SalesStage", "Status"),
    "CloseDate": ("ClosingDate", "ExpectedCloseDate", "Close_Date__c"),
    "Amount": ("Value", "DealSize", "Amount__c", "TotalAmount"),
    "LastName": ("Surname", "Last_Name", "FamilyName"),
    "FirstName": ("GivenName", "First_Name"),
    "Phone": ("PhoneNumber", "Telephone", "BusinessPhone", "WorkPhone"),
    "MobilePhone": ("Mobile", "CellPhone", "Cell"),
    "Email": ("EmailAddress", "Mail", "E_Mail"),
    "BillingCity": ("City", "Town", "BillingTown"),
    "BillingCountry": ("Country", "CountryName"),
    "BillingState": ("State", "Province"),
    "MailingCity": ("City", "MailingTown"),
    "Subject": ("Title", "Topic", "Name"),
    "Priority": ("Urgency", "CasePriority", "Severity"),
    "Status": ("State", "CaseStatus", "Status_Name"),
    "Description": ("Details", "Comment", "Note"),
    "Name": ("Title", "FullName", "RecordName"),
    "Company": ("CompanyName", "AccountName", "Organization"),
    "LeadSource": ("Source", "Lead_Source"),
    "Industry": ("Sector", "IndustryType"),
    "AnnualRevenue": ("Revenue", "YearlyRevenue"),
    "NumberOfEmployees": ("Employees", "EmployeeCount", "Headcount"),
    "Website": ("Url", "WebSite__c", "Homepage"),
    "ActivityDate": ("DueDate", "Date", "TaskDate"),
    "OwnerId": ("Owner", "AssignedTo", "OwnerName"),
    "SuppliedCompany": ("Company", "CustomerName", "Customer"),
    "CreatedDate": ("Created", "CreatedAt", "DateCreated"),
    "Rating": ("Temperature", "Score"),
    "Type": ("Kind", "RecordType", "AccountType"),
    "NextStep": ("Next_Step", "NextAction"),
    "ProductCode": ("Code", "Sku"),
    "BudgetedCost": ("Budget", "PlannedCost"),
    "StartDate": ("Start", "BeginDate"),
    "EndDate": ("End", "FinishDate"),
}
_OBJECT_SYNONYMS = {
    "Account": ("Customer", "Company", "Accounts", "Client__c"),
    "Contact": ("Person", "Contacts", "ContactPerson"),
    "Opportunity": ("Deal", "Opportunities", "Deals", "Opp"),
    "Lead": ("Prospect", "Leads", "Lead__c"),
    "Case": ("Ticket", "SupportCase", "Cases", "Issue"),
    "Task": ("ToDo", "Tasks", "Activity__c"),
    "Event": ("Meeting", "Appointment", "CalendarEvent"),
    "Campaign": ("MarketingCampaign", "Campaigns"),
    "Product2": ("Product", "Products", "Item"),
    "Renewal__c": ("Renewal", "Renewals__c", "RenewalContract"),
}
_READ_ONLY = (
    "CreatedDate",
    "LastModifiedDate",
    "CreatedById",
    "IsDeleted",
    "SystemModstamp",
    "LastActivityDate",
)
_CLOSED = {"Case": "IsClosed", "Opportunity": "IsClosed", "Task": "IsClosed", "Lead": "IsConverted"}
_NUMBERS = frozenset(("currency", "percent", "double", "int", "long"))
_DATES = frozenset(("date", "datetime"))
_SHORT_TEXTS = frozenset(
    (
        *("Phone", "Fax", "MobilePhone", "BillingCity", "ShippingCity", "MailingCity", "City", "Country"),
        *("FirstName", "LastName", "BillingCountry", "BillingState", "PostalCode", "BillingPostalCode"),
        *("ProductCode", "Title", "Department", "Salutation", "SuppliedPhone", "HomePhone", "AssistantName"),
    )
)
_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July", "August", "September", "October"),
    *("November", "December"),
)


def broken_calls(request: Request, catalogue: Catalogue, rng: random.Random) -> Iterator[tuple[str, Call]]:
    """Yields kinds of errors with a call that has one, in random order.

    Args:
        request: A request with its right call.
        catalogue: Of its organisation.
        rng: Draws.
    """
    entities = {entity.name: entity for entity in catalogue.entities}
    rules = list(_RULES.items())
    rng.shuffle(rules)
    for kind, rule in rules:
        call: Call = {"operation": request.operation, **copy.deepcopy(dict(request.call))}
        broken = rule(call, request, entities, rng)
        if broken is not None:
            yield kind, broken


_Entities = Mapping[str, Entity]
_Rule = Callable[[Call, Request, _Entities, random.Random], Call | None]


def _field(call: Call, entities: _Entities, name: str) -> EntityField | None:
    entity = entities.get(call["object"])
    return next((f for f in entity.fields if f.name == name), None) if entity is not None else None


def _written(call: Call, entities: _Entities, *types: str) -> list[str]:
    """Names of the fields of some types that a call writes with a value."""
    if call["operation"] not in ("create", "update", "upsert"):
        return []
    result = []
    for name, value in call["fields"].items():
        field = _field(call, entities, name)
        if field is not None and value is not None and (not types or field.type in types):
            result.append(name)
    return result


def _compared(call: Call, entities: _Entities, *types: str) -> list[list[Any]]:
    """Plain conditions of a query on the object's own fields of some types."""
    result = []
    for condition in call.get("where") or []:
        if isinstance(condition, list):
            field = _field(call, entities, condition[0])
            if field is not None and field.type in types:
                result.append(condition)
    return result


def _bad_picklist(call: Call, request: Request, entities: _Entities, rng: random.Random) -> Call | None:
    names = _written(call, entities, "picklist", "multipicklist")
    if not names:
        return None
    name = rng.choice(names)
    value = str(call["fields"][name])
    words = value.replace("/", " ").replace("-", " ").split()
    field = _field(call, entities, name)
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


def _renamed(name: str, rng: random.Random) -> str:
    forms = [*_FIELD_SYNONYMS.get(name, ()), f"{name}__c" if not name.endswith("__c") else name[:-3]]
    if len(name) > 4 and not name.endswith("__c"):
        at = rng.randrange(1, len(name) - 1)
        forms.append(name[:at] + name[at + 1 :])
    return rng.choice(forms)


def _unknown_field(call: Call, request: Request, entities: _Entities, rng: random.Random) -> Call | None:
    if call["operation"] == "query":
        places = [("select", index) for index, name in enumerate(call["select"]) if "(" not in name]
        places += [
            ("where", index) for index, item in enumerate(call.get("where") or []) if type(item) is list
        ]
        places += [("order_by", index) for index, _ in enumerate(call.get("order_by") or [])]
        if not places:
            return None
        part, index = rng.choice(places)
        old = call[part][index] if part == "select" else call[part][index][0]
        head, dot, name = str(old).rpartition(".")
        if name == "Id" or "(" in name:
            return None
        new = f"{head}{dot}{_renamed(name, rng)}"
        if part == "select":
            call["select"][index] = new
        else:
            call[part][index][0] = new
        return call
    fields = call.get("fields")
    if isinstance(fields, list):
        if not fields:
            return None
        index = rng.randrange(len(fields))
        fields[index] = _renamed(fields[index], rng)
        return call
    if not isinstance(fields, dict) or not fields:
        return None
    name = rng.choice(list(fields))
    if "." in name:
        return None
    new = _renamed(name, rng)
    call["fields"] = {new if key == name else key: value for key, value in fields.items()}
    return call


def _missing_required(call: Call, request: Request, entities: _Entities, rng: random.Random) -> Call | None:
    if call["operation"] != "create" or len(call["fields"]) < 2:
        return None
    entity = entities[call["object"]]
    required = [f.name for f in entity.fields if not f.nullable and f.name in call["fields"]]
    names = required or list(call["fields"])
    del call["fields"][rng.choice(names)]
    return call


def _malformed_date(call: Call, request: Request, entities: _Entities, rng: random.Random) -> Call | None:
    names = _written(call, entities, *_DATES)
    if not names:
        return None
    name = rng.choice(names)
    call["fields"][name] = _odd_date(str(call["fields"][name]), rng)
    return call


def _odd_date(value: str, rng: random.Random) -> str:
    year, month, day = value[:4], value[5:7], value[8:10]
    return rng.choice(
        (
            f"{day}/{month}/{year}",
            f"{month}/{day}/{year}",
            f"{day}.{month}.{year}",
            f"{_MONTHS[int(month) - 1]} {int(day)}",
            f"{int(day)} {_MONTHS[int(month) - 1]} {year}",
            f"{year}-{int(month)}-{int(day)}",
            f"{year}/{month}/{day}",
            rng.choice(("next Friday", "tomorrow", "end of month", "next week", "TODAY", "asap")),
            f"{year}-{month}-32",
            f"{year}-13-{day}",
        )
    )


def _number_as_text(call: Call, request: Request, entities: _Entities, rng: random.Random) -> Call | None:
    names = _written(call, entities, *_NUMBERS)
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


def _flag_as_text(call: Call, request: Request, entities: _Entities, rng: random.Random) -> Call | None:
    names = _written(call, entities, "boolean")
    if not names:
        return None
    name = rng.choice(names)
    call["fields"][name] = rng.choice(("yes", "Active", "on", "1")) if call["fields"][name] else "no"
    return call


def _out_of_range(call: Call, request: Request, entities: _Entities, rng: random.Random) -> Call | None:
    names = _written(call, entities, "int")
    if not names:
        return None
    call["fields"][rng.choice(names)] = rng.choice((9999999999, 2147483648, 4000000000, 10**12))
    return call


def _bad_email(call: Call, request: Request, entities: _Entities, rng: random.Random) -> Call | None:
    names = _written(call, entities, "email")
    if not names:
        return None
    name = rng.choice(names)
    value = str(call["fields"][name])
    user, _, host = value.partition("@")
    forms = (user, f"{user} at {host}", f"{user}@{host.partition('.')[0]}", f"{user}{host}", f"{user}@")
    call["fields"][name] = rng.choice(forms)
    return call


def _too_long(call: Call, request: Request, entities: _Entities, rng: random.Random) -> Call | None:
    names = [name for name in _written(call, entities) if name in _SHORT_TEXTS]
    if not names:
        return None
    name = rng.choice(names)
    value = str(call["fields"][name])
    tail = rng.choice(("as said in the request", "according to the customer, to be confirmed", request.text))
    text = f"{value} ({tail}; {request.text}; {request.text})"
    call["fields"][name] = text[: rng.randint(90, 160)]
    return call


def _wrong_record_type(call: Call, request: Request, entities: _Entities, rng: random.Random) -> Call | None:
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


def _wrong_reference(call: Call, request: Request, entities: _Entities, rng: random.Random) -> Call | None:
    """An id in the reference field of another object."""
    names = _written(call, entities, "reference")
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


def _read_only(call: Call, request: Request, entities: _Entities, rng: random.Random) -> Call | None:
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


def _duplicate(call: Call, request: Request, entities: _Entities, rng: random.Random) -> Call | None:
    """A record created anew whose external id another one has."""
    if call["operation"] != "upsert":
        return None
    key = call.pop("external_id")
    # Without a name it would be refused for that.
    fields = {"Name": key["value"], key["field"]: key["value"], **call["fields"]}
    return {**call, "operation": "create", "fields": fields}


def _unknown_object(call: Call, request: Request, entities: _Entities, rng: random.Random) -> Call | None:
    names = _OBJECT_SYNONYMS.get(call["object"])
    if names is None:
        return None
    call["object"] = rng.choice(names)
    return call


def _unknown_relationship(
    call: Call, request: Request, entities: _Entities, rng: random.Random
) -> Call | None:
    if call["operation"] != "query":
        return None
    changed = False
    step = rng.choice(
        ("Accounts", "Company", "AccountId", "Customer__r", "Parent_Account", "OwnerId", "Client")
    )
    for item in [*(call.get("where") or []), *(call.get("order_by") or [])]:
        if isinstance(item, list) and "." in str(item[0]):
            item[0] = f"{step}.{str(item[0]).partition('.')[2]}"
            changed = True
    for index, name in enumerate(call["select"]):
        if "." in name and "(" not in name:
            call["select"][index] = f"{step}.{name.partition('.')[2]}"
            changed = True
    return call if changed else None


def _ungrouped(call: Call, request: Request, entities: _Entities, rng: random.Random) -> Call | None:
    if call["operation"] != "query":
        return None
    if call.get("group_by"):
        call.pop("group_by")
        return call
    if any("(" in name for name in call["select"]):
        call["select"].insert(0, rng.choice(("Name", "Id", "CreatedDate", "OwnerId")))
        return call
    return None


def _compared_type(call: Call, request: Request, entities: _Entities, rng: random.Random) -> Call | None:
    """A text where a query compares a number, a date or a truth value."""
    if call["operation"] != "query":
        return None
    conditions = _compared(call, entities, *_NUMBERS, *_DATES, "boolean")
    conditions = [c for c in conditions if c[2] is not None and not isinstance(c[2], list)]
    if not conditions:
        return None
    condition = rng.choice(conditions)
    value = condition[2]
    if isinstance(value, bool):
        condition[2] = "yes" if value else "no"
    elif isinstance(value, int | float):
        condition[2] = rng.choice((f"{value:,.0f}", f"{value / 1000:g}k", f"${value:g}"))
    else:
        text = str(value)
        condition[2] = _odd_date(text, rng) if text[:1].isdigit() else text.lower().replace("_", " ")
    return call


def _unfilterable(call: Call, request: Request, entities: _Entities, rng: random.Random) -> Call | None:
    """A long text in a condition or an order, which Salesforce cannot search."""
    if call["operation"] != "query" or _field(call, entities, "Description") is None:
        return None
    conditions = _compared(call, entities, "string", "picklist", "combobox", "phone", "email", "url")
    if not conditions or rng.random() < 0.2:
        if not call.get("order_by"):
            return None
        call["order_by"][0][0] = "Description"
        return call
    rng.choice(conditions)[0] = "Description"
    return call


_RULES: dict[str, _Rule] = {
    "bad_picklist": _bad_picklist,
    "unknown_field": _unknown_field,
    "missing_required": _missing_required,
    "malformed_date": _malformed_date,
    "number_as_text": _number_as_text,
    "flag_as_text": _flag_as_text,
    "number_out_of_range": _out_of_range,
    "bad_email": _bad_email,
    "text_too_long": _too_long,
    "wrong_record_type": _wrong_record_type,
    "wrong_reference": _wrong_reference,
    "read_only_field": _read_only,
    "duplicate": _duplicate,
    "unknown_object": _unknown_object,
    "unknown_relationship": _unknown_relationship,
    "ungrouped_field": _ungrouped,
    "compared_type": _compared_type,
    "unfilterable_field": _unfilterable,
}
