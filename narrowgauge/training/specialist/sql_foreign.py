"""Questions that a schema cannot answer: the usual ones, about columns and tables of other schemas.

They are made by the rules that make all other questions, over the schema with something foreign in it. So
nothing but what the schema holds tells them apart.
"""

from __future__ import annotations

import datetime as dt
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from narrowgauge.training.specialist.sql_grouped import grouped, having, per_month, side_by_side
from narrowgauge.training.specialist.sql_listed import left_out, things_with, which_values
from narrowgauge.training.specialist.sql_matching import matching
from narrowgauge.training.specialist.sql_named import added_up, one_named, top_attribute
from narrowgauge.training.specialist.sql_one_table import (
    aggregate,
    columns,
    count,
    difference,
    distinct,
    rows,
)
from narrowgauge.training.specialist.sql_parents import group_parent, parents_having, parents_with, top_parent
from narrowgauge.training.specialist.sql_phrases import Made, Maker
from narrowgauge.training.specialist.sql_ranked import ranked, sorted_rows, top
from narrowgauge.training.specialist.sql_schema import Column, Link, Schema, Table, plural, singular
from narrowgauge.training.specialist.sql_totals import group_totals, parent_totals

__all__ = ["unanswerable"]

_TRIES = 12
_ONE_TABLE: tuple[Maker, ...] = (
    *(columns, columns, columns, rows, count, aggregate, sorted_rows, sorted_rows),
    *(top, ranked, grouped, having, per_month, side_by_side, difference, distinct),
    *(one_named, one_named, one_named, things_with, things_with, which_values, matching, matching),
    *(added_up, top_attribute, left_out, group_totals),
)
_JOINED: tuple[Maker, ...] = (group_parent, parents_having, parents_with, top_parent, parent_totals)
# Words that say nothing about what they are of.
_EMPTY = {
    "number",
    "date",
    "name",
    "code",
    "type",
    "time",
    "rate",
    "of",
    "in",
    "the",
    "last",
    "total",
    "level",
}
# Other words for the same thing: a schema with one of them can answer for all of them.
_SAME = (
    {"phone", "telephone", "mobile", "tel", "fax", "contact"},
    {"email", "mail"},
    {"address", "street", "zip", "postcode", "postal"},
    {"cost", "price", "fee", "charge", "expense", "budget", "worth"},
    {"margin", "profit", "earning", "revenue", "income"},
    {"age", "birth", "birthday", "dob", "born"},
    {"gender", "sex"},
    {"rating", "review", "score", "star", "rank", "satisfaction"},
    {"supplier", "vendor", "manufacturer", "maker", "producer", "brand"},
    {"website", "url", "homepage", "site", "web"},
    {"weight", "kg", "mass"},
    {"height", "length", "size", "dimension", "width"},
    {"nationality", "country", "origin"},
    {"color", "colour"},
    {"salary", "wage", "pay", "bonus", "commission"},
    {"employee", "staff", "worker", "person", "people"},
    {"visit", "visitor", "traffic", "view"},
    {"comment", "note", "remark", "description", "text"},
    {"language", "speech"},
    {"contract", "agreement"},
)

# Words of a column, and values for conditions; a text is only shown.
_NUMBERS = {
    "profit margin": (5, 10, 20, 30),
    "customer rating": (2, 3, 4, 5),
    "discount": (5, 10, 15, 25),
    "age": (18, 30, 40, 65),
    "height": (50, 120, 180),
    "shipping cost": (10, 25, 80),
    "tax rate": (7, 19, 21),
    "bonus": (500, 1000, 5000),
    "credit limit": (1000, 5000, 20000),
    "number of visitors": (100, 1000, 5000),
    "page views": (100, 1000, 20000),
    "carbon emissions": (10, 50, 200),
    "battery level": (10, 50, 80),
    "mileage": (10000, 50000),
    "fuel consumption": (5, 8, 12),
    "calories": (100, 250, 600),
    "download speed": (10, 50, 100),
    "floor area": (50, 120, 400),
    "sick days": (3, 5, 10),
    "followers": (100, 1000, 10000),
    "temperature": (5, 15, 30),
    "insured sum": (1000, 10000),
    "overtime hours": (5, 10, 40),
    "loyalty points": (100, 500, 2000),
    "horsepower": (90, 150, 300),
    "test score": (50, 70, 90),
    "number of siblings": (1, 2, 3),
    "monthly rent": (500, 900, 2000),
    "forecast": (100, 1000, 5000),
    "lead time": (3, 7, 14),
}
_CATEGORIES = {
    "nationality": ("French", "Japanese", "Brazilian"),
    "gender": ("female", "male"),
    "blood type": ("A", "B", "AB"),
    "colour": ("red", "blue", "black"),
    "marital status": ("single", "married", "divorced"),
    "payment method": ("card", "cash", "transfer"),
    "subscription plan": ("free", "basic", "premium"),
    "currency": ("EUR", "USD", "GBP"),
    "material": ("steel", "wood", "plastic"),
    "risk class": ("low", "medium", "high"),
    "membership tier": ("silver", "gold", "platinum"),
    "time zone": ("CET", "PST", "UTC"),
    "religion": ("none", "Christian", "Muslim"),
    "browser": ("Firefox", "Safari", "Chrome"),
}
_DATES = (
    "birthday",
    "contract end date",
    "warranty expiry",
    "last login",
    "vaccination date",
    "renewal date",
)
_TEXTS = (
    *("phone number", "e-mail address", "website", "street address", "postal code", "tracking number"),
    *(
        "passport number",
        "bank account",
        "tax number",
        "licence plate",
        "twitter handle",
        "emergency contact",
    ),
    *("supplier", "competitor", "serial number", "barcode", "warranty terms", "favourite colour", "hobbies"),
    *(
        "password",
        "ip address",
        "middle name",
        "shoe size",
        "photo",
        "signature",
        "gps position",
        "fingerprint",
    ),
)
_TABLES = {
    "supplier": ("lead time", "risk class"),
    "competitor": ("followers", "nationality"),
    "review": ("customer rating", "browser"),
    "website visit": ("page views", "browser"),
    "campaign": ("discount", "currency"),
    "patient": ("age", "blood type"),
    "flight": ("carbon emissions", "time zone"),
    "hotel booking": ("monthly rent", "payment method"),
    "recipe": ("calories", "material"),
    "vehicle inspection": ("mileage", "colour"),
    "podcast": ("followers", "subscription plan"),
    "football match": ("temperature", "time zone"),
    "lawsuit": ("insured sum", "risk class"),
    "parking permit": ("monthly rent", "colour"),
    "newsletter": ("followers", "subscription plan"),
    "forecast": ("temperature", "time zone"),
    "volcano": ("height", "risk class"),
    "laptop": ("battery level", "colour"),
    "job application": ("test score", "gender"),
    "insurance claim": ("insured sum", "risk class"),
    "warranty claim": ("discount", "material"),
    "training course": ("number of visitors", "payment method"),
    "voucher": ("discount", "membership tier"),
    "meeting": ("number of visitors", "time zone"),
}


def unanswerable(schema: Schema, today: dt.date, rng: random.Random) -> Made:
    """Asks for a column that no table has, or for rows of a table that there is not."""
    known = _stems([said for table in schema.tables.values() for said in _said(table)])
    for _ in range(_TRIES):
        made, foreign = (_other_columns if rng.random() < 0.65 else _other_table)(schema, known, today, rng)
        if made is not None and made[1] is not None and _says(made[0], made[1], foreign):
            return made[0], None
    return None


def _says(text: str, sql: str, foreign: Mapping[str, str]) -> bool:
    """Tells whether a question names something foreign that its query is about.

    `The earliest orders` by a foreign date, or `the most expensive ones` by a foreign cost, are questions
    that the schema's own columns answer.
    """
    # Without its last letter, a word stands in its plural as well.
    return any(name in sql and words.removesuffix(" date")[:-1] in text for name, words in foreign.items())


def _said(table: Table) -> list[str]:
    return [
        table.name,
        table.many,
        *(said for column in table.columns for said in (column.words, column.name)),
    ]


def _stems(texts: Sequence[str]) -> set[str]:
    """Returns the words of names, singular, with all that mean the same."""
    words = {
        singular(word)
        for text in texts
        for word in re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text).lower())
    } - _EMPTY
    for same in _SAME:
        if words & same:
            words |= same
    return words


def _other_columns(
    schema: Schema, known: set[str], today: dt.date, rng: random.Random
) -> tuple[Made, Mapping[str, str]]:
    """Puts foreign columns in place of some of a table's own, and asks."""
    table = rng.choice(list(schema.tables.values()))
    foreign = [column for column in _draw_columns(table.name, rng) if not _stems([column.words]) & known]
    kept = [c for c in table.columns if c.role in ("key", "link", "name") or rng.random() < 0.4]
    altered = replace(table, columns=(*kept, *foreign))
    names = {column.sql: column.words for column in foreign}
    if rng.random() < 0.75:
        return rng.choice(_ONE_TABLE)(schema.with_tables({table.name: altered}), today, rng), names
    return rng.choice(_JOINED)(schema.with_tables({**schema.tables, table.name: altered}), today, rng), names


def _other_table(
    schema: Schema, known: set[str], today: dt.date, rng: random.Random
) -> tuple[Made, Mapping[str, str]]:
    """Asks for rows of a foreign table, alone or beside one of the schema's own."""
    words = rng.choice(list(_TABLES))
    if _stems([words]) & known:
        return None, {}
    name = plural(words).replace(" ", "_")
    held = [column for said in _TABLES[words] for column in [_column(name, said)]]
    date = Column(name, "date", "date", "date", tuple(f"{today.year - 1}-{m:02}-14" for m in range(1, 13)))
    foreign = Table(name, (Column(name, "id", "id", "key", ()), *held, date), words=plural(words))
    if rng.random() < 0.6:
        return rng.choice(_ONE_TABLE)(schema.with_tables({name: foreign}, ()), today, rng), {name: words}
    parent = rng.choice(list(schema.tables.values()))
    link = Link(name, "parent_id", parent.name, parent.columns[0].name)
    linked = replace(foreign, columns=(*foreign.columns, Column(name, "parent_id", parent.one, "link", ())))
    both = schema.with_tables({name: linked, parent.name: parent}, (link,))
    return rng.choice(_JOINED)(both, today, rng), {name: words}


def _draw_columns(table: str, rng: random.Random) -> list[Column]:
    words = [
        rng.choice(list(_NUMBERS)),
        rng.choice(list(_CATEGORIES)),
        rng.choice(_DATES),
        *rng.sample(_TEXTS, 2),
    ]
    return [_column(table, said) for said in rng.sample(words, 3)]


def _column(table: str, words: str) -> Column:
    name = re.sub(r"\W", "_", words)
    if words in _NUMBERS:
        return Column(table, name, words, "number", _NUMBERS[words])
    if words in _CATEGORIES:
        return Column(table, name, words, "category", _CATEGORIES[words])
    if words in _DATES:
        days = tuple(f"{year}-{month:02}-10" for year in (2024, 2025, 2026) for month in (2, 5, 9, 11))
        return Column(table, name, words, "date", days)
    return Column(table, name, words, "text", ())
