"""What the executor and the runs of one chain share."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from google.protobuf.message import Message

from narrowgauge.v1 import dispatcher_pb2
from router_svc.chain.clock import ChainClock
from router_svc.chain.context import ContextBuilder
from router_svc.chain.gate import Gate
from router_svc.chain.log import ChainLog
from router_svc.chain.ports import Planner, Specialists, Tools
from router_svc.chain.state import ChainState
from router_svc.limits import Limits

__all__ = ["ChainParts", "Environment"]


@dataclass(frozen=True)
class Environment:
    """What all chains of a router share.

    Attributes:
        planner: Makes plans.
        specialist_names: The bundle's specialists.
        about_context: Those whose job is their context (`sources.about_context`).
        specialists: Opens streams to them.
        tools: Executes tool calls.
        contexts: Makes context documents of results.
        violations: Names the protovalidate rules that a message breaks, as field path and text.
        limits: Bounds.
    """

    planner: Planner
    specialist_names: frozenset[str]
    about_context: frozenset[str]
    specialists: Specialists
    tools: Tools
    contexts: ContextBuilder
    violations: Callable[[Message], list[tuple[str, str]]]
    limits: Limits


@dataclass(frozen=True)
class ChainParts:
    """One chain.

    Attributes:
        environment: What it shares with the others.
        start: What the client asked for, `today` filled in.
        deadline_at: Seconds since the epoch.
        log: Its log.
        gate: Where it waits for the client.
        clock: Where its time goes.
        slots: Permits for calls to other processes. A step that waits for a person holds none.
    """

    environment: Environment
    start: dispatcher_pb2.ChainStart
    deadline_at: float
    log: ChainLog
    gate: Gate
    clock: ChainClock
    slots: asyncio.Semaphore

    @property
    def state(self) -> ChainState:
        """What the log amounts to."""
        return self.log.state

    @property
    def left_s(self) -> float:
        """Seconds until the deadline, at least a millisecond, so that a timeout made of it is valid."""
        return max(0.001, self.deadline_at - time.time())
