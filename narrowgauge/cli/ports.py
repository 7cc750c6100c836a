"""Which port each process of `narrowgauge up` listens on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from narrowgauge.runtime.addresses import bind_error

__all__ = ["DEFAULT_BASE", "PortPlan"]

DEFAULT_BASE = 50051
"""The router's port, by gRPC's custom."""

# Distance from the base; the others follow in the order of their names.
_FIXED = {
    "router": 0,
    "trace-sink": 1,
    "salesforce-server": 2,
    "tool-sql": 10,
    "tool-salesforce": 11,
    "specialist-sql": 20,
    "specialist-salesforce": 21,
    "specialist-summary": 22,
}
_FIRST_OTHER = 30


@dataclass
class PortPlan:
    """Ports from a base on, or free ones.

    Attributes:
        base: The router's port; 0 for free ports everywhere.
        host: The interface; loopback unless said otherwise.
    """

    base: int = 0
    host: str = "127.0.0.1"

    def __post_init__(self) -> None:
        self._others: dict[str, int] = {}

    def listen(self, name: str) -> str:
        """Returns the address that a process listens on."""
        if self.base == 0:
            return f"{self.host}:0"
        offset = _FIXED.get(name)
        if offset is None:
            offset = self._others.setdefault(name, _FIRST_OTHER + len(self._others))
        return f"{self.host}:{self.base + offset}"

    def check(self, names: Sequence[str]) -> None:
        """Finds ports that are taken before anything is started.

        Raises:
            FailedPrecondition: `PORT_IN_USE`, with the port and what to do.
        """
        for name in sorted(names):
            if self.base and (error := bind_error(self.listen(name))) is not None:
                error.message += (
                    f" (for {name}: `--port-base` moves all ports, `--port-base 0` takes free ones)"
                )
                raise error
