"""The records that come with Narrowgauge are sound: their gold answers exist, run and are valid."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from importlib.resources import files
from pathlib import Path

import pytest

from narrowgauge.contracts.validate import violations
from narrowgauge.demo.organisation import build_organisation
from narrowgauge.demo.warehouse import build_warehouse
from narrowgauge.evaluation.chain_checks import checks_of
from narrowgauge.evaluation.kinds.salesforce import gold_call
from narrowgauge.evaluation.kinds.sql import GoldQuery
from narrowgauge.evaluation.records import Record, read_records
from narrowgauge.evaluation.sql_databases import Databases
from narrowgauge.evaluation.sql_execution import run
from narrowgauge.routing.evaluate import gold_steps

DATA = Path(str(files("narrowgauge.evaluation") / "data"))


def records_of(name: str, least: int) -> list[Record]:
    """A file's records; each has an id of its own."""
    records = read_records(DATA / name)
    assert len(records) >= least
    assert len({record["id"] for record in records}) == len(records)
    return records


def test_questions_of_the_warehouse(tmp_path: Path) -> None:
    """Each gold query is one that the contract can say, runs on the warehouse and returns rows."""
    warehouse = tmp_path / "warehouse.db"
    build_warehouse(warehouse)
    databases = Databases(DATA / "sql_warehouse.jsonl", warehouse=warehouse)
    unanswerable = 0
    for record in records_of("sql_warehouse.jsonl", 40):
        database = databases.of(record)
        gold = GoldQuery.of(record["sql"], database)
        if gold.sql is None:
            unanswerable += 1
            continue
        assert gold.request is not None, gold.unmapped
        with database.opened() as connection:
            assert run(connection, gold.sql), record["question"]
    assert unanswerable >= 4


def test_requests_of_the_organisation() -> None:
    """Each gold call is one that the contract can say and breaks no rule; every operation occurs."""
    records = records_of("salesforce_requests.jsonl", 40)
    for record in records:
        gold = gold_call(record)
        assert gold.request is not None, gold.unmapped
        assert violations(gold.request) == []
    operations = {record["operation"] for record in records}
    assert operations == {"query", "get", "create", "update", "upsert", "delete"}


@pytest.fixture(scope="module")
def organisation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The seeded organisation."""
    path = tmp_path_factory.mktemp("organisation") / "organisation.db"
    build_organisation(path)
    return path


def test_chains_over_the_demo_systems(organisation: Path) -> None:
    """Spans are parts of their request, checks run, and where a chain writes one fails before it has."""
    with closing(sqlite3.connect(organisation)) as connection:
        for record in records_of("chain_demo.jsonl", 10):
            text = record["request"]
            for step in gold_steps(record):
                part = text[slice(*step.span)]
                assert part == part.strip(" .,;") != "", record["id"]
            held = [check.holds(connection) for check in checks_of(record)]
            reads_only = all("COUNT(*) FROM" in check.sql for check in checks_of(record)) and all(held)
            assert reads_only or not all(held), record["id"]
