"""Requests out of hand-written templates: every template fits the contract and the demo organisation."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import islice
from random import Random

import pytest
from training_parts import Trained

from narrowgauge.contracts.validate import violations
from narrowgauge.evaluation.salesforce_calls import gold_request
from narrowgauge.training.specialist.data import salesforce_example
from narrowgauge.training.specialist.salesforce_requests import requests
from narrowgauge.training.specialist.salesforce_slots import SLOT
from narrowgauge.training.specialist.salesforce_templates import Template, templates, usable_templates
from narrowgauge.training.specialist.salesforce_wording import expand, worded_requests
from narrowgauge.training.specialist.sql_periods import TODAY

Open = Callable[[str], Trained]


@pytest.mark.parametrize("template", templates(), ids=lambda template: template.place)
def test_a_template_means_a_valid_call_in_every_wording(template: Template, specialist: Open) -> None:
    """Each wording expands to a call that the surface writes and reads back and no rule forbids."""
    part = specialist("salesforce")
    entities = {entity.name: entity for entity in part.catalogue.entities}
    for place, ask in enumerate(template.asks):
        request = expand(template, ask, entities, TODAY, Random(place))
        assert not set("{}[]|") & set(request.text), request.text
        assert "(n)" not in request.text
        example = salesforce_example(part.contract, part.catalogue, request, Random(place))
        assert violations(example.call.request) == []
        text = part.surface.render(example.call.tool, example.call.request)
        read = part.surface.parse(text, {})
        assert read.tool.name == example.call.tool.name
        assert read.request == example.call.request


# Each has record ids, and so a grammar, of its own, which takes time to compile.
@pytest.mark.parametrize("template", templates()[::40], ids=lambda template: template.place)
def test_the_constraint_allows_a_template(template: Template, specialist: Open) -> None:
    """Serving could write the template's call, its record ids stand in the request or its row."""
    part = specialist("salesforce")
    entities = {entity.name: entity for entity in part.catalogue.entities}
    request = expand(template, template.asks[0], entities, TODAY, Random(1))
    encoded = part.encoder.encode(salesforce_example(part.contract, part.catalogue, request, Random(1)))
    assert any(encoded.sampled)


@pytest.mark.parametrize("template", templates(), ids=lambda template: template.place)
def test_a_call_says_only_what_the_request_says(template: Template) -> None:
    """Each slot of a call stands in every wording or in the row."""
    needed = {match.group() for match in SLOT.finditer(json.dumps(template.call))}
    given = {match.group() for match in SLOT.finditer(json.dumps(template.rows))}
    for ask in template.asks:
        said = {match.group() for match in SLOT.finditer(ask)}
        said |= {
            slot.replace("person", part) for slot in said if "person" in slot for part in ("first", "last")
        }
        assert needed <= said | given, ask


def test_all_templates_fit_the_demo_organisation(specialist: Open) -> None:
    """No template names an object or field that the organisation lacks, and no wording comes twice."""
    assert usable_templates(specialist("salesforce").catalogue) == list(templates())
    asks = [ask for template in templates() for ask in template.asks]
    assert len(asks) == len(set(asks))


def test_a_seed_gives_the_same_worded_requests(specialist: Open) -> None:
    """Two iterators of one seed agree, and those of another seed do not."""
    catalogue = specialist("salesforce").catalogue
    first, again, other = (list(islice(worded_requests(catalogue, seed=seed), 20)) for seed in (3, 3, 4))
    assert first == again
    assert first != other


def test_a_catalogue_without_the_objects_has_no_worded_requests(specialist: Open) -> None:
    """Templates of objects that an organisation lacks are left out."""
    catalogue = specialist("sql").catalogue
    assert list(worded_requests(catalogue, seed=1)) == []


def test_values_are_stored_as_the_contract_wants_them(specialist: Open) -> None:
    """Numbers become numbers, days dates, and picklist values the organisation's own."""
    catalogue = specialist("salesforce").catalogue
    values = {
        (entity.name, f.name): list(f.values)
        for entity in catalogue.entities
        for f in entity.fields
        if f.type in ("picklist", "multipicklist")
    }
    kinds = {
        f"{entity.name}.{f.name}": {
            "currency": "number",
            "percent": "number",
            "date": "date",
            "boolean": "boolean",
        }.get(f.type, "")
        for entity in catalogue.entities
        for f in entity.fields
    }
    for request in islice(worded_requests(catalogue, seed=5), 1500):
        if request.operation not in ("create", "update", "upsert"):
            continue
        message = gold_request({"operation": request.operation, **request.call})[1]
        name = str(request.call["object"])
        for item in message.fields:  # type: ignore[attr-defined]
            held = item.WhichOneof("value")
            if held == "empty":
                continue
            assert not kinds.get(f"{name}.{item.field}") or held == kinds[f"{name}.{item.field}"], request
            if (name, item.field) in values:
                assert item.text in values[name, item.field], request


def test_contrasted_templates_are_drawn_often(specialist: Open) -> None:
    """What differs in one condition, column or value comes often enough to be told apart."""
    catalogue = specialist("salesforce").catalogue
    contrasted = [
        t for t in templates() if t.place.startswith(("salesforce_conditions", "salesforce_selected"))
    ]
    assert len(contrasted) >= 100
    selects = {json.dumps([t.call["object"], t.call["select"]]) for t in contrasted}
    drawn = [r for r in islice(worded_requests(catalogue, seed=6), 1500) if r.operation == "query"]
    alike = [r for r in drawn if json.dumps([r.call["object"], r.call["select"]]) in selects]
    assert len(alike) >= 0.3 * len(drawn)


def test_what_is_confused_has_its_share_of_each_operation(specialist: Open) -> None:
    """About two in five requests are of the classes that a small model fails in."""
    catalogue = specialist("salesforce").catalogue
    confused = [t for t in templates() if "_contrasts" in t.place]
    assert len(confused) >= 160
    assert all(len(t.asks) >= 2 for t in confused)
    kinds = {t.operation for t in confused}
    assert {"query", "get", "create", "update", "upsert"} <= kinds
    columns = {json.dumps([t.call["object"], t.call["fields"]]) for t in confused if t.operation == "get"}
    drawn = [r for r in islice(worded_requests(catalogue, seed=8), 1500) if r.operation == "get"]
    alike = [r for r in drawn if json.dumps([r.call["object"], r.call["fields"]]) in columns]
    assert 0.25 * len(drawn) < len(alike) < 0.6 * len(drawn)


def test_a_slip_is_in_no_word_that_the_call_copies(specialist: Open) -> None:
    """Values that the request says stand in it as the call has them."""
    for request in islice(requests(specialist("salesforce").catalogue, seed=4), 2000):
        fields = request.call.get("fields")
        subject = fields.get("Subject") if isinstance(fields, dict) else None
        if request.operation == "update" and subject:
            assert str(subject).lower() in request.text.lower(), request
