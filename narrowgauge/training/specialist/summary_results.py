"""A tool's result as rows, with what a reader calls their parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Cell", "Part", "Result", "text_of_result"]

Cell = str | float | None


@dataclass(frozen=True)
class Part:
    """A column that a summary speaks of.

    Attributes:
        column: Its name.
        words: How people call it.
        high: Words for its greatest value (`largest`).
        low: Words for its least value.
    """

    column: str
    words: str
    high: str = "largest"
    low: str = "smallest"


@dataclass(frozen=True)
class Result:
    """A tool's result.

    Attributes:
        rows: Column name to value, as the tool answers.
        one: What a row is, in the singular.
        many: The same in the plural.
        name: Column that tells rows apart.
        prefix: Words before that column's value (`invoice`), or empty when it is a name by itself.
        measure: A column of numbers, or None.
        date: A column of dates, or None; its words go before `on`.
        category: A column of few values, or None; its words are a form such as `{} priority`.
        order: `down` or `up` when the rows are in the order of the measure, else empty.
    """

    rows: tuple[dict[str, Cell], ...]
    one: str
    many: str
    name: str
    prefix: str = ""
    measure: Part | None = None
    date: Part | None = None
    category: Part | None = None
    order: str = ""

    def label(self, index: int) -> str:
        """Returns what a row is called."""
        name = plain(self.rows[index][self.name])
        return f"{self.prefix} {name}" if self.prefix else name

    def values(self, part: Part) -> list[str]:
        """Returns a column's values as the prompt and the source show them."""
        return [plain(row[part.column]) for row in self.rows]


def plain(value: Cell) -> str:
    """Writes a value as the router writes it into a result's text."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def text_of_result(rows: Sequence[dict[str, Cell]]) -> str:
    """Writes rows as the router does: a header and a line a row."""
    if not rows:
        return "no rows"
    names = list(dict.fromkeys(name for row in rows for name in row))
    lines = [" | ".join(names), *(" | ".join(plain(row.get(name)) for name in names) for row in rows)]
    return "\n".join(lines)
