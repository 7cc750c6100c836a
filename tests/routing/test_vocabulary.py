"""Routes informed by catalogues: what one tool alone has goes there, and nothing else moves."""

from __future__ import annotations

import pytest

from narrowgauge.contracts.route_rules import FORBID, FORCE, RouteRule
from narrowgauge.routing import RouterGraph
from narrowgauge.routing.routes import CATALOGUE, CLASSIFIER, NO_SPECIALIST, Route
from narrowgauge.routing.rules import RuleMatch
from narrowgauge.routing.segmentation import quoted_regions
from narrowgauge.routing.vocabulary import Vocabulary
from narrowgauge.v1.catalogue_pb2 import Catalogue

NAMES = ("salesforce", "sql", "summary")
THRESHOLDS = dict.fromkeys(NAMES, 0.6)


def catalogue(**entities: str) -> Catalogue:
    """A catalogue of entities with their fields."""
    made = Catalogue()
    for name, fields in entities.items():
        entity = made.entities.add(name=name)
        for field in fields.split():
            entity.fields.add(name=field)
    return made


SQL = catalogue(Products="sku price", invoices="amount status", order_items="quantity", shipments="weight")
CRM = catalogue(
    Product2="price",
    Case="Subject Status",
    Order="Status",
    Lead="Company",
    Event="Subject",
    Renewal__c="Amount__c",
)
CRM.entities[0].label = "Product"
BOTH = Vocabulary({"sql": SQL, "salesforce": CRM})


def route(sql: float = 0.0, salesforce: float = 0.0, summary: float = 0.0) -> Route:
    """What the classifier decides by these probabilities; the rest is out of scope."""
    pairs = (("sql", sql), ("salesforce", salesforce), ("summary", summary))
    candidates = tuple(sorted(pairs, key=lambda pair: -pair[1]))
    outside = 1 - sql - salesforce - summary
    name, best = candidates[0]
    if best < THRESHOLDS[name] or best < outside:
        return Route("", 1 - best, candidates, outside, NO_SPECIALIST)
    return Route(name, best, candidates, outside)


def informed(text: str, decided: Route, vocabulary: Vocabulary = BOTH) -> Route:
    return vocabulary.informed(text, [(0, len(text))], quoted_regions(text), [decided], THRESHOLDS)[0]


@pytest.mark.parametrize(
    "text",
    [
        "get the upcoming renewals of March",
        "how many open cases are there",
        "show the newest lead",
        "what is the status of case 00001234",
        "list the renewals of those invoices",
        "list the products by their renewals and the cases",
    ],
)
def test_what_one_catalogue_has_goes_there(text: str) -> None:
    """A step that asks for an entity of one catalogue goes to its specialist, as sure as that one of the two
    serves it; the classifier's own probabilities stay."""
    found = informed(text, route(sql=0.9, salesforce=0.06))
    assert (found.specialist, found.reason) == ("salesforce", CATALOGUE)
    assert found.confidence == pytest.approx(0.96)
    assert found.candidates[0] == ("sql", 0.9)


def test_an_abstention_between_two_tools() -> None:
    """Where neither probability is enough, the catalogue decides, in either direction."""
    undecided = route(sql=0.5, salesforce=0.48)
    assert informed("how many renewals renew", undecided).specialist == "salesforce"
    assert informed("how many shipments came", undecided).specialist == "sql"


@pytest.mark.parametrize(
    "text",
    [
        "list the products",  # both have them
        "list the invoices with an open case",  # each has one
        "list the quantities for the cases",  # only mentioned
        "list the quantities of those cases",  # of another step
        "in case of doubt count the quantities",
        "count the quantities in order to know",
        "count what leads to late quantities",
        "in the event of a delay count the quantities",
        "show the lead time",
        "order me quantities",
        'show the quantities of "open cases"',
        "show the quantities of Cases Unlimited",
        "show the items of the renewals",  # `items` may be the order items
    ],
)
def test_what_the_classifier_still_decides(text: str) -> None:
    """Shared names, mentions, idioms, quotations and proper names move nothing."""
    decided = route(sql=0.9, salesforce=0.06)
    assert informed(text, decided) is decided


def test_a_sure_classifier() -> None:
    """An ordinary name does not overrule a sure classifier; one that the organisation made does, and so does
    one beside which the other catalogue has no word of the step."""
    sure = route(sql=0.99, salesforce=0.01)
    assert informed("show the amount of the cases", sure).reason == CLASSIFIER
    assert informed("show the amount of the renewals", sure).reason == CATALOGUE
    assert informed("show the open cases", sure).reason == CATALOGUE


def test_more_words_of_one_entity() -> None:
    """Of a name that both have, the one with all that the other has of the step's words, and more, settles an
    abstention and nothing else."""
    text = "show the sku and the price of the products"
    assert informed(text, route(sql=0.49, salesforce=0.5)).specialist == "sql"
    assert informed(text, route(sql=0.2, salesforce=0.8)).specialist == "salesforce"
    assert informed("show the price of the products", route(sql=0.5, salesforce=0.49)).specialist == ""


def test_other_steps_stay() -> None:
    """Summaries, what nobody serves, and what names its specialist are as they were."""
    text = "get the upcoming renewals"
    for decided in (route(summary=0.9), route(sql=0.2, salesforce=0.1), route(sql=0.3, salesforce=0.05)):
        assert informed(text, decided) is decided
    assert informed(text + " of the sql database", route(sql=0.9)).specialist == "sql"


def test_rules_win() -> None:
    """What a rule forces stays, and nothing goes where a rule forbids it."""
    forced = RuleMatch(RouteRule("ledger", FORCE, ("sql",), keywords=("x",)), ())
    forbidden = RuleMatch(RouteRule("closed", FORBID, ("salesforce",), keywords=("x",)), ())
    for match in (forced, forbidden):
        decided = Route("sql", 0.9, route(sql=0.9, salesforce=0.1).candidates, 0.0, CLASSIFIER, (match,))
        assert informed("get the upcoming renewals", decided) is decided


def test_no_write_goes_where_nothing_is_written() -> None:
    """A step that is worded for another is not sent to a specialist whose tools only read."""
    reads = Vocabulary({"sql": SQL, "salesforce": CRM}, only_read=["sql"])
    decided = route(sql=0.05, salesforce=0.9)
    assert informed("create a shipment", decided).specialist == "sql"
    assert informed("create a shipment", decided, reads) is decided
    assert informed("show the shipments", route(sql=0.5, salesforce=0.45), reads).specialist == "sql"


def test_plans(router: RouterGraph) -> None:
    """A plan says which steps the catalogues decided; without catalogues, or with one, it is the same."""
    text = "Get the upcoming renewals dated in March 2026 and summarize them."
    before, after = router.plan(text), router.plan(text, BOTH)
    assert [(step.specialist, step.reason) for step in after.steps] == [
        ("salesforce", CATALOGUE),
        ("summary", CLASSIFIER),
    ]
    assert after.steps[0].candidates == before.steps[0].candidates
    alone = router.plan(text, Vocabulary({"sql": SQL}))
    before.plan_ms = alone.plan_ms = 0
    assert alone == before == before.FromString(before.SerializeToString())
    assert router.plan(text).steps == before.steps
