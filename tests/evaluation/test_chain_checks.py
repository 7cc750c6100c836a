"""`eval chain` judges a chain by the rows that it leaves: those that were asked for, and no others."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from narrowgauge.cli.evaluate.chaining import StepWatch
from narrowgauge.errors import InvalidRequest
from narrowgauge.evaluation.chain_checks import Check, checks_of, problems_in, restore
from narrowgauge.v1 import dispatcher_pb2 as pb

COUNT = Check("crm", "SELECT COUNT(*) FROM Lead WHERE Status = 'New'", ((2,),))
SCHEMA = "CREATE TABLE Lead (Id TEXT PRIMARY KEY, Status TEXT, Email TEXT, LastModifiedDate TEXT)"


@pytest.fixture
def after(tmp_path: Path) -> Callable[..., list[str]]:
    """Applies statements to a copy of two leads, one of them new, and says what the checks find."""

    def run(*statements: str, checks: tuple[Check, ...] = (COUNT,)) -> list[str]:
        paths = {}
        for name, own in (("seed", ()), ("now", statements)):
            paths[name] = tmp_path / f"{name}.db"
            with closing(sqlite3.connect(paths[name])) as connection, connection:
                connection.execute(SCHEMA)
                connection.execute(
                    "INSERT INTO Lead VALUES ('1', 'Open', 'a@x', 'd'), ('2', 'New', 'b@x', 'd')"
                )
                for statement in own:
                    connection.execute(statement)
        return problems_in(checks, {"crm": paths["seed"]}, {"crm": paths["now"]})

    return run


def test_a_change_that_the_check_needs_is_right(after: Callable[..., list[str]]) -> None:
    """An insert or an update without which the check would fail is what was asked for."""
    assert after("INSERT INTO Lead VALUES ('3', 'New', 'c@x', 'e')") == []


def test_what_was_not_done_is_found(after: Callable[..., list[str]]) -> None:
    """Without the change the check does not hold."""
    assert "returns other rows" in after()[0]


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO Lead VALUES ('4', 'Open', 'd@x', 'e')",
        "UPDATE Lead SET Email = 'other' WHERE Id = '2'",
        "DELETE FROM Lead WHERE Id = '1'",
    ],
)
def test_another_change_is_found(statement: str, after: Callable[..., list[str]]) -> None:
    """A row more, a row changed and a row less that no check needs are each reported."""
    problems = after("INSERT INTO Lead VALUES ('3', 'New', 'c@x', 'e')", statement)
    assert len(problems) == 1
    assert "is not asked for" in problems[0]


def test_times_of_change_do_not_count(after: Callable[..., list[str]]) -> None:
    """What the organisation writes by itself beside a change is no change of its own."""
    own = "UPDATE Lead SET LastModifiedDate = 'e'"
    assert after("UPDATE Lead SET Status = 'New' WHERE Id = '1'", own) == []


def test_rows_are_given_back(tmp_path: Path) -> None:
    """Restoring undoes inserts, updates and deletes while another connection is open."""
    seed, used = tmp_path / "seed.db", tmp_path / "used.db"
    for path in (seed, used):
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute(SCHEMA)
            connection.execute("INSERT INTO Lead VALUES ('1', 'Open', 'a@x', 'd'), ('2', 'New', 'b@x', 'd')")
    with closing(sqlite3.connect(used)) as connection:
        with connection:
            connection.execute("DELETE FROM Lead WHERE Id = '1'")
            connection.execute("INSERT INTO Lead VALUES ('3', 'New', 'c@x', 'e')")
        restore(used, seed)
        assert connection.execute("SELECT Id FROM Lead ORDER BY Id").fetchall() == [("1",), ("2",)]


def test_malformed_checks_are_named() -> None:
    """A check without rows, or of an unknown database, is an error of the data."""
    with pytest.raises(InvalidRequest, match="d1"):
        checks_of({"id": "d1", "checks": [{"db": "crm", "sql": "SELECT 1"}]})
    with pytest.raises(InvalidRequest, match="d2"):
        checks_of({"id": "d2", "checks": [{"db": "moon", "sql": "SELECT 1", "rows": []}]})


def test_a_step_ended_well_when_all_its_runs_did() -> None:
    """One failed run of a for-each makes its step fail; a step that never ran did not end well."""
    watch = StepWatch()
    for step_id, step in (("0", 0), ("1.1", 1), ("1.2", 1)):
        watch.note(pb.DispatchResponse(step_id=step_id, step_started=pb.StepStarted(step=step)))
    for step_id in ("0", "1.1"):
        watch.note(pb.DispatchResponse(step_id=step_id, step_finished=pb.StepFinished()))
    watch.note(pb.DispatchResponse(step_id="1.2", step_failed=pb.StepFailed()))
    assert [watch.ended_well(step) for step in range(3)] == [True, False, False]
