"""Planning off the event loop: worker threads take what queued while they were busy."""

from __future__ import annotations

import asyncio
import math
import queue
import threading
from collections import deque
from dataclasses import dataclass
from typing import Protocol

from narrowgauge.errors import Overloaded, Unavailable
from narrowgauge.routing.vocabulary import Vocabulary
from narrowgauge.v1 import dispatcher_pb2

__all__ = ["Planner", "PlansText"]

_MEMORY = 0.9  # of the moving average of plan times
_BATCH = 32


class PlansText(Protocol):
    """What a planner runs: `narrowgauge.routing.RouterGraph`."""

    def plan(self, text: str, vocabulary: Vocabulary | None = None) -> dispatcher_pb2.Plan:
        """Plans one request; called from several threads."""


@dataclass(frozen=True)
class _Entry:
    text: str
    vocabulary: Vocabulary | None
    future: asyncio.Future[dispatcher_pb2.Plan]


class Planner:
    """Admits requests by permits and plans them in threads; a caller that left is not planned.

    A batch is what queued while a worker was busy: no timer ever holds a request back. Its requests run
    through the graph one at a time, because activations are quantised for a whole input: a request's plan is
    the same alone and among others, and on a CPU one request already fills a core's vector units.

    Args:
        graph: The compiled router.
        permits: Requests that may wait or run at once; further ones are refused at once.
        workers: Planning threads.
    """

    def __init__(self, graph: PlansText, *, permits: int = 64, workers: int = 1) -> None:
        self._graph = graph
        self._permits = permits
        self._workers = workers
        self._admitted = 0
        self._queue: queue.SimpleQueue[_Entry | None] = queue.SimpleQueue()
        self._plan_ms = 5.0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._threads: list[threading.Thread] = []
        self._waiting: set[asyncio.Future[dispatcher_pb2.Plan]] = set()
        self._closed = False

    @property
    def admitted(self) -> int:
        """Requests that hold a permit now."""
        return self._admitted

    async def plan(self, text: str, vocabulary: Vocabulary | None = None) -> dispatcher_pb2.Plan:
        """Plans a request.

        Args:
            text: The request.
            vocabulary: What the tools have.

        Raises:
            Overloaded: All permits are taken.
            Unavailable: The planner was closed.
            InvalidRequest: The text is blank.
            LimitExceeded: The text is too long or has too many steps.
        """
        if self._closed:
            raise Unavailable("PLANNER_CLOSED", "the router is shutting down")
        if self._admitted >= self._permits:
            raise Overloaded(
                "PLANNER_OVERLOADED",
                f"{self._permits} requests are being planned",
                retry_after_ms=max(1, math.ceil(self._admitted * self._plan_ms / self._workers)),
            )
        loop = asyncio.get_running_loop()
        self._start(loop)
        future: asyncio.Future[dispatcher_pb2.Plan] = loop.create_future()
        self._admitted += 1
        self._waiting.add(future)
        self._queue.put(_Entry(text, vocabulary, future))
        try:
            return await future
        finally:
            self._waiting.discard(future)
            self._admitted -= 1

    async def aclose(self) -> None:
        """Ends the threads after the request that each is planning; those that wait get `Unavailable`."""
        self._closed = True
        for future in list(self._waiting):
            if not future.done():
                future.set_exception(Unavailable("PLANNER_CLOSED", "the router is shutting down"))
        threads, self._threads = self._threads, []
        for _ in threads:
            self._queue.put(None)
        for thread in threads:
            await asyncio.to_thread(thread.join)

    def _start(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._threads:
            return
        self._loop = loop
        for number in range(self._workers):
            thread = threading.Thread(target=self._work, name=f"planner-{number}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _work(self) -> None:
        batch: deque[_Entry] = deque()
        while True:
            entry = self._queue.get()
            while entry is not None:
                batch.append(entry)
                if len(batch) == _BATCH:
                    break
                try:
                    entry = self._queue.get_nowait()
                except queue.Empty:
                    break
            while batch:
                self._run(batch.popleft())
            if entry is None:
                return

    def _run(self, entry: _Entry) -> None:
        if entry.future.done():  # the caller left, or the planner closes
            return
        plan: dispatcher_pb2.Plan | None = None
        failure: BaseException | None = None
        try:
            plan = self._graph.plan(entry.text, entry.vocabulary)
        except Exception as error:  # goes to the caller, whatever it is
            failure = error
        assert self._loop is not None
        try:
            self._loop.call_soon_threadsafe(self._deliver, entry.future, plan, failure)
        except RuntimeError:
            return  # the event loop was closed: nobody waits any more

    def _deliver(
        self,
        future: asyncio.Future[dispatcher_pb2.Plan],
        plan: dispatcher_pb2.Plan | None,
        failure: BaseException | None,
    ) -> None:
        if plan is not None:
            self._plan_ms = _MEMORY * self._plan_ms + (1 - _MEMORY) * plan.plan_ms
        if future.done():
            return
        if failure is not None:
            future.set_exception(failure)
        elif plan is not None:
            future.set_result(plan)
