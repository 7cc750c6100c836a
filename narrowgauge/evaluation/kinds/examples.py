"""Examples of a specialist of one's own, asked: the same call, the same method, the same fields."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from narrowgauge.contracts.contract import Contract
from narrowgauge.contracts.proto_json import write_message
from narrowgauge.contracts.specialist import Example
from narrowgauge.evaluation.answers import Answer, Case, refusal_rates
from narrowgauge.evaluation.report import Report, f1_of, percentiles
from narrowgauge.v1 import specialist_pb2
from narrowgauge.v1.catalogue_pb2 import Catalogue

__all__ = ["ExamplesKind"]


class ExamplesKind:
    """A specialist's examples with their calls.

    Args:
        contract: The specialist's contract.
        examples: Valid ones.
        catalogue: What their environment has.
        today: YYYY-MM-DD, as in training.
    """

    def __init__(
        self, contract: Contract, examples: Sequence[Example], *, catalogue: Catalogue, today: str
    ) -> None:
        self.specialist = contract.specialist
        self._gold = [_gold(contract, example) for example in examples]
        self.cases = [
            Case(
                str(number),
                specialist_pb2.ExecuteStart(
                    text=example.request,
                    context=[specialist_pb2.ContextDocument(text=example.context)] if example.context else [],
                    catalogue=catalogue,
                    today=today,
                ),
            )
            for number, example in enumerate(examples, start=1)
        ]
        self._requests = [example.request for example in examples]

    def score(self, answers: Sequence[Sequence[Answer]], report: Report) -> None:
        """Adds `valid`, `exact`, `method_accuracy`, `field_f1` refusals, and the tokens of a call."""
        first = [turns[0] for turns in answers]
        n = len(first)
        found = [_found(answer) for answer in first]
        exact = [
            answer.valid and said == gold for answer, said, gold in zip(first, found, self._gold, strict=True)
        ]
        report.rate("valid", sum(answer.valid for answer in first), n)
        report.rate("exact", sum(exact), n)
        same_method = sum(said[0] == gold[0] for said, gold in zip(found, self._gold, strict=True))
        report.rate("method_accuracy", same_method, n)
        counts = [_counts(said[1], gold[1]) for said, gold in zip(found, self._gold, strict=True)]
        report.statistic("field_f1", counts, f1_of)
        must = [gold[0] == "" for gold in self._gold]
        if any(must):
            for name, (hits, of) in refusal_rates(must, [answer.refused for answer in first]).items():
                report.rate(name, hits, of)
        report.mean("output_tokens", [float(answer.timings.output_tokens) for answer in first])
        report.latency_ms = percentiles([answer.latency_ms for answer in first])
        for right, answer, gold, request in zip(exact, first, self._gold, self._requests, strict=True):
            if not right:
                wanted = f"{gold[0]} {json.dumps(gold[1], ensure_ascii=False)}" if gold[0] else "a refusal"
                report.fail(request, f"{answer.why()} | gold: {wanted}")


_Call = tuple[str, Any]
"""Short name of the method and the call as ProtoJSON; an empty name and None for a refusal."""


def _gold(contract: Contract, example: Example) -> _Call:
    call = example.tool_call(contract)
    if "unanswerable" in call.tool.request.fields_by_name and getattr(call.request, "unanswerable", False):
        return "", None
    return call.tool.name, json.loads(write_message(call.request))


def _found(answer: Answer) -> _Call:
    if answer.request is None:
        return ("", None) if answer.refused else ("no answer", None)
    return answer.method, json.loads(write_message(answer.request))


def _counts(said: Any, gold: Any) -> tuple[int, int, int]:
    """Returns how many fields are right, said and wanted."""
    ours, theirs = Counter(_fields(said)), Counter(_fields(gold))
    return (ours & theirs).total(), ours.total(), theirs.total()


def _fields(value: Any, path: str = "") -> list[tuple[str, str]]:
    if isinstance(value, dict):
        return [found for key, inner in value.items() for found in _fields(inner, f"{path}.{key}")]
    if isinstance(value, list):
        return [found for inner in value for found in _fields(inner, f"{path}[]")]
    return [] if value is None else [(path, json.dumps(value))]
