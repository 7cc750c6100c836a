"""The span and the duration of one RPC, on either side of it. The W3C `traceparent` travels as metadata."""

from __future__ import annotations

import time

import grpc
from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN, Span, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from narrowgauge.runtime import metrics, semconv
from narrowgauge.runtime.telemetry import tracer

__all__ = ["RpcSpan", "is_upkeep", "propagator"]

propagator = TraceContextTextMapPropagator()

_UPKEEP = ("/grpc.health.", "/grpc.reflection.")
_UNTRACED = (*_UPKEEP, "/opentelemetry.")  # a trace of the export of traces would never end

# Statuses that are the server's fault; the others are answers (OpenTelemetry's RPC conventions).
_SERVER_FAULTS = frozenset(
    (
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.UNIMPLEMENTED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DATA_LOSS,
    )
)

# A client's own cancel is how a conversation on a stream ends.
_NO_ERRORS = frozenset((grpc.StatusCode.OK, grpc.StatusCode.CANCELLED))


def is_upkeep(method: str) -> bool:
    """True for calls that only look after the process: they run before it is warm and delay no drain."""
    return method.startswith(_UPKEEP)


class RpcSpan:
    """Begins the span of an RPC; `end` must be called once.

    Args:
        method: `/package.Service/Method`.
        kind: CLIENT or SERVER.
        stream: Both sides stream.
        parent: None for the current span.
    """

    def __init__(self, method: str, kind: SpanKind, stream: bool, parent: Context | None = None) -> None:
        self._traced = not method.startswith(_UNTRACED)
        self._method = method.lstrip("/")
        self._kind = kind
        self._began = time.perf_counter()
        self.span: Span = INVALID_SPAN
        if self._traced:
            self.span = tracer().start_span(
                self._method,
                context=parent,
                kind=kind,
                attributes={
                    semconv.RPC_SYSTEM: "grpc",
                    semconv.RPC_METHOD: self._method,
                    semconv.RPC_STREAM: stream,
                },
            )

    def end(self, code: grpc.StatusCode) -> None:
        """Ends the span with the RPC's status and records its duration."""
        if not self._traced:
            return
        server = self._kind == SpanKind.SERVER
        duration = metrics.rpc_server_duration if server else metrics.rpc_client_duration
        duration.record(
            time.perf_counter() - self._began,
            {semconv.RPC_METHOD: self._method, semconv.RPC_STATUS: code.name},
        )
        self.span.set_attribute(semconv.RPC_STATUS, code.name)
        if code in _SERVER_FAULTS if server else code not in _NO_ERRORS:
            self.span.set_attribute(semconv.ERROR_TYPE, code.name)
            self.span.set_status(StatusCode.ERROR, code.name)
        self.span.end()
