"""Questions on groups of one table's rows: counts and figures for each value, in any order, with bounds."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Sequence

from narrowgauge.training.specialist.sql_conditions import number_words
from narrowgauge.training.specialist.sql_links import free_numbers
from narrowgauge.training.specialist.sql_phrases import (
    AGGREGATES,
    Made,
    are_counted,
    draw_column,
    draw_conditions,
    draw_table,
    join_words,
    noun,
    where,
)
from narrowgauge.training.specialist.sql_schema import Column, Schema, plural

__all__ = [
    "bounded",
    "bounded_figure",
    "figure",
    "grouped",
    "having",
    "most",
    "ordered_groups",
    "per_month",
    "side_by_side",
]

_PER = ("per", "by", "for each", "for every", "grouped by", "in each")


def figure(numbers: Sequence[Column], rng: random.Random) -> tuple[str, str]:
    """Draws what is computed of a group: words with `{n}` for its rows, and the SQL."""
    if not numbers or rng.random() < 0.45:
        return rng.choice(
            ("number of {n}", "how many {n} are there", "count of {n}", "count {n}")
        ), "COUNT(*)"
    column = rng.choice(numbers)
    function = rng.choice(("AVG", "SUM", "SUM", "MAX", "MIN"))
    word = rng.choice(AGGREGATES[function])
    lead = rng.choice(("what is the ", "", "", "show the ", "give me the "))
    return f"{lead}{word} {column.words} of {{n}}", f"{function}({column.sql})"


def bounded_figure(numbers: Sequence[Column], rng: random.Random) -> tuple[str, str]:
    """Draws a bound for groups: words with `{n}` for their rows, and the condition of HAVING."""
    over, operator = rng.choice(
        (
            *(("more than {v}", ">"), ("over {v}", ">"), ("at least {v}", ">="), ("at least {v}", ">=")),
            *(("no fewer than {v}", ">="), ("fewer than {v}", "<")),
        )
    )
    if not numbers or rng.random() < 0.65:
        limit = rng.choice((1, 2, 3, 3, 5, 5, 10, 20))
        if rng.random() < 0.2:
            return f"{limit} or more {{n}}", f"COUNT(*) >= {limit}"
        return over.format(v=number_words(limit, rng)) + " {n}", f"COUNT(*) {operator} {limit}"
    column = rng.choice(numbers)
    function, word = rng.choice((("SUM", "total"), ("SUM", "combined"), ("AVG", "average"), ("AVG", "mean")))
    values = [v for v in column.values if isinstance(v, int | float)] or [10]
    limit = max(1, round(rng.choice(values)))
    over = over.replace("fewer", "less")
    return (
        f"a {word} {column.words} of {over.format(v=limit)} for {{n}}",
        f"{function}({column.sql}) {operator} {limit}",
    )


def grouped(schema: Schema, today: dt.date, rng: random.Random) -> Made:
    """`Number of orders by status`, with or without an order."""
    table = draw_table(schema, rng)
    keys = table.of("category", "place")
    if not keys:
        return None
    chosen = rng.sample(keys, 2 if len(keys) > 1 and rng.random() < 0.2 else 1)
    phrases = draw_conditions(table, today, rng, (5, 3, 1), chosen)
    words, value = figure(free_numbers(table, phrases), rng)
    per = rng.choice(_PER)
    key_words, key_sql = " and ".join(c.words for c in chosen), ", ".join(c.sql for c in chosen)
    text = words.format(n=noun(table.many, phrases, rng)) + f" {per} {key_words}"
    sql = f"SELECT {key_sql}, {value} FROM {table.name}{where(phrases)} GROUP BY {key_sql}"
    return ordered_groups(text, sql, value, chosen[0], rng)


def ordered_groups(text: str, sql: str, value: str, key: Column, rng: random.Random) -> tuple[str, str]:
    """Adds an order of the groups, more often than not by their figure, or leaves them in none."""
    if rng.random() < 0.45:
        return text, sql
    if rng.random() < 0.25:
        return f"{text}, sorted by {key.words}", f"{sql} ORDER BY {key.sql} ASC"
    if rng.random() < 0.65:
        words: tuple[str, ...] = (
            ", highest first",
            ", largest first",
            " in descending order",
            ", most first",
            ", from high to low",
        )
        return text + rng.choice(words), f"{sql} ORDER BY {value} DESC"
    words = (", lowest first", ", smallest first", " in ascending order", ", fewest first")
    return text + rng.choice(words), f"{sql} ORDER BY {value} ASC"


def having(schema: Schema, today: dt.date, rng: random.Random) -> Made:
    """`Countries with more than five customers`, with or without the figure."""
    found = draw_column(schema, rng, "category", "place")
    if found is None:
        return None
    table, key = found
    phrases = draw_conditions(table, today, rng, (5, 3), (key,))
    words, bound = bounded_figure(free_numbers(table, phrases), rng)
    text, fields = bounded(plural(key.words), words.format(n=noun(table.many, phrases, rng)), bound, rng)
    sql = f"SELECT {key.sql}{fields} FROM {table.name}{where(phrases)} GROUP BY {key.sql} HAVING {bound}"
    return text, sql


def bounded(groups: str, words: str, bound: str, rng: random.Random) -> tuple[str, str]:
    """Returns words for groups within a bound, and what is selected beside their key."""
    lead = rng.choice(("{g} with {w}", "which {g} have {w}", "show the {g} that have {w}", "{g} having {w}"))
    text = lead.format(g=groups, w=words)
    if rng.random() < 0.6:
        return text, ""
    shown = rng.choice(
        (
            *(", and how many", ", with the number", ", with the count", ", and how many each has"),
            *(", and the number", ", showing the number too"),
        )
        if "COUNT" in bound
        else (", with the figure", ", and what it is", ", showing the figure too")
    )
    return text + shown, f", {bound.rsplit(' ', 2)[0]}"


def side_by_side(schema: Schema, today: dt.date, rng: random.Random) -> Made:
    """`Number of products and average price by category`: several figures of each group."""
    table = draw_table(schema, rng)
    keys, numbers = table.of("category", "place"), table.of("number")
    if not keys or not numbers:
        return None
    key, column = rng.choice(keys), rng.choice(numbers)
    phrases = draw_conditions(table, today, rng, (5, 2), (key, column))
    functions = rng.sample(list(AGGREGATES), rng.choice((1, 1, 2)))
    said = [f"{rng.choice(AGGREGATES[f][:2])} {column.words}" for f in functions]
    values = [f"{f}({column.sql})" for f in functions]
    if len(functions) == 1 or rng.random() < 0.5:
        said, values = [f"number of {table.many}", *said], ["COUNT(*)", *values]
    rows = noun(table.many, phrases, rng)
    forms = (
        "for each {k} the {f} of {n}",
        "{f} of {n} by {k}",
        "per {k}: {f} for {n}",
        "show {f} per {k} for {n}",
    )
    text = rng.choice(forms).format(k=key.words, f=join_words(said), n=rows)
    source = f"FROM {table.name}{where(phrases)} GROUP BY {key.sql}"
    return text, f"SELECT {key.sql}, {', '.join(values)} {source}"


def most(schema: Schema, today: dt.date, rng: random.Random) -> Made:
    """`Which status has the most orders`."""
    table = draw_table(schema, rng)
    keys = table.of("category", "place")
    if not keys or not are_counted(table):
        return None
    key = rng.choice(keys)
    phrases = draw_conditions(table, today, rng, (5, 3), (key,))
    word, direction = rng.choice((("most", "DESC"), ("most", "DESC"), ("fewest", "ASC")))
    rows = noun(table.many, phrases, rng)
    text = rng.choice((f"which {key.words} has the {word} {rows}", f"what {key.words} has the {word} {rows}"))
    return text, (
        f"SELECT {key.sql} FROM {table.name}{where(phrases)} GROUP BY {key.sql} "
        f"ORDER BY COUNT(*) {direction} LIMIT 1"
    )


def per_month(schema: Schema, today: dt.date, rng: random.Random) -> Made:
    """`Orders per month`, in the order of months, of the figure, or in none."""
    table = draw_table(schema, rng)
    dates = table.of("date")
    if not dates:
        return None
    date = rng.choice(dates)
    phrases = draw_conditions(table, today, rng, (4, 3), (date,))
    words, value = figure(free_numbers(table, phrases), rng)
    month = f"STRFTIME('%Y-%m', {date.sql})"
    per = rng.choice(("per month", "by month", "for each month", "in each month", "month by month"))
    of = "" if len(dates) == 1 and rng.random() < 0.6 else f" of {date.words}"
    text = words.format(n=noun(table.many, phrases, rng)) + f" {per}{of}"
    sql = f"SELECT {month}, {value} FROM {table.name}{where(phrases)} GROUP BY {month}"
    order = rng.random()
    if order < 0.4:
        if value == "COUNT(*)" and rng.random() < 0.5:
            text += rng.choice((": month and count", ", month and number", ": month, number"))
        return text, sql
    if order < 0.75:
        tails = (
            " in order of month",
            ", earliest month first",
            ", sorted by month",
            " in chronological order",
        )
        return text + rng.choice(tails), f"{sql} ORDER BY {month}"
    return text + rng.choice((", highest first", ", best month first")), f"{sql} ORDER BY {value} DESC"
