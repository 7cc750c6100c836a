"""Our own server interceptor for all four kinds of RPC: a span and a duration each, errors as statuses.

gRPC's contrib instrumentation leaves the span of a cancelled aio stream open; here every span is ended in a
`finally`. The client's side is `traced_channel`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterable, Awaitable, Callable, Iterator
from contextlib import aclosing, contextmanager
from typing import Any, TypeAlias

import grpc
from opentelemetry import context as otel_context
from opentelemetry.trace import SpanKind, set_span_in_context

from narrowgauge.errors import NarrowgaugeError
from narrowgauge.runtime.handlers import Handler, behaviour_of, with_behaviour
from narrowgauge.runtime.rpc_span import RpcSpan, is_upkeep, propagator
from narrowgauge.runtime.status import abort

__all__ = ["InFlight", "ServerInterceptor"]

_log = logging.getLogger(__name__)

_CODE_OF_NUMBER = {code.value[0]: code for code in grpc.StatusCode}

_Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"


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
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler | None:
        """Wraps the handler of one RPC."""
        handler = await continuation(handler_call_details)
        method: str = handler_call_details.method
        if handler is None or is_upkeep(method):
            return handler  # None means UNIMPLEMENTED
        stream = bool(handler.request_streaming and handler.response_streaming)
        behaviour = behaviour_of(handler)

        async def wrapped(request: Any, context: _Context) -> Any:
            return await self._call(behaviour, method, stream, request, context)

        return with_behaviour(handler, wrapped)

    async def _call(
        self, behaviour: Callable[..., Any], method: str, stream: bool, request: Any, context: _Context
    ) -> Any:
        metadata = {
            key: value for key, value in context.invocation_metadata() or () if isinstance(value, str)
        }
        rpc = RpcSpan(method, SpanKind.SERVER, stream, propagator.extract(metadata))
        token = otel_context.attach(set_span_in_context(rpc.span))
        code = grpc.StatusCode.OK
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
                rpc.span.record_exception(exc)
                _log.exception("defect in %s", method)
            try:
                await abort(context, exc)
            finally:
                code = _set_code(context)
        finally:
            otel_context.detach(token)
            rpc.end(code)


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


def _set_code(context: _Context) -> grpc.StatusCode:
    code: Any = context.code()
    if isinstance(code, grpc.StatusCode):
        return code
    return _CODE_OF_NUMBER.get(code or 0, grpc.StatusCode.UNKNOWN)
