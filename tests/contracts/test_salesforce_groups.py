"""What a Salesforce query groups by is said by what it shows."""

from __future__ import annotations

import pytest
from random_walk import accepts, matcher_of

from narrowgauge.contracts.closed_sets import closed_sets_of
from narrowgauge.contracts.surfaces.salesforce.grammar import salesforce_grammar
from narrowgauge.contracts.surfaces.salesforce.parse import parse
from narrowgauge.contracts.surfaces.salesforce.render import render
from narrowgauge.contracts.validate import violations
from narrowgauge.errors import InvalidRequest
from narrowgauge.tools.salesforce.v1 import salesforce_pb2 as pb
from narrowgauge.v1.catalogue_pb2 import Catalogue, Entity, EntityField

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


def test_conditions_on_groups_stand_behind_an_aggregate() -> None:
    """A query that shows no function has no groups to test; one whose last column is an aggregate has."""
    status = EntityField(name="Status", type="string")
    number = EntityField(name="Score", type="double")
    catalogue = Catalogue(entities=[Entity(name="Case", fields=[status, number])])
    matcher = matcher_of(salesforce_grammar(closed_sets_of(catalogue)))
    for text, allowed in (
        ("query Case: Status, count(Status) having count(Status) > 2", True),
        ("query Case: count(Status) where Score > 1 having count(Status) > 2 limit 3", True),
        ("query Case: Status, sum(Score) where Score > 1 order by sum(Score) desc limit 3", True),
        ("query Case: Status group by Status having count(Status) > 2", True),
        ("query Case: Status having count(Status) > 2", False),
        ("query Case: Status where Score > 1 having count(Status) > 2", False),
    ):
        assert accepts(matcher, text) is allowed, text
