"""A loopback OTLP collector: keeps the last traces and the latest metrics of this machine in SQLite.

`python -m narrowgauge.runtime.trace_sink`; `narrowgauge up` starts one when no endpoint is configured.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2, metrics_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric, ResourceMetrics
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, Span, Status

from narrowgauge.runtime.config import env
from narrowgauge.runtime.lifecycle import serve, service_main
from narrowgauge.runtime.telemetry import ENDPOINT
from narrowgauge.runtime.trace_store import MetricPoint, TraceStore
from narrowgauge.runtime.trace_tree import TraceSpan

__all__ = ["SinkConfig", "main", "register_sink"]

_KINDS = {Span.SPAN_KIND_SERVER: "server", Span.SPAN_KIND_CLIENT: "client"}


@dataclass(frozen=True)
class SinkConfig:
    """Configuration of the sink."""

    database: Path = env("NARROWGAUGE_TRACES", "SQLite file that keeps the traces")
    listen: str = env("NARROWGAUGE_LISTEN", "address to serve on", default="127.0.0.1:4317")
    keep: int = env("NARROWGAUGE_TRACES_KEPT", "traces kept", default=200, minimum=1)


class TraceSink(trace_service_pb2_grpc.TraceServiceServicer):
    """Takes spans."""

    def __init__(self, store: TraceStore, writing: asyncio.Lock) -> None:
        self._store = store
        self._writing = writing

    async def Export(  # noqa: N802  the name of the RPC
        self,
        request: trace_service_pb2.ExportTraceServiceRequest,
        context: grpc.aio.ServicerContext[
            trace_service_pb2.ExportTraceServiceRequest, trace_service_pb2.ExportTraceServiceResponse
        ],
    ) -> trace_service_pb2.ExportTraceServiceResponse:
        """Stores spans; when it answers they can be read."""
        async with self._writing:
            await asyncio.to_thread(self._store.add_spans, list(_spans(request.resource_spans)))
        return trace_service_pb2.ExportTraceServiceResponse()


class MetricSink(metrics_service_pb2_grpc.MetricsServiceServicer):
    """Takes metrics."""

    def __init__(self, store: TraceStore, writing: asyncio.Lock) -> None:
        self._store = store
        self._writing = writing

    async def Export(  # noqa: N802  the name of the RPC
        self,
        request: metrics_service_pb2.ExportMetricsServiceRequest,
        context: grpc.aio.ServicerContext[
            metrics_service_pb2.ExportMetricsServiceRequest, metrics_service_pb2.ExportMetricsServiceResponse
        ],
    ) -> metrics_service_pb2.ExportMetricsServiceResponse:
        """Stores the latest values."""
        async with self._writing:
            await asyncio.to_thread(self._store.put_metrics, list(_points(request.resource_metrics)))
        return metrics_service_pb2.ExportMetricsServiceResponse()


def register_sink(server: grpc.aio.Server, store: TraceStore) -> list[str]:
    """Adds both services to a server and returns their names."""
    writing = asyncio.Lock()
    add_traces: Callable[..., None] = trace_service_pb2_grpc.add_TraceServiceServicer_to_server
    add_metrics: Callable[..., None] = metrics_service_pb2_grpc.add_MetricsServiceServicer_to_server
    add_traces(TraceSink(store, writing), server)
    add_metrics(MetricSink(store, writing), server)
    return [
        file.services_by_name[name].full_name
        for file, name in (
            (trace_service_pb2.DESCRIPTOR, "TraceService"),
            (metrics_service_pb2.DESCRIPTOR, "MetricsService"),
        )
    ]


async def main(config: SinkConfig) -> None:
    """Serves until told to stop."""
    os.environ.pop(ENDPOINT, None)  # the sink does not export to itself
    config.database.parent.mkdir(parents=True, exist_ok=True)
    store = TraceStore(config.database, keep=config.keep)
    store.forget_metrics()

    async def close() -> None:
        store.close()

    await serve(
        service_name="trace-sink",
        listen=config.listen,
        register=lambda server: register_sink(server, store),
        close=close,
    )


def _spans(groups: Iterable[ResourceSpans]) -> Iterator[TraceSpan]:
    for group in groups:
        service = _service(group.resource)
        for scope in group.scope_spans:
            for span in scope.spans:
                yield TraceSpan(
                    trace_id=span.trace_id.hex(),
                    span_id=span.span_id.hex(),
                    parent_id=span.parent_span_id.hex(),
                    name=span.name,
                    service=service,
                    kind=_KINDS.get(span.kind, "internal"),
                    start_ns=span.start_time_unix_nano,
                    end_ns=span.end_time_unix_nano,
                    error=(span.status.message or "error")
                    if span.status.code == Status.STATUS_CODE_ERROR
                    else "",
                    attributes=_attributes(span.attributes),
                )


def _points(groups: Iterable[ResourceMetrics]) -> Iterator[MetricPoint]:
    for group in groups:
        service = _service(group.resource)
        for scope in group.scope_metrics:
            for metric in scope.metrics:
                for attributes, value, time_ns in _values(metric):
                    yield MetricPoint(service, metric.name, attributes, metric.unit, value, time_ns)


def _values(metric: Metric) -> Iterator[tuple[dict[str, object], dict[str, object], int]]:
    for number in (*metric.sum.data_points, *metric.gauge.data_points):
        value: object = number.as_int if number.WhichOneof("value") == "as_int" else number.as_double
        yield _attributes(number.attributes), {"value": value}, number.time_unix_nano
    for histogram in metric.histogram.data_points:
        yield (
            _attributes(histogram.attributes),
            {
                "count": histogram.count,
                "sum": histogram.sum,
                "bounds": list(histogram.explicit_bounds),
                "counts": list(histogram.bucket_counts),
            },
            histogram.time_unix_nano,
        )


def _service(resource: Resource) -> str:
    return str(_attributes(resource.attributes).get("service.name", "unknown"))


def _attributes(pairs: Iterable[KeyValue]) -> dict[str, object]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: AnyValue) -> object:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(entry) for entry in value.array_value.values]
    if kind == "kvlist_value":
        return _attributes(value.kvlist_value.values)
    if kind == "bytes_value":
        return value.bytes_value.hex()
    return getattr(value, kind) if kind else None


if __name__ == "__main__":
    service_main(main, SinkConfig)
