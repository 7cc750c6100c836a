"""Ways between two tables: a foreign key, the join over it, and the numbers that are left to ask for."""

from __future__ import annotations

import random
from collections.abc import Sequence

from narrowgauge.training.specialist.sql_conditions import Phrase
from narrowgauge.training.specialist.sql_schema import Column, Link, Schema, Table

__all__ = ["draw_link", "free_numbers", "joined"]


def draw_link(schema: Schema, rng: random.Random) -> tuple[Table, Table, Link] | None:
    """Draws a child, its parent, and the key between them."""
    between = [
        link
        for link in schema.links
        if link.child != link.parent and {link.child, link.parent} <= schema.tables.keys()
    ]
    if not between:
        return None
    link = rng.choice(between)
    return schema.tables[link.child], schema.tables[link.parent], link


def joined(link: Link, first: str) -> str:
    """Returns the two tables of a key, joined, the named one first."""
    second = link.parent if first == link.child else link.child
    return f"{first} JOIN {second} ON {link.join}"


def free_numbers(table: Table, phrases: Sequence[Phrase]) -> list[Column]:
    """Returns the numbers of a table that no condition is on."""
    return [
        column for column in table.of("number") if not any(column.sql in phrase.sql for phrase in phrases)
    ]
