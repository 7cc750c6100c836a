"""The records that come with Narrowgauge are sound: their gold answers exist, run and are valid."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

from narrowgauge.contracts.validate import violations
from narrowgauge.demo.organisation_schema import describes
from narrowgauge.demo.warehouse import build_warehouse
from narrowgauge.evaluation.kinds.salesforce import gold_call
from narrowgauge.evaluation.kinds.sql import GoldQuery
from narrowgauge.evaluation.records import Record, read_records
from narrowgauge.evaluation.sql_databases import Databases
from narrowgauge.evaluation.sql_execution import run

DATA = Path(str(files("narrowgauge.evaluation") / "data"))
OPERATIONS = {"query", "get", "create", "update", "upsert", "delete"}


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
    for record in records_of("sql_warehouse.jsonl", 150):
        database = databases.of(record)
        gold = GoldQuery.of(record["sql"], database)
        if gold.sql is None:
            unanswerable += 1
            continue
        assert gold.request is not None, gold.unmapped
        with database.opened() as connection:
            assert run(connection, gold.sql), record["question"]
    assert unanswerable >= 15


def test_requests_of_the_organisation() -> None:
    """Each gold call is one that the contract can say and breaks no rule; every operation occurs."""
    records = records_of("salesforce_requests.jsonl", 130)
    for record in records:
        gold = gold_call(record)
        assert gold.request is not None, gold.unmapped
        assert violations(gold.request) == []
    assert {record["operation"] for record in records} == OPERATIONS


def test_requests_over_unseen_objects() -> None:
    """Each names an object that the demo organisation lacks; its `catalog` has all that the call names."""
    demo = {describe["name"] for describe in describes()}
    records = records_of("salesforce_unseen.jsonl", 50)
    for record in records:
        gold = gold_call(record)
        assert gold.request is not None, gold.unmapped
        assert violations(gold.request) == []
        assert record["object"] not in demo
        described = {
            entry["name"]: {field["name"]: field for field in entry["fields"]} for entry in record["catalog"]
        }
        fields = described[record["object"]]
        for path in names_in(record):
            name, *parent = path.split(".")
            known = {field.get("relationshipName") for field in fields.values()} if parent else fields
            assert name in known, (record["id"], path)
        for name, value in written(record).items():
            choices = {choice["value"] for choice in fields[name].get("picklistValues", ())}
            assert not choices or value in choices, (record["id"], name)
            assert fields[name].get("createable", True), (record["id"], name)
    assert len({record["object"] for record in records}) >= 10
    assert {record["operation"] for record in records} == OPERATIONS


def names_in(record: Record) -> list[str]:
    """Every field that a record's call names, without functions."""
    columns = [*record.get("select", ()), *record.get("group_by", ()), *record.get("fields", ())]
    columns += [item[0] for key in ("where", "order_by", "having") for item in record.get(key, ())]
    columns += [record["external_id"]["field"]] if "external_id" in record else []
    return [column.partition("(")[2].rstrip(")") or column for column in columns]


def written(record: Record) -> dict[str, Any]:
    """The values that a record's call writes; nothing for a call that reads."""
    fields = record.get("fields")
    return fields if isinstance(fields, dict) else {}
