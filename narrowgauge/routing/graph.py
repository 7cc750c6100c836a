"""The compiled router: text to plan."""

from __future__ import annotations

import io
import json
import os
import time
import zipfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from narrowgauge.contracts.route_rules import FORBID, FORCE, RouteRule
from narrowgauge.errors import DataLoss, InvalidRequest, LimitExceeded
from narrowgauge.routing.dependencies import decode
from narrowgauge.routing.encoder import Encoder
from narrowgauge.routing.kernel import KernelRidge
from narrowgauge.routing.lexical import WIDTH, asked_text, lexical_features
from narrowgauge.routing.logistic import Logistic, softmax
from narrowgauge.routing.references import ruled
from narrowgauge.routing.routes import NO_SPECIALIST, Route, RouteClassifier, RouteHead
from narrowgauge.routing.rules import RuleSet
from narrowgauge.routing.segmentation import BEGIN, quoted_regions, segment, whole_span
from narrowgauge.routing.vocabulary import Vocabulary
from narrowgauge.v1 import dispatcher_pb2, options_pb2

__all__ = ["MAX_STEPS", "NO_SPECIALIST", "Route", "RouterGraph", "planning_threads"]

Array = npt.NDArray[np.float32]

MAX_STEPS = 128
"""Most steps that a plan may have; the head for dependencies compares all pairs."""

_CANDIDATES = 3
_SURE = 0.95
_EFFECTS = {FORCE: options_pb2.ROUTE_EFFECT_FORCE, FORBID: options_pb2.ROUTE_EFFECT_FORBID}
_KINDS = {
    "after": dispatcher_pb2.DEPENDENCY_KIND_AFTER,
    "uses": dispatcher_pb2.DEPENDENCY_KIND_USES,
    "for_each": dispatcher_pb2.DEPENDENCY_KIND_FOR_EACH,
}


class RouterGraph:
    """A compiled router, safe to share between threads; a text's plan never depends on other texts.

    Args:
        encoder: The encoder.
        names: Names of the specialists, sorted.
        classifier: Of route vectors.
        rules: What is asked before the classifier.
        lexical: The classifier reads sketches of words as well (`lexical`).
    """

    def __init__(
        self,
        encoder: Encoder,
        names: tuple[str, ...],
        classifier: RouteClassifier,
        rules: RuleSet,
        lexical: bool = False,
    ) -> None:
        self._encoder = encoder
        self._names = names
        self._classifier = classifier
        self._rules = rules
        self._lexical = lexical

    @classmethod
    def load(cls, path: Path, *, threads: int | None = None) -> RouterGraph:
        """Loads what `compile_router` wrote.

        Args:
            path: The folder.
            threads: For one text; by default `planning_threads()`.

        Raises:
            DataLoss: A file is missing or damaged.
            InvalidRequest: NARROWGAUGE_ROUTER_THREADS is not a positive number.
        """
        try:
            description = json.loads((path / "router.json").read_text(encoding="utf-8"))
            names = tuple(description["specialists"])
            temperature = np.float32(description["temperature"])
            with np.load(io.BytesIO((path / "routes.npz").read_bytes())) as routes:
                arrays = {name: routes[name] for name in routes.files}
            thresholds = {name: float(description["thresholds"][name]) for name in names}
            lexical = bool(description.get("lexical", False))
            head = _head(arrays, temperature, float(description.get("gamma", 0.0)), WIDTH if lexical else 0)
            words = [str(word) for word in description.get("words", [])]
            rules = RuleSet([RouteRule.of_values(values) for values in description["rules"]])
        except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile, InvalidRequest) as error:
            raise DataLoss("ROUTER_DAMAGED", f"{path} is not a compiled router: {error}") from error
        encoder = Encoder(path, threads=planning_threads() if threads is None else threads, words=words)
        if head.shape != (encoder.hidden + (WIDTH if lexical else 0), len(names) + 1):
            raise DataLoss("ROUTER_DAMAGED", f"{path}/routes.npz does not fit the specialists of router.json")
        return cls(encoder, names, RouteClassifier(names, head, thresholds), rules, lexical)

    @property
    def specialists(self) -> tuple[str, ...]:
        """Names of the specialists, sorted."""
        return self._names

    def plan(self, text: str, vocabulary: Vocabulary | None = None) -> dispatcher_pb2.Plan:
        """Plans a request; what stands in quotation marks, fences or marked context never becomes a step.

        Args:
            text: The request.
            vocabulary: What the tools have; without it the wording alone decides.

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
        matches = [self._rules.matches(text, span, quotes) for span, _ in found]
        routes = self._classifier.routes(
            self._read(text, vectors, [span for span, _ in found], quotes), matches
        )
        if vocabulary is not None:
            spans = [span for span, _ in found]
            routes = vocabulary.informed(text, spans, quotes, routes, self._classifier.thresholds)
        begins = _begin_probabilities(encoded.tags, [tokens for _, tokens in found])
        kept = _steps(text, [span for span, _ in found], routes, begins)
        if len(kept) < len(found):
            # What lies between two steps is part of what tells their dependency: it is read again.
            _, kinds = self._encoder.read(encoded, [found[k][1] for k in kept], quotes)
        needs_of = decode(ruled(text, [found[k][0] for k in kept], quotes, kinds))
        plan = dispatcher_pb2.Plan()
        for k, needs in zip(kept, needs_of, strict=True):
            (begin, end), route = found[k][0], routes[k]
            step = plan.steps.add(
                text=text[begin:end],
                specialist=route.specialist,
                confidence=route.confidence,
                reason=route.reason,
                out_of_scope=route.out_of_scope,
            )
            step.span.begin, step.span.end = begin, end
            for name, probability in route.candidates[:_CANDIDATES]:
                step.candidates.add(specialist=name, probability=probability)
            for match in route.rules:
                applied = step.rules.add(
                    name=match.rule.name,
                    effect=_EFFECTS[match.rule.effect],
                    specialists=match.rule.specialists,
                )
                for low, high in match.spans:
                    applied.matched.add(begin=low, end=high)
            for need in needs:
                step.depends_on.add(step=need.step, kind=_KINDS[need.kind], confidence=need.probability)
        plan.plan_ms = 1e3 * (time.perf_counter() - began)
        return plan

    def _read(
        self, text: str, vectors: Array, spans: list[tuple[int, int]], quotes: list[tuple[int, int]]
    ) -> Array:
        """What the classifier reads of spans: float32 [spans, features]."""
        if not self._lexical:
            return vectors
        sketches = lexical_features([asked_text(text, span, quotes) for span in spans])
        return np.concatenate([vectors, sketches], axis=1)

    def classify(self, text: str) -> Route:
        """Routes a text as one sub-task; all candidates are given.

        Raises:
            InvalidRequest: The text is blank.
            LimitExceeded: It is too long.
        """
        encoded = self._encoder.encode(text)
        whole, quotes = whole_span(text), quoted_regions(text)
        vectors, _ = self._encoder.read(encoded, [encoded.tokens(whole) or (0, len(encoded.ids))], quotes)
        read = self._read(text, vectors, [whole], quotes)
        return self._classifier.routes(read, [self._rules.matches(text, whole, quotes)])[0]


def _steps(text: str, spans: list[tuple[int, int]], routes: list[Route], begins: list[float]) -> list[int]:
    """Indices of the spans that are steps: beside others, a word that nobody serves is only a greeting.

    So are two words where the tags, too, are not sure that something begins there ("by then").
    """
    kept = []
    for k, ((begin, end), route) in enumerate(zip(spans, routes, strict=True)):
        words = len(text[begin:end].split())
        if route.specialist or words > 2 or (words == 2 and begins[k] >= _SURE):
            kept.append(k)
    return kept or list(range(len(spans)))


def _begin_probabilities(tags: Array, tokens: list[tuple[int, int]]) -> list[float]:
    """The probability that a sub-task begins at the first token of each span; tags float32 [T, 3] logits."""
    table = softmax(tags[[begin for begin, _ in tokens]])
    return [float(row[BEGIN]) for row in table]


def _head(arrays: dict[str, Array], temperature: np.float32, gamma: float, sketch: int) -> RouteHead:
    """Puts the arrays of `routes.npz` together; the temperature is divided into the logits."""
    if "rows" in arrays:
        rows, weight = arrays["rows"], arrays["weight"]
        if rows.shape[1] != weight.shape[0]:
            raise ValueError(f"{rows.shape[1]} examples have weights for {weight.shape[0]}")
        return KernelRidge(rows, weight, gamma, rows.shape[0] - sketch, float(temperature))
    return Logistic(arrays["weight"] / temperature, arrays["bias"] / temperature)


def planning_threads() -> int:
    """Threads that plan: NARROWGAUGE_ROUTER_THREADS, or two where there are two cores.

    Raises:
        InvalidRequest: The variable is not a positive number.
    """
    value = os.environ.get("NARROWGAUGE_ROUTER_THREADS", str(min(2, os.cpu_count() or 1)))
    if not value.isdigit() or int(value) < 1:
        raise InvalidRequest(
            "BAD_CONFIG", f"NARROWGAUGE_ROUTER_THREADS is {value!r}; it must be a positive number"
        )
    return int(value)
