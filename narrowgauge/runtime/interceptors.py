"""Our own aio interceptors for all four kinds of RPC: a span and a duration each, errors as statuses.

gRPC's contrib instrumentation leaves the span of a cancelled aio stream open; here every span is ended in a
`finally`. The W3C `traceparent` travels as metadata. Health, reflection and OTLP calls are not traced.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterable, Awaitable, Callable, Iterator
from contextlib import aclosing, contextmanager
from typing import Any, TypeAlias

import grpc
from grpc.aio import ClientCallDetails, Metadata
from opentelemetry import context as otel_context
from opentelemetry.context import Context
from opentelemetry.metrics import Histogram
from opentelemetry.trace import INVALID_SPAN, Span, SpanKind, StatusCode, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from narrowgauge.errors import NarrowgaugeError
from narrowgauge.runtime import metrics, semconv
from narrowgauge.runtime.status import abort
from narrowgauge.runtime.telemetry import tracer

__all__ = ["InFlight", "ServerInterceptor", "client_interceptors"]

_log = logging.getLogger(__name__)
_propagator = TraceContextTextMapPropagator()

_UPKEEP = ("/grpc.health.", "/grpc.reflection.")
_UNTRACED = (*_UPKEEP, "/opentelemetry.")

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
_CODE_OF_NUMBER = {code.value[0]: code for code in grpc.StatusCode}

_Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
_Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"


def is_upkeep(method: str) -> bool:
    """True for calls that only look after the process: they run before it is warm and delay no drain."""
    return method.startswith(_UPKEEP)


class InFlight:
    """Counts the RPCs that do work, so that a drain ends as soon as the last one has."""

    def __init__(self) -> None:
        self.count = 0
        self._idle = asyncio.Event()
        self._idle.set()

    @contextmanager
    def one(self) -> Iterator[None]:
        """Counts one RPC for as long as the block runs."""
        self.count += 1
        self._idle.clear()
        try:
            yield
        finally:
            self.count -= 1
            if self.count == 0:
                self._idle.set()

    async def idle(self) -> None:
        """Returns when none is left."""
        await self._idle.wait()


class ServerInterceptor(grpc.aio.ServerInterceptor):
    """Traces, counts and times RPCs, and turns exceptions of handlers into statuses."""

    def __init__(self, in_flight: InFlight | None = None) -> None:
        self._in_flight = in_flight or InFlight()

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[_Handler | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> _Handler | None:
        """Wraps the handler of one RPC."""
        handler = await continuation(handler_call_details)
        method: str = handler_call_details.method
        if handler is None or is_upkeep(method):
            return handler  # None means UNIMPLEMENTED
        kind, factory = _KINDS[(handler.request_streaming, handler.response_streaming)]
        stream = kind == "stream_stream"
        behaviour = getattr(handler, kind)

        async def wrapped(request: Any, context: _Context) -> Any:
            return await self._call(behaviour, method, stream, request, context)

        return factory(
            wrapped,
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )

    async def _call(
        self, behaviour: Callable[..., Any], method: str, stream: bool, request: Any, context: _Context
    ) -> Any:
        metadata = {
            key: value for key, value in context.invocation_metadata() or () if isinstance(value, str)
        }
        span = _start_span(method, SpanKind.SERVER, stream, _propagator.extract(metadata))
        token = otel_context.attach(set_span_in_context(span))
        began, code = time.perf_counter(), grpc.StatusCode.OK
        try:
            with self._in_flight.one():
                response = await _run(behaviour, request, context)
            code = _set_code(context)
            return response
        except grpc.aio.AbortError:
            code = _set_code(context)
            raise
        except asyncio.CancelledError:
            code = grpc.StatusCode.CANCELLED
            raise
        except Exception as exc:
            if not isinstance(exc, NarrowgaugeError | grpc.aio.AioRpcError | TimeoutError):
                span.record_exception(exc)
                _log.exception("defect in %s", method)
            try:
                await abort(context, exc)
            finally:
                code = _set_code(context)
        finally:
            otel_context.detach(token)
            _end(span, code, SpanKind.SERVER, metrics.rpc_server_duration, method, began)


def client_interceptors() -> list[grpc.aio.ClientInterceptor]:
    """Returns the interceptors of a channel, one for each kind of RPC (gRPC picks by class)."""
    return [_UnaryUnary(), _UnaryStream(), _StreamUnary(), _StreamStream()]


class _ClientTracing:
    """What the four client interceptors share."""

    def __init__(self) -> None:
        self._watchers: set[asyncio.Task[None]] = set()  # a task that nobody refers to may be collected

    async def _start(
        self, continuation: Callable[[ClientCallDetails, Any], Any], details: ClientCallDetails, request: Any
    ) -> Any:
        method = details.method.decode() if isinstance(details.method, bytes) else details.method
        if method.startswith(_UNTRACED):
            return await continuation(details, request)
        span = _start_span(method, SpanKind.CLIENT, isinstance(self, _StreamStream))
        began = time.perf_counter()
        try:
            carrier: dict[str, str] = {}
            _propagator.inject(carrier, set_span_in_context(span))
            metadata = Metadata(*(details.metadata or ()))
            for key, value in carrier.items():
                metadata[key] = value
            call = await continuation(
                ClientCallDetails(
                    details.method, details.timeout, metadata, details.credentials, details.wait_for_ready
                ),
                request,
            )
        except BaseException as exc:
            code = exc.code() if isinstance(exc, grpc.aio.AioRpcError) else grpc.StatusCode.CANCELLED
            _end(span, code, SpanKind.CLIENT, metrics.rpc_client_duration, method, began)
            raise
        watcher = asyncio.create_task(_watch(call, span, method, began))
        self._watchers.add(watcher)
        watcher.add_done_callback(self._watchers.discard)
        return call


async def _watch(call: grpc.aio.Call, span: Span, method: str, began: float) -> None:
    """Ends a client span when its call is over, however it ends and whether or not it was read to its end."""
    code = grpc.StatusCode.CANCELLED
    try:
        code = await call.code()
    finally:
        _end(span, code, SpanKind.CLIENT, metrics.rpc_client_duration, method, began)


class _UnaryUnary(_ClientTracing, grpc.aio.UnaryUnaryClientInterceptor):
    async def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        return await self._start(continuation, client_call_details, request)


class _UnaryStream(_ClientTracing, grpc.aio.UnaryStreamClientInterceptor):
    async def intercept_unary_stream(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        return await self._start(continuation, client_call_details, request)


class _StreamUnary(_ClientTracing, grpc.aio.StreamUnaryClientInterceptor):
    async def intercept_stream_unary(
        self, continuation: Any, client_call_details: Any, request_iterator: Any
    ) -> Any:
        return await self._start(continuation, client_call_details, request_iterator)


class _StreamStream(_ClientTracing, grpc.aio.StreamStreamClientInterceptor):
    async def intercept_stream_stream(
        self, continuation: Any, client_call_details: Any, request_iterator: Any
    ) -> Any:
        return await self._start(continuation, client_call_details, request_iterator)


_KINDS: dict[tuple[bool, bool], tuple[str, Callable[..., _Handler]]] = {
    (False, False): ("unary_unary", grpc.unary_unary_rpc_method_handler),
    (False, True): ("unary_stream", grpc.unary_stream_rpc_method_handler),
    (True, False): ("stream_unary", grpc.stream_unary_rpc_method_handler),
    (True, True): ("stream_stream", grpc.stream_stream_rpc_method_handler),
}


async def _run(behaviour: Callable[..., Any], request: Any, context: _Context) -> Any:
    """Runs a handler: a coroutine, or an async generator whose messages are written as they come."""
    result = behaviour(request, context)
    if not isinstance(result, AsyncIterable):
        return await result
    # Closing the generator at once runs its `finally` blocks when the caller has left during a write.
    async with aclosing(result) as responses:  # type: ignore[type-var]
        async for response in responses:
            await context.write(response)
    return None


def _start_span(method: str, kind: SpanKind, stream: bool, parent: Context | None = None) -> Span:
    if method.startswith(_UNTRACED):  # a trace of the export of traces would never end
        return INVALID_SPAN
    return tracer().start_span(
        method.lstrip("/"),
        context=parent,
        kind=kind,
        attributes={
            semconv.RPC_SYSTEM: "grpc",
            semconv.RPC_METHOD: method.lstrip("/"),
            semconv.RPC_STREAM: stream,
        },
    )


def _set_code(context: _Context) -> grpc.StatusCode:
    code: Any = context.code()
    if isinstance(code, grpc.StatusCode):
        return code
    return _CODE_OF_NUMBER.get(code or 0, grpc.StatusCode.UNKNOWN)


def _end(
    span: Span, code: grpc.StatusCode, kind: SpanKind, duration: Histogram, method: str, began: float
) -> None:
    attributes = {semconv.RPC_METHOD: method.lstrip("/"), semconv.RPC_STATUS: code.name}
    duration.record(time.perf_counter() - began, attributes)
    span.set_attribute(semconv.RPC_STATUS, code.name)
    failed = code in _SERVER_FAULTS if kind == SpanKind.SERVER else code != grpc.StatusCode.OK
    if failed:
        span.set_attribute(semconv.ERROR_TYPE, code.name)
        span.set_status(StatusCode.ERROR, code.name)
    span.end()
