"""Where a step goes: the classifier's calibrated probabilities, within what rules allow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from narrowgauge.contracts.route_rules import FORBID, FORCE
from narrowgauge.routing.logistic import softmax
from narrowgauge.routing.rules import RuleMatch, allowed_by

__all__ = ["CATALOGUE", "CLASSIFIER", "NO_SPECIALIST", "Route", "RouteClassifier", "RouteHead"]

Array = npt.NDArray[np.float32]

CLASSIFIER = "classifier"
"""Reason of a route that no rule decided."""

CATALOGUE = "catalogue"
"""Reason of a route that the tools' catalogues decided."""

NO_SPECIALIST = "NO_SPECIALIST"
"""Reason of a step for which the router abstains."""


@dataclass(frozen=True)
class Route:
    """Where one sub-task goes.

    Attributes:
        specialist: Its name; empty when the router abstains.
        confidence: Calibrated probability that this is right; 1 where a rule forced it.
        candidates: (specialist, calibrated probability) of the classifier, best first, whatever rules say.
        out_of_scope: Calibrated probability of the classifier that no specialist serves it.
        reason: `CLASSIFIER`, `CATALOGUE`, `NO_SPECIALIST` or the name of the rule that decided.
        rules: The rules that matched.
    """

    specialist: str
    confidence: float
    candidates: tuple[tuple[str, float], ...]
    out_of_scope: float
    reason: str = CLASSIFIER
    rules: tuple[RuleMatch, ...] = ()


class RouteHead(Protocol):
    """Turns what is read of steps into logits, the temperature divided in."""

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of features and of classes."""

    def logits(self, x: Array) -> Array:
        """Returns float32 [steps, classes] for float32 [steps, features]."""


class RouteClassifier:
    """Classifies route vectors, and abstains.

    Args:
        names: Specialists in the order of the classes; the class after the last is out of scope.
        head: Gives the logits.
        thresholds: Probability by specialist below which the router abstains.
    """

    def __init__(self, names: tuple[str, ...], head: RouteHead, thresholds: Mapping[str, float]) -> None:
        self._names = names
        self._head = head
        self._thresholds = thresholds

    @property
    def thresholds(self) -> Mapping[str, float]:
        """Probability by specialist below which the router abstains."""
        return self._thresholds

    def routes(self, vectors: Array, matches: Sequence[Sequence[RuleMatch]]) -> list[Route]:
        """Routes steps.

        Args:
            vectors: float32 [steps, features].
            matches: The rules that match each step.
        """
        table = softmax(self._head.logits(vectors))
        return [self._route(row, matched) for row, matched in zip(table, matches, strict=True)]

    def _route(self, probabilities: Array, matches: Sequence[RuleMatch]) -> Route:
        # A row is short: as a list it is sorted before NumPy has begun. Of equals the first stays first.
        *inside, outside = probabilities.tolist()
        order = sorted(range(len(inside)), key=inside.__getitem__, reverse=True)
        candidates = tuple((self._names[k], inside[k]) for k in order)
        specialist, confidence = self._choose(candidates, outside)
        reason = CLASSIFIER if specialist else NO_SPECIALIST
        if not matches:
            return Route(specialist, confidence, candidates, outside, reason)
        ruled, confidence = self._within(candidates, outside, matches)
        forced = [m.rule.name for m in matches if m.rule.effect == FORCE and ruled in m.rule.specialists]
        if forced:
            reason = forced[0]
        elif ruled != specialist:
            # The rule against what the classifier likes best; without one, whichever changed the outcome.
            against = [m.rule for m in matches if m.rule.effect == FORBID]
            best = candidates[0][0]
            reason = next((rule.name for rule in against if best in rule.specialists), against[0].name)
        return Route(ruled, confidence, candidates, outside, reason, tuple(matches))

    def _within(
        self, candidates: tuple[tuple[str, float], ...], outside: float, matches: Sequence[RuleMatch]
    ) -> tuple[str, float]:
        """Chooses among what rules allow: the probabilities given that the others are wrong."""
        allowed = set(allowed_by(matches, self._names))
        left = tuple((name, p) for name, p in candidates if name in allowed)
        if not left:
            return "", 1.0
        if any(m.rule.effect == FORCE and m.rule.specialists[0] in allowed for m in matches):
            return left[0][0], left[0][1] / sum(p for _, p in left)
        mass = outside + sum(p for _, p in left)
        return self._choose(tuple((name, p / mass) for name, p in left), outside / mass)

    def _choose(self, candidates: tuple[tuple[str, float], ...], outside: float) -> tuple[str, float]:
        name, best = candidates[0]
        if best < outside or best < self._thresholds[name]:
            return "", max(outside, 1.0 - best)
        return name, best
