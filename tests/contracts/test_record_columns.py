"""Columns of record ids are left out of the prompts of specialists that write about tables."""

from __future__ import annotations

import json

import pytest
from surface_cases import builtin_contract

from narrowgauge.contracts.record_columns import context_shown
from narrowgauge.contracts.surfaces import get_surface
from narrowgauge.contracts.surfaces.surface import CompiledSurface
from narrowgauge.errors import InvalidRequest
from narrowgauge.v1.specialist_pb2 import ContextDocument

CASE, OTHER = "500Ng000000002wIAA", "500Ng000000002vIAA"
ROWS = (
    {"name": "Ember & Oak", "amount": 25899.35, "id": CASE, "owner": None},
    {"name": OTHER, "amount": 12, "id": OTHER, "owner": None},
)


def document(*rows: object) -> ContextDocument:
    return ContextDocument(title="step 1 result", rows_json=[json.dumps(row) for row in rows])


@pytest.fixture(scope="module")
def summary() -> CompiledSurface:
    """The surface of a specialist whose calls quote figures."""
    return get_surface("protojson").compile(builtin_contract("summary"))


def test_columns_of_ids(summary: CompiledSurface) -> None:
    """A column in which every value is an id goes; one with an id among names, or without values, stays."""
    (shown,) = context_shown([document(*ROWS)], "summarize the results", summary)
    assert shown.title == "step 1 result"
    assert [json.loads(row) for row in shown.rows_json] == [
        {key: value for key, value in row.items() if key != "id"} for row in ROWS
    ]


def test_what_is_asked_for_or_all_there_is_stays(summary: CompiledSurface) -> None:
    """Ids that the request asks for, a table of ids alone, and the tables of specialists that need ids."""
    whole = [document(*ROWS)]
    assert context_shown(whole, "list the ids of the cases", summary) == whole
    alone = [document({"id": CASE}, {"id": OTHER})]
    assert context_shown(alone, "summarize the results", summary) == alone
    salesforce = get_surface("salesforce").compile(builtin_contract("salesforce"))
    assert context_shown(whole, "close them", salesforce) == whole


def test_a_row_is_an_object(summary: CompiledSurface) -> None:
    """A row that is no JSON object is refused, not passed over."""
    with pytest.raises(InvalidRequest) as found:
        context_shown([document(7)], "summarize the results", summary)
    assert found.value.reason == "BAD_ROW"
