"""Requests on a Salesforce organisation with the call that each means, in the form of `docs/eval.md`."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from narrowgauge.demo.names import companies, people
from narrowgauge.training.specialist.noise import roughen
from narrowgauge.training.specialist.salesforce_values import Value, record_id, value_of
from narrowgauge.training.specialist.sql_conditions import number_words
from narrowgauge.training.specialist.sql_periods import TODAY, draw_today
from narrowgauge.training.specialist.sql_schema import plural
from narrowgauge.v1.catalogue_pb2 import Catalogue, Entity, EntityField

__all__ = ["COMMON_FIELDS", "Request", "default_columns", "requests"]

_PREFIXES = {
    "Account": "001",
    "Contact": "003",
    "Opportunity": "006",
    "Lead": "00Q",
    "Case": "500",
    "Task": "00T",
    "Event": "00U",
    "Campaign": "701",
    "Product2": "01t",
    "User": "005",
}
_TEXT_TYPES = ("string", "textarea", "phone", "email", "url", "combobox")
_PLAIN_TYPES = (*_TEXT_TYPES, "picklist", "currency", "percent", "int", "double", "date", "boolean")
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


@dataclass(frozen=True)
class Request:
    """A request and the call that it means.

    Attributes:
        text: The request.
        operation: `query`, `get`, `create`, `update`, `upsert` or `delete`.
        call: The rest of the gold call, as in `docs/eval.md`.
        rows: Rows that the request speaks of, when it is one run of a for-each.
        kind: The rule that made it.
        today: The date on which it is asked.
    """

    text: str
    operation: str
    call: Mapping[str, object]
    rows: tuple[Mapping[str, Value], ...] = field(default=())
    kind: str = ""
    today: dt.date = TODAY


def requests(catalogue: Catalogue, *, seed: int, today: dt.date | None = None) -> Iterator[Request]:
    """Yields requests without end; the same seed gives the same requests.

    Args:
        catalogue: Of the organisation.
        seed: Of all that is drawn.
        today: The date on which all are asked; None for a date each.
    """
    rng = random.Random(seed)
    entities = {entity.name: entity for entity in catalogue.entities}
    makers = {
        "create": (_create, 3.0),
        "create_for_row": (_create_for_row, 3.5),
        "update": (_update, 2.0),
        "query": (_query, 4.0),
        "query_top": (_query_top, 0.6),
        "query_count": (_query_count, 1.2),
        "get": (_get, 0.7),
        "delete": (_delete, 0.8),
        "upsert": (_upsert, 0.6),
    }
    while True:
        kind = rng.choices(list(makers), [weight for _, weight in makers.values()])[0]
        entity = _entity(entities, rng)
        asked = today or draw_today(rng)
        made = makers[kind][0](entity, entities, asked, rng)
        if made is not None:
            text, operation, call, rows = made
            yield Request(roughen(" ".join(text.split()), rng), operation, call, rows, kind, asked)


_Entities = Mapping[str, Entity]
_Made = tuple[str, str, dict[str, object], tuple[Mapping[str, Value], ...]] | None
_WEIGHTS = {"Case": 5.0, "Account": 4.0, "Opportunity": 4.0, "Lead": 4.0, "Contact": 3.0, "Task": 3.0}


def _entity(entities: _Entities, rng: random.Random) -> Entity:
    names = [name for name in entities if name not in ("User", "OpportunityContactRole", "CampaignMember")]
    return entities[rng.choices(names, [_WEIGHTS.get(name, 1.0) for name in names])[0]]


def _one(entity: Entity) -> str:
    return (entity.label or entity.name.removesuffix("__c")).lower().replace("_", " ")


def _fields(entity: Entity, rng: random.Random, count: int, *, writable: bool) -> list[EntityField]:
    """Draws fields that people speak of."""
    usable = [
        f for f in entity.fields if f.type in _PLAIN_TYPES and not f.key and not (writable and f.read_only)
    ]
    common = [f for f in usable if f.name in COMMON_FIELDS.get(entity.name, ()) or f.name.endswith("__c")]
    pool = common if common and rng.random() < 0.88 else usable
    return rng.sample(pool, min(count, len(pool)))


def _words(f: EntityField, entity: Entity, rng: random.Random) -> str:
    """How people call a field."""
    label = (f.label or f.name).lower().replace("_", " ").removesuffix(" id")
    label = label.removeprefix(_one(entity) + " ")
    short = {"billingcity": "city", "billingcountry": "country", "mailingcity": "city", "stagename": "stage"}
    short |= {"activitydate": "due date", "annualrevenue": "revenue", "suppliedcompany": "company"}
    return short.get(f.name.lower(), label) if rng.random() < 0.8 else label


def _assignment(f: EntityField, entity: Entity, said: str, rng: random.Random) -> str:
    quote = rng.choice(("", '"', "'")) if f.type in _TEXT_TYPES and " " in said and rng.random() < 0.5 else ""
    quoted = f"{quote}{said}{quote}" if "'" not in said else said
    words = _words(f, entity, rng)
    return rng.choice(("{w} {v}", "{w}: {v}", "{w} = {v}", "{w} set to {v}", "a {w} of {v}")).format(
        w=words, v=quoted
    )


def _list_of(parts: list[str], rng: random.Random) -> str:
    if len(parts) == 1:
        return parts[0]
    return ", ".join(parts[:-1]) + rng.choice((" and ", ", ", ", and ")) + parts[-1]


_CREATE = ("create", "add", "make", "set up", "register", "enter", "record", "new")


def _verb(entity: Entity, rng: random.Random) -> str:
    if entity.name == "Case":
        return rng.choice(("open", "open", "log", "raise", "file", "create", "start"))
    return rng.choice(_CREATE)


def _create(entity: Entity, entities: _Entities, today: dt.date, rng: random.Random) -> _Made:
    values: dict[str, Value] = {}
    company, person = rng.choice(companies()).name, rng.choice(people())
    fields = {f.name: f for f in entity.fields}
    noun, verb = _one(entity), _verb(entity, rng)
    article = "" if verb == "new" else ("an" if noun[0] in "aeiou" else "a")
    head = f"{verb} {article} {rng.choice(('', '', 'new ')) if verb != 'new' else ''}{noun}"
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
    for f in _fields(entity, rng, rng.choice((1, 1, 2, 2, 3)), writable=True):
        if f.name in values:
            continue
        said, values[f.name] = value_of(f, today, rng, (company, person.name))
        if f.name == "Subject" and rng.random() < 0.5:
            said_subject = rng.choice((" about {v}", " titled {v}", ' "{v}"', " for {v}", ": {v}")).format(
                v=said
            )
            head += said_subject
        else:
            parts.append(_assignment(f, entity, said, rng))
    if not values:
        return None
    if entity.name == "Opportunity":
        # A new opportunity needs both; people say when it closes, and begin at the first stage unsaid.
        values.setdefault("StageName", "Prospecting")
        if "CloseDate" not in values:
            said, values["CloseDate"] = value_of(fields["CloseDate"], today, rng)
            head += f" closing {said}"
    tail = rng.choice((" with ", ", ", " with ", " - ")) + _list_of(parts, rng) if parts else ""
    where = rng.choice(("", "", "", " in Salesforce", " in the CRM"))
    return head + where + tail, "create", {"object": entity.name, "fields": _ordered(entity, values)}, ()


def _ordered(entity: Entity, values: Mapping[str, Value]) -> dict[str, Value]:
    """Fields in the catalogue's order: one way to write a record."""
    result = {f.name: values[f.name] for f in entity.fields if f.name in values}
    return result | {name: value for name, value in values.items() if name not in result}


_ROW_NAMES = ("name", "customer", "company", "customer_name", "company_name", "account")
_ROW_TOPICS = {
    "invoice": ("Unpaid invoice", "Overdue invoice", "Invoice follow-up", "Payment reminder"),
    "order": ("Late order", "Order follow-up", "Delayed shipment", "Order review"),
    "ticket": ("Support ticket follow-up", "Escalated ticket", "Ticket review"),
    "": ("Follow-up", "Account review", "Check-in", "Renewal discussion", "Outreach"),
}


def _create_for_row(entity: Entity, entities: _Entities, today: dt.date, rng: random.Random) -> _Made:
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
    noun, verb, adjective, tail = _one(entity), _verb(entity, rng), "", ""
    if name in ("Case", "Task"):
        topic = rng.choice(_ROW_TOPICS[subject_of])
        said_topic = rng.random() < 0.45
        if said_topic:
            tail = rng.choice(
                (' with the subject "{t}"', " about {t}", ' titled "{t}"', " with subject {t}")
            ).format(t=topic)
            values["Subject"] = f"{topic}: {company.name}"
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
    return text, "create", {"object": name, "fields": _ordered(entity, values)}, (row,)


def _update(entity: Entity, entities: _Entities, today: dt.date, rng: random.Random) -> _Made:
    identifier = record_id(_PREFIXES.get(entity.name, "a00"), rng)
    values: dict[str, Value] = {}
    parts: list[str] = []
    for f in _fields(entity, rng, rng.choice((1, 1, 1, 2, 3)), writable=True):
        words = _words(f, entity, rng)
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
    noun = _one(entity)
    if not changed:
        text = f"{_list_of(cleared, rng)} of {noun} {identifier}"
    else:
        verb = rng.choice(
            ("set", "change", "update", "move") if len(changed) == 1 else ("set", "update", "change")
        )
        where = rng.choice(
            (f" on {noun} {identifier}", f" of {noun} {identifier}", f" for {noun} {identifier}")
        )
        text = f"{verb} {_list_of(changed, rng)}{where}"
        if rng.random() < 0.4:
            verb = rng.choice(("update", "change", "edit", "for"))
            text = f"{verb} {noun} {identifier}: {_list_of(changed, rng)}"
        if cleared:
            text += f" and {_list_of(cleared, rng)}"
    call: dict[str, object] = {"object": entity.name, "record_id": identifier}
    call["fields"] = _ordered(entity, values)
    return text, "update", call, ()


def _get(entity: Entity, entities: _Entities, today: dt.date, rng: random.Random) -> _Made:
    identifier = record_id(_PREFIXES.get(entity.name, "a00"), rng)
    fields = _fields(entity, rng, rng.choice((0, 0, 1, 2)), writable=False)
    verb = rng.choice(("show", "get", "show me", "read", "open", "fetch", "look up", "pull up"))
    if fields:
        names = _list_of([_words(f, entity, rng) for f in fields], rng)
        text = rng.choice(("{v} the {n} of {o} {i}", "{v} {n} for {o} {i}", "what is the {n} of {o} {i}"))
        text = text.format(v=verb, n=names, o=_one(entity), i=identifier)
    else:
        text = f"{verb} {rng.choice(('', 'the '))}{_one(entity)} {identifier}"
    return (
        text,
        "get",
        {"object": entity.name, "record_id": identifier, "fields": [f.name for f in fields]},
        (),
    )


def _delete(entity: Entity, entities: _Entities, today: dt.date, rng: random.Random) -> _Made:
    identifier = record_id(_PREFIXES.get(entity.name, "a00"), rng)
    verb = rng.choice(("delete", "remove", "erase", "get rid of", "drop"))
    noun = f"{_one(entity)} {rng.choice(('', 'record ', 'with id '))}{identifier}"
    return (
        f"{verb} {rng.choice(('', 'the '))}{noun}",
        "delete",
        {"object": entity.name, "record_id": identifier},
        (),
    )


def _upsert(entity: Entity, entities: _Entities, today: dt.date, rng: random.Random) -> _Made:
    owners = [e for e in entities.values() if any(f.external_id for f in e.fields)]
    if not owners:
        return None
    entity = rng.choice(owners)
    key = next(f for f in entity.fields if f.external_id)
    said_key, stored_key = value_of(key, today, rng)
    values: dict[str, Value] = {}
    parts: list[str] = []
    for f in _fields(entity, rng, rng.choice((1, 2)), writable=True):
        if f.name != key.name:
            said, values[f.name] = value_of(f, today, rng)
            parts.append(_assignment(f, entity, said, rng))
    if not values:
        return None
    verb = rng.choice(("upsert", "create or update", "add or update", "sync", "insert or update"))
    words = _words(key, entity, rng)
    text = f"{verb} {rng.choice(('', 'the '))}{_one(entity)} with {words} {said_key}: {_list_of(parts, rng)}"
    external = {"field": key.name, "value": stored_key}
    return (
        text,
        "upsert",
        {"object": entity.name, "external_id": external, "fields": _ordered(entity, values)},
        (),
    )


_OPERATORS = {
    ">": ("over", "above", "more than", "greater than"),
    "<": ("under", "below", "less than"),
    ">=": ("at least", "from"),
    "<=": ("at most", "up to"),
}
_DATE_LITERALS = {
    "TODAY": "today",
    "YESTERDAY": "yesterday",
    "THIS_WEEK": "this week",
    "LAST_WEEK": "last week",
    "THIS_MONTH": "this month",
    "LAST_MONTH": "last month",
    "NEXT_MONTH": "next month",
    "THIS_QUARTER": "this quarter",
    "THIS_YEAR": "this year",
    "LAST_YEAR": "last year",
    "LAST_N_DAYS:7": "in the last 7 days",
    "LAST_N_DAYS:30": "in the last 30 days",
    "NEXT_N_DAYS:30": "in the next 30 days",
}


_STATES = ("IsClosed", "IsWon", "IsEscalated", "IsActive", "Status", "StageName")


def _condition(entity: Entity, today: dt.date, rng: random.Random) -> tuple[str, str, list[object]] | None:
    """Returns words before the noun, words after it, and the condition."""
    flags = {
        "Opportunity": (("open", "IsClosed", False), ("won", "IsWon", True), ("closed", "IsClosed", True)),
        "Case": (
            ("open", "IsClosed", False),
            ("closed", "IsClosed", True),
            ("escalated", "IsEscalated", True),
        ),
        "Task": (("open", "IsClosed", False), ("completed", "IsClosed", True)),
        "Campaign": (("active", "IsActive", True), ("inactive", "IsActive", False)),
        "Product2": (("active", "IsActive", True),),
    }.get(entity.name, ())
    if flags and rng.random() < 0.4:
        word, name, flag = rng.choice(flags)
        return word, "", [name, "=", flag]
    chosen = _fields(entity, rng, 1, writable=False)
    # People are found by first and last name.
    if not chosen or (chosen[0].name == "Name" and entity.name in ("Contact", "Lead")):
        return None
    f = chosen[0]
    words = _words(f, entity, rng)
    if f.type in ("currency", "percent", "int", "double"):
        said, number = value_of(f, today, rng)
        operator = rng.choice((">", ">", "<", ">=", "<="))
        return "", f"with {words} {rng.choice(_OPERATORS[operator])} {said}", [f.name, operator, number]
    if f.type in ("date", "datetime"):
        literal, said = rng.choice(list(_DATE_LITERALS.items()))
        verb = {"CloseDate": "closing", "ActivityDate": "due"}.get(f.name, f"with {words}")
        return "", f"{verb} {said}", [f.name, "=", literal]
    if f.type == "boolean":
        return None
    said, stored = value_of(f, today, rng)
    if f.type == "picklist":
        if f.name == "Priority":
            return f"{said.lower()} priority", "", [f.name, "=", stored]
        forms = ["with {w} {v}", "whose {w} is {v}", "in {w} {v}", "where {w} is {v}"]
        if f.name in ("Industry", "LeadSource", "StageName", "Rating", "Type"):
            forms += ["with a {w} of {v}", "in the {v} {w}"]
        return "", rng.choice(forms).format(w=words, v=said), [f.name, "=", stored]
    if f.type in ("textarea",) or not isinstance(stored, str):
        return None
    if f.name.endswith(("City", "Country")):
        return "", rng.choice(("in {v}", "from {v}", "based in {v}")).format(v=said), [f.name, "=", stored]
    if rng.random() < 0.25:
        part = said.split()[0]
        return "", f"whose {words} contains {part}", [f.name, "LIKE", f"%{part}%"]
    form = (
        rng.choice(("named {v}", "called {v}"))
        if f.name == "Name"
        else rng.choice(("with {w} {v}", "whose {w} is {v}"))
    )
    return "", form.format(w=words, v=said), [f.name, "=", stored]


def _conditions(
    entity: Entity, today: dt.date, rng: random.Random, counts: tuple[int, ...]
) -> tuple[str, str, list[object]]:
    before = ""
    after: list[str] = []
    where: list[list[object]] = []
    for _ in range(rng.choice(counts)):
        made = _condition(entity, today, rng)
        if made is None or any(made[2][0] == other[0] for other in where) or (before and made[0]):
            continue
        # `completed tasks whose status is …`: one of the two would do.
        if sum(item[0] in _STATES for item in (*where, made[2])) > 1:
            continue
        before = before or made[0]
        after += [made[1]] if made[1] else []
        where.append(made[2])
    return before, " and ".join(after), list(where)


_SHOW = (
    "list",
    "show",
    "show me",
    "find",
    "get",
    "give me",
    "look up",
    "pull",
    "search for",
    "which are",
    "fetch",
)


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


def _columns(entity: Entity, rng: random.Random) -> tuple[str, list[str]]:
    if rng.random() < 0.6:
        return "", default_columns(entity)
    fields = _fields(entity, rng, rng.choice((1, 2, 2, 3)), writable=False)
    return _list_of([_words(f, entity, rng) for f in fields], rng), [f.name for f in fields]


def _query(entity: Entity, entities: _Entities, today: dt.date, rng: random.Random) -> _Made:
    before, after, where = _conditions(entity, today, rng, (0, 1, 1, 2, 2, 3))
    said, select = _columns(entity, rng)
    noun = plural(_one(entity))
    every = rng.choice(("", "", "all ", "the ", "all the "))
    things = f"{every}{before} {noun} {after}"
    show = rng.choice(_SHOW)
    text = f"{show} {things}"
    if said:
        forms = ("{s} the {c} of {t}", "{t}: {c}", "{s} {t} with {c}", "what are the {c} of {t}")
        text = rng.choice(forms).format(s=show, c=said, t=things)
    return text, "query", {"object": entity.name, "select": select, "where": where}, ()


def _query_top(entity: Entity, entities: _Entities, today: dt.date, rng: random.Random) -> _Made:
    keys = [
        f
        for f in entity.fields
        if f.type in ("currency", "int") and f.name in COMMON_FIELDS.get(entity.name, ())
    ]
    created = [f for f in entity.fields if f.name == "CreatedDate"]
    if not keys and not created:
        return None
    before, after, where = _conditions(entity, today, rng, (0, 1, 2))
    said, select = _columns(entity, rng)
    count = rng.choice((1, 3, 5, 5, 10, 10, 20))
    shown = "" if count == 1 else number_words(count, rng)
    noun = _one(entity) if count == 1 else plural(_one(entity))
    if created and (not keys or rng.random() < 0.5):
        word, direction = rng.choice(
            (("newest", "DESC"), ("latest", "DESC"), ("oldest", "ASC"), ("most recent", "DESC"))
        )
        text = f"{rng.choice(_SHOW)} the {shown} {word} {before} {noun} {after}"
        order = ["CreatedDate", direction]
    else:
        f = rng.choice(keys)
        word, direction = rng.choice((("highest", "DESC"), ("largest", "DESC"), ("lowest", "ASC")))
        things = f"{shown} {before} {noun} {after}"
        text = f"{rng.choice(_SHOW)} the {things} with the {word} {_words(f, entity, rng)}"
        order = [f.name, direction]
    if said:
        text += f": {said}"
    call = {"object": entity.name, "select": select, "where": where, "order_by": [order], "limit": count}
    return text, "query", call, ()


def _query_count(entity: Entity, entities: _Entities, today: dt.date, rng: random.Random) -> _Made:
    before, after, where = _conditions(entity, today, rng, (0, 1, 1, 2))
    things = f"{before} {plural(_one(entity))} {after}"
    text = rng.choice(("how many {t} are there", "how many {t} do we have", "count the {t}", "number of {t}"))
    return (
        text.format(t=things),
        "query",
        {"object": entity.name, "select": ["COUNT(Id)"], "where": where},
        (),
    )
