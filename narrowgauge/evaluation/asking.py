"""Sends records to a specialist over gRPC, several at once, and collects what comes back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

import grpc
from google.protobuf.descriptor_pool import Default, DescriptorPool
from google.rpc import code_pb2, status_pb2

from narrowgauge.errors import FailedPrecondition, InternalError, Overloaded, Unavailable
from narrowgauge.evaluation.answers import Answer, Case, answer_of
from narrowgauge.runtime.status import error_from_rpc
from narrowgauge.v1 import specialist_pb2 as pb
from narrowgauge.v1 import specialist_pb2_grpc

__all__ = ["Asker", "describe"]

_Stream = grpc.aio.StreamStreamCall[pb.ExecuteRequest, pb.ExecuteResponse]


async def describe(channel: grpc.aio.Channel, specialist: str = "") -> pb.DescribeResponse:
    """Asks a specialist what it is; by name, where several share the process."""
    stub = specialist_pb2_grpc.SpecialistServiceStub(channel)
    return await stub.Describe(pb.DescribeRequest(specialist=specialist))


class Asker:
    """Asks the specialists of one process; each record has a stream of its own, so that none sees another.

    Args:
        channel: To the process.
        bundle_hash: Of the bundle that it serves.
        pool: Knows the contracts' messages; the generated ones when not given.
    """

    def __init__(
        self, channel: grpc.aio.Channel, bundle_hash: str, pool: DescriptorPool | None = None
    ) -> None:
        self._stub = specialist_pb2_grpc.SpecialistServiceStub(channel)
        self._bundle_hash = bundle_hash
        self._pool = pool or Default()
        self._sent: set[str] = set()

    async def ask_all(
        self, cases: Sequence[Case], *, parallel: int, on_done: Callable[[int], None]
    ) -> list[tuple[Answer, ...]]:
        """Asks all records.

        Args:
            cases: What to send.
            parallel: Streams at once; latencies are those of a lone request only with 1.
            on_done: Called with the number of records that are done.

        Returns:
            The answers of each record's turns, in the order of the records.

        Raises:
            Unavailable, Overloaded, FailedPrecondition: The specialist cannot be evaluated at all.
        """
        results: list[tuple[Answer, ...]] = [()] * len(cases)
        waiting = iter(range(len(cases)))
        done = 0

        async def work() -> None:
            nonlocal done
            for index in waiting:
                results[index] = await self.ask(cases[index])
                done += 1
                on_done(done)

        tasks = [asyncio.create_task(work()) for _ in range(max(1, parallel))]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return results

    async def ask(self, case: Case) -> tuple[Answer, ...]:
        """Asks one record.

        Raises:
            Unavailable, Overloaded, FailedPrecondition: The specialist cannot be evaluated at all.
        """
        short = case.start.catalogue.hash in self._sent
        answers = await self._converse(case, hash_alone=short)
        if answers is None:  # the specialist keeps the last few catalogues only
            answers = await self._converse(case, hash_alone=False)
        if answers is None:
            raise InternalError("CATALOGUE_UNKNOWN", "the specialist does not take the catalogue that it got")
        self._sent.add(case.start.catalogue.hash)
        return answers

    async def _converse(self, case: Case, *, hash_alone: bool) -> tuple[Answer, ...] | None:
        start = pb.ExecuteStart()
        start.CopyFrom(case.start)
        start.bundle_hash = self._bundle_hash
        if hash_alone:
            start.ClearField("catalogue")
            start.catalogue.hash = case.start.catalogue.hash
        call = self._stub.Execute()
        answers: list[Answer] = []
        began = time.perf_counter()
        try:
            answers.append(await self._turn(call, pb.ExecuteRequest(start=start)))
            if case.tool_error and (case.failed_call is not None or answers[0].request is not None):
                status = status_pb2.Status(code=code_pb2.INVALID_ARGUMENT, message=case.tool_error)
                told = pb.ToolError(status=status, failed_call=case.failed_call)
                error = pb.ExecuteRequest(tool_error=told)
                began = time.perf_counter()
                answers.append(await self._turn(call, error))
            await call.done_writing()
        except grpc.aio.AioRpcError as exc:
            failure = error_from_rpc(exc)
            if failure.reason == "CATALOGUE_UNKNOWN":
                return None
            if isinstance(failure, Unavailable | Overloaded) or failure.reason == "BUNDLE_MISMATCH":
                raise failure from exc
            latency_ms = (time.perf_counter() - began) * 1e3
            answers.append(Answer(error=f"{failure.reason}: {failure.message}", latency_ms=latency_ms))
        finally:
            call.cancel()
        return tuple(answers)

    async def _turn(self, call: _Stream, request: pb.ExecuteRequest) -> Answer:
        began = time.perf_counter()
        await call.write(request)
        response = await call.read()
        if not isinstance(response, pb.ExecuteResponse):  # grpc.aio.EOF
            raise FailedPrecondition("STREAM_ENDED", "the specialist ended the stream without an answer")
        return answer_of(response, self._pool, (time.perf_counter() - began) * 1e3)
