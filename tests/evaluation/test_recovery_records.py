"""The records of `recovery.jsonl` are sound: their calls fail today with the words that they have."""

from __future__ import annotations

import sqlite3
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from narrowgauge.contracts.sqlite_catalogue import catalogue_of_sqlite
from narrowgauge.contracts.surfaces.salesforce.parse import parse
from narrowgauge.contracts.validate import violations
from narrowgauge.demo.warehouse import build_warehouse
from narrowgauge.evaluation.kinds.sql import GoldQuery
from narrowgauge.evaluation.records import Record, read_records
from narrowgauge.evaluation.sql_databases import Databases
from narrowgauge.training.specialist.recovery_kinds import is_dev, is_repairable

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "narrowgauge" / "evaluation" / "data" / "recovery.jsonl"


@pytest.fixture(scope="module")
def systems() -> Iterator[Any]:
    """The module that runs the demo systems behind their tools, beside the recording script."""
    sys.path.insert(0, str(ROOT / "scripts"))
    import recovery_systems  # type: ignore[import-not-found]  # no package

    yield recovery_systems
    sys.path.remove(str(ROOT / "scripts"))


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo warehouse."""
    path = tmp_path_factory.mktemp("warehouse") / "warehouse.db"
    build_warehouse(path)
    return path


def records(specialist: str) -> list[Record]:
    """The records of a specialist."""
    return [record for record in read_records(DATA) if record["specialist"] == specialist]


def test_records_are_of_kinds_that_training_never_sees() -> None:
    """Sixty records, half of each specialist, a third of them beyond repair, all of kept-back kinds."""
    everything = read_records(DATA)
    assert Counter(record["specialist"] for record in everything) == {"sql": 30, "salesforce": 30}
    assert len({record["id"] for record in everything}) == 60
    assert sum(not record["repairable"] for record in everything) == 20
    for record in everything:
        assert is_dev(record["kind"])
        assert record["repairable"] == is_repairable(record["kind"])
        assert ("retry" in record["expected"]) == record["repairable"]


def check_queries(rows: list[Record], system: Any, warehouse: Path, systems: Any) -> None:
    """Runs the failed queries."""
    with closing(sqlite3.connect(warehouse)) as connection:
        catalogue = catalogue_of_sqlite(connection)
    for record in rows:
        refusal = systems.refusal_of_query(record["failed_call"], system, catalogue)
        assert refusal is not None, record["id"]
        assert refusal.error == record["tool_error"]


def test_failed_queries_fail_as_recorded_in_sqlite(warehouse: Path, systems: Any) -> None:
    """The tool says to each what the record says."""
    rows = [record for record in records("sql") if record["dialect"] == "sqlite"]
    check_queries(rows, systems.SqlSystem(f"sqlite://{warehouse}"), warehouse, systems)


@pytest.mark.postgres
def test_failed_queries_fail_as_recorded_in_postgresql(warehouse: Path, systems: Any) -> None:
    """The tool says to each what the record says."""
    rows = [record for record in records("sql") if record["dialect"] == "postgres"]
    with systems.postgres() as dsn:
        check_queries(rows, systems.SqlSystem(dsn), warehouse, systems)


def test_repaired_queries_run(warehouse: Path) -> None:
    """Each retry is a query of the contract that returns rows of the warehouse."""
    databases = Databases(DATA, warehouse=warehouse)
    for record in records("sql"):
        if record["repairable"]:
            database = databases.of({**record, "db": "warehouse"})
            gold = GoldQuery.of(record["expected"]["retry"], database)
            assert gold.request is not None, gold.unmapped
            with database.opened() as connection:
                assert connection.execute(gold.sql or "").fetchall(), record["id"]


def test_failed_calls_fail_as_recorded_in_the_organisation(tmp_path: Path, systems: Any) -> None:
    """The Salesforce tool says to each what the record says, and executes each retry."""
    refusals = {told[2]: told for told in systems.DOCUMENTED["limit_reached"]}
    with systems.salesforce_system(tmp_path) as system:
        for record in records("salesforce"):
            method, request = parse(record["failed_call"])
            if record["kind"] == "limit_reached":
                system.refusing = refusals[record["tool_error"]]
            error = system.error_of_call(method, request)
            system.refusing = None
            assert error is not None, record["id"]
            assert error.message == record["tool_error"]
            if record["repairable"]:
                method, request = parse(record["expected"]["retry"])
                assert violations(request) == []
                assert system.error_of_call(method, request) is None, record["id"]
