"""Questions over tables that refer to each other: two of them, three in a row, or one and itself."""

from __future__ import annotations

import datetime as dt
import random

from narrowgauge.training.specialist.sql_conditions import Phrase, literal
from narrowgauge.training.specialist.sql_grouped import figure, ordered_groups
from narrowgauge.training.specialist.sql_links import draw_link, free_numbers, joined
from narrowgauge.training.specialist.sql_phrases import (
    SHOW,
    Made,
    all_of,
    draw_conditions,
    free_columns,
    join_words,
    name_of,
    noun,
    where,
)
from narrowgauge.training.specialist.sql_schema import Column, Link, Schema, Table

__all__ = [
    "beside_parent",
    "children_of",
    "children_where",
    "itself",
    "two_steps",
]

_LEADERS = ("manager", "boss", "supervisor", "lead", "leader")


def children_of(schema: Schema, today: dt.date, rng: random.Random) -> Made:
    """`All orders of Acme`."""
    found = draw_link(schema, rng)
    if found is None:
        return None
    child, parent, link = found
    display = parent.display
    if not display.values or display.role == "key":
        return None
    value = str(rng.choice(display.values))
    phrases = draw_conditions(child, today, rng, (4, 4, 1))
    of = rng.choice(("of {v}", "for {v}", "from {v}", "belonging to {v}", "of {p} {v}", "for the {p} {v}"))
    given = Phrase("", of.format(v=value, p=parent.one), f"{display.sql} = {literal(value)}")
    return _asked_of_children(child, link, [*phrases, given], rng)


def children_where(schema: Schema, today: dt.date, rng: random.Random) -> Made:
    """`Open tickets of customers in Germany`: conditions on the joined table, and on its own."""
    found = draw_link(schema, rng)
    if found is None:
        return None
    child, parent, link = found
    outer = draw_conditions(parent, today, rng, (0, 5, 2))
    inner = draw_conditions(child, today, rng, (4, 4, 1))
    if not outer:
        return None
    of = rng.choice(("of {n}", "from {n}", "for {n}", "belonging to {n}", "that belong to {n}"))
    given = Phrase("", of.format(n=noun(parent.many, outer, rng)), all_of(outer))
    return _asked_of_children(child, link, [*inner, given], rng)


def _asked_of_children(child: Table, link: Link, phrases: list[Phrase], rng: random.Random) -> Made:
    """Asks for children, their number, a figure or some of their columns; the last phrase is the parent's."""
    *own, given = phrases
    rows = f"{noun(child.many, own, rng)} {given.after}"
    source = f"{joined(link, link.child)} WHERE {' AND '.join([given.sql, *(p.sql for p in own)])}"
    kind = rng.random()
    if kind < 0.3:
        text = rng.choice(("how many {n} are there", "number of {n}", "how many {n}", "count the {n}"))
        return text.format(n=rows), f"SELECT COUNT(*) FROM {source}"
    numbers = free_numbers(child, own)
    if kind < 0.45 and numbers:
        words, value = figure(numbers, rng)
        return words.format(n=rows), f"SELECT {value} FROM {source}"
    free = free_columns(child)
    if kind < 0.75 and len(free) > 1:
        chosen = rng.sample(free, rng.choice((1, 2)))
        names = join_words([c.words for c in chosen])
        forms = ("{s} the {c} of {n}", "{s} {c} of {n}", "{n}: {c}", "{s} {n} with their {c}")
        form = rng.choice(forms)
        name = name_of(child)
        if "their {c}" in form and name is not None and name not in chosen:
            chosen = [name, *chosen]
        text = form.format(s=rng.choice(SHOW[:10]), c=names, n=rows)
        return text, f"SELECT {', '.join(c.sql for c in chosen)} FROM {source}"
    shown = ", ".join([c.sql for c in free][:5])
    if not shown:
        return None
    return f"{rng.choice(SHOW)} {rng.choice(('all ', 'the ', ''))}{rows}", f"SELECT {shown} FROM {source}"


def beside_parent(schema: Schema, today: dt.date, rng: random.Random) -> Made:
    """`Order date and customer of pending orders`: columns of both tables."""
    found = draw_link(schema, rng)
    if found is None:
        return None
    child, parent, link = found
    free = [column for column in free_columns(child) if column.words != parent.one]
    if not free or parent.display.role != "name":
        return None
    chosen = rng.sample(free, min(len(free), rng.choice((1, 1, 2))))
    other = parent.display
    said = rng.choice((parent.one, f"{parent.one} {other.words}", f"{other.words} of the {parent.one}"))
    phrases = draw_conditions(child, today, rng, (3, 4, 1))
    names = [c.words for c in chosen]
    fields = [c.sql for c in chosen]
    if rng.random() < 0.5:
        names, fields, first = [said, *names], [other.sql, *fields], link.parent
    else:
        names, fields, first = [*names, said], [*fields, other.sql], link.child
    forms: tuple[str, ...] = ("{s} the {c} of {n}", "{n}: {c}", "{s} {c} for {n}", "for {n}, show {c}")
    if (name := name_of(child)) is None or name in chosen:
        forms += ("{n} with {c}",)
    text = rng.choice(forms).format(
        s=rng.choice(SHOW[:10]), c=join_words(names), n=noun(child.many, phrases, rng)
    )
    return text, f"SELECT {', '.join(fields)} FROM {joined(link, first)}{where(phrases)}"


def two_steps(schema: Schema, today: dt.date, rng: random.Random) -> Made:
    """`Shipments to customers in Spain`: over a table between that nobody mentions."""
    found = draw_link(schema, rng)
    if found is None:
        return None
    child, between, lower = found
    # What the child refers to itself is not reached by a detour.
    near = {child.name, *(link.parent for link in schema.links_of(child.name))}
    above = [
        link
        for link in schema.links_of(between.name)
        if link.parent in schema.tables and link.parent not in near
    ]
    if not above:
        return None
    upper = rng.choice(above)
    parent = schema.tables[upper.parent]
    own = draw_conditions(child, today, rng, (4, 3))
    rows = noun(child.many, own, rng)
    down = f"{joined(lower, child.name)} JOIN {parent.name} ON {upper.join}"
    up = f"{joined(upper, parent.name)} JOIN {child.name} ON {lower.join}"
    kind = rng.random()
    if kind < 0.35:
        words, value = figure(free_numbers(child, own), rng)
        key = rng.choice([parent.display, *parent.of("category", "place")])
        said = parent.one if key is parent.display else f"{parent.one} {key.words}"
        text = words.format(n=rows) + f" {rng.choice(('per', 'by', 'for each'))} {said}"
        sql = f"SELECT {key.sql}, {value} FROM {up}{where(own)} GROUP BY {key.sql}"
        return ordered_groups(text, sql, value, key, rng)
    outer = draw_conditions(parent, today, rng, (0, 5, 1))
    if not outer:
        return None
    if kind < 0.5 and own:
        text = f"{rng.choice(SHOW[:10])} {parent.many} with {rows}"
        return text, f"SELECT DISTINCT {parent.display.sql} FROM {up}{where(own)}"
    owners = noun(parent.many, outer, rng)
    tests = where([*own, *outer])
    if kind < 0.7:
        return f"how many {rows} are there for {owners}", f"SELECT COUNT(*) FROM {down}{tests}"
    free = free_columns(child)
    if not free:
        return None
    chosen = rng.sample(free, min(len(free), rng.choice((1, 2, 3))))
    names = join_words([c.words for c in chosen])
    forms = ("{s} the {c} of {n} for {p}", "{n} of {p}: {c}", "{s} {c} of {n} that belong to {p}")
    text = rng.choice(forms).format(s=rng.choice(SHOW[:10]), c=names, n=rows, p=owners)
    return text, f"SELECT {', '.join(c.sql for c in chosen)} FROM {down}{tests}"


def itself(schema: Schema, today: dt.date, rng: random.Random) -> Made:
    """`Employees and their managers`: a table that refers to itself, in both directions."""
    own = [link for link in schema.links if link.child == link.parent and link.child in schema.tables]
    if not own:
        return None
    link = rng.choice(own)
    table = schema.tables[link.child]
    role = next(c.words for c in table.columns if c.name == link.child_column).removesuffix(" id")
    other = f"{table.name}_2"
    key = f"{link.child}.{link.child_column} = {other}.{link.parent_column}"
    source = f"{table.name} JOIN {table.name} AS {other} ON {key}"
    lower, upper = table.display.sql, f"{other}.{table.display.name}"
    value = str(rng.choice(table.display.values)) if table.display.values else ""
    kind = rng.choice(("both", "up", "down", "count") if value else ("both", "count"))
    below = next(c for c in table.columns if c.name == link.child_column)
    if below.nullable and rng.random() < 0.25:
        return _above_nobody(table, below, role, today, rng)
    if kind == "both":
        phrases = draw_conditions(table, today, rng, (4, 4))
        forms: tuple[str, ...] = (
            "{s} {n} and their {r}s",
            "{n} with the {r} of each",
            "{s} {n} with the name of their {r}",
            "{n}, each next to the name of their {r}",
            "{n} and who their {r} is",
            "{s} {n} beside their {r}, names of both",
        )
        text = rng.choice(forms).format(s=rng.choice(SHOW[:10]), n=noun(table.many, phrases, rng), r=role)
        return text, f"SELECT {lower}, {upper} FROM {source}{where(phrases)}"
    if kind == "count":
        text = rng.choice(
            ("number of {n} per {r}", "how many {n} does each {r} have", "{n} by {r}, how many")
        )
        sql = f"SELECT {upper}, COUNT(*) FROM {source} GROUP BY {upper}"
        text = text.format(n=table.many, r=role)
        if rng.random() < 0.4:
            return f"{text}, most first", f"{sql} ORDER BY COUNT(*) DESC"
        return text, sql
    if kind == "up":
        forms = ("who is the {r} of {v}", "{r} of {v}", "what is the name of {v}'s {r}", "{v}'s {r}")
        if role in _LEADERS:
            forms += ("who does {v} report to", "{v}'s boss", "under whom does {v} work")
        text = rng.choice(forms)
        return text.format(r=role, v=value), f"SELECT {upper} FROM {source} WHERE {lower} = {literal(value)}"
    forms = ("{n} whose {r} is {v}", "which {n} have {v} as {r}", "{s} the {n} with {v} as their {r}")
    if role in _LEADERS:
        forms += ("who reports to {v}", "{n} that report to {v}", "who works under {v}")
    text = rng.choice(forms).format(n=table.many, r=role, v=value, s=rng.choice(SHOW[:10]))
    return text, f"SELECT {lower} FROM {source} WHERE {upper} = {literal(value)}"


def _above_nobody(table: Table, key: Column, role: str, today: dt.date, rng: random.Random) -> Made:
    """`People without a boss`: the reference itself is missing, so no other row is looked at."""
    phrases = draw_conditions(table, today, rng, (5, 3))
    said, test = rng.choice(
        (
            *(("without a {r}", "IS NULL"), ("that have no {r}", "IS NULL"), ("with no {r}", "IS NULL")),
            ("that have a {r}", "IS NOT NULL"),
        )
    )
    forms = ("{n} {t}", "names of {n} {t}", "{s} the {n} {t}")
    rows = noun(table.many, phrases, rng)
    tests = " AND ".join([*(phrase.sql for phrase in phrases), f"{key.sql} {test}"])
    text = rng.choice(forms).format(n=rows, t=said.format(r=role), s=rng.choice(SHOW[:10]))
    if rng.random() < 0.25:
        text = f"how many {rows} {said.format(r=role)} are there"
        return text, f"SELECT COUNT(*) FROM {table.name} WHERE {tests}"
    return text, f"SELECT {table.display.sql} FROM {table.name} WHERE {tests}"
