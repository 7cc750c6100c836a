"""Requests to make, change, read and delete one record, by rules that cover every field evenly."""

from __future__ import annotations

import datetime as dt
import random

from narrowgauge.demo.names import companies, people
from narrowgauge.training.specialist.salesforce_fields import (
    PREFIXES,
    Entities,
    Made,
    assignment,
    field_words,
    list_of,
    noun_of,
    ordered,
    spoken,
)
from narrowgauge.training.specialist.salesforce_values import Value, record_id, value_of
from narrowgauge.v1.catalogue_pb2 import Entity

__all__ = ["create", "create_for_row", "delete", "get", "update", "upsert"]

_CREATE = ("create", "add", "make", "set up", "register", "enter", "record", "new")


def _verb(entity: Entity, rng: random.Random) -> str:
    if entity.name == "Case":
        return rng.choice(("open", "open", "log", "raise", "file", "create", "start"))
    return rng.choice(_CREATE)


def create(entity: Entity, entities: Entities, today: dt.date, rng: random.Random) -> Made:
    """Makes a record."""
    values: dict[str, Value] = {}
    company, person = rng.choice(companies()).name, rng.choice(people())
    fields = {f.name: f for f in entity.fields}
    noun, verb = noun_of(entity), _verb(entity, rng)
    article = "" if verb == "new" else ("an" if noun[0] in "aeiou" else "a")
    fresh = rng.choice(("", "", "new ")) if verb != "new" else ""
    head = f"{verb} {'a' if fresh else article} {fresh}{noun}"
    if entity.name in ("Lead", "Contact"):
        values |= {"FirstName": person.first_name, "LastName": person.last_name}
        head += rng.choice((" for ", ": ", " named ", " ")) + person.name
        if entity.name == "Lead":
            values["Company"] = company
            head += rng.choice((" at ", " from ", " of ", " with company ")) + company
    elif entity.name == "Case" and rng.random() < 0.6 and "Priority" in fields:
        said, values["Priority"] = value_of(fields["Priority"], today, rng)
        head = f"{verb} {article} {said.lower()} priority {noun}"
    elif "Name" in fields and not fields["Name"].read_only:
        name = (
            f"{company} {rng.choice(('renewal', 'Expansion', 'Pilot', str(today.year)))}"
            if entity.name != "Account"
            else company
        )
        values["Name"] = name
        head += rng.choice((" named {n}", " called {n}", ' "{n}"', " {n}", " for {n}")).format(n=name)
    parts: list[str] = []
    for f in spoken(entity, rng, rng.choice((1, 1, 2, 2, 3)), writable=True):
        if f.name in values:
            continue
        said, values[f.name] = value_of(f, today, rng, (company, person.name))
        if f.name == "Subject" and rng.random() < 0.5:
            said_subject = rng.choice((" about {v}", " titled {v}", ' "{v}"', " for {v}", ": {v}")).format(
                v=said
            )
            head += said_subject
        else:
            parts.append(assignment(f, entity, said, rng))
    if not values:
        return None
    if entity.name == "Opportunity":
        # A new opportunity needs both; people say when it closes, and begin at the first stage unsaid.
        values.setdefault("StageName", "Prospecting")
        if "CloseDate" not in values:
            said, values["CloseDate"] = value_of(fields["CloseDate"], today, rng)
            head += f" closing {said}"
    tail = rng.choice((" with ", ", ", " with ", " - ")) + list_of(parts, rng) if parts else ""
    where = rng.choice(("", "", "", " in Salesforce", " in the CRM"))
    return head + where + tail, "create", {"object": entity.name, "fields": ordered(entity, values)}, ()


_ROW_NAMES = ("name", "customer", "company", "customer_name", "company_name", "account")
_ROW_TOPICS = {
    "invoice": ("Unpaid invoice", "Overdue invoice", "Invoice follow-up", "Payment reminder"),
    "order": ("Late order", "Order follow-up", "Delayed shipment", "Order review"),
    "ticket": ("Support ticket follow-up", "Escalated ticket", "Ticket review"),
    "": ("Follow-up", "Account review", "Check-in", "Renewal discussion", "Outreach"),
}


def create_for_row(entity: Entity, entities: Entities, today: dt.date, rng: random.Random) -> Made:
    """One run of a for-each: the request speaks of `each`, the row says of whom."""
    name = rng.choices(("Case", "Task", "Opportunity", "Lead"), (6, 3, 1, 1))[0]
    if name not in entities:
        return None
    entity = entities[name]
    fields = {f.name: f for f in entity.fields}
    company = rng.choice(companies())
    subject_of = rng.choice(list(_ROW_TOPICS))
    row: dict[str, Value] = {rng.choice(_ROW_NAMES): company.name}
    if rng.random() < 0.75:
        row[rng.choice(("amount", "total", "invoice_amount", "balance", "sum_amount"))] = (
            rng.randint(20000, 4000000) / 100
        )
    if rng.random() < 0.25:
        row[rng.choice(("due_date", "order_date", "issue_date"))] = str(
            today - dt.timedelta(days=rng.randint(2, 51))
        )
    if rng.random() < 0.2:
        row[rng.choice(("city", "country"))] = rng.choice((company.city, company.country))
    items = list(row.items())
    if rng.random() < 0.3:
        rng.shuffle(items)
    row = dict(items)
    values: dict[str, Value] = {}
    each = rng.choice(
        (
            "for each of them",
            "for each",
            "for each customer",
            "for every one of them",
            "for each of these",
            "for each row",
        )
    )
    noun, verb, adjective, tail = noun_of(entity), _verb(entity, rng), "", ""
    if name in ("Case", "Task"):
        topic = rng.choice(_ROW_TOPICS[subject_of])
        said_topic = rng.random() < 0.45
        if said_topic:
            tail = rng.choice(
                (' with the subject "{t}"', " about {t}", ' titled "{t}"', " with subject {t}")
            ).format(t=topic)
            values["Subject"] = topic
        else:
            values["Subject"] = f"Follow-up: {company.name}"
        if rng.random() < 0.6:
            said, values["Priority"] = value_of(fields["Priority"], today, rng)
            adjective = f"{said.lower()} priority "
        if rng.random() < 0.15:
            said, values["Status"] = value_of(fields["Status"], today, rng)
            tail += f" with status {said}"
        if name == "Case":
            values["SuppliedCompany"] = company.name
        elif rng.random() < 0.4:
            said, values["ActivityDate"] = value_of(fields["ActivityDate"], today, rng)
            tail += f" due {said}"
    elif name == "Opportunity":
        values |= {"Name": f"{company.name} renewal", "StageName": "Prospecting"}
        said, values["CloseDate"] = value_of(fields["CloseDate"], today, rng)
        tail = f" closing {said}"
        adjective = "renewal "
    else:
        values |= {"LastName": company.name, "Company": company.name}
    article = "an" if (adjective or noun)[0] in "aeiou" else "a"
    where = rng.choice(("", "", " in Salesforce", " in the CRM"))
    text = f"{verb if verb != 'new' else 'create'} {article} {adjective}{noun}{where}"
    text += f" {each}{tail}" if rng.random() < 0.6 else f"{tail} {each}"
    return text, "create", {"object": name, "fields": ordered(entity, values)}, (row,)


def update(entity: Entity, entities: Entities, today: dt.date, rng: random.Random) -> Made:
    """Changes or clears fields of a record."""
    identifier = record_id(PREFIXES.get(entity.name, "a00"), rng)
    values: dict[str, Value] = {}
    parts: list[str] = []
    for f in spoken(entity, rng, rng.choice((1, 1, 1, 2, 3)), writable=True):
        words = field_words(f, entity, rng)
        if rng.random() < 0.06 and f.nullable and f.type != "boolean":
            values[f.name] = None
            parts.append(f"clear the {words}")
            continue
        said, values[f.name] = value_of(f, today, rng)
        parts.append(rng.choice(("{w} to {v}", "the {w} to {v}", "{w} = {v}")).format(w=words, v=said))
    if not values:
        return None
    cleared = [part for part in parts if part.startswith("clear")]
    changed = [part for part in parts if not part.startswith("clear")]
    noun = noun_of(entity)
    if not changed:
        text = f"{list_of(cleared, rng)} of {noun} {identifier}"
    else:
        verb = rng.choice(
            ("set", "change", "update", "move") if len(changed) == 1 else ("set", "update", "change")
        )
        where = rng.choice(
            (f" on {noun} {identifier}", f" of {noun} {identifier}", f" for {noun} {identifier}")
        )
        text = f"{verb} {list_of(changed, rng)}{where}"
        if rng.random() < 0.4:
            verb = rng.choice(("update", "change", "edit", "for"))
            text = f"{verb} {noun} {identifier}: {list_of(changed, rng)}"
        if cleared:
            text += f" and {list_of(cleared, rng)}"
    call: dict[str, object] = {"object": entity.name, "record_id": identifier}
    call["fields"] = ordered(entity, values)
    return text, "update", call, ()


def get(entity: Entity, entities: Entities, today: dt.date, rng: random.Random) -> Made:
    """Reads a record, some of its fields or all."""
    identifier = record_id(PREFIXES.get(entity.name, "a00"), rng)
    fields = spoken(entity, rng, rng.choice((0, 0, 1, 2)), writable=False)
    verb = rng.choice(("show", "get", "show me", "read", "open", "fetch", "look up", "pull up"))
    if fields:
        names = list_of([field_words(f, entity, rng) for f in fields], rng)
        text = rng.choice(("{v} the {n} of {o} {i}", "{v} {n} for {o} {i}", "what is the {n} of {o} {i}"))
        text = text.format(v=verb, n=names, o=noun_of(entity), i=identifier)
    else:
        text = f"{verb} {rng.choice(('', 'the '))}{noun_of(entity)} {identifier}"
    return (
        text,
        "get",
        {"object": entity.name, "record_id": identifier, "fields": [f.name for f in fields]},
        (),
    )


def delete(entity: Entity, entities: Entities, today: dt.date, rng: random.Random) -> Made:
    """Deletes a record."""
    identifier = record_id(PREFIXES.get(entity.name, "a00"), rng)
    verb = rng.choice(("delete", "remove", "erase", "get rid of", "drop"))
    noun = f"{noun_of(entity)} {rng.choice(('', 'record ', 'with id '))}{identifier}"
    return (
        f"{verb} {rng.choice(('', 'the '))}{noun}",
        "delete",
        {"object": entity.name, "record_id": identifier},
        (),
    )


def upsert(entity: Entity, entities: Entities, today: dt.date, rng: random.Random) -> Made:
    """Changes the record with an external id, or makes it."""
    owners = [e for e in entities.values() if any(f.external_id for f in e.fields)]
    if not owners:
        return None
    entity = rng.choice(owners)
    key = next(f for f in entity.fields if f.external_id)
    said_key, stored_key = value_of(key, today, rng)
    values: dict[str, Value] = {}
    parts: list[str] = []
    for f in spoken(entity, rng, rng.choice((1, 2)), writable=True):
        if f.name != key.name:
            said, values[f.name] = value_of(f, today, rng)
            parts.append(assignment(f, entity, said, rng))
    if not values:
        return None
    verb = rng.choice(("upsert", "create or update", "add or update", "sync", "insert or update"))
    words = field_words(key, entity, rng)
    text = (
        f"{verb} {rng.choice(('', 'the '))}{noun_of(entity)} with {words} {said_key}: {list_of(parts, rng)}"
    )
    external = {"field": key.name, "value": stored_key}
    return (
        text,
        "upsert",
        {"object": entity.name, "external_id": external, "fields": ordered(entity, values)},
        (),
    )
