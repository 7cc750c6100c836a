"""Refused queries are read into the contract, although they name what does not exist."""

from __future__ import annotations

import pytest

from narrowgauge.contracts.surfaces.sql.render import render_request
from narrowgauge.evaluation.failed_calls import failed_query
from narrowgauge.v1.catalogue_pb2 import Catalogue, Entity, EntityField


def catalogue() -> Catalogue:
    """Two tables that share the column `id`."""

    def entity(name: str, *columns: str) -> Entity:
        return Entity(name=name, fields=[EntityField(name=column, type="text") for column in columns])

    return Catalogue(
        dialect="sqlite",
        entities=[entity("customers", "id", "name"), entity("orders", "id", "customer_id", "total")],
    )


@pytest.mark.parametrize(
    ("sql", "text"),
    [
        ("SELECT surname FROM customers", "SELECT customers.surname FROM customers"),
        (
            "SELECT name FROM clients WHERE country = 'Spain'",
            "SELECT clients.name FROM clients WHERE clients.country = 'Spain'",
        ),
        (
            "SELECT c.name, o.fee FROM customers c JOIN orders o ON o.customer_id = c.id",
            "SELECT customers.name, orders.fee FROM customers "
            "JOIN orders ON customers.id = orders.customer_id",
        ),
        (
            "SELECT COUNT(*) FROM orders WHERE name = 'Acme'",
            "SELECT COUNT(*) FROM orders WHERE orders.name = 'Acme'",
        ),
        (
            "SELECT name FROM customers ORDER BY joined DESC LIMIT 3",
            "SELECT customers.name FROM customers ORDER BY customers.joined DESC LIMIT 3",
        ),
    ],
)
def test_names_that_do_not_exist_are_taken_as_they_stand(sql: str, text: str) -> None:
    """The call says what the query says, each column with its table."""
    request = failed_query(sql, catalogue())
    assert request is not None
    assert render_request(request) == text


@pytest.mark.parametrize(
    "sql", ["SELECT TOP 5 name FROM customers", "SELECT MEDIAN(total) FROM orders", "FORM"]
)
def test_text_that_is_no_query_of_the_contract_is_none(sql: str) -> None:
    """Syntax and functions that the contract has no place for stay text."""
    assert failed_query(sql, catalogue()) is None


def test_a_column_that_could_be_of_two_tables_is_not_resolved() -> None:
    """The mapping would make a right call of a query that the database refuses."""
    sql = "SELECT customers.name FROM customers JOIN orders ON customers.id = orders.customer_id WHERE id > 5"
    assert failed_query(sql, catalogue()) is None
