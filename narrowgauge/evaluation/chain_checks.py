"""Whether a chain left its systems as it should have: its checks hold, and no other row changed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from narrowgauge.errors import InvalidRequest
from narrowgauge.evaluation.sql_execution import same_rows

__all__ = ["Check", "checks_of", "problems_in", "restore"]

# The organisation writes these itself, beside what a call changes.
_AUDIT = frozenset(
    {"lastmodifieddate", "lastmodifiedbyid", "systemmodstamp", "lastactivitydate", "narrowgauge_key__c"}
)


@dataclass(frozen=True)
class Check:
    """A query and the rows that it must return, in any order.

    Attributes:
        db: `warehouse` or `crm`.
        sql: In SQLite's words.
        rows: The rows.
    """

    db: str
    sql: str
    rows: tuple[tuple[Any, ...], ...]

    def holds(self, connection: sqlite3.Connection) -> bool:
        """Whether it returns its rows.

        Raises:
            InvalidRequest: The query does not run.
        """
        try:
            found = connection.execute(self.sql).fetchall()
        except sqlite3.Error as error:
            raise InvalidRequest("BAD_CHECK", f"the check {self.sql!r} does not run: {error}") from error
        return same_rows(list(self.rows), found, ordered=False)


def checks_of(record: Mapping[str, Any]) -> tuple[Check, ...]:
    """Reads the checks of a record.

    Raises:
        InvalidRequest: One is malformed; names the record.
    """
    try:
        checks = tuple(
            Check(str(item["db"]), str(item["sql"]), tuple(tuple(row) for row in item["rows"]))
            for item in record["checks"]
        )
    except (KeyError, TypeError) as error:
        raise InvalidRequest("BAD_RECORD", f"record {record.get('id')}, checks: {error!r}") from error
    for check in checks:
        if check.db not in ("warehouse", "crm"):
            raise InvalidRequest("BAD_RECORD", f"record {record.get('id')}: there is no database {check.db}")
    return checks


def problems_in(
    checks: Sequence[Check], seeds: Mapping[str, Path], databases: Mapping[str, Path]
) -> list[str]:
    """Returns what is wrong with the databases after a chain; nothing when it did what it should.

    A row that differs from the seed is one that it should have changed when some check needs it: with that
    row alone put back, the check fails. Any other changed row is a problem.

    Args:
        checks: What must hold.
        seeds: The databases as they were before, by name.
        databases: As they are now.

    Raises:
        InvalidRequest: A check does not run.
    """
    problems = []
    for name, path in databases.items():
        own = [check for check in checks if check.db == name]
        with closing(_copy(path)) as now:
            failed = [check for check in own if not check.holds(now)]
            problems += [f"{name}: {check.sql} returns other rows" for check in failed]
            if failed:
                continue
            now.execute("ATTACH ? AS seed", (str(seeds[name]),))
            problems += [f"{name}: {change} is not asked for" for change in _other_changes(now, own)]
    return problems


def restore(database: Path, seed: Path) -> None:
    """Gives a database the rows of its seed again, while services have it open."""
    with closing(sqlite3.connect(database, timeout=30)) as connection:
        connection.execute("ATTACH ? AS seed", (str(seed),))
        with connection:
            for table in _tables(connection, "seed"):
                connection.execute(f"DELETE FROM main.{table}")  # noqa: S608 - quoted names
                connection.execute(f"INSERT INTO main.{table} SELECT * FROM seed.{table}")  # noqa: S608


def _copy(path: Path) -> sqlite3.Connection:
    copy = sqlite3.connect(":memory:", isolation_level=None, uri=True)
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        connection.backup(copy)
    return copy


def _other_changes(now: sqlite3.Connection, checks: Sequence[Check]) -> Iterator[str]:
    for table in _tables(now, "seed"):
        if table.startswith('"_'):  # the local organisation's own bookkeeping
            continue
        columns = [f'"{row[1]}"' for row in now.execute(f"PRAGMA main.table_info({table})")]
        key, *_ = columns
        kept = [column for column in columns if column.strip('"').lower() not in _AUDIT]
        listed = ", ".join(kept)
        changed = now.execute(
            f"SELECT {key} FROM (SELECT {listed} FROM main.{table} EXCEPT SELECT {listed} FROM seed.{table}) "  # noqa: S608
            f"UNION SELECT {key} FROM (SELECT {listed} FROM seed.{table} "
            f"EXCEPT SELECT {listed} FROM main.{table})"
        ).fetchall()
        for (row,) in changed:
            now.execute("SAVEPOINT one")
            now.execute(f"DELETE FROM main.{table} WHERE {key} = ?", (row,))  # noqa: S608
            now.execute(
                f"INSERT INTO main.{table} SELECT * FROM seed.{table} WHERE {key} = ?",  # noqa: S608
                (row,),
            )
            needed = any(not check.holds(now) for check in checks)
            now.execute("ROLLBACK TO one")
            now.execute("RELEASE one")
            if not needed:
                yield f"the change of {table.strip(chr(34))} {row}"


def _tables(connection: sqlite3.Connection, schema: str) -> list[str]:
    rows = connection.execute(f"SELECT name FROM {schema}.sqlite_master WHERE type = 'table'")  # noqa: S608
    return [f'"{name}"' for (name,) in rows if not name.startswith("sqlite_")]
