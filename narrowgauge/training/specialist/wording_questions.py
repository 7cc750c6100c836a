"""Questions in the wording of people: templates written by hand, their slots filled from a database.

A line of `wording/warehouse_*.jsonl` is one template: `{"ask": [paraphrases], "sql": query or null}`. Slots
stand in braces, the same ones in each paraphrase and in the query; `#2` makes another one of the same kind:

    {customers.country}       a value of the column; `#2` another value
    {n}                       a small number, 2 to 12
    {orders.total~}           a round number within the column's range; `#2` a larger one
    {day:orders.order_date}   a day within the column's range or near today; `#2` a later one
    {span:orders.order_date}  a period in words, adverbial (`last month`, `since 1 May 2025`); in the query
                              the condition on the column
    {first:products.name}     first word of a value; likewise `last`, `letter` (the first one) and `prefix`
                              (what stands before a hyphen); bare in the query, for quoted patterns
    {kind:products.name}      what variants of a product have in common, in the plural (`carton boxes`); bare
                              in the query, as it is in the data (`Carton Box`)
    {year:orders.order_date}  a whole year, bare (`2025`); likewise `month` (`March 2025`) and `quarter` (`Q1
                              2025`); in the query the condition on the column
    {people:customers.country}  the adjective of a country (`German`); in the query the country. Likewise
                              `short`, an abbreviation that stands after an article (`UK`)

Templates are drawn by weights that make no shape of query and no topic, that is file, rare (`sql_shapes`).
"""

from __future__ import annotations

import datetime as dt
import json
import random
import re
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from pathlib import Path

from narrowgauge.contracts.countries import demonym, short_names
from narrowgauge.demo.warehouse import SCHEMA
from narrowgauge.training.specialist.countries import said_country
from narrowgauge.training.specialist.noise import roughen
from narrowgauge.training.specialist.sql_conditions import literal, number_words
from narrowgauge.training.specialist.sql_periods import (
    WHOLE_PERIODS,
    draw_today,
    near_day,
    period,
    said_day,
    whole_period,
)
from narrowgauge.training.specialist.sql_questions import Question
from narrowgauge.training.specialist.sql_schema import Schema, plural
from narrowgauge.training.specialist.sql_shapes import balanced_weights, shapes_of

__all__ = ["SLOT", "Slots", "Template", "has_wording", "templates", "wording_questions"]

SLOT = re.compile(r"\{(?:(?P<kind>\w+):)?(?P<column>\w+(?:\.\w+)?)(?P<round>~?)(?:#(?P<number>\d))?\}")
_PARTS: dict[str, Callable[[str], str]] = {
    "first": lambda value: value.split()[0],
    "last": lambda value: value.split()[-1],
    "letter": lambda value: value[0],
    "prefix": lambda value: value.partition("-")[0],
}
_ADJECTIVES: dict[str, Callable[[str], tuple[str, ...]]] = {
    "people": lambda country: (adjective,) if (adjective := demonym(country)) else (),
    "short": short_names,
}
_MONEY = ("total", "amount", "price", "salary")
_UNIT_BEFORE, _UNIT_AFTER = (
    re.compile(r"[$€#]$"),
    re.compile(r"\s*(dollars|usd|bucks|euros?|eur|kg|kilos?)\b"),
)


@dataclass(frozen=True)
class Template:
    """One meaning.

    Attributes:
        ask: Ways to ask for it.
        sql: The query, or None when the database cannot answer.
        topic: What its file is called after `warehouse_`.
    """

    ask: tuple[str, ...]
    sql: str | None
    topic: str

    @property
    def shapes(self) -> frozenset[str]:
        """Its topic, and the shapes of its query."""
        return shapes_of(self.sql) | {self.topic}


def has_wording(schema: Schema) -> bool:
    """Says whether the templates are about this schema: it has the demo warehouse's tables."""
    return set(re.findall(r"CREATE TABLE (\w+)", SCHEMA)) <= schema.tables.keys()


@cache
def templates() -> tuple[Template, ...]:
    """Returns all templates, in the order of their files."""
    found = []
    for path in sorted((Path(__file__).parent / "wording").glob("warehouse_*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            said = json.loads(line)
            topic = path.stem.removeprefix("warehouse_")
            found.append(Template(tuple(said["ask"]), said["sql"], topic))
    return tuple(found)


@cache
def _cumulated_weights() -> tuple[float, ...]:
    return tuple(accumulate(balanced_weights([template.shapes for template in templates()])))


def wording_questions(schema: Schema, database: sqlite3.Connection, *, seed: int) -> Iterator[Question]:
    """Yields questions without end; the same seed gives the same questions.

    Args:
        schema: Of the database.
        database: Holds the values of slots.
        seed: Of all that is drawn.

    Raises:
        sqlite3.Error: A template names a column that the database lacks.
        ValueError: A column has fewer values than a template needs.
    """
    rng = random.Random(seed)
    slots = Slots(schema, database)
    while True:
        (template,) = rng.choices(templates(), cum_weights=_cumulated_weights())
        text = roughen(rng.choice(template.ask), rng)  # before slots are filled: their values stay whole
        today = draw_today(rng)
        filled = slots.fill(text, template.sql or "", today, rng)
        yield Question(filled[0], filled[1] or None, "wording", today)


class Slots:
    """Fills slots with what a database holds."""

    def __init__(self, schema: Schema, database: sqlite3.Connection) -> None:
        self._database = database
        self._values: dict[str, list[str | int | float]] = {}
        self._plain = {
            column.sql
            for table in schema.tables.values()
            for column in table.of("category", "place")
            if not any(str(value).isupper() for value in column.values)
        }

    def fill(self, text: str, sql: str, today: dt.date, rng: random.Random) -> tuple[str, str]:
        """Fills the slots of a question that is asked today and of its query alike."""
        groups: dict[str, list[str]] = defaultdict(list)
        for found in SLOT.finditer(f"{sql} {text}"):
            group = groups[found[0].replace(f"#{found['number']}", "")]
            if found[0] not in group:
                group.append(found[0])
        said: dict[str, str] = {}
        written: dict[str, str] = {}
        for base, group in groups.items():
            # Sorted, so that `#2` is the later day and the larger number.
            for slot, (words, value) in zip(
                sorted(group, key=_number), self._draw(base, len(group), today, rng), strict=True
            ):
                said[slot], written[slot] = _with_unit(slot, text, words, rng), value
        return SLOT.sub(lambda m: said[m[0]], text), SLOT.sub(lambda m: written[m[0]], sql)

    def _draw(self, base: str, count: int, today: dt.date, rng: random.Random) -> list[tuple[str, str]]:
        """Draws words and SQL of slots that differ in their number alone."""
        found = SLOT.fullmatch(base)
        assert found is not None, base
        kind, column = found["kind"], found["column"]
        if column == "n":
            return [(number_words(n, rng), str(n)) for n in rng.sample(range(2, 13), count)]
        values = self._of(column)
        if found["round"]:
            return [(str(n), str(n)) for n in _round_numbers(values, count, rng)]
        if kind == "day":
            days = sorted(near_day(_day(d), today, rng) for d in rng.sample(values, count))
            return [(said_day(d, today, rng), f"'{d}'") for d in days]
        if kind == "span":
            spans = [period(_day(rng.choice(values)), today, rng) for _ in range(count)]
            return [(words, f"{column} {condition}") for words, condition in spans]
        if kind in WHOLE_PERIODS:
            days = sorted(near_day(_day(d), today, rng) for d in rng.sample(values, count))
            wholes = dict.fromkeys(whole_period(kind, day, rng) for day in days)
            return [(words, f"{column} {condition}") for words, condition in wholes]
        if kind == "kind":
            kinds = sorted({str(value).rpartition(" ")[0] for value in values})
            return [(_kinds(name, rng), name) for name in rng.sample(kinds, count)]
        if kind in _ADJECTIVES:
            said_by = {str(value): names for value in values if (names := _ADJECTIVES[kind](str(value)))}
            countries = rng.sample(sorted(said_by), count)
            return [(rng.choice(said_by[country]), literal(country)) for country in countries]
        if kind is not None:
            parts = sorted({_PARTS[kind](str(value)) for value in values})
            return [(part, part.replace("'", "''")) for part in rng.sample(parts, count)]
        small = column in self._plain and rng.random() < 0.2
        drawn = [(str(value), literal(value)) for value in rng.sample(values, count)]
        if column.endswith(".country"):
            drawn = [(said_country(words, rng), value) for words, value in drawn]
        return [(words.lower() if small else words, value) for words, value in drawn]

    def _of(self, column: str) -> list[str | int | float]:
        if column not in self._values:
            table, name = column.split(".")
            rows = self._database.execute(
                f'SELECT DISTINCT "{name}" FROM "{table}" WHERE "{name}" IS NOT NULL ORDER BY 1'
            )
            self._values[column] = [row[0] for row in rows]
        return self._values[column]


def _kinds(name: str, rng: random.Random) -> str:
    """Returns the plural of a product's kind, mostly in small letters."""
    words = re.sub(r"fe?s$", "ves", plural(name)) if name.endswith(("lf", "fe")) else plural(name)
    return words if rng.random() < 0.25 else words.lower()


def _number(slot: str) -> str:
    return slot.partition("#")[2]


def _day(value: str | int | float) -> dt.date:
    return dt.date.fromisoformat(str(value))


def _round_numbers(values: list[str | int | float], count: int, rng: random.Random) -> list[int]:
    """Draws ascending round numbers from the middle of the values' range."""
    numbers = [round(float(value)) for value in values]
    low, high = numbers[len(numbers) // 20], numbers[-1 - len(numbers) // 20]
    drawn: set[int] = set()
    while len(drawn) < count:
        number = rng.randint(low, high)
        step = max(1, 10 ** (len(str(number)) - 1) // rng.choice((1, 2, 2, 10)))
        drawn.add(max(step, round(number / step) * step))
    return sorted(drawn)


def _with_unit(slot: str, text: str, words: str, rng: random.Random) -> str:
    """Writes a round number as people do: 9000, 9,000, 9k, $9,000."""
    if "~" not in slot:
        return words
    before, _, after = text.partition(slot)
    number = int(words)
    if number >= 1000:
        forms = [f"{number}", f"{number}", f"{number:,}"]
        if number % 100 == 0 and number < 1_000_000:
            forms.append(f"{number / 1000:g}k")
        words = rng.choice(forms)
    if (
        any(part in slot for part in _MONEY)
        and not _UNIT_BEFORE.search(before)
        and not _UNIT_AFTER.match(after)
    ):
        words = rng.choice((words, words, words, f"${words}", f"{words} dollars"))
    return words
