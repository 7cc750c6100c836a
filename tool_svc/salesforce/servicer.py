"""The gRPC side: checks requests, runs calls in threads within the deadline, and remembers writes."""

from __future__ import annotations

import asyncio
import functools
import hashlib
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from typing import Any, TypeVar

import grpc
from google.protobuf.message import Message

from narrowgauge.contracts.salesforce_catalogue import catalogue_of_describes
from narrowgauge.contracts.validate import violations
from narrowgauge.errors import (
    DeadlineExceeded,
    FailedPrecondition,
    InvalidRequest,
    NarrowgaugeError,
)
from narrowgauge.tools.salesforce.v1 import salesforce_pb2 as pb
from narrowgauge.tools.salesforce.v1 import salesforce_pb2_grpc
from narrowgauge.v1 import catalogue_pb2
from tool_svc.catalogue import ContractCatalogue
from tool_svc.salesforce.connection import Deadline, OutcomeUnknown
from tool_svc.salesforce.describes import Describes
from tool_svc.salesforce.operations import Operations
from tool_svc.salesforce.outcomes import Outcomes

__all__ = ["CONTRACT", "IDEMPOTENCY_KEY", "CatalogueServicer", "SalesforceToolServicer"]

CONTRACT = pb.DESCRIPTOR.services_by_name["SalesforceToolService"].full_name
IDEMPOTENCY_KEY = "narrowgauge-idempotency-key"
"""Metadata under which a caller sends the key of a write."""

_MAX_KEY_CHARS = 200
Context = grpc.aio.ServicerContext[Any, Any]
T = TypeVar("T")
R = TypeVar("R", bound=Message)


class SalesforceToolServicer(salesforce_pb2_grpc.SalesforceToolServiceServicer):
    """Serves the contract."""

    def __init__(
        self, operations: Operations, outcomes: Outcomes, executor: Executor, timeout_s: float
    ) -> None:
        self._operations = operations
        self._outcomes = outcomes
        self._executor = executor
        self._timeout_s = timeout_s
        self._writing: dict[str, asyncio.Task[Message]] = {}

    async def Query(self, request: pb.QueryRequest, context: Context) -> pb.QueryResponse:  # noqa: N802  the method's name in the contract
        """Runs a structured SOQL query."""
        return await self._read(self._operations.query, request, context)

    async def GetRecord(self, request: pb.GetRecordRequest, context: Context) -> pb.GetRecordResponse:  # noqa: N802  the method's name in the contract
        """Returns one record by its id."""
        return await self._read(self._operations.get, request, context)

    async def CreateRecord(  # noqa: N802  the method's name in the contract
        self, request: pb.CreateRecordRequest, context: Context
    ) -> pb.CreateRecordResponse:
        """Creates a record."""

        def create(deadline: Deadline, key: str, retrying: bool) -> pb.CreateRecordResponse:
            return self._operations.create(request, deadline, key=key, retrying=retrying)

        return await self._write(create, request, context, pb.CreateRecordResponse)

    async def UpdateRecord(  # noqa: N802  the method's name in the contract
        self, request: pb.UpdateRecordRequest, context: Context
    ) -> pb.UpdateRecordResponse:
        """Changes fields of a record."""

        def update(deadline: Deadline, key: str, retrying: bool) -> pb.UpdateRecordResponse:
            return self._operations.update(request, deadline)

        return await self._write(update, request, context, pb.UpdateRecordResponse)

    async def UpsertRecord(  # noqa: N802  the method's name in the contract
        self, request: pb.UpsertRecordRequest, context: Context
    ) -> pb.UpsertRecordResponse:
        """Creates the record that an external id names, or changes it when it exists."""

        def upsert(deadline: Deadline, key: str, retrying: bool) -> pb.UpsertRecordResponse:
            return self._operations.upsert(request, deadline)

        return await self._write(upsert, request, context, pb.UpsertRecordResponse)

    async def DeleteRecord(  # noqa: N802  the method's name in the contract
        self, request: pb.DeleteRecordRequest, context: Context
    ) -> pb.DeleteRecordResponse:
        """Deletes a record."""

        def delete(deadline: Deadline, key: str, retrying: bool) -> pb.DeleteRecordResponse:
            return self._operations.delete(request, deadline, retrying=retrying)

        return await self._write(delete, request, context, pb.DeleteRecordResponse)

    async def Refuse(self, request: pb.RefuseRequest, context: Context) -> pb.RefuseResponse:  # noqa: N802  the method's name in the contract
        """Is never executed: the specialist's answer to it is a refusal, and no call."""
        _check(request)
        raise FailedPrecondition("UNANSWERABLE", "no method does what is asked: there is nothing to run")

    async def close(self) -> None:
        """Waits for writes whose callers have left, so that their outcomes are known."""
        await asyncio.gather(*self._writing.values(), return_exceptions=True)

    async def _read(self, call: Callable[[Any, Deadline], T], request: Message, context: Context) -> T:
        _check(request)
        seconds = _seconds(context, self._timeout_s)
        return await _within(seconds, self._run(call, request, Deadline.after(seconds)))

    async def _write(
        self,
        send: Callable[[Deadline, str, bool], R],
        request: Message,
        context: Context,
        response: type[R],
    ) -> R:
        _check(request)
        key = _key(context)
        seconds = _seconds(context, self._timeout_s)
        deadline = Deadline.after(seconds)
        running = self._writing.get(key) if key else None
        if running is None:
            work = functools.partial(self._send_once, send, request, deadline, key, response)
            running = asyncio.ensure_future(self._run(work))
            if key:
                self._writing[key] = running
                running.add_done_callback(lambda _: self._writing.pop(key, None))
        # A write that was begun runs to its end, also when its caller leaves: its outcome is then remembered.
        answer = await _within(seconds, asyncio.shield(running))
        if not isinstance(answer, response):
            raise InvalidRequest(
                "IDEMPOTENCY_KEY_REUSED", "the idempotency key is in use for another request"
            )
        return answer

    def _send_once(
        self,
        send: Callable[[Deadline, str, bool], R],
        request: Message,
        deadline: Deadline,
        key: str,
        response: type[R],
    ) -> R:
        """Sends a write unless its key is known, and stores what became of it."""
        if not key:
            try:
                return send(deadline, "", False)
            except OutcomeUnknown as unknown:
                raise unknown.error from unknown
        begun = self._outcomes.begin(key, _fingerprint(request))
        if begun.response is not None:
            answer = response.FromString(begun.response)
            answer.replayed = True  # type: ignore[attr-defined]  # every write's response has it
            return answer
        if begun.in_doubt and not self._operations.repeatable(request, deadline):
            raise _in_doubt()
        try:
            answer = send(deadline, key, begun.in_doubt)
        except OutcomeUnknown as unknown:
            if self._operations.repeatable(request, deadline):
                raise unknown.error from unknown
            raise _in_doubt() from unknown
        except NarrowgaugeError:
            if not begun.in_doubt:
                self._outcomes.forget(key)
            raise
        self._outcomes.finish(key, answer.SerializeToString())
        return answer

    async def _run(self, call: Callable[..., T], *arguments: object) -> T:
        work = functools.partial(call, *arguments)
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)


class CatalogueServicer(ContractCatalogue):
    """Serves the organisation's catalogue."""

    def __init__(self, describes: Describes, executor: Executor, *, key_field: str, timeout_s: float) -> None:
        super().__init__(CONTRACT)
        self._describes = describes
        self._executor = executor
        self._key_field = key_field
        self._timeout_s = timeout_s

    async def current(self, context: Context) -> catalogue_pb2.Catalogue:
        """See `ContractCatalogue.current`."""
        seconds = _seconds(context, self._timeout_s)
        return await _within(
            seconds,
            asyncio.get_running_loop().run_in_executor(self._executor, self._read, Deadline.after(seconds)),
        )

    def _read(self, deadline: Deadline) -> catalogue_pb2.Catalogue:
        return catalogue_of_describes(self._describes.all(deadline), key_field=self._key_field)


def _check(request: Message) -> None:
    found = violations(request)
    if found:
        field, text = found[0]
        raise InvalidRequest("INVALID_CALL", f"{field}: {text}" if field else text, field_violations=found)


def _key(context: Context) -> str:
    for name, value in context.invocation_metadata() or ():
        if name == IDEMPOTENCY_KEY:
            text = value if isinstance(value, str) else value.decode()
            if not 0 < len(text) <= _MAX_KEY_CHARS or not text.isprintable():
                raise InvalidRequest(
                    "BAD_IDEMPOTENCY_KEY",
                    f"{IDEMPOTENCY_KEY} has 1 to {_MAX_KEY_CHARS} printable characters",
                )
            return text
    return ""


def _seconds(context: Context, limit_s: float) -> float:
    """The time that a call may take: the caller's deadline, or our own limit when that is shorter."""
    left = context.time_remaining()
    return limit_s if left is None else min(left, limit_s)


async def _within(seconds: float, work: Awaitable[T]) -> T:
    try:
        async with asyncio.timeout(seconds):
            return await work
    except TimeoutError:
        raise DeadlineExceeded(
            "SALESFORCE_TIMEOUT", f"Salesforce did not answer within {seconds:.3g} s"
        ) from None


def _fingerprint(request: Message) -> bytes:
    name = request.DESCRIPTOR.full_name.encode()
    return hashlib.sha256(name + b"\0" + request.SerializeToString(deterministic=True)).digest()


def _in_doubt() -> FailedPrecondition:
    return FailedPrecondition(
        "WRITE_IN_DOUBT",
        "the record may or may not have been created: Salesforce did not answer an earlier attempt with this "
        "idempotency key. Look for it before creating it again under a new key.",
        metadata={"in_doubt": "true"},
    )
