"""Requests on invented organisations: valid, allowed, contrasted, and on no object of the dev files."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from importlib.resources import files
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from training_parts import Trained

from narrowgauge.contracts.validate import violations
from narrowgauge.training.specialist.data import organisation_examples, salesforce_examples
from narrowgauge.training.specialist.data_files import read_data_files
from narrowgauge.training.specialist.organisation_objects import (
    KEPT_FOR_EVALUATION,
    api_name,
    object_ideas,
    standard_describes,
)
from narrowgauge.training.specialist.organisation_requests import REQUESTS_OF_ONE, organisation_requests
from narrowgauge.training.specialist.organisation_scene import sections
from narrowgauge.training.specialist.organisations import organisations
from narrowgauge.training.specialist.salesforce_requests import Request

Open = Callable[[str], Trained]

# As a user's files have them: of the platform's types, and as the REST API answers.
GIVEN: tuple[dict[str, Any], ...] = (
    {
        "name": "Entitlement",
        "fields": {
            "Id": "string",
            "Name": "string",
            "AccountId": "string | null",
            "StartDate": "DateString | null",
            "Type": "string | null",
            "CasesPerEntitlement": "number | null",
            "IsPerIncident": "boolean",
            "CreatedDate": "DateString",
        },
        "parents": {"Account": "Account | null"},
    },
    {"name": "WorkOrder", "fields": {"Id": "string", "Name": "string"}, "parents": {}},
    {"name": "EntitlementFeed", "fields": {"Id": "string", "Name": "string"}, "parents": {}},
)


@cache
def made(seed: int) -> tuple[Request, ...]:
    """Requests on 40 organisations."""

    def each() -> Iterator[Request]:
        for organisation in islice(organisations(GIVEN, seed=seed), 40):
            yield from islice(organisation_requests(organisation, seed=seed), REQUESTS_OF_ONE)

    return tuple(each())


def queries(seed: int) -> list[dict[str, Any]]:
    """The calls of the queries among them."""
    return [dict(request.call) for request in made(seed) if request.operation == "query"]


def test_there_are_many_objects_and_wordings() -> None:
    """Sixty objects with six fields beside their name, and 250 wordings, are the least to learn from."""
    ideas = object_ideas()
    assert len(ideas) >= 60
    assert all(6 <= len(idea.fields) - 1 <= 12 for idea in ideas)
    assert len({idea.label for idea in ideas}) == len(ideas)
    wordings = [wording for texts in sections("organisation_requests").values() for wording in texts]
    assert len(set(wordings)) == len(wordings) >= 250


def test_no_object_of_the_development_files_is_in_an_organisation() -> None:
    """What unseen objects are measured with stays unseen, whatever describes a user gives."""
    data = files("narrowgauge.evaluation.data").joinpath("salesforce_unseen.jsonl").read_text("utf-8")
    measured = {json.loads(line)["object"] for line in data.splitlines()}
    assert measured <= KEPT_FOR_EVALUATION
    names = {api_name(idea.label, style) for idea in object_ideas() for style in ("joined", "parted")}
    seen = names | {name for one in islice(organisations(GIVEN, seed=1), 60) for name in one.further}
    assert not KEPT_FOR_EVALUATION & {name.replace("_", "") for name in seen}
    assert not {name.replace("_", "").lower() for name in KEPT_FOR_EVALUATION} & {
        name.replace("_", "").lower() for name in seen
    }
    assert "Entitlement" in seen


def test_given_describes_are_read_by_their_types() -> None:
    """A user's describes give objects whose fields have types, labels and references."""
    (read,) = standard_describes(GIVEN)
    fields = {field["name"]: field for field in read["fields"]}
    assert read["name"] == "Entitlement"
    assert fields["AccountId"]["referenceTo"] == ["Account"]
    assert fields["AccountId"]["relationshipName"] == "Account"
    assert fields["StartDate"]["type"] == "date"
    assert fields["CreatedDate"]["type"] == "datetime"
    assert fields["CasesPerEntitlement"]["label"] == "Cases Per Entitlement"
    assert fields["Type"]["picklistValues"]


def test_describes_stand_in_data_files(tmp_path: Path) -> None:
    """Rows with name and fields are describes, of either form."""
    listed = {"name": "Depot__c", "label": "Depot", "fields": [{"name": "Id", "label": "ID", "type": "id"}]}
    path = tmp_path / "describes.jsonl"
    path.write_text("\n".join(map(json.dumps, (GIVEN[0], listed))), encoding="utf-8")
    first, second = read_data_files([path]).describes
    assert first["fields"] == GIVEN[0]["fields"]
    assert second["fields"] == listed["fields"]


def test_calls_are_valid_and_the_surface_reads_them_back(specialist: Open) -> None:
    """Each request means a call that no rule forbids and that the surface writes and reads."""
    part = specialist("salesforce")
    for example in islice(organisation_examples(part.contract, GIVEN, seed=5), 400):
        assert not set("{}[]|") & set(example.request), example.request
        assert "(n)" not in example.request
        assert violations(example.call.request) == [], example.request
        text = part.surface.render(example.call.tool, example.call.request)
        assert part.surface.parse(text, {}).request == example.call.request


def test_the_grammar_of_the_catalogue_allows_the_calls(specialist: Open) -> None:
    """Serving an organisation could write every call, and seldom has no choice in one."""
    part = specialist("salesforce")
    examples = islice(organisation_examples(part.contract, GIVEN, seed=6), 2 * REQUESTS_OF_ONE)
    assert all(any(part.encoder.encode(example).sampled) for example in examples)


def test_requests_are_mostly_on_objects_that_the_demo_lacks(specialist: Open) -> None:
    """Of an organisation's requests, few are on objects that other training has."""
    known = {entity.name for entity in specialist("salesforce").catalogue.entities}
    elsewhere = [request for request in made(1) if request.call["object"] not in known]
    assert len(elsewhere) > 0.75 * len(made(1))
    assert len({request.call["object"] for request in elsewhere}) > 40


def test_requests_name_objects_by_their_labels() -> None:
    """API names stand in few requests: people do not know them."""
    named = [request for request in made(1) if str(request.call["object"]) in request.text.split()]
    assert len([request for request in named if "__c" in request.text]) < 0.08 * len(made(1))


def test_a_seed_gives_the_same_requests() -> None:
    """Two iterators of one seed agree, and those of another seed do not."""
    organisation = next(organisations((), seed=3))
    again = next(organisations((), seed=3))
    assert organisation.catalogue == again.catalogue
    first, second, other = (
        list(islice(organisation_requests(one, seed=seed), 20))
        for one, seed in ((organisation, 3), (again, 3), (organisation, 4))
    )
    assert first == second
    assert first != other


def test_every_operation_is_asked_for() -> None:
    """Reading, making, changing and deleting a record all come, so that none is taken for another one."""
    drawn = made(2) + made(3) + made(4)
    counts = Counter(request.operation for request in drawn)
    assert set(counts) == {"query", "get", "create", "update", "upsert", "delete"}
    assert counts["update"] < 4 * counts["create"]
    assert min(counts.values()) >= 0.01 * len(drawn)


def test_order_comes_at_least_as_often_without_a_limit() -> None:
    """A limit is no part of an order."""
    ordered = [call for call in queries(1) + queries(2) if "order_by" in call]
    limited = [call for call in ordered if "limit" in call]
    assert len(limited) <= len(ordered) / 2
    assert len(limited) >= len(ordered) / 5


@pytest.mark.parametrize(
    ("fewest", "holds"),
    [
        (0.3, lambda call: len(call.get("where", ())) >= 2),
        (0.1, lambda call: not call.get("where")),
        (0.1, lambda call: any("IN" in item for item in call.get("where", ()))),
        (0.04, lambda call: "having" in call),
        (0.06, lambda call: "group_by" in call and "having" not in call),
        (0.05, lambda call: call["select"] == ["COUNT(Id)"]),
        (0.05, lambda call: call["select"][:1] == ["Name"]),
        (0.1, lambda call: call["select"] == ["Id", "Name"]),
    ],
    ids=["conditions", "none", "in", "having", "groups", "count", "name", "default columns"],
)
def test_what_is_easily_confused_comes_often(fewest: float, holds: Callable[[dict[str, Any]], bool]) -> None:
    """Each form that a model takes for a commoner one has its share of the queries."""
    calls = queries(1) + queries(2)
    assert sum(map(holds, calls)) >= fewest * len(calls)


def test_requests_on_the_demo_organisation_have_orders_without_a_limit(specialist: Open) -> None:
    """The mix over known objects tells order and limit apart as well."""
    part = specialist("salesforce")
    made_here = islice(salesforce_examples(part.contract, part.catalogue, seed=2), 3000)
    calls = [example.call.request for example in made_here if example.call.tool.name == "Query"]
    ordered = [call for call in calls if call.order_by]  # type: ignore[attr-defined]
    assert sum(call.limit == 0 for call in ordered) >= 0.5 * len(ordered)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("fewest", "kind", "holds"),
    [
        (0.15, "query", lambda call: len(call.get("where", ())) >= 2),
        (0.02, "query", lambda call: call["select"][:1] == ["Name"] and len(call["select"]) == 2),
        (0.02, "query", lambda call: any("or" in item for item in call.get("where", ()))),
        (0.05, "query", lambda call: any(item[1] in (">", ">=") for item in _simple(call))),
        (0.05, "query", lambda call: any(isinstance(item[2], bool) for item in _simple(call))),
        (0.05, "query", lambda call: any("." in item[0] for item in _simple(call))),
        (0.04, "query", lambda call: "order_by" in call and "limit" not in call),
        (0.2, "create", lambda call: len(call["fields"]) >= 4),
        (0.15, "update", lambda call: len(call["fields"]) == 2),
        (0.2, "upsert", lambda call: len(call["fields"]) >= 2),
    ],
    ids=["two", "beside", "any", "bounds", "flags", "parents", "order", "many", "both", "upserted"],
)
def test_classes_of_requests_have_their_share(
    fewest: float, kind: str, holds: Callable[[dict[str, Any]], bool]
) -> None:
    """What a small model fails on comes often enough to be learnt."""
    calls = [dict(request.call) for seed in (3, 4, 5) for request in made(seed) if request.operation == kind]
    assert sum(map(holds, calls)) >= fewest * len(calls)


def _simple(call: dict[str, Any]) -> list[list[Any]]:
    return [item for item in call.get("where", ()) if isinstance(item, list)]


def test_late_records_are_not_done() -> None:
    """Overdue is a date that has passed and a state that says so, both in the call."""
    said = [request for request in made(3) + made(4) if "overdue" in request.text.lower()]
    # A state or a subject may be called so too.
    late = [request for request in said if "overdue" not in str(request.call).lower()]
    assert late
    for request in late:
        where = _simple(dict(request.call))
        assert any(item[1:] == ["<", "TODAY"] for item in where), request
        assert len(where) >= 2, request


def test_columns_beside_records_come_with_their_name() -> None:
    """`boats with their length` names the boats too; `length of the boats` does not."""
    found = [
        request
        for request in made(3) + made(4)
        if request.kind.endswith("fields with") and request.operation == "query"
    ]
    assert len(found) > 50
    named = [request for request in found if "Name" in request.call["select"]]  # type: ignore[operator]
    assert len(named) > 0.95 * len(found)


def test_each_phrase_says_a_known_kind() -> None:
    """A phrase of a kind that nothing reads would never be said."""
    lines = files("narrowgauge.training.specialist.wording").joinpath("organisation_phrases.txt")
    kinds = {
        "was",
        "will",
        "when",
        "than",
        "more",
        "less",
        "by",
        "of",
        "yes",
        "no",
        "pick",
        "up",
        "down",
        "has",
    }
    labels = {field.label for idea in object_ideas() for field in idea.fields}
    for line in lines.read_text("utf-8").splitlines():
        if line.startswith("#") or not line:
            continue
        field, kind, phrases = line.split(" | ")
        assert kind in kinds or kind.startswith("is "), line
        assert all(phrase for phrase in phrases.split("; ")), line
        valued = kind not in ("yes", "no", "up", "down") and not kind.startswith("is ")
        assert not valued or all("{v}" in p or "{than}" in p for p in phrases.split("; ")), line
        if "." not in field:
            assert field in labels | {
                "Created Date",
                "Last Modified Date",
                "Owner ID",
                "Account",
                "Driver Contact",
            }, line


def test_events_change_fields_of_their_object() -> None:
    """Each line names fields of the object and values they can have, and says each one asked."""
    ideas = {idea.label: {field.label: field for field in idea.fields} for idea in object_ideas()}
    text = files("narrowgauge.training.specialist.wording").joinpath("organisation_events.txt")
    for line in text.read_text("utf-8").splitlines():
        if line.startswith("#") or not line:
            continue
        label, wordings, values = line.split(" | ")
        pairs = dict(value.split(" = ") for value in values.split(" & "))
        for wording in wordings.split("; "):
            assert {v for v in pairs.values() if v.startswith("{")} == {
                slot for slot in ("{d}", "{v}", "{w}") if slot in wording
            }, line
        for name, value in pairs.items() if label in ideas else ():
            field = ideas[label][name]
            assert field.kind != "one" or value in field.values, line
