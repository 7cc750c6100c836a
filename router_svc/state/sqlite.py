"""The state store in one SQLite file: for one machine, also with several router processes on it."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from narrowgauge.errors import DataLoss
from router_svc.state.sqlite_thread import SqliteThread, store_error
from router_svc.state.store import (
    ChainRecord,
    Command,
    Lease,
    LeaseLost,
    StoredChain,
    session_taken,
    unknown_session,
)

__all__ = ["SqliteStore"]

POLL_S = 0.1
"""SQLite cannot notify another process: how often a router looks for what another one wrote."""

SCHEMA_VERSION = 1
SCHEMA = """
CREATE TABLE chain (
  session_id TEXT PRIMARY KEY,
  start BLOB NOT NULL,
  created_at REAL NOT NULL,
  deadline_at REAL NOT NULL,
  traceparent TEXT NOT NULL,
  bundle_hash TEXT NOT NULL,
  last_sequence INTEGER NOT NULL DEFAULT 0,
  finished_at REAL,
  owner TEXT NOT NULL,
  epoch INTEGER NOT NULL,
  lease_until REAL NOT NULL
);
CREATE INDEX chain_unfinished ON chain (lease_until) WHERE finished_at IS NULL;
CREATE INDEX chain_finished ON chain (finished_at) WHERE finished_at IS NOT NULL;
CREATE TABLE event (
  session_id TEXT NOT NULL REFERENCES chain ON DELETE CASCADE,
  sequence INTEGER NOT NULL,
  body BLOB NOT NULL,
  PRIMARY KEY (session_id, sequence)
) WITHOUT ROWID;
CREATE TABLE command (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  session_id TEXT NOT NULL REFERENCES chain ON DELETE CASCADE,
  target_sequence INTEGER NOT NULL,
  payload BLOB NOT NULL
);
CREATE INDEX command_session ON command (session_id);
"""


class SqliteStore:
    """Chains in a SQLite file in WAL mode, written by one thread and read by another."""

    def __init__(self, path: Path) -> None:
        """Opens the file and creates what is missing in it.

        Raises:
            DataLoss: The file is not a database, is damaged, or is of another version.
            Overloaded: There is no space.
            Unavailable: The file cannot be opened or written.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise store_error(error, path) from error
        self._writer = SqliteThread(
            path, "state-writer", begin="BEGIN IMMEDIATE", prepare=partial(_create_schema, path)
        )
        self._reader = SqliteThread(path, "state-reader", begin="BEGIN")

    async def create(self, record: ChainRecord, owner: str, ttl_s: float) -> Lease:
        """Adds a chain and leases it; see `StateStore`."""

        def work(connection: sqlite3.Connection) -> None:
            added = connection.execute(
                "INSERT INTO chain (session_id, start, created_at, deadline_at, traceparent, bundle_hash, "
                "owner, epoch, lease_until) VALUES (?, ?, ?, ?, ?, ?, ?, 1, ?) ON CONFLICT DO NOTHING",
                (
                    record.session_id,
                    record.start,
                    record.created_at,
                    record.deadline_at,
                    record.traceparent,
                    record.bundle_hash,
                    owner,
                    time.time() + ttl_s,
                ),
            )
            if added.rowcount == 0:
                raise session_taken(record.session_id)

        await self._writer.run(work)
        return Lease(record.session_id, owner, 1)

    async def read(self, session_id: str) -> StoredChain:
        """Returns a chain; see `StateStore`."""

        def work(connection: sqlite3.Connection) -> StoredChain:
            row = connection.execute(
                "SELECT session_id, start, created_at, deadline_at, traceparent, bundle_hash, last_sequence, "
                "finished_at IS NOT NULL, lease_until FROM chain WHERE session_id = ?",
                (session_id,),
            ).fetchone()
            if row is None:
                raise unknown_session(session_id)
            finished = bool(row[7])
            return StoredChain(ChainRecord(*row[:6]), row[6], finished, not finished and row[8] > time.time())

        return await self._reader.run(work)

    async def append(
        self, lease: Lease, first_sequence: int, events: Sequence[bytes], *, durable: bool, finished: bool
    ) -> None:
        """Appends events, all or none; see `StateStore`."""

        def work(connection: sqlite3.Connection) -> None:
            last = first_sequence + len(events) - 1
            moved = connection.execute(
                "UPDATE chain SET last_sequence = ?, finished_at = ? "
                "WHERE session_id = ? AND epoch = ? AND last_sequence = ? AND finished_at IS NULL",
                (
                    last,
                    time.time() if finished else None,
                    lease.session_id,
                    lease.epoch,
                    first_sequence - 1,
                ),
            )
            if moved.rowcount == 0:
                raise LeaseLost(lease.session_id)
            connection.executemany(
                "INSERT INTO event (session_id, sequence, body) VALUES (?, ?, ?)",
                [
                    (lease.session_id, sequence, body)
                    for sequence, body in enumerate(events, start=first_sequence)
                ],
            )
            if finished:
                connection.execute("DELETE FROM command WHERE session_id = ?", (lease.session_id,))

        await self._writer.run(work, durable=durable)

    async def events(self, session_id: str, after: int, limit: int = 1000) -> list[bytes]:
        """Returns events in order; see `StateStore`."""

        def work(connection: sqlite3.Connection) -> list[bytes]:
            rows = connection.execute(
                "SELECT body FROM event WHERE session_id = ? AND sequence > ? ORDER BY sequence LIMIT ?",
                (session_id, after, limit),
            )
            return [row[0] for row in rows]

        return await self._reader.run(work)

    async def wait_events(self, session_id: str, after: int, timeout_s: float) -> None:
        """Waits for an event; see `StateStore`. Looks every 100 ms."""
        until = time.monotonic() + timeout_s
        # another process writes: there is no event of this loop to wait for
        while time.monotonic() < until and (await self.read(session_id)).last_sequence <= after:  # noqa: ASYNC110
            await asyncio.sleep(min(POLL_S, max(until - time.monotonic(), 0)))

    async def acquire(self, session_id: str, owner: str, ttl_s: float) -> Lease | None:
        """Leases a chain that nobody owns; see `StateStore`."""

        def work(connection: sqlite3.Connection) -> Lease | None:
            now = time.time()
            row = connection.execute(
                "UPDATE chain SET owner = ?, epoch = epoch + 1, lease_until = ? "
                "WHERE session_id = ? AND finished_at IS NULL AND lease_until <= ? RETURNING epoch",
                (owner, now + ttl_s, session_id, now),
            ).fetchone()
            return None if row is None else Lease(session_id, owner, row[0])

        return await self._writer.run(work)

    async def renew(self, leases: Sequence[Lease], ttl_s: float) -> set[str]:
        """Prolongs leases; see `StateStore`."""

        def work(connection: sqlite3.Connection) -> set[str]:
            lost = set()
            for lease in leases:
                renewed = connection.execute(
                    "UPDATE chain SET lease_until = ? WHERE session_id = ? AND epoch = ?",
                    (time.time() + ttl_s, lease.session_id, lease.epoch),
                )
                if renewed.rowcount == 0:
                    lost.add(lease.session_id)
            return lost

        return await self._writer.run(work)

    async def release(self, lease: Lease) -> None:
        """Gives a lease up; see `StateStore`."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(
                "UPDATE chain SET lease_until = 0 WHERE session_id = ? AND epoch = ?",
                (lease.session_id, lease.epoch),
            )

        await self._writer.run(work)

    async def send(self, command: Command) -> None:
        """Leaves a command; see `StateStore`."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(
                "INSERT INTO command (session_id, target_sequence, payload) VALUES (?, ?, ?)",
                (command.session_id, command.target_sequence, command.payload),
            )

        await self._writer.run(work)

    async def commands(self, cursor: str, timeout_s: float) -> tuple[list[Command], str]:
        """Returns commands after a cursor; see `StateStore`. Looks every 100 ms."""

        def work(connection: sqlite3.Connection) -> list[tuple[int, str, int, bytes]]:
            return connection.execute(
                "SELECT id, session_id, target_sequence, payload FROM command WHERE id > ? ORDER BY id",
                (int(cursor or 0),),
            ).fetchall()

        until = time.monotonic() + timeout_s
        # another process writes: there is no event of this loop to wait for
        while not (rows := await self._reader.run(work)) and time.monotonic() < until:  # noqa: ASYNC110
            await asyncio.sleep(min(POLL_S, max(until - time.monotonic(), 0)))
        return [Command(*row[1:]) for row in rows], str(rows[-1][0]) if rows else cursor

    async def orphans(self, bundle_hash: str, now: float, limit: int) -> list[str]:
        """Returns sessions that nobody runs; see `StateStore`."""

        def work(connection: sqlite3.Connection) -> list[str]:
            rows = connection.execute(
                "SELECT session_id FROM chain WHERE finished_at IS NULL AND lease_until <= ? "
                "AND (bundle_hash = ? OR deadline_at <= ?) ORDER BY created_at LIMIT ?",
                (now, bundle_hash, now, limit),
            )
            return [row[0] for row in rows]

        return await self._reader.run(work)

    async def purge(self, finished_before: float) -> int:
        """Forgets old chains; see `StateStore`."""

        def work(connection: sqlite3.Connection) -> int:
            return connection.execute("DELETE FROM chain WHERE finished_at < ?", (finished_before,)).rowcount

        return await self._writer.run(work)

    async def close(self) -> None:
        """Closes both connections."""
        await self._reader.close()
        await self._writer.close()


def _create_schema(path: Path, connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")  # two routers may open a new file at once
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version == 0:
        for statement in filter(str.strip, SCHEMA.split(";")):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
    connection.execute("COMMIT")
    if version not in (0, SCHEMA_VERSION):
        raise DataLoss(
            "STATE_STORE_VERSION",
            f"the state store {path} has schema version {version}, this router writes {SCHEMA_VERSION}; "
            "name another file",
        )
