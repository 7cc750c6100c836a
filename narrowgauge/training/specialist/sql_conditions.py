"""Conditions on a table: the words of a question and the SQL that they mean."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass

from narrowgauge.contracts.countries import demonym
from narrowgauge.training.specialist.countries import said_country
from narrowgauge.training.specialist.sql_periods import TODAY, period
from narrowgauge.training.specialist.sql_schema import Column, Table

__all__ = ["TODAY", "Phrase", "condition", "literal", "number_words"]

_NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_ADJECTIVES = {
    *(
        "open",
        "closed",
        "shipped",
        "pending",
        "paid",
        "unpaid",
        "overdue",
        "cancelled",
        "canceled",
        "delivered",
    ),
    *(
        "active",
        "inactive",
        "draft",
        "returned",
        "new",
        "resolved",
        "escalated",
        "delayed",
        "lost",
        "processing",
    ),
}


@dataclass(frozen=True)
class Phrase:
    """Words and the SQL condition that they mean.

    Attributes:
        before: Words that stand before the noun (`unpaid`), or empty.
        after: Words that stand after the noun (`over 500 dollars`), or empty.
        sql: The condition.
    """

    before: str
    after: str
    sql: str


def literal(value: str | float) -> str:
    """Writes a value as a SQL literal."""
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return repr(value)


def number_words(number: int, rng: random.Random) -> str:
    """Writes a small number as a word or as digits."""
    return _NUMBERS[number - 1] if number <= len(_NUMBERS) and rng.random() < 0.5 else str(number)


def condition(table: Table, today: dt.date, rng: random.Random) -> Phrase | None:
    """Makes one condition on a table, relative to today; None when it has no column for one."""
    columns = [c for c in table.of("category", "number", "date", "place", "name") if c.values]
    columns += table.of("flag")
    if not columns:
        return None
    # Categories are what is left out most easily, so they are asked for most.
    column = rng.choice([*columns, *(c for c in columns if c.role == "category")])
    if column.words in ("country", "nation", "nationality") and column.values:
        return _country(column, rng)
    if column.role == "date":
        return _date(column, today, rng)
    make = {
        "category": _category,
        "number": _number,
        "place": _place,
        "name": _name,
        "flag": _flag,
    }[column.role]
    return make(column, rng)


def _category(column: Column, rng: random.Random) -> Phrase:
    value = str(rng.choice(column.values))
    words = value.replace("_", " ")
    if len(column.values) > 2 and rng.random() < 0.25:
        return _categories(column, rng)
    if rng.random() < 0.08:
        after = rng.choice(("that are not {v}", "with a {c} other than {v}", "whose {c} is not {v}"))
        return Phrase("", after.format(v=words, c=column.words), f"{column.sql} <> {literal(value)}")
    sql = f"{column.sql} = {literal(value)}"
    if words.lower() in _ADJECTIVES and rng.random() < 0.75:
        if rng.random() < 0.7:
            return Phrase(words, "", sql)
        return Phrase("", rng.choice(("that are {v}", "which are {v}", "marked {v}")).format(v=words), sql)
    forms = [
        "with {c} {v}",
        "whose {c} is {v}",
        "where the {c} is {v}",
        "with a {c} of {v}",
        "that have {c} {v}",
    ]
    if column.words in ("department", "category", "industry", "team", "warehouse", "region", "segment"):
        forms += ["in the {v} {c}", "in {v}", "from {v}", "of the {v} {c}"] * 2
    if column.words in ("priority", "tier", "level", "severity"):
        if rng.random() < 0.5:
            return Phrase(f"{words} {column.words}", "", sql)
        forms += ["of {v} {c}", "with {v} {c}"] * 2
    if column.words in ("carrier", "channel", "supplier", "method", "payment method"):
        forms += ["by {v}", "via {v}", "through {v}"] * 2
    if column.words in ("city", "country"):
        forms = ["in {v}", "from {v}", "located in {v}", "based in {v}"]
    return Phrase("", rng.choice(forms).format(c=column.words, v=words), sql)


def _categories(column: Column, rng: random.Random) -> Phrase:
    """Two or three values of one column; `and` between them means either of them, like `or`."""
    chosen = [
        str(v) for v in rng.sample(column.values, 3 if len(column.values) > 4 and rng.random() < 0.2 else 2)
    ]
    said = [value.replace("_", " ") for value in chosen]
    if rng.random() < 0.2:
        forms: tuple[str, ...] = (
            "that are neither {a} nor {b}",
            "with a {c} other than {a} or {b}",
            "except {a} and {b}",
        )
        both = f"{literal(chosen[0])}, {literal(chosen[1])}"
        after = rng.choice(forms).format(a=said[0], b=said[1], c=column.words)
        return Phrase("", after, f"{column.sql} NOT IN ({both})")
    either = ", ".join(said[:-1]) + rng.choice((" or ", " and ")) + said[-1]
    sql = f"{column.sql} IN ({', '.join(literal(value) for value in chosen)})"
    if rng.random() < (0.7 if said[0].lower() in _ADJECTIVES else 0.35):
        return Phrase(either, "", sql)
    either = either.replace(" and ", " or ")
    forms = (
        "with {c} {v}",
        "whose {c} is {v}",
        "where the {c} is {v}",
        "with a {c} of {v}",
        "with either {v}",
    )
    return Phrase("", rng.choice(forms).format(c=column.words, v=either), sql)


def _country(column: Column, rng: random.Random) -> Phrase:
    """A country by its name, its abbreviation, or the adjective of its people; sometimes one of two."""
    values = [str(v) for v in rng.sample(column.values, min(len(column.values), 2))]
    adjectives = [demonym(value) for value in values]
    if len(values) > 1 and rng.random() < 0.2:
        sql = f"{column.sql} IN ({literal(values[0])}, {literal(values[1])})"
        word = rng.choice((" and ", " or "))
        if all(adjectives):
            return Phrase(word.join(str(adjective) for adjective in adjectives), "", sql)
        return Phrase("", "in " + word.join(said_country(value, rng) for value in values), sql)
    sql = f"{column.sql} = {literal(values[0])}"
    if adjectives[0] and rng.random() < 0.5:
        return Phrase(adjectives[0], "", sql)
    words = rng.choice(("in {v}", "from {v}", "located in {v}", "based in {v}", "whose {c} is {v}"))
    return Phrase("", words.format(v=said_country(values[0], rng), c=column.words), sql)


def _flag(column: Column, rng: random.Random) -> Phrase:
    """A column that is true or false, by its name without `is`."""
    words = column.words.removeprefix("is ").removeprefix("has ")
    if rng.random() < 0.35:
        after = rng.choice(("that are not {w}", "which are not {w}", "where {w} is false")).format(w=words)
        return Phrase("", after, f"{column.sql} = FALSE")
    sql = f"{column.sql} = TRUE"
    if rng.random() < 0.4:
        return Phrase(words, "", sql)
    return Phrase("", rng.choice(("that are {w}", "which are {w}", "where {w} is true")).format(w=words), sql)


def _number(column: Column, rng: random.Random) -> Phrase:
    numbers = [v for v in column.values if isinstance(v, int | float)] or [10]
    value = _round(rng.choice(numbers), rng)
    comparators = {
        ">": ("over", "above", "more than", "greater than", "higher than", "exceeding"),
        ">=": ("at least", "no less than"),
        "<": ("under", "below", "less than", "lower than", "fewer than"),
        "<=": ("at most", "no more than", "up to"),
    }
    if rng.random() < 0.1:
        high = value + _round(rng.choice(numbers) or 10, rng)
        after = f"with {column.words} between {value} and {high}"
        return Phrase("", after, f"{column.sql} BETWEEN {value!r} AND {high!r}")
    operator = rng.choice((">", ">", ">", ">=", "<", "<", "<", "<="))
    words = rng.choice(comparators[operator])
    money = any(part in column.words for part in ("amount", "total", "price", "cost", "salary", "value"))
    unit = rng.choice(("", "", " dollars", " USD")) if money else ""
    sign = "$" if money and not unit and rng.random() < 0.3 else ""
    shown = f"{sign}{value:,}" if value >= 1000 and rng.random() < 0.3 else f"{sign}{value}"
    forms = [
        "with {c} {w} {v}{u}",
        "with a {c} {w} {v}{u}",
        "whose {c} is {w} {v}{u}",
        "where {c} is {w} {v}{u}",
    ]
    if money:
        forms.append("{w} {v}{u}")
    after = rng.choice(forms).format(c=column.words, w=words, v=shown, u=unit)
    return Phrase("", after, f"{column.sql} {operator} {value!r}")


def _round(value: float, rng: random.Random) -> int | float:
    """Rounds as people do: 4873.21 becomes 5000 or 4900, 37 stays or becomes 40."""
    if isinstance(value, float) and abs(value) < 10:
        return round(value, 1)
    number = round(value)
    digits = len(str(abs(number)))
    return round(number, -max(0, digits - rng.choice((1, 2)))) if digits > 1 else number


def _date(column: Column, today: dt.date, rng: random.Random) -> Phrase:
    text = str(rng.choice(column.values))[:10]
    try:
        day = dt.date.fromisoformat(text)
    except ValueError:
        return Phrase("", f"with {column.words} {text}", f"{column.sql} = {literal(text)}")
    words, comparison = period(day, today, rng)
    return Phrase("", f"{_verb(column, rng)} {words}", f"{column.sql} {comparison}")


def _verb(column: Column, rng: random.Random) -> str:
    stem = column.words.removesuffix(" date").strip()
    verbs = {
        "order": "placed",
        "ordered": "ordered",
        "issue": "issued",
        "issued": "issued",
        "due": "due",
        "shipped": "shipped",
        "ship": "shipped",
        "delivery": "delivered",
        "delivered": "delivered",
        "created": "created",
        "opened": "opened",
        "closed": "closed",
        "hire": "hired",
        "hired": "hired",
        "paid": "paid",
        "resolved": "resolved",
        "updated": "updated",
        "since": "who joined",
        "birth": "born",
        "start": "started",
        "end": "ended",
        "release": "released",
    }
    if stem in verbs:
        return verbs[stem]
    return rng.choice((f"with {column.words}", f"whose {column.words} is"))


def _place(column: Column, rng: random.Random) -> Phrase:
    value = str(rng.choice(column.values))
    words = rng.choice(("in {v}", "from {v}", "located in {v}", "based in {v}", "whose {c} is {v}"))
    return Phrase("", words.format(v=value, c=column.words), f"{column.sql} = {literal(value)}")


def _name(column: Column, rng: random.Random) -> Phrase:
    value = str(rng.choice(column.values))
    if rng.random() < 0.15 and " " in value:
        part = value.split()[0]
        words = rng.choice(("whose {c} contains {v}", "with {v} in the {c}", "with a {c} like {v}"))
        sql = f"{column.sql} LIKE {literal('%' + part + '%')}"
        return Phrase("", words.format(v=part, c=column.words), sql)
    words = rng.choice(("named {v}", "called {v}", "whose {c} is {v}", "with {c} {v}", 'with the {c} "{v}"'))
    if column.words not in ("name", "title"):
        words = rng.choice(("whose {c} is {v}", "with {c} {v}", "with the {c} {v}"))
    return Phrase("", words.format(v=value, c=column.words), f"{column.sql} = {literal(value)}")
