"""`eval recovery`: a tool's error comes back to the specialist, which repairs its call or gives up."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf.json_format import ParseError
from google.protobuf.message import Message

from narrowgauge.contracts.closed_sets import closed_sets_of
from narrowgauge.contracts.contract import contract_of
from narrowgauge.contracts.surfaces.salesforce import SalesforceSurface
from narrowgauge.errors import InvalidRequest, Unsupported
from narrowgauge.evaluation.answers import Answer, Case
from narrowgauge.evaluation.failed_calls import failed_query
from narrowgauge.evaluation.kinds.salesforce import GoldCall, gold_call, judge_call, today_of
from narrowgauge.evaluation.kinds.sql import GoldQuery, judge_query
from narrowgauge.evaluation.records import Record
from narrowgauge.evaluation.report import Report
from narrowgauge.evaluation.salesforce_catalogue import with_describes
from narrowgauge.evaluation.sql_canonical import canonical_query
from narrowgauge.evaluation.sql_databases import Database, Databases
from narrowgauge.tools.salesforce.v1 import salesforce_pb2
from narrowgauge.tools.sql.v1 import sql_pb2
from narrowgauge.v1 import specialist_pb2
from narrowgauge.v1.catalogue_pb2 import Catalogue

__all__ = ["SPECIALISTS", "Outcome", "RecoveryKind"]

SPECIALISTS = ("sql", "salesforce")
"""Specialists whose recovery can be evaluated."""


@dataclass(frozen=True)
class Outcome:
    """What came of one error; None where a metric does not ask."""

    repaired: bool | None
    gave_up_right: bool | None
    repeated: bool
    why: str


class RecoveryKind:
    """Records of errors for one specialist.

    The specialist is asked the request; then it is told that the record's failed call, in the place of its
    own, was refused with the record's error, and its answer to that is measured. A record without a failed
    call is about the specialist's own first call.

    Args:
        specialist: `sql` or `salesforce`.
        records: Of that specialist, in the form of `docs/eval.md`.
        databases: Of the SQL records.
        organisation: Catalogue of the Salesforce records.

    Raises:
        InvalidRequest: A record is malformed; names it.
    """

    def __init__(
        self,
        specialist: str,
        records: Sequence[Record],
        *,
        databases: Databases | None = None,
        organisation: Catalogue | None = None,
    ) -> None:
        self.specialist = specialist
        self._records = [_checked(record) for record in records]
        self._databases = [
            databases.of(_with_database(record)) if databases is not None else None for record in records
        ]
        catalogues = [
            database.catalogue if database is not None else _organisation(record, organisation)
            for record, database in zip(records, self._databases, strict=True)
        ]
        self._catalogues = catalogues
        self.cases = [
            Case(
                str(record["id"]),
                specialist_pb2.ExecuteStart(
                    text=str(record["request"]), catalogue=catalogue, today=str(record.get("today", ""))
                ),
                tool_error=str(record["tool_error"]),
                failed_call=_failed_call(record, database, catalogue),
            )
            for record, database, catalogue in zip(self._records, self._databases, catalogues, strict=True)
        ]

    def score(self, answers: Sequence[Sequence[Answer]], report: Report) -> None:
        """Adds `repaired`, `gave_up_right` and `repeated`."""
        add_outcomes(
            [(case.id, outcome) for case, outcome in zip(self.cases, self.outcomes(answers), strict=True)],
            report,
        )

    def outcomes(self, answers: Sequence[Sequence[Answer]]) -> list[Outcome]:
        """Returns what came of each record."""
        return [
            self._outcome(record, turns, database, catalogue)
            for record, turns, database, catalogue in zip(
                self._records, answers, self._databases, self._catalogues, strict=True
            )
        ]

    def _outcome(
        self, record: Record, turns: Sequence[Answer], database: Database | None, catalogue: Catalogue
    ) -> Outcome:
        last = turns[-1]
        gave_up = last.refused
        retried = len(turns) > 1 and last.request is not None
        failed = record["failed_call"]
        if failed:
            repeated = retried and _repeats(last, record, database, catalogue)
        else:
            first = turns[0]
            repeated = retried and (last.method, last.json, last.text) == (
                first.method,
                first.json,
                first.text,
            )
        if not record["repairable"]:
            return Outcome(None, gave_up, repeated, "" if gave_up else last.why())
        expected = record["expected"].get("retry")
        right = retried and not repeated and _is_call(expected, last, record, database, catalogue)
        return Outcome(right, None, repeated, "" if right else f"{last.why()} | expected: {expected}")


def _is_call(
    expected: Any, answer: Answer, record: Record, database: Database | None, catalogue: Catalogue
) -> bool:
    """Whether an answer is a call that a record writes; for SQL, whether it returns its rows."""
    if database is None:
        gold = _salesforce_call(expected, record, catalogue)
        return gold is not None and judge_call(answer, gold).exact
    return judge_query(answer, GoldQuery.of(_sql_of(expected), database), database).execution


def _repeats(answer: Answer, record: Record, database: Database | None, catalogue: Catalogue) -> bool:
    """Whether an answer is the record's failed call, which need not name what exists."""
    request = _failed_request(record, database, catalogue)
    if request is None or answer.request is None:
        return False
    if isinstance(request, sql_pb2.QueryRequest) and isinstance(answer.request, sql_pb2.QueryRequest):
        return bool(canonical_query(request) == canonical_query(answer.request))
    return bool(request == answer.request)


def add_outcomes(outcomes: Sequence[tuple[str, Outcome]], report: Report) -> None:
    """Adds the metrics of outcomes, each with the id of its record."""
    repaired = [outcome.repaired for _, outcome in outcomes if outcome.repaired is not None]
    gave_up = [outcome.gave_up_right for _, outcome in outcomes if outcome.gave_up_right is not None]
    report.rate("repaired", sum(repaired), len(repaired))
    report.rate("gave_up_right", sum(gave_up), len(gave_up))
    report.rate("repeated", sum(outcome.repeated for _, outcome in outcomes), len(outcomes))
    for record, outcome in outcomes:
        if outcome.why:
            report.fail(record, outcome.why)


def _checked(record: Record) -> Record:
    for name in ("request", "failed_call", "tool_error", "expected", "repairable"):
        if name not in record:
            raise InvalidRequest("BAD_RECORD", f"record {record['id']} has no {name}")
    if not isinstance(record["expected"], dict):
        raise InvalidRequest("BAD_RECORD", f"record {record['id']}: expected is not an object")
    return record


def _with_database(record: Record) -> Record:
    """A record that names no database is about the demo warehouse."""
    named = any(key in record for key in ("db", "ddl", "db_id", "table_id", "query_id"))
    return record if named else {**record, "db": "warehouse"}


def _organisation(record: Record, catalogue: Catalogue | None) -> Catalogue:
    assert catalogue is not None
    return with_describes(catalogue, record["catalog"]) if record.get("catalog") else catalogue


def _failed_call(
    record: Record, database: Database | None, catalogue: Catalogue
) -> specialist_pb2.ToolCall | None:
    """The call that a record says was refused; text that the contract cannot say stays text."""
    failed = record["failed_call"]
    if not failed:
        return None
    call = specialist_pb2.ToolCall()
    call.surface_text = failed if isinstance(failed, str) else json.dumps(failed, ensure_ascii=False)
    request = _failed_request(record, database, catalogue)
    if request is not None:
        call.request.Pack(request)
    return call


def _failed_request(record: Record, database: Database | None, catalogue: Catalogue) -> Message | None:
    """The failed call as a message; None for text that is no call.

    The mapping forgives what a database does not, a value in double quotes for example. A failed call that it
    makes the expected one of is therefore text, too.
    """
    failed, retry = record["failed_call"], record["expected"].get("retry")
    if database is None:
        call = _salesforce_call(failed, record, catalogue)
        right = None if retry is None else _salesforce_call(retry, record, catalogue)
        if call is None or (right is not None and call.request == right.request):
            return None
        return call.request
    query = failed_query(_sql_of(failed), catalogue, dialect=_dialect(record))
    right_query = None if retry is None else GoldQuery.of(_sql_of(retry), database).request
    if query is None or right_query is None:
        return query
    return None if canonical_query(query) == canonical_query(right_query) else query


def _dialect(record: Record) -> str:
    """The dialect of a record's failed query, as sqlglot calls it."""
    name = str(record.get("dialect") or "sqlite").lower()
    return "postgres" if name.startswith("postgres") else "sqlite"


def _sql_of(expected: Any) -> str:
    value = expected.get("sql") if isinstance(expected, dict) else expected
    return str(value)


def _salesforce_call(expected: Any, record: Record, catalogue: Catalogue) -> GoldCall | None:
    """Reads a call that a record writes: as in `eval salesforce`, in the surface, or as ProtoJSON.

    None for text that is no call, for example a request path.
    """
    if isinstance(expected, dict) and "operation" in expected:
        return gold_call({"id": record["id"], "today": record.get("today"), **expected})
    text = expected if isinstance(expected, str) else json.dumps(expected)
    surface = SalesforceSurface().compile(
        contract_of(salesforce_pb2.DESCRIPTOR.services_by_name["SalesforceToolService"])
    )
    try:
        call = surface.parse(text, closed_sets_of(catalogue))
    except (InvalidRequest, Unsupported, ParseError):
        return None
    return GoldCall(call.tool.name, str(getattr(call.request, "object", "")), call.request, today_of(record))
