"""Questions for who or what has the most altogether, with and without the figure, and for single rows."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Sequence
from dataclasses import dataclass

from narrowgauge.training.specialist.sql_conditions import number_words
from narrowgauge.training.specialist.sql_links import draw_link, free_numbers, joined
from narrowgauge.training.specialist.sql_phrases import (
    Made,
    are_counted,
    draw_column,
    draw_conditions,
    noun,
    noun_of_one,
    where,
)
from narrowgauge.training.specialist.sql_schema import Column, Schema, plural

__all__ = ["group_totals", "parent_totals"]


@dataclass(frozen=True)
class _Groups:
    """What is ranked.

    Attributes:
        one: What people call a group.
        key: The column that it is told by.
        rows: What people call the rows in it, their conditions included.
        row: One of them, likewise.
        source: From FROM to WHERE.
        numbers: Columns that can be added up.
        counted: Whether having most of the rows means most rows.
    """

    one: str
    key: Column
    rows: str
    row: str
    source: str
    numbers: Sequence[Column]
    counted: bool


def group_totals(schema: Schema, today: dt.date, rng: random.Random) -> Made:
    """`Amount per country, top 5`: groups of one table's rows."""
    found = draw_column(schema, rng, "category", "place")
    if found is None:
        return None
    table, key = found
    phrases = draw_conditions(table, today, rng, (5, 3), (key, *table.of("name")))
    rows, row = noun(table.many, phrases, rng), noun_of_one(table.one, phrases, rng)
    source = f"FROM {table.name}{where(phrases)}"
    numbers = free_numbers(table, phrases)
    return _asked(_Groups(key.words, key, rows, row, source, numbers, are_counted(table)), rng)


def parent_totals(schema: Schema, today: dt.date, rng: random.Random) -> Made:
    """`Biggest debtors: name and what they owe`: what refers to a row, added up."""
    found = draw_link(schema, rng)
    if found is None or found[1].display.role != "name":
        return None
    child, parent, link = found
    phrases = draw_conditions(child, today, rng, (5, 3), child.of("name"))
    rows, row = noun(child.many, phrases, rng), noun_of_one(child.one, phrases, rng)
    source = f"FROM {joined(link, link.parent)}{where(phrases)}"
    numbers = free_numbers(child, phrases)
    return _asked(_Groups(parent.one, parent.display, rows, row, source, numbers, are_counted(child)), rng)


def _asked(groups: _Groups, rng: random.Random) -> Made:
    if groups.numbers and rng.random() < 0.15:
        return _single_rows(groups, rng)
    what, value, most = f"number of {groups.rows}", "COUNT(*)", f"most {groups.rows}"
    if groups.numbers and rng.random() < 0.7:
        column = rng.choice(groups.numbers)
        function, word = rng.choice(
            (("SUM", "total"), ("SUM", "total"), ("SUM", "combined"), ("AVG", "average"))
        )
        what, value = f"{word} {column.words} of {groups.rows}", f"{function}({column.sql})"
        most = f"most {column.words} over all {groups.rows}" if function == "SUM" else ""
    figure = "number" if value == "COUNT(*)" else "figure"
    least = rng.random() < 0.15
    high, direction = ("lowest", "ASC") if least else ("highest", "DESC")
    if least:
        most = f"fewest {groups.rows}" if value == "COUNT(*)" else ""
    if not groups.counted and value == "COUNT(*)":
        most = ""
    best = most if most and rng.random() < 0.45 else f"{high} {what}"
    many = plural(groups.one)
    grouped = f"{groups.source} GROUP BY {groups.key.sql} ORDER BY {value} {direction}"
    shown, named = f"SELECT {groups.key.sql}, {value} {grouped}", f"SELECT {groups.key.sql} {grouped}"
    kind = rng.random()
    forms: tuple[str, ...]
    if kind < 0.35:
        # All of them in order: only a number in the question limits them.
        forms = (
            "{g} by {w}, {h} first",
            "rank the {g} by {w}{l}, with the {f}",
            "{o} and {w}, {h} first",
            "all {g} with the {w}, from the {h} on",
            "{w} per {o}, {h} at the top",
        )
        text = rng.choice(forms)
        return text.format(
            g=many, w=what, h=high, o=groups.one, l=", lowest first" if least else "", f=figure
        ), shown
    if kind < 0.65:
        forms = (
            *("which {o} has the {b}", "{o} with the {b}", "what {o} has the {b}"),
            *("the {o} with the {b}", "tell me which {o} has the {b}"),
        )
        text = rng.choice(forms).format(o=groups.one, b=best)
        if kind < 0.52:
            return text + rng.choice(("", "", f", only the {groups.one}")), f"{named} LIMIT 1"
        ends: tuple[str, ...] = (", and how much is it", ", with the figure", ", and that figure")
        if value == "COUNT(*)":
            ends = (", and how many", ", with the number", ", and that number")
        return text + rng.choice(ends), f"{shown} LIMIT 1"
    count = rng.choice((2, 3, 3, 4, 5, 5, 6, 8, 10))
    said = number_words(count, rng)
    forms = (
        "{k} {g} with the {b}",
        "the {k} {g} with the {b}",
        "{w} per {o}, only the {k} {h}",
        "{g} by {w}, the {k} {h}",
    )
    if not least:
        forms += ("top {k} {g} by {w}", "{w} per {o}, top {k}", "{w} by {o}: first {k}, highest on top")
    text = rng.choice(forms).format(k=said, g=many, h=high, w=what, b=best, o=groups.one)
    if kind < 0.8:
        text = rng.choice(("{k} {g} with the {b}", "which {k} {g} have the {b}")).format(
            k=said, g=many, b=best
        )
        tails: tuple[str, ...] = (", names only", ", just the names", f", without the {figure}")
        if groups.key.role != "name":
            tails = (f", only the {many}", f", without the {figure}", f", just the {groups.one}")
        return text + rng.choice(tails), f"{named} LIMIT {count}"
    return text + rng.choice(
        ("", "", f", with the {figure}", f": {groups.one} and {figure}")
    ), f"{shown} LIMIT {count}"


def _single_rows(groups: _Groups, rng: random.Random) -> Made:
    """Asks for rows, each by itself: nothing is added up."""
    column = rng.choice(groups.numbers)
    count = rng.choice((1, 1, 3, 5))
    order = f"ORDER BY {column.sql} DESC LIMIT {count}"
    if count == 1:
        forms: tuple[str, ...] = (
            "{o} of the single {r} with the highest {c}, and that {c}",
            "the one {r} with the largest {c}: {o} and {c}",
        )
    else:
        forms = (
            "{o} and {c} of the {k} single {n} with the highest {c}",
            "the {k} individual {n} with the largest {c}, one line each: {o} and {c}",
        )
    text = rng.choice(forms).format(
        o=groups.one, r=groups.row, n=groups.rows, c=column.words, k=number_words(count, rng)
    )
    return text, f"SELECT {groups.key.sql}, {column.sql} {groups.source} {order}"
