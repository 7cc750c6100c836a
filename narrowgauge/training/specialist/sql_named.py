"""Questions on rows that are named: what one of them is or has, and several of them at once."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Sequence

from narrowgauge.training.specialist.sql_conditions import literal
from narrowgauge.training.specialist.sql_phrases import (
    SHOW,
    Made,
    draw_conditions,
    draw_table,
    free_columns,
    join_words,
    noun,
    noun_of_one,
    where,
)
from narrowgauge.training.specialist.sql_schema import Column, Schema, Table, plural

__all__ = ["added_up", "one_named", "several_named", "top_attribute"]

_OF_ONE: tuple[str, ...] = (
    "what is the {c} of {v}",
    "what's {v}'s {c}",
    "{c} of {v}",
    "{v}: {c}",
    "{v}'s {c}",
    "which {c} does {v} have",
    "tell me the {c} of {v}",
    "{v}, {c} please",
)


def one_named(schema: Schema, today: dt.date, rng: random.Random) -> Made:
    """`Which city is Acme in`: columns of the row with this name, never an aggregate, never a join."""
    table = draw_table(schema, rng)
    name = table.display
    free = [column for column in free_columns(table) if column.sql != name.sql]
    if name.role != "name" or not name.values or not free:
        return None
    value = str(rng.choice(name.values))
    source = f"FROM {table.name} WHERE {name.sql} = {literal(value)}"
    said = [column for column in free if column.role != "flag"]
    if len(said) > 1 and rng.random() < 0.3:
        chosen = rng.sample(said, 2)
        names = join_words([column.words for column in chosen])
        forms: tuple[str, ...] = (
            "{v}: {c}",
            "what are the {c} of {v}",
            "{s} {c} of {v}",
            "for {v}: {c}",
            "{s} the {c} for {v}",
        )
        text = rng.choice(forms).format(v=value, c=names, s=rng.choice(SHOW[:10]))
        return text, f"SELECT {', '.join(column.sql for column in chosen)} {source}"
    column = rng.choice(free)
    text = rng.choice(_forms_of_one(column)).format(v=value, c=column.words, t=table.one, w=_bare(column))
    return text, f"SELECT {column.sql} {source}"


def _forms_of_one(column: Column) -> Sequence[str]:
    """Ways to ask for a column of one row."""
    many = column.words.endswith("s") and not column.words.endswith(("ss", "us", "is"))
    if column.role == "place":
        return (
            *_OF_ONE[:4],
            "which {c} is {v} in",
            "in what {c} is {v}",
            "what {c} is {v} from",
            "where is {v}? {c}",
        )
    if column.role == "number":
        forms = (*_OF_ONE[:5], "how high is the {c} of {v}", "what {c} does {v} have")
        return (*forms, *("how many {c} does {v} have", "{v} has how many {c}") * 2) if many else forms
    if column.role == "flag" and column.words.startswith("is "):
        return ("is {v} {w}", "is {v} {w} or not", "{v}: {w} or not", "is the {t} {v} {w}")
    if column.role == "date":
        return (*_OF_ONE[:5], "{c} of the {t} {v}", "what date is the {c} of {v}")
    return _OF_ONE


def _bare(column: Column) -> str:
    return column.words.removeprefix("is ")


def added_up(schema: Schema, today: dt.date, rng: random.Random) -> Made:
    """`The salary of all employees in Sales in total`: the sum over rows that only a condition says."""
    table = draw_table(schema, rng)
    # The sum of a total would be said twice.
    numbers = [c for c in table.of("number") if not {"total", "sum"} & set(c.words.split())]
    if not numbers:
        return None
    column = rng.choice(numbers)
    phrases = draw_conditions(table, today, rng, (1, 5, 1), (column, *table.of("name")))
    forms = (
        "what is the {c} of {n} in total",
        "{c} of all {n} added up",
        "what does the {c} of {n} come to altogether",
        "add up the {c} of the {n}",
        "{n}: {c} in total",
        "sum up {c} over all {n}",
        "{c} of the {n}, all together",
    )
    text = rng.choice(forms).format(c=column.words, n=noun(table.many, phrases, rng))
    return text, f"SELECT SUM({column.sql}) FROM {table.name}{where(phrases)}"


def several_named(schema: Schema, today: dt.date, rng: random.Random) -> Made:
    """`For order numbers 3, 7 and 12: status`: one of several values is a list, never several equalities."""
    table = draw_table(schema, rng)
    names = [c for c in table.of("name") if len(set(c.values)) > 3]
    keys = [*table.of("key")[:1], *names]
    if not keys:
        return None
    key = rng.choice(keys)
    free = [column for column in free_columns(table) if column.sql != key.sql and column.role != "flag"]
    if not free:
        return None
    count = rng.choice((2, 3, 3, 4))
    drawn: list[str | int | float]
    if key.role == "key":
        drawn = [*rng.sample(range(1, rng.choice((60, 3000))), count)]
        said = rng.choice((table.many, f"{table.one} numbers", f"{table.one} ids", f"{table.many} no."))
    else:
        drawn = rng.sample(sorted({str(value) for value in key.values}), min(count, 3))
        said = (
            rng.choice((f"the {table.many}", table.many, "")) if key is table.display else plural(key.words)
        )
    listed = join_words([str(value) for value in drawn]).replace(
        " and ", rng.choice((" and ", " and ", ", "))
    )
    test = f"{key.sql} IN ({', '.join(literal(value) for value in drawn)})"
    if rng.random() < 0.2 and (numbers := table.of("number")):
        column = rng.choice(numbers)
        forms: tuple[str, ...] = (
            "{c} of {k} {v} together",
            "total {c} of {k} {v}",
            "add up the {c} of {k} {v}",
        )
        text = rng.choice(forms).format(c=column.words, k=said, v=listed)
        return text, f"SELECT SUM({column.sql}) FROM {table.name} WHERE {test}"
    chosen = rng.sample(free, min(len(free), rng.choice((1, 2, 2))))
    if rng.random() < 0.5:
        chosen = [key, *chosen]
    forms = (
        "for {k} {v}: {c}",
        "{c} of {k} {v}",
        "{k} {v}: {c}",
        "{s} the {c} of {k} {v}",
        "{s} {c} for {k} {v}",
        "I have {k} {v} here, what are the {c}",
    )
    names_said = join_words([column.words for column in chosen])
    text = rng.choice(forms[: 6 if len(chosen) > 1 else 5])
    text = text.format(k=said, v=listed, c=names_said, s=rng.choice(SHOW[:10]))
    return text, f"SELECT {', '.join(column.sql for column in chosen)} FROM {table.name} WHERE {test}"


def top_attribute(schema: Schema, today: dt.date, rng: random.Random) -> Made:
    """`The date of the largest order`: a column of the row that is first, not the largest of that column."""
    table = draw_table(schema, rng)
    numbers, free = table.of("number"), free_columns(table)
    if not numbers or len(free) < 2:
        return None
    column = rng.choice(numbers)
    others = [other for other in free if other.sql != column.sql and other.role != "flag"]
    if not others:
        return None
    asked = rng.choice([*others, *(other for other in others if other.role == "date")])
    phrases = draw_conditions(table, today, rng, (5, 3), (column, asked, *table.of("name")))
    one = noun_of_one(table.one, phrases, rng)
    word, direction = rng.choice(
        (("highest", "DESC"), ("largest", "DESC"), ("biggest", "DESC"), ("lowest", "ASC"))
    )
    source = f"FROM {table.name}{where(phrases)}"
    kind = rng.random()
    if kind < 0.25 and asked.role == "date":
        return _latest(asked, table, source, noun(table.many, phrases, rng), rng)
    forms: tuple[str, ...] = (
        "what is the {a} of the {n} with the {w} {c}",
        "{a} of the {n} with the {w} {c}",
        "the {n} with the {w} {c}: {a}",
        "what {a} does the {n} with the {w} {c} have",
        "take the {n} with the {w} {c}: what is its {a}",
    )
    fields = asked.sql
    if asked.role == "name" and asked.sql == table.display.sql:
        forms = (
            "which {n} has the {w} {c}",
            "{a} of the {n} with the {w} {c}",
            "what {n} has the {w} {c}? {a}",
        )
    text = rng.choice(forms).format(a=asked.words, n=one, w=word, c=column.words)
    if kind > 0.75:
        text += rng.choice((", and what is it", ", with the {c}", ", and the {c}", " and that {c}")).format(
            c=column.words
        )
        fields += f", {column.sql}"
    return text, f"SELECT {fields} {source} ORDER BY {column.sql} {direction} LIMIT 1"


def _latest(column: Column, table: Table, source: str, rows: str, rng: random.Random) -> Made:
    """Asks for the last of a date itself."""
    word, function = rng.choice(
        (("latest", "MAX"), ("most recent", "MAX"), ("last", "MAX"), ("earliest", "MIN"))
    )
    forms = ("what is the {w} {c} of {n}", "{w} {c} of {n}", "{n}: {w} {c}", "tell me the {w} {c} of the {n}")
    return rng.choice(forms).format(
        w=word, c=column.words, n=rows
    ), f"SELECT {function}({column.sql}) {source}"
