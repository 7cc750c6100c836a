"""Asks a service on this machine for its health: `python -m narrowgauge.runtime.probe`.

For probes inside a container: kubelet's own gRPC probe speaks no TLS. It is told by the service's environment
(NARROWGAUGE_LISTEN, NARROWGAUGE_TLS_*), so the certificate must be valid for the IP address 127.0.0.1.
Exit codes: 0 for SERVING, 1 for anything else, 2 for a wrong configuration.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from narrowgauge.errors import NarrowgaugeError
from narrowgauge.runtime.addresses import split_address
from narrowgauge.runtime.config import env, read_config
from narrowgauge.runtime.tls import Tls

__all__ = ["ProbeConfig", "check"]

_UNSPECIFIED = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # read, not bound


@dataclass(frozen=True)
class ProbeConfig:
    """What the probe takes from the environment of the service."""

    listen: str = env("NARROWGAUGE_LISTEN", "address that the service was told to serve on")
    timeout_s: float = env(
        "NARROWGAUGE_PROBE_TIMEOUT_S", "longest wait for an answer", default=3.0, minimum=0.05
    )


def check(environ: Mapping[str, str]) -> str:
    """Returns the name of the serving status, or of the gRPC status when there is no answer.

    Raises:
        InvalidRequest: `BAD_CONFIG`.
        FailedPrecondition: `TLS_FILE`: a PEM file cannot be read.
    """
    config = read_config(ProbeConfig, environ)
    host, port = split_address(config.listen)
    host = _UNSPECIFIED.get(host, host)
    target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    tls = Tls.from_environ(environ)
    options = [("grpc.enable_http_proxy", 0)]
    channel = (
        grpc.insecure_channel(target, options)
        if tls is None
        else grpc.secure_channel(target, tls.channel_credentials(), options)
    )
    with channel:
        try:
            response = health_pb2_grpc.HealthStub(channel).Check(
                health_pb2.HealthCheckRequest(), timeout=config.timeout_s
            )
        except grpc.RpcError as exc:
            return str(exc.code().name)
    return str(health_pb2.HealthCheckResponse.ServingStatus.Name(response.status))


def main() -> None:
    """Prints the status and ends with the exit code that says it."""
    try:
        status = check(os.environ)
    except NarrowgaugeError as exc:
        print(f"{exc.reason}: {exc.message}", file=sys.stderr)
        raise SystemExit(2) from None
    print(status)
    raise SystemExit(0 if status == "SERVING" else 1)


if __name__ == "__main__":
    main()
