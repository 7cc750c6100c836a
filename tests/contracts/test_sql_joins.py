"""Joins and comparisons that make sense: what the grammar of the surface `sql` leaves to a model."""

from __future__ import annotations

import sqlite3
from functools import cache

import pytest
from random_walk import accepts, matcher_of

from narrowgauge.contracts.closed_sets import closed_sets_of
from narrowgauge.contracts.sqlite_catalogue import catalogue_of_sqlite
from narrowgauge.contracts.surfaces.sql.from_sql import from_sql
from narrowgauge.contracts.surfaces.sql.grammar import sql_grammar
from narrowgauge.contracts.surfaces.sql.joins import Key, keys_of
from narrowgauge.contracts.surfaces.sql.parse import parse_request
from narrowgauge.contracts.surfaces.sql.render import render_request
from narrowgauge.contracts.surfaces.sql.tables import Column, Table, columns_of
from narrowgauge.v1 import catalogue_pb2

KEYED = """
CREATE TABLE airports (id INTEGER PRIMARY KEY, code TEXT, city TEXT);
CREATE TABLE flights (id INTEGER PRIMARY KEY, origin INTEGER REFERENCES airports (id),
                      destination INTEGER REFERENCES airports (id), left_on DATE, seats INTEGER,
                      sold INTEGER);
CREATE TABLE bookings (id INTEGER PRIMARY KEY, flight_id INTEGER REFERENCES flights (id), city TEXT,
                       paid DATE);
CREATE TABLE crew (id INTEGER PRIMARY KEY, name TEXT, boss INTEGER REFERENCES crew (id));
CREATE TABLE duties (crew_id INTEGER REFERENCES crew (id), flight_id INTEGER REFERENCES flights (id));
CREATE TABLE audits (booking_id INTEGER, remark TEXT, city TEXT);
"""


@cache
def keyed() -> catalogue_pb2.Catalogue:
    """Returns a catalogue with keys, and one table that declares none."""
    with sqlite3.connect(":memory:") as connection:
        connection.executescript(KEYED)
        return catalogue_of_sqlite(connection)


@cache
def keyed_grammar() -> str:
    """Returns the grammar over that catalogue."""
    return sql_grammar(closed_sets_of(keyed()))


def written(text: str) -> bool:
    """Says whether the grammar over that catalogue has a text."""
    return accepts(matcher_of(keyed_grammar()), text)


@pytest.mark.parametrize(
    "tables",
    [
        "flights JOIN bookings ON flights.id = bookings.flight_id",
        "bookings JOIN flights ON bookings.flight_id = flights.id",
        "airports JOIN flights ON airports.id = flights.destination",
        "flights JOIN airports ON flights.origin = airports.id "
        "JOIN airports AS airports_2 ON flights.destination = airports_2.id",
        "crew LEFT JOIN crew AS crew_2 ON crew.boss = crew_2.id",
        "crew JOIN crew AS crew_2 ON crew.id = crew_2.boss",
        "crew CROSS JOIN flights JOIN duties ON crew.id = duties.crew_id AND flights.id = duties.flight_id",
        "bookings JOIN audits ON bookings.id = audits.booking_id",
        "airports JOIN audits ON airports.city = audits.city",
    ],
)
def test_a_join_is_over_what_the_catalogue_says(tables: str) -> None:
    """Declared keys go in both directions; names count where no chain of keys connects two tables."""
    assert written(f"SELECT {tables.split()[0]}.id FROM {tables}")


@pytest.mark.parametrize(
    "tables",
    [
        "flights JOIN bookings ON flights.id = bookings.id",
        "airports JOIN bookings ON airports.city = bookings.city",
        "airports JOIN airports AS airports_2 ON airports.id = airports_2.id",
        "flights JOIN flights AS flights_2 ON flights.id = flights_2.left_on",
        "flights JOIN bookings ON flights.id = bookings.flight_id "
        "JOIN bookings AS bookings_2 ON flights.id = bookings_2.flight_id",
        "crew JOIN crew AS crew_2 ON crew.name = crew_2.name",
        "bookings JOIN audits ON bookings.city = audits.city",
        "bookings JOIN flights ON bookings.flight_id = flights.id AND bookings.flight_id = flights.id",
    ],
)
def test_other_joins_are_read_but_not_written(tables: str) -> None:
    """What no key is behind stays a valid request with a text; a model under the grammar cannot write it."""
    text = f"SELECT {tables.split()[0]}.id FROM {tables}"
    assert not written(text)
    request = parse_request(text, columns_of(closed_sets_of(keyed())))
    assert render_request(request) == text
    assert from_sql(text, keyed()) == request


@pytest.mark.parametrize(
    ("begin", "forced"),
    [
        ("FROM flights JOIN bookings", " ON flights.id = bookings.flight_id"),
        (
            "FROM flights JOIN duties ON flights.id = duties.flight_id JOIN crew",
            " ON duties.crew_id = crew.id",
        ),
        ("FROM flights JOIN airports", " ON flights."),
    ],
)
def test_the_only_key_is_not_a_choice(begin: str, forced: str) -> None:
    """After the name of a table that one key links to those in FROM, the whole ON is forced."""
    matcher = matcher_of(keyed_grammar())
    tokens = list(f"SELECT flights.id {begin}".encode())
    assert matcher.try_consume_tokens(tokens) == len(tokens)
    assert matcher.compute_ff_bytes().decode() == forced


def test_a_select_list_leaves_open_whether_tables_are_joined() -> None:
    """After columns of one table in FROM, both the end and a join can follow; of two tables, only a join."""
    for one in ("flights.id", "COUNT(flights.id)", "COUNT(*)", "*"):
        assert written(f"SELECT {one} FROM flights")
        assert written(f"SELECT {one} FROM flights WHERE flights.seats > 5")
        assert written(f"SELECT {one} FROM flights JOIN bookings ON flights.id = bookings.flight_id")
    both = "SELECT flights.id, bookings.city FROM"
    assert written(f"{both} flights JOIN bookings ON flights.id = bookings.flight_id")
    assert not written(f"{both} flights")
    assert not written(f"{both} bookings")


def test_without_any_key_columns_of_one_kind_can_be_joined() -> None:
    """A catalogue that says nothing of keys leaves all pairs of one kind, but no table with itself."""
    sets = {"entities": ["a", "b"], "fields:a": ["x", "n"], "fields:b": ["y", "m"]}
    types = {"type:a.x": ["text"], "type:a.n": ["integer"], "type:b.y": ["varchar"], "type:b.m": ["real"]}
    matcher = matcher_of(sql_grammar({**sets, **types}))
    assert accepts(matcher, "SELECT a.x FROM a JOIN b ON a.x = b.y")
    assert accepts(matcher, "SELECT a.x FROM b JOIN a ON b.m = a.n")
    assert accepts(matcher, "SELECT a.x FROM a JOIN b ON a.x = b.y AND a.n = b.m")
    assert not accepts(matcher, "SELECT a.x FROM a JOIN b ON a.x = b.m")
    assert not accepts(matcher, "SELECT a.x FROM a JOIN a AS a_2 ON a.x = a_2.x")


def _table(name: str, *columns: str | Column) -> Table:
    return Table(name, tuple(c if isinstance(c, Column) else Column(c, "number") for c in columns))


def test_references_are_found_whatever_their_case() -> None:
    """Names of tables may hold dots, and a reference without a column is to the one of the same name."""
    tables = (
        _table("Sales.Orders", "ID", Column("Client", "number", references=("sales.clients.nr",))),
        _table("sales.Clients", "Nr", Column("Region_ID", "text", references=("REGIONS",))),
        _table("Regions", "name", "region_id"),
    )
    assert keys_of(tables) == (Key(0, "Client", 1, "Nr"), Key(1, "Region_ID", 2, "region_id"))


def test_names_suggest_keys_of_one_kind() -> None:
    """`<table>_id` comes before columns of one name, a table's own `id` is nobody else's."""
    tables = (
        _table("categories", "id", "name"),
        _table("items", "id", "category_id", "name", "parent_id"),
        _table("tags", "id", "itemId", Column("name", "date")),
    )
    assert keys_of(tables) == (
        Key(1, "parent_id", 1, "id", suggested=True),
        Key(1, "category_id", 0, "id", suggested=True),
        Key(2, "itemId", 1, "id", suggested=True),
    )


def test_connected_tables_share_keys_but_no_other_columns() -> None:
    """Two tables that refer to one have its key in common; a city in each of them says nothing."""
    orders = Column("order_no", "number", references=("orders.order_no",))
    tables = (
        _table("orders", "order_no", "city"),
        _table("parcels", "id", orders, "city"),
        _table("invoices", "id", orders, "city"),
    )
    assert keys_of(tables) == (
        Key(1, "order_no", 0, "order_no"),
        Key(2, "order_no", 0, "order_no"),
        Key(2, "order_no", 1, "order_no", suggested=True),
    )


def test_a_suggested_key_gives_way_to_a_declared_one() -> None:
    """Where FROM has a table that a reference links, the join is over the reference."""
    assert written("SELECT bookings.id FROM bookings JOIN duties ON bookings.flight_id = duties.flight_id")
    tables = "bookings JOIN flights ON bookings.flight_id = flights.id JOIN duties ON"
    assert written(f"SELECT bookings.id FROM {tables} flights.id = duties.flight_id")
    assert not written(f"SELECT bookings.id FROM {tables} bookings.flight_id = duties.flight_id")


@pytest.mark.parametrize(
    "text",
    [
        "SELECT airports.city, airports.city FROM airports",
        "SELECT crew.name, crew.name FROM crew JOIN duties ON crew.id = duties.crew_id",
        "SELECT crew.name FROM crew UNION SELECT crew.name FROM crew WHERE crew.id = crew.id",
        "SELECT flights.id FROM flights WHERE flights.seats >= flights.seats",
        "SELECT audits.remark FROM audits WHERE audits.city = audits.city",
        "SELECT flights.id FROM flights WHERE flights.left_on <> flights.left_on",
        "SELECT crew.id FROM crew JOIN duties ON crew.id = duties.crew_id "
        "WHERE duties.crew_id = duties.crew_id",
    ],
)
def test_no_column_stands_beside_itself(text: str) -> None:
    """Neither a comparison of a column with itself nor a column twice in a row says anything."""
    assert not written(text)
    assert render_request(parse_request(text, columns_of(closed_sets_of(keyed())))) == text


@pytest.mark.parametrize(
    "text",
    [
        "SELECT airports.city, airports.code, airports.city FROM airports",
        "SELECT flights.seats, flights.seats - flights.sold, flights.sold, ABS(flights.sold) FROM flights",
        "SELECT bookings.id, COUNT(bookings.id), bookings.city FROM bookings GROUP BY bookings.id",
        "SELECT flights.id, (flights.id + flights.seats) / 2, MAX(flights.id) FROM flights",
        "SELECT crew.name, crew_2.name FROM crew JOIN crew AS crew_2 ON crew.boss = crew_2.id "
        "WHERE crew.name = crew_2.name",
        "SELECT crew.name, crew.boss FROM crew INTERSECT SELECT crew.name, crew.id FROM crew",
        "SELECT flights.id FROM flights WHERE flights.sold < flights.seats "
        "AND flights.sold + 1 > flights.sold AND flights.sold > ABS(flights.sold)",
        "SELECT audits.remark FROM audits WHERE audits.city = audits.remark "
        "AND audits.booking_id IN (SELECT crew.id FROM crew)",
        "SELECT bookings.id FROM bookings JOIN flights ON bookings.flight_id = flights.id "
        "WHERE bookings.paid > flights.left_on AND flights.seats <> flights.sold",
    ],
)
def test_columns_stand_beside_others(text: str) -> None:
    """Different columns are compared and listed, and a column beside its own calculation."""
    assert written(text)
