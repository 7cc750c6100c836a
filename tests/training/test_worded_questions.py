"""Templates of questions that people ask: each one expands, maps, runs, and is read back."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from random import Random

import pytest
from training_parts import Trained

from narrowgauge.contracts.closed_sets import closed_sets_of
from narrowgauge.contracts.surfaces.sql.from_sql import from_sql
from narrowgauge.training.specialist.sql_periods import TODAY, period
from narrowgauge.training.specialist.sql_schema import Schema
from narrowgauge.training.specialist.wording_questions import SLOT, Slots, templates, wording_questions


@pytest.fixture
def database(warehouse: Path) -> Iterator[sqlite3.Connection]:
    """The demo warehouse, opened."""
    with closing(sqlite3.connect(warehouse)) as connection:
        yield connection


def test_templates_say_the_same_slots_in_words_and_sql() -> None:
    """Every slot of a query stands in each paraphrase, and the other way round; braces hold nothing else."""
    for template in templates():
        wanted = {found[0] for found in SLOT.finditer(template.sql or "")}
        for text in template.ask:
            said = {found[0] for found in SLOT.finditer(text)}
            assert template.sql is None or said == wanted, text
            assert not set("{}") & set(SLOT.sub("", text)), text


def test_paraphrases_differ() -> None:
    """No paraphrase stands in two templates, and each template has two or more."""
    said = [text.lower() for template in templates() for text in template.ask]
    assert len(set(said)) == len(said), {text for text in said if said.count(text) > 1}
    assert min(len(template.ask) for template in templates()) >= 2


def test_every_template_maps_runs_and_is_read_back(
    specialist: Callable[[str], Trained], database: sqlite3.Connection
) -> None:
    """A filled query runs on the demo warehouse, and what the surface writes of it is read back."""
    part = specialist("sql")
    slots = Slots(Schema(part.catalogue, database), database)
    sets, tool = closed_sets_of(part.catalogue), part.contract.tool("Query")
    rng, empty = Random(3), []
    for template in templates():
        if template.sql is None:
            continue
        rows = 0
        for text in template.ask:
            _, sql = slots.fill(text, template.sql, TODAY, rng)
            rows += database.execute(sql).fetchone() is not None
            request = tool.request_class()
            request.ParseFromString(from_sql(sql, part.catalogue).SerializeToString())
            written = part.surface.render(tool, request)
            assert part.surface.parse(written, sets).request == request, sql
        if not rows:
            empty.append(template.sql)
    assert len(empty) < len(templates()) / 5, empty


def test_a_seed_gives_the_same_questions(
    specialist: Callable[[str], Trained], database: sqlite3.Connection
) -> None:
    """Two generators of one seed agree, and no slot is left over in what they say."""
    schema = Schema(specialist("sql").catalogue, database)
    first, again = (list(islice(wording_questions(schema, database, seed=4), 300)) for _ in range(2))
    assert first == again
    assert not any(set("{}") & set(f"{question.text}{question.sql}") for question in first)


def test_a_single_day_is_an_equality() -> None:
    """`today` and `yesterday` are one day each, and a period of several days is a range."""
    rng = Random(1)
    drawn = dict(period(TODAY, TODAY, rng) for _ in range(2000))
    assert drawn["today"] == "= '2026-03-02'"
    assert drawn["yesterday"] == "= '2026-03-01'"
    assert drawn["last month"] == "BETWEEN '2026-02-01' AND '2026-02-28'"
