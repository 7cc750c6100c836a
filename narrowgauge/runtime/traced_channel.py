"""A channel whose calls carry the trace: one client span each, ended when the call is over, however it ends.

gRPC's own client interceptors put a queue and a task between the caller and a stream; when the server ends
such a stream first, the task is never ended (grpcio 1.85, `_InterceptedStreamRequestMixin`). Here the caller
gets gRPC's own call object, and its done callback ends the span.
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any

import grpc
from grpc.aio import Metadata
from opentelemetry.trace import SpanKind, set_span_in_context

from narrowgauge.runtime.rpc_span import RpcSpan, propagator

__all__ = ["TracedChannel"]


class TracedChannel(grpc.aio.Channel):
    """Wraps a channel; generated stubs take it like any other."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._channel = channel

    async def __aenter__(self) -> TracedChannel:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self, grace: float | None = None) -> None:
        """Closes the channel; calls that still run are cancelled after the grace in seconds."""
        await self._channel.close(grace)

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:
        """Returns whether it is connected."""
        return self._channel.get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        """Returns when the state is another one."""
        await self._channel.wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        """Returns when it is connected."""
        await self._channel.channel_ready()

    def unary_unary(self, method: str, *args: Any, **kwargs: Any) -> Any:
        """Returns a callable that makes unary-unary calls."""
        return _traced(method, False, self._channel.unary_unary(method, *args, **kwargs))

    def unary_stream(self, method: str, *args: Any, **kwargs: Any) -> Any:
        """Returns a callable that makes unary-stream calls."""
        return _traced(method, False, self._channel.unary_stream(method, *args, **kwargs))

    def stream_unary(self, method: str, *args: Any, **kwargs: Any) -> Any:
        """Returns a callable that makes stream-unary calls."""
        return _traced(method, False, self._channel.stream_unary(method, *args, **kwargs))

    def stream_stream(self, method: str, *args: Any, **kwargs: Any) -> Any:
        """Returns a callable that makes stream-stream calls."""
        return _traced(method, True, self._channel.stream_stream(method, *args, **kwargs))


def _traced(method: str, stream: bool, begin: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, metadata: Any = None, **kwargs: Any) -> Any:
        rpc = RpcSpan(method, SpanKind.CLIENT, stream)
        try:
            carrier: dict[str, str] = {}
            propagator.inject(carrier, set_span_in_context(rpc.span))
            begun = begin(*args, metadata=Metadata(*(metadata or ()), *carrier.items()), **kwargs)
        except BaseException:
            rpc.end(grpc.StatusCode.UNKNOWN)
            raise
        begun.add_done_callback(lambda ended: rpc.end(_code(ended)))
        return begun

    return call


def _code(ended: grpc.aio.Call) -> grpc.StatusCode:
    """Returns the status of a call that is over.

    Its coroutine ends without waiting, so it needs no task, which a closing event loop would not run.
    """
    coroutine = ended.code()
    try:
        coroutine.send(None)
    except StopIteration as returned:
        code: grpc.StatusCode = returned.value
        return code
    coroutine.close()
    return grpc.StatusCode.UNKNOWN
