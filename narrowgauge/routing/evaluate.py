"""Metrics of routing and planning, as pure functions of gold and predicted values (see docs/eval.md)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

__all__ = [
    "Metrics",
    "PlannedStep",
    "gold_steps",
    "intent_metrics",
    "intent_set_metrics",
    "match_spans",
    "plan_metrics",
    "planned_steps",
    "wilson",
]

OUT_OF_SCOPE = "oos"
NONE = "none"

_KINDS = {1: "after", 2: "uses", 3: "for_each"}
_RESAMPLES = 400
_BINS = 15


@dataclass
class Metrics:
    """Metric values and their 95 % confidence intervals by name, what failed, and how sure the router was.

    `reliability` has a row for each bin of confidence that is not empty: its ends `low` and `high`, `n`, mean
    `confidence`, and `accuracy`. Calibrated is where the last two agree.
    """

    metrics: dict[str, float] = field(default_factory=dict)
    ci95: dict[str, tuple[float, float]] = field(default_factory=dict)
    failures: list[dict[str, str]] = field(default_factory=list)
    reliability: list[dict[str, float]] = field(default_factory=list)

    def calibration(self, sure: Sequence[tuple[float, bool]]) -> None:
        """Adds `ece` and the rows of `reliability` from pairs of confidence and whether it was right."""
        self.resampled("ece", len(sure), lambda index: _ece([sure[i] for i in index]))
        for b in range(_BINS):
            chosen = [pair for pair in sure if min(int(pair[0] * _BINS), _BINS - 1) == b]
            if chosen:
                self.reliability.append(
                    {
                        "low": round(b / _BINS, 4),
                        "high": round((b + 1) / _BINS, 4),
                        "n": len(chosen),
                        "confidence": sum(c for c, _ in chosen) / len(chosen),
                        "accuracy": sum(right for _, right in chosen) / len(chosen),
                    }
                )

    def rate(self, name: str, outcomes: Sequence[bool]) -> None:
        """Adds a share of outcomes; nothing where there are none."""
        if outcomes:
            self.metrics[name] = sum(outcomes) / len(outcomes)
            self.ci95[name] = wilson(sum(outcomes), len(outcomes))

    def resampled(self, name: str, count: int, value: Callable[[Sequence[int]], float]) -> None:
        """Adds a value computed from rows, with a bootstrap interval over rows (fixed seed)."""
        if not count:
            return
        rng = np.random.default_rng(0)
        values = sorted(value(rng.integers(0, count, count).tolist()) for _ in range(_RESAMPLES))
        self.metrics[name] = value(range(count))
        self.ci95[name] = (values[int(0.025 * _RESAMPLES)], values[int(0.975 * _RESAMPLES) - 1])


def wilson(hits: int, count: int) -> tuple[float, float]:
    """95 % score interval of a proportion (Wilson, 1927)."""
    z = 1.959964
    share = hits / count
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count)) / (1 + z * z / count)
    return max(0.0, middle - half), min(1.0, middle + half)


@dataclass(frozen=True)
class PlannedStep:
    """A step, gold or predicted.

    Attributes:
        span: Character offsets.
        specialist: Its name; `none` for out of scope.
        depends_on: Pairs of step index and kind.
        confidence: Probability of the route; 1 for gold.
    """

    span: tuple[int, int]
    specialist: str
    depends_on: frozenset[tuple[int, str]]
    confidence: float = 1.0


def gold_steps(row: Mapping[str, Any]) -> list[PlannedStep]:
    """Reads the steps of a row of a plan file."""
    return [
        PlannedStep(
            (int(s["span"][0]), int(s["span"][1])),
            str(s["specialist"]),
            frozenset((int(d["step"]), str(d["kind"])) for d in s["depends_on"]),
        )
        for s in row["steps"]
    ]


def planned_steps(plan: Any) -> list[PlannedStep]:
    """Reads a `narrowgauge.v1.Plan`."""
    return [
        PlannedStep(
            (s.span.begin, s.span.end),
            s.specialist or NONE,
            frozenset((d.step, _KINDS.get(d.kind, "")) for d in s.depends_on),
            s.confidence,
        )
        for s in plan.steps
    ]


def plan_metrics(rows: Sequence[Mapping[str, Any]], plans: Sequence[Sequence[PlannedStep]]) -> Metrics:
    """`exact_steps`, `exact_plan`, `span_f1`, `route_accuracy`, `none_recall`, `none_precision`, `ece`.

    Rows with `slices` (names of phenomena) also give `exact_plan.<slice>`.

    Args:
        rows: Rows of a plan file.
        plans: The predicted steps of each.
    """
    out = Metrics()
    steps_right: list[bool] = []
    plan_right: list[bool] = []
    slices: dict[str, list[bool]] = {}
    counts: list[tuple[int, int, int]] = []  # matched, gold, predicted spans
    routed: list[bool] = []
    none_recall: list[bool] = []
    none_precision: list[bool] = []
    sure: list[tuple[float, bool]] = []
    for row, plan in zip(rows, plans, strict=True):
        gold = gold_steps(row)
        matches = match_spans(gold, plan)
        counts.append((len(matches), len(gold), len(plan)))
        for i, step in enumerate(gold):
            j = matches.get(i)
            right = j is not None and plan[j].specialist == step.specialist
            routed.append(right)
            if step.specialist == NONE:
                none_recall.append(right)
            if j is not None:
                sure.append((plan[j].confidence, right))
        by_plan = {j: i for i, j in matches.items()}
        none_precision += [
            j in by_plan and gold[by_plan[j]].specialist == NONE
            for j, step in enumerate(plan)
            if step.specialist == NONE
        ]
        exact = len(gold) == len(plan) and all(
            _overlap(a.span, b.span) >= 0.5 and a.specialist == b.specialist
            for a, b in zip(gold, plan, strict=True)
        )
        whole = exact and all(a.depends_on == b.depends_on for a, b in zip(gold, plan, strict=True))
        steps_right.append(exact)
        plan_right.append(whole)
        for name in row.get("slices", ()):
            slices.setdefault(name, []).append(whole)
        if not whole:
            out.failures.append({"id": str(row.get("id", "")), "why": _why(gold, plan, matches)})
    out.rate("exact_steps", steps_right)
    out.rate("exact_plan", plan_right)
    out.resampled("span_f1", len(counts), lambda index: _f1([counts[i] for i in index]))
    out.rate("route_accuracy", routed)
    out.rate("none_recall", none_recall)
    out.rate("none_precision", none_precision)
    out.calibration(sure)
    for name, outcomes in sorted(slices.items()):
        out.rate(f"exact_plan.{name}", outcomes)
    return out


def intent_metrics(
    gold: Sequence[str], ranked: Sequence[Sequence[tuple[str, float]]], ids: Sequence[str] = ()
) -> Metrics:
    """Metrics of a router on single intents.

    Args:
        gold: The intents; `oos` is out of scope.
        ranked: For each text (intent, probability) of all classes, `oos` among them, the predicted one first.
        ids: Names of the rows for the failures; their numbers when empty.
    """
    out = Metrics()
    predicted = [r[0][0] for r in ranked]
    pairs = list(zip(gold, predicted, strict=True))
    out.rate("accuracy", [g == p for g, p in pairs])
    out.rate("in_scope_accuracy", [g == p for g, p in pairs if g != OUT_OF_SCOPE])
    out.rate("oos_recall", [p == OUT_OF_SCOPE for g, p in pairs if g == OUT_OF_SCOPE])
    out.rate("oos_precision", [g == OUT_OF_SCOPE for g, p in pairs if p == OUT_OF_SCOPE])
    best = [max(((i, p) for i, p in r if i != OUT_OF_SCOPE), key=lambda item: item[1]) for r in ranked]
    scores = [dict(r).get(OUT_OF_SCOPE, 0.0) for r in ranked]
    outside = [s for g, s in zip(gold, scores, strict=True) if g == OUT_OF_SCOPE]
    inside = [(s, b[0] == g) for g, s, b in zip(gold, scores, best, strict=True) if g != OUT_OF_SCOPE]
    if outside and inside:
        limit = _strictest(inside, 0.95)
        # Where no limit keeps so many right, there is none at which anything may be called out of scope.
        out.rate("oos_recall_at_in_scope_0.95", [limit is not None and s > limit for s in outside])
    sure = [(r[0][1], g == r[0][0]) for g, r in zip(gold, ranked, strict=True)]
    out.calibration(sure)
    for n, (g, p) in enumerate(pairs):
        if g != p:
            out.failures.append({"id": ids[n] if ids else str(n), "why": f"{g} routed to {p}"})
    return out


def intent_set_metrics(gold: Sequence[set[str]], predicted: Sequence[set[str]]) -> Metrics:
    """`intent_set_accuracy`: the set of intents of a text is exactly right."""
    out = Metrics()
    out.rate("intent_set_accuracy", [g == p for g, p in zip(gold, predicted, strict=True)])
    for n, (g, p) in enumerate(zip(gold, predicted, strict=True)):
        if g != p:
            out.failures.append({"id": str(n), "why": f"{sorted(g)} planned as {sorted(p)}"})
    return out


def _strictest(inside: Sequence[tuple[float, bool]], wanted: float) -> float | None:
    """The lowest limit on the out-of-scope score that keeps in-scope accuracy at `wanted`, if any does."""
    right = 0
    for score, correct in sorted(inside):
        right += correct
        if right / len(inside) >= wanted:
            return score
    return None


def _overlap(a: tuple[int, int], b: tuple[int, int]) -> float:
    shared = min(a[1], b[1]) - max(a[0], b[0])
    return max(0, shared) / max(1, max(a[1], b[1]) - min(a[0], b[0]))


def match_spans(gold: Sequence[PlannedStep], plan: Sequence[PlannedStep]) -> dict[int, int]:
    """Gold index -> predicted index, for spans that overlap by at least half of their union."""
    matches: dict[int, int] = {}
    for i, step in enumerate(gold):
        for j, other in enumerate(plan):
            if j not in matches.values() and _overlap(step.span, other.span) >= 0.5:
                matches[i] = j
                break
    return matches


def _why(gold: Sequence[PlannedStep], plan: Sequence[PlannedStep], matches: Mapping[int, int]) -> str:
    if len(matches) < len(gold) or len(gold) != len(plan):
        return f"{len(gold)} steps planned as {len(plan)}, {len(matches)} spans agree"
    for i, j in matches.items():
        if gold[i].specialist != plan[j].specialist:
            return f"step {i}: {gold[i].specialist} routed to {plan[j].specialist}"
        if gold[i].depends_on != plan[j].depends_on:
            return (
                f"step {i}: depends on {sorted(gold[i].depends_on)}, planned as {sorted(plan[j].depends_on)}"
            )
    return "the order of the steps differs"


def _f1(counts: Sequence[tuple[int, int, int]]) -> float:
    matched = sum(c[0] for c in counts)
    total = sum(c[1] + c[2] for c in counts)
    return 2 * matched / total if total else 0.0


def _ece(sure: Sequence[tuple[float, bool]], bins: int = _BINS) -> float:
    """Expected calibration error over bins of equal width (Naeini et al., 2015)."""
    confidence = np.array([c for c, _ in sure])
    right = np.array([r for _, r in sure], float)
    index = np.minimum((confidence * bins).astype(int), bins - 1)
    error = 0.0
    for b in range(bins):
        chosen = index == b
        if chosen.any():
            error += abs(float(confidence[chosen].mean() - right[chosen].mean())) * float(chosen.mean())
    return error
