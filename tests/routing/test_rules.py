"""Rules on routes: they force and forbid within a plan, say so, and are checked when they are compiled."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from product_specialists import specialists

from narrowgauge.contracts.contract import contract_of
from narrowgauge.contracts.descriptors import contracts_in, load_protos
from narrowgauge.contracts.route_rules import FORBID, FORCE, RouteRule, read_rules
from narrowgauge.errors import InvalidRequest
from narrowgauge.routing import NO_SPECIALIST, RouterGraph, compile_router
from narrowgauge.routing.rules import RuleSet, checked_rules
from narrowgauge.tools.sql.v1 import sql_pb2
from narrowgauge.v1 import options_pb2

NAMES = ("salesforce", "sql", "summary")
RULES = (
    RouteRule("record-id", FORCE, ("salesforce",), entities=("salesforce_id",)),
    RouteRule("ledger", FORCE, ("sql",), keywords=("ledger",)),
    RouteRule("warehouse-only", FORBID, ("salesforce", "summary"), keywords=("stock level",)),
    RouteRule("no-payroll", FORBID, ("sql", "summary"), patterns=("payroll|salar(?:y|ies)",)),
    RouteRule("no-payroll-in-crm", FORBID, ("salesforce",), patterns=("payroll|salar(?:y|ies)",)),
)


@pytest.fixture(scope="module")
def ruled(tmp_path_factory: pytest.TempPathFactory) -> RouterGraph:
    folder = tmp_path_factory.mktemp("ruled")
    compile_router(folder, specialists(), rules=RULES)
    return RouterGraph.load(folder, threads=1)


def test_a_forced_route(ruled: RouterGraph, router: RouterGraph) -> None:
    """A record id sends a step to the CRM where the classifier alone would not; the plan says which rule."""
    text = "count the orders of 0065g00000Ab1Cd per month"
    assert router.plan(text).steps[0].specialist != "salesforce"
    step = ruled.plan(text).steps[0]
    assert (step.specialist, step.reason, step.confidence) == ("salesforce", "record-id", 1.0)
    assert [(r.name, r.effect, list(r.specialists)) for r in step.rules] == [
        ("record-id", options_pb2.ROUTE_EFFECT_FORCE, ["salesforce"])
    ]
    span = step.rules[0].matched[0]
    assert text[span.begin : span.end] == "0065g00000Ab1Cd"
    assert {c.specialist for c in step.candidates} == set(NAMES)


def test_a_forbidden_route(ruled: RouterGraph, router: RouterGraph) -> None:
    """What rules forbid is abstained from, by the rule's name, however sure the classifier is."""
    text = "count the employees with a salary above average"
    assert router.plan(text).steps[0].specialist == "sql"
    step = ruled.plan(text).steps[0]
    assert (step.specialist, step.reason) == ("", "no-payroll")
    assert {r.name for r in step.rules} == {"no-payroll", "no-payroll-in-crm"}
    assert step.candidates[0].specialist == "sql"


def test_a_rule_that_changes_nothing(ruled: RouterGraph) -> None:
    """A forbidding rule that agrees with the classifier is shown, and the classifier stays the reason."""
    step = ruled.plan("show the stock level of every product per warehouse").steps[0]
    assert (step.specialist, step.reason) == ("sql", "classifier")
    assert [r.name for r in step.rules] == ["warehouse-only"]


def test_rules_are_about_their_step(ruled: RouterGraph) -> None:
    """A rule moves the step whose words it matches and no other."""
    plan = ruled.plan("Count the orders of last month, then open a case for account 0015g00000Ab1Cd.")
    assert [(s.specialist, s.reason) for s in plan.steps] == [
        ("sql", "classifier"),
        ("salesforce", "record-id"),
    ]


@pytest.mark.parametrize(
    "document",
    ['"close 0065g00000Ab1Cd"', "\n```\nclose 0065g00000Ab1Cd\n```", "<email>0065g00000Ab1Cd</email>"],
)
def test_quotations_cannot_route_themselves(ruled: RouterGraph, document: str) -> None:
    """A record id inside a quoted document forces nothing."""
    plan = ruled.plan(f"Summarize this text: {document}")
    assert [(s.specialist, len(s.rules)) for s in plan.steps] == [("summary", 0)]


def test_forbidden_wins_and_the_classifier_chooses_among_forced() -> None:
    """A step that several rules match gets what all of them leave."""
    rules = RuleSet(RULES)
    text = "ledger of 0065g00000Ab1Cd"
    assert {m.rule.name for m in rules.matches_alone(text)} == {"record-id", "ledger"}
    text = "the payroll ledger"
    assert {m.rule.name for m in rules.matches_alone(text)} == {"ledger", "no-payroll", "no-payroll-in-crm"}


def test_several_forced(ruled: RouterGraph) -> None:
    """Of two specialists that are forced at once the likelier is taken; forbidding beats forcing."""
    step = ruled.plan("count the orders in the ledger of 0065g00000Ab1Cd per month").steps[0]
    likelier = max(step.candidates, key=lambda c: c.probability if c.specialist != "summary" else 0)
    assert step.specialist == likelier.specialist
    assert step.reason == {"sql": "ledger", "salesforce": "record-id"}[step.specialist]
    assert step.confidence < 1
    step = ruled.plan("list the payroll ledger of this month").steps[0]
    assert step.specialist == ""


def test_every_kind_of_condition_must_be_met() -> None:
    """Of patterns and keywords one is enough, of entities all are needed, and of the three kinds each."""
    rule = RouteRule("r", FORCE, ("sql",), ("pay\\w*", "bill"), ("globex", "hooli"), ("date", "money"))
    rules = RuleSet([rule])
    assert rules.matches_alone("payments of Hooli above $50 since 2026-01-01")
    assert not rules.matches_alone("payments of Acme above $50 since 2026-01-01")
    assert not rules.matches_alone("payments of Hooli since 2026-01-01")
    assert not rules.matches_alone("orders of Hooli above $50 since 2026-01-01")


def test_rules_are_part_of_the_bytes(tmp_path: Path) -> None:
    """The same rules in another order give the same router; another rule gives another one."""
    few = {"a": ("", ["play some jazz"]), "b": ("", ["switch the lamp on"])}
    rules = [
        RouteRule("x", FORCE, ("a",), keywords=("jazz",)),
        RouteRule("y", FORBID, ("a",), keywords=("lamp",)),
    ]
    for name, chosen in (("one", rules), ("two", rules[::-1]), ("three", rules[:1])):
        compile_router(tmp_path / name, few, rules=chosen)
    one, two, three = ((tmp_path / name / "router.json").read_bytes() for name in ("one", "two", "three"))
    assert one == two != three


@pytest.mark.parametrize(
    ("rules", "reason", "words"),
    [
        ([RouteRule("a", FORCE, ("maps",), keywords=("x",))], "UNKNOWN_SPECIALIST", ["a", "maps", "sql"]),
        ([RouteRule("a", FORBID, NAMES, keywords=("x",))], "RULE_FORBIDS_ALL", ["a"]),
        ([RouteRule("a", FORCE, ("sql",), patterns=("(?:a*",))], "BAD_PATTERN", ["rule a", "(?:a*"]),
        (
            [RouteRule("a", FORCE, ("sql",), patterns=("(?:(?:x{250}){250}){9}",))],
            "BAD_PATTERN",
            ["positions"],
        ),
        ([RouteRule("a", FORCE, ("sql",), entities=("planet",))], "BAD_RULE", ["planet", "email"]),
        ([RouteRule("a", FORCE, ("sql",), keywords=("x",))] * 2, "DUPLICATE_RULE", ["a"]),
        (
            [
                RouteRule("a", FORCE, ("sql",), keywords=("orders",)),
                RouteRule("b", FORCE, ("summary",), patterns=("^count",)),
            ],
            "RULE_CONFLICT",
            ["a", "b", "count orders", "sql"],
        ),
        (
            [
                RouteRule("a", FORCE, ("sql",), keywords=("x", "y")),
                RouteRule("b", FORBID, ("sql",), keywords=("y", "x")),
            ],
            "RULE_CONFLICT",
            ["same conditions"],
        ),
        (
            [
                RouteRule("a", FORCE, ("sql",), keywords=("orders",)),
                RouteRule("b", FORBID, ("sql",), patterns=("^count",)),
            ],
            "RULE_CONFLICT",
            ["a forces sql, b forbids sql"],
        ),
    ],
)
def test_conflicts_are_errors_of_the_compiler(rules: list[RouteRule], reason: str, words: list[str]) -> None:
    """What cannot be meant is refused before anything is fitted, with the names needed to mend it."""
    with pytest.raises(InvalidRequest) as caught:
        checked_rules(rules, NAMES, {"sql": ["count orders"]})
    assert caught.value.reason == reason
    for word in words:
        assert word in caught.value.message


def test_overruled_examples_are_told(tmp_path: Path) -> None:
    """A rule may send an example elsewhere, since a deployer may know better; the compiler says which."""
    few = {"a": ("", ["play some jazz"]), "b": ("", ["switch the lamp on"])}
    compile_router(tmp_path, few, rules=[RouteRule("x", FORCE, ("b",), keywords=("jazz",))])
    description = json.loads((tmp_path / "router.json").read_text())
    assert description["overruled_examples"] == [
        {"rule": "x", "specialist": "a", "example": "play some jazz"}
    ]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("rule = 1", r"\[\[rule\]\]"),
        ("[[rule]]\nname = 'a'", "one of force and forbid"),
        ("[[rule]]\nname = 'a'\nforce = 'b'\nforbid = 'c'", "one of force and forbid"),
        ("[[rule]]\nname = 'a'\nforce = ['b', 'c']\nkeywords = ['x']", "name of one specialist"),
        ("[[rule]]\nname = 'a'\nforce = 'b'", "no condition"),
        ("[[rule]]\nname = 'A b'\nforce = 'b'\nkeywords = ['x']", "lower case"),
        ("[[rule]]\nname = 'classifier'\nforce = 'b'\nkeywords = ['x']", "classifier"),
        ("[[rule]]\nname = 'a'\nforce = 'b'\nkeywords = 'x'", "list of texts"),
        ("[[rule]]\nname = 'a'\nforce = 'b'\nwords = ['x']", "words is unknown"),
        ("[[rule]\n", "rules.toml"),
    ],
)
def test_malformed_rules_files_are_refused(tmp_path: Path, text: str, why: str) -> None:
    """The message names the file, the rule and what is wrong."""
    path = tmp_path / "rules.toml"
    path.write_text(text)
    with pytest.raises(InvalidRequest, match=why) as caught:
        read_rules(path)
    assert caught.value.reason == "BAD_RULE"


def test_a_specialist_speaks_for_itself(tmp_path: Path) -> None:
    """A rules file in a specialist's folder cannot take steps from another specialist."""
    path = tmp_path / "rules.toml"
    path.write_text("[[rule]]\nname = 'greedy'\nforbid = 'sql'\nkeywords = ['orders']\n")
    with pytest.raises(InvalidRequest, match=r"greedy.*alone"):
        read_rules(path, own="maps")
    assert read_rules(path, own="sql")[0].specialists == ("sql",)


CONTRACT = """syntax = "proto3";
package maps.v1;
import "narrowgauge/v1/options.proto";
service MapService {
  option (narrowgauge.v1.specialist) = {
    name: "maps"
    description: "Finds places."
    rules: {name: "postcode" effect: %s keywords: "postcode"}
  };
  rpc Find(FindRequest) returns (FindResponse);
}
message FindRequest { string place = 1; }
message FindResponse {}
"""


def test_rules_of_a_contract(tmp_path: Path) -> None:
    """A contract's options carry rules about its own specialist; one without effect is refused."""
    assert not contract_of(sql_pb2.DESCRIPTOR.services_by_name["SqlToolService"]).rules
    proto = tmp_path / "maps.proto"
    proto.write_text(CONTRACT % "ROUTE_EFFECT_FORCE")
    contract = next(c for c in contracts_in(load_protos([proto], ())) if c.specialist == "maps")
    assert [(r.name, r.effect, r.specialists) for r in contract.rules] == [("postcode", FORCE, ("maps",))]
    proto.write_text(CONTRACT % "ROUTE_EFFECT_UNSPECIFIED")
    with pytest.raises(InvalidRequest, match="no effect"):
        contracts_in(load_protos([proto], ()))


def test_without_rules_nothing_is_matched(router: RouterGraph) -> None:
    """A router without rules gives plans without them."""
    step = router.plan("What is the weather in Paris?").steps[0]
    assert (step.reason, len(step.rules)) == (NO_SPECIALIST, 0)
    assert step.out_of_scope > 0.5
