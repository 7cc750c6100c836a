"""Questions about records of the usual objects, by rules that cover every field evenly."""

from __future__ import annotations

import datetime as dt
import random

from narrowgauge.training.specialist.salesforce_fields import (
    COMMON_FIELDS,
    Entities,
    Made,
    default_columns,
    field_words,
    list_of,
    noun_of,
    spoken,
)
from narrowgauge.training.specialist.salesforce_values import value_of
from narrowgauge.training.specialist.sql_conditions import number_words
from narrowgauge.training.specialist.sql_schema import plural
from narrowgauge.v1.catalogue_pb2 import Entity

__all__ = ["query", "query_count", "query_top"]

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
    chosen = spoken(entity, rng, 1, writable=False)
    # People are found by first and last name.
    if not chosen or (chosen[0].name == "Name" and entity.name in ("Contact", "Lead")):
        return None
    f = chosen[0]
    words = field_words(f, entity, rng)
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


def _columns(entity: Entity, rng: random.Random) -> tuple[str, list[str]]:
    if rng.random() < 0.6:
        return "", default_columns(entity)
    fields = spoken(entity, rng, rng.choice((1, 2, 2, 3)), writable=False)
    return list_of([field_words(f, entity, rng) for f in fields], rng), [f.name for f in fields]


def query(entity: Entity, entities: Entities, today: dt.date, rng: random.Random) -> Made:
    """Asks for records, with conditions and columns."""
    before, after, where = _conditions(entity, today, rng, (0, 1, 1, 2, 2, 3))
    said, select = _columns(entity, rng)
    noun = plural(noun_of(entity))
    every = rng.choice(("", "", "all ", "the ", "all the "))
    things = f"{every}{before} {noun} {after}"
    show = rng.choice(_SHOW)
    text = f"{show} {things}"
    if said:
        forms = ("{s} the {c} of {t}", "{t}: {c}", "{s} {t} with {c}", "what are the {c} of {t}")
        text = rng.choice(forms).format(s=show, c=said, t=things)
    return text, "query", {"object": entity.name, "select": select, "where": where}, ()


def query_top(entity: Entity, entities: Entities, today: dt.date, rng: random.Random) -> Made:
    """Asks for the few records that are first in an order."""
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
    noun = noun_of(entity) if count == 1 else plural(noun_of(entity))
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
        text = f"{rng.choice(_SHOW)} the {things} with the {word} {field_words(f, entity, rng)}"
        order = [f.name, direction]
    if said:
        text += f": {said}"
    call = {"object": entity.name, "select": select, "where": where, "order_by": [order], "limit": count}
    return text, "query", call, ()


def query_count(entity: Entity, entities: Entities, today: dt.date, rng: random.Random) -> Made:
    """Asks how many records there are."""
    before, after, where = _conditions(entity, today, rng, (0, 1, 1, 2))
    things = f"{before} {plural(noun_of(entity))} {after}"
    text = rng.choice(("how many {t} are there", "how many {t} do we have", "count the {t}", "number of {t}"))
    return (
        text.format(t=things),
        "query",
        {"object": entity.name, "select": ["COUNT(Id)"], "where": where},
        (),
    )
