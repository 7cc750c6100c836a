"""The life of a service process: start, warm, serve, drain, close.

A server listens before it is warm, so that probes get an answer (NOT_SERVING), but it takes no work until
then. SIGTERM or SIGINT: health says NOT_SERVING, the port closes, RPCs in flight get `drain_s` to end, then
`close` runs.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import json
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, overload

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from narrowgauge.errors import FailedPrecondition, InvalidRequest, NarrowgaugeError
from narrowgauge.runtime.addresses import bind_error, split_address
from narrowgauge.runtime.channels import MAX_MESSAGE_BYTES
from narrowgauge.runtime.config import env, print_config, read_config
from narrowgauge.runtime.interceptors import InFlight, ServerInterceptor
from narrowgauge.runtime.logs import configure_logging
from narrowgauge.runtime.parent import die_with_parent
from narrowgauge.runtime.readiness import ReadinessGate
from narrowgauge.runtime.telemetry import configure_telemetry
from narrowgauge.runtime.tls import Tls

__all__ = ["Register", "ServerLimits", "ServiceServer", "serve", "service_main"]

T = TypeVar("T")
Register = Callable[[grpc.aio.Server], "Awaitable[list[str]] | list[str]"]
"""Adds servicers to a server and returns the full names of their services."""

_log = logging.getLogger(__name__)

_GRACE_MARGIN_S = 3600.0


@dataclass(frozen=True)
class ServerLimits:
    """Bounds of a gRPC server.

    Attributes:
        max_message_bytes: Largest message in either direction.
        max_concurrent_rpcs: RPCs served at once; more are refused with RESOURCE_EXHAUSTED. None for no bound.
        max_connection_age_s: A connection older than this takes no new RPCs and is closed when its streams
            have ended, because a client finds new replicas only when it resolves the name again.
    """

    max_message_bytes: int = env(
        "NARROWGAUGE_MAX_MESSAGE_BYTES", "largest message", default=MAX_MESSAGE_BYTES, minimum=4096
    )
    max_concurrent_rpcs: int | None = env(
        "NARROWGAUGE_MAX_CONCURRENT_RPCS", "RPCs served at once; unset for no bound", default=None, minimum=1
    )
    max_connection_age_s: float = env(
        "NARROWGAUGE_MAX_CONNECTION_AGE_S", "connections are renewed after this", default=300.0, minimum=1
    )

    def options(self) -> list[tuple[str, Any]]:
        """Returns gRPC's channel arguments."""
        return [
            ("grpc.max_receive_message_length", self.max_message_bytes),
            ("grpc.max_send_message_length", self.max_message_bytes),
            ("grpc.so_reuseport", 0),  # a second process on the port is an error, not a silent sharer
            ("grpc.max_connection_age_ms", int(self.max_connection_age_s * 1000)),
            ("grpc.keepalive_time_ms", 30_000),
            ("grpc.keepalive_timeout_ms", 10_000),
            ("grpc.http2.max_pings_without_data", 0),
            # Our clients ping every 30 s; a stricter server would close their connections.
            ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
            ("grpc.max_metadata_size", 32 * 1024),
        ]


class ServiceServer:
    """One gRPC server with our interceptors, health and reflection.

    `serve` drives it in a process; a test may drive it in its own event loop:

    ```python
    server = ServiceServer("127.0.0.1:0", register)
    await server.start()
    await server.set_ready()
    ... server.address ...
    await server.stop(drain_s=1)
    ```
    """

    def __init__(
        self,
        listen: str,
        register: Register,
        *,
        tls: Tls | None = None,
        limits: ServerLimits | None = None,
    ) -> None:
        self._listen = listen
        self._register = register
        self._tls = tls
        self._limits = limits or ServerLimits()
        self._in_flight = InFlight()
        self._gate = ReadinessGate()
        self._health = health.aio.HealthServicer()
        self._services: list[str] = []
        self._server: grpc.aio.Server | None = None
        self.address = ""

    async def start(self) -> None:
        """Binds and listens; health says NOT_SERVING and work is refused until `set_ready`.

        Raises:
            FailedPrecondition: `PORT_IN_USE` or `CANNOT_LISTEN`.
            InvalidRequest: `BAD_CONFIG`: the address is not one.
        """
        host, _ = split_address(self._listen)
        refusal = bind_error(self._listen)
        if refusal is not None:
            raise refusal
        server = grpc.aio.server(
            interceptors=[ServerInterceptor(self._in_flight), self._gate],
            options=self._limits.options(),
            maximum_concurrent_rpcs=self._limits.max_concurrent_rpcs,
        )
        registered = self._register(server)
        self._services = list(await registered if inspect.isawaitable(registered) else registered)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        # The servicer begins as SERVING, which would let traffic in before the model is loaded.
        await self._set_health(health_pb2.HealthCheckResponse.NOT_SERVING)
        reflection.enable_server_reflection(
            [*self._services, health.SERVICE_NAME, reflection.SERVICE_NAME], server
        )
        try:
            if self._tls is None:
                port = server.add_insecure_port(self._listen)
            else:
                port = server.add_secure_port(self._listen, self._tls.server_credentials())
        except RuntimeError as exc:  # taken since we asked, or a reason that only C-core knows
            raise bind_error(self._listen) or FailedPrecondition(
                "CANNOT_LISTEN", f"cannot listen on {self._listen}; GRPC_VERBOSITY=debug says why"
            ) from exc
        self.address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        await server.start()
        self._server = server

    async def set_ready(self) -> None:
        """Takes work from now on: health says SERVING."""
        self._gate.open()
        await self._set_health(health_pb2.HealthCheckResponse.SERVING)

    async def stop(self, drain_s: float) -> None:
        """Stops taking work, gives what is in flight `drain_s` seconds to end, then cancels it."""
        if self._server is None:
            return
        await self._health.enter_graceful_shutdown()
        server, self._server = self._server, None
        if drain_s <= 0:
            await server.stop(None)
            return
        # gRPC's grace must not end beside the other `stop` below: one would free the server while the other
        # cancels its calls, which crashes the process (grpcio 1.85, `AioServer.shutdown`).
        draining = asyncio.create_task(server.stop(drain_s + _GRACE_MARGIN_S))
        try:
            async with asyncio.timeout(drain_s):
                await self._in_flight.idle()
        except TimeoutError:
            _log.warning("drain ended with work in flight", extra={"cancelled_rpcs": self._in_flight.count})
        # What is left now is watchers of health and reflection, which never end by themselves.
        await server.stop(None)
        await draining

    async def _set_health(self, status: health_pb2.HealthCheckResponse.ServingStatus) -> None:
        for service in ("", *self._services):
            await self._health.set(service, status)


async def serve(
    *,
    service_name: str,
    listen: str,
    register: Register,
    warm: Callable[[], Awaitable[None]] | None = None,
    close: Callable[[], Awaitable[None]] | None = None,
    drain_s: float = 10.0,
    tls: Tls | None = None,
    limits: ServerLimits | None = None,
) -> None:
    """Serves until SIGTERM or SIGINT, then drains and closes.

    Prints one line on stdout when it is ready:
    `{"event":"serving","service":"router","address":"127.0.0.1:50051"}` (the real port when 0 was asked for).

    Args:
        service_name: For logs, traces and that line.
        listen: `host:port`.
        register: Adds servicers and returns their services' names.
        warm: Loads what requests need; runs while health says NOT_SERVING. An error in it ends the process.
        close: Releases what `register` and `warm` took; runs however serving ends.
        drain_s: Time that RPCs in flight get after the signal.
        tls: Certificates; None reads `NARROWGAUGE_TLS_*`, plain text when those are unset.
        limits: Bounds of the server; None reads `NARROWGAUGE_MAX_*`.

    Raises:
        NarrowgaugeError: The address cannot be bound, or `warm` failed.
    """
    configure_logging(service_name)
    telemetry = configure_telemetry(service_name)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    limits = limits or read_config(ServerLimits, os.environ)
    server = ServiceServer(listen, register, tls=tls or Tls.from_environ(os.environ), limits=limits)
    try:
        await server.start()
        if await _warmed(warm, stopping):
            await server.set_ready()
            line = {"event": "serving", "service": service_name, "address": server.address}
            print(json.dumps(line, separators=(",", ":")), flush=True)
            _log.info("serving", extra={"address": server.address})
            await stopping.wait()
        _log.info("draining", extra={"drain_s": drain_s})
    finally:
        await server.stop(drain_s)
        if close is not None:
            await close()
        await asyncio.to_thread(telemetry.shutdown)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
    _log.info("stopped")


@overload
def service_main(main: Callable[[], Awaitable[None]]) -> None: ...
@overload
def service_main(main: Callable[[T], Awaitable[None]], config: type[T]) -> None: ...


def service_main(main: Callable[..., Awaitable[None]], config: type[Any] | None = None) -> None:
    """Runs the `main` coroutine of a service process; the body of its `__main__`.

    With a config class, `main` gets it read from the environment, and `--print-config` prints it instead.
    An error on purpose ends the process with exit code 2 and one line on stderr that says what to do.
    """
    try:
        die_with_parent(os.environ)
        arguments = _config_arguments(config, os.environ)
        asyncio.run(_as_coroutine(main, arguments))
    except NarrowgaugeError as exc:
        print(f"{exc.reason}: {exc.message}", file=sys.stderr, flush=True)
        raise SystemExit(2) from None


def _config_arguments(config: type[Any] | None, environ: Mapping[str, str]) -> tuple[Any, ...]:
    flags = sys.argv[1:]
    if flags not in ([], ["--print-config"]) or (flags and config is None):
        raise InvalidRequest(
            "BAD_ARGUMENT",
            f"unknown arguments {' '.join(flags)!r}: a service is configured by its environment"
            + ("; --print-config prints it" if config else ""),
        )
    if config is None:
        return ()
    value = read_config(config, environ)
    if flags:
        print_config(value)
        raise SystemExit(0)
    return (value,)


async def _as_coroutine(main: Callable[..., Awaitable[None]], arguments: tuple[Any, ...]) -> None:
    await main(*arguments)


async def _warmed(warm: Callable[[], Awaitable[None]] | None, stopping: asyncio.Event) -> bool:
    """Runs `warm` unless a signal comes first; False when it did."""
    if warm is None:
        return not stopping.is_set()
    warming = asyncio.ensure_future(warm())
    signalled = asyncio.create_task(stopping.wait())
    try:
        await asyncio.wait((warming, signalled), return_when=asyncio.FIRST_COMPLETED)
        if not warming.done():
            return False
        warming.result()
        return True
    finally:
        for task in (warming, signalled):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                if not task.done() or task is signalled:
                    await task
