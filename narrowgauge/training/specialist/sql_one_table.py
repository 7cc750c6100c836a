"""Questions on the rows of one table: lists, counts, aggregates, what differs and what is missing."""

from __future__ import annotations

import datetime as dt
import random

from narrowgauge.training.specialist.sql_conditions import literal
from narrowgauge.training.specialist.sql_phrases import (
    AGGREGATES,
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
from narrowgauge.training.specialist.sql_schema import Schema

__all__ = [
    "above_average",
    "aggregate",
    "columns",
    "count",
    "difference",
    "distinct",
    "empty",
    "rows",
]


def rows(schema: Schema, today: dt.date, rng: random.Random) -> Made:
    """`Show all open tickets with high priority`."""
    table = draw_table(schema, rng)
    phrases = draw_conditions(table, today, rng)
    show = rng.choice((*SHOW, "which", "which"))
    every = rng.choice(("", "", "all ", "all the ", "the ", "every "))
    if show == "which":
        after = [p for p in phrases if p.after]
        every, show = "", "which" if after else "list"
    if show in ("what are", "which are") and every == "every ":
        every = "all the "
    words = table.one if every == "every " else table.many
    if phrases and rng.random() < 0.15:
        show, every = "", ""
    return f"{show} {every}{noun(words, phrases, rng)}", f"SELECT * FROM {table.name}{where(phrases)}"


def columns(schema: Schema, today: dt.date, rng: random.Random) -> Made:
    """`The name and city of customers in Germany`."""
    table = draw_table(schema, rng)
    free = free_columns(table)
    if len(free) < 2:
        return None
    chosen = rng.sample(free, min(len(free), rng.choice((1, 1, 2, 2, 3))))
    phrases = draw_conditions(table, today, rng, (2, 4, 3, 1))
    names = join_words([c.words for c in chosen])
    forms = (
        "what are the {c} of {n}",
        "{s} the {c} of {n}",
        "{s} the {c} of all {n}",
        "{s} the {c} for {n}",
        "{s} {c} of {n}",
        "{n}: {c}",
        "{s} {n} with their {c}",
        "{n} and their {c}",
        "{s} just the {c} of {n}",
        "for {n}, show the {c}",
        "for every one of the {n}, what is the {c}",
    )
    form = rng.choice(forms)
    name = name_of(table)
    if "their {c}" in form and name is not None and name not in chosen:
        chosen = [name, *chosen]  # things with a column of theirs: which thing it is of is asked for too
    text = form.format(s=rng.choice(SHOW[:10]), c=names, n=noun(table.many, phrases, rng))
    return text, f"SELECT {', '.join(c.sql for c in chosen)} FROM {table.name}{where(phrases)}"


def count(schema: Schema, today: dt.date, rng: random.Random) -> Made:
    """`How many orders are pending`."""
    table = draw_table(schema, rng)
    phrases = draw_conditions(table, today, rng, (2, 4, 3, 1))
    forms = (
        "how many {n} are there",
        "how many {n} do we have",
        "how many {n}",
        "count the {n}",
        "count {n}",
        "number of {n}",
        "what is the number of {n}",
        "what's the total number of {n}",
        "give me the count of {n}",
        "tell me how many {n} there are",
        "{n}: how many are there",
    )
    text = rng.choice(forms).format(n=noun(table.many, phrases, rng))
    return text, f"SELECT COUNT(*) FROM {table.name}{where(phrases)}"


def aggregate(schema: Schema, today: dt.date, rng: random.Random) -> Made:
    """`The average price of discontinued products`, or two aggregates at once."""
    table = draw_table(schema, rng)
    numbers = table.of("number")
    if not numbers:
        return None
    function, other = rng.sample(list(AGGREGATES), 2)
    column = rng.choice(numbers)
    phrases = draw_conditions(table, today, rng, (3, 4, 2), (column,))
    source = f"FROM {table.name}{where(phrases)}"
    words = noun(table.many, phrases, rng)
    word = rng.choice(AGGREGATES[function])
    if rng.random() < 0.15:
        second = rng.choice(AGGREGATES[other]).replace("sum of the", "total")
        text = (
            f"what are the {word.replace('sum of the', 'total')} and the {second} {column.words} of {words}"
        )
        return text, f"SELECT {function}({column.sql}), {other}({column.sql}) {source}"
    if rng.random() < 0.15:
        text = f"number of {words} and their {word.replace('sum of the', 'total')} {column.words}"
        return text, f"SELECT COUNT(*), {function}({column.sql}) {source}"
    forms = (
        "what is the {w} {c} of {n}",
        "what's the {w} {c} of all {n}",
        "{w} {c} of {n}",
        "give me the {w} {c} for {n}",
        "calculate the {w} {c} of {n}",
        "tell me the {w} {c} of {n}",
        "{w} {c} across {n}",
    )
    text = rng.choice(forms).format(w=word, c=column.words, n=words)
    return text, f"SELECT {function}({column.sql}) {source}"


def difference(schema: Schema, today: dt.date, rng: random.Random) -> Made:
    """`The gap between the highest and the lowest salary`, or one column less or times another."""
    table = draw_table(schema, rng)
    numbers = table.of("number")
    if not numbers:
        return None
    column = rng.choice(numbers)
    if len(numbers) > 1 and rng.random() < 0.4:
        first, second = rng.sample(numbers, 2)
        phrases = draw_conditions(table, today, rng, (3, 3), (first, second))
        sign, words = rng.choice(((" - ", "minus"), (" * ", "times"), (" * ", "multiplied by")))
        forms: tuple[str, ...] = (
            "{s} {a} {w} {b} for {n}",
            "what is the {a} {w} the {b} of {n}",
            "{a} {w} {b} of each of the {n}",
        )
        text = rng.choice(forms).format(
            s=rng.choice(SHOW[:6]), a=first.words, b=second.words, w=words, n=noun(table.many, phrases, rng)
        )
        return text, f"SELECT {first.sql}{sign}{second.sql} FROM {table.name}{where(phrases)}"
    phrases = draw_conditions(table, today, rng, (3, 4, 1), (column,))
    forms = (
        "difference between the highest and the lowest {c} of {n}",
        "what is the gap between the largest and the smallest {c} of {n}",
        "{c} spread of {n}, highest minus lowest",
        "by how much do the maximum and the minimum {c} of {n} differ",
        "spread between the highest and the lowest {c} of {n}",
        "range of {c} among {n}, from lowest to highest, as one figure",
        "how far apart are the smallest and the largest {c} of {n}",
        "{n}: gap from the lowest to the highest {c}",
    )
    text = rng.choice(forms).format(c=column.words, n=noun(table.many, phrases, rng))
    return text, f"SELECT MAX({column.sql}) - MIN({column.sql}) FROM {table.name}{where(phrases)}"


def empty(schema: Schema, today: dt.date, rng: random.Random) -> Made:
    """`Tickets without an employee`: a value that is missing, or that is there."""
    table = draw_table(schema, rng)
    missing = [c for c in table.columns if c.nullable and c.role != "key"]
    if not missing:
        return None
    column = rng.choice(missing)
    phrases = draw_conditions(table, today, rng, (4, 4, 1), (column,))
    words = column.words.removesuffix(" id")
    forms, test = (("without {c}", "with no {c}", "that have no {c}", "whose {c} is missing"), "IS NULL")
    if rng.random() < 0.25:
        forms, test = (
            ("that have a {c}", "with a {c}", "whose {c} is known", "with a {c} entered"),
            "IS NOT NULL",
        )
    tail = rng.choice(forms).format(c=words)
    sql = " AND ".join([*(p.sql for p in phrases), f"{column.sql} {test}"])
    before = noun(table.many, phrases, rng)
    link = " and " if any(p.after for p in phrases) and rng.random() < 0.5 else " "
    if rng.random() < 0.4:
        text = rng.choice(("how many {n}{l}{t} are there", "number of {n}{l}{t}", "count the {n}{l}{t}"))
        return text.format(n=before, l=link, t=tail), f"SELECT COUNT(*) FROM {table.name} WHERE {sql}"
    text = f"{rng.choice(SHOW)} {rng.choice(('all ', 'the ', ''))}{before}{link}{tail}"
    return text, f"SELECT * FROM {table.name} WHERE {sql}"


def above_average(schema: Schema, today: dt.date, rng: random.Random) -> Made:
    """`Products whose price is above average`."""
    found = draw_column(schema, rng, "number")
    if found is None:
        return None
    table, column = found
    word, operator = rng.choice((("above", ">"), ("below", "<"), ("higher than", ">"), ("lower than", "<")))
    text = f"{rng.choice(SHOW[:10])} {table.many} whose {column.words} is {word} average"
    inner = f"SELECT AVG({column.sql}) FROM {table.name}"
    kinds = [other for other in table.of("category") if other.values]
    if rng.random() < 0.65 and (table.display.role == "name" or kinds):
        name, of, own = table.display, "average", ""
        fields = f"{name.sql}, {column.sql}" if rng.random() < 0.3 else name.sql
        rows_ = table.many
        if kinds and rng.random() < 0.5:
            kind = rng.choice(kinds)
            value = str(rng.choice(kind.values))
            rows_ = f"{table.many} with {kind.words} {value.replace('_', ' ')}"
            own = f"{kind.sql} = {literal(value)}"
            of = rng.choice(("the average of their kind", f"the average for that {kind.words}"))
        if name.role != "name":
            fields = "COUNT(*)"
        said = {
            "COUNT(*)": ("how many {n} have a {c} {w} {a}", "number of {n} whose {c} is {w} {a}"),
            name.sql: (
                "which {n} have a {c} {w} {a}",
                "names of {n} whose {c} is {w} {a}",
                "{n} {w} {a} in {c}",
            ),
        }.get(
            fields, ("which {n} have a {c} {w} {a}, and what is it", "{n} whose {c} is {w} {a}, with the {c}")
        )
        if word.endswith("than"):
            said = tuple(form for form in said if " in {c}" not in form)
        text = rng.choice(said).format(n=rows_, c=column.words, w=word, a=of)
        inner += f" WHERE {own}" if own else ""
        tests = f"{own} AND " if own else ""
        return text, f"SELECT {fields} FROM {table.name} WHERE {tests}{column.sql} {operator} ({inner})"
    return text, f"SELECT * FROM {table.name} WHERE {column.sql} {operator} ({inner})"


def distinct(schema: Schema, today: dt.date, rng: random.Random) -> Made:
    """`Which carriers are there among the shipments`."""
    found = draw_column(schema, rng, "category", "place")
    if found is None:
        return None
    table, key = found
    phrases = draw_conditions(table, today, rng, (5, 4, 1), (key,))
    words, source = noun(table.many, phrases, rng), f"FROM {table.name}{where(phrases)}"
    if rng.random() < 0.35:
        forms: tuple[str, ...] = (
            "how many different {k} values are there among {n}",
            "number of distinct {k} values of {n}",
            "how many different {k} entries do {n} have",
        )
        return rng.choice(forms).format(k=key.words, n=words), f"SELECT COUNT(DISTINCT {key.sql}) {source}"
    forms = (
        "what are the different {k} values of {n}",
        "distinct {k} of {n}",
        "which {k} values occur among {n}",
        "{s} each {k} of {n} once",
        "every {k} that {n} have, without repeats",
        "{s} the {k} of {n}, each one only once",
        "{k} of {n}, no duplicates",
        "different {k} values of {n}",
        "{s} the {k} of {n} without duplicates",
        "unique {k} of {n}",
    )
    text = rng.choice(forms).format(k=key.words, n=words, s=rng.choice(SHOW[:6]))
    sql = f"SELECT DISTINCT {key.sql} {source}"
    if rng.random() < 0.3:
        order, direction = rng.choice(
            (
                (", sorted", ""),
                (", in alphabetical order", ""),
                (", from A to Z", ""),
                (", from Z to A", " DESC"),
            )
        )
        return text + order, f"{sql} ORDER BY {key.sql}{direction}"
    return text, sql
