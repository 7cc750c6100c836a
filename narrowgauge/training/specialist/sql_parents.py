"""Questions on rows by what refers to them: customers by their orders, with them, without them."""

from __future__ import annotations

import datetime as dt
import random

from narrowgauge.training.specialist.sql_grouped import bounded, bounded_figure, figure, ordered_groups
from narrowgauge.training.specialist.sql_links import draw_link, free_numbers, joined
from narrowgauge.training.specialist.sql_phrases import (
    SHOW,
    Made,
    are_counted,
    draw_conditions,
    noun,
    where,
)
from narrowgauge.training.specialist.sql_schema import Schema

__all__ = ["group_parent", "parents_having", "parents_with", "top_parent", "without"]


def top_parent(schema: Schema, today: dt.date, rng: random.Random) -> Made:
    """`The five customers with the largest unpaid invoices`: single rows, or their total a parent."""
    found = draw_link(schema, rng)
    if found is None:
        return None
    child, parent, link = found
    phrases = draw_conditions(child, today, rng, (4, 4, 1))
    count = rng.choice((1, 3, 3, 5, 5, 5, 10, 10))
    shown = "" if count == 1 else str(count)
    nouns = parent.one if count == 1 else parent.many
    show = rng.choice(SHOW[:12])
    numbers = free_numbers(child, phrases)
    kind = rng.choice(("row", "sum", "count"))
    source = f"{joined(link, link.parent)}{where(phrases)}"
    display = parent.display.sql
    rows = noun(child.many, phrases, rng)
    if kind == "row" and numbers:
        column = rng.choice(numbers)
        words = rng.choice(("largest", "biggest", "highest"))
        plain = column.words in ("amount", "total", "total amount")
        many = child.many if plain else f"{child.one} {column.words}"
        text = f"{show} the {shown} {nouns} with the {words} {noun(many, phrases, rng)}"
        return text, f"SELECT {display}, {column.sql} FROM {source} ORDER BY {column.sql} DESC LIMIT {count}"
    if kind == "sum" and numbers:
        column = rng.choice(numbers)
        words = rng.choice(("highest total", "largest total", "most total", "biggest total"))
        text = (
            f"{show} the {rng.choice(('top ', ''))}{shown} {nouns} with the {words} {column.words} of {rows}"
        )
        if rng.random() < 0.4:
            text = f"{show} the top {shown} {nouns} by total {column.words} of {rows}"
        value = f"SUM({column.sql})"
    elif not are_counted(child):
        return None
    else:
        forms = (
            "{s} the {c} {p} with the most {n}",
            "which {c} {p} have the most {n}",
            "top {c} {p} by number of {n}",
        )
        text = rng.choice(forms).format(s=show, c=shown, p=nouns, n=rows)
        if count == 1:
            text = text.replace(f"{nouns} have the most", f"{nouns} has the most")
        value = "COUNT(*)"
    # Of a single one the name alone is asked for, unless more is said.
    shown_value = f", {value}"
    if count == 1 and rng.random() < 0.6:
        shown_value = ""
    elif count == 1:
        text += ", and how many" if value == "COUNT(*)" else ", and how much"
    ordered = f"GROUP BY {display} ORDER BY {value} DESC LIMIT {count}"
    return text, f"SELECT {display}{shown_value} FROM {source} {ordered}"


def group_parent(schema: Schema, today: dt.date, rng: random.Random) -> Made:
    """`Total of orders per customer`, or per another column of the parent, in any order."""
    found = draw_link(schema, rng)
    if found is None:
        return None
    child, parent, link = found
    phrases = draw_conditions(child, today, rng, (4, 3, 1))
    key, said = parent.display, parent.one
    others = parent.of("category", "place")
    if others and rng.random() < 0.4:
        key = rng.choice(others)
        said = rng.choice((f"{parent.one} {key.words}", f"{key.words} of the {parent.one}"))
    words, value = figure(free_numbers(child, phrases), rng)
    rows = noun(child.many, phrases, rng)
    if value == "COUNT(*)" and key is parent.display and rng.random() < 0.3:
        text = f"how many {rows} does each {parent.one} have"
    else:
        text = words.format(n=rows) + f" {rng.choice(('per', 'by', 'for each', 'for every'))} {said}"
    source = f"{joined(link, link.parent)}{where(phrases)}"
    sql = f"SELECT {key.sql}, {value} FROM {source} GROUP BY {key.sql}"
    return ordered_groups(text, sql, value, key, rng)


def parents_having(schema: Schema, today: dt.date, rng: random.Random) -> Made:
    """`Customers with more than three orders`."""
    found = draw_link(schema, rng)
    if found is None:
        return None
    child, parent, link = found
    phrases = draw_conditions(child, today, rng, (4, 4))
    words, bound = bounded_figure(free_numbers(child, phrases), rng)
    text, fields = bounded(parent.many, words.format(n=noun(child.many, phrases, rng)), bound, rng)
    display = parent.display.sql
    source = f"{joined(link, link.parent)}{where(phrases)}"
    return text, f"SELECT {display}{fields} FROM {source} GROUP BY {display} HAVING {bound}"


def parents_with(schema: Schema, today: dt.date, rng: random.Random) -> Made:
    """`Customers with overdue invoices`, or how many there are."""
    found = draw_link(schema, rng)
    if found is None:
        return None
    child, parent, link = found
    phrases = draw_conditions(child, today, rng, (0, 5, 2))
    own = draw_conditions(parent, today, rng, (5, 2))
    if not phrases:
        return None
    rows, owners = noun(child.many, phrases, rng), noun(parent.many, own, rng)
    source = f"{joined(link, link.parent)}{where([*own, *phrases])}"
    if rng.random() < 0.2:
        counted = f"{link.parent}.{link.parent_column}"
        return f"how many {owners} have {rows}", f"SELECT COUNT(DISTINCT {counted}) FROM {source}"
    show = rng.choice((*SHOW[:10], "which"))
    every = "" if show == "which" else rng.choice(("", "the ", "all "))
    have = "have" if show == "which" else rng.choice(("with", "that have"))
    return f"{show} {every}{owners} {have} {rows}", f"SELECT DISTINCT {parent.display.sql} FROM {source}"


def without(schema: Schema, today: dt.date, rng: random.Random) -> Made:
    """`Customers who have no orders`, or none of some kind."""
    found = draw_link(schema, rng)
    if found is None:
        return None
    child, parent, link = found
    phrases = draw_conditions(child, today, rng, (4, 3))
    own = draw_conditions(parent, today, rng, (4, 2))
    rows, owners = noun(child.many, phrases, rng), noun(parent.many, own, rng)
    forms = (
        "which {p} have no {c}",
        "{s} {p} without any {c}",
        "{p} that have never had any {c}",
        "{s} {p} with no {c}",
        "{p} for which there are no {c}",
    )
    # NOT IN with a key that can be missing would find nothing.
    missing = next(c.nullable for c in child.columns if c.name == link.child_column)
    conditions = [p.sql for p in phrases]
    if missing:
        conditions.append(f"{link.child}.{link.child_column} IS NOT NULL")
    limited = " WHERE " + " AND ".join(conditions) if conditions else ""
    inner = f"SELECT {link.child}.{link.child_column} FROM {link.child}{limited}"
    absent = f"{link.parent}.{link.parent_column} NOT IN ({inner})"
    tests = " AND ".join([*(p.sql for p in own), absent])
    if rng.random() < 0.25:
        return f"how many {owners} have no {rows}", f"SELECT COUNT(*) FROM {parent.name} WHERE {tests}"
    text = rng.choice(forms).format(p=owners, c=rows, s=rng.choice(SHOW[:10]))
    return text, f"SELECT {parent.display.sql} FROM {parent.name} WHERE {tests}"
