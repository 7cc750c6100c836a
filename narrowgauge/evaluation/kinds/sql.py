"""`eval sql`: questions to queries; valid, exact in canonical form, equal in what they return."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cache

from narrowgauge.contracts.contract import contract_of
from narrowgauge.contracts.surfaces.sql import SqlSurface
from narrowgauge.contracts.surfaces.sql.from_sql import from_sql
from narrowgauge.contracts.surfaces.surface import CompiledSurface
from narrowgauge.errors import InvalidRequest, Unsupported
from narrowgauge.evaluation.answers import Answer, Case, refusal_rates
from narrowgauge.evaluation.records import Record
from narrowgauge.evaluation.report import Report
from narrowgauge.evaluation.sql_canonical import canonical_query, literals_of, without_case
from narrowgauge.evaluation.sql_databases import Database, Databases
from narrowgauge.evaluation.sql_execution import Rows, canonical_sql, prepares, run, same_rows
from narrowgauge.tools.sql.v1 import sql_pb2
from narrowgauge.v1 import specialist_pb2

__all__ = ["GoldQuery", "SqlKind", "SqlVerdict", "is_exact", "judge_query"]


@dataclass(frozen=True)
class GoldQuery:
    """The right query of a record.

    Attributes:
        sql: As its author wrote it; None when the database cannot answer.
        request: The same as a call; None when the contract has no place for it.
        unmapped: Why it has none.
    """

    sql: str | None
    request: sql_pb2.QueryRequest | None = None
    unmapped: str = ""

    @classmethod
    def of(cls, sql: str | None, database: Database) -> GoldQuery:
        """Maps a gold query into the contract."""
        if sql is None:
            return cls(None)
        try:
            return cls(sql, from_sql(sql, database.catalogue))
        except Unsupported as error:
            return cls(sql, unmapped=error.message)


@dataclass(frozen=True)
class SqlVerdict:
    """What one answer is worth.

    Attributes:
        valid: It keeps the contract, and the database accepts it.
        exact: Its canonical form is the gold's.
        exact_any_case: The same with text values in lower case.
        execution: It returns what the gold query returns.
        refused: It says that the database cannot answer.
        why: What is wrong; empty when it is right.
    """

    valid: bool
    exact: bool
    execution: bool
    refused: bool
    why: str = ""
    exact_any_case: bool = False


class SqlKind:
    """Records of questions with gold SQL.

    Args:
        records: In one of the forms of `docs/eval.md`.
        databases: Finds their databases.

    Raises:
        InvalidRequest, NotFound: A record has no question, or its database cannot be opened.
    """

    specialist = "sql"

    def __init__(self, records: Sequence[Record], databases: Databases) -> None:
        self._databases = [databases.of(record) for record in records]
        self._gold = [
            GoldQuery.of(record.get("sql"), database)
            for record, database in zip(records, self._databases, strict=True)
        ]
        self.cases = [
            _case(record, database) for record, database in zip(records, self._databases, strict=True)
        ]

    def score(self, answers: Sequence[Sequence[Answer]], report: Report) -> None:
        """Adds `valid`, `exact`, `exact_any_case`, `execution`, `refusal_*` and `gold_mapped`."""
        verdicts = [
            judge_query(turns[0], gold, database)
            for turns, gold, database in zip(answers, self._gold, self._databases, strict=True)
        ]
        n = len(verdicts)
        report.rate("valid", sum(verdict.valid for verdict in verdicts), n)
        report.rate("exact", sum(verdict.exact for verdict in verdicts), n)
        report.rate("exact_any_case", sum(verdict.exact_any_case for verdict in verdicts), n)
        report.rate("execution", sum(verdict.execution for verdict in verdicts), n)
        unanswerable = [gold.sql is None for gold in self._gold]
        for name, (hits, count) in refusal_rates(unanswerable, [v.refused for v in verdicts]).items():
            report.rate(name, hits, count)
        answerable = [gold for gold in self._gold if gold.sql is not None]
        report.rate("gold_mapped", sum(gold.request is not None for gold in answerable), len(answerable))
        for case, gold, verdict in zip(self.cases, self._gold, verdicts, strict=True):
            if not verdict.execution:
                report.fail(case.id, f"{verdict.why} | gold: {gold.sql or 'UNANSWERABLE'}")


def judge_query(answer: Answer, gold: GoldQuery, database: Database) -> SqlVerdict:
    """Compares one answer with its gold query.

    Raises:
        InvalidRequest: The gold query itself does not run.
    """
    request = answer.request
    says_none = isinstance(request, sql_pb2.QueryRequest) and request.WhichOneof("call") == "unanswerable"
    refused = answer.refused or says_none
    if refused or request is None:
        right = refused and gold.sql is None
        return SqlVerdict(answer.valid, right, right, refused, "" if right else answer.why(), right)
    assert isinstance(request, sql_pb2.QueryRequest)
    text = _text_of(request)
    if text is None or not answer.valid:
        return SqlVerdict(False, False, False, False, answer.why())
    with database.opened() as connection:
        problem = prepares(connection, canonical_sql(text))
    if problem:
        return SqlVerdict(False, False, False, False, f"{text}: {problem}")
    if gold.sql is None:
        return SqlVerdict(True, False, False, False, text)
    exact = is_exact(answer, gold)
    execution = exact
    if not exact:
        literals = literals_of(gold.request) if gold.request is not None else []
        with closing(database.populations(literals)) as connections:
            execution = _same_results(connections, text, gold, database)
    any_case = exact or is_exact(answer, gold, any_case=True)
    return SqlVerdict(True, exact, execution, False, "" if execution else text, any_case)


def is_exact(answer: Answer, gold: GoldQuery, *, any_case: bool = False) -> bool:
    """Whether an answer is the gold query in canonical form; the case of text values may not count."""
    if gold.request is None or not isinstance(answer.request, sql_pb2.QueryRequest):
        return False
    pair = (gold.request, answer.request)
    wanted, said = map(canonical_query, map(without_case, pair) if any_case else pair)
    return bool(wanted == said)


def _same_results(
    connections: Iterable[sqlite3.Connection], text: str, gold: GoldQuery, database: Database
) -> bool:
    """Whether both return the same on each database.

    On synthetic rows a gold query that never returns anything says nothing, and then only `exact` counts.
    """
    assert gold.sql is not None
    if gold.request is not None:
        mapped = _text_of(gold.request)
        assert mapped is not None
        gold_sql = canonical_sql(mapped)
        ordered = bool(gold.request.query.order_by)
    else:
        gold_sql, ordered = gold.sql, "order by" in gold.sql.lower()
    informative = database.path is not None
    for connection in connections:
        try:
            expected: Rows = run(connection, gold_sql)
        except sqlite3.Error as error:
            raise InvalidRequest(
                "BAD_GOLD", f"the gold query {gold_sql!r} does not run on {database.name}: {error}"
            ) from error
        try:
            actual = run(connection, canonical_sql(text))
        except sqlite3.Error:  # it takes too long
            return False
        if not same_rows(expected, actual, ordered=ordered):
            return False
        informative |= _says_something(expected)
    return informative


def _says_something(rows: Rows) -> bool:
    """Whether a result tells queries apart: an empty one, or a lone 0 or NULL, is that of many wrong ones."""
    return bool(rows) and not (len(rows) == 1 and all(value in (None, 0) for value in rows[0]))


def _text_of(request: sql_pb2.QueryRequest) -> str | None:
    """Returns a call as canonical SQL; None for one that names what its tables do not have."""
    surface = _surface()
    try:
        return surface.render(surface.contract.tools[0], request)
    except InvalidRequest:
        return None


@cache
def _surface() -> CompiledSurface:
    return SqlSurface().compile(contract_of(sql_pb2.DESCRIPTOR.services_by_name["SqlToolService"]))


def _case(record: Record, database: Database) -> Case:
    question = record.get("question")
    if not isinstance(question, str) or not question.strip():
        raise InvalidRequest("BAD_RECORD", f"record {record['id']} has no question")
    start = specialist_pb2.ExecuteStart(
        text=question, catalogue=database.catalogue, today=str(record.get("today", ""))
    )
    return Case(str(record["id"]), start)
