"""What a state store is.

A store holds for each session one chain: its start, its append-only log of events, the lease of the
router that runs it, and the steering commands that reach it through other routers. The log is the
truth: what is not in it did not happen.

Ownership is a lease with an expiry and an epoch. `append` carries the epoch and fails once another
router has taken the chain over (a fencing token: Kleppmann, "How to do distributed locking", 2016), so
that a router which slept through its lease cannot write into a log that is no longer its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from narrowgauge.errors import AlreadyExists, NotFound

__all__ = [
    "ChainRecord",
    "Command",
    "Lease",
    "LeaseLost",
    "StateStore",
    "StoredChain",
    "session_taken",
    "unknown_session",
]


@dataclass(frozen=True)
class ChainRecord:
    """What a chain was started with; never changes.

    Attributes:
        session_id: The session, unique in the store.
        start: The serialised `ChainStart`, its `today` filled in.
        created_at: Seconds since the epoch.
        deadline_at: Seconds since the epoch at which the chain ends in any case.
        traceparent: W3C trace context under which the chain's spans stand; empty without a trace.
        bundle_hash: Bundle of the router that started it. A router with another bundle does not run it.
    """

    session_id: str
    start: bytes
    created_at: float
    deadline_at: float
    traceparent: str
    bundle_hash: str


@dataclass(frozen=True)
class StoredChain:
    """A chain as the store holds it now.

    Attributes:
        record: What it was started with.
        last_sequence: Sequence number of its last event, 0 before the first.
        finished: Its last event is in the log.
        owned: A router holds an unexpired lease on it.
    """

    record: ChainRecord
    last_sequence: int
    finished: bool
    owned: bool


@dataclass(frozen=True)
class Lease:
    """The right to append to a chain's log.

    Attributes:
        session_id: The session.
        owner: Id of the router process.
        epoch: Fencing token: grows with each acquisition.
    """

    session_id: str
    owner: str
    epoch: int


@dataclass(frozen=True)
class Command:
    """A steering message that reached a router which does not run the chain.

    Attributes:
        session_id: The session.
        target_sequence: Sequence number of the event that it answers (for example `ApprovalRequired`), so
            that a command which is read again after a take-over cannot answer a later question.
        payload: The serialised `DispatchRequest`.
    """

    session_id: str
    target_sequence: int
    payload: bytes


class LeaseLost(Exception):
    """Another router has taken the chain over; this one must stop working on it at once."""


class StateStore(Protocol):
    """Holds the chains' state.

    All methods raise `Overloaded` (STATE_STORE_FULL), `Unavailable` (STATE_STORE_FAILED) or `DataLoss`
    (STATE_STORE_DAMAGED) when the storage behind them fails; nothing is half written then.
    """

    async def create(self, record: ChainRecord, owner: str, ttl_s: float) -> Lease:
        """Adds a chain and leases it.

        Raises:
            AlreadyExists: The session id is taken.
        """

    async def read(self, session_id: str) -> StoredChain:
        """Returns a chain.

        Raises:
            NotFound: There is none with that id.
        """

    async def append(
        self, lease: Lease, first_sequence: int, events: Sequence[bytes], *, durable: bool, finished: bool
    ) -> None:
        """Appends events, all or none.

        Args:
            lease: The caller's lease.
            first_sequence: Sequence number of the first event: one after the log's last.
            events: Serialised `DispatchResponse` messages, at least one.
            durable: Return only when the events, and all before them, survive a loss of power.
            finished: The last of them ends the chain, and with it the lease.

        Raises:
            LeaseLost: The lease's epoch is not the chain's, or the log has other events.
        """

    async def events(self, session_id: str, after: int, limit: int = 1000) -> list[bytes]:
        """Returns events in order, beginning with sequence number `after + 1`."""

    async def wait_events(self, session_id: str, after: int, timeout_s: float) -> None:
        """Returns once the log has an event after `after`, or after `timeout_s`."""

    async def acquire(self, session_id: str, owner: str, ttl_s: float) -> Lease | None:
        """Leases a chain that nobody owns; `None` when it is owned, finished or unknown."""

    async def renew(self, leases: Sequence[Lease], ttl_s: float) -> set[str]:
        """Prolongs leases and returns the session ids of those that are lost."""

    async def release(self, lease: Lease) -> None:
        """Gives a lease up, so that another router need not wait for its expiry."""

    async def send(self, command: Command) -> None:
        """Leaves a command for the router that runs the chain."""

    async def commands(self, cursor: str, timeout_s: float) -> tuple[list[Command], str]:
        """Returns commands of all sessions that came after `cursor` and the next cursor.

        Waits up to `timeout_s` for the first one. The cursor "" begins with the oldest one held.
        """

    async def orphans(self, bundle_hash: str, now: float, limit: int) -> list[str]:
        """Returns sessions whose chain is unfinished and unowned.

        Only those that this bundle may run, or that are past their deadline and need but be ended.
        """

    async def purge(self, finished_before: float) -> int:
        """Forgets chains that finished before a time in seconds since the epoch; returns how many."""

    async def close(self) -> None:
        """Closes the store; calls under way end first."""


def session_taken(session_id: str) -> AlreadyExists:
    """The error for a session id that is in use."""
    return AlreadyExists(
        "SESSION_EXISTS",
        f"session {session_id} exists; resume it, or start a chain with another session id",
        metadata={"session_id": session_id},
    )


def unknown_session(session_id: str) -> NotFound:
    """The error for a session id that nothing is stored under."""
    return NotFound(
        "SESSION_UNKNOWN", f"there is no session {session_id}", metadata={"session_id": session_id}
    )
