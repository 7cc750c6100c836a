"""Refuses work while a service is not warm, so that no request waits on a model that is still loading."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import grpc

from narrowgauge.errors import Unavailable
from narrowgauge.runtime.handlers import Handler, with_behaviour
from narrowgauge.runtime.rpc_span import is_upkeep
from narrowgauge.runtime.status import abort

__all__ = ["ReadinessGate"]


class ReadinessGate(grpc.aio.ServerInterceptor):
    """Answers UNAVAILABLE to everything but health and reflection until it is opened."""

    def __init__(self) -> None:
        self._ready = False

    def open(self) -> None:
        """Lets work through from now on."""
        self._ready = True

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler | None:
        """Returns the real handler, or one that refuses."""
        handler = await continuation(handler_call_details)
        if self._ready or handler is None or is_upkeep(handler_call_details.method):
            return handler  # None means UNIMPLEMENTED

        async def refuse(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> None:
            await abort(
                context, Unavailable("NOT_READY", "the service is starting; try again when it is SERVING")
            )

        return with_behaviour(handler, refuse)
