"""Questions on the order of one table's rows: all of them, the first ones, or those in some places."""

from __future__ import annotations

import datetime as dt
import random

from narrowgauge.training.specialist.sql_conditions import number_words
from narrowgauge.training.specialist.sql_phrases import (
    SHOW,
    Made,
    draw_column,
    draw_conditions,
    draw_table,
    free_columns,
    join_words,
    noun,
    order_words,
    superlative,
    where,
)
from narrowgauge.training.specialist.sql_schema import Column, Schema, Table

__all__ = ["ranked", "sorted_rows", "top"]

_RANKS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")


def sorted_rows(schema: Schema, today: dt.date, rng: random.Random) -> Made:
    """`All orders by total, highest first`: an order without a limit."""
    table = draw_table(schema, rng)
    keys = [c for c in table.of("number", "number", "date", "name", "category", "place")]
    free = free_columns(table)
    if not keys:
        return None
    key = rng.choice([*keys, *table.of("number", "date")])
    direction = rng.choice(("DESC", "ASC"))
    if key.role not in ("number", "date"):
        direction = rng.choices(("ASC", "DESC"), (8, 1))[0]
    phrases = draw_conditions(table, today, rng, (4, 4, 2), (key,))
    words = noun(table.many, phrases, rng)
    order = order_words(key, direction, rng)
    every = rng.choice(("", "", "all ", "the "))
    fields = "*"
    text = f"{rng.choice((*SHOW[:12], '', ''))} {every}{words} {order}"
    if len(free) > 1 and rng.random() < 0.5:
        chosen = list(
            dict.fromkeys([*rng.sample(free, rng.choice((1, 2))), *([key] if rng.random() < 0.5 else [])])
        )
        fields, said = ", ".join(c.sql for c in chosen), join_words([c.words for c in chosen])
        forms = ("{s} the {c} of {n}, {o}", "{s} the {c} of {n} {o}", "{n} {o}: {c}", "{c} of {n}, {o}")
        text = rng.choice(forms).format(s=rng.choice(SHOW[:10]), c=said, n=words, o=order)
    sql = f"SELECT {fields} FROM {table.name}{where(phrases)} ORDER BY {key.sql} {direction}"
    return text, sql


def top(schema: Schema, today: dt.date, rng: random.Random) -> Made:
    """`The five largest pending orders`."""
    table = draw_table(schema, rng)
    found = _ranking(table, rng)
    if found is None:
        return None
    column, words, direction = found
    phrases = draw_conditions(table, today, rng, (4, 4, 1), (column,))
    number = rng.choice((1, 2, 3, 3, 5, 5, 5, 7, 10, 10, 20))
    shown = "" if number == 1 else number_words(number, rng)
    before, after = (words[1:], "") if words.startswith("~") else ("", words)
    rows_ = noun(table.one if number == 1 else table.many, phrases, rng)
    lead = rng.choice(("top ", "")) if not before and direction == "DESC" and number > 1 else ""
    order = f"{shown} {before}" if rng.random() < 0.7 else f"{before} {shown}"
    fields = "*"
    fields_words = ""
    named = free_columns(table)
    if rng.random() < 0.3 and len(named) > 2:
        chosen = rng.sample(named, 2)
        fields, fields_words = ", ".join(c.sql for c in chosen), f": {join_words([c.words for c in chosen])}"
    text = f"{rng.choice(SHOW[:12])} the {lead}{order} {rows_} {after}{fields_words}"
    return (
        text,
        f"SELECT {fields} FROM {table.name}{where(phrases)} ORDER BY {column.sql} {direction} LIMIT {number}",
    )


def _ranking(table: Table, rng: random.Random) -> tuple[Column, str, str] | None:
    """Draws a column to rank by, the words for it, and the direction."""
    keys = table.of("number", "date")
    if not keys:
        return None
    column = rng.choice(keys)
    made = superlative(column, rng)
    if made is None or (column.role == "date" and column != table.of("date")[0] and made[0].startswith("~")):
        return None
    return column, *made


def _rank(place: int) -> str:
    """Writes a place in words, or as digits where that would be long."""
    if place <= len(_RANKS):
        return _RANKS[place - 1]
    return f"{place}{'th' if 10 < place < 20 else {1: 'st', 2: 'nd', 3: 'rd'}.get(place % 10, 'th')}"


def ranked(schema: Schema, today: dt.date, rng: random.Random) -> Made:
    """`The third to sixth most expensive product`: ranks that do not begin with the first one."""
    found = draw_column(schema, rng, "number")
    if found is None:
        return None
    table, column = found
    word, direction = rng.choice((("highest", "DESC"), ("largest", "DESC"), ("lowest", "ASC")))
    phrases = draw_conditions(table, today, rng, (5, 3), (column, *table.of("name")))
    first = rng.choice((2, 2, 3, 4, 5, 6, 6, 11, 11, 16, 21))
    last = first + (rng.choice((0, 0, 1, 2, 3, 4, 4)) if first < 7 else rng.choice((2, 4, 4, 9)))
    one, many = noun(table.one, phrases, rng), noun(table.many, phrases, rng)
    forms: tuple[str, ...]
    if first == last:
        forms = (
            "{s} the {one} with the {a} {w} {c}",
            "which {one} has the {a} {w} {c}",
            "the {one} in {a} place by {c}{d}",
            "{s} number {i} of the {many} by {c}{d}",
            "the {a} {x} {one} by {c}",
        )
    else:
        forms = (
            "{s} the {a} to {b} {many} by {c}{d}",
            "{a} to {b} {x} {many} by {c}",
            "the next {m} {many} after the first {k} by {c}{d}",
            "{s} numbers {i} to {j} of the {many} by {c}{d}",
            "after the top {k} {many} by {c}{d}, the following {m}",
            "{s} the {many} in places {i} to {j} by {c}{d}",
            "{many} ranked {i} to {j} by {c}{d}",
            "skip the first {k} {many} by {c}{d} and show the next {m}",
        )
    if first == 2:
        forms = tuple(form for form in forms if "{k}" not in form)
    text = rng.choice(forms).format(
        s=rng.choice(SHOW[:10]),
        one=one,
        many=many,
        a=_rank(first),
        b=_rank(last),
        x="best" if direction == "DESC" and rng.random() < 0.4 else word,
        i=first,
        j=last,
        k=first - 1,
        m=last - first + 1,
        w=word,
        c=column.words,
        d=", lowest first" if direction == "ASC" else rng.choice(("", ", highest first")),
    )
    fields = "*"
    if table.display.role == "name" and rng.random() < 0.4:
        fields, text = (
            f"{table.display.sql}, {column.sql}",
            f"{text}: {table.display.words} and {column.words}",
        )
    elif table.display.role == "name" and rng.random() < 0.25:
        fields, text = table.display.sql, f"{text}, only the {table.display.words}"
    limit = f"LIMIT {last - first + 1} OFFSET {first - 1}"
    source = f"FROM {table.name}{where(phrases)}"
    return text, f"SELECT {fields} {source} ORDER BY {column.sql} {direction} {limit}"
