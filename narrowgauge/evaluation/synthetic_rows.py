"""Seeded rows for schemas that come without data, so that queries can be compared by what they return.

After the test suites of Zhong, Yu and Klein (2020), "Semantic Evaluation for Text-to-SQL with Distilled Test
Suites": values of the gold query and their neighbours are among the rows, keys refer to rows that exist, and
several seeds are used, so that two queries that differ are unlikely to agree on all of them.
"""

from __future__ import annotations

import datetime
import random
import re
import sqlite3
from collections.abc import Sequence

from narrowgauge.v1.catalogue_pb2 import Catalogue, Entity, EntityField

__all__ = ["ROWS", "fill"]

ROWS = (31, 47)
"""Fewest and most rows a table: tables of one size would make their counts alike."""

_WORDS = (
    "amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "harbor", "indigo", "jasper", "karst",
    "lotus",
)  # fmt: skip
_NUMBER = re.compile(r"int|num|real|dec|float|double|bool|money|year", re.IGNORECASE)
_DATE = re.compile(r"date|time", re.IGNORECASE)
_ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def fill(
    connection: sqlite3.Connection, catalogue: Catalogue, literals: Sequence[str | float], seed: int
) -> None:
    """Inserts rows into all tables.

    Args:
        connection: An empty database with the catalogue's schema.
        catalogue: Its tables.
        literals: Values that some rows shall have.
        seed: Decides all values.
    """
    rng = random.Random(seed)  # noqa: S311 - test data, not secrets
    keys: dict[str, list[object]] = {}
    connection.execute("PRAGMA foreign_keys = OFF")
    for entity in _parents_first(catalogue):
        rows = rng.randint(*ROWS)
        columns = [_column(entity, field, keys, literals, rng, rows) for field in entity.fields]
        names = ", ".join(_quoted(field.name) for field in entity.fields)
        marks = ", ".join("?" * len(columns))
        # A table whose key has several columns may draw the same one twice: such a row is left out.
        connection.executemany(
            f"INSERT OR IGNORE INTO {_quoted(entity.name)} ({names}) VALUES ({marks})",  # noqa: S608
            zip(*columns, strict=True),
        )
        for field, values in zip(entity.fields, columns, strict=True):
            keys[f"{entity.name}.{field.name}".lower()] = values
    connection.commit()


def _parents_first(catalogue: Catalogue) -> list[Entity]:
    """Orders tables so that references come after what they refer to, as far as that is possible."""
    waiting = list(catalogue.entities)
    names = {entity.name.lower() for entity in waiting}
    done: set[str] = set()
    ordered = []
    while waiting:
        ready = [entity for entity in waiting if _referred(entity) & names <= done | {entity.name.lower()}]
        for entity in ready or waiting[:1]:
            ordered.append(entity)
            done.add(entity.name.lower())
            waiting.remove(entity)
    return ordered


def _referred(entity: Entity) -> set[str]:
    return {name.partition(".")[0].lower() for field in entity.fields for name in field.references}


def _column(
    entity: Entity,
    field: EntityField,
    keys: dict[str, list[object]],
    literals: Sequence[str | float],
    rng: random.Random,
    rows: int,
) -> list[object]:
    for reference in field.references:
        if parents := keys.get(reference.lower()):
            return rng.choices(parents, k=rows)
    sole_key = field.key and sum(other.key for other in entity.fields) == 1
    pool = _pool(field, literals, rng)
    if sole_key:
        distinct = list(dict.fromkeys([*pool, *_fresh(field, rng)]))
        return distinct[:rows]
    values: list[object] = rng.choices(pool, k=rows)
    if field.nullable and not field.key:
        for row in rng.sample(range(rows), 3):
            values[row] = None
    return values


def _pool(field: EntityField, literals: Sequence[str | float], rng: random.Random) -> list[object]:
    """Returns values of which rows are drawn: few, so that groups and ties occur."""
    if _NUMBER.search(field.type):
        numbers = [value for value in literals if isinstance(value, int | float)]
        near = [number + step for number in numbers for step in (-1, 0, 0, 1)]
        return [*near, *(rng.randint(0, 100) for _ in range(12))]
    texts = [value for value in literals if isinstance(value, str)]
    if _DATE.search(field.type) or any(_ISO_DATE.match(text) for text in texts):
        dates = [text for text in texts if _ISO_DATE.match(text)]
        base = datetime.date.fromisoformat(dates[0][:10]) if dates else datetime.date(2020, 6, 15)
        around = [(base + datetime.timedelta(days=rng.randint(-400, 400))).isoformat() for _ in range(12)]
        if _DATE.search(field.type):
            return [*dates, *dates, *around]
    # A pattern such as %lake% stands for a text that matches it; numbers may be compared with a text column.
    plain = [text.replace("%", " ").replace("_", "a").strip() for text in texts if text.strip("%_ ")]
    numbers_as_text = [f"{value:g}" for value in literals if isinstance(value, int | float)]
    longer = [f"{text} {rng.choice(_WORDS)}" for text in plain]
    # About half of the rows have a value of the query, so that several conditions hold together for some.
    return [*texts, *plain * 5, *longer, *numbers_as_text, *rng.sample(_WORDS, 6)]


def _fresh(field: EntityField, rng: random.Random) -> list[object]:
    if _NUMBER.search(field.type):
        return list(range(200, 200 + ROWS[1]))
    start = rng.randint(0, 400)
    return [f"{_WORDS[number % len(_WORDS)]}{number}" for number in range(start, start + ROWS[1])]


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
