"""Trying a hop again when the other side was not there, with the attempt in the log."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from google.rpc import code_pb2, status_pb2

from narrowgauge.runtime import metrics, semconv
from narrowgauge.v1 import dispatcher_pb2
from router_svc.chain.parts import ChainParts
from router_svc.chain.state import Run
from router_svc.hops.failure import HopFailed, reason_of, retry_delay_of

__all__ = ["log_retry", "retrying"]

T = TypeVar("T")

MAX_BACKOFF_S = 5.0


async def retrying(parts: ChainParts, run: Run, attempt: Callable[[], Awaitable[T]]) -> T:
    """Calls `attempt` until it succeeds, fails for good, or the budget of attempts is spent.

    Safe for reads and for writes with an idempotency key. Each further attempt is a `StepRetry` event.

    Raises:
        HopFailed: The last failure.
    """
    limits = parts.environment.limits
    number = 1
    while True:
        try:
            return await attempt()
        except HopFailed as failed:
            metrics.failures.add(1, {semconv.HOP: failed.hop, semconv.REASON: reason_of(failed.status)})
            if not failed.may_be_repeated or number >= limits.retry_attempts:
                raise
            await log_retry(parts, run, failed.status)
            await asyncio.sleep(_delay_s(failed.status, number, limits.retry_backoff_s))
            number += 1


async def log_retry(parts: ChainParts, run: Run, cause: status_pb2.Status) -> None:
    """Logs that the step is tried again."""
    retry = dispatcher_pb2.StepRetry(cause=cause, attempt=run.attempt + 1)
    await parts.log.append((run.step_id, {"step_retry": retry}))


def _delay_s(status: status_pb2.Status, number: int, backoff_s: float) -> float:
    """Exponential backoff with full jitter above half, at least what the other side asks for."""
    grown: float = min(backoff_s * 2 ** (number - 1), MAX_BACKOFF_S)
    delay: float = grown * random.uniform(0.5, 1.0)  # noqa: S311  spreads load, guards nothing
    if status.code == code_pb2.RESOURCE_EXHAUSTED:
        delay = max(delay, retry_delay_of(status) or 0.0)
    return delay
