"""Channels to other processes: traced, kept alive, bounded, never through a proxy, retried where safe."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from narrowgauge.errors import Unavailable
from narrowgauge.runtime.config import env, read_config
from narrowgauge.runtime.status import error_from_rpc
from narrowgauge.runtime.tls import Tls
from narrowgauge.runtime.traced_channel import TracedChannel

__all__ = ["MAX_MESSAGE_BYTES", "open_channel", "wait_ready"]

MAX_MESSAGE_BYTES = 16 * 1024 * 1024
"""Largest message unless configured otherwise."""

# Unary calls that only read. A call that may write is never repeated by gRPC: whoever sends it holds its
# idempotency key and decides.
_RETRIED = (
    "grpc.health.v1.Health/Check",
    "narrowgauge.v1.CatalogueService/GetCatalogue",
    "narrowgauge.v1.DispatcherService/ListSpecialists",
    "narrowgauge.v1.DispatcherService/Plan",
    "narrowgauge.v1.SpecialistService/Describe",
)


@dataclass(frozen=True)
class _ChannelLimits:
    max_message_bytes: int = env(
        "NARROWGAUGE_MAX_MESSAGE_BYTES", "largest message", default=MAX_MESSAGE_BYTES, minimum=4096
    )


def open_channel(
    target: str,
    *,
    tls: Tls | None = None,
    retried_methods: Sequence[str] = (),
    max_message_bytes: int | None = None,
) -> grpc.aio.Channel:
    """Opens a channel; it connects when it is first used.

    Args:
        target: `host:port`, or any gRPC target such as `dns:///router.narrowgauge:50051`.
        tls: Certificates; None reads `NARROWGAUGE_TLS_*`, plain text when those are unset.
        retried_methods: Unary methods (`package.Service/Method`) that may be repeated when the server is
            UNAVAILABLE, beside our own reading ones.
        max_message_bytes: Largest message in either direction; None reads `NARROWGAUGE_MAX_MESSAGE_BYTES`.

    Raises:
        InvalidRequest: `BAD_CONFIG`: one of those variables is wrong.
        FailedPrecondition: `TLS_FILE`: a PEM file cannot be read.
    """
    if max_message_bytes is None:
        max_message_bytes = read_config(_ChannelLimits, os.environ).max_message_bytes
    options: list[tuple[str, Any]] = [
        ("grpc.max_receive_message_length", max_message_bytes),
        ("grpc.max_send_message_length", max_message_bytes),
        ("grpc.keepalive_time_ms", 30_000),
        ("grpc.keepalive_timeout_ms", 10_000),
        ("grpc.max_metadata_size", 32 * 1024),
        ("grpc.dns_min_time_between_resolutions_ms", 5_000),
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 2_000),
        # A proxy variable of the shell must not carry traffic out of the machine or the cluster.
        ("grpc.enable_http_proxy", 0),
        ("grpc.service_config", _service_config((*_RETRIED, *retried_methods))),
    ]
    tls = tls or Tls.from_environ(os.environ)
    if tls is None:
        return TracedChannel(grpc.aio.insecure_channel(target, options=options))
    return TracedChannel(grpc.aio.secure_channel(target, tls.channel_credentials(), options=options))


async def wait_ready(channel: grpc.aio.Channel, timeout_s: float, *, service: str = "") -> None:
    """Waits until the server is connected and its health says SERVING; without a health service, connected.

    Args:
        channel: The channel.
        timeout_s: How long.
        service: Full name of the service whose health counts; empty for the whole server.

    Raises:
        Unavailable: `NOT_READY`: it was not in time.
    """
    last = "no connection"
    try:
        async with asyncio.timeout(timeout_s):
            while True:
                await channel.channel_ready()
                try:
                    async for response in health_pb2_grpc.HealthStub(channel).Watch(
                        health_pb2.HealthCheckRequest(service=service)
                    ):
                        if response.status == health_pb2.HealthCheckResponse.SERVING:
                            return
                        last = health_pb2.HealthCheckResponse.ServingStatus.Name(response.status)
                except grpc.aio.AioRpcError as exc:
                    if exc.code() == grpc.StatusCode.UNIMPLEMENTED:
                        return
                    last = error_from_rpc(exc).message  # the connection broke: connect and watch again
    except TimeoutError:
        raise Unavailable("NOT_READY", f"the server was not ready within {timeout_s:g} s ({last})") from None


def _service_config(methods: Sequence[str]) -> str:
    names = [dict(zip(("service", "method"), name.split("/", 1), strict=True)) for name in methods]
    policy = {
        "maxAttempts": 4,
        "initialBackoff": "0.05s",
        "maxBackoff": "1s",
        "backoffMultiplier": 3,
        "retryableStatusCodes": ["UNAVAILABLE"],
    }
    # Several addresses of one name (a headless service) share the load.
    return json.dumps(
        {
            "loadBalancingConfig": [{"round_robin": {}}],
            "methodConfig": [{"name": names, "retryPolicy": policy}],
        }
    )
