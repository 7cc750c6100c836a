"""Runs queries as the SQL tool means them, and compares results."""

from __future__ import annotations

import datetime
import re
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

__all__ = ["TIMEOUT_S", "Rows", "canonical_sql", "prepares", "run", "same_rows"]

TIMEOUT_S = 5.0
"""A query that takes longer counts as failed: gold queries take milliseconds."""

Rows = list[tuple[Any, ...]]

_STEPS = 10_000
# A division of the canonical text, or a quoted part that only looks like one.
_DIVISION = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"| / """)


def canonical_sql(text: str) -> str:
    """Writes canonical SQL text so that SQLite computes what the SQL tool does.

    The quotient of two whole numbers keeps its fraction. An operand that is itself a calculation stands in
    parentheses in the canonical text, so that the factor binds to the whole dividend.
    """
    return _DIVISION.sub(lambda match: " * 1.0 / " if match[0] == " / " else match[0], text)


def run(connection: sqlite3.Connection, sql: str) -> Rows:
    """Runs a query in SQLite's words, or in canonical ones.

    Raises:
        sqlite3.Error: It does not run, or takes longer than `TIMEOUT_S`.
    """
    _add_functions(connection)
    ends = time.monotonic() + TIMEOUT_S
    connection.set_progress_handler(lambda: time.monotonic() > ends, _STEPS)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.set_progress_handler(None, 0)


def prepares(connection: sqlite3.Connection, sql: str) -> str:
    """Returns why the database does not accept a query; empty when it does."""
    _add_functions(connection)
    try:
        connection.execute("EXPLAIN " + sql).fetchall()
    except sqlite3.Error as error:
        return str(error)
    return ""


def same_rows(expected: Rows, actual: Rows, *, ordered: bool) -> bool:
    """Whether two results are equal: as multisets, or in their order where the gold query has one.

    Numbers are compared to six digits, whatever their type: a count may come as 3 and as 3.0.
    """
    left, right = [_row(row) for row in expected], [_row(row) for row in actual]
    return left == right if ordered else Counter(left) == Counter(right)


def _row(row: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(float(f"{value:.6g}") if isinstance(value, int | float) else value for value in row)


def _add_functions(connection: sqlite3.Connection) -> None:
    """Adds the canonical text's date functions that SQLite writes otherwise; NULL for what is no date."""
    parts: dict[str, Callable[[datetime.datetime], int]] = {
        "YEAR": lambda time: time.year,
        "MONTH": lambda time: time.month,
        "DAY": lambda time: time.day,
        "QUARTER": lambda time: (time.month + 2) // 3,
        "WEEKDAY": lambda time: (time.weekday() + 1) % 7,
        "HOUR": lambda time: time.hour,
    }

    def function(part: Callable[[datetime.datetime], int]) -> Callable[[Any], int | None]:
        def apply(value: Any) -> int | None:
            try:
                return part(datetime.datetime.fromisoformat(str(value)))
            except ValueError:
                return None

        return apply

    for name, part in parts.items():
        connection.create_function(name, 1, function(part), deterministic=True)
