"""The router's side of the specialists: handshake, reachability, streams."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

import grpc
from google.rpc import status_pb2

from narrowgauge.contracts.contract import Contract
from narrowgauge.errors import DeadlineExceeded, FailedPrecondition, NarrowgaugeError, Unavailable
from narrowgauge.runtime import semconv
from narrowgauge.runtime.channels import open_channel
from narrowgauge.runtime.status import error_from_rpc, status_of
from narrowgauge.runtime.telemetry import traceparent
from narrowgauge.v1 import dispatcher_pb2, specialist_pb2, specialist_pb2_grpc
from router_svc.chain.ports import Conversation, SubTask
from router_svc.hops.catalogues import Catalogues
from router_svc.hops.failure import HopFailed, reason_of

__all__ = ["SpecialistLinks"]

DESCRIBE_TIMEOUT_S = 2.0

_log = logging.getLogger(__name__)


class SpecialistLinks:
    """A channel to each specialist of the bundle, used only after both sides named the same bundle."""

    def __init__(
        self,
        bundle_hash: str,
        contracts: Mapping[str, Contract],
        targets: Mapping[str, str],
        catalogues: Catalogues,
    ) -> None:
        """Opens the channels; they connect when they are first used.

        Args:
            bundle_hash: The router's bundle.
            contracts: The bundle's contracts by specialist.
            targets: gRPC targets by specialist; one without is listed as unreachable.
            catalogues: Where what exists in a tool's environment comes from.
        """
        self._links = {
            name: _Link(name, contract, bundle_hash, targets.get(name, ""))
            for name, contract in sorted(contracts.items())
        }
        self._catalogues = catalogues
        self._bundle_hash = bundle_hash

    def converse(self, specialist: str, timeout_s: float) -> Conversation:
        """Opens a stream; see `Specialists`."""
        link = self._links[specialist]
        return _Stream(link, self._catalogues, self._bundle_hash, timeout_s)

    async def handshake(self) -> None:
        """Asks all specialists for their bundle, and logs each that is refused or cannot be reached."""
        await asyncio.gather(*(link.verify() for link in self._links.values()))
        for link in self._links.values():
            if link.refusal is not None:
                _log.error(
                    link.refusal.message,
                    extra={"specialist": link.name, "reason": link.refusal.reason, **link.refusal.metadata},
                )

    async def statuses(self) -> list[dispatcher_pb2.SpecialistStatus]:
        """Returns each specialist as it is now, by name."""
        await asyncio.gather(*(link.verify() for link in self._links.values()))
        return [link.status() for link in self._links.values()]

    async def close(self) -> None:
        """Closes the channels."""
        await asyncio.gather(*(link.close() for link in self._links.values()))


class _Link:
    """The channel to one specialist."""

    def __init__(self, name: str, contract: Contract, bundle_hash: str, target: str) -> None:
        self.name = name
        self.contract = contract
        self.refusal: NarrowgaugeError | None = None
        self.verified = False
        self._bundle_hash = bundle_hash
        self._target = target
        self._channel = open_channel(target) if target else None
        self.stub = specialist_pb2_grpc.SpecialistServiceStub(self._channel) if self._channel else None
        self.catalogue_hash = ""
        """The catalogue that the specialist has been sent since it was verified last."""

    async def ready(self) -> None:
        """Makes sure that the specialist has been verified since its last failure.

        Raises:
            HopFailed: It is not configured, not reachable, or serves another bundle.
        """
        if not self.verified:
            await self.verify()
        if self.refusal is not None:
            raise HopFailed(semconv.SPAN_SPECIALIST, status_of(self.refusal))

    async def verify(self) -> None:
        """Asks the specialist for its bundle and sets `verified` and `refusal`."""
        self.catalogue_hash = ""  # it may be another process by now
        self.verified, refusal = False, await self._refusal()
        self.verified, self.refusal = refusal is None, refusal

    async def _refusal(self) -> NarrowgaugeError | None:
        if self.stub is None:
            return FailedPrecondition(
                "SPECIALIST_NOT_CONFIGURED",
                f"specialist {self.name} has no address; add {self.name}=host:port to "
                "NARROWGAUGE_SPECIALISTS",
            )
        try:
            described = await self.stub.Describe(specialist_pb2.DescribeRequest(), timeout=DESCRIBE_TIMEOUT_S)
        except grpc.aio.AioRpcError as error:
            cause = error_from_rpc(error)
            return Unavailable(
                "SPECIALIST_UNREACHABLE",
                f"specialist {self.name} at {self._target} cannot be reached: {cause.message}",
                metadata={"specialist": self.name, "target": self._target, "cause": cause.reason},
            )
        if described.specialist.name != self.name:
            return FailedPrecondition(
                "SPECIALIST_MISMATCH",
                f"{self._target} serves specialist {described.specialist.name!r}, not {self.name!r}; "
                "correct NARROWGAUGE_SPECIALISTS",
            )
        if described.bundle_hash != self._bundle_hash:
            return FailedPrecondition(
                "BUNDLE_MISMATCH",
                f"specialist {self.name} at {self._target} serves bundle {described.bundle_hash}, the router "
                f"has bundle {self._bundle_hash}; start both with the same bundle",
                metadata={
                    "specialist": self.name,
                    "specialist_bundle": described.bundle_hash,
                    "router_bundle": self._bundle_hash,
                },
            )
        return None

    def status(self) -> dispatcher_pb2.SpecialistStatus:
        """Returns what the last verification found."""
        return dispatcher_pb2.SpecialistStatus(
            specialist=self.contract.specialist_description,
            reachable=self.verified,
            status=None if self.refusal is None else status_of(self.refusal),
        )

    async def close(self) -> None:
        if self._channel is not None:
            await self._channel.close()


class _Stream:
    """An `Execute` stream. The catalogue goes by its hash, and in full when the specialist lacks it."""

    def __init__(self, link: _Link, catalogues: Catalogues, bundle_hash: str, timeout_s: float) -> None:
        self._link = link
        self._catalogues = catalogues
        self._bundle_hash = bundle_hash
        self._ends_at = asyncio.get_running_loop().time() + timeout_s
        self._call: (
            grpc.aio.StreamStreamCall[specialist_pb2.ExecuteRequest, specialist_pb2.ExecuteResponse] | None
        ) = None

    async def ask(self, sub_task: SubTask, timeout_s: float) -> specialist_pb2.ExecuteResponse:
        """Begins a sub-task; see `Conversation`."""
        await self._link.ready()
        catalogue = await self._catalogues.of(self._link.contract, timeout_s)
        start = specialist_pb2.ExecuteStart(
            bundle_hash=self._bundle_hash, text=sub_task.text, context=sub_task.context, today=sub_task.today
        )
        if catalogue is not None and catalogue.hash and catalogue.hash == self._link.catalogue_hash:
            start.catalogue.hash = catalogue.hash
        elif catalogue is not None:
            start.catalogue.CopyFrom(catalogue)
        try:
            answer = await self._turn(specialist_pb2.ExecuteRequest(start=start), timeout_s)
        except HopFailed as failed:
            if catalogue is None or reason_of(failed.status) != "CATALOGUE_UNKNOWN":
                raise
            await self.close()  # the refusal ended the stream
            start.catalogue.CopyFrom(catalogue)
            answer = await self._turn(specialist_pb2.ExecuteRequest(start=start), timeout_s)
        if catalogue is not None:
            self._link.catalogue_hash = catalogue.hash
        return answer

    async def repair(self, error: status_pb2.Status, timeout_s: float) -> specialist_pb2.ExecuteResponse:
        """Reports the tool's error; see `Conversation`."""
        report = specialist_pb2.ToolError(status=error)
        return await self._turn(specialist_pb2.ExecuteRequest(tool_error=report), timeout_s)

    async def close(self) -> None:
        """Ends the stream."""
        call, self._call = self._call, None
        if call is not None:
            call.cancel()

    async def _turn(
        self, request: specialist_pb2.ExecuteRequest, timeout_s: float
    ) -> specialist_pb2.ExecuteResponse:
        request.traceparent = traceparent()
        try:
            async with asyncio.timeout(timeout_s):
                return await self._exchange(request)
        except TimeoutError:
            await self.close()
            slow = DeadlineExceeded(
                "SPECIALIST_TIMEOUT",
                f"specialist {self._link.name} did not answer within {timeout_s:.3g} s; look at its process, "
                "or raise NARROWGAUGE_TURN_TIMEOUT_S",
                metadata={"specialist": self._link.name},
            )
            raise HopFailed(semconv.SPAN_SPECIALIST, status_of(slow)) from None
        except HopFailed as failed:
            if failed.may_be_repeated:
                self._link.verified = False  # it may come back as another program: ask again
            raise

    async def _exchange(self, request: specialist_pb2.ExecuteRequest) -> specialist_pb2.ExecuteResponse:
        assert self._link.stub is not None
        if self._call is None:
            left = self._ends_at - asyncio.get_running_loop().time()
            self._call = self._link.stub.Execute(timeout=max(left, 0.001))
        call = self._call
        try:
            await call.write(request)
            response = await call.read()
        except grpc.aio.AioRpcError as error:
            raise HopFailed.of(semconv.SPAN_SPECIALIST, error) from error
        except asyncio.InvalidStateError:  # the stream ended before the write; its status says why
            raise await self._ended(call) from None
        if isinstance(response, specialist_pb2.ExecuteResponse):
            return response
        raise await self._ended(call)

    async def _ended(
        self,
        call: grpc.aio.StreamStreamCall[specialist_pb2.ExecuteRequest, specialist_pb2.ExecuteResponse],
    ) -> HopFailed:
        """Returns the failure of a stream that ended where an answer was due."""
        code = await call.code()
        if code == grpc.StatusCode.OK:
            error = Unavailable("SPECIALIST_STREAM_ENDED", f"specialist {self._link.name} ended the stream")
            return HopFailed(semconv.SPAN_SPECIALIST, status_of(error))
        ended = grpc.aio.AioRpcError(
            code, await call.initial_metadata(), await call.trailing_metadata(), await call.details()
        )
        return HopFailed.of(semconv.SPAN_SPECIALIST, ended)
