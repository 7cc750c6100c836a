"""What a Salesforce query groups by is said by what it shows."""

from __future__ import annotations

import pytest

from narrowgauge.contracts.surfaces.salesforce.parse import parse
from narrowgauge.contracts.surfaces.salesforce.render import render
from narrowgauge.contracts.validate import violations
from narrowgauge.errors import InvalidRequest
from narrowgauge.tools.salesforce.v1 import salesforce_pb2 as pb

STATUS, COUNT = pb.Column(field="Status"), pb.Column(field="Id", function=pb.FUNCTION_COUNT)
YEAR = pb.Column(field="CreatedDate", function=pb.FUNCTION_CALENDAR_YEAR)


def query(*columns: pb.Column, keys: tuple[pb.GroupKey, ...] = ()) -> pb.QueryRequest:
    return pb.QueryRequest(object="Case", select=columns, group_by=keys)


@pytest.mark.parametrize(
    ("columns", "keys", "text"),
    [
        ((STATUS, COUNT), (pb.GroupKey(field="Status"),), "query Case: Status, count(Id)"),
        ((COUNT,), (), "query Case: count(Id)"),
        ((COUNT,), (pb.GroupKey(field="Status"),), "query Case: count(Id) group by Status"),
        ((STATUS,), (), "query Case: Status"),
        ((STATUS,), (pb.GroupKey(field="Status"),), "query Case: Status group by Status"),
        (
            (YEAR, COUNT),
            (pb.GroupKey(field="CreatedDate", function=pb.FUNCTION_CALENDAR_YEAR),),
            "query Case: calendar_year(CreatedDate), count(Id)",
        ),
    ],
)
def test_keys_that_must_be_are_not_written(
    columns: tuple[pb.Column, ...], keys: tuple[pb.GroupKey, ...], text: str
) -> None:
    """Only other keys stand in the text; both ways give the same message, which keeps its contract."""
    message = query(*columns, keys=keys)
    assert render(message) == text
    assert parse(text) == ("Query", message)
    assert violations(message) == []


def test_a_field_beside_a_function_must_be_a_key() -> None:
    """SOQL refuses it, so the contract does, and the surface has no text for it."""
    message = query(STATUS, COUNT)
    assert [text for _, text in violations(message)] == [
        "beside a function every field that is shown is a group key"
    ]
    with pytest.raises(InvalidRequest, match="no group key"):
        render(message)
