"""`narrowgauge eval` asks a specialist over gRPC and prints what its answers are worth."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

DDL = "CREATE TABLE shops (id INTEGER PRIMARY KEY, name TEXT NOT NULL, town TEXT NOT NULL);"
OTHER = "CREATE TABLE birds (id INTEGER PRIMARY KEY, species TEXT NOT NULL);"


def select(table: str, column: str, **rest: Any) -> dict[str, Any]:
    """A call that selects one column."""
    query = {"select": {"table": table, "columns": [{"column": f"{table}.{column}"}], **rest}}
    return {"method": "Query", "request": {"query": query}}


ULM = {
    "where": {
        "compare": {
            "left": {"column": "shops.town"},
            "operator": "COMPARATOR_EQUAL",
            "value": {"text": "Ulm"},
        }
    }
}
RECORDS = [
    {
        "id": "right",
        "question": "names in Ulm?",
        "ddl": DDL,
        "sql": "SELECT name FROM shops WHERE town = 'Ulm'",
    },
    {"id": "wrong", "question": "names?", "ddl": DDL, "sql": "SELECT name FROM shops"},
    {"id": "birds", "question": "species?", "ddl": OTHER, "sql": "SELECT species FROM birds"},
    {"id": "none", "question": "weather?", "ddl": DDL, "sql": None},
    {"id": "failed", "question": "too long?", "ddl": DDL, "sql": "SELECT town FROM shops"},
]
ANSWERS = {
    "names in Ulm?": [select("shops", "name", **ULM)],
    "names?": [select("shops", "town")],
    "species?": [select("birds", "species")],
    "weather?": [{"refusal": "UNANSWERABLE"}],
    "too long?": [{"error": "TOO_LONG"}],
}


def test_the_json_envelope_has_every_part(
    specialist: Callable[..., str], evaluate: Callable[..., Any], tmp_path: Path
) -> None:
    """One JSON object with rates, intervals, latencies and failures; the records keep their order."""
    done = evaluate("sql", RECORDS, "--address", specialist("sql", ANSWERS), "--parallel", "2", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report.pop("latency_ms").keys() == {"p50", "p95", "p99"}
    failures = report.pop("failures")
    assert [failure["id"] for failure in failures] == ["wrong", "failed"]
    assert "TOO_LONG" in failures[1]["why"]
    assert report["ci95"].keys() == report["metrics"].keys()
    low, high = report.pop("ci95")["exact"]
    assert low < 0.6 < high
    assert report == {
        "kind": "sql",
        "n": 5,
        "data_sha256": hashlib.sha256((tmp_path / "data.jsonl").read_bytes()).hexdigest(),
        "bundle": "b" * 64,
        "model": "scripted",
        "metrics": {
            "valid": 0.8,
            "exact": 0.6,
            "exact_any_case": 0.6,
            "execution": 0.6,
            "refusal_recall": 1.0,
            "refusal_precision": 1.0,
            "gold_mapped": 1.0,
        },
    }


def test_the_table_fits_a_terminal_and_failures_are_bounded(
    specialist: Callable[..., str], evaluate: Callable[..., Any]
) -> None:
    """Without --json a table of at most 100 columns; --limit and --failures bound records and failures."""
    address = specialist("sql", ANSWERS)
    done = evaluate("sql", RECORDS, "--address", address, "--limit", "2", "--failures", "0")
    assert done.returncode == 0, done.stderr
    assert "2 records" in done.stdout
    assert "execution" in done.stdout
    assert "wrong" not in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100


def test_repairs_are_measured_on_the_second_turn(
    specialist: Callable[..., str], evaluate: Callable[..., Any]
) -> None:
    """One call is repaired, one repeated, one given up rightly; the counts are those of the records.

    The failed call is the record's, whatever the specialist's first one was.
    """
    base = {
        "specialist": "sql",
        "ddl": DDL,
        "failed_call": "SELECT title FROM shops",
        "tool_error": "no such column: title",
    }
    records = [
        {
            **base,
            "id": "a",
            "request": "a",
            "repairable": True,
            "expected": {"retry": "SELECT name FROM shops"},
        },
        {
            **base,
            "id": "b",
            "request": "b",
            "repairable": True,
            "expected": {"retry": "SELECT name FROM shops"},
        },
        {**base, "id": "c", "request": "c", "repairable": False, "expected": {"action": "give_up"}},
    ]
    town, name = select("shops", "town"), select("shops", "name")
    title = select("shops", "title")
    answers = {"a": [name, name], "b": [town, title], "c": [town, {"refusal": "NOT_REPAIRABLE"}]}
    done = evaluate("recovery", records, "--address", specialist("sql", answers), "--json")
    assert done.returncode == 0, done.stderr
    metrics = json.loads(done.stdout)["metrics"]
    assert metrics == {"repaired": 0.5, "gave_up_right": 1.0, "repeated": pytest.approx(1 / 3)}


def test_summaries_are_measured_against_the_best_reference(
    specialist: Callable[..., str], evaluate: Callable[..., Any]
) -> None:
    """A summary equal to one of the references scores 1; a figure that the text lacks is counted."""
    text = "The depot shipped 120 parcels on Monday."
    records = [
        {"id": "a", "text": text, "references": ["Something else.", "120 parcels were shipped."]},
        {"id": "b", "text": text, "query": "How many?", "summary": "120 parcels"},
    ]
    answers = {
        "Summarize the text.": [
            {"method": "Summarize", "request": {"headline": "120 parcels were shipped."}}
        ],
        "How many?": [{"method": "Summarize", "request": {"headline": "It was 130 of them"}}],
    }
    done = evaluate("summarize", records, "--address", specialist("summary", answers), "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["metrics"] == {
        "valid": 1.0,
        "rouge1": 0.5,
        "rouge2": 0.5,
        "rougeL": 0.5,
        "unsupported_figures": 0.5,
        "length_tokens": 4.5,
    }
    assert report["failures"][0]["id"] == "b"


@pytest.mark.parametrize(
    ("records", "words"),
    [
        ([], "no records"),
        ([{"id": "q7", "question": "", "ddl": DDL, "sql": None}], "q7"),
        ([{"id": "q8", "question": "?", "sql": None}], "q8"),
    ],
)
def test_bad_data_is_named(records: list[dict[str, Any]], words: str, evaluate: Callable[..., Any]) -> None:
    """Data that cannot be evaluated is a usage error that names the record."""
    done = evaluate("sql", records)
    assert done.returncode == 2
    assert words in done.stderr


def test_nobody_at_the_address_is_an_error(evaluate: Callable[..., Any], unused_tcp_port: int) -> None:
    """An address where nobody answers ends the run instead of counting every record as wrong."""
    done = evaluate("sql", RECORDS, "--address", f"127.0.0.1:{unused_tcp_port}")
    assert done.returncode == 1
    assert done.stdout == ""
