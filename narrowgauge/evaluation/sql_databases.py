"""The databases that SQL records are about: their catalogue, and their rows or seeded synthetic ones."""

from __future__ import annotations

import csv
import re
import sqlite3
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from narrowgauge.contracts.sqlite_catalogue import catalogue_of_sqlite
from narrowgauge.errors import InvalidRequest, NotFound
from narrowgauge.evaluation.records import Record, read_records
from narrowgauge.evaluation.synthetic_rows import fill
from narrowgauge.v1.catalogue_pb2 import Catalogue

__all__ = ["WIKISQL_TABLE", "Database", "Databases", "single_table_ddl"]

WIKISQL_TABLE = "t"
"""The one table of a WikiSQL record."""

_SEEDS = (1, 2, 3, 4, 5, 6)


@dataclass(frozen=True)
class Database:
    """One database.

    Attributes:
        catalogue: What a specialist is told of it.
        path: Its file; None when there is only a schema.
        ddl: Its schema.
        name: Of the database or table, as prompts and failures call it.
    """

    catalogue: Catalogue
    path: Path | None
    ddl: str
    name: str

    @contextmanager
    def opened(self) -> Iterator[sqlite3.Connection]:
        """Opens its schema, with rows only where it has a file."""
        if self.path is None:
            opened = _with_schema(self.ddl)
        else:
            opened = sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)
        with closing(opened) as connection:
            yield connection

    def populations(self, literals: Sequence[str | float]) -> Generator[sqlite3.Connection, None, None]:
        """Opens what queries are compared on, one after the other: the given rows, or seeded synthetic ones.

        Each is closed when the next one is asked for.

        Args:
            literals: Values of the gold query; synthetic rows have them among their values, so that
                conditions hold for some rows and not for others.
        """
        if self.path is not None:
            with self.opened() as connection:
                yield connection
            return
        for seed in _SEEDS:
            with self.opened() as connection:
                fill(connection, self.catalogue, literals, seed)
                yield connection


class Databases:
    """Finds the database of each record, and opens each only once.

    Args:
        data: The data file; relative paths and schema files are looked for beside it.
        warehouse: File of the demo warehouse, for records with `"db": "warehouse"`; None when there is none.
        schemas: Schema file of Spider-like (`schemas.jsonl`), WikiSQL-like (`tables.jsonl`) or advising
            (`schema.csv`) records; None looks for those names beside the data file.
    """

    def __init__(self, data: Path, *, warehouse: Path | None = None, schemas: Path | None = None) -> None:
        self._folder = data.parent
        self._warehouse = warehouse
        self._given = schemas
        self._opened: dict[str, Database] = {}
        self._listed: Mapping[str, Record] | None = None

    def of(self, record: Record) -> Database:
        """Returns the database of a record.

        Raises:
            InvalidRequest: The record names none, or its schema cannot be created.
            NotFound: Its file or schema is missing.
        """
        if "ddl" in record:
            return self._of_ddl(str(record["ddl"]), str(record["ddl"]), "ddl")
        if "table_id" in record:
            return self._of_wikisql(record)
        if "db_id" in record:
            return self._of_spider(str(record["db_id"]))
        if "query_id" in record:
            return self._of_columns_file(str(record.get("db", "")))
        if "db" in record:
            return self._of_file(str(record["db"]))
        raise InvalidRequest(
            "NO_DATABASE", f"record {record['id']}: it names no database (db, ddl, db_id or table_id)"
        )

    def _of_file(self, name: str) -> Database:
        if name not in self._opened:
            path = self._folder / name
            if name == "warehouse" and self._warehouse is not None and not path.exists():
                path = self._warehouse
            if not path.is_file():
                raise NotFound("NO_DATABASE", f"there is no SQLite file {path}")
            try:
                with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
                    catalogue = catalogue_of_sqlite(connection)
            except sqlite3.Error as error:
                raise InvalidRequest("NOT_A_DATABASE", f"{path}: {error}") from error
            self._opened[name] = Database(catalogue, path, "", name)
        return self._opened[name]

    def _of_ddl(self, key: str, ddl: str, name: str) -> Database:
        if key not in self._opened:
            try:
                with closing(_with_schema(ddl)) as connection:
                    catalogue = catalogue_of_sqlite(connection)
            except sqlite3.Error as error:
                raise InvalidRequest("BAD_DDL", f"{name}: {error}") from error
            self._opened[key] = Database(catalogue, None, ddl, name)
        return self._opened[key]

    def _of_wikisql(self, record: Record) -> Database:
        name = str(record["table_id"])
        columns = record.get("columns") or self._entry("tables.jsonl", "table_id", name)["columns"]
        ddl = single_table_ddl(columns)
        return self._of_ddl(ddl, ddl, name)

    def _of_spider(self, name: str) -> Database:
        key = f"spider {name}"
        if key in self._opened:
            return self._opened[key]
        return self._of_ddl(key, str(self._entry("schemas.jsonl", "db_id", name)["ddl"]), name)

    def _of_columns_file(self, name: str) -> Database:
        path = self._schemas("schema.csv")
        if str(path) in self._opened:
            return self._opened[str(path)]
        return self._of_ddl(str(path), _ddl_of_csv(path), name)

    def _entry(self, file: str, key: str, name: str) -> Record:
        if self._listed is None:
            self._listed = {str(entry.get(key)): entry for entry in read_records(self._schemas(file))}
        if name not in self._listed:
            raise NotFound("NO_SCHEMA", f"{self._schemas(file)} has no {key} {name}")
        return self._listed[name]

    def _schemas(self, file: str) -> Path:
        if self._given is not None:
            return self._given
        for path in (self._folder / file, *(self._folder / (file + end) for end in (".xz", ".gz"))):
            if path.is_file():
                return path
        raise NotFound("NO_SCHEMA", f"there is no {file} in {self._folder}; name it with --schemas")


def _with_schema(ddl: str) -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    try:
        connection.executescript(ddl)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def single_table_ddl(columns: Sequence[Any]) -> str:
    """Returns the schema of a WikiSQL record: its columns are names, or pairs of name and kind."""
    pairs = [(item, "text") if isinstance(item, str) else (item[0], item[1]) for item in columns]
    kinds = {"number": "REAL", "text": "TEXT"}
    listed = ", ".join(f"{_quoted(name)} {kinds.get(str(kind), 'TEXT')}" for name, kind in pairs)
    return f"CREATE TABLE {_quoted(WIKISQL_TABLE)} ({listed})"


def _ddl_of_csv(path: Path) -> str:
    """Reads MySQL's `SHOW COLUMNS` of several tables: table, field, type, null, key, default, extra."""
    tables: dict[str, list[str]] = {}
    keys: dict[str, list[str]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file, skipinitialspace=True)
        next(rows, None)
        for row in rows:
            cells = [cell.strip() for cell in row]
            if len(cells) < 5 or cells[0] in ("-", ""):
                continue
            kind = re.sub(r"^(big|small|tiny|medium)?int.*", "INTEGER", cells[2], flags=re.IGNORECASE)
            kind = kind if kind == "INTEGER" or re.match(r"[\w ]+(\([\d,]+\))?$", kind) else "TEXT"
            tables.setdefault(cells[0], []).append(f"{_quoted(cells[1])} {kind}")
            if cells[4] == "PRI":
                keys.setdefault(cells[0], []).append(_quoted(cells[1]))
    if not tables:
        raise InvalidRequest("BAD_SCHEMA", f"{path} lists no columns")
    for table, names in keys.items():
        tables[table].append(f"PRIMARY KEY ({', '.join(names)})")
    return "\n".join(
        f"CREATE TABLE {_quoted(table)} ({', '.join(columns)});" for table, columns in tables.items()
    )


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
