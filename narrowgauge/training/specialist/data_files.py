"""Files that training reads: JSON Lines whose rows say by their keys what they are.

| keys | a row is |
|---|---|
| `db_id`, `ddl` | the schema of a database, as SQLite's CREATE TABLE statements |
| `db_id`, `question`, `sql` | such a question with its query; `question_syn` asks the same again |
| `table_id`, `columns`, `question`, `sql` | a question on one table, as WikiSQL has them |
| `name`, `fields` | an object's describe, as Salesforce's REST API answers it |
| `name`, `fields`, `parents` | the same with `fields` and `parents` that map names to TypeScript's types |
| `request`, `call` | an example, as in a specialist's examples file |
| `query`, `calling` | a request and its calls of functions, as in Seal-Tools; `tool.jsonl` lies beside |
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from narrowgauge.contracts.specialist import Example
from narrowgauge.errors import InvalidRequest
from narrowgauge.evaluation.records import Record, read_records
from narrowgauge.evaluation.sql_databases import single_table_ddl
from narrowgauge.training.specialist.call_seal_tools import SealTools, read_seal_tools

__all__ = ["DataFiles", "Question", "is_held_back", "read_data_files"]

_HELD_BACK = 7


@dataclass(frozen=True)
class Question:
    """A question that someone asked of a database, and the query that answers it.

    Attributes:
        database: Name of its schema.
        text: The question.
        sql: The query.
        source: Folder and name of the file that it stands in.
    """

    database: str
    text: str
    sql: str
    source: str


@dataclass(frozen=True)
class DataFiles:
    """What the files hold.

    Attributes:
        schemas: DDL by the database's name.
        described: Names of the schemas that stand in the files as such; the others come from questions on one
            table each, too many and too alike to draw more questions on.
        questions: Questions on these databases.
        examples: Requests with their calls, each with the place that it was read from.
        calls: Requests to call functions, by file.
        describes: Describes of objects, as they stand in the files.
    """

    schemas: dict[str, str]
    described: frozenset[str]
    questions: tuple[Question, ...]
    examples: tuple[tuple[str, Example], ...]
    calls: tuple[SealTools, ...] = ()
    describes: tuple[Mapping[str, Any], ...] = ()


def is_held_back(database: str) -> bool:
    """Tells whether a database is kept for evaluation: about one in seven, the same ones always."""
    return hashlib.sha256(database.encode()).digest()[0] % _HELD_BACK == 0


def read_data_files(paths: Sequence[Path]) -> DataFiles:
    """Reads all files; the order of files and rows is kept.

    Raises:
        NotFound: A file does not exist.
        InvalidRequest: A line is of none of these forms, or a question's schema is in none of the files.
    """
    schemas: dict[str, str] = {}
    described: set[str] = set()
    questions: list[Question] = []
    examples: list[tuple[str, Example]] = []
    describes: list[Mapping[str, Any]] = []
    calls: list[SealTools] = []
    for path in paths:
        # Corpora name their files alike: the folder tells them apart.
        source = f"{path.absolute().parent.name}/{path.name}"
        rows = read_records(path)
        if rows and {"query", "calling"} <= rows[0].keys():
            calls.append(read_seal_tools(path))
            continue
        for number, row in enumerate(rows, start=1):
            place = f"{path}, row {number}"
            if {"db_id", "ddl"} <= row.keys():
                schemas[str(row["db_id"])] = str(row["ddl"])
                described.add(str(row["db_id"]))
            elif {"db_id", "question", "sql"} <= row.keys():
                for asked in ("question", "question_syn"):
                    if row.get(asked):
                        name, text, sql = str(row["db_id"]), str(row[asked]), str(row["sql"])
                        questions.append(Question(name, text, sql, source))
            elif {"table_id", "columns", "question", "sql"} <= row.keys():
                name = f"table {row['table_id']}"
                schemas.setdefault(name, single_table_ddl(row["columns"]))
                if _says_its_values(row):
                    questions.append(Question(name, str(row["question"]), str(row["sql"]), source))
            elif {"request", "call"} <= row.keys():
                examples.append((place, _example(row, place)))
            elif {"name", "fields"} <= row.keys() and (isinstance(row["fields"], list) or "parents" in row):
                describes.append(row)
            else:
                raise InvalidRequest(
                    "BAD_DATA_FILE",
                    f"{place} is no schema (db_id, ddl), question (db_id, question, sql), example "
                    "(request, call), describe (name, fields) or request to call functions (query, calling): "
                    f"it has {', '.join(sorted(row))}",
                )
    unknown = sorted({question.database for question in questions} - schemas.keys())
    if unknown:
        raise InvalidRequest(
            "NO_SCHEMA",
            f"there are questions on {unknown[0]} and {len(unknown) - 1} other databases without a schema: "
            "name the file with their schemas too",
        )
    return DataFiles(
        schemas, frozenset(described), tuple(questions), tuple(examples), tuple(calls), tuple(describes)
    )


def _says_its_values(row: Record) -> bool:
    """Tells whether a question has each value of its query word for word; the others teach guessing."""
    conditions: Iterable[Sequence[object]] = row.get("conds") or ()
    return all(str(value) in str(row["question"]) for _, _, value in conditions)


def _example(row: Record, place: str) -> Example:
    try:
        return Example.of(row)
    except (KeyError, TypeError, AttributeError) as error:
        raise InvalidRequest("BAD_EXAMPLE", f"{place}: {error!r}") from error
