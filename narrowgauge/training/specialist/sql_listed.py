"""Questions for a list: the values that a column has, things with one of their columns, all but a kind."""

from __future__ import annotations

import datetime as dt
import random

from narrowgauge.training.specialist.sql_conditions import literal
from narrowgauge.training.specialist.sql_grouped import figure
from narrowgauge.training.specialist.sql_links import free_numbers
from narrowgauge.training.specialist.sql_phrases import (
    SHOW,
    Made,
    draw_column,
    draw_conditions,
    draw_table,
    free_columns,
    join_words,
    name_of,
    noun,
    where,
)
from narrowgauge.training.specialist.sql_schema import Column, Schema, Table, plural

__all__ = ["left_out", "things_with", "which_values"]

_TAILS = (
    *(", {v} ones left out", ", {v} ones excluded", ", not counting {v} ones", ", the {v} ones aside"),
    *(" without the {v} ones", ", leaving out everything {v}", ", nothing {v}", ", but no {v} ones"),
)
_NAMED_TAILS = (
    *(", {k} {v} left out", ", {k} {v} excluded", ", not counting {k} {v}", ", {k} {v} aside"),
    *(", leaving out {v}", ", except {k} {v}", ", but not for {k} {v}"),
)


def which_values(schema: Schema, today: dt.date, rng: random.Random) -> Made:
    """`Which categories are there`: each value once; or the value of each row, which is no such list."""
    found = draw_column(schema, rng, "category", "place")
    if found is None:
        return None
    table, key = found
    phrases = draw_conditions(table, today, rng, (6, 3), (key,))
    rows = noun(table.many, phrases, rng)
    source = f"FROM {table.name}{where(phrases)}"
    if rng.random() < 0.25:
        forms: tuple[str, ...] = (
            "the {k} of each {o}",
            "for each {o} the {k}",
            "{k} of every {o}, one line per {o}",
            "what {k} does each {o} have",
        )
        said = noun(table.one, phrases, rng)
        return rng.choice(forms).format(k=key.words, o=said), f"SELECT {key.sql} {source}"
    forms = (
        "which {k} are there among the {n}",
        "what {k} do the {n} have",
        "which {k} do {n} come in",
        "the {k} that {n} can have",
        "{s} the {k} we have among {n}",
        "what are the {k} of our {n}",
    )
    if key.role == "place":
        forms = (
            "which {k} are the {n} in",
            "in which {k} are there {n}",
            "what {k} do the {n} come from",
            "in what {k} do we have {n}",
            "{s} the {k} that have {n}",
        )
    if not phrases and _alone(key, schema):
        forms = (
            "which {k} are there",
            "what {k} do we have",
            "what {k} are there",
            "name the {k}",
            "{s} the {k} in use",
            "which {k} do we use",
            "what are the possible {k}",
            "our {k}, please",
        )
    text = rng.choice(forms).format(k=plural(key.words), n=rows, s=rng.choice(SHOW[:10]))
    return text, f"SELECT DISTINCT {key.sql} {source}"


def _alone(key: Column, schema: Schema) -> bool:
    """Tells whether nothing else in the schema could be meant by the column's words."""
    columns = [column for table in schema.tables.values() for column in table.columns]
    tables = {table.many for table in schema.tables.values()}
    return sum(column.words == key.words for column in columns) == 1 and plural(key.words) not in tables


def things_with(schema: Schema, today: dt.date, rng: random.Random) -> Made:
    """`Everyone in Oslo with their title`: the name and the column, which no condition is on."""
    table = draw_table(schema, rng)
    name = name_of(table)
    if name is None:
        return _beside(table, today, rng)
    free = [column for column in free_columns(table) if column.sql != name.sql and column.role != "flag"]
    if not free:
        return None
    chosen = rng.sample(free, min(len(free), rng.choice((1, 1, 1, 2))))
    phrases = draw_conditions(table, today, rng, (2, 5, 1), (name, *chosen))
    rows, said = noun(table.many, phrases, rng), join_words([column.words for column in chosen])
    forms = (
        "{n} with their {c}",
        "{s} {n} with their {c}",
        "all {n} and their {c}",
        "{n} along with their {c}",
        "{n}, each with its {c}",
        "every one of the {n} with the {c}",
        "which are the {n}, and what is the {c} of each",
        "{d} of {n}, with the {c}",
        "{n}: {o} and {c}",
        "{n} together with the {c} of each",
    )
    text = rng.choice(forms).format(
        n=rows, c=said, d=plural(name.words), o=name.words, s=rng.choice(SHOW[:10])
    )
    fields = ", ".join(column.sql for column in (name, *chosen))
    return text, f"SELECT {fields} FROM {table.name}{where(phrases)}"


def _beside(table: Table, today: dt.date, rng: random.Random) -> Made:
    """`Ship dates of the delayed parcels, with the carrier`: rows without names, by a column of theirs."""
    free = [column for column in free_columns(table) if column.role != "flag"]
    if len(free) < 2:
        return None
    first, second = rng.sample(free, 2)
    phrases = draw_conditions(table, today, rng, (2, 5, 1), (first, second))
    forms = (
        "{a} of {n}, with the {b}",
        "{s} the {a} of {n} with the {b} of each",
        "{n}: {a}, and the {b} with it",
        "{a} of {n} along with the {b}",
    )
    text = rng.choice(forms).format(
        a=first.words, b=second.words, n=noun(table.many, phrases, rng), s=rng.choice(SHOW[:10])
    )
    return text, f"SELECT {first.sql}, {second.sql} FROM {table.name}{where(phrases)}"


def left_out(schema: Schema, today: dt.date, rng: random.Random) -> Made:
    """`Revenue by channel, cancelled ones left out`: a plain condition, of groups or of a list."""
    table = draw_table(schema, rng)
    keys = [*(c for c in table.of("category") if c.values), *(c for c in table.of("flag"))]
    if not keys:
        return None
    key = rng.choice(keys)
    if key.role == "flag":
        if not key.words.startswith("is ") and " " in key.words:
            return None
        said, test = key.words.removeprefix("is "), f"{key.sql} = FALSE"
    else:
        value = str(rng.choice(key.values))
        said, test = value.replace("_", " "), f"{key.sql} <> {literal(value)}"
    tails = _NAMED_TAILS if said[0].isupper() or said[0].isdigit() else _TAILS
    tail = rng.choice(tails).format(v=said, k=key.words)
    phrases = draw_conditions(table, today, rng, (6, 2), (key,))
    tests = " AND ".join([*(phrase.sql for phrase in phrases), test])
    source = f"FROM {table.name} WHERE {tests}"
    rows = noun(table.many, phrases, rng)
    groups = [column for column in table.of("category", "place") if column.sql != key.sql]
    if groups and rng.random() < 0.6:
        group = rng.choice(groups)
        words, value_sql = figure(free_numbers(table, phrases), rng)
        text = words.format(n=rows) + f" {rng.choice(('per', 'by', 'for each'))} {group.words}{tail}"
        return text, f"SELECT {group.sql}, {value_sql} {source} GROUP BY {group.sql}"
    free = [column for column in free_columns(table) if column.sql != key.sql]
    if not free:
        return None
    chosen = rng.sample(free, min(len(free), rng.choice((1, 2))))
    names = join_words([column.words for column in chosen])
    text = rng.choice(("{s} {c} of {n}{t}", "{c} of {n}{t}", "{n}{t}: {c}"))
    text = text.format(s=rng.choice(SHOW[:10]), c=names, n=rows, t=tail)
    return text, f"SELECT {', '.join(column.sql for column in chosen)} {source}"
