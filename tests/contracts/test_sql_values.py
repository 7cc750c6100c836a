"""Where in a query the free values are."""

from __future__ import annotations

import pytest

from narrowgauge.contracts.closed_sets import closed_sets_of
from narrowgauge.contracts.grounded_values import Grounds
from narrowgauge.contracts.surfaces.sql.open_value import ValueReader
from narrowgauge.v1.catalogue_pb2 import Catalogue, Entity, EntityField


def _catalogue() -> Catalogue:
    people = Entity(name="people")
    people.fields.extend(
        [
            EntityField(name="name", type="text"),
            EntityField(name="winner's club", type="text"),
            EntityField(name="age", type="integer"),
            EntityField(name="born", type="date"),
            EntityField(name="left_date"),
            EntityField(name="kind", type="text", values=["member", "guest"]),
            EntityField(name="round 4", type="real"),
        ]
    )
    return Catalogue(entities=[people])


def _reader(request: str = "anything") -> ValueReader:
    return ValueReader(closed_sets_of(_catalogue()), Grounds(request, request))


@pytest.mark.parametrize(
    ("written", "kind", "begun"),
    [
        ("people.name = '", "text", ""),
        ("people.name LIKE '%x", "text", "%x"),
        ("people.name IN ('a', 'b c", "text", "b c"),
        ("people.name BETWEEN 'a' AND 'b", "text", "b"),
        ("people.name = 'O''Br", "text", "O''Br"),
        ("people.\"winner's club\" = 'pu", "text", "pu"),
        ("people_2.name = 'K", "text", "K"),
        ("people.name = 'it''s' AND people.age > 1", "number", "1"),
        ("people.age BETWEEN 10 AND 2", "number", "2"),
        ("people.age IN (1, 2", "number", "2"),
        ('people."round 4" = ', "number", ""),
        ("people.age > 3 GROUP BY people.kind HAVING COUNT(*) >= 1", "number", "1"),
    ],
)
def test_free_values_are_found(written: str, kind: str, begun: str) -> None:
    """Texts and numbers that columns of their kind are compared with, also behind quoted names."""
    value = _reader()(f"SELECT people.name FROM people WHERE {written}")
    assert value is not None
    assert (value.kind, value.begun) == (kind, begun)


@pytest.mark.parametrize(
    "written",
    [
        "people.kind = '",
        "people.born = '",
        "people.left_date = '",
        "people.age > 3 LIMIT 1",
        "people.age > people",
        "STRFTIME('%Y-%m', people.born) = '",
        "people.name LIKE 'x = ' AND ",
    ],
)
def test_other_values_are_left_alone(written: str) -> None:
    """Categories, days, and numbers that follow from a request more often than they stand in it."""
    value = _reader()(f"SELECT people.name FROM people WHERE {written}")
    assert value is None or value.kind == "any"


@pytest.mark.parametrize(
    ("request_text", "last"),
    [
        ("people over 42 years old", True),
        ("people with an age above 42", False),
        ("the value of round 4", True),
        ("numbers 42 to 50 by age", True),
        ("everyone 42 % older", True),
    ],
)
def test_a_query_has_the_requests_amounts(request_text: str, last: bool) -> None:
    """It does not end without them; spans of time, ranks, percentages and names of columns do not count."""
    value = _reader(request_text)("SELECT people.name FROM people")
    assert (value is None or value.last) == last
    whole = _reader(request_text)("SELECT people.name FROM people WHERE people.age > 42")
    assert whole is None or whole.last


def _linked(request: str, *lines: str) -> ValueReader:
    """A reader of queries that answer a request with lines of links and days before it."""
    grounds = Grounds("\n".join((*lines, f"Request: {request}")), request)
    return ValueReader(closed_sets_of(_catalogue()), grounds)


def test_a_query_has_what_words_name_and_the_time_that_is_spoken_of() -> None:
    """It does not end without a condition on a linked value of its tables, nor without a day of a period."""
    reader = _linked(
        "guests of 2025", "guests: people.kind = guest", "2025: 2025-01-01 to 2025-12-31", "Today: 2026-03-02"
    )
    begun = "SELECT people.name FROM people WHERE people.kind = 'guest'"
    for unfinished in ("SELECT people.name FROM people", begun):
        value = reader(unfinished)
        assert value is not None
        assert not value.last
    assert reader(f"{begun} AND people.born >= '2025-01-01'") is None


def test_an_order_that_is_said_is_by_a_column_of_its_kind() -> None:
    """Earliest is a day and largest a number, or a function; and the query does not end without its order."""
    reader = _reader("people and their birthdays, earliest first")
    end = reader("SELECT people.name FROM people")
    assert end is not None
    assert not end.last
    key = reader("SELECT people.name FROM people ORDER BY")
    assert key is not None
    assert key.kind == "one_of"
    assert {" people.born", " people.left_date", " MIN"} <= set(key.texts)
    assert not {" people.name", " people.age"} & set(key.texts)
    assert reader("SELECT people.name FROM people ORDER BY people.born") is None
    key = _reader("the oldest people by age, highest first")("SELECT people.name FROM people ORDER BY peo")
    assert key is not None
    assert " people.age" in key.texts
    assert _reader("people by name")("SELECT people.name FROM people ORDER BY") is None


def test_a_list_of_numbers_has_those_of_the_request() -> None:
    """It goes on only while one is missing."""
    reader = _reader("people aged 30 or 40")
    first = reader("SELECT people.name FROM people WHERE people.age IN (30")
    assert first is not None
    assert first.more
    second = reader("SELECT people.name FROM people WHERE people.age IN (30, 40")
    assert second is not None
    assert not second.more


def test_only_ranks_have_an_offset() -> None:
    """Without a word for a rank nothing is skipped."""
    value = _reader("the two oldest people")(
        "SELECT people.name FROM people ORDER BY people.age DESC LIMIT 2"
    )
    assert value is not None
    assert value.without == " OFFSET"
    assert _reader("the second oldest")("SELECT people.name FROM people ORDER BY people.age LIMIT 1") is None


def test_what_is_contained_may_stand_anywhere() -> None:
    """A pattern for a part of a name begins with a wildcard."""
    value = _reader("people with Lee in their name")(
        "SELECT people.name FROM people WHERE people.name LIKE '"
    )
    assert value is not None
    assert (value.kind, value.texts) == ("one_of", ("%",))
    value = _reader("names starting with Lee")("SELECT people.name FROM people WHERE people.name LIKE '")
    assert value is not None
    assert value.kind == "text"


@pytest.mark.parametrize(
    ("condition", "offered"),
    [
        ("people.kind = 'guest' AND ", True),
        ("people.kind = 'guest' AND people.", True),
        ("people.age = 30 AND people.name LIKE 'x%' AND people.", True),
        ("(people.age = 30 OR people.kind = 'guest' AND people.", True),
        ("people.kind = 'guest' AND people.name", False),
        ("people.kind = 'guest' AND people.age > ", False),
        ("people.kind = 'guest' OR people.", False),
        ("people.age = 30 OR people.", False),
        ("people.age BETWEEN 30 AND ", False),
        ("people.age > 30 AND people.", False),
        ("people.born = people.left_date AND people.", False),
        ("people.age = 30 GROUP BY people.kind HAVING COUNT(*) > 1 AND ", False),
        ("people.age = 30 INTERSECT SELECT people.name FROM people WHERE people.", False),
    ],
)
def test_a_column_is_set_equal_once(condition: str, offered: bool) -> None:
    """Behind AND the columns are offered that no condition beside it has a value for; elsewhere any."""
    value = _reader()(f"SELECT people.name FROM people WHERE {condition}")
    assert (value is not None and value.kind == "one_of") == offered
    if value is not None and offered:
        taken = "people.age" if "people.age = 30 AND" in condition else "people.kind"
        assert taken not in value.texts
        assert {"people.name", 'people."round 4"', "NOT ("} <= set(value.texts)
        assert not value.begun or value.begun == "people."
