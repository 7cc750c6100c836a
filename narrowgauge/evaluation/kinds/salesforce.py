"""`eval salesforce`: requests to calls; operation, object, id, fields, values, canonical queries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache

from google.protobuf.message import Message

from narrowgauge.contracts.contract import contract_of
from narrowgauge.contracts.surfaces.salesforce import SalesforceSurface
from narrowgauge.contracts.surfaces.surface import CompiledSurface
from narrowgauge.errors import InvalidRequest, Unsupported
from narrowgauge.evaluation.answers import Answer, Case
from narrowgauge.evaluation.records import Record
from narrowgauge.evaluation.report import Report, f1_of
from narrowgauge.evaluation.salesforce_calls import gold_request
from narrowgauge.evaluation.salesforce_canonical import call_items, canonical_call
from narrowgauge.evaluation.salesforce_catalogue import with_describes
from narrowgauge.tools.salesforce.v1 import salesforce_pb2
from narrowgauge.v1 import specialist_pb2
from narrowgauge.v1.catalogue_pb2 import Catalogue

__all__ = ["GoldCall", "SalesforceKind", "SalesforceVerdict", "gold_call", "judge_call", "today_of"]


@dataclass(frozen=True)
class GoldCall:
    """The right call of a record; without a message when the contract cannot say it."""

    method: str
    object: str
    request: Message | None
    today: date
    unmapped: str = ""


@dataclass(frozen=True)
class SalesforceVerdict:
    """What one answer is worth; `items` counts right, predicted and gold parts of the call."""

    valid: bool
    exact: bool
    operation: bool
    object: bool
    items: tuple[int, int, int]
    why: str = ""


_METHODS = {
    "query": "Query",
    "get": "GetRecord",
    "create": "CreateRecord",
    "update": "UpdateRecord",
    "upsert": "UpsertRecord",
    "delete": "DeleteRecord",
}


class SalesforceKind:
    """Records of requests with gold calls.

    Args:
        records: In the form of `docs/eval.md`.
        catalogue: Of the organisation; a record's own `catalog` is added to it.

    Raises:
        InvalidRequest: A record is malformed; names it.
    """

    specialist = "salesforce"

    def __init__(self, records: Sequence[Record], catalogue: Catalogue) -> None:
        self._gold = [gold_call(record) for record in records]
        self.cases = [_case(record, catalogue) for record in records]

    def score(self, answers: Sequence[Sequence[Answer]], report: Report) -> None:
        """Adds `valid`, `exact`, `operation_accuracy`, `object_accuracy`, `field_f1` and `gold_mapped`."""
        verdicts = [judge_call(turns[0], gold) for turns, gold in zip(answers, self._gold, strict=True)]
        n = len(verdicts)
        report.rate("valid", sum(verdict.valid for verdict in verdicts), n)
        report.rate("exact", sum(verdict.exact for verdict in verdicts), n)
        report.rate("operation_accuracy", sum(verdict.operation for verdict in verdicts), n)
        report.rate("object_accuracy", sum(verdict.object for verdict in verdicts), n)
        report.statistic("field_f1", [verdict.items for verdict in verdicts], f1_of)
        report.rate("gold_mapped", sum(gold.request is not None for gold in self._gold), n)
        for case, verdict in zip(self.cases, verdicts, strict=True):
            if not verdict.exact:
                report.fail(case.id, verdict.why)


def gold_call(record: Record) -> GoldCall:
    """Reads the gold call of a record.

    Raises:
        InvalidRequest: The record is malformed; names it.
    """
    try:
        today = today_of(record)
        method, object_name = _METHODS[record["operation"]], str(record["object"])
        try:
            return GoldCall(method, object_name, gold_request(record)[1], today)
        except Unsupported as error:
            return GoldCall(method, object_name, None, today, error.message)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidRequest("BAD_RECORD", f"record {record['id']}: {error!r}") from error


def today_of(record: Record) -> date:
    """Returns the day that a record's relative dates refer to: its own, else the current one in UTC."""
    given = record.get("today")
    return date.fromisoformat(given) if given else datetime.now(UTC).date()


def judge_call(answer: Answer, gold: GoldCall) -> SalesforceVerdict:
    """Compares one answer with its gold call."""
    wanted = call_items(gold.method, gold.request, gold.today) if gold.request is not None else set()
    fields = _without_names(wanted)
    if answer.request is None:
        return SalesforceVerdict(
            answer.valid, False, False, False, (0, 0, len(fields)), f"{answer.why()} | {_gold_text(gold)}"
        )
    found = call_items(answer.method, answer.request, gold.today)
    object_name = str(getattr(answer.request, "object", ""))
    exact = gold.request is not None and canonical_call(
        answer.method, answer.request, gold.today
    ) == canonical_call(gold.method, gold.request, gold.today)
    parts = _without_names(found)
    why = "" if exact else f"{answer.text} | {_gold_text(gold)}"
    return SalesforceVerdict(
        valid=answer.valid,
        exact=exact and answer.valid,
        operation=answer.method == gold.method,
        object=object_name.lower() == gold.object.lower(),
        items=(len(parts & fields), len(parts), len(fields)),
        why=why,
    )


def _without_names(items: set[object]) -> set[object]:
    """Leaves the object and the id out: they have metrics of their own."""
    return {item for item in items if isinstance(item, tuple) and item[0] not in ("object", "id")}


def _gold_text(gold: GoldCall) -> str:
    if gold.request is None:
        return f"the contract cannot say the gold call: {gold.unmapped}"
    surface = _surface()
    return f"gold: {surface.render(surface.contract.tool(gold.method), gold.request)}"


@cache
def _surface() -> CompiledSurface:
    service = salesforce_pb2.DESCRIPTOR.services_by_name["SalesforceToolService"]
    return SalesforceSurface().compile(contract_of(service))


def _case(record: Record, catalogue: Catalogue) -> Case:
    request = record.get("request")
    if not isinstance(request, str) or not request.strip():
        raise InvalidRequest("BAD_RECORD", f"record {record['id']} has no request")
    known = with_describes(catalogue, record["catalog"]) if record.get("catalog") else catalogue
    start = specialist_pb2.ExecuteStart(text=request, catalogue=known, today=str(record.get("today", "")))
    return Case(str(record["id"]), start)
