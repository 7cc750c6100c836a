"""Starts, resumes, steers and follows chains, and takes over those whose router has gone.

What happens when a client goes away: nothing. A chain runs on to its end without a listener; a step that
needs the client waits until the chain's deadline, so that the client can come back with a resume (here or at
another router of the same store). Only a cancel message, or the deadline, ends a chain early.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator
from datetime import UTC, datetime

from opentelemetry import context as otel_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from ulid import ULID

from narrowgauge.errors import FailedPrecondition, LimitExceeded, NarrowgaugeError, Overloaded, Unavailable
from narrowgauge.v1 import dispatcher_pb2
from router_svc.chain.log import LogClosed
from router_svc.chain.parts import Environment
from router_svc.chain.state import ChainState
from router_svc.requests import check_start
from router_svc.running import RunningChain
from router_svc.state.store import ChainRecord, Command, Lease, StateStore
from router_svc.steering import answer_of, target_sequence

__all__ = ["Dispatcher"]

RETRY_AFTER_MS = 1000
FOLLOW_WAIT_S = 1.0
"""How long a follower of another router's chain waits before it looks whether that router still lives."""

_log = logging.getLogger(__name__)
_propagator = TraceContextTextMapPropagator()


class Dispatcher:
    """The chains of one router process."""

    def __init__(self, environment: Environment, store: StateStore, bundle_hash: str, lease_s: float) -> None:
        """Takes what chains need.

        Args:
            environment: What all chains share.
            store: Where they are logged.
            bundle_hash: The router's bundle; only chains of the same bundle are taken over.
            lease_s: How long a chain stays this router's after its last sign of life.
        """
        self._environment = environment
        self._store = store
        self._bundle_hash = bundle_hash
        self._lease_s = lease_s
        self.owner = str(ULID())
        self._chains: dict[str, RunningChain] = {}
        self._starting = 0
        self._has_chains = asyncio.Event()
        self._releasing: set[asyncio.Task[None]] = set()
        self._closing = False

    @property
    def running(self) -> list[Lease]:
        """Leases of the chains that run here."""
        return [chain.log.lease for chain in self._chains.values()]

    @property
    def free_permits(self) -> int:
        """Chains that may be begun now."""
        return self._environment.limits.max_chains - len(self._chains) - self._starting

    async def start(self, start: dispatcher_pb2.ChainStart, rpc_left_s: float | None) -> str:
        """Begins a chain and returns its session id.

        Args:
            start: What the client asked for.
            rpc_left_s: What is left of the call's own deadline. It bounds the chain when `start` has no
                deadline: a client that gives the call five seconds wants no work done after them.

        Raises:
            InvalidRequest: The start is wrong.
            AlreadyExists: The session id is taken.
            Overloaded: TOO_MANY_CHAINS.
        """
        limits = self._environment.limits
        check_start(start, limits)
        if self.free_permits <= 0:
            raise Overloaded(
                "TOO_MANY_CHAINS",
                f"this router runs {limits.max_chains} chains, its limit; try again later",
                retry_after_ms=RETRY_AFTER_MS,
                metadata={"limit": str(limits.max_chains)},
            )
        seconds = limits.deadline_s
        if start.HasField("deadline"):
            seconds = start.deadline.ToNanoseconds() / 1e9
        elif rpc_left_s is not None:
            seconds = min(seconds, max(rpc_left_s, 0.001))
        full = dispatcher_pb2.ChainStart()
        full.CopyFrom(start)
        full.today = start.today or datetime.now(UTC).date().isoformat()
        carrier: dict[str, str] = {}
        _propagator.inject(carrier)
        now = time.time()
        record = ChainRecord(
            session_id=start.session_id or str(ULID()),
            start=full.SerializeToString(),
            created_at=now,
            deadline_at=now + seconds,
            traceparent=carrier.get("traceparent", ""),
            bundle_hash=self._bundle_hash,
        )
        self._starting += 1  # the permit, held while the store writes
        try:
            lease = await self._store.create(record, self.owner, self._lease_s)
            self._launch(record, lease, [], None)
        finally:
            self._starting -= 1
        return record.session_id

    async def check_resume(self, resume: dispatcher_pb2.ChainResume) -> None:
        """Makes sure that a log can be continued after a sequence number.

        Raises:
            NotFound: There is no such session.
            LimitExceeded: SEQUENCE_OUT_OF_RANGE: its log does not reach that far.
        """
        stored = await self._store.read(resume.session_id)
        if not 0 <= resume.last_sequence <= stored.last_sequence:
            raise LimitExceeded(
                "SEQUENCE_OUT_OF_RANGE",
                f"last_sequence is {resume.last_sequence}, the log of session {resume.session_id} has "
                f"{stored.last_sequence} events",
                metadata={"last_sequence": str(stored.last_sequence)},
            )

    async def follow(self, session_id: str, after: int) -> AsyncGenerator[dispatcher_pb2.DispatchResponse]:
        """Yields a chain's events after a sequence number, live, until its last one.

        Takes the chain over when no router runs it.

        Raises:
            NotFound: There is no such session.
            Overloaded: The store is full; the chain goes on when it is resumed later.
            Unavailable: The store failed, or this router stops: resume later or elsewhere.
        """
        while True:
            chain = self._chains.get(session_id)
            if chain is not None:
                try:
                    async for event in chain.log.follow(after):
                        after = event.sequence
                        yield event
                    return
                except LogClosed as closed:
                    if closed.cause is not None:
                        raise closed.cause from closed
            if self._closing:
                raise Unavailable("ROUTER_STOPPING", "this router stops; resume the session at another one")
            stored = await self._store.read(session_id)
            for body in await self._store.events(session_id, after):
                event = dispatcher_pb2.DispatchResponse.FromString(body)
                after = event.sequence
                yield event
            if stored.finished and after >= stored.last_sequence:
                return
            if after < stored.last_sequence or (not stored.owned and await self.adopt(session_id)):
                continue
            await self._store.wait_events(session_id, after, FOLLOW_WAIT_S)

    async def steer(self, session_id: str, request: dispatcher_pb2.DispatchRequest) -> None:
        """Does what a client's later message asks.

        Raises:
            FailedPrecondition: STEP_NOT_WAITING: the step waits for nothing of the kind.
            InvalidRequest: The message is wrong.
        """
        answered = answer_of(request)
        chain = self._chains.get(session_id)
        if chain is not None:
            self._apply(chain, request)
            return
        stored = await self._store.read(session_id)
        if stored.finished:
            if answered is None:
                return  # the chain has ended, as the client wishes
            raise FailedPrecondition("CHAIN_ENDED", f"the chain of session {session_id} has ended")
        target = 0
        if answered is not None:
            state = ChainState()
            for event in await self._stored_events(session_id):
                state.apply(event)
            target = target_sequence(state, self._environment.tools, *answered)
        await self._store.send(Command(session_id, target, request.SerializeToString()))

    def obey(self, command: Command) -> None:
        """Does what a command of another router asks, unless it is answered already or not ours."""
        chain = self._chains.get(command.session_id)
        if chain is None:
            return
        request = dispatcher_pb2.DispatchRequest.FromString(command.payload)
        try:
            answered = answer_of(request)
            if answered is not None:
                target = target_sequence(chain.log.state, self._environment.tools, *answered)
                if target != command.target_sequence:
                    return
            self._apply(chain, request)
        except NarrowgaugeError as error:
            # the sender checked it against the log: two clients answered, and the other was first
            _log.info("a steering message came too late", extra={"reason": error.reason})

    async def adopt(self, session_id: str) -> bool:
        """Takes a chain over that nobody runs; returns whether it runs here now."""
        if self._closing or self.free_permits <= 0:
            return False
        if session_id in self._chains:
            return False  # its lease ran out while this process was held up, and is renewed with the others
        self._starting += 1
        try:
            stored = await self._store.read(session_id)
            if stored.record.bundle_hash != self._bundle_hash and time.time() < stored.record.deadline_at:
                return False  # its plan and calls are of other contracts
            lease = await self._store.acquire(session_id, self.owner, self._lease_s)
            if lease is None:
                return False
            events = await self._stored_events(session_id)
            _log.warning(
                "taking a chain over", extra={"session_id": session_id, "last_sequence": len(events)}
            )
            parent = _propagator.extract({"traceparent": stored.record.traceparent})
            self._launch(stored.record, lease, events, parent)
            for command in (await self._store.commands("", 0.0))[0]:
                if command.session_id == session_id:
                    self.obey(command)
        finally:
            self._starting -= 1
        return True

    def lose(self, session_id: str) -> None:
        """Stops a chain that another router has taken over."""
        chain = self._chains.get(session_id)
        if chain is not None:
            chain.log.close(None)
            chain.task.cancel()

    async def wait_for_chains(self) -> None:
        """Returns once a chain runs here."""
        await self._has_chains.wait()

    async def close(self) -> None:
        """Leaves all chains as their logs are and gives them up for other routers."""
        self._closing = True
        chains = list(self._chains.values())
        for chain in chains:
            chain.log.close(None)
            chain.task.cancel()
        if chains:
            await asyncio.wait([chain.task for chain in chains])
        for chain in chains:
            await self._hand_over(chain)
        if self._releasing:
            await asyncio.wait(self._releasing)

    def _launch(
        self,
        record: ChainRecord,
        lease: Lease,
        events: list[dispatcher_pb2.DispatchResponse],
        parent: otel_context.Context | None,
    ) -> None:
        chain = RunningChain(self._environment, self._store, record, lease, events, parent)
        self._chains[record.session_id] = chain
        self._has_chains.set()
        chain.task.add_done_callback(lambda _: self._ended(record.session_id, chain))

    def _ended(self, session_id: str, chain: RunningChain) -> None:
        if self._chains.get(session_id) is chain:
            del self._chains[session_id]
        if not self._chains:
            self._has_chains.clear()
        error = None if chain.task.cancelled() else chain.task.exception()
        if isinstance(error, LogClosed):
            _log.error("a chain stopped", extra={"session_id": session_id, "cause": str(error)})
        elif error is not None:
            _log.error("defect in a chain", exc_info=error, extra={"session_id": session_id})
        if chain.log.state.finished is None and not self._closing:
            releasing = asyncio.create_task(self._hand_over(chain))
            self._releasing.add(releasing)
            releasing.add_done_callback(self._releasing.discard)

    async def _hand_over(self, chain: RunningChain) -> None:
        """Leaves a chain that has not ended to the next router, with what clients said and the log lacks."""
        try:
            for command in chain.steered:
                await self._store.send(command)
            await self._store.release(chain.log.lease)
        except NarrowgaugeError as error:
            # the lease runs out by itself
            _log.warning("a lease was not released", extra={"reason": error.reason})

    def _apply(self, chain: RunningChain, request: dispatcher_pb2.DispatchRequest) -> None:
        answered = answer_of(request)
        target = 0
        if answered is not None:
            target = target_sequence(chain.log.state, self._environment.tools, *answered)
            chain.gate.answer(*answered)
        elif not chain.executor.cancel(request.cancel.reason):
            return
        chain.steered.append(Command(chain.log.session_id, target, request.SerializeToString()))

    async def _stored_events(self, session_id: str) -> list[dispatcher_pb2.DispatchResponse]:
        events: list[dispatcher_pb2.DispatchResponse] = []
        while bodies := await self._store.events(session_id, len(events)):
            events += [dispatcher_pb2.DispatchResponse.FromString(body) for body in bodies]
        return events
