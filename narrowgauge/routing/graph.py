"""The compiled router: text to plan."""

from __future__ import annotations

import io
import json
import os
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from narrowgauge.errors import DataLoss, InvalidRequest, LimitExceeded
from narrowgauge.routing.dependencies import decode
from narrowgauge.routing.encoder import Encoder
from narrowgauge.routing.logistic import softmax
from narrowgauge.routing.segmentation import quoted_regions, segment, whole_span
from narrowgauge.v1 import dispatcher_pb2

__all__ = ["MAX_STEPS", "NO_SPECIALIST", "Route", "RouterGraph"]

Array = npt.NDArray[np.float32]

MAX_STEPS = 128
"""Most steps that a plan may have; the head for dependencies compares all pairs."""

NO_SPECIALIST = "NO_SPECIALIST"
"""Reason of a step for which the router abstains."""

_CLASSIFIER = "classifier"
_CANDIDATES = 3
_KINDS = {
    "after": dispatcher_pb2.DEPENDENCY_KIND_AFTER,
    "uses": dispatcher_pb2.DEPENDENCY_KIND_USES,
    "for_each": dispatcher_pb2.DEPENDENCY_KIND_FOR_EACH,
}


@dataclass(frozen=True)
class Route:
    """Where one sub-task goes.

    Attributes:
        specialist: Its name; empty when the router abstains.
        confidence: Calibrated probability that this is right.
        candidates: (specialist, calibrated probability), best first.
        out_of_scope: Calibrated probability that no specialist serves it.
    """

    specialist: str
    confidence: float
    candidates: tuple[tuple[str, float], ...]
    out_of_scope: float


class RouterGraph:
    """A compiled router, safe to share between threads; a text's plan never depends on other texts.

    Args:
        encoder: The encoder.
        names: Specialists in the order of the classes; the class after the last is out of scope.
        weight: float32 [hidden, classes], the temperature divided in.
        bias: float32 [classes], likewise.
        thresholds: Probability by specialist below which the router abstains.
    """

    def __init__(
        self,
        encoder: Encoder,
        names: tuple[str, ...],
        weight: Array,
        bias: Array,
        thresholds: dict[str, float],
    ) -> None:
        self._encoder = encoder
        self._names = names
        self._weight = weight
        self._bias = bias
        self._thresholds = thresholds

    @classmethod
    def load(cls, path: Path, *, threads: int | None = None) -> RouterGraph:
        """Loads what `compile_router` wrote.

        Args:
            path: The folder.
            threads: Of the onnxruntime session; by default NARROWGAUGE_ROUTER_THREADS, or 1.

        Raises:
            DataLoss: A file is missing or damaged.
            InvalidRequest: NARROWGAUGE_ROUTER_THREADS is not a positive number.
        """
        try:
            description = json.loads((path / "router.json").read_text(encoding="utf-8"))
            names = tuple(description["specialists"])
            temperature = np.float32(description["temperature"])
            with np.load(io.BytesIO((path / "routes.npz").read_bytes())) as routes:
                weight, bias = routes["weight"] / temperature, routes["bias"] / temperature
            thresholds = {name: float(description["thresholds"][name]) for name in names}
        except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
            raise DataLoss("ROUTER_DAMAGED", f"{path} is not a compiled router: {error}") from error
        if weight.shape[1] != len(names) + 1:
            raise DataLoss("ROUTER_DAMAGED", f"{path}/routes.npz does not fit the specialists of router.json")
        encoder = Encoder(path, threads=_threads() if threads is None else threads)
        return cls(encoder, names, weight, bias, thresholds)

    @property
    def specialists(self) -> tuple[str, ...]:
        """Names of the specialists, sorted."""
        return self._names

    def plan(self, text: str) -> dispatcher_pb2.Plan:
        """Plans a request; what stands in quotation marks, fences or marked context never becomes a step.

        Raises:
            InvalidRequest: The text is blank.
            LimitExceeded: It is too long or has more than `MAX_STEPS` steps.
        """
        began = time.perf_counter()
        encoded = self._encoder.encode(text)
        quotes = quoted_regions(text)
        found = segment(text, encoded.offsets, encoded.tags, quotes)
        if len(found) > MAX_STEPS:
            raise LimitExceeded(
                "TOO_MANY_STEPS",
                f"the request has {len(found)} steps; at most {MAX_STEPS} are planned",
                metadata={"limit_steps": str(MAX_STEPS)},
            )
        vectors, kinds = self._encoder.read(encoded, [tokens for _, tokens in found], quotes)
        routes = self._routes(vectors)
        kept = _steps(text, [span for span, _ in found], routes)
        if len(kept) < len(found):
            # What lies between two steps is part of what tells their dependency: it is read again.
            _, kinds = self._encoder.read(encoded, [found[k][1] for k in kept], quotes)
        needs_of = decode(kinds)
        plan = dispatcher_pb2.Plan()
        for k, needs in zip(kept, needs_of, strict=True):
            (begin, end), route = found[k][0], routes[k]
            step = plan.steps.add(
                text=text[begin:end],
                specialist=route.specialist,
                confidence=route.confidence,
                reason=_CLASSIFIER if route.specialist else NO_SPECIALIST,
            )
            step.span.begin, step.span.end = begin, end
            for name, probability in route.candidates[:_CANDIDATES]:
                step.candidates.add(specialist=name, probability=probability)
            for need in needs:
                step.depends_on.add(step=need.step, kind=_KINDS[need.kind], confidence=need.probability)
        plan.plan_ms = 1e3 * (time.perf_counter() - began)
        return plan

    def classify(self, text: str) -> Route:
        """Routes a text as one sub-task; all candidates are given.

        Raises:
            InvalidRequest: The text is blank.
            LimitExceeded: It is too long.
        """
        encoded = self._encoder.encode(text)
        span = encoded.tokens(whole_span(text)) or (0, len(encoded.ids))
        vectors, _ = self._encoder.read(encoded, [span], quoted_regions(text))
        return self._routes(vectors)[0]

    def _routes(self, vectors: Array) -> list[Route]:
        return [self._route(row) for row in softmax(vectors @ self._weight + self._bias)]

    def _route(self, probabilities: Array) -> Route:
        outside = float(probabilities[-1])
        order = np.argsort(-probabilities[:-1], kind="stable")
        candidates = tuple((self._names[k], float(probabilities[k])) for k in order)
        name, best = candidates[0]
        if best < outside or best < self._thresholds[name]:
            return Route("", max(outside, 1.0 - best), candidates, outside)
        return Route(name, best, candidates, outside)


def _steps(text: str, spans: list[tuple[int, int]], routes: list[Route]) -> list[int]:
    """Indices of the spans that are steps: beside others, one word that nobody serves is only a greeting."""
    kept = [
        k
        for k, ((begin, end), route) in enumerate(zip(spans, routes, strict=True))
        if route.specialist or len(text[begin:end].split()) > 1
    ]
    return kept or list(range(len(spans)))


def _threads() -> int:
    value = os.environ.get("NARROWGAUGE_ROUTER_THREADS", "1")
    if not value.isdigit() or int(value) < 1:
        raise InvalidRequest(
            "BAD_CONFIG", f"NARROWGAUGE_ROUTER_THREADS is {value!r}; it must be a positive number"
        )
    return int(value)
