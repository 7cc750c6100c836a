"""A thread that owns one SQLite connection and commits what queued meanwhile as one transaction."""

from __future__ import annotations

import asyncio
import errno
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from narrowgauge.errors import DataLoss, NarrowgaugeError, Overloaded, Unavailable

__all__ = ["SqliteThread", "store_error"]

T = TypeVar("T")

BUSY_TIMEOUT_S = 5.0
FULL_RETRY_AFTER_MS = 30_000
"""When to try again on a full disk: long enough for a person to make room."""


@dataclass
class _Job:
    work: Callable[[sqlite3.Connection], Any]
    durable: bool
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[Any]
    result: Any = None
    error: BaseException | None = None

    def deliver(self) -> None:
        """Hands the outcome to the caller's loop, unless that has been closed."""
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self._settle)

    def _settle(self) -> None:
        if self.done.done():  # the caller was cancelled; the work is done all the same
            return
        if self.error is not None:
            self.done.set_exception(self.error)
        else:
            self.done.set_result(self.result)


class SqliteThread:
    """Runs functions of a connection in a thread of its own, off the event loop.

    Jobs that wait while a transaction is being committed share the next one (group commit): with
    `synchronous=FULL` the cost is the sync to disk, and it is paid once for all of them. Each job has a
    savepoint, so that one job's error leaves the others alone.
    """

    def __init__(
        self,
        path: Path,
        name: str,
        *,
        begin: str,
        prepare: Callable[[sqlite3.Connection], None] | None = None,
    ) -> None:
        """Opens the database.

        Args:
            path: The file.
            name: The thread's name.
            begin: How a transaction begins: `BEGIN IMMEDIATE` to write, `BEGIN` to read beside a writer.
            prepare: Called with the new connection, for example to create tables.

        Raises:
            DataLoss: The file is not a database, or is damaged.
            Overloaded: There is no space.
            Unavailable: The file cannot be opened or written.
        """
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._closed = False
        self._path = path
        self._begin = begin
        try:
            # autocommit mode: the transactions are begun and ended by this class alone
            self._connection = sqlite3.connect(
                path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
            )
            try:
                self._connection.execute("PRAGMA journal_mode=WAL")
                self._connection.execute("PRAGMA foreign_keys=ON")
                if prepare is not None:
                    prepare(self._connection)
            except BaseException:
                self._connection.close()
                raise
        except sqlite3.Error as error:
            raise store_error(error, path) from error
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    async def run(self, work: Callable[[sqlite3.Connection], T], *, durable: bool = False) -> T:
        """Runs `work` in a transaction and returns its result once that is committed.

        Args:
            work: Called in the thread with the connection; may be called a second time after a rollback.
            durable: Sync to disk before returning.
        """
        if self._closed:
            raise Unavailable("STATE_STORE_CLOSED", "the state store is closed")
        loop = asyncio.get_running_loop()
        job = _Job(work, durable, loop, loop.create_future())
        self._jobs.put(job)
        result: T = await job.done
        return result

    async def close(self) -> None:
        """Ends the jobs that are queued, then the thread and the connection."""
        if self._closed:
            return
        self._closed = True
        self._jobs.put(None)
        await asyncio.get_running_loop().run_in_executor(None, self._thread.join)

    def _work(self) -> None:
        open_ = True
        while open_:
            batch = [self._jobs.get()]
            while not self._jobs.empty():
                batch.append(self._jobs.get())
            open_ = None not in batch
            jobs = [job for job in batch if job is not None]
            if jobs and not self._commit(jobs) and len(jobs) > 1:
                for job in jobs:  # one of them may be what the transaction failed on
                    self._commit([job])
            for job in jobs:
                job.deliver()
        self._connection.close()

    def _commit(self, jobs: Sequence[_Job]) -> bool:
        """Runs jobs in one transaction; returns whether it was committed."""
        connection = self._connection
        try:
            # FULL also syncs what NORMAL commits left in the write-ahead log before this one
            level = "FULL" if any(job.durable for job in jobs) else "NORMAL"
            connection.execute(f"PRAGMA synchronous={level}")
            connection.execute(self._begin)
            for job in jobs:
                self._run_in_savepoint(job)
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            for job in jobs:
                job.result, job.error = None, store_error(error, self._path)
            return False
        return True

    def _run_in_savepoint(self, job: _Job) -> None:
        job.result = job.error = None
        self._connection.execute("SAVEPOINT job")
        try:
            job.result = job.work(self._connection)
        except sqlite3.Error:
            raise
        except Exception as error:
            job.error = error
            self._connection.execute("ROLLBACK TO job")
        self._connection.execute("RELEASE job")


def store_error(error: sqlite3.Error | OSError, path: Path) -> NarrowgaugeError:
    """Turns what SQLite or the file system says into the error that the caller of the store gets."""
    name = getattr(error, "sqlite_errorname", "") or ""
    metadata = {"path": str(path), "cause": name or type(error).__name__}
    if name.startswith("SQLITE_FULL") or getattr(error, "errno", None) == errno.ENOSPC:
        return Overloaded(
            "STATE_STORE_FULL",
            f"the state store {path} is full ({error}); free some space, the chain can then be resumed",
            retry_after_ms=FULL_RETRY_AFTER_MS,
            metadata=metadata,
        )
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return DataLoss(
            "STATE_STORE_DAMAGED",
            f"the state store {path} is damaged ({error}); restore it, or name another file",
            metadata=metadata,
        )
    return Unavailable("STATE_STORE_FAILED", f"the state store {path} failed: {error}", metadata=metadata)
