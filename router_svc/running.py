"""A chain that runs in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from opentelemetry import context as otel_context

from narrowgauge.v1 import dispatcher_pb2
from router_svc.chain.clock import ChainClock
from router_svc.chain.executor import ChainExecutor
from router_svc.chain.gate import Gate
from router_svc.chain.log import ChainLog
from router_svc.chain.parts import ChainParts, Environment
from router_svc.state.store import ChainRecord, Command, Lease, StateStore

__all__ = ["RunningChain"]


class RunningChain:
    """Owns a chain's log, its executor and the task that runs it.

    Attributes:
        log: The log.
        gate: Where its steps wait for the client.
        executor: What drives it.
        steered: What clients said to it here, for the next router if the chain does not end in this one.
        task: The task; raises `LogClosed` when the log takes no more events.
    """

    def __init__(
        self,
        environment: Environment,
        store: StateStore,
        record: ChainRecord,
        lease: Lease,
        events: Sequence[dispatcher_pb2.DispatchResponse],
        parent: otel_context.Context | None,
    ) -> None:
        """Starts to run a chain.

        Args:
            environment: What all chains share.
            store: Where it is logged.
            record: What it was started with.
            lease: The right to append to its log.
            events: What its log holds already.
            parent: Trace context of its spans; `None` for the caller's.
        """
        self.log = ChainLog(store, lease, events)
        self.gate = Gate(self.log.state)
        self.steered: list[Command] = []
        self.executor = ChainExecutor(
            ChainParts(
                environment=environment,
                start=dispatcher_pb2.ChainStart.FromString(record.start),
                deadline_at=record.deadline_at,
                log=self.log,
                gate=self.gate,
                clock=ChainClock(record.created_at, self.log.state),
                slots=asyncio.Semaphore(environment.limits.max_parallel),
            )
        )
        self._parent = parent
        self.task = asyncio.create_task(self._run(), name=f"chain {lease.session_id}")

    async def _run(self) -> None:
        # a task has its own context: attaching here reaches only this chain's spans
        if self._parent is not None:
            otel_context.attach(self._parent)
        await self.executor.run()
