"""A service of all four kinds of RPC over StringValue, for the tests of the runtime.

Run as a program it serves until SIGTERM; `ECHO_MODE` makes its start fail or never end.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import grpc
from google.protobuf.wrappers_pb2 import StringValue
from opentelemetry import trace

from narrowgauge.errors import FailedPrecondition, InvalidRequest, Overloaded
from narrowgauge.runtime.config import env
from narrowgauge.runtime.lifecycle import serve, service_main

SERVICE = "test.Echo"

Spawn = Callable[..., Awaitable[asyncio.subprocess.Process]]
"""Starts a process with arguments and variables."""

EventOf = Callable[[asyncio.subprocess.Process], Awaitable[dict[str, str]]]
"""Reads the next event line of a process."""


def text(value: str) -> StringValue:
    return StringValue(value=value)


def answer(word: str) -> StringValue:
    """Answers a word; some words are errors, `trace` is the trace id that the handler sees."""
    if word == "invalid":
        raise InvalidRequest(
            "EMPTY_TEXT", "the text is empty; write one", field_violations=[("text", "is empty")]
        )
    if word == "overloaded":
        raise Overloaded("NO_SLOT", "no slot is free; try again later", retry_after_ms=250)
    if word == "defect":
        raise ValueError("a secret")
    if word == "trace":
        return text(trace.format_trace_id(trace.get_current_span().get_span_context().trace_id))
    return text(word)


class Echo:
    """Answers what it is sent; remembers how its streams ended."""

    def __init__(self) -> None:
        self.closed: list[str] = []
        self.calls = 0

    async def one(self, request: StringValue, context: grpc.aio.ServicerContext) -> StringValue:
        self.calls += 1
        return answer(request.value)

    async def down(
        self, request: StringValue, context: grpc.aio.ServicerContext
    ) -> AsyncIterator[StringValue]:
        try:
            yield answer(request.value)
            if request.value == "forever":
                await asyncio.Event().wait()
            yield text("last")
        finally:
            self.closed.append(request.value)

    async def up(
        self, requests: AsyncIterator[StringValue], context: grpc.aio.ServicerContext
    ) -> StringValue:
        words = [request.value async for request in requests]
        return answer(" ".join(words))

    async def both(
        self, requests: AsyncIterator[StringValue], context: grpc.aio.ServicerContext
    ) -> AsyncIterator[StringValue]:
        async for request in requests:
            yield answer(request.value)

    async def refuse(self, request: StringValue, context: grpc.aio.ServicerContext) -> None:
        await context.abort(grpc.StatusCode.NOT_FOUND, "said by hand")

    def register(self, server: grpc.aio.Server) -> list[str]:
        codec = {
            "request_deserializer": StringValue.FromString,
            "response_serializer": StringValue.SerializeToString,
        }
        handlers = {
            "One": grpc.unary_unary_rpc_method_handler(self.one, **codec),
            "Down": grpc.unary_stream_rpc_method_handler(self.down, **codec),
            "Up": grpc.stream_unary_rpc_method_handler(self.up, **codec),
            "Both": grpc.stream_stream_rpc_method_handler(self.both, **codec),
            "Refuse": grpc.unary_unary_rpc_method_handler(self.refuse, **codec),
        }
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
        return [SERVICE]


class EchoStub:
    """Its client."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        codec = {
            "request_serializer": StringValue.SerializeToString,
            "response_deserializer": StringValue.FromString,
        }
        self.one = channel.unary_unary(f"/{SERVICE}/One", **codec)
        self.down = channel.unary_stream(f"/{SERVICE}/Down", **codec)
        self.up = channel.stream_unary(f"/{SERVICE}/Up", **codec)
        self.both = channel.stream_stream(f"/{SERVICE}/Both", **codec)
        self.refuse = channel.unary_unary(f"/{SERVICE}/Refuse", **codec)


@dataclass(frozen=True)
class EchoConfig:
    """Its configuration."""

    listen: str = env("NARROWGAUGE_LISTEN", "address to serve on", default="127.0.0.1:0")
    mode: str = env("ECHO_MODE", "how it starts", default="", choices=("", "broken", "endless"))
    drain_s: float = env("ECHO_DRAIN_S", "seconds", default=10.0, minimum=0)
    password: str = env("ECHO_PASSWORD", "a secret", default="", secret=True)


async def main(config: EchoConfig) -> None:
    async def warm() -> None:
        if config.mode == "broken":
            raise FailedPrecondition("NO_MODEL", "there is no model; run `narrowgauge prepare`")
        if config.mode == "endless":
            await asyncio.Event().wait()

    async def close() -> None:
        print('{"event":"closed"}', flush=True)

    echo = Echo()
    await serve(
        service_name="echo",
        listen=config.listen,
        register=echo.register,
        warm=warm,
        close=close,
        drain_s=config.drain_s,
    )


if __name__ == "__main__":
    os.environ.setdefault("NARROWGAUGE_LOG_LEVEL", "WARNING")
    service_main(main, EchoConfig)
