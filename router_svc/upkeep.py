"""What a router does beside its chains: keeps leases, hears other routers, finds chains without one."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from narrowgauge.errors import NarrowgaugeError
from router_svc.dispatcher import Dispatcher
from router_svc.state.store import StateStore

__all__ = ["Upkeep"]

COMMAND_WAIT_S = 1.0

_log = logging.getLogger(__name__)


class Upkeep:
    """Three loops, from `start` to `close`. A failing store is logged and tried again."""

    def __init__(
        self, dispatcher: Dispatcher, store: StateStore, bundle_hash: str, lease_s: float, retention_s: float
    ) -> None:
        self._dispatcher = dispatcher
        self._store = store
        self._bundle_hash = bundle_hash
        self._lease_s = lease_s
        self._retention_s = retention_s
        self._cursor = ""
        self._renewed_at = time.monotonic()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Starts the loops."""
        self._renewed_at = time.monotonic()
        loops = ((self._renew, self._lease_s / 3), (self._sweep, self._lease_s / 2), (self._listen, 0.0))
        self._tasks = [asyncio.create_task(self._forever(work, pause_s)) for work, pause_s in loops]

    async def close(self) -> None:
        """Ends the loops."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _forever(self, work: Callable[[], Awaitable[None]], pause_s: float) -> None:
        while True:
            try:
                await work()
            except NarrowgaugeError as error:
                _log.error("the state store failed", extra={"reason": error.reason, "cause": error.message})
                await asyncio.sleep(self._lease_s / 3)
            await asyncio.sleep(pause_s)

    async def _renew(self) -> None:
        leases = self._dispatcher.running
        try:
            for session_id in await self._store.renew(leases, self._lease_s):
                self._dispatcher.lose(session_id)
            self._renewed_at = time.monotonic()
        except NarrowgaugeError:
            if time.monotonic() - self._renewed_at > self._lease_s:
                for lease in leases:  # another router may own them by now
                    self._dispatcher.lose(lease.session_id)
            raise

    async def _sweep(self) -> None:
        permits = self._dispatcher.free_permits
        if permits > 0:
            for session_id in await self._store.orphans(self._bundle_hash, time.time(), permits):
                await self._dispatcher.adopt(session_id)
        await self._store.purge(time.time() - self._retention_s)

    async def _listen(self) -> None:
        await self._dispatcher.wait_for_chains()
        commands, self._cursor = await self._store.commands(self._cursor, COMMAND_WAIT_S)
        for command in commands:
            self._dispatcher.obey(command)
