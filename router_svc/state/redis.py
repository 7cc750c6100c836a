"""The state store in Redis or Valkey: for several routers on several machines."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import OutOfMemoryError, RedisError

from narrowgauge.errors import FailedPrecondition, Overloaded, Unavailable
from router_svc.state import redis_scripts
from router_svc.state.store import (
    ChainRecord,
    Command,
    Lease,
    LeaseLost,
    StoredChain,
    session_taken,
    unknown_session,
)

__all__ = ["RedisStore"]

PREFIX = "narrowgauge"
UNFINISHED = f"{PREFIX}:unfinished"
FINISHED = f"{PREFIX}:finished"
COMMANDS = f"{PREFIX}:commands"
COMMANDS_KEPT = 10_000
"""Commands are read within a second or two: this many cover any take-over."""
SOCKET_TIMEOUT_S = 15.0
MAX_BLOCK_S = 5.0
"""A blocking read ends well before the socket's own time-out."""
SYNC_TIMEOUT_MS = 5_000
FULL_RETRY_AFTER_MS = 30_000


class RedisStore:
    """Chains in one Redis or Valkey primary: a hash, a stream as the log and a lease key each.

    The scripts touch keys of several slots, so the store wants one primary (with replicas), not a cluster.
    """

    def __init__(self, url: str, *, accept_volatile: bool = False) -> None:
        """Takes a `redis://` or `rediss://` URL; nothing is sent before `open`.

        Args:
            url: Where the server is.
            accept_volatile: Also use a server that may forget what it has confirmed.
        """
        # A retried append could be refused because its first attempt had been applied, so a lost
        # connection is an error, and the chain is picked up again from its log.
        self._client = redis.asyncio.from_url(
            url, socket_timeout=SOCKET_TIMEOUT_S, socket_connect_timeout=5.0, retry=Retry(NoBackoff(), 0)
        )
        self._accept_volatile = accept_volatile
        self._sync_commands = False

    async def open(self) -> None:
        """Connects and finds out whether what the server confirms is on disk.

        Raises:
            Unavailable: The server cannot be reached.
            FailedPrecondition: It keeps no append-only file, or syncs it later than it answers.
        """
        with _mapped():
            version = str((await self._client.info("server"))["redis_version"])
            settings = {} if self._accept_volatile else await self._client.config_get("append*")
        if self._accept_volatile:
            return
        values = {_text(name): _text(value) for name, value in settings.items()}
        # WAITAOF came with 7.2 (https://valkey.io/commands/waitaof/)
        can_wait = tuple(int(part) for part in version.split(".")[:2]) >= (7, 2)
        self._sync_commands = can_wait and values.get("appendfsync") != "always"
        if values.get("appendonly") != "yes" or not (can_wait or values.get("appendfsync") == "always"):
            raise FailedPrecondition(
                "STATE_STORE_NOT_DURABLE",
                "the state store's server may forget a write that it has confirmed; set `appendonly yes` and "
                "`appendfsync always` (from version 7.2 on `everysec` is enough), or set "
                "NARROWGAUGE_STATE_VOLATILE=1 to accept the loss of chains",
                metadata={
                    "version": version,
                    "appendonly": values.get("appendonly", ""),
                    "appendfsync": values.get("appendfsync", ""),
                },
            )

    async def create(self, record: ChainRecord, owner: str, ttl_s: float) -> Lease:
        """Adds a chain and leases it; see `StateStore`."""
        created = await self._eval(
            redis_scripts.CREATE,
            [_chain(record.session_id), _lease(record.session_id), UNFINISHED],
            [
                record.session_id,
                owner,
                record.start,
                repr(record.created_at),
                repr(record.deadline_at),
                record.traceparent,
                record.bundle_hash,
                _milliseconds(ttl_s),
            ],
        )
        if not created:
            raise session_taken(record.session_id)
        return Lease(record.session_id, owner, 1)

    async def read(self, session_id: str) -> StoredChain:
        """Returns a chain; see `StateStore`."""
        with _mapped():
            pipe = self._client.pipeline(transaction=True)
            pipe.hgetall(_chain(session_id))
            pipe.exists(_lease(session_id))
            fields, leased = await pipe.execute()
        if not fields:
            raise unknown_session(session_id)
        finished = fields[b"finished"] == b"1"
        return StoredChain(
            _record(session_id, fields), int(fields[b"last"]), finished, bool(leased) and not finished
        )

    async def append(
        self, lease: Lease, first_sequence: int, events: Sequence[bytes], *, durable: bool, finished: bool
    ) -> None:
        """Appends events, all or none; see `StateStore`."""
        session = lease.session_id
        keys = [_chain(session), _log(session), _lease(session), UNFINISHED, FINISHED]
        head: list[str | int | bytes] = [
            session,
            lease.epoch,
            first_sequence,
            int(finished),
            repr(time.time()),
        ]
        if not await self._eval(
            redis_scripts.APPEND, keys, [*head, *events], sync=durable and self._sync_commands
        ):
            raise LeaseLost(session)

    async def events(self, session_id: str, after: int, limit: int = 1000) -> list[bytes]:
        """Returns events in order; see `StateStore`."""
        with _mapped():
            entries = await self._client.xrange(_log(session_id), min=f"({after}-0", count=limit)
        return [fields[b"body"] for _, fields in cast(list[tuple[bytes, dict[bytes, bytes]]], entries)]

    async def wait_events(self, session_id: str, after: int, timeout_s: float) -> None:
        """Waits for an event; see `StateStore`."""
        block = _milliseconds(min(timeout_s, MAX_BLOCK_S))
        with _mapped():
            await self._client.xread({_log(session_id): f"{after}-0"}, count=1, block=block)

    async def acquire(self, session_id: str, owner: str, ttl_s: float) -> Lease | None:
        """Leases a chain that nobody owns; see `StateStore`."""
        epoch = await self._eval(
            redis_scripts.ACQUIRE, [_chain(session_id), _lease(session_id)], [owner, _milliseconds(ttl_s)]
        )
        return Lease(session_id, owner, epoch) if epoch else None

    async def renew(self, leases: Sequence[Lease], ttl_s: float) -> set[str]:
        """Prolongs leases; see `StateStore`."""
        with _mapped():
            pipe = self._client.pipeline(transaction=False)
            for lease in leases:
                keys = [_chain(lease.session_id), _lease(lease.session_id)]
                pipe.eval(
                    redis_scripts.RENEW, 2, *keys, str(lease.epoch), lease.owner, str(_milliseconds(ttl_s))
                )
            kept = await pipe.execute() if leases else []
        return {lease.session_id for lease, renewed in zip(leases, kept, strict=True) if not renewed}

    async def release(self, lease: Lease) -> None:
        """Gives a lease up; see `StateStore`."""
        keys = [_chain(lease.session_id), _lease(lease.session_id)]
        await self._eval(redis_scripts.RELEASE, keys, [lease.epoch])

    async def send(self, command: Command) -> None:
        """Leaves a command; see `StateStore`."""
        with _mapped():
            await self._client.xadd(
                COMMANDS,
                {
                    "session": command.session_id,
                    "target": command.target_sequence,
                    "payload": command.payload,
                },
                maxlen=COMMANDS_KEPT,
                approximate=True,
            )

    async def commands(self, cursor: str, timeout_s: float) -> tuple[list[Command], str]:
        """Returns commands after a cursor; see `StateStore`."""
        block = _milliseconds(min(timeout_s, MAX_BLOCK_S)) if timeout_s > 0 else None
        with _mapped():
            streams = await self._client.xread({COMMANDS: cursor or "0-0"}, block=block)
        found, last = [], cursor
        for identifier, fields in _entries(streams):
            session = fields[b"session"].decode()
            found.append(Command(session, int(fields[b"target"]), fields[b"payload"]))
            last = identifier.decode()
        return found, last

    async def orphans(self, bundle_hash: str, now: float, limit: int) -> list[str]:
        """Returns sessions that nobody runs; see `StateStore`."""
        with _mapped():
            members = cast(set[bytes], await cast(Any, self._client.smembers(UNFINISHED)))
            sessions = sorted(member.decode() for member in members)
            pipe = self._client.pipeline(transaction=False)
            for session in sessions:
                pipe.exists(_lease(session))
                pipe.hmget(_chain(session), ["bundle_hash", "deadline_at"])
            answers = await pipe.execute() if sessions else []
        found = []
        for session, leased, (bundle, deadline) in zip(sessions, answers[::2], answers[1::2], strict=True):
            if not leased and bundle is not None:
                mine = bundle.decode() == bundle_hash
                if mine or float(deadline) <= now:
                    found.append(session)
        return found[:limit]

    async def purge(self, finished_before: float) -> int:
        """Forgets old chains; see `StateStore`."""
        with _mapped():
            old = cast(
                list[bytes],
                await self._client.zrange(FINISHED, "-inf", f"({finished_before!r}", byscore=True),
            )
        for member in old:
            session = member.decode()
            await self._eval(
                redis_scripts.PURGE, [_chain(session), _log(session), _lease(session), FINISHED], [session]
            )
        return len(old)

    async def close(self) -> None:
        """Closes the connections."""
        await self._client.aclose()

    async def _eval(
        self, script: str, keys: Sequence[str], arguments: Sequence[str | int | bytes], *, sync: bool = False
    ) -> int:
        with _mapped():
            pipe = self._client.pipeline(
                transaction=False
            )  # one connection: WAITAOF speaks of its own writes
            pipe.eval(script, len(keys), *keys, *cast(Sequence[str], arguments))
            if sync:
                pipe.execute_command("WAITAOF", 1, 0, SYNC_TIMEOUT_MS)
            answers = await pipe.execute()
        if sync and answers[1][0] < 1:
            raise Unavailable("STATE_STORE_FAILED", "the state store did not sync its log to disk in time")
        return int(answers[0])


@contextmanager
def _mapped() -> Iterator[None]:
    """Turns the client's errors into the store's."""
    try:
        yield
    except OutOfMemoryError as error:
        raise Overloaded(
            "STATE_STORE_FULL",
            f"the state store's server is full ({error}); the chain can be resumed once it has room",
            retry_after_ms=FULL_RETRY_AFTER_MS,
        ) from error
    except (RedisError, OSError) as error:
        raise Unavailable("STATE_STORE_FAILED", f"the state store's server failed: {error}") from error


def _chain(session_id: str) -> str:
    return f"{PREFIX}:chain:{session_id}"


def _log(session_id: str) -> str:
    return f"{PREFIX}:log:{session_id}"


def _lease(session_id: str) -> str:
    return f"{PREFIX}:lease:{session_id}"


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))


def _text(value: str | bytes | None) -> str:
    return value.decode() if isinstance(value, bytes) else value or ""


def _record(session_id: str, fields: dict[bytes, bytes]) -> ChainRecord:
    return ChainRecord(
        session_id=session_id,
        start=fields[b"start"],
        created_at=float(fields[b"created_at"]),
        deadline_at=float(fields[b"deadline_at"]),
        traceparent=fields[b"traceparent"].decode(),
        bundle_hash=fields[b"bundle_hash"].decode(),
    )


def _entries(streams: Any) -> list[tuple[bytes, dict[bytes, bytes]]]:
    """Flattens the answer of XREAD, whose outer form depends on the protocol version."""
    if not streams:
        return []
    logs = list(streams.values()) if isinstance(streams, dict) else [entries for _, entries in streams]
    flat: list[tuple[bytes, dict[bytes, bytes]]] = []
    for log in logs:
        # RESP3 nests the entries of a stream in one more list
        flat.extend(log[0] if log and isinstance(log[0], list) else log)
    return flat
