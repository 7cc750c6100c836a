"""Where a chain's time goes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from narrowgauge.v1 import dispatcher_pb2
from router_svc.chain.state import ChainState

__all__ = ["ChainClock"]


class ChainClock:
    """Adds up a chain's times.

    The loop's time leaves out the time in which nothing but approvals was waited for: an approval that is
    waited for while another step works costs the loop nothing extra and is not taken off it. Hops that run
    in parallel count in full each. After a take-over, times before it are those of the log.
    """

    def __init__(self, created_at: float, state: ChainState) -> None:
        """Begins at `created_at`, in seconds since the epoch, with what the log holds already."""
        self._before_s = max(0.0, time.time() - created_at)
        self._began = time.monotonic()
        self._mark = self._began
        self._working = 0
        self._waiting = 0
        self._approval_s = sum(run.approval_s for run in state.runs.values())
        self.plan_ms = state.plan.plan_ms if state.plan is not None else 0.0
        self.specialist_ms = 0.0
        self.tool_ms = 0.0

    @contextmanager
    def working(self) -> Iterator[None]:
        """Counts the block as work of the chain."""
        self._tick()
        self._working += 1
        try:
            yield
        finally:
            self._tick()
            self._working -= 1

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Counts the block as waiting for an approval."""
        self._tick()
        self._waiting += 1
        try:
            yield
        finally:
            self._tick()
            self._waiting -= 1

    def timings(self, state_ms: float) -> dispatcher_pb2.ChainTimings:
        """Returns the times until now, given the time spent on writing the log."""
        self._tick()
        total_s = self._before_s + time.monotonic() - self._began
        return dispatcher_pb2.ChainTimings(
            loop_ms=max(0.0, total_s - self._approval_s) * 1000,
            plan_ms=self.plan_ms,
            specialist_ms=self.specialist_ms,
            tool_ms=self.tool_ms,
            state_ms=state_ms,
            approval_ms=self._approval_s * 1000,
        )

    def _tick(self) -> None:
        now = time.monotonic()
        if self._waiting and not self._working:
            self._approval_s += now - self._mark
        self._mark = now
