"""Questions that one word tells apart: by number, by pattern, without a value, of both ends or both sides."""

from __future__ import annotations

import datetime as dt
import random

from narrowgauge.training.specialist.sql_conditions import literal
from narrowgauge.training.specialist.sql_phrases import (
    SHOW,
    Made,
    draw_column,
    draw_conditions,
    draw_table,
    free_columns,
    join_words,
    noun,
    where,
)
from narrowgauge.training.specialist.sql_schema import Column, Schema, plural

__all__ = ["asked_after", "both_sides", "by_number", "by_pattern", "compared", "excluded", "extremes"]


def by_number(schema: Schema, today: dt.date, rng: random.Random) -> Made:
    """`For order 1234: carrier, ship date`: a key or a reference of the asked table, never a join."""
    table = draw_table(schema, rng)
    links = schema.links_of(table.name)
    # A parent that is referred to twice, or a second key, would not be told apart.
    once = [link for link in links if sum(other.parent == link.parent for other in links) == 1]
    parents = {link.child_column: schema.tables.get(link.parent) for link in once}
    keys = [*table.of("key")[:1], *(column for column in table.of("link") if column.name in parents)]
    free = free_columns(table)
    if not keys or not free:
        return None
    key, number = rng.choice(keys), rng.choice((rng.randint(1, 40), rng.randint(40, 3000)))
    parent = parents.get(key.name)
    if key.role == "link" and parent is None:
        return None
    thing = parent.one if parent is not None else table.one
    said = rng.choice(
        (f"{thing} {number}", f"{thing} {number}", f"{thing} id {number}", f"{thing} no. {number}")
    )
    condition = f"{key.sql} = {number}"
    if parent is not None and rng.random() < 0.35:
        forms = (
            "{t}: how many {m}",
            "how many {m} does {t} have",
            "number of {m} for {t}",
            "count of {m}, {t}",
        )
        text = rng.choice(forms).format(t=said, m=table.many)
        return text, f"SELECT COUNT(*) FROM {table.name} WHERE {condition}"
    chosen = rng.sample(free, min(len(free), rng.choice((1, 2, 2, 3))))
    of = "" if parent is None else f" of the {rng.choice((table.one, table.many))}"
    forms = (
        "for {t}: {c}{o}",
        "{t}: {c}{o}",
        "{c}{o} for {t}",
        "{s} {c}{o} for {t}",
    )
    names = rng.choice((", ".join, join_words))([column.words for column in chosen])
    text = rng.choice(forms).format(t=said, c=names, o=of, s=rng.choice(SHOW[:6]))
    return text, f"SELECT {', '.join(c.sql for c in chosen)} FROM {table.name} WHERE {condition}"


def asked_after(schema: Schema, today: dt.date, rng: random.Random) -> Made:
    """`Which orders are pending? id, customer id, total`: all named columns in this order, references too."""
    table = draw_table(schema, rng)
    columns = [column for column in table.columns if " " not in column.name]
    if len(columns) < 3:
        return None
    chosen = rng.sample(columns, rng.choice((2, 2, 3, 3, 4)) if len(columns) > 3 else 2)
    phrases = draw_conditions(table, today, rng, (1, 5, 2), chosen)
    names = ", ".join(column.words for column in chosen)
    if rng.random() < 0.4:
        names = join_words([column.words for column in chosen])
    forms = (
        "which {n}? {c}",
        "{n} - {c}",
        "{n}: {c}",
        "{n}? {c}",
        "{s} {n}, {c}",
        "{n} with {c}",
        "{n}, just {c}",
    )
    text = rng.choice(forms).format(n=noun(table.many, phrases, rng), c=names, s=rng.choice(SHOW[:10]))
    return text, f"SELECT {', '.join(c.sql for c in chosen)} FROM {table.name}{where(phrases)}"


def excluded(schema: Schema, today: dt.date, rng: random.Random) -> Made:
    """`How many orders without the cancelled ones`, beside conditions that are not negated."""
    table = draw_table(schema, rng)
    keys = [column for column in table.of("category", "place") if column.values]
    if not keys:
        return None
    key = rng.choice(keys)
    value = str(rng.choice(key.values))
    phrases = draw_conditions(table, today, rng, (3, 4), (key,))
    forms: tuple[str, ...] = (
        *("{n}, leaving out {k} {v}", "{n}, excluding {k} {v}", "{n}, not counting {k} {v}"),
        *("{n}, {k} {v} excluded", "{n}, but no {k} {v}", "{n} except for {k} {v}", "{n} of any {k} but {v}"),
        *("{n} with a {k} other than {v}", "{n} whose {k} is not {v}", "{n}, don't include {k} {v}"),
    )
    if key.role == "place":
        forms += ("{n} outside {v}", "{n} anywhere but in {v}", "{n} except in {v}", "{n} not in {v}") * 2
    else:
        forms += ("{n}, leaving out the {v} ones", "{n}, not counting {v} ones", "{n} other than {v}") * 2
    rows = rng.choice(forms).format(n=noun(table.many, phrases, rng), k=key.words, v=value.replace("_", " "))
    tests = " AND ".join([*(phrase.sql for phrase in phrases), f"{key.sql} <> {literal(value)}"])
    source = f"FROM {table.name} WHERE {tests}"
    numbers = table.of("number")
    kind = rng.random()
    if kind < 0.4:
        return f"{rng.choice(('how many', 'number of', 'count the'))} {rows}", f"SELECT COUNT(*) {source}"
    if kind < 0.7 and numbers:
        function, word = rng.choice(
            (("SUM", "total"), ("AVG", "average"), ("MAX", "highest"), ("MIN", "lowest"))
        )
        column = rng.choice(numbers)
        return f"{word} {column.words} of {rows}", f"SELECT {function}({column.sql}) {source}"
    return f"{rng.choice(SHOW)} {rows}", f"SELECT * {source}"


def by_pattern(schema: Schema, today: dt.date, rng: random.Random) -> Made:
    """`Singers whose name starts with A`: its beginning, its end, or anywhere in it; or one of two."""
    table = draw_table(schema, rng)
    texts = [column for column in table.of("name", "place") if any(isinstance(v, str) for v in column.values)]
    if not texts:
        return None
    column = rng.choice(texts)
    values = [str(value) for value in column.values if str(value).strip()]
    first, second = (rng.choice(values) for _ in range(2))
    kind = rng.choice(("begin", "begin", "end", "hold", "hold"))
    letter = rng.random() < 0.4
    pattern = {"begin": "{}%", "end": "%{}", "hold": "%{}%"}[kind]
    words = {
        "begin": ("whose {c} starts with {v}", "whose {c} begins with {v}", "with a {c} starting with {v}"),
        "end": ("whose {c} ends in {v}", "whose {c} ends with {v}", "with a {c} ending in {v}"),
        "hold": ("whose {c} contains {v}", "with {v} in the {c}", "that have {v} in their {c}"),
    }[kind]
    parts = [_part(first, kind, letter)]
    if rng.random() < 0.2 and _part(second, kind, letter) != parts[0]:
        parts.append(_part(second, kind, letter))
    tests = " OR ".join(f"{column.sql} LIKE {literal(pattern.format(part))}" for part in parts)
    rows = f"{table.many} {rng.choice(words).format(c=column.words, v=' or '.join(parts))}"
    source = f"FROM {table.name} WHERE {tests}"
    if rng.random() < 0.35:
        counted = rng.choice(("how many {n} are there", "number of {n}", "count {n}", "count of {n}"))
        return counted.format(n=rows), f"SELECT COUNT(*) {source}"
    shown = table.display
    if rng.random() < 0.5 and shown.role == "name":
        return f"{plural(shown.words)} of {rows}", f"SELECT {shown.sql} {source}"
    return f"{rng.choice(SHOW)} {rows}", f"SELECT * {source}"


def _part(value: str, kind: str, letter: bool) -> str:
    """Returns what is at the beginning, at the end, or in the middle of a value."""
    words = value.split()
    if kind == "hold":
        return words[len(words) // 2]
    place = 0 if kind == "begin" else -1
    return value[place] if letter else words[place]


def compared(schema: Schema, today: dt.date, rng: random.Random) -> Made:
    """`Invoices whose paid date is after the due date`: a column with another one of the row."""
    table = draw_table(schema, rng)
    dates, numbers = table.of("date"), table.of("number")
    columns = rng.choice([some for some in (dates, numbers) if len(some) > 1] or [[]])
    if not columns:
        return None
    first, second = rng.sample(columns, 2)
    if columns is numbers and _is_money(first) != _is_money(second):
        return None
    above, below = (
        (("later than", "after"), ("earlier than", "before"))
        if columns is dates
        else (
            ("above", "higher than", "greater than"),
            ("below", "lower than", "less than"),
        )
    )
    words, operator = rng.choice(((above, ">"), (below, "<"), (("the same as", "equal to"), "=")))
    rows = f"{table.many} whose {first.words} is {rng.choice(words)} their {second.words}"
    source = f"FROM {table.name} WHERE {first.sql} {operator} {second.sql}"
    if rng.random() < 0.4:
        counted = rng.choice(("how many {n} are there", "number of {n}", "count {n}", "count of {n}"))
        return counted.format(n=rows), f"SELECT COUNT(*) {source}"
    return f"{rng.choice(SHOW)} {rows}", f"SELECT * {source}"


def _is_money(column: Column) -> bool:
    return any(
        part in column.words for part in ("price", "cost", "amount", "total", "salary", "revenue", "budget")
    )


def extremes(schema: Schema, today: dt.date, rng: random.Random) -> Made:
    """`First and most recent order date`: both ends of a column at once, in the order asked."""
    found = draw_column(schema, rng, "date", "number")
    if found is None:
        return None
    table, column = found
    phrases = draw_conditions(table, today, rng, (3, 4), (column,))
    low, high = rng.choice(
        (("first", "most recent"), ("earliest", "latest"), ("first", "last"), ("oldest", "newest"))
        if column.role == "date"
        else (("lowest", "highest"), ("smallest", "largest"), ("minimum", "maximum"))
    )
    ends = [(low, "MIN"), (high, "MAX")]
    if rng.random() < 0.25:
        ends.reverse()
    forms = ("{a} and {b} {c} of {n}", "what are the {a} and the {b} {c} of {n}", "{n}: {a} and {b} {c}")
    text = rng.choice(forms).format(
        a=ends[0][0], b=ends[1][0], c=column.words, n=noun(table.many, phrases, rng)
    )
    values = ", ".join(f"{function}({column.sql})" for _, function in ends)
    return text, f"SELECT {values} FROM {table.name}{where(phrases)}"


def both_sides(schema: Schema, today: dt.date, rng: random.Random) -> Made:
    """`Cities with both a customer and an employee`, or with one and not the other."""
    tables = [table for table in schema.tables.values() if table.of("place", "category")]
    if not tables:
        return None
    table = rng.choice(tables)
    key = rng.choice(table.of("place", "category"))
    shared = [
        (other, column)
        for other in tables
        if other.name != table.name
        for column in other.of("place")
        if column.name == key.name
    ]
    operator = rng.choice(("INTERSECT", "EXCEPT"))
    if shared and rng.random() < 0.6:
        other, column = rng.choice(shared)
        words: tuple[str, ...] = (
            (
                "{k} that have both {a} and {b}",
                "{k} where we have {a} as well as {b}",
                "{k} of {a} and also of {b}",
            )
            if operator == "INTERSECT"
            else (
                "{k} that have {a} but no {b}",
                "{k} of {a} that are not {k} of {b}",
                "{k} with {a} and without {b}",
            )
        )
        text = rng.choice(words).format(k=plural(key.words), a=table.many, b=other.many)
        return text, f"SELECT {key.sql} FROM {table.name} {operator} SELECT {column.sql} FROM {other.name}"
    splits = [c for c in table.of("category") if c.sql != key.sql and len(c.values) > 1]
    if not splits:
        return None
    split = rng.choice(splits)
    first, second = (str(value) for value in rng.sample(split.values, 2))
    words = (
        ("{k} with {m} of {s} {a} and also of {s} {b}", "{k} that have {m} with {s} {a} as well as {s} {b}")
        if operator == "INTERSECT"
        else (
            "{k} with {m} of {s} {a} but none of {s} {b}",
            "{k} that have {m} with {s} {a} and none with {s} {b}",
        )
    )
    text = rng.choice(words).format(k=plural(key.words), m=table.many, s=split.words, a=first, b=second)
    sides = [f"SELECT {key.sql} FROM {table.name} WHERE {split.sql} = {literal(v)}" for v in (first, second)]
    return text, f" {operator} ".join(sides)
