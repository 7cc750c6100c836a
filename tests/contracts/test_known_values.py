"""What the catalogue of a database says of its columns of texts, and what words of a request mean by it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from narrowgauge.contracts.closed_sets import closed_sets_of
from narrowgauge.contracts.schema_links import schema_links
from narrowgauge.contracts.sqlite_catalogue import MAX_KNOWN_VALUES, catalogue_of_sqlite
from narrowgauge.v1.catalogue_pb2 import Catalogue, EntityField


@pytest.fixture
def database() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(
            "CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT, code TEXT, country TEXT, born TEXT, "
            "seen TEXT, about TEXT, badge TEXT)"
        )
        names = [
            "Mira Stone",
            "Otto Lang",
            "Polish",
            "Ines Falk",
            "Ada Bern",
            "Jo Reyes",
            "Kim Hart",
            "Lee Moss",
        ]
        connection.executemany(
            "INSERT INTO people (name, code, country, born, seen, about) VALUES (?, ?, ?, ?, ?, ?)",
            [
                (
                    name,
                    f"AB-0{n}",
                    ("United Kingdom", "Netherlands")[n % 2],
                    f"19{70 + n}-05-01",
                    f"2026-01-0{n + 1} 08:30",
                    "x" * 41,
                )
                for n, name in enumerate(names)
            ],
        )
        yield connection


def column(catalogue: Catalogue, name: str) -> EntityField:
    return next(field for field in catalogue.entities[0].fields if field.name == name)


def linked(catalogue: Catalogue, request: str) -> dict[str, str]:
    return {link.phrase: " or ".join(link.targets) for link in schema_links(catalogue, request)}


def test_columns_of_texts_say_what_they_hold(database: sqlite3.Connection) -> None:
    """A category is closed, other short texts are known values, texts that are all dates are dates."""
    database.execute("UPDATE people SET badge = 'B' || id")
    catalogue = catalogue_of_sqlite(database)
    assert sorted(column(catalogue, "country").values) == ["Netherlands", "United Kingdom"]
    assert not column(catalogue, "name").values
    assert len(column(catalogue, "name").known_values) == 8
    assert column(catalogue, "born").type == "date"
    assert column(catalogue, "seen").type == "datetime"
    assert not column(catalogue, "born").known_values
    assert not column(catalogue, "about").known_values
    assert len(column(catalogue, "badge").known_values) == 8


def test_a_column_with_too_many_values_has_none_known(database: sqlite3.Connection) -> None:
    """At the limit all are listed, beyond it none: a link must not depend on chance."""
    rows = [(f"name {n}",) for n in range(MAX_KNOWN_VALUES)]
    database.execute("CREATE TABLE many (name TEXT)")
    database.executemany("INSERT INTO many VALUES (?)", rows)
    assert len(catalogue_of_sqlite(database).entities[1].fields[0].known_values) == MAX_KNOWN_VALUES
    database.execute("INSERT INTO many VALUES ('one more')")
    assert not catalogue_of_sqlite(database).entities[1].fields[0].known_values


def test_known_values_do_not_close_a_column(database: sqlite3.Connection) -> None:
    """A call may name others: only categories become closed sets."""
    sets = closed_sets_of(catalogue_of_sqlite(database))
    assert "values:people.country" in sets
    assert "values:people.name" not in sets
    assert "Mira Stone" not in sets["values"]


def test_words_are_linked_to_known_values(database: sqlite3.Connection) -> None:
    """Names of several words in any case, codes, names of one word where they are written as such."""
    catalogue = catalogue_of_sqlite(database)
    assert linked(catalogue, "Mira Stone's country")["mira stone"] == "people.name = Mira Stone"
    assert linked(catalogue, "the code of otto lang")["otto lang"] == "people.name = Otto Lang"
    assert linked(catalogue, "who has AB-03?")["ab-03"] == "people.code = AB-03"
    assert linked(catalogue, "born before Polish")["polish"] == "people.name = Polish"
    assert "polish" not in linked(catalogue, "people who polish")


def test_what_people_say_for_a_country_is_linked(database: sqlite3.Connection) -> None:
    """Adjectives and abbreviations, in capitals: `us` is a pronoun and `polish` a verb."""
    catalogue = catalogue_of_sqlite(database)
    assert linked(catalogue, "our Dutch people")["dutch"] == "people.country = Netherlands"
    assert linked(catalogue, "UK people")["uk"] == "people.country = United Kingdom"
    assert linked(catalogue, "British ones")["british"] == "people.country = United Kingdom"
    assert linked(catalogue, "people in dutch uk") == {"people": "people"}
