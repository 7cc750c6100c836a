"""Queries on both databases: same answers, typed values, bounded results."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path

import grpc
import psycopg
import pytest
from sql_tool import SqlTool

from narrowgauge.errors import NarrowgaugeError
from narrowgauge.tools.sql.v1 import sql_pb2 as pb
from narrowgauge.v1 import catalogue_pb2
from tool_svc.sql.database import Bounds, Stop
from tool_svc.sql.postgres import PostgresDatabase
from tool_svc.sql.statement import Statement

Serve = Callable[..., Awaitable[SqlTool]]

SAME_ANSWERS = [
    "SELECT COUNT(*) FROM invoices WHERE invoices.status = 'overdue'",
    "SELECT customers.name, SUM(invoices.amount) FROM customers JOIN invoices ON customers.id = "
    "invoices.customer_id WHERE invoices.status IN ('unpaid', 'overdue') GROUP BY customers.name "
    "ORDER BY SUM(invoices.amount) DESC, customers.name LIMIT 5",
    "SELECT YEAR(orders.order_date), MONTH(orders.order_date), COUNT(*) FROM orders GROUP BY "
    "YEAR(orders.order_date), MONTH(orders.order_date) ORDER BY YEAR(orders.order_date), "
    "MONTH(orders.order_date)",
    "SELECT QUARTER(orders.order_date), WEEKDAY(orders.order_date), DAY(orders.order_date), "
    "HOUR(orders.order_date) FROM orders ORDER BY orders.id LIMIT 40",
    "SELECT STRFTIME('%Y-%m', invoices.issue_date), COUNT(*) FROM invoices GROUP BY STRFTIME('%Y-%m', "
    "invoices.issue_date) ORDER BY STRFTIME('%Y-%m', invoices.issue_date)",
    "SELECT invoices.id FROM invoices WHERE invoices.due_date BETWEEN '2026-01-01' AND '2026-02-28' AND "
    "invoices.paid_date IS NULL ORDER BY invoices.id",
    "SELECT products.name FROM products WHERE products.name LIKE '%LED%' AND NOT (products.price < 50 OR "
    "products.price > 400) ORDER BY products.name",
    "SELECT products.name FROM products WHERE products.price > (SELECT AVG(products.price) FROM products) "
    "ORDER BY products.name",
    "SELECT customers.name FROM customers WHERE customers.id NOT IN (SELECT orders.customer_id FROM "
    "orders) ORDER BY customers.name",
    "SELECT AVG(v1) FROM (SELECT COUNT(*) AS v1 FROM orders GROUP BY orders.customer_id) AS d",
    "SELECT employees.name, employees_2.name FROM employees LEFT JOIN employees AS employees_2 ON "
    "employees.manager_id = employees_2.id ORDER BY employees.id LIMIT 20",
    "SELECT invoices.status FROM invoices UNION SELECT shipments.status FROM shipments",
    "SELECT orders.customer_id FROM orders EXCEPT SELECT invoices.customer_id FROM invoices",
    "SELECT COUNT(DISTINCT orders.customer_id), MIN(orders.order_date), MAX(orders.order_date) FROM orders",
    "SELECT invoices.paid_date FROM invoices ORDER BY invoices.paid_date LIMIT 3",
    "SELECT invoices.paid_date FROM invoices ORDER BY invoices.paid_date DESC, invoices.id LIMIT 3",
    "SELECT AVG(JULIANDAY(shipments.delivery_date) - JULIANDAY(shipments.ship_date)) FROM shipments WHERE "
    "shipments.status = 'delivered'",
    "SELECT (COUNT(*) * 100) / COUNT(DISTINCT orders.customer_id) FROM orders",
    "SELECT inventory.quantity / inventory.reorder_level FROM inventory ORDER BY inventory.id LIMIT 10",
    "SELECT LOWER(customers.name), UPPER(customers.country), LENGTH(customers.city) FROM customers ORDER "
    "BY customers.id LIMIT 5",
    "SELECT COUNT(*) FROM products WHERE products.discontinued = TRUE",
]


@pytest.mark.postgres
@pytest.mark.parametrize("sql", SAME_ANSWERS)
async def test_both_databases_give_the_same_answer(
    sql: str, serve: Serve, warehouse: Path, postgres_dsn: str
) -> None:
    """The warehouse in SQLite and in PostgreSQL answers each kind of query alike."""
    one, other = await serve(f"sqlite://{warehouse}"), await serve(postgres_dsn)
    left, right = await one.rows(sql), await other.rows(sql)
    if "ORDER BY" not in sql:
        left, right = sorted(left, key=str), sorted(right, key=str)
    assert len(left) == len(right)
    for mine, theirs in zip(left, right, strict=True):
        expected = [pytest.approx(v, rel=1e-9) if isinstance(v, int | float) else v for v in mine]
        assert [float(v) if _is_long_decimal(v) else v for v in theirs] == expected


def _is_long_decimal(value: object) -> bool:
    """A mean that a double does not hold exactly comes as text."""
    return isinstance(value, str) and value.replace(".", "").isdigit() and len(value) > 15


async def test_columns_have_names_and_types(dsn: str, serve: Serve) -> None:
    """Names are unique and say what a column is; types are those of the values."""
    tool = await serve(dsn)
    response = await tool.run(
        "SELECT invoices.id, invoices.id, invoices.amount, invoices.issue_date, invoices.paid_date, "
        "COUNT(*), SUM(invoices.amount) FROM invoices WHERE invoices.status = 'paid' "
        "GROUP BY invoices.id, invoices.amount, invoices.issue_date, invoices.paid_date "
        "ORDER BY invoices.id LIMIT 2"
    )
    assert [column.name for column in response.columns] == [
        *("id", "id_2", "amount", "issue_date", "paid_date", "count", "sum_amount")
    ]
    assert [column.type for column in response.columns][:3] == ["integer", "integer", "number"]
    assert response.row_count == len(response.rows) == 2
    assert not response.truncated
    assert "'paid'" not in response.statement


async def test_every_column_of_a_star_is_named(dsn: str, serve: Serve) -> None:
    """`SELECT *` over two tables has unique names too."""
    tool = await serve(dsn)
    response = await tool.run(
        "SELECT * FROM orders JOIN customers ON orders.customer_id = customers.id LIMIT 1"
    )
    names = [column.name for column in response.columns]
    assert len(names) == len(set(names)) == 15
    assert "id_2" in names


async def test_rows_and_bytes_are_bounded_and_said_to_be(dsn: str, serve: Serve) -> None:
    """A larger result is cut at the limit, and the answer says so; one that just fits is not."""
    tool = await serve(dsn, max_rows=10)
    response = await tool.run("SELECT orders.id FROM orders")
    assert (len(response.rows), response.truncated) == (10, True)
    assert (await tool.run("SELECT orders.id FROM orders LIMIT 500")).truncated
    exact = await tool.run("SELECT orders.id FROM orders LIMIT 10")
    assert (len(exact.rows), exact.truncated) == (10, False)
    small = await serve(dsn, max_bytes=1000)
    cut = await small.run("SELECT support_tickets.notes FROM support_tickets")
    assert cut.truncated
    assert sum(row.ByteSize() for row in cut.rows) <= 1000
    assert cut.row_count == len(cut.rows) > 0


async def test_values_are_bound_and_never_text(dsn: str, serve: Serve) -> None:
    """Quotes, percent signs and SQL in a value are data."""
    tool = await serve(dsn)
    for value in ("'; DROP TABLE customers; --", "%s %(x)s ? $1", '"', "\\", "naïve ☕", ""):
        request = pb.QueryRequest()
        select = request.query.select
        select.table = "customers"
        select.columns.add(column="customers.id")
        select.where.compare.left.column = "customers.name"
        select.where.compare.operator = pb.COMPARATOR_EQUAL
        select.where.compare.value.text = value
        assert (await tool.query.Query(request)).row_count == 0
    assert await tool.rows("SELECT COUNT(*) FROM customers") != [[0]]


@pytest.mark.parametrize(
    ("column", "words"),
    [("customers.salary", "salary"), ("customers.na%me", "na%me")],
)
async def test_the_databases_own_words_come_back(dsn: str, serve: Serve, column: str, words: str) -> None:
    """What a specialist can repair is INVALID_ARGUMENT with the database's message."""
    tool = await serve(dsn)
    request = pb.QueryRequest()
    request.query.select.table = "customers"
    request.query.select.columns.add(column=column)
    with pytest.raises(grpc.aio.AioRpcError, match=words) as caught:
        await tool.query.Query(request)
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.postgres
async def test_type_errors_of_postgresql_are_repairable(postgres_dsn: str, serve: Serve) -> None:
    """A text summed up, a date that is none and a column that is not grouped: INVALID_ARGUMENT each."""
    tool = await serve(postgres_dsn)
    for sql in (
        "SELECT SUM(customers.name) FROM customers",
        "SELECT orders.id FROM orders WHERE orders.order_date = 'soon'",
        "SELECT customers.name, COUNT(*) FROM customers",
    ):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await tool.run(sql)
        assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT, sql


async def test_invalid_and_unanswerable_calls_are_never_executed(dsn: str, serve: Serve) -> None:
    """An empty call, a column out of scope and too much nesting are refused before the database."""
    tool = await serve(dsn)
    nested = tool.request("SELECT orders.id FROM orders").query
    for _ in range(3):
        outer = pb.Query()
        outer.select.table = "orders"
        outer.select.columns.add(column="orders.id")
        outer.select.where.one_of.left.column = "orders.id"
        outer.select.where.one_of.query.CopyFrom(nested)
        nested = outer
    scope = tool.request("SELECT orders.id FROM orders")
    scope.query.select.columns[0].column = "customers.id"
    for request, code in (
        (pb.QueryRequest(), grpc.StatusCode.INVALID_ARGUMENT),
        (pb.QueryRequest(unanswerable=True), grpc.StatusCode.FAILED_PRECONDITION),
        (pb.QueryRequest(query=nested), grpc.StatusCode.INVALID_ARGUMENT),
        (scope, grpc.StatusCode.INVALID_ARGUMENT),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await tool.query.Query(request)
        assert caught.value.code() == code


async def test_the_catalogue_names_types_keys_and_values(dsn: str, serve: Serve) -> None:
    """Tables, types, keys, references and the values of short columns; only the hash when that is known."""
    tool = await serve(dsn)
    entities = {
        entity.name: {field.name: field for field in entity.fields} for entity in tool.catalogue.entities
    }
    invoices = entities["invoices"]
    assert invoices["id"].key
    assert list(invoices["customer_id"].references) == ["customers.id"]
    assert set(invoices["status"].values) == {"paid", "overdue", "unpaid"}
    assert invoices["due_date"].type == "date"
    assert invoices["paid_date"].nullable
    assert not invoices["status"].nullable
    assert not entities["support_tickets"]["notes"].values
    again = await tool.catalogues.GetCatalogue(
        catalogue_pb2.GetCatalogueRequest(known_hash=tool.catalogue.hash)
    )
    assert again.catalogue == catalogue_pb2.Catalogue(hash=tool.catalogue.hash)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await tool.catalogues.GetCatalogue(catalogue_pb2.GetCatalogueRequest(contract="other.Service"))
    assert caught.value.code() == grpc.StatusCode.NOT_FOUND


@pytest.mark.postgres
async def test_tables_of_other_schemas_are_named_with_them(postgres_dsn: str, serve: Serve) -> None:
    """A schema outside of the search path, blanks and percent signs in names work as they are."""
    tool = await serve(postgres_dsn)
    assert await tool.rows('SELECT "100 %" FROM "archive.Old orders" WHERE "100 %" LIKE \'%L%\'') == [["all"]]


async def test_a_changed_schema_is_seen(tmp_path: Path, serve: Serve) -> None:
    """The catalogue is read again when it has grown old, and has another hash."""
    path = tmp_path / "small.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE a (x INTEGER)")
    tool = await serve(f"sqlite://{path}", catalogue_age_s=0.0)
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE b (y INTEGER)")
    answer = await tool.catalogues.GetCatalogue(
        catalogue_pb2.GetCatalogueRequest(known_hash=tool.catalogue.hash)
    )
    assert [entity.name for entity in answer.catalogue.entities] == ["a", "b"]
    connection.close()


async def test_extreme_values_survive(tmp_path: Path, serve: Serve) -> None:
    """64-bit integers, huge and tiny numbers, bytes, NULL and odd text come back as they are."""
    values = [2**63 - 1, -(2**63), 1e308, 5e-324, b"\x00\xff", None, "\u2028\t☕", -0.0]
    path = tmp_path / "values.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE v (n INTEGER PRIMARY KEY, x)")
        connection.executemany("INSERT INTO v (x) VALUES (?)", [(value,) for value in values])
    connection.close()
    tool = await serve(f"sqlite://{path}")
    assert [row[0] for row in await tool.rows("SELECT x FROM v ORDER BY n")] == values


@pytest.mark.postgres
def test_postgresql_is_only_read_whatever_the_statement(postgres_dsn: str) -> None:
    """The transaction is read-only: the server itself refuses to write."""
    database = PostgresDatabase(postgres_dsn)
    try:
        for text in (
            "DELETE FROM customers RETURNING id",
            "CREATE TABLE x (a int)",
            "SELECT pg_read_file('/etc/hostname'); DELETE FROM customers",
        ):
            with pytest.raises(NarrowgaugeError):
                database.run(Statement(text, (), ()), Bounds(10, 1000, 5), Stop())
    finally:
        database.close()
    with psycopg.connect(postgres_dsn) as connection:
        assert connection.execute("SELECT count(*) > 100 FROM customers").fetchone() == (True,)
