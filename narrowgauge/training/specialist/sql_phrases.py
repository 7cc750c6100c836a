"""Parts of questions that all rules of the grammar share: nouns with conditions, verbs, superlatives."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable, Sequence

from narrowgauge.training.specialist.sql_conditions import Phrase, condition
from narrowgauge.training.specialist.sql_schema import Column, Schema, Table

__all__ = [
    "AGGREGATES",
    "SHOW",
    "Made",
    "Maker",
    "all_of",
    "are_counted",
    "draw_column",
    "draw_conditions",
    "draw_table",
    "free_columns",
    "join_words",
    "name_of",
    "noun",
    "noun_of_one",
    "order_words",
    "superlative",
    "where",
]

Made = tuple[str, str | None] | None
"""A question and its query; None where the schema has nothing to ask for in this way."""
Maker = Callable[[Schema, dt.date, random.Random], Made]

SHOW = (
    *("list", "show", "show me", "give me", "get", "find", "display", "fetch", "return", "pull up", "I need"),
    *("can you list", "could you show me", "what are", "which are", "look up", "list out", "I want to see"),
)
AGGREGATES = {
    "AVG": ("average", "mean", "average"),
    "SUM": ("total", "combined", "sum of the", "total"),
    "MAX": ("highest", "maximum", "largest", "biggest"),
    "MIN": ("lowest", "minimum", "smallest"),
}


def draw_table(schema: Schema, rng: random.Random) -> Table:
    """Draws a table."""
    return rng.choice(list(schema.tables.values()))


def draw_column(schema: Schema, rng: random.Random, *roles: str) -> tuple[Table, Column] | None:
    """Draws a table, and one of its columns of these roles; None where it has none."""
    table = draw_table(schema, rng)
    columns = table.of(*roles)
    return (table, rng.choice(columns)) if columns else None


def free_columns(table: Table) -> list[Column]:
    """Returns the columns that a person wants to see: all but keys and links."""
    return [column for column in table.columns if column.role not in ("key", "link")]


def draw_conditions(
    table: Table,
    today: dt.date,
    rng: random.Random,
    weights: Sequence[int] = (3, 4, 3, 1),
    avoid: Sequence[Column] = (),
) -> list[Phrase]:
    """Draws conditions on different columns.

    Args:
        table: Whose columns.
        today: What relative dates refer to.
        rng: The source of chance.
        weights: Of no condition, of one, and so on.
        avoid: Columns to have none on.
    """
    wanted = rng.choices(range(len(weights)), weights)[0]
    result: list[Phrase] = []
    taken = {column.sql for column in avoid}
    for _ in range(wanted * 4):
        made = condition(table, today, rng)
        if made is None or len(result) == wanted:
            break
        column = made.sql.split()[0]
        # More than two adjectives, or two that are lists, cannot be read.
        before = [p.before for p in (*result, made) if p.before]
        if column in taken or len(before) > 2 or (len(before) == 2 and any(" " in words for words in before)):
            continue
        taken.add(column)
        result.append(made)
    return result


def noun(words: str, phrases: Sequence[Phrase], rng: random.Random) -> str:
    """Returns rows with their conditions: `unpaid invoices over 500 dollars and due last week`."""
    before = " ".join(p.before for p in phrases if p.before)
    after = rng.choice((" and ", " and ", ", ", " and also ")).join(p.after for p in phrases if p.after)
    return f"{before} {words} {after}"


def noun_of_one(words: str, phrases: Sequence[Phrase], rng: random.Random) -> str:
    """Returns a single row with its conditions: `unpaid invoice that is over 500 dollars`."""
    said = noun(words, phrases, rng)
    for many, one in (("that are ", "that is "), ("which are ", "which is "), ("that have ", "that has ")):
        said = said.replace(many, one)
    return said


def are_counted(table: Table) -> bool:
    """Tells whether having most of a table's rows means most rows: most inventory means most pieces."""
    return table.one not in ("inventory", "stock")


def name_of(table: Table) -> Column | None:
    """Returns the column that says what a row is called; a number or a code of it is none."""
    column = table.display
    words = column.name.lower()
    is_name = column.role == "name" and words.endswith(("name", "title", "subject", "label"))
    return column if is_name else None


def where(phrases: Sequence[Phrase]) -> str:
    """Returns the WHERE clause, with the space before it; nothing without conditions."""
    return " WHERE " + all_of(phrases) if phrases else ""


def all_of(phrases: Sequence[Phrase]) -> str:
    """Returns the conditions, all of which must hold."""
    return " AND ".join(p.sql for p in phrases)


def join_words(parts: Sequence[str]) -> str:
    """Returns a list in words: `a, b and c`."""
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]


def superlative(column: Column, rng: random.Random) -> tuple[str, str] | None:
    """Returns words for an order over a column and its direction; words with `~` stand before the noun."""
    if column.role == "number":
        money = any(part in column.words for part in ("price", "cost"))
        pairs = [
            ("with the {h} {c}", "DESC", ("highest", "largest", "biggest", "greatest", "most")),
            ("by {c}", "DESC", ("",)),
            ("with the {h} {c}", "ASC", ("lowest", "smallest", "least")),
        ]
        template, direction, words = rng.choices(pairs, (4, 2, 2))[0]
        if money and rng.random() < 0.5:
            return rng.choice((("~most expensive", "DESC"), ("~cheapest", "ASC")))
        adjective = rng.choice(words)
        if adjective in ("most", "least") and column.words not in ("quantity", "stock", "units"):
            adjective = "highest" if direction == "DESC" else "lowest"
        return template.format(h=adjective, c=column.words), direction
    if column.role == "date":
        return rng.choice(
            (
                ("~newest", "DESC"),
                ("~latest", "DESC"),
                ("~most recent", "DESC"),
                ("~oldest", "ASC"),
                ("~earliest", "ASC"),
                (f"with the latest {column.words}", "DESC"),
                (f"with the earliest {column.words}", "ASC"),
            )
        )
    return None


_ORDERS = {
    ("number", "DESC"): (
        *("by {c}, highest first", "sorted by {c} in descending order", "with the highest {c} first"),
        *("ordered by {c} descending", "from the highest to the lowest {c}", "by {c}, largest on top"),
    ),
    ("number", "ASC"): (
        *("by {c}, lowest first", "sorted by {c} in ascending order", "with the lowest {c} first"),
        *("ordered by {c}", "from the lowest to the highest {c}", "sorted by {c}"),
    ),
    ("date", "DESC"): (
        *("by {c}, newest first", "with the latest {c} first", "sorted by {c} in descending order"),
        *("by {c}, most recent first", "ordered by {c}, latest on top"),
    ),
    ("date", "ASC"): (
        *("by {c}, oldest first", "with the earliest {c} first", "sorted by {c}", "in order of {c}"),
        *("by {c} in chronological order", "ordered by {c}, earliest first"),
    ),
    ("name", "ASC"): (
        *("in alphabetical order of {c}", "sorted by {c}", "by {c} from A to Z", "ordered by {c}"),
        *("sorted alphabetically by {c}", "by {c}, alphabetically"),
    ),
    ("name", "DESC"): ("by {c} from Z to A", "sorted by {c} in reverse alphabetical order"),
}


def order_words(column: Column, direction: str, rng: random.Random) -> str:
    """Returns words for all rows in the order of a column."""
    kind = column.role if column.role in ("number", "date") else "name"
    return rng.choice(_ORDERS[kind, direction]).format(c=column.words)
