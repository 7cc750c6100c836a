"""A chain's log as its owner writes it: numbered, stored, folded into the state, then shown to followers."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from narrowgauge.errors import InternalError, NarrowgaugeError
from narrowgauge.v1 import dispatcher_pb2
from router_svc.chain.state import ChainState
from router_svc.state.store import Lease, LeaseLost, StateStore

__all__ = ["ChainLog", "LogClosed"]

_log = logging.getLogger(__name__)


class LogClosed(Exception):
    """Nothing more can be appended here: the store failed, or another router owns the chain.

    Attributes:
        cause: The store's error; `None` when the chain goes on in another process or later.
    """

    def __init__(self, cause: NarrowgaugeError | None) -> None:
        super().__init__(str(cause) if cause else "the chain goes on elsewhere")
        self.cause = cause


@dataclass
class _Pending:
    events: Sequence[dispatcher_pb2.DispatchResponse]
    durable: bool
    done: asyncio.Future[None]


class ChainLog:
    """The only way to change a chain.

    Events of parallel steps that come while the store is writing go into its next write together. Followers
    see an event only once it is stored.

    Attributes:
        state: What the log amounts to.
        state_ms: Time spent in the store's writes.
    """

    def __init__(
        self, store: StateStore, lease: Lease, events: Sequence[dispatcher_pb2.DispatchResponse] = ()
    ) -> None:
        """Begins with the events that are stored already."""
        self._store = store
        self.lease = lease
        self.events = list(events)
        self.state = ChainState()
        for event in self.events:
            self.state.apply(event)
        self.state_ms = 0.0
        self._pending: list[_Pending] = []
        self._writer: asyncio.Task[None] | None = None
        self._closed: LogClosed | None = None
        self._news = asyncio.Event()

    @property
    def session_id(self) -> str:
        """The session."""
        return self.lease.session_id

    async def append(self, *payloads: tuple[str, dict[str, Any]], durable: bool = False) -> None:
        """Appends events, all or none; returns once they are stored and in the state.

        An append under way is finished also when its caller is cancelled.

        Args:
            payloads: Step id and the event's field with its message, for example
                `("2", {"step_started": StepStarted(…)})`.
            durable: They must survive a loss of power before this returns.

        Raises:
            LogClosed: They are not stored.
        """
        if self._closed is not None:
            raise self._closed
        events = [
            dispatcher_pb2.DispatchResponse(session_id=self.session_id, step_id=step_id, **payload)
            for step_id, payload in payloads
        ]
        done = asyncio.get_running_loop().create_future()
        self._pending.append(_Pending(events, durable, done))
        if self._writer is None:
            self._writer = asyncio.create_task(self._write())
        await asyncio.shield(done)

    async def drain(self) -> None:
        """Returns when no append is under way."""
        while self._writer is not None:
            await asyncio.wait([self._writer])

    def close(self, cause: NarrowgaugeError | None) -> None:
        """Refuses further events and tells followers why; an append under way may still be stored."""
        if self._closed is None:
            self._closed = LogClosed(cause)
            self._wake()

    async def follow(self, after: int) -> AsyncIterator[dispatcher_pb2.DispatchResponse]:
        """Yields the events after a sequence number, those to come included; ends with the chain.

        Raises:
            LogClosed: The log was closed before the chain's end; what was stored until then was yielded.
        """
        while True:
            news = self._news
            while after < len(self.events):
                after += 1
                yield self.events[after - 1]
            if self.state.finished is not None:
                return
            if self._closed is not None:
                raise self._closed
            if after >= len(self.events):
                await news.wait()

    async def _write(self) -> None:
        try:
            while self._pending:
                batch, self._pending = self._pending, []
                try:
                    if self._closed is not None:
                        raise self._closed
                    await self._store_batch(batch)
                except LogClosed as closed:
                    for entry in batch:
                        _fail(entry.done, closed)
                else:
                    for entry in batch:
                        if not entry.done.done():
                            entry.done.set_result(None)
        finally:
            self._writer = None

    async def _store_batch(self, batch: Sequence[_Pending]) -> None:
        events = [event for entry in batch for event in entry.events]
        first = len(self.events) + 1
        now = time.time_ns()
        for sequence, event in enumerate(events, start=first):
            event.sequence = sequence
            event.time.FromNanoseconds(now)
        began = time.perf_counter()
        try:
            await self._store.append(
                self.lease,
                first,
                [event.SerializeToString() for event in events],
                durable=any(entry.durable for entry in batch),
                finished=events[-1].HasField("chain_finished"),
            )
            self.state_ms += (time.perf_counter() - began) * 1000
            for event in events:
                self.state.apply(event)
                self.events.append(event)
        except LeaseLost:
            self.close(None)
            raise LogClosed(None) from None
        except NarrowgaugeError as error:
            self.close(error)
            raise LogClosed(error) from error
        except Exception as error:
            # callers wait for this task alone: a defect must reach them instead of leaving them waiting
            _log.exception("defect while a chain's log was written", extra={"session_id": self.session_id})
            defect = InternalError("LOG_DEFECT", f"a defect stopped the chain's log ({type(error).__name__})")
            self.close(defect)
            raise LogClosed(defect) from error
        self._wake()

    def _wake(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()


def _fail(done: asyncio.Future[None], error: LogClosed) -> None:
    if not done.done():
        done.set_exception(error)
        done.exception()  # read here too, so that a cancelled caller leaves no "never retrieved" warning
