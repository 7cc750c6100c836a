"""Where a turn's time went: in the response, as spans and as metrics."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from opentelemetry.context import Context

from narrowgauge.runtime import metrics, semconv
from narrowgauge.runtime.telemetry import record_span
from narrowgauge.v1.specialist_pb2 import TurnTimings
from specialist_svc.engine.backend import Decoded

__all__ = ["TurnReport"]

_Phase = tuple[str, float, float]


@dataclass
class TurnReport:
    """Collects the phases of one turn. Instants are of `time.monotonic()`, in seconds.

    Attributes:
        decodings: What was decoded, the last one being the answer.
        phases: Name of the span, begin and end.
    """

    started: float = field(default_factory=time.monotonic)
    decodings: list[Decoded] = field(default_factory=list)
    phases: list[_Phase] = field(default_factory=list)

    def decoded(self, decoded: Decoded) -> None:
        """Notes a decoding."""
        times = decoded.timings
        self.decodings.append(decoded)
        self.phases += [
            (semconv.SPAN_QUEUE, times.submitted, times.admitted),
            (semconv.SPAN_PREFILL, times.admitted, times.prefilled),
            (semconv.SPAN_DECODE, times.prefilled, times.finished),
        ]

    def validated(self, began: float) -> None:
        """Notes that a call has been parsed and checked."""
        self.phases.append((semconv.SPAN_VALIDATE, began, time.monotonic()))

    def timings(self) -> TurnTimings:
        """Returns the turn's times and counts until now."""
        spent = dict.fromkeys(
            (semconv.SPAN_QUEUE, semconv.SPAN_PREFILL, semconv.SPAN_DECODE, semconv.SPAN_VALIDATE), 0.0
        )
        for name, begin, end in self.phases:
            spent[name] += (end - begin) * 1000
        timings = TurnTimings(
            queue_ms=spent[semconv.SPAN_QUEUE],
            prefill_ms=spent[semconv.SPAN_PREFILL],
            decode_ms=spent[semconv.SPAN_DECODE],
            validate_ms=spent[semconv.SPAN_VALIDATE],
            total_ms=(time.monotonic() - self.started) * 1000,
            redecodes=max(0, len(self.decodings) - 1),
            output_tokens=sum(d.output_tokens for d in self.decodings),
            forced_tokens=sum(d.forced_tokens for d in self.decodings),
        )
        if self.decodings:
            first = self.decodings[0]
            timings.time_to_first_token_ms = (first.timings.first_token - self.started) * 1000
            timings.prompt_tokens = first.prompt_tokens
            timings.cached_tokens = first.cached_tokens
        return timings

    def publish(self, specialist: str, model: str, parent: Context | None) -> None:
        """Records the phases as spans, and the metrics."""
        # Spans carry wall-clock time; the offset is taken once, so that they stay in order.
        offset_ns = time.time_ns() - time.monotonic_ns()
        timings = self.timings()
        attributes: dict[str, str | int] = {
            semconv.SPECIALIST: specialist,
            semconv.MODEL: model,
            semconv.INPUT_TOKENS: timings.prompt_tokens,
            semconv.CACHED_TOKENS: timings.cached_tokens,
            semconv.OUTPUT_TOKENS: timings.output_tokens,
            semconv.FORCED_TOKENS: timings.forced_tokens,
            semconv.REDECODES: timings.redecodes,
        }
        for name, begin, end in self.phases:
            details: dict[str, str | int] = {semconv.SPECIALIST: specialist}
            if name == semconv.SPAN_DECODE:
                details = attributes
            record_span(
                name, int(begin * 1e9) + offset_ns, int(end * 1e9) + offset_ns, details, parent=parent
            )
            metrics.hop_duration.record(end - begin, {semconv.HOP: name, semconv.SPECIALIST: specialist})
        if not self.decodings:
            return
        metrics.time_to_first_token.record(
            timings.time_to_first_token_ms / 1000, {semconv.SPECIALIST: specialist}
        )
        for kind, count in (
            ("prompt", timings.prompt_tokens),
            ("cached", timings.cached_tokens),
            ("output", timings.output_tokens),
            ("forced", timings.forced_tokens),
        ):
            metrics.tokens.add(count, {semconv.SPECIALIST: specialist, semconv.TOKEN_TYPE: kind})
