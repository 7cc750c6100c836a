"""Shapes of queries: what a question has to be understood for, and weights that make no shape rare."""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["FLOORS", "TOPIC_FLOORS", "UNANSWERABLE", "UNANSWERABLE_SHARE", "balanced_weights", "shapes_of"]

UNANSWERABLE = "unanswerable"
UNANSWERABLE_SHARE = 0.12
"""A model that is never refused an answer in training makes one up; with many more, it refuses too often."""

FLOORS: dict[str, float] = {
    "ordered": 0.11,
    "no condition": 0.2,
    "two conditions": 0.15,
    "three conditions": 0.03,
    "in list": 0.05,
    "join": 0.3,
    "three tables": 0.08,
    "self join": 0.03,
    "count": 0.16,
    "sum": 0.1,
    "average": 0.05,
    "having": 0.04,
    "columns beside an aggregate": 0.08,
    "year and month": 0.04,
    "offset": 0.03,
    "distinct": 0.06,
    "arithmetic": 0.05,
    "absence": 0.07,
}
"""The least share of each shape among questions in people's wording; one question can have several shapes."""

_TOPICS = (
    *("exclusion", "patterns", "references", "sold", "repeats", "asked_columns", "compared", "both_sides"),
    *("superiors", "nobody", "bounded", "extremes", "flags", "calendar", "payroll", "lacking", "between"),
)
# What a trained model still mixes up.
_CONFUSED = (
    *("kinds_listed", "things_with", "totals", "thresholds", "bosses", "averages", "left_out", "positions"),
    *("one_named", "several_codes", "stock_held"),
)
TOPIC_FLOORS: dict[str, float] = dict.fromkeys(_TOPICS, 0.018) | dict.fromkeys(_CONFUSED, 0.035)
"""The least share of the templates of one file, for distinctions that the shape of a query does not show."""

_PATTERNS = {
    "limited": r" LIMIT ",
    "in list": r" IN \((?!SELECT\b)",
    "join": r" JOIN ",
    "three tables": r" JOIN .* JOIN ",
    "self join": r"\bFROM (\w+)(?: AS \w+)? JOIN \1\b",
    "count": r"\bCOUNT\(",
    "sum": r"\bSUM\(",
    "average": r"\bAVG\(",
    "having": r" HAVING ",
    "year and month": r"(?i:strftime)\('%Y-%m'",
    "offset": r" OFFSET ",
    "distinct": r"\bDISTINCT ",
    "arithmetic": r"(?<!SELECT) [-+*/] [\w(]",
    "absence": r" NOT IN | IS (?:NOT )?NULL| EXCEPT |LEFT JOIN",
}
_BESIDE = re.compile(r"SELECT (?P<columns>.+?) FROM .*\bGROUP BY")
_AGGREGATE = re.compile(r"\b(COUNT|SUM|AVG|MIN|MAX)\(")
_ROUNDS = 60
# A question drawn more often than this many times the mean would be learnt by heart.
_HEAVIEST = 7


def shapes_of(sql: str | None) -> frozenset[str]:
    """Returns the shapes of a query, among them each one that has a floor; None is a refusal."""
    if sql is None:
        return frozenset((UNANSWERABLE,))
    shapes = {name for name, pattern in _PATTERNS.items() if re.search(pattern, sql)}
    if " ORDER BY " in sql and "limited" not in shapes:
        shapes.add("ordered")
    conditions = _conditions(sql)
    if not conditions:
        shapes.add("no condition")
    if conditions > 1:
        shapes.add("two conditions")
    if conditions > 2:
        shapes.add("three conditions")
    beside = _BESIDE.match(sql)
    if beside and _AGGREGATE.search(beside["columns"]) and beside["columns"].count(",") > 1:
        shapes.add("columns beside an aggregate")
    return frozenset(shapes)


def balanced_weights(shapes: Sequence[frozenset[str]]) -> list[float]:
    """Returns weights, one for each question, that sum to one.

    Drawn by them, no shape is rarer than its floor, the unanswerable have their share, and at least as many
    orders are without LIMIT as with one: what is under its floor is weighted up, round after round, and the
    rest gives way. None is drawn more than seven times as often as the mean, which the rarest shapes may miss
    their floor for by a little.

    Args:
        shapes: Shapes of each question, and the topic of its file; every shape with a floor occurs.
    """
    weights = [1.0] * len(shapes)
    for _ in range(_ROUNDS):
        for name, floor in (FLOORS | TOPIC_FLOORS).items():
            _scale(weights, shapes, name, max(floor, _share(weights, shapes, name)))
        _scale(
            weights,
            shapes,
            "limited",
            min(_share(weights, shapes, "ordered"), _share(weights, shapes, "limited")),
        )
        _scale(weights, shapes, UNANSWERABLE, UNANSWERABLE_SHARE)
        heaviest = _HEAVIEST * sum(weights) / len(weights)
        weights = [min(weight, heaviest) for weight in weights]
    total = sum(weights)
    return [weight / total for weight in weights]


def _share(weights: Sequence[float], shapes: Sequence[frozenset[str]], name: str) -> float:
    have = sum(weight for weight, found in zip(weights, shapes, strict=True) if name in found)
    return have / sum(weights)


def _scale(weights: list[float], shapes: Sequence[frozenset[str]], name: str, wanted: float) -> None:
    """Multiplies the weights of those that have a shape, so that their share is the wanted one."""
    share = _share(weights, shapes, name)
    if share in (0.0, wanted):
        return
    factor = wanted * (1 - share) / (share * (1 - wanted))
    for index, found in enumerate(shapes):
        if name in found:
            weights[index] *= factor


def _conditions(sql: str) -> int:
    """Counts the conditions of WHERE clauses, those of inner queries too."""
    bare = re.sub(r"BETWEEN (\S+) AND", r"BETWEEN \1", re.sub(r"'(?:[^']|'')*'", "''", sql))
    return sum(
        len(re.split(r" AND | OR ", clause))
        for clause in re.findall(r" WHERE (.+?)(?= GROUP BY | ORDER BY | HAVING | LIMIT |$)", bare)
    )
