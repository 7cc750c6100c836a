"""Generated examples: valid, writable, true."""

from __future__ import annotations

import datetime as dt
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import partial
from itertools import islice
from pathlib import Path
from random import Random

import pytest
from training_parts import SPECIALISTS, Trained

from narrowgauge.contracts.closed_sets import closed_sets_of, figures_in, source_text
from narrowgauge.contracts.validate import violations
from narrowgauge.training.specialist.sql_periods import TODAY
from narrowgauge.training.specialist.summary_notes import draw_note
from narrowgauge.training.specialist.summary_results import text_of_result
from narrowgauge.training.specialist.summary_rows import draw_result
from router_svc.chain.rows import text_of_rows
from specialist_svc.figures import digit_runs, unsupported_figures

SAMPLE = 200
Open = Callable[[str], Trained]


@pytest.mark.parametrize("name", SPECIALISTS)
def test_generated_calls_are_valid(name: str, specialist: Open, warehouse: Path) -> None:
    """No generated call breaks a rule of its contract."""
    part = specialist(name)
    for example in islice(part.examples(warehouse), SAMPLE):
        assert not violations(example.call.request), (example.request, example.call.request)


@pytest.mark.parametrize("name", SPECIALISTS)
def test_generated_calls_are_what_the_surface_reads_and_writes(
    name: str, specialist: Open, warehouse: Path
) -> None:
    """What is trained as a call's text is read back as that call."""
    part = specialist(name)
    for example in islice(part.examples(warehouse), SAMPLE):
        text = part.surface.render(example.call.tool, example.call.request)
        sets = closed_sets_of(example.catalogue, example.context, example.request)
        read = part.surface.parse(text, sets)
        assert read.tool.name == example.call.tool.name
        for figure in getattr(example.call.request, "figures", ()):
            figure.offset = 0  # derived: the surface leaves it out
        assert part.surface.render(read.tool, read.request) == text


@pytest.mark.parametrize("name", SPECIALISTS)
def test_the_constraint_allows_every_generated_call(name: str, specialist: Open, warehouse: Path) -> None:
    """`encode` raises for a call that serving could never write; a sample has none."""
    part = specialist(name)
    for example in islice(part.examples(warehouse, seed=2), SAMPLE // 4):
        encoded = part.encoder.encode(example)
        assert len(encoded.sampled) == len(encoded.target)
        assert any(encoded.sampled)


@pytest.mark.parametrize("name", SPECIALISTS)
def test_a_seed_gives_the_same_examples(name: str, specialist: Open, warehouse: Path) -> None:
    """Two generators of one seed agree, and those of another seed do not."""
    part = specialist(name)
    first, again, other = (
        [example.request for example in islice(part.examples(warehouse, seed=seed), 20)] for seed in (3, 3, 4)
    )
    assert first == again
    assert first != other


def test_generated_queries_run(specialist: Open, warehouse: Path) -> None:
    """The database takes every generated query, and most have rows."""
    part = specialist("sql")
    ran = with_rows = 0
    with closing(sqlite3.connect(warehouse)) as database:
        # The surface's text has MySQL's names of date parts; the tool writes them as SQLite does.
        for name, form in (("YEAR", "%Y"), ("MONTH", "%m"), ("DAY", "%d"), ("WEEKDAY", "%w")):
            date_part = partial(_date_part, form=form)
            database.create_function(name, 1, date_part)
        for example in islice(part.examples(warehouse), SAMPLE):
            text = part.surface.render(example.call.tool, example.call.request)
            if text == "UNANSWERABLE":
                continue
            ran += 1
            with_rows += database.execute(text).fetchone() is not None
    assert ran > SAMPLE * 0.8
    assert with_rows > ran * 0.7


def _date_part(day: str | None, *, form: str) -> int | None:
    return None if day is None else int(dt.date.fromisoformat(day).strftime(form))


def test_figures_of_summaries_stand_in_their_sources(specialist: Open, warehouse: Path) -> None:
    """The service's own checks, run over a sample, find no figure and no run of digits that was made up."""
    for example in islice(specialist("summary").examples(warehouse), SAMPLE):
        source, request = source_text(example.context), example.call.request
        assert not unsupported_figures(request, source)
        said = [request.headline, *request.key_points, *(figure.text for figure in request.figures)]
        assert digit_runs(" ".join(said)) <= digit_runs(source)
        assert {figure.text for figure in request.figures} <= set(figures_in(source))


def test_summaries_quote_the_figures_that_they_list(specialist: Open, warehouse: Path) -> None:
    """The list of figures is exactly what headline and key points quote."""
    for example in islice(specialist("summary").examples(warehouse), SAMPLE):
        request = example.call.request
        quoted = figures_in("\n".join((request.headline, *request.key_points)))
        assert [figure.text for figure in request.figures] == list(dict.fromkeys(quoted))


def test_the_largest_value_that_a_summary_names_is_the_largest(specialist: Open, warehouse: Path) -> None:
    """A ranking says the greatest value of the column, as computed from the rows again."""
    found = 0
    for example in islice(specialist("summary").examples(warehouse), 4 * SAMPLE):
        headline = example.call.request.headline
        said = re.search(r"has the (?:largest|highest) [a-z ]+(?: with|:|,) ([\d.]+\d)", headline)
        if said is None or len(example.context) != 1:
            continue
        header, *lines = source_text(example.context).splitlines()
        columns = zip(*(line.split(" | ") for line in lines), strict=True)
        numbers = {
            name: [float(value) for value in column]
            for name, column in zip(header.split(" | "), columns, strict=True)
            if all(re.fullmatch(r"[\d.]+", value) for value in column)
        }
        assert float(said[1]) in [max(column) for column in numbers.values()], example
        found += 1
    assert found > SAMPLE // 10


def test_results_are_written_as_the_router_writes_them() -> None:
    """The text of a generated result is the one that the router would have sent."""
    rng = Random(5)
    for _ in range(SAMPLE):
        rows = draw_result(TODAY, rng).rows
        assert text_of_result(rows) == text_of_rows(rows, 10_000)


def test_notes_hold_what_is_said_of_them() -> None:
    """Every number of a note's gist stands in the note."""
    rng = Random(6)
    for _ in range(SAMPLE):
        note = draw_note(TODAY, rng)
        said = " ".join((note.headline, *note.points))
        assert set(figures_in(said)) <= set(figures_in(note.text)), note
