"""The router's configuration, from the environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from narrowgauge.runtime.config import env
from router_svc.limits import Limits

__all__ = ["RouterConfig"]


def _addresses(name: str, meaning: str) -> Any:
    # `env` takes a default value, and dataclasses refuse a mutable one
    return field(default_factory=dict, metadata={"env": name, "help": meaning})


@dataclass(frozen=True)
class RouterConfig:
    """What a router process is started with."""

    bundle: Path = env("NARROWGAUGE_BUNDLE", "folder that `narrowgauge compile` wrote")
    state: str = env(
        "NARROWGAUGE_STATE", "file of the SQLite state store, or redis://… of a shared one", secret=True
    )
    listen: str = env("NARROWGAUGE_LISTEN", "address to serve on", default="127.0.0.1:50051")
    specialists: Mapping[str, str] = _addresses(
        "NARROWGAUGE_SPECIALISTS", "addresses by specialist: sql=host:port,…"
    )
    tools: Mapping[str, str] = _addresses(
        "NARROWGAUGE_TOOLS", "addresses by contract: package.Service=host:port,…"
    )
    state_volatile: bool = env(
        "NARROWGAUGE_STATE_VOLATILE", "accept a Redis that may forget what it confirmed", default=False
    )
    lease_s: float = env(
        "NARROWGAUGE_LEASE_S",
        "seconds after which a silent router's chains are taken over",
        default=15.0,
        minimum=0.1,
    )
    retention_s: float = env(
        "NARROWGAUGE_RETENTION_S", "seconds that finished chains are kept", default=7 * 86400.0, minimum=0
    )
    catalogue_ttl_s: float = env(
        "NARROWGAUGE_CATALOGUE_TTL_S",
        "seconds that a tool's catalogue is used unchecked",
        default=60.0,
        minimum=0,
    )
    drain_s: float = env(
        "NARROWGAUGE_DRAIN_S", "seconds that streams get to end on SIGTERM", default=10.0, minimum=0
    )
    limits: Limits = field(default_factory=Limits)
