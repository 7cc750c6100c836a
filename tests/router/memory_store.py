"""A state store in memory, for tests that run thousands of chains; it passes the stores' own suite."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from router_svc.state.store import (
    ChainRecord,
    Command,
    Lease,
    LeaseLost,
    StoredChain,
    session_taken,
    unknown_session,
)


@dataclass
class _Held:
    record: ChainRecord
    owner: str
    lease_until: float
    epoch: int = 1
    events: list[bytes] = field(default_factory=list)
    finished_at: float | None = None


class MemoryStore:
    """See `StateStore`. `on_append` may raise to stand for a failing disk."""

    def __init__(self) -> None:
        self.chains: dict[str, _Held] = {}
        self.sent: list[Command] = []
        self.on_append: Callable[[Lease], None] = lambda lease: None
        self._news = asyncio.Event()

    async def create(self, record: ChainRecord, owner: str, ttl_s: float) -> Lease:
        if record.session_id in self.chains:
            raise session_taken(record.session_id)
        self.chains[record.session_id] = _Held(record, owner, time.time() + ttl_s)
        return Lease(record.session_id, owner, 1)

    async def read(self, session_id: str) -> StoredChain:
        held = self._held(session_id)
        finished = held.finished_at is not None
        owned = not finished and held.lease_until > time.time()
        return StoredChain(held.record, len(held.events), finished, owned)

    async def append(
        self, lease: Lease, first_sequence: int, events: Sequence[bytes], *, durable: bool, finished: bool
    ) -> None:
        self.on_append(lease)
        held = self._held(lease.session_id)
        if held.epoch != lease.epoch or held.finished_at or len(held.events) != first_sequence - 1:
            raise LeaseLost(lease.session_id)
        held.events += events
        held.finished_at = time.time() if finished else None
        self._wake()

    async def events(self, session_id: str, after: int, limit: int = 1000) -> list[bytes]:
        held = self.chains.get(session_id)
        return held.events[after : after + limit] if held else []

    async def wait_events(self, session_id: str, after: int, timeout_s: float) -> None:
        await self._wait(lambda: len(self._held(session_id).events) > after, timeout_s)

    async def acquire(self, session_id: str, owner: str, ttl_s: float) -> Lease | None:
        held = self.chains.get(session_id)
        if held is None or held.finished_at is not None or held.lease_until > time.time():
            return None
        held.owner, held.lease_until, held.epoch = owner, time.time() + ttl_s, held.epoch + 1
        return Lease(session_id, owner, held.epoch)

    async def renew(self, leases: Sequence[Lease], ttl_s: float) -> set[str]:
        lost = {lease.session_id for lease in leases if self._held(lease.session_id).epoch != lease.epoch}
        for lease in leases:
            if lease.session_id not in lost:
                self._held(lease.session_id).lease_until = time.time() + ttl_s
        return lost

    async def release(self, lease: Lease) -> None:
        if self._held(lease.session_id).epoch == lease.epoch:
            self._held(lease.session_id).lease_until = 0.0

    async def send(self, command: Command) -> None:
        self.sent.append(command)
        self._wake()

    async def commands(self, cursor: str, timeout_s: float) -> tuple[list[Command], str]:
        after = int(cursor or 0)
        await self._wait(lambda: len(self.sent) > after, timeout_s)
        return self.sent[after:], str(len(self.sent))

    async def orphans(self, bundle_hash: str, now: float, limit: int) -> list[str]:
        return [
            session
            for session, held in self.chains.items()
            if held.finished_at is None
            and held.lease_until <= now
            and (held.record.bundle_hash == bundle_hash or held.record.deadline_at <= now)
        ][:limit]

    async def purge(self, finished_before: float) -> int:
        old = [
            s for s, held in self.chains.items() if held.finished_at and held.finished_at < finished_before
        ]
        for session in old:
            del self.chains[session]
        return len(old)

    async def close(self) -> None:
        pass

    def _held(self, session_id: str) -> _Held:
        if session_id not in self.chains:
            raise unknown_session(session_id)
        return self.chains[session_id]

    def _wake(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def _wait(self, ready: Callable[[], bool], timeout_s: float) -> None:
        try:
            async with asyncio.timeout(timeout_s):
                while not ready():
                    await self._news.wait()
        except TimeoutError:
            return
