"""Training examples of the shipped specialists, generated over a catalogue."""

from __future__ import annotations

import json
import random
import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import Message

from narrowgauge.contracts.closed_sets import closed_sets_of
from narrowgauge.contracts.contract import Contract, ToolCall
from narrowgauge.contracts.surfaces import CompiledSurface, get_surface
from narrowgauge.contracts.surfaces.sql.from_sql import from_sql
from narrowgauge.contracts.surfaces.surface import ClosedSets
from narrowgauge.errors import InvalidRequest
from narrowgauge.evaluation.salesforce_calls import gold_request
from narrowgauge.training.specialist.encode import TrainingExample
from narrowgauge.training.specialist.organisation_refusals import refused_of
from narrowgauge.training.specialist.organisation_requests import REQUESTS_OF_ONE, organisation_requests
from narrowgauge.training.specialist.organisations import Organisation, organisations
from narrowgauge.training.specialist.salesforce_refusals import refused_requests
from narrowgauge.training.specialist.salesforce_requests import Request, requests
from narrowgauge.training.specialist.salesforce_wording import worded_requests
from narrowgauge.training.specialist.sql_periods import draw_today
from narrowgauge.training.specialist.sql_questions import Question, questions
from narrowgauge.training.specialist.sql_schema import Schema
from narrowgauge.training.specialist.summary_texts import summaries
from narrowgauge.training.specialist.wording_questions import has_wording, wording_questions
from narrowgauge.v1.catalogue_pb2 import Catalogue
from narrowgauge.v1.specialist_pb2 import ContextDocument

__all__ = [
    "canonical_sql",
    "gold_surface",
    "organisation_examples",
    "salesforce_example",
    "salesforce_examples",
    "salesforce_refusals",
    "sql_examples",
    "summary_examples",
]

# Share of requests in people's own wording; half of the others cover every field and value evenly.
_WORDED = 0.7
# Share of requests in wordings for any object, in families that tell apart what the others have together.
_FAMILIES = 0.15
# Questions on each invented organisation that its catalogue does not serve.
_REFUSED = 1


def salesforce_examples(contract: Contract, catalogue: Catalogue, *, seed: int) -> Iterator[TrainingExample]:
    """Yields requests on an organisation with their calls, without end.

    Most of them are in people's own wording, where the templates know the organisation's objects.
    """
    rng = random.Random(seed)
    made, worded = requests(catalogue, seed=seed), worded_requests(catalogue, seed=seed)
    alike = organisation_requests(Organisation(catalogue, (), {}, {}), seed=seed)
    while True:
        draw = rng.random()
        request = next(worded, None) if draw < _WORDED else next(alike) if draw > 1 - _FAMILIES else None
        yield salesforce_example(contract, catalogue, request or next(made), rng)


def organisation_examples(
    contract: Contract, given: Sequence[Mapping[str, Any]], *, seed: int
) -> Iterator[TrainingExample]:
    """Yields requests on one invented organisation after the other with their calls, without end.

    Args:
        contract: The Salesforce contract.
        given: Rows of describes that organisations may have objects of, as data files have them.
        seed: Of all that is drawn.
    """
    rng = random.Random(f"{seed}/rows")
    for organisation in organisations(given, seed=seed):
        for text in islice(refused_of(organisation, seed=seed), _REFUSED):
            yield _refusal(contract, organisation.catalogue, text, rng)
        for request in islice(organisation_requests(organisation, seed=seed), REQUESTS_OF_ONE):
            yield salesforce_example(contract, organisation.catalogue, request, rng)


def salesforce_refusals(contract: Contract, catalogue: Catalogue, *, seed: int) -> Iterator[TrainingExample]:
    """Yields requests that no call on the organisation serves, each with the refusal, without end."""
    rng = random.Random(seed)
    for text in refused_requests(seed=seed):
        yield _refusal(contract, catalogue, text, rng)


def _refusal(contract: Contract, catalogue: Catalogue, text: str, rng: random.Random) -> TrainingExample:
    tool = contract.tool("Refuse")
    call = ToolCall(tool, tool.request_class(unanswerable=True))
    return TrainingExample(text, call, catalogue, (), str(draw_today(rng)))


def salesforce_example(
    contract: Contract, catalogue: Catalogue, request: Request, rng: random.Random
) -> TrainingExample:
    """Returns a request on an organisation as an example, its rows as the chain hands them over."""
    method, message = gold_request({"operation": request.operation, **request.call})
    context = [
        ContextDocument(
            title=f"row {rng.randint(1, 9)} of step {rng.randint(0, 3)} result",
            rows_json=[json.dumps(row, ensure_ascii=False)],
        )
        for row in request.rows
    ]
    return TrainingExample(
        request.text, _call(contract, method, message), catalogue, context, str(request.today)
    )


def sql_examples(
    contract: Contract,
    surface: CompiledSurface,
    catalogue: Catalogue,
    database: sqlite3.Connection | None,
    *,
    seed: int,
) -> Iterator[TrainingExample]:
    """Yields questions on a database with their queries, without end.

    Most of those on the demo warehouse are in the wording of people, the others come from the grammar.
    """
    closed_sets = closed_sets_of(catalogue)
    surface = gold_surface("sql", surface)
    for question in _sql_questions(Schema(catalogue, database, seed), database, seed):
        try:
            call = _query(contract, surface, catalogue, question, closed_sets)
        except InvalidRequest:
            # A name of the schema that the generator's plain SQL cannot quote; another question will do.
            continue
        yield TrainingExample(question.text, call, catalogue, (), str(question.today))


def gold_surface(name: str, surface: CompiledSurface) -> CompiledSurface:
    """Returns the surface in which generated and recorded calls are text, whatever the specialist's own is.

    Args:
        name: Of that surface.
        surface: The specialist's own.
    """
    return surface if surface.name == name else get_surface(name).compile(surface.contract)


def _sql_questions(schema: Schema, database: sqlite3.Connection | None, seed: int) -> Iterator[Question]:
    made = questions(schema, seed=seed)
    if database is None or not has_wording(schema):
        yield from made
        return
    rng = random.Random(f"{seed}/mixture")
    worded = wording_questions(schema, database, seed=seed)
    while True:
        yield next(worded if rng.random() < _WORDED else made)


def _query(
    contract: Contract,
    surface: CompiledSurface,
    catalogue: Catalogue,
    question: Question,
    closed_sets: ClosedSets,
) -> ToolCall:
    if question.sql is None:
        return surface.parse("UNANSWERABLE", closed_sets)
    if question.kind == "wording":
        # Written by hand, in any style; a template that does not map is an error of ours.
        return _call(contract, "Query", from_sql(question.sql, catalogue))
    return surface.parse(canonical_sql(question.sql), closed_sets)


def summary_examples(contract: Contract, *, seed: int) -> Iterator[TrainingExample]:
    """Yields requests to summarise tools' results and short texts with their summaries, without end."""
    tool = contract.tool("Summarize")
    for summary in summaries(seed=seed):
        request = tool.request_class()
        figures = [{"text": figure, "offset": -1} for figure in summary.figures]
        said = {"headline": summary.headline, "key_points": summary.points, "figures": figures}
        json_format.ParseDict(said, request)
        yield TrainingExample(
            summary.request, ToolCall(tool, request), context=summary.documents, today=str(summary.today)
        )


def canonical_sql(sql: str) -> str:
    """Writes the generator's SQL so that the surface reads it.

    The joined table's key stands second, and ascending order is not said.
    """

    def ordered(found: re.Match[str]) -> str:
        begin, joined, left, right = found.groups()
        return f"{begin}{right} = {left}" if left.startswith(f"{joined}.") else found[0]

    return re.sub(r"( JOIN (?:\w+ AS )?(\w+) ON )(\w+\.\w+) = (\w+\.\w+)", ordered, sql.replace(" ASC", ""))


def _call(contract: Contract, method: str, message: Message) -> ToolCall:
    tool = contract.tool(method)
    request = tool.request_class()
    request.ParseFromString(message.SerializeToString())
    return ToolCall(tool, request)
