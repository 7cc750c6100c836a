"""The rules on routes that the carried specialists bring along."""

from __future__ import annotations

import pytest

from narrowgauge.contracts.bundle import carried_specialists
from narrowgauge.contracts.specialist import SpecialistConfig
from narrowgauge.routing.rules import RuleSet


@pytest.fixture(scope="module")
def rules() -> RuleSet:
    """The rules of all carried specialists."""
    return RuleSet(
        [rule for folder in carried_specialists() for rule in SpecialistConfig.read(folder).read_rules()]
    )


@pytest.mark.parametrize(
    ("step", "rule"),
    [
        ("what is the mean deal size in our CRM", "in-salesforce"),
        ("pull the idle hoists from Salesforce", "in-salesforce"),
        ("set the owner of each to Ada", "changes-a-record"),
        ("please close them", "changes-a-record"),
        ("give each of them a discount of 5 percent", "changes-a-record"),
    ],
)
def test_sql_is_forbidden(rules: RuleSet, step: str, rule: str) -> None:
    """What names Salesforce and what changes a record is not for the SQL tool, which reads a database."""
    [match] = rules.matches_alone(step)
    assert (match.rule.name, match.rule.effect, match.rule.specialists) == (rule, "forbid", ("sql",))


def test_a_summary_is_left_to_who_summarizes(rules: RuleSet) -> None:
    """Neither a query nor an API call answers it; "sum up" reads like a sum."""
    for step in ("sum up the stock per site", "Short summary of the open jobs", "please recap the calls"):
        forbidden = {name for match in rules.matches_alone(step) for name in match.rule.specialists}
        assert forbidden == {"sql", "salesforce"}, step


@pytest.mark.parametrize(
    "step",
    [
        "which deals did we close in May",
        "give the average price of each product",
        "how often does the set of prices change",
        "compare our figures with Salesforce's share price",
        'count the notes that say "moved in Salesforce"',
    ],
)
def test_other_steps_are_left_to_the_classifier(rules: RuleSet, step: str) -> None:
    """A verb in the middle, a company's name and quoted words force nothing."""
    assert rules.matches_alone(step) == []
