"""Questions for one column of the rows that meet two to four conditions, as people ask tables of results."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Sequence

from narrowgauge.training.specialist.sql_conditions import literal
from narrowgauge.training.specialist.sql_phrases import Made, draw_table
from narrowgauge.training.specialist.sql_schema import Column, Schema

__all__ = ["matching"]

_NUMBERS = (
    (">", ("more than", "larger than", "greater than", "higher than", "over", "above")),
    ("<", ("less than", "smaller than", "lower than", "under", "below")),
    (">=", ("of at least", "of no less than")),
    ("<=", ("of at most", "of no more than")),
    ("=", ("of", "of", "of exactly")),
)
_FUNCTIONS = (
    ("MAX", "highest"),
    ("MIN", "lowest"),
    ("AVG", "average"),
    ("SUM", "sum of"),
    ("MAX", "largest"),
)
# Longer texts are notes, which nobody quotes.
_LONGEST = 40


def matching(schema: Schema, today: dt.date, rng: random.Random) -> Made:
    """`What venue has a score of 3-1 and a crowd over 200`: each condition said stands in the query."""
    table = draw_table(schema, rng)
    columns = [column for column in table.columns if column.role not in ("key", "link", "flag", "date")]
    usable = [column for column in columns if _values(column)]
    if len(columns) < 3 or len(usable) < 2:
        return None
    wanted = min(len(usable), rng.choice((2, 2, 3, 3, 4)))
    conditions = rng.sample(usable, wanted)
    free = [column for column in columns if column not in conditions]
    if not free:
        conditions, free = conditions[1:], conditions[:1]
    said, tests = zip(*(_condition(column, rng) for column in conditions), strict=True)
    source = f"FROM {table.name} WHERE {' AND '.join(tests)}"
    return _asked(rng.choice(free), list(said), source, table.many, rng)


def _asked(
    asked: Column, said: Sequence[tuple[str, str]], source: str, rows: str, rng: random.Random
) -> Made:
    having = _joined([f"{_a(words)} {value}" for words, value in said], rng)
    bare = [(words, value.removeprefix("of ").removeprefix("called ")) for words, value in said]
    whenever = _joined([f"the {words} is {value}" for words, value in bare], rng)
    if rng.random() < 0.15:
        forms: tuple[str, ...] = ("how many {t} have {h}", "number of {t} with {h}", "count of {t} where {w}")
        return rng.choice(forms).format(t=rows, h=having, w=whenever), f"SELECT COUNT(*) {source}"
    if asked.role == "number" and rng.random() < 0.4:
        function, word = rng.choice(_FUNCTIONS)
        forms = (
            "what is the {f} {a} of {t} with {h}",
            "what is the {f} {a} when {w}",
            "{f} {a} with {h}",
            "name the {f} {a} where {w}",
        )
        text = rng.choice(forms).format(f=word, a=asked.words, h=having, w=whenever, t=rows)
        text = text.replace("the sum of", "the sum of the").replace("the the", "the")
        return text, f"SELECT {function}({asked.sql}) {source}"
    forms = (
        "what {a} has {h}",
        "which {a} has {h}",
        "what is the {a} with {h}",
        "what is the {a} when {w}",
        "which {a} is it when {w}",
        "name the {a} for {h}",
        "when {w}, what is the {a}",
        "tell me the {a} with {h}",
        "{a} where {w}",
        "I want the {a} for {h}",
        "what's the {a} of {t} with {h}",
    )
    if asked.words in ("name", "player", "driver", "winner", "director", "artist", "rider"):
        forms += ("who has {h}", "who is it when {w}") * 2
    if asked.role == "number":
        forms += ("how many {a} are there with {h}",) if asked.words.endswith("s") else ()
    return rng.choice(forms).format(
        a=asked.words, h=having, w=whenever, t=rows
    ), f"SELECT {asked.sql} {source}"


def _condition(column: Column, rng: random.Random) -> tuple[tuple[str, str], str]:
    """Draws a condition: the column's words with what is said of it, and the SQL."""
    value = rng.choice(_values(column))
    if isinstance(value, str):
        of = rng.choice(("of ", "of ", "of ", "called ")) if column.role == "name" else "of "
        return (column.words, f"{of}{value}"), f"{column.sql} = {literal(value)}"
    operator, words = rng.choice((*_NUMBERS[:2], *_NUMBERS))
    word = rng.choice(words)
    return (column.words, f"{word} {value}"), f"{column.sql} {operator} {value!r}"


def _values(column: Column) -> list[str | int | float]:
    return [value for value in column.values if not isinstance(value, str) or 0 < len(value) <= _LONGEST]


def _a(words: str) -> str:
    return words if words.endswith("s") and not words.endswith(("ss", "us", "is")) else f"a {words}"


def _joined(parts: Sequence[str], rng: random.Random) -> str:
    if len(parts) == 2:
        return rng.choice((" and ", " and ", ", and ", " as well as ")).join(parts)
    return ", ".join(parts[:-1]) + rng.choice((", and ", " and ")) + parts[-1]
