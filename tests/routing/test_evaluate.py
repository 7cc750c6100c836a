"""The metrics: on cases small enough to count by hand."""

from __future__ import annotations

from typing import Any

import pytest

from narrowgauge.routing.evaluate import (
    PlannedStep,
    gold_steps,
    intent_metrics,
    intent_set_metrics,
    plan_metrics,
    wilson,
)


def row(*steps: tuple[tuple[int, int], str, list[tuple[int, str]]]) -> dict[str, Any]:
    return {
        "id": "r",
        "request": "x" * 100,
        "slices": ["pronoun"],
        "steps": [
            {"span": list(s), "specialist": n, "depends_on": [{"step": j, "kind": k} for j, k in d]}
            for s, n, d in steps
        ],
    }


GOLD = row(((0, 30), "sql", []), ((37, 71), "none", [(0, "uses")]))


def test_an_exact_plan() -> None:
    """A plan that equals its gold scores one everywhere."""
    got = plan_metrics([GOLD], [gold_steps(GOLD)])
    assert {k: v for k, v in got.metrics.items() if k != "ece"} == {
        "exact_steps": 1,
        "exact_plan": 1,
        "span_f1": 1,
        "route_accuracy": 1,
        "none_recall": 1,
        "none_precision": 1,
        "exact_plan.pronoun": 1,
    }
    assert not got.failures


def test_dependencies_count_for_the_plan_alone() -> None:
    """A wrong kind of dependency leaves the steps exact, and is named among the failures."""
    plan = [
        PlannedStep((0, 29), "sql", frozenset()),
        PlannedStep((40, 71), "none", frozenset({(0, "after")})),
    ]
    got = plan_metrics([GOLD], [plan])
    assert (got.metrics["exact_steps"], got.metrics["exact_plan"]) == (1, 0)
    assert "depends on" in got.failures[0]["why"]


def test_spans_need_half_of_their_union() -> None:
    """A span that covers less than half of the union with its gold does not count."""
    plan = [PlannedStep((0, 14), "sql", frozenset()), PlannedStep((37, 71), "sql", frozenset({(0, "uses")}))]
    got = plan_metrics([GOLD], [plan])
    assert got.metrics["span_f1"] == 0.5
    assert got.metrics["route_accuracy"] == 0
    assert got.metrics["none_recall"] == 0
    assert "none_precision" not in got.metrics


def test_intents() -> None:
    """Accuracy counts out of scope as a class; recall and precision are about it alone."""
    gold = ["a", "b", "oos", "oos"]
    ranked = [
        [("a", 0.9), ("b", 0.05), ("oos", 0.05)],
        [("oos", 0.5), ("b", 0.4), ("a", 0.1)],
        [("oos", 0.8), ("a", 0.1), ("b", 0.1)],
        [("a", 0.6), ("oos", 0.3), ("b", 0.1)],
    ]
    got = intent_metrics(gold, ranked).metrics
    assert got["accuracy"] == 0.5
    assert got["in_scope_accuracy"] == 0.5
    assert got["oos_recall"] == 0.5
    assert got["oos_precision"] == 0.5
    # Both in-scope texts have the right best intent only while scores up to 0.5 count as in scope.
    assert got["oos_recall_at_in_scope_0.95"] == 0.5


def test_recall_where_too_few_are_right() -> None:
    """A router that is never right in scope has no limit to offer: its recall is nought, not missing."""
    ranked = [[("b", 0.9), ("a", 0.1), ("oos", 0.0)], [("oos", 0.9), ("a", 0.1), ("b", 0.0)]]
    assert intent_metrics(["a", "oos"], ranked).metrics["oos_recall_at_in_scope_0.95"] == 0


def test_reliability() -> None:
    """Each bin of confidence says how often the router was right in it; the error is their mean distance."""
    gold = ["a", "a", "a", "b"]
    ranked = [[("a", p), ("b", 1 - p), ("oos", 0.0)] for p in (0.90, 0.92, 0.62, 0.92)]
    got = intent_metrics(gold, ranked)
    assert [(row["n"], row["accuracy"]) for row in got.reliability] == [(1, 1.0), (3, pytest.approx(2 / 3))]
    assert got.reliability[1]["confidence"] == pytest.approx((0.90 + 0.92 + 0.92) / 3)
    assert got.metrics["ece"] == pytest.approx((0.38 + 3 * abs(2.74 / 3 - 2 / 3)) / 4)


def test_intent_sets() -> None:
    """A set is right as a whole or not at all."""
    got = intent_set_metrics([{"a", "b"}, {"a"}], [{"b", "a"}, {"a", "b"}])
    assert got.metrics == {"intent_set_accuracy": 0.5}


def test_intervals() -> None:
    """Wilson's interval of 8 in 10, as tabulated."""
    low, high = wilson(8, 10)
    assert (low, high) == (pytest.approx(0.490, abs=0.001), pytest.approx(0.943, abs=0.001))
