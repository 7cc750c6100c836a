"""Shapes of generated questions: none is rare, in people's wording or in that of the grammar."""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path

import pytest
from training_parts import Trained

from narrowgauge.contracts.closed_sets import closed_sets_of
from narrowgauge.contracts.countries import demonym
from narrowgauge.contracts.sqlite_catalogue import catalogue_of_sqlite
from narrowgauge.training.specialist.data import canonical_sql
from narrowgauge.training.specialist.sql_questions import Question, questions
from narrowgauge.training.specialist.sql_schema import Schema
from narrowgauge.training.specialist.sql_shapes import (
    FLOORS,
    TOPIC_FLOORS,
    UNANSWERABLE,
    UNANSWERABLE_SHARE,
    balanced_weights,
    shapes_of,
)
from narrowgauge.training.specialist.wording_questions import templates, wording_questions

DRAWN = 2000
# The least share of each shape among 2,000 questions of the grammar; of people's wording FLOORS are.
GRAMMAR_FLOORS = {
    "ordered": 0.09,
    "no condition": 0.2,
    "two conditions": 0.15,
    "three conditions": 0.02,
    "in list": 0.05,
    "join": 0.2,
    "three tables": 0.02,
    "self join": 0.005,
    "count": 0.2,
    "sum": 0.03,
    "average": 0.02,
    "having": 0.025,
    "columns beside an aggregate": 0.035,
    "year and month": 0.02,
    "offset": 0.01,
    "distinct": 0.025,
    "arithmetic": 0.01,
    "absence": 0.04,
    UNANSWERABLE: 0.1,
}
ELSEWHERE = """
CREATE TABLE Stadium (StadiumID int PRIMARY KEY, Name text, Capacity int, City text);
CREATE TABLE singer (singer_id int PRIMARY KEY, name text, country text, age int, is_active bool,
                     birth_date date);
CREATE TABLE concert (concert_id int PRIMARY KEY, concert_name text, theme text, status text,
                      stadium_id int REFERENCES Stadium (StadiumID), held_on date);
CREATE TABLE singer_in_concert (concert_id int REFERENCES concert (concert_id),
                                singer_id int REFERENCES singer (singer_id));
"""


@pytest.fixture
def database(warehouse: Path) -> Iterator[sqlite3.Connection]:
    """The demo warehouse, opened."""
    with closing(sqlite3.connect(warehouse)) as connection:
        yield connection


@pytest.fixture
def elsewhere() -> Iterator[sqlite3.Connection]:
    """A schema without data that is not about business."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(ELSEWHERE)
        yield connection


def shares(made: Iterable[Question]) -> dict[str, float]:
    """The share of each shape among 2,000 questions."""
    counted: Counter[str] = Counter()
    for question in islice(made, DRAWN):
        counted.update(shapes_of(question.sql))
    return {name: count / DRAWN for name, count in counted.items()}


@pytest.mark.parametrize(
    ("sql", "shapes"),
    [
        (None, {UNANSWERABLE}),
        ("SELECT * FROM t ORDER BY a DESC", {"ordered", "no condition"}),
        ("SELECT * FROM t ORDER BY a DESC LIMIT 1", {"limited", "no condition"}),
        ("SELECT * FROM t ORDER BY a LIMIT 2 OFFSET 3", {"limited", "offset", "no condition"}),
        ("SELECT a FROM t WHERE b = 'x and y' AND c = 1", {"two conditions"}),
        ("SELECT a FROM t WHERE b BETWEEN 1 AND 2", set()),
        ("SELECT a FROM t WHERE b = 1 AND c = 2 AND d > 3", {"two conditions", "three conditions"}),
        ("SELECT a FROM t WHERE b IN ('x', 'y')", {"in list"}),
        ("SELECT a FROM t WHERE b NOT IN (SELECT c FROM u)", {"absence"}),
        ("SELECT MAX(a) - MIN(a) FROM t", {"arithmetic", "no condition"}),
        ("SELECT e.a, m.a FROM t AS e JOIN t AS m ON e.b = m.c", {"join", "self join", "no condition"}),
        (
            "SELECT a, COUNT(*), SUM(b) FROM t GROUP BY a HAVING COUNT(*) > 2",
            {"count", "sum", "having", "columns beside an aggregate", "no condition"},
        ),
    ],
)
def test_a_query_has_its_shapes(sql: str | None, shapes: set[str]) -> None:
    """Shapes are told by the query alone."""
    assert shapes_of(sql) == shapes


def test_weights_lift_what_is_rare() -> None:
    """Weighted, every shape and every topic of the templates has its floor, and refusals have their share."""
    shapes = [template.shapes for template in templates()]
    floors = FLOORS | TOPIC_FLOORS
    weights = balanced_weights(shapes)
    share = {
        name: sum(weight for weight, found in zip(weights, shapes, strict=True) if name in found)
        for name in (*floors, "limited", UNANSWERABLE)
    }
    assert sum(weights) == pytest.approx(1)
    assert share[UNANSWERABLE] == pytest.approx(UNANSWERABLE_SHARE, rel=0.05)
    assert {name: share[name] for name, floor in floors.items() if share[name] < 0.85 * floor} == {}
    assert share["limited"] <= share["ordered"] * 1.05
    # No template is so heavy that it would be learnt by heart.
    assert max(weights) < 8 / len(weights)


def test_values_of_one_column_are_a_list() -> None:
    """Two values of a column are always IN (...), so that one meaning has one query."""
    for template in templates():
        assert not re.search(r"\b([\w.]+) = \S+ OR \1 = ", template.sql or ""), template.sql


def test_no_shape_is_rare_in_peoples_wording(
    specialist: Callable[[str], Trained], database: sqlite3.Connection
) -> None:
    """Of 2,000 questions in people's wording, each shape has its floor, give or take chance."""
    schema = Schema(specialist("sql").catalogue, database)
    share = shares(wording_questions(schema, database, seed=6))
    assert {
        name: share.get(name, 0) for name, floor in FLOORS.items() if share.get(name, 0) < 0.7 * floor
    } == {}
    assert 0.09 < share[UNANSWERABLE] < 0.15
    assert share["limited"] < share["ordered"] * 1.3


def test_no_shape_is_rare_in_the_grammar(
    specialist: Callable[[str], Trained], database: sqlite3.Connection
) -> None:
    """Of 2,000 questions of the grammar, each shape has its floor; more orders are without a limit."""
    share = shares(questions(Schema(specialist("sql").catalogue, database), seed=6))
    assert {
        name: share.get(name, 0) for name, floor in GRAMMAR_FLOORS.items() if share.get(name, 0) < floor
    } == {}
    assert share["limited"] < share["ordered"]
    assert share[UNANSWERABLE] < 0.16


def test_the_grammar_is_written_and_runs(
    specialist: Callable[[str], Trained], database: sqlite3.Connection
) -> None:
    """The surface reads every query of the grammar, and the warehouse runs it."""
    part = specialist("sql")
    sets = closed_sets_of(part.catalogue)
    for question in islice(questions(Schema(part.catalogue, database), seed=7), 300):
        if question.sql is not None:
            database.execute(question.sql)
            assert part.surface.parse(canonical_sql(question.sql), sets).tool.name == "Query", question


@pytest.mark.parametrize(
    ("sql", "text"),
    [
        ("SELECT a.x FROM a JOIN b ON b.n = a.m", "SELECT a.x FROM a JOIN b ON a.m = b.n"),
        ("SELECT a.x FROM b JOIN a ON b.n = a.m", "SELECT a.x FROM b JOIN a ON b.n = a.m"),
        (
            "SELECT a.x FROM a JOIN b ON a.m = b.n JOIN c ON b.k = c.id ORDER BY a.x ASC",
            "SELECT a.x FROM a JOIN b ON a.m = b.n JOIN c ON b.k = c.id ORDER BY a.x",
        ),
        (
            "SELECT a.x FROM c JOIN b ON b.k = c.id JOIN a ON a.m = b.n",
            "SELECT a.x FROM c JOIN b ON c.id = b.k JOIN a ON b.n = a.m",
        ),
        (
            "SELECT a_2.x FROM a JOIN a AS a_2 ON a.up = a_2.id",
            "SELECT a_2.x FROM a JOIN a AS a_2 ON a.up = a_2.id",
        ),
    ],
)
def test_the_joined_tables_key_stands_second(sql: str, text: str) -> None:
    """Each join equates a column of an earlier table with one of its own, in this order."""
    assert canonical_sql(sql) == text


def test_other_schemas_are_asked_all_rules(
    specialist: Callable[[str], Trained], elsewhere: sqlite3.Connection
) -> None:
    """Names in camel case and no data: every query is valid, and countries are adjectives too."""
    part, catalogue = specialist("sql"), catalogue_of_sqlite(elsewhere)
    sets = closed_sets_of(catalogue)
    made = list(islice(questions(Schema(catalogue, None), seed=8), 600))
    for question in made:
        if question.sql is not None:
            elsewhere.execute(question.sql)
            assert part.surface.parse(canonical_sql(question.sql), sets).tool.name == "Query", question
    assert len({question.kind for question in made}) > 20
    assert any("Germany" in (question.sql or "") and "German " in question.text for question in made)
    assert not any("StadiumID" in question.text or "_" in question.text for question in made)
    assert demonym("Germany") == "German"


def test_refusals_are_asked_like_answerable_questions(
    specialist: Callable[[str], Trained], database: sqlite3.Connection
) -> None:
    """What cannot be answered names nothing that only refusals have: it begins as other questions do."""
    made = list(islice(questions(Schema(specialist("sql").catalogue, database), seed=9), DRAWN))
    begin = {answerable: Counter[str]() for answerable in (True, False)}
    for question in made:
        begin[question.sql is not None][question.text.lower().split()[0]] += 1
    refused = begin[False].total()
    shared = sum(count for word, count in begin[False].items() if begin[True][word])
    assert shared > 0.75 * refused


def test_a_seed_gives_the_same_grammar(
    specialist: Callable[[str], Trained], database: sqlite3.Connection
) -> None:
    """Two generators of one seed agree, and those of another seed do not."""
    schema = Schema(specialist("sql").catalogue, database)
    first, again, other = (list(islice(questions(schema, seed=seed), 200)) for seed in (3, 3, 4))
    assert first == again
    assert first != other
