"""Columns whose values stay in the tool."""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import grpc
import pytest
from sql_tool import SqlTool

from narrowgauge.contracts.closed_sets import catalogue_hash
from narrowgauge.errors import FailedPrecondition, InvalidRequest
from narrowgauge.runtime.config import config_text, read_config
from narrowgauge.v1.catalogue_pb2 import Catalogue, GetCatalogueRequest
from tool_svc.sql.config import SqlConfig
from tool_svc.sql.hidden_values import HiddenValues

Serve = Callable[..., Awaitable[SqlTool]]

VARIABLE = "NARROWGAUGE_SQL_HIDDEN_VALUES"


def told(catalogue: Catalogue) -> set[str]:
    """Columns that come with values of either kind."""
    return {
        f"{entity.name}.{field.name}"
        for entity in catalogue.entities
        for field in entity.fields
        if field.values or field.known_values
    }


def small_catalogue() -> Catalogue:
    catalogue = Catalogue(dialect="postgres")
    for table in ("patients", "hr.People"):
        entity = catalogue.entities.add(name=table)
        entity.fields.add(name="ward", type="text", values=["east", "west"])
        entity.fields.add(name="Name", type="text", known_values=["Mira Stone"])
    catalogue.hash = catalogue_hash(catalogue)
    return catalogue


def left(*entries: str) -> set[str]:
    catalogue = small_catalogue()
    HiddenValues(entries).hide(catalogue)
    return told(catalogue)


def test_entries_name_columns_tables_or_all() -> None:
    """In any case, with the schema where the table has one; an exception wins over whatever else matches."""
    every = {"patients.ward", "patients.Name", "hr.People.ward", "hr.People.Name"}
    assert left() == every
    assert left("*") == set()
    assert left("PATIENTS.name") == every - {"patients.Name"}
    assert left("patients.*") == {"hr.People.ward", "hr.People.Name"}
    assert left("*.name") == {"patients.ward", "hr.People.ward"}
    assert left("hr.*") == {"patients.ward", "patients.Name"}
    assert left("!patients.ward", "*") == {"patients.ward"}


def test_other_characters_of_a_pattern_stand_for_themselves() -> None:
    """A dot, a bracket or a question mark in a name is no wildcard: nothing else is hidden, or left."""
    catalogue = Catalogue()
    entity = catalogue.entities.add(name="a")
    for name in ("x[1]", "x1", "x?", "x\ny"):
        entity.fields.add(name=name, values=["v"])
    HiddenValues(("a.x[1]", "a.x?", "a.x*y")).hide(catalogue)
    assert told(catalogue) == {"a.x1"}


def test_a_hash_is_of_what_is_left() -> None:
    """Of a catalogue with hidden values it is the same whatever they are: it cannot be used to guess them."""
    one, other = small_catalogue(), small_catalogue()
    other.entities[0].fields[1].known_values[0] = "Otto Lang"
    for catalogue in (one, other):
        HiddenValues(("*.name",)).hide(catalogue)
    assert one.hash == other.hash == catalogue_hash(one)


def test_a_column_that_is_not_there_is_an_error() -> None:
    """Misspelt or renamed, its values would leave; a pattern may match nothing, and says so by its count."""
    with pytest.raises(FailedPrecondition, match=r"no column pateints\.name") as caught:
        HiddenValues(("patients.ward", "pateints.name")).hide(small_catalogue())
    assert caught.value.reason == "HIDDEN_COLUMN_MISSING"
    matched = HiddenValues(("patients.*", "*.ssn", "!patients.ward")).hide(small_catalogue())
    assert matched == {"patients.*": 2, "*.ssn": 0, "!patients.ward": 1}


@pytest.mark.parametrize("text", ["patients", "patients.", ".name", "!", "*,name", "!patients.ward"])
def test_an_entry_that_names_no_column_is_refused(text: str) -> None:
    """At the start, with the variable's name: a setting that hides nothing would look like one that does."""
    with pytest.raises(InvalidRequest, match=VARIABLE) as caught:
        read_config(SqlConfig, {"NARROWGAUGE_SQL_DSN": "sqlite:///x.db", VARIABLE: text})
    assert caught.value.reason == "BAD_CONFIG"


def test_the_setting_is_printed() -> None:
    """`--print-config` shows what is hidden, for whoever has to prove it."""
    environment = {"NARROWGAUGE_SQL_DSN": "sqlite:///x.db", VARIABLE: "patients.*, !patients.ward"}
    assert f"{VARIABLE}=patients.*,!patients.ward  # " in config_text(read_config(SqlConfig, environment))


async def test_hidden_values_never_leave_the_tool(
    dsn: str, serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    """Of both databases: no value of a hidden column is in the answer; types, keys and others' values are."""
    caplog.set_level(logging.INFO)
    whole = await serve(dsn)
    assert {"customers.name", "customers.country", "invoices.status"} <= told(whole.catalogue)
    tool = await serve(dsn, hidden_values=("customers.*", "*.status", "!invoices.status"))
    now = told(tool.catalogue)
    assert now == {
        name
        for name in told(whole.catalogue)
        if name == "invoices.status" or not (name.startswith("customers.") or name.endswith(".status"))
    }
    for entity, other in zip(whole.catalogue.entities, tool.catalogue.entities, strict=True):
        for field, left_of_it in zip(entity.fields, other.fields, strict=True):
            assert (field.name, field.type, field.key) == (left_of_it.name, left_of_it.type, left_of_it.key)
    names = next(
        field.known_values
        for entity in whole.catalogue.entities
        for field in entity.fields
        if (entity.name, field.name) == ("customers", "name")
    )
    sent = tool.catalogue.SerializeToString()
    assert not [name for name in names if name.encode() in sent]
    (logged,) = [record for record in caplog.records if record.message == "values stay in the tool"]
    assert vars(logged)["columns"]["!invoices.status"] == 1


async def test_all_values_can_be_hidden(dsn: str, serve: Serve) -> None:
    """`*` leaves none, of either database."""
    assert not told((await serve(dsn, hidden_values=("*",))).catalogue)


async def test_a_process_does_not_start_with_a_column_that_is_not_there(warehouse: Path) -> None:
    """It ends with code 2 and a line that names column and variable."""
    environment = {"NARROWGAUGE_LISTEN": "127.0.0.1:0", "NARROWGAUGE_SQL_DSN": f"sqlite://{warehouse}"}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tool_svc.sql"),
        env={**os.environ, **environment, VARIABLE: "customers.nmae"},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await process.communicate()
    assert process.returncode == 2
    line = said.decode().splitlines()[-1]
    assert line.startswith("HIDDEN_COLUMN_MISSING") and "customers.nmae" in line and VARIABLE in line


async def test_a_renamed_column_does_not_begin_to_leave(tmp_path: Path, serve: Serve) -> None:
    """When a hidden column is gone, the next catalogue is an error, not one with values under a new name."""
    path = tmp_path / "clinic.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE patients (id INTEGER PRIMARY KEY, name TEXT)")
        connection.execute("INSERT INTO patients (name) VALUES ('Mira Stone')")
    tool = await serve(f"sqlite://{path}", hidden_values=("patients.name",), catalogue_age_s=0.0)
    assert not told(tool.catalogue)
    with sqlite3.connect(path) as connection:
        connection.execute("ALTER TABLE patients RENAME COLUMN name TO full_name")
    connection.close()
    with pytest.raises(grpc.aio.AioRpcError, match=r"no column patients\.name") as caught:
        await tool.catalogues.GetCatalogue(GetCatalogueRequest())
    assert caught.value.code() == grpc.StatusCode.FAILED_PRECONDITION
