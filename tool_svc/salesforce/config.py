"""What the Salesforce tool is told by its environment."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from narrowgauge.runtime.config import env

__all__ = ["SalesforceConfig"]

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def _state_file() -> Path:
    home = os.environ.get("NARROWGAUGE_HOME", "").strip() or "~/.narrowgauge"
    return Path(home).expanduser() / "salesforce-outcomes.sqlite"


@dataclass(frozen=True, kw_only=True)
class SalesforceConfig:
    """One organisation, one identity, and the bounds of a call."""

    listen: str = env("NARROWGAUGE_LISTEN", "address to serve on", default="127.0.0.1:5202")
    url: str = env("NARROWGAUGE_SALESFORCE_URL", "the instance, for example https://acme.my.salesforce.com")
    allow_http: bool = env(
        "NARROWGAUGE_SALESFORCE_ALLOW_HTTP", "send the token unencrypted beyond this machine", default=False
    )
    token: str = env("NARROWGAUGE_SALESFORCE_TOKEN", "access token", default="", secret=True)
    username: str = env("NARROWGAUGE_SALESFORCE_USERNAME", "user, when there is no token", default="")
    password: str = env("NARROWGAUGE_SALESFORCE_PASSWORD", "the user's password", default="", secret=True)
    security_token: str = env(
        "NARROWGAUGE_SALESFORCE_SECURITY_TOKEN", "the user's security token", default="", secret=True
    )
    api_version: str = env("NARROWGAUGE_SALESFORCE_API_VERSION", "REST API version", default="59.0")
    objects: tuple[str, ...] = env(
        "NARROWGAUGE_SALESFORCE_OBJECTS",
        "objects that calls may name: API names, `standard` (the usual ones and all custom ones) or `all`",
        default=("standard",),
    )
    state: Path | None = env(
        "NARROWGAUGE_SALESFORCE_STATE",
        "SQLite file that remembers the outcomes of writes; salesforce-outcomes.sqlite in NARROWGAUGE_HOME "
        "when unset",
        default=None,
    )
    key_field: str = env(
        "NARROWGAUGE_SALESFORCE_KEY_FIELD",
        "unique external id field for the idempotency key of a creation, used on objects that have it",
        default="Narrowgauge_Key__c",
    )
    timeout_s: float = env(
        "NARROWGAUGE_SALESFORCE_TIMEOUT_S", "longest wait for one answer", default=20.0, minimum=0.05
    )
    describe_age_s: float = env(
        "NARROWGAUGE_SALESFORCE_DESCRIBE_AGE_S", "after this a describe is checked", default=300.0, minimum=0
    )
    max_rows: int = env("NARROWGAUGE_SALESFORCE_MAX_ROWS", "rows a query returns", default=2000, minimum=1)
    max_bytes: int = env(
        "NARROWGAUGE_SALESFORCE_MAX_BYTES", "bytes of rows a query returns", default=4_000_000, minimum=1000
    )
    workers: int = env("NARROWGAUGE_SALESFORCE_WORKERS", "calls at once", default=8, minimum=1, maximum=64)
    drain_s: float = env(
        "NARROWGAUGE_DRAIN_S", "time that calls in flight get at the end", default=10.0, minimum=0
    )
    state_file: Path = field(init=False, default_factory=_state_file)

    def __post_init__(self) -> None:
        """Relates the fields; `ValueError` is reported as BAD_CONFIG."""
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.path not in ("", "/"):
            raise ValueError("NARROWGAUGE_SALESFORCE_URL: write https://host, without a path")
        if parts.scheme == "http" and parts.hostname not in _LOOPBACK and not self.allow_http:
            raise ValueError(
                "NARROWGAUGE_SALESFORCE_URL: the token may leave this machine by https only "
                "(NARROWGAUGE_SALESFORCE_ALLOW_HTTP=true allows http)"
            )
        if not self.token and not (self.username and self.password):
            raise ValueError(
                "NARROWGAUGE_SALESFORCE_TOKEN is not set, and neither are NARROWGAUGE_SALESFORCE_USERNAME "
                "and NARROWGAUGE_SALESFORCE_PASSWORD"
            )
        if self.state is not None:
            object.__setattr__(self, "state_file", self.state)
