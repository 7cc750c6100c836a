"""Families of requests on invented organisations that differ in little, and so in one part of their calls."""

from __future__ import annotations

import datetime as dt
import re
from functools import cache
from itertools import islice
from random import Random

import pytest

from narrowgauge.training.specialist.date_bounds import bound
from narrowgauge.training.specialist.organisation_refusals import is_absent, refused_of
from narrowgauge.training.specialist.organisation_requests import REQUESTS_OF_ONE, organisation_requests
from narrowgauge.training.specialist.organisation_scene import sections
from narrowgauge.training.specialist.organisations import organisations
from narrowgauge.training.specialist.salesforce_requests import Request

TODAY = dt.date(2026, 5, 20)


@cache
def made() -> tuple[Request, ...]:
    """Requests on 120 organisations."""
    return tuple(
        request
        for organisation in islice(organisations((), seed=11), 120)
        for request in islice(organisation_requests(organisation, seed=11), REQUESTS_OF_ONE)
    )


def of_kind(kind: str) -> list[Request]:
    """Those in a section's wordings."""
    found = [request for request in made() if request.kind == f"organisation {kind}"]
    assert found, kind
    return found


@pytest.mark.parametrize("section", sorted(set(sections("organisation_contrasts"))))
def test_each_section_has_different_wordings(section: str) -> None:
    """A section is told apart by its words, so it has several and none twice."""
    wordings = sections("organisation_contrasts")[section]
    assert len(wordings) == len(set(wordings)) >= 3


def test_one_column_is_one_column() -> None:
    """`just the fees` are the fees, without a count and without names beside them."""
    for request in of_kind("only"):
        select = request.call["select"]
        assert isinstance(select, list)
        assert len(select) == 1, request
        assert "(" not in select[0], request


def test_records_with_columns_are_named() -> None:
    """`list of boats with berth` shows which boat lies there."""
    for request in of_kind("beside"):
        assert request.call["select"][0] == "Name", request  # type: ignore[index]


def test_the_first_few_show_a_field_as_it_is() -> None:
    """`top 5 by price` sums nothing up."""
    for request in of_kind("top shown") + of_kind("top alone"):
        assert "(" not in str(request.call["select"]), request
        assert request.call["limit"]


def test_a_child_of_a_record_is_created() -> None:
    """What is put on a record with an id is another one, which refers to it."""
    for request in of_kind("child") + of_kind("child named") + of_kind("child of two"):
        assert request.operation == "create"
        ids = re.findall(r"\b\w{15}(?:\w{3})?\b(?<=\d\w{14}|\w{15})", request.text)
        stored = list(request.call["fields"].values())  # type: ignore[attr-defined]
        assert any(value in ids for value in stored), request


def test_bounds_mean_their_operators() -> None:
    """The word before a day says whether the day itself counts."""
    meant = {"by": "<=", "until": "<=", "before": "<", "after": ">", "since": ">="}
    for number in range(400):
        past = number % 2 == 0
        said, operator, _ = bound("date", TODAY, Random(number), past=past)
        word = said.split()[0]
        assert meant.get(word, operator) == operator, said


def test_a_month_is_bounded_by_its_first_or_last_day() -> None:
    """`before July` ends on 30 June, and `until the end of July` on the 31st."""
    found = {}
    for number in range(3000):
        said, operator, stored = bound("date", TODAY, Random(number), past=False)
        found[said] = operator, stored
    assert found["before July"] == ("<", "2026-07-01")
    assert found["until the end of July"] == ("<=", "2026-07-31")
    assert found["after July"] == (">", "2026-07-31")


def test_refusals_name_nothing_that_the_organisation_has() -> None:
    """No label of an object or field is taken for absent, and what nobody has is."""
    for organisation in islice(organisations((), seed=12), 10):
        assert list(islice(refused_of(organisation, seed=1), 3))
        for entity in organisation.catalogue.entities:
            assert not is_absent(entity.label, organisation.catalogue)
        assert is_absent("shoe size", organisation.catalogue) or "Size" in str(organisation.catalogue)
