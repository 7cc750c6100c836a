"""The four kinds of RPC handlers: what an interceptor needs to run its own behaviour in a handler's place."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import grpc

__all__ = ["Handler", "behaviour_of", "with_behaviour"]

Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"

_KINDS: dict[tuple[bool, bool], tuple[str, Callable[..., Handler]]] = {
    (False, False): ("unary_unary", grpc.unary_unary_rpc_method_handler),
    (False, True): ("unary_stream", grpc.unary_stream_rpc_method_handler),
    (True, False): ("stream_unary", grpc.stream_unary_rpc_method_handler),
    (True, True): ("stream_stream", grpc.stream_stream_rpc_method_handler),
}


def behaviour_of(handler: Handler) -> Callable[..., Any]:
    """Returns what a handler runs, given a request (or an iterator of requests) and a context."""
    kind, _ = _KINDS[handler.request_streaming, handler.response_streaming]
    behaviour: Callable[..., Any] = getattr(handler, kind)
    return behaviour


def with_behaviour(handler: Handler, behaviour: Callable[[Any, Any], Awaitable[Any]]) -> Handler:
    """Returns a handler of the same kind and messages that runs `behaviour`.

    Args:
        handler: The handler to stand in for.
        behaviour: Takes what the handler's own takes. One that answers with a stream writes the responses to
            the context and returns None.
    """
    _, factory = _KINDS[handler.request_streaming, handler.response_streaming]
    return factory(
        behaviour,
        request_deserializer=handler.request_deserializer,
        response_serializer=handler.response_serializer,
    )
