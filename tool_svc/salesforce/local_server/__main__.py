"""Serves an organisation on loopback: `python -m tool_svc.salesforce.local_server`."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import uvicorn

from narrowgauge.errors import InvalidRequest
from narrowgauge.runtime.addresses import bind_error, split_address
from narrowgauge.runtime.config import env
from narrowgauge.runtime.lifecycle import service_main
from narrowgauge.runtime.logs import configure_logging
from tool_svc.salesforce.local_server.app import make_app
from tool_svc.salesforce.local_server.organisation import Organisation

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, kw_only=True)
class LocalServerConfig:
    """Where to serve, what, and who may use it."""

    listen: str = env("NARROWGAUGE_LISTEN", "loopback address to serve on", default="127.0.0.1:5300")
    organisation: Path = env("NARROWGAUGE_ORG_DB", "SQLite file of the organisation")
    token: str = env("NARROWGAUGE_SALESFORCE_TOKEN", "access token that clients send", secret=True)
    username: str = env("NARROWGAUGE_SALESFORCE_USERNAME", "user of the SOAP login", default="")
    password: str = env(
        "NARROWGAUGE_SALESFORCE_PASSWORD", "password of the SOAP login", default="", secret=True
    )
    security_token: str = env(
        "NARROWGAUGE_SALESFORCE_SECURITY_TOKEN", "appended to the password", default="", secret=True
    )
    any_address: bool = env(
        "NARROWGAUGE_ORG_ANY_ADDRESS", "serve beyond loopback, for example in a test cluster", default=False
    )
    today: str = env(
        "NARROWGAUGE_ORG_TODAY",
        "date that the organisation lives in, YYYY-MM-DD; the real one when unset",
        default="",
    )
    page_size: int = env("NARROWGAUGE_ORG_PAGE_SIZE", "records a query page has", default=2000, minimum=1)

    def __post_init__(self) -> None:
        """Checks the date; `ValueError` is reported as BAD_CONFIG."""
        if self.today:
            try:
                date.fromisoformat(self.today)
            except ValueError as exc:
                raise ValueError(f"NARROWGAUGE_ORG_TODAY: {exc}") from exc

    def now(self) -> datetime:
        """Returns the organisation's time: the real time of day, on its own date where it has one."""
        real = datetime.now(UTC)
        if not self.today:
            return real
        return datetime.combine(date.fromisoformat(self.today), real.timetz())


class _Server(uvicorn.Server):
    """Says where it serves, in the line that all our processes print."""

    def __init__(self, config: uvicorn.Config, address: str) -> None:
        super().__init__(config)
        self._address = address

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # uvicorn's own version raises the signal again after the shutdown, so that the process would end as
        # killed and not with exit code 0.
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        line = {"event": "serving", "service": "salesforce-org", "address": self._address}
        print(json.dumps(line, separators=(",", ":")), flush=True)


async def main(config: LocalServerConfig) -> None:
    """Serves until SIGTERM or SIGINT."""
    configure_logging("salesforce-org")
    host, port = split_address(config.listen)
    if host not in _LOOPBACK and not config.any_address:
        raise InvalidRequest(
            "BAD_CONFIG",
            f"NARROWGAUGE_LISTEN: {host} is not loopback, and this server speaks plain HTTP "
            "(NARROWGAUGE_ORG_ANY_ADDRESS=true allows it)",
        )
    refusal = bind_error(config.listen)
    if refusal is not None:
        raise refusal
    login = (config.username, config.password + config.security_token) if config.username else None
    organisation = await asyncio.to_thread(
        Organisation,
        config.organisation,
        config.token,
        page_size=config.page_size,
        clock=config.now,
        login=login,
    )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, port), family=family) as listener:
        # asyncio switches Nagle's algorithm off only on sockets that name their protocol, which this one does
        # not; with it each answer takes 40 ms. Accepted connections inherit the option.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        shown = f"[{host}]" if ":" in host else host
        server = _Server(
            uvicorn.Config(
                make_app(organisation),
                log_config=None,
                log_level="warning",
                access_log=False,
                lifespan="off",
                server_header=False,
                timeout_graceful_shutdown=5,
            ),
            f"{shown}:{listener.getsockname()[1]}",
        )
        try:
            await server.serve(sockets=[listener])
        finally:
            await asyncio.to_thread(organisation.close)


if __name__ == "__main__":
    service_main(main, LocalServerConfig)
