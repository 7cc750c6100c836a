"""Questions that one word tells apart: what each rule and each topic of templates asks for."""

from __future__ import annotations

import datetime as dt
import random
import re
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from training_parts import Trained

from narrowgauge.contracts.closed_sets import closed_sets_of
from narrowgauge.training.specialist import (
    sql_contrasts,
    sql_listed,
    sql_matching,
    sql_named,
    sql_totals,
)
from narrowgauge.training.specialist.data import canonical_sql
from narrowgauge.training.specialist.sql_foreign import unanswerable
from narrowgauge.training.specialist.sql_periods import TODAY, WHOLE_PERIODS, whole_period
from narrowgauge.training.specialist.sql_phrases import Maker
from narrowgauge.training.specialist.sql_schema import Schema
from narrowgauge.training.specialist.sql_shapes import TOPIC_FLOORS
from narrowgauge.training.specialist.wording_questions import Slots, templates

RULES: dict[str, tuple[Maker, str]] = {
    "by_number": (sql_contrasts.by_number, r"^SELECT (?!.* JOIN ).* WHERE \w+\.(?:id|\w+_id) = \d+$"),
    "asked_after": (sql_contrasts.asked_after, r"^SELECT \w+\.\w+, (?!.* JOIN )"),
    "excluded": (sql_contrasts.excluded, r" <> '[^']+'$"),
    "by_pattern": (sql_contrasts.by_pattern, r" LIKE '%?[^%]+%?'"),
    "compared": (sql_contrasts.compared, r" WHERE (\w+)\.\w+ [<=>] \1\.\w+$"),
    "extremes": (sql_contrasts.extremes, r"^SELECT (?:MIN\((.+)\), MAX|MAX\((.+)\), MIN)\((?:\1|\2)\) FROM"),
    "which_values": (sql_listed.which_values, r"^SELECT (?:DISTINCT )?\w+\.\w+ FROM (?!.* JOIN )"),
    "things_with": (sql_listed.things_with, r"^SELECT (\w+)\.\w+, \1\.\w+(?:, \1\.\w+)? FROM (?!.* JOIN )"),
    "left_out": (sql_listed.left_out, r"(?: <> '[^']+'| = FALSE)(?: GROUP BY \w+\.\w+)?$"),
    "one_named": (sql_named.one_named, r"^SELECT [\w., ]+ FROM \w+ WHERE \w+\.\w+ = '"),
    "added_up": (sql_named.added_up, r"^SELECT SUM\(\w+\.\w+\) FROM (?!.* GROUP BY )"),
    "several_named": (sql_named.several_named, r" WHERE \w+\.\w+ IN \([^)]+, [^)]+\)$"),
    "top_attribute": (sql_named.top_attribute, r" ORDER BY .* LIMIT 1$|^SELECT M(?:AX|IN)\("),
    "group_totals": (sql_totals.group_totals, r" ORDER BY .*(?:DESC|ASC)(?: LIMIT \d+)?$"),
    "parent_totals": (sql_totals.parent_totals, r" JOIN .* ORDER BY .*(?:DESC|ASC)(?: LIMIT \d+)?$"),
    "matching": (sql_matching.matching, r"^SELECT [\w().*]+ FROM \w+ WHERE (?!.* OR )"),
    "both_sides": (sql_contrasts.both_sides, r"^SELECT \w+\.\w+ FROM .* (?:INTERSECT|EXCEPT) SELECT"),
}


@pytest.fixture
def database(warehouse: Path) -> Iterator[sqlite3.Connection]:
    """The demo warehouse, opened."""
    with closing(sqlite3.connect(warehouse)) as connection:
        yield connection


@pytest.mark.parametrize("name", RULES)
def test_a_rule_asks_for_what_it_is_named_after(
    name: str, specialist: Callable[[str], Trained], database: sqlite3.Connection
) -> None:
    """Every query of the rule has its form, runs, and is read by the surface."""
    rule, form = RULES[name]
    part, rng = specialist("sql"), random.Random(5)
    schema, sets = Schema(part.catalogue, database), closed_sets_of(part.catalogue)
    made = [found for _ in range(60) if (found := rule(schema.spoken(rng), TODAY, rng)) is not None]
    assert len(made) > 15
    for text, sql in made:
        assert sql is not None
        assert re.search(form, sql), (text, sql)
        database.execute(sql)
        assert part.surface.parse(canonical_sql(sql), sets).tool.name == "Query", sql


def test_every_topic_has_templates() -> None:
    """A topic with a share has twenty templates or more, so that none of them is learnt by heart."""
    counted = Counter(template.topic for template in templates())
    assert {topic: counted[topic] for topic in TOPIC_FLOORS if counted[topic] < 20} == {}


@pytest.mark.parametrize(
    ("kind", "condition"),
    [
        ("year", "BETWEEN '2026-01-01' AND '2026-12-31'"),
        ("quarter", "BETWEEN '2026-01-01' AND '2026-03-31'"),
        ("month", "BETWEEN '2026-02-01' AND '2026-02-28'"),
    ],
)
def test_a_whole_period_has_its_name(kind: str, condition: str) -> None:
    """A year, a quarter or a month is said with its year, and holds all of its days."""
    assert kind in WHOLE_PERIODS
    words, written = whole_period(kind, dt.date(2026, 2, 14), random.Random(1))
    assert "2026" in words
    assert written == condition


def test_a_kind_of_product_is_said_in_the_plural(
    specialist: Callable[[str], Trained], database: sqlite3.Connection
) -> None:
    """What variants have in common is said in the plural, and searched for as it is in the data."""
    slots, rng = Slots(Schema(specialist("sql").catalogue, database), database), random.Random(2)
    drawn = dict(slots.fill("{kind:products.name}", "{kind:products.name}%", TODAY, rng) for _ in range(400))
    assert drawn["steel shelves"] == "Steel Shelf%"
    assert drawn["torque wrenches"] == "Torque Wrench%"
    assert drawn["work gloves"] == "Work Gloves%"


def test_a_thing_with_a_column_is_named(
    specialist: Callable[[str], Trained], database: sqlite3.Connection
) -> None:
    """What has names is listed with its name beside the column, and no condition is on what is asked for."""
    schema, rng = Schema(specialist("sql").catalogue, database), random.Random(9)
    made = [found for _ in range(200) if (found := sql_listed.things_with(schema, TODAY, rng)) is not None]
    for text, sql in made:
        fields, _, conditions = str(sql).removeprefix("SELECT ").partition(" FROM ")
        table = conditions.split()[0]
        if table in ("customers", "employees", "products"):
            assert fields.startswith(f"{table}.name, "), text
        assert not any(field in conditions for field in fields.split(", ")), (text, sql)


def test_a_figure_is_shown_where_it_is_asked_for(
    specialist: Callable[[str], Trained], database: sqlite3.Connection
) -> None:
    """Of the first one its name alone, unless more is said; only a number in the question limits a list."""
    schema, rng = Schema(specialist("sql").catalogue, database), random.Random(10)
    drawn = [sql_totals.parent_totals(schema, TODAY, rng) for _ in range(300)]
    queries = [(text, str(sql)) for text, sql in filter(None, drawn) if " GROUP BY " in str(sql)]
    for text, sql in queries:
        if re.match(r"which \w+(?: \w+)? has ", text) and not re.search(
            r"(?:figure|number|is it|how many)$", text
        ):
            assert sql.partition(" FROM ")[0].count(",") == 0, (text, sql)
        if " first" in text and "first " not in text and "by" not in text.split():
            assert " LIMIT " not in sql, (text, sql)
    assert {" LIMIT " in sql for _, sql in queries} == {True, False}


def test_what_is_refused_names_what_the_schema_lacks(
    specialist: Callable[[str], Trained], database: sqlite3.Connection
) -> None:
    """Superlatives and months that the schema's own columns answer are never refused for a foreign column."""
    schema, rng = Schema(specialist("sql").catalogue, database), random.Random(11)
    drawn = [unanswerable(schema, TODAY, rng) for _ in range(500)]
    refused = [text for text, _ in filter(None, drawn)]
    own = "|".join(table.many for table in schema.tables.values())
    plain = re.compile(
        rf"(?:\w+ )*the (?:earliest|newest|most expensive|cheapest|oldest) ?(?:\d+|\w+)? *(?:{own})\s*"
    )
    assert len(refused) > 300
    assert [text for text in refused if plain.fullmatch(text)] == []
