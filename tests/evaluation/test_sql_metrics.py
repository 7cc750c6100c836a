"""`eval sql` gives each answer the worth that it has by hand."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from calls import called, queried, refused

from narrowgauge.errors import InvalidRequest, NotFound
from narrowgauge.evaluation.answers import Answer
from narrowgauge.evaluation.kinds.sql import GoldQuery, SqlKind, judge_query
from narrowgauge.evaluation.report import Report
from narrowgauge.evaluation.sql_databases import Database, Databases
from narrowgauge.evaluation.sql_execution import canonical_sql, run, same_rows
from narrowgauge.tools.sql.v1 import sql_pb2

DDL = """
CREATE TABLE shops (id INTEGER PRIMARY KEY, name TEXT NOT NULL, town TEXT NOT NULL);
CREATE TABLE sales (
  id INTEGER PRIMARY KEY, shop_id INTEGER NOT NULL REFERENCES shops (id),
  amount INTEGER NOT NULL, day DATE NOT NULL, kind TEXT
);
"""


@pytest.fixture
def shops() -> Database:
    """A schema without rows."""
    return Databases(Path("none.jsonl")).of({"id": "1", "ddl": DDL})


@pytest.fixture
def shops_with_rows(tmp_path: Path) -> Database:
    """The schema with five sales of two shops."""
    with closing(sqlite3.connect(tmp_path / "shops.db")) as connection, connection:
        connection.executescript(DDL)
        connection.executemany(
            "INSERT INTO shops VALUES (?, ?, ?)", [(1, "North", "Ulm"), (2, "South", "Bonn")]
        )
        connection.executemany(
            "INSERT INTO sales VALUES (?, ?, ?, ?, ?)",
            [(n, 1 + n % 2, 10 * n, f"2026-01-{n:02}", "web" if n > 2 else None) for n in range(1, 6)],
        )
    return Databases(tmp_path / "data.jsonl").of({"id": "1", "db": "shops.db"})


@pytest.mark.parametrize(
    ("gold", "answer"),
    [
        (
            "SELECT name FROM shops WHERE town = 'Ulm' AND id > 3",
            "SELECT s.NAME FROM Shops AS s WHERE 3 < s.id AND s.town = 'Ulm'",
        ),
        (
            "SELECT amount FROM sales WHERE amount >= 5 AND amount <= 9",
            "SELECT amount FROM sales WHERE amount BETWEEN 5 AND 9",
        ),
        ("SELECT name FROM shops WHERE NOT town = 'Ulm'", "SELECT name FROM shops WHERE town <> 'Ulm'"),
        ("SELECT id FROM sales WHERE kind = 'web'", "SELECT id FROM sales WHERE kind IN ('web')"),
        (
            "SELECT shops.name FROM shops JOIN sales ON shops.id = sales.shop_id",
            "SELECT shops.name FROM sales JOIN shops ON sales.shop_id = shops.id",
        ),
        (
            "SELECT kind, COUNT(*) FROM sales GROUP BY kind, shop_id",
            "SELECT kind, COUNT(*) FROM sales GROUP BY shop_id, kind",
        ),
    ],
)
def test_the_same_query_in_other_words_is_exact(gold: str, answer: str, shops: Database) -> None:
    """Order of conjuncts, aliases, letter case of names and the ways to write one condition do not count."""
    verdict = judge_query(queried(answer, shops), GoldQuery.of(gold, shops), shops)
    assert verdict.valid
    assert verdict.exact
    assert verdict.execution


def test_the_case_of_a_value_is_counted_apart(shops: Database) -> None:
    """Another case of a text value is not exact, but exact in any case; another value is neither."""
    gold = GoldQuery.of("SELECT name FROM shops WHERE town = 'ulm' AND name LIKE 'A%'", shops)
    same = "SELECT name FROM shops WHERE town = 'Ulm' AND name LIKE 'a%'"
    verdict = judge_query(queried(same, shops), gold, shops)
    assert (verdict.exact, verdict.exact_any_case) == (False, True)
    verdict = judge_query(queried(same.replace("Ulm", "Bonn"), shops), gold, shops)
    assert (verdict.exact, verdict.exact_any_case) == (False, False)


@pytest.mark.parametrize(
    "answer",
    [
        "SELECT name FROM shops WHERE town = 'Ulm' AND id > 4",
        "SELECT name FROM shops WHERE town = 'Ulm' OR id > 3",
        "SELECT town FROM shops WHERE town = 'Ulm' AND id > 3",
        "SELECT name FROM shops WHERE town = 'Bonn' AND id > 3",
        "SELECT name, id FROM shops WHERE town = 'Ulm' AND id > 3",
        "SELECT name FROM shops WHERE town = 'Ulm'",
        "SELECT COUNT(*) FROM shops WHERE town = 'Ulm' AND id > 3",
    ],
)
def test_another_query_is_wrong_on_synthetic_rows(answer: str, shops: Database) -> None:
    """A query that differs in one part is neither exact nor equal in execution."""
    gold = GoldQuery.of("SELECT name FROM shops WHERE town = 'Ulm' AND id > 3", shops)
    verdict = judge_query(queried(answer, shops), gold, shops)
    assert verdict.valid
    assert not verdict.exact
    assert not verdict.execution
    assert verdict.why


@pytest.mark.parametrize(
    ("gold", "answer"),
    [
        (
            "SELECT name FROM shops WHERE id IN (SELECT shop_id FROM sales WHERE amount > 7)",
            "SELECT DISTINCT shops.name FROM shops JOIN sales ON shops.id = sales.shop_id WHERE amount > 7",
        ),
        ("SELECT MAX(amount) FROM sales", "SELECT amount FROM sales ORDER BY amount DESC LIMIT 1"),
    ],
)
def test_an_equivalent_query_is_equal_in_execution(gold: str, answer: str, shops_with_rows: Database) -> None:
    """Another way to the same rows is executed right, though not exact."""
    verdict = judge_query(
        queried(answer, shops_with_rows), GoldQuery.of(gold, shops_with_rows), shops_with_rows
    )
    assert not verdict.exact
    assert verdict.execution


def test_an_equivalent_query_is_equal_on_synthetic_rows(shops: Database) -> None:
    """The greatest value and the first in descending order are the same on all rows that are made up."""
    gold = GoldQuery.of("SELECT MAX(amount) FROM sales WHERE kind = 'web'", shops)
    answer = queried("SELECT amount FROM sales WHERE kind = 'web' ORDER BY amount DESC LIMIT 1", shops)
    verdict = judge_query(answer, gold, shops)
    assert not verdict.exact
    assert verdict.execution


def test_order_counts_where_the_gold_query_has_one(shops_with_rows: Database) -> None:
    """The same rows in another order are right only when the question asked for no order."""
    forward, plain = "SELECT id FROM sales ORDER BY amount", "SELECT id FROM sales"
    backward = queried("SELECT id FROM sales ORDER BY amount DESC", shops_with_rows)
    assert not judge_query(backward, GoldQuery.of(forward, shops_with_rows), shops_with_rows).execution
    assert judge_query(backward, GoldQuery.of(plain, shops_with_rows), shops_with_rows).execution


def test_refusals_are_right_only_where_nothing_can_be_answered(shops: Database) -> None:
    """An unanswerable question wants a refusal or the statement in the contract; others want a query."""
    none, some = GoldQuery.of(None, shops), GoldQuery.of("SELECT name FROM shops", shops)
    said = called("Query", sql_pb2.QueryRequest(unanswerable=True))
    for answer in (refused(), said):
        assert judge_query(answer, none, shops).exact
        assert not judge_query(answer, some, shops).exact
        assert judge_query(answer, some, shops).valid
    assert not judge_query(queried("SELECT name FROM shops", shops), none, shops).exact


def test_errors_and_broken_calls_are_not_valid(shops: Database) -> None:
    """An RPC error, a message that breaks a rule and a column that does not exist are each not valid."""
    gold = GoldQuery.of("SELECT name FROM shops", shops)
    broken = sql_pb2.QueryRequest()
    broken.query.select.table = "shops"  # no columns
    foreign = sql_pb2.QueryRequest()
    foreign.query.select.table = "shops"
    foreign.query.select.columns.add(column="shops.price")
    for answer in (Answer(error="LIMIT: too long"), called("Query", broken), called("Query", foreign)):
        verdict = judge_query(answer, gold, shops)
        assert not verdict.valid
        assert not verdict.execution


def test_a_gold_query_that_the_contract_cannot_say_is_still_executed(shops_with_rows: Database) -> None:
    """Its rows are compared, it is never exact, and the share of such queries is reported."""
    gold = GoldQuery.of("SELECT COUNT(*) * 1.0 / (SELECT COUNT(*) FROM shops) FROM sales", shops_with_rows)
    assert gold.request is None
    assert gold.unmapped
    wrong = queried("SELECT COUNT(*) FROM sales", shops_with_rows)
    assert not judge_query(wrong, gold, shops_with_rows).execution


def test_rates_count_records(shops: Database) -> None:
    """Four records, of which hand-counted parts are valid, exact, executed right and refused."""
    records = [
        {"id": "a", "question": "names?", "ddl": DDL, "sql": "SELECT name FROM shops"},
        {"id": "b", "question": "towns?", "ddl": DDL, "sql": "SELECT town FROM shops"},
        {"id": "c", "question": "weather?", "ddl": DDL, "sql": None},
        {"id": "d", "question": "luck?", "ddl": DDL, "sql": None},
    ]
    kind = SqlKind(records, Databases(Path("none.jsonl")))
    right = queried("SELECT name FROM shops", shops)
    report = Report("sql", 4)
    kind.score([(right,), (refused(),), (refused(),), (Answer(error="X: y"),)], report)
    assert report.metrics == {
        "valid": 0.75,
        "exact": 0.5,
        "exact_any_case": 0.5,
        "execution": 0.5,
        "refusal_recall": 0.5,
        "refusal_precision": 0.5,
        "gold_mapped": 1.0,
    }
    assert [failure.id for failure in report.failures] == ["b", "d"]


def test_numbers_of_either_type_are_equal_and_multisets_count() -> None:
    """3 equals 3.0; a row more often than expected makes a difference."""
    assert same_rows([(3, "a")], [(3.0, "a")], ordered=True)
    assert same_rows([(1,), (2,)], [(2,), (1,)], ordered=False)
    assert not same_rows([(1,), (2,)], [(2,), (1,)], ordered=True)
    assert not same_rows([(1,), (1,)], [(1,)], ordered=False)
    assert not same_rows([(1, 2)], [(2, 1)], ordered=False)


def test_canonical_text_runs_as_the_tool_means_it() -> None:
    """Quotients keep their fraction, date functions work, and text that looks like a division stays."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE t (a INTEGER, d TEXT, s TEXT)")
        connection.execute("INSERT INTO t VALUES (7, '2026-08-02', 'x / y')")
        sql = canonical_sql(
            "SELECT a / 2, YEAR(d), QUARTER(d), WEEKDAY(d), MONTH(s) FROM t WHERE s = 'x / y'"
        )
        assert run(connection, sql) == [(3.5, 2026, 3, 0, None)]


@pytest.mark.parametrize("seed_free", ["SELECT COUNT(*) FROM sales WHERE kind = 'gold'"])
def test_synthetic_rows_hold_the_values_of_the_gold_query(seed_free: str, shops: Database) -> None:
    """A condition of the gold query holds for some rows and not for all, and keys refer to rows."""
    contents = []
    for connection in shops.populations(["gold", 50.0]):
        ((hits,),) = run(connection, seed_free)
        ((rows,),) = run(connection, "SELECT COUNT(*) FROM sales")
        joined = run(connection, "SELECT COUNT(*) FROM sales JOIN shops ON sales.shop_id = shops.id")
        assert 0 < hits < rows == joined[0][0]
        contents.append(run(connection, "SELECT * FROM sales"))
    assert len(contents) == 6
    assert contents[0] != contents[1]
    again = [run(connection, "SELECT * FROM sales") for connection in shops.populations(["gold", 50.0])]
    assert again == contents


def test_every_form_of_record_finds_its_schema(tmp_path: Path) -> None:
    """WikiSQL, Spider and advising records name their schema each in their own way."""
    schema = {"db_id": "pets", "ddl": "CREATE TABLE pet (name TEXT, age NUMERIC)"}
    (tmp_path / "schemas.jsonl").write_text(json.dumps(schema) + "\n")
    (tmp_path / "schema.csv").write_text(
        "Table Name, Field Name, Type, Is Foreign Key, Is Primary Key\n"
        "AREA, course_id,  int(11),      YES,   PRI,  NULL,     -\n"
        "AREA, area,       varchar(30),  YES,   -,  NULL,     -\n-, -, -, -, -, -, -\n"
    )
    databases = Databases(tmp_path / "dev.jsonl")
    wiki = databases.of({"id": "1", "table_id": "1-2", "columns": [["no.", "number"], ["player", "text"]]})
    assert [field.name for field in wiki.catalogue.entities[0].fields] == ["no.", "player"]
    assert databases.of({"id": "2", "db_id": "pets"}).catalogue.entities[0].name == "pet"
    area = databases.of({"id": "3", "db": "advising", "query_id": 0}).catalogue.entities[0]
    assert [(field.name, field.type, field.key) for field in area.fields] == [
        ("course_id", "integer", True),
        ("area", "varchar", False),
    ]
    with pytest.raises(NotFound, match="birds"):
        databases.of({"id": "4", "db_id": "birds"})
    with pytest.raises(NotFound, match=r"no\.db"):
        databases.of({"id": "5", "db": "no.db"})
    with pytest.raises(InvalidRequest, match="record 6"):
        databases.of({"id": "6"})


def test_a_gold_query_that_does_not_run_is_an_error_of_the_data(shops: Database) -> None:
    """A broken gold query stops the evaluation instead of lowering its figures."""
    gold = GoldQuery("SELECT nothing FROM nowhere")
    with pytest.raises(InvalidRequest, match="does not run"):
        judge_query(queried("SELECT name FROM shops", shops), gold, shops)
