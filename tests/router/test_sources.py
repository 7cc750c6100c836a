"""Steps that are about their context: which result they get where the plan links them to none."""

from __future__ import annotations

from unittest.mock import patch

import pytest
from dispatch_client import Client, code_name, final
from scripted_world import World
from shop_contract import AFTER, FOR_EACH, USES, plan, step

from narrowgauge.contracts.descriptors import builtin_descriptor_set, contracts_in
from narrowgauge.v1 import dispatcher_pb2
from narrowgauge.v1.specialist_pb2 import ContextDocument
from router_svc.chain.sources import about_context, link_sources

NOTES = frozenset({"note"})


def _needs(planned: dispatcher_pb2.Plan, index: int) -> list[tuple[int, int]]:
    return [(d.step, d.kind) for d in planned.steps[index].depends_on]


def test_the_product_has_one_specialist_about_its_context() -> None:
    """Summaries quote figures of their context; queries and records stand alone."""
    contracts = {c.specialist: c for c in contracts_in(builtin_descriptor_set())}
    assert about_context(contracts) == frozenset({"summary"})


@pytest.mark.parametrize(
    ("steps", "wanted"),
    [
        pytest.param([step("List"), step("Note")], [(0, USES)], id="the only result"),
        pytest.param([step("List"), step("Note", (0, AFTER))], [(0, USES)], id="the step it comes after"),
        pytest.param(
            [step("List"), step("List"), step("Note", (1, AFTER))], [(1, USES)], id="after one of several"
        ),
        pytest.param(
            [step("List"), step("Order", (0, FOR_EACH)), step("Note")], [(1, USES)], id="the one not used yet"
        ),
        pytest.param(
            [step("List"), step("List", specialist=""), step("Note")], [(0, USES)], id="not unserved"
        ),
        pytest.param(
            [step("List late invoices"), step("List hotels"), step("Note on the invoice", (1, AFTER))],
            [(0, USES), (1, AFTER)],
            id="what it names",
        ),
    ],
)
def test_a_step_without_a_source_gets_the_only_one(
    steps: list[dispatcher_pb2.PlanStep], wanted: list[tuple[int, int]]
) -> None:
    """What a step comes after is its source, else the one result that no other step uses."""
    planned = plan(*steps)
    before = planned.SerializeToString(deterministic=True)
    assert sorted(_needs(link_sources(planned, NOTES), len(steps) - 1)) == wanted
    assert planned.SerializeToString(deterministic=True) == before


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param([step("Note"), step("List")], id="nothing before it"),
        pytest.param([step("List"), step("List"), step("Note")], id="two results"),
        pytest.param(
            [step("List hotels"), step("List hotels by city"), step("Note on hotels")], id="two of one name"
        ),
        pytest.param([step("List"), step("Note 'we met, and agreed'")], id="a text of its own"),
        pytest.param([step("List", (1, AFTER)), step("Note")], id="what waits for it is no source"),
        pytest.param([step("List"), step("List"), step("Note", (0, USES))], id="linked already"),
        pytest.param([step("List"), step("Order")], id="not about its context"),
    ],
)
def test_nothing_is_guessed(steps: list[dispatcher_pb2.PlanStep]) -> None:
    """Without exactly one result that a step can be about, and where it has one, a plan stays as it is."""
    assert link_sources(plan(*steps), NOTES) == plan(*steps)


async def test_a_note_without_a_reference_gets_the_rows(world: World) -> None:
    """A chain links such a step before it runs, in its log too, and not where the client sent a document."""
    world.planner.planned = plan(step('List {"count": 1}'), step("Note"))
    document = ContextDocument(title="minutes", text="We met.")
    with patch("router_svc.assembly.about_context", return_value=NOTES):
        router = await world.router()
    events = await (await Client(router).start()).all()
    given = await (await Client(router).start(context=[document])).all()
    assert code_name(final(events)) == code_name(final(given)) == "OK"
    assert _needs(events[0].plan_made.plan, 1) == [(0, USES)]
    assert _needs(given[0].plan_made.plan, 1) == []
    assert [[d.title for d in start.context] for start in world.note.starts] == [
        ["step 0 result"],
        ["minutes"],
    ]
