"""The surface `sql`: canonical text, its grammar, and SQL that people wrote."""

from __future__ import annotations

import os
import random
import sqlite3
from functools import cache
from pathlib import Path

import pytest
from random_walk import accepts, matcher_of, walk
from sql_queries import RandomQueries

from narrowgauge.contracts.closed_sets import closed_sets_of
from narrowgauge.contracts.contract import Contract
from narrowgauge.contracts.descriptors import builtin_descriptor_set, contracts_in
from narrowgauge.contracts.sqlite_catalogue import catalogue_of_sqlite
from narrowgauge.contracts.surfaces import get_surface
from narrowgauge.contracts.surfaces.sql.from_sql import from_sql
from narrowgauge.contracts.surfaces.sql.grammar import sql_grammar
from narrowgauge.contracts.surfaces.sql.parse import parse_request
from narrowgauge.contracts.surfaces.sql.render import render_request
from narrowgauge.contracts.surfaces.sql.tables import columns_of, tables_of
from narrowgauge.contracts.validate import violations
from narrowgauge.demo.warehouse import build_warehouse
from narrowgauge.errors import FailedPrecondition, InvalidRequest, Unsupported
from narrowgauge.tools.sql.v1 import sql_pb2
from narrowgauge.v1 import catalogue_pb2
from tool_svc.sql.statement import statement_of

WALKS = 1000 if os.environ.get("NARROWGAUGE_TEST_FULL") else 40
MESSAGES = 2000 if os.environ.get("NARROWGAUGE_TEST_FULL") else 80

SCHEMA = """
CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT, country TEXT, created DATE, active BOOLEAN);
CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER REFERENCES customers (id), status TEXT,
                     placed_on DATE, total NUMERIC(10, 2));
CREATE TABLE order_items (order_id INTEGER, product TEXT, quantity INTEGER, price NUMERIC);
CREATE TABLE employees (id INTEGER PRIMARY KEY, name TEXT, manager_id INTEGER, "Hours (week)" REAL,
                        DayRate REAL);
CREATE TABLE "order" ("group" TEXT, "no." TEXT, "it's ""odd"" one" INTEGER, v1 TEXT);
"""


@cache
def shop() -> catalogue_pb2.Catalogue:
    """Returns a catalogue with awkward names and one categorical column."""
    with sqlite3.connect(":memory:") as connection:
        connection.executescript(SCHEMA)
        catalogue = catalogue_of_sqlite(connection)
    for entity in catalogue.entities:
        for field in entity.fields:
            if (entity.name, field.name) == ("orders", "status"):
                field.values.extend(["paid", "unpaid", "can't ship"])
    return catalogue


@cache
def shop_grammar() -> str:
    """Returns the grammar over that catalogue."""
    return sql_grammar(closed_sets_of(shop()))


@cache
def sql_contract() -> Contract:
    """Returns the SQL contract as the compiler reads it."""
    contracts = contracts_in(builtin_descriptor_set())
    return next(contract for contract in contracts if contract.specialist == "sql")


def read(text: str) -> sql_pb2.QueryRequest:
    """Parses text over the shop."""
    return parse_request(text, columns_of(closed_sets_of(shop())))


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("demo") / "warehouse.db"
    build_warehouse(path)
    return path


CANONICAL = """
UNANSWERABLE
SELECT customers.name FROM customers
SELECT * FROM customers WHERE customers.created BETWEEN '2025-01-01' AND '2025-12-31'
SELECT COUNT(*) FROM orders WHERE orders.status = 'paid'
SELECT COUNT(DISTINCT orders.status) FROM orders WHERE orders.status IN ('paid', 'can''t ship')
SELECT customers.name, SUM(orders.total) FROM customers JOIN orders ON customers.id = orders.customer_id \
GROUP BY customers.name ORDER BY SUM(orders.total) DESC LIMIT 5
SELECT SUM(order_items.quantity * order_items.price) FROM orders JOIN order_items ON orders.id = \
order_items.order_id WHERE orders.status = 'paid' AND orders.placed_on >= '2026-01-01'
SELECT customers.name FROM customers WHERE customers.id NOT IN (SELECT orders.customer_id FROM orders)
SELECT customers.name FROM customers WHERE customers.id = (SELECT orders.customer_id FROM orders \
ORDER BY orders.total DESC LIMIT 1 OFFSET 1)
SELECT AVG(v1) FROM (SELECT COUNT(*) AS v1, orders.status AS v2 FROM orders GROUP BY orders.status) AS d \
WHERE v1 > 3
SELECT customers.id FROM customers EXCEPT SELECT orders.customer_id FROM orders
SELECT employees.name, employees_2.name FROM employees LEFT JOIN employees AS employees_2 ON \
employees.manager_id = employees_2.id WHERE employees_2.name IS NULL
SELECT orders.total FROM orders WHERE (orders.total > 5 OR orders.status = 'paid') \
AND NOT (orders.id = 3 OR orders.id = 4)
SELECT orders.total FROM orders WHERE orders.total > 5 AND orders.id < 3 OR orders.customer_id <> 4
SELECT YEAR(orders.placed_on), COUNT(*) FROM orders GROUP BY YEAR(orders.placed_on) HAVING COUNT(*) > 10
SELECT STRFTIME('%Y-%m', orders.placed_on), SUM(orders.total) FROM orders \
GROUP BY STRFTIME('%Y-%m', orders.placed_on)
SELECT AVG(JULIANDAY(orders.placed_on) - 3) FROM orders
SELECT (orders.total * 100) / 3, orders.total + (orders.id * 0.5) FROM orders
SELECT (COUNT(*) * 100) / SUM(orders.total) FROM orders
SELECT DISTINCT LOWER(customers.country) FROM customers WHERE customers.active = TRUE
SELECT COUNT(employees.DayRate), SUM(DISTINCT employees.DayRate) FROM employees
SELECT "order"."group", "order"."no.", "order"."it's ""odd"" one", "order"."v1" FROM "order" \
WHERE "order"."v1" <> 'DESC'
SELECT employees."Hours (week)" FROM employees CROSS JOIN "order"
SELECT customers.name FROM customers WHERE customers.name = '2024-02-29' OR customers.name LIKE '2023-02-29'
SELECT orders.id FROM orders WHERE orders.total IN (-1, 0, 2.5, -0.25)
""".strip().splitlines()


@pytest.mark.parametrize("text", CANONICAL)
def test_canonical_text_is_in_the_grammar_and_is_its_message(text: str) -> None:
    """The grammar accepts the text, the message is valid, and writing it gives the same text again."""
    assert accepts(matcher_of(shop_grammar()), text)
    request = read(text)
    assert violations(request) == []
    assert render_request(request) == text


@pytest.mark.parametrize(
    "text",
    [
        'SELECT "order"."group" FROM "order" WHERE "order"."Hours (week)" > 1',
        "SELECT orders.name FROM orders",
        "SELECT name FROM orders",
        "SELECT nobody.name FROM nobody",
        "SELECT customers.name FROM orders",
        "SELECT customers.name FROM orders JOIN order_items ON orders.id = order_items.order_id",
        "SELECT orders.id FROM orders JOIN customers ON order_items.order_id = customers.id",
        "SELECT customers.name FROM customers WHERE customers.id IN "
        "(SELECT orders.customer_id, orders.id FROM orders)",
        "SELECT AVG(v2) FROM (SELECT COUNT(*) AS v1 FROM orders GROUP BY orders.status) AS d",
        "SELECT customers.id FROM customers EXCEPT SELECT orders.customer_id, orders.id FROM orders",
        "SELECT customers.name FROM customers WHERE customers.total > 5",
        "SELECT customers.name FROM customers WHERE orders.total > 5",
        "SELECT customers.name FROM customers GROUP BY orders.total",
    ],
)
def test_a_name_stands_only_where_its_table_is(text: str) -> None:
    """Neither the grammar nor parser and rules let a column stand outside its SELECT's tables."""
    assert not accepts(matcher_of(shop_grammar()), text)
    with pytest.raises(InvalidRequest):
        request = read(text)
        raise InvalidRequest("VIOLATES", str(violations(request)))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "SELECT",
        "select name from customers",
        "SELECT customers.name  FROM customers",
        "SELECT customers.name FROM customers;",
        "SELECT customers.name FROM customers -- all",
        'SELECT "customers".name FROM customers',
        "SELECT customers.name FROM customers WHERE (customers.id = 1)",
        "SELECT customers.name FROM customers WHERE (customers.id = 1 AND customers.id = 2) "
        "AND customers.id = 3",
        "SELECT customers.name FROM customers WHERE customers.id = 1 "
        "OR (customers.id = 2 OR customers.id = 3)",
        "SELECT customers.name FROM customers ORDER BY customers.name ASC",
        "SELECT customers.name FROM customers LIMIT 0",
        "SELECT customers.name FROM customers LIMIT 1001",
        "SELECT (customers.id + 1) FROM customers",
        "DELETE FROM customers",
        "SELECT customers.name FROM customers WHERE customers.id = 1; DROP TABLE customers",
        "SELECT customers.name FROM customers WHERE " + "(" * 100,
        "SELECT customers.name FROM customers WHERE customers.name = 'a",
    ],
)
def test_there_is_one_way_to_write_each_query(text: str) -> None:
    """Text that is not canonical is neither accepted nor parsed."""
    assert not accepts(matcher_of(shop_grammar()), text)
    with pytest.raises(InvalidRequest, match="character"):
        read(text)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT orders.id FROM orders WHERE orders.total > 'much'",
        "SELECT orders.id FROM orders WHERE orders.status = 'lost'",
        "SELECT orders.id FROM orders WHERE orders.placed_on > '2025-02-29'",
        "SELECT customers.name FROM customers WHERE customers.name = '2025-02-29'",
        "SELECT orders.id FROM orders ORDER BY COUNT(*)",
        "SELECT SUM(customers.active) FROM customers",
        "SELECT SUM(orders.placed_on) FROM orders",
        "SELECT customers.name + 1 FROM customers",
        "SELECT customers.name FROM customers WHERE customers.active = 'yes'",
    ],
)
def test_the_mask_knows_types_and_values(text: str) -> None:
    """A comparison has a value of the column's type, and of a categorical column one of its values."""
    assert not accepts(matcher_of(shop_grammar()), text)


@pytest.mark.parametrize(
    ("bare", "text"),
    [
        (
            "SELECT name FROM customers WHERE country = 'Spain' ORDER BY id DESC",
            "SELECT customers.name FROM customers WHERE customers.country = 'Spain' "
            "ORDER BY customers.id DESC",
        ),
        (
            'SELECT "group", COUNT(*) FROM "order" GROUP BY "group"',
            'SELECT "order"."group", COUNT(*) FROM "order" GROUP BY "order"."group"',
        ),
        (
            "SELECT customers.name FROM customers JOIN orders ON customers.id = orders.customer_id "
            "WHERE orders.total > (SELECT AVG(total) FROM orders)",
            "SELECT customers.name FROM customers JOIN orders ON customers.id = orders.customer_id "
            "WHERE orders.total > (SELECT AVG(orders.total) FROM orders)",
        ),
        (
            "SELECT id FROM customers WHERE customers.name = 'Acme' EXCEPT SELECT customer_id FROM orders",
            "SELECT customers.id FROM customers WHERE customers.name = 'Acme' "
            "EXCEPT SELECT orders.customer_id FROM orders",
        ),
    ],
)
def test_bare_columns_of_a_single_table_are_read_but_not_written(bare: str, text: str) -> None:
    """Examples and people's queries leave the table out: the message is the same, its text has the table."""
    assert not accepts(matcher_of(shop_grammar()), bare)
    assert read(bare) == read(text)
    assert render_request(read(bare)) == text
    assert accepts(matcher_of(shop_grammar()), text)


def test_a_bare_column_of_several_tables_is_refused() -> None:
    """Beside a join, a column without its table is no column."""
    with pytest.raises(InvalidRequest, match="belongs to no table"):
        read("SELECT country FROM customers JOIN orders ON customers.id = orders.customer_id")


def test_every_walk_through_the_mask_runs_on_the_warehouse(warehouse: Path) -> None:
    """Random text of the grammar is a valid message, its text, and a statement that SQLite prepares."""
    with sqlite3.connect(warehouse) as connection:
        sets = closed_sets_of(catalogue_of_sqlite(connection))
        grammar = sql_grammar(sets)
        for seed in range(WALKS):
            source = random.Random(seed)
            text = walk(matcher_of(grammar), source, lean_bytes=source.choice([20, 60, 150, 400]))
            request = parse_request(text, columns_of(sets))
            assert violations(request) == [], text
            assert render_request(request) == text
            if request.HasField("query"):
                statement = statement_of(request.query, "sqlite", max_rows=10)
                connection.execute("EXPLAIN " + statement.text, statement.parameters)


def test_every_message_has_its_own_text() -> None:
    """A random valid message is written, the grammar accepts the text, and reading gives the message back."""
    sets = closed_sets_of(shop())
    matcher = matcher_of(shop_grammar())
    texts: dict[str, bytes] = {}
    for seed in range(MESSAGES):
        queries = RandomQueries(tables_of(sets), random.Random(seed))
        request = sql_pb2.QueryRequest(query=queries.query())
        if violations(request):
            continue
        text = render_request(request)
        assert accepts(matcher, text), (seed, text)
        assert read(text) == request, (seed, text)
        assert texts.setdefault(
            text, request.SerializeToString(deterministic=True)
        ) == request.SerializeToString(deterministic=True)
    assert len(texts) > MESSAGES / 2


def test_the_compiled_surface_speaks_the_contracts_own_classes() -> None:
    """Requests of another descriptor pool are read and written; other contracts are refused."""
    contract = sql_contract()
    compiled = get_surface("sql").compile(contract)
    sets = closed_sets_of(shop())
    call = compiled.parse("SELECT customers.name FROM customers LIMIT 3", sets)
    assert call.tool.name == "Query"
    assert type(call.request) is contract.tool("Query").request_class
    assert compiled.render(call.tool, call.request) == "SELECT customers.name FROM customers LIMIT 3"
    assert accepts(matcher_of(compiled.grammar(sets)), "UNANSWERABLE")
    other = next(c for c in contracts_in(builtin_descriptor_set()) if c.specialist != "sql")
    with pytest.raises(Unsupported, match="protojson"):
        get_surface("sql").compile(other)


def test_catalogues_that_cannot_be_written_about_are_refused() -> None:
    """No table, no column or too many tables: an error that says so."""
    surface = get_surface("sql").compile(sql_contract())
    with pytest.raises(FailedPrecondition, match="no table"):
        surface.grammar({"entities": ()})
    with pytest.raises(FailedPrecondition, match="column"):
        surface.grammar({"entities": ("t",)})
    many = {"entities": [f"t{n}" for n in range(27)], **{f"fields:t{n}": ["a"] for n in range(27)}}
    with pytest.raises(FailedPrecondition, match="27 tables"):
        surface.grammar(many)


def test_the_largest_catalogue_has_a_grammar() -> None:
    """26 tables of 12 columns each compile, and keep columns to their tables."""
    tables = {f"fields:t{n}": [f"c{m}" for m in range(12)] for n in range(26)}
    grammar = sql_grammar({"entities": [f"t{n}" for n in range(26)], **tables})
    matcher = matcher_of(grammar)
    assert accepts(matcher, "SELECT t3.c1 FROM t25 JOIN t3 ON t25.c11 = t3.c11 WHERE t25.c2 = 'x'")
    assert not accepts(matcher, "SELECT t3.c1 FROM t25 JOIN t4 ON t25.c11 = t4.c11")


def test_a_single_tiny_table_has_a_grammar() -> None:
    """One table with one column of one letter is enough."""
    matcher = matcher_of(sql_grammar({"entities": ["t"], "fields:t": ["a"], "type:t.a": ["boolean"]}))
    assert accepts(matcher, "SELECT COUNT(t.a) FROM t WHERE t.a = TRUE")
    assert not accepts(matcher, "SELECT t.a, t_2.a FROM t JOIN t AS t_2 ON t.a = t_2.a")


@pytest.mark.parametrize(
    ("sql", "text"),
    [
        (
            'select count(*) from CUSTOMERS where Country = "Spain" ;',
            "SELECT COUNT(*) FROM customers WHERE customers.country = 'Spain'",
        ),
        (
            "SELECT T1.name, count(*) FROM customers AS T1 JOIN orders AS T2 ON T2.customer_id = T1.id "
            "GROUP BY T1.id ORDER BY count(*) DESC LIMIT 1",
            "SELECT customers.name, COUNT(*) FROM customers JOIN orders ON customers.id = orders.customer_id "
            "GROUP BY customers.id ORDER BY COUNT(*) DESC LIMIT 1",
        ),
        (
            "SELECT c.name FROM customers c, orders o WHERE c.id = o.customer_id AND o.total > 10",
            "SELECT customers.name FROM customers JOIN orders ON customers.id = orders.customer_id "
            "WHERE orders.total > 10",
        ),
        (
            "SELECT a.name FROM employees a JOIN employees b ON a.manager_id = b.id WHERE b.name = 'Ann'",
            "SELECT employees.name FROM employees JOIN employees AS employees_2 ON "
            "employees.manager_id = employees_2.id WHERE employees_2.name = 'Ann'",
        ),
        (
            "SELECT name FROM customers WHERE NOT (id > 3) AND NOT name LIKE 'A%' AND NOT (id = 1 OR id = 2)",
            "SELECT customers.name FROM customers WHERE customers.id <= 3 AND customers.name NOT LIKE 'A%' "
            "AND NOT (customers.id = 1 OR customers.id = 2)",
        ),
        (
            "SELECT strftime('%Y', placed_on) AS y, sum(total) FROM orders "
            "WHERE strftime('%Y', placed_on) = '2025' GROUP BY y ORDER BY 2 DESC",
            "SELECT YEAR(orders.placed_on), SUM(orders.total) FROM orders "
            "WHERE YEAR(orders.placed_on) = 2025 GROUP BY YEAR(orders.placed_on) "
            "ORDER BY SUM(orders.total) DESC",
        ),
        (
            "SELECT avg(n) FROM (SELECT count(*) AS n FROM orders GROUP BY customer_id) AS x",
            "SELECT AVG(v1) FROM (SELECT COUNT(*) AS v1 FROM orders GROUP BY orders.customer_id) AS d",
        ),
        (
            "SELECT id FROM orders WHERE total < 400 + 100",
            "SELECT orders.id FROM orders WHERE orders.total < 500",
        ),
        ("SELECT id FROM orders WHERE 5 < total", "SELECT orders.id FROM orders WHERE orders.total > 5"),
        (
            "SELECT name FROM customers WHERE name = 7",
            "SELECT customers.name FROM customers WHERE customers.name = '7'",
        ),
        (
            "SELECT id FROM orders WHERE total = '7.50'",
            "SELECT orders.id FROM orders WHERE orders.total = 7.5",
        ),
        (
            "SELECT name FROM customers WHERE active = 1",
            "SELECT customers.name FROM customers WHERE customers.active = TRUE",
        ),
        (
            "SELECT o.* FROM orders o JOIN order_items ON order_id = o.id",
            "SELECT orders.id, orders.customer_id, orders.status, orders.placed_on, orders.total "
            "FROM orders JOIN order_items ON orders.id = order_items.order_id",
        ),
    ],
)
def test_gold_sql_becomes_canonical_text(sql: str, text: str) -> None:
    """Aliases, comma joins, quoting, letter case and affinity of people's SQL are resolved."""
    request = from_sql(sql, shop())
    assert render_request(request) == text
    assert accepts(matcher_of(shop_grammar()), text)


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("SELECT", "cannot be mapped|not a statement"),
        ("SELECT name FROM nobody", "table nobody"),
        ("SELECT salary FROM customers", "column salary"),
        ("DELETE FROM customers", "DELETE"),
        ("SELECT name FROM customers RIGHT JOIN orders ON customers.id = orders.customer_id", "RIGHT"),
        ("SELECT CASE WHEN id > 1 THEN 1 ELSE 0 END FROM customers", "CASE"),
        ("SELECT name FROM customers WHERE EXISTS (SELECT * FROM orders)", "EXISTS"),
        ("WITH x AS (SELECT 1) SELECT name FROM customers", "WITH"),
        ("SELECT name FROM customers LIMIT 5000", "1000"),
        ("SELECT id FROM orders WHERE total = 'many'", "number compared with a text"),
        ("SELECT name FROM customers UNION SELECT name FROM employees ORDER BY name", "set operation"),
        (
            "SELECT name FROM customers WHERE id > "
            "(SELECT AVG(id) FROM orders WHERE orders.customer_id = customers.id)",
            "customers",
        ),
    ],
)
def test_what_the_contract_cannot_say_is_refused_with_its_reason(sql: str, reason: str) -> None:
    """Nothing is dropped: a clause without a place in the contract is an error that names it."""
    with pytest.raises(Unsupported, match=reason):
        from_sql(sql, shop())


def _nested(levels: int) -> sql_pb2.Query:
    query = sql_pb2.Query()
    query.select.table = "orders"
    query.select.columns.add(column="orders.id")
    if levels:
        one_of = query.select.where.one_of
        one_of.left.column = "orders.id"
        one_of.query.CopyFrom(_nested(levels - 1))
    return query


def test_messages_that_nest_deeper_than_the_text_are_refused() -> None:
    """The text nests two queries; a third, and three levels of parentheses, are errors."""
    assert "IN (SELECT" in render_request(sql_pb2.QueryRequest(query=_nested(2)))
    with pytest.raises(InvalidRequest, match="no text"):
        render_request(sql_pb2.QueryRequest(query=_nested(3)))
    query = _nested(0)
    inner = query.select.columns.add().arithmetic
    for _ in range(3):
        inner.operator, inner.integer = sql_pb2.ARITHMETIC_OPERATOR_ADD, 1
        inner = inner.left.arithmetic
    inner.left.column, inner.operator, inner.integer = "orders.id", sql_pb2.ARITHMETIC_OPERATOR_ADD, 1
    with pytest.raises(InvalidRequest, match="no text"):
        render_request(sql_pb2.QueryRequest(query=query))


def test_a_table_named_like_a_second_occurrence_is_told_apart() -> None:
    """Where `t_2` is a table, `t` has no second occurrence of that name."""
    sets = {"entities": ["t"], "fields:t": ["id", "parent_id"]}
    again = "SELECT t.id FROM t JOIN t AS t_2 ON t.parent_id = t_2.id"
    assert accepts(matcher_of(sql_grammar(sets)), again)
    matcher = matcher_of(sql_grammar({**sets, "entities": ["t", "t_2"], "fields:t_2": ["parent_id"]}))
    assert accepts(matcher, "SELECT t.id FROM t JOIN t_2 ON t.parent_id = t_2.parent_id")
    assert not accepts(matcher, again)
