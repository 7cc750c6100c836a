"""Traces and metrics: exported over OTLP when `OTEL_EXPORTER_OTLP_ENDPOINT` is set, no-ops otherwise.

The OpenTelemetry SDK is imported only when there is somewhere to export to.
"""

from __future__ import annotations

import importlib.metadata
import os
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from opentelemetry import metrics, trace
from opentelemetry.context import Context
from opentelemetry.trace import SpanKind, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import MetricReader
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider

__all__ = [
    "Telemetry",
    "configure_telemetry",
    "context_of",
    "record_span",
    "trace_id_of",
    "traceparent",
    "tracer",
]

_propagator = TraceContextTextMapPropagator()

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"

# A trace should be whole in the sink when a person asks for it right after the chain.
_SPAN_EXPORT_DELAY_MS = 200
_METRIC_EXPORT_INTERVAL_MS = 5_000

# Collectors are reached directly: a proxy variable of the shell must not carry loopback traffic away.
# The exporters declare text, and gRPC ignores this option as text.
_CHANNEL_OPTIONS: Any = (("grpc.enable_http_proxy", 0),)


class Telemetry:
    """Owns the providers of this process."""

    def __init__(
        self, tracer_provider: TracerProvider | None = None, meter_provider: MeterProvider | None = None
    ) -> None:
        self._tracer_provider = tracer_provider
        self._meter_provider = meter_provider

    @property
    def exports(self) -> bool:
        """True when spans and metrics leave the process."""
        return self._tracer_provider is not None

    def flush(self, timeout_ms: int = 5_000) -> bool:
        """Exports what is pending; blocks, so call it off the event loop. True when all of it was taken."""
        traces = self._tracer_provider is None or self._tracer_provider.force_flush(timeout_ms)
        return (self._meter_provider is None or self._meter_provider.force_flush(timeout_ms)) and traces

    def shutdown(self) -> None:
        """Exports what is pending and ends the export threads; blocks."""
        if self._tracer_provider is not None:
            self._tracer_provider.shutdown()
        if self._meter_provider is not None:
            self._meter_provider.shutdown()


def configure_telemetry(
    service_name: str,
    *,
    span_processor: SpanProcessor | None = None,
    metric_reader: MetricReader | None = None,
) -> Telemetry:
    """Sets up export for this process; call it once, before the first span.

    The standard `OTEL_*` variables (headers, certificates, samplers, resource attributes) are honoured.

    Args:
        service_name: `service.name` of everything exported, for example `router`.
        span_processor: Receives spans instead of OTLP.
        metric_reader: Receives metrics instead of OTLP.
    """
    endpoint = os.environ.get(ENDPOINT, "").strip()
    if not endpoint and span_processor is None and metric_reader is None:
        return Telemetry()

    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider

    resource = Resource.create(
        {
            "service.name": service_name,
            "service.version": importlib.metadata.version("narrowgauge"),
            "service.instance.id": str(uuid.uuid4()),
            "process.pid": os.getpid(),
        }
    )
    tracer_provider = TracerProvider(resource=resource)
    if span_processor is not None:
        tracer_provider.add_span_processor(span_processor)
    elif endpoint:
        tracer_provider.add_span_processor(_otlp_span_processor())
    if metric_reader is None and endpoint:
        metric_reader = _otlp_metric_reader()
    meter_provider = MeterProvider([metric_reader] if metric_reader is not None else [], resource=resource)
    trace.set_tracer_provider(tracer_provider)
    metrics.set_meter_provider(meter_provider)
    return Telemetry(tracer_provider, meter_provider)


def tracer() -> Tracer:
    """Returns the tracer of all our spans."""
    return trace.get_tracer("narrowgauge")


def traceparent() -> str:
    """Returns the current span as a W3C `traceparent`, for messages on a stream; empty when there is none.

    A stream's metadata names the span that opened it; a later message may belong to another one.
    """
    carrier: dict[str, str] = {}
    _propagator.inject(carrier)
    return carrier.get("traceparent", "")


def context_of(traceparent: str) -> Context | None:
    """Returns the parent that a `traceparent` names; None (the current span) for an empty one."""
    return _propagator.extract({"traceparent": traceparent}) if traceparent else None


def trace_id_of(traceparent: str) -> str:
    """Returns the trace id that a `traceparent` names, in lower-case hex; empty without a valid one."""
    parent = context_of(traceparent)
    context = trace.get_current_span(parent).get_span_context() if parent is not None else None
    return trace.format_trace_id(context.trace_id) if context is not None and context.is_valid else ""


def record_span(
    name: str,
    start_ns: int,
    end_ns: int,
    attributes: Mapping[str, AttributeValue] | None = None,
    *,
    parent: Context | None = None,
) -> None:
    """Records a span that is already over.

    For hops whose times are known only afterwards, for example those of a decode loop in another thread.

    Args:
        name: A span name of `semconv`.
        start_ns: When it began, as `time.time_ns()` counts.
        end_ns: When it ended.
        attributes: `semconv` names to values.
        parent: What it belongs to; None for the current span.
    """
    span = tracer().start_span(
        name, context=parent, kind=SpanKind.INTERNAL, attributes=attributes, start_time=start_ns
    )
    span.end(end_time=max(start_ns, end_ns))


def _otlp_span_processor() -> SpanProcessor:
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    exporter = OTLPSpanExporter(channel_options=_CHANNEL_OPTIONS)
    delay_ms = float(os.environ.get("OTEL_BSP_SCHEDULE_DELAY", _SPAN_EXPORT_DELAY_MS))
    return BatchSpanProcessor(exporter, schedule_delay_millis=delay_ms)


def _otlp_metric_reader() -> MetricReader:
    from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

    exporter = OTLPMetricExporter(channel_options=_CHANNEL_OPTIONS)
    interval_ms = float(os.environ.get("OTEL_METRIC_EXPORT_INTERVAL", _METRIC_EXPORT_INTERVAL_MS))
    return PeriodicExportingMetricReader(exporter, export_interval_millis=interval_ms)
