"""The gRPC side of a specialist: checks, translates, and leaves the rest to the conversation."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage

from narrowgauge.contracts.proto_json import write_message
from narrowgauge.errors import FailedPrecondition, InvalidRequest, NarrowgaugeError, NotFound
from narrowgauge.runtime import metrics, semconv
from narrowgauge.runtime.telemetry import context_of, trace_id_of
from narrowgauge.v1 import specialist_pb2, specialist_pb2_grpc
from specialist_svc.catalogues import Catalogues
from specialist_svc.conversation import Call, Conversation, Refused, SubTask
from specialist_svc.failed_calls import failed_call_text
from specialist_svc.inputs import check_start, today_of
from specialist_svc.report import TurnReport
from specialist_svc.specialist import Specialist

__all__ = ["SpecialistServicer"]

_Context = grpc.aio.ServicerContext[specialist_pb2.ExecuteRequest, specialist_pb2.ExecuteResponse]


class SpecialistServicer(specialist_pb2_grpc.SpecialistServiceServicer):
    """Serves one specialist, or several that share a backend, from when they are opened."""

    def __init__(self) -> None:
        self._opened: dict[str, Specialist] = {}
        self._catalogues = Catalogues()

    def open(self, specialists: Sequence[Specialist]) -> None:
        """Says whom to serve. The server lets no request through before."""
        self._opened = {specialist.contract.specialist: specialist for specialist in specialists}

    async def close(self) -> None:
        """Frees the model. May be called again, and without `open`."""
        for specialist in self._opened.values():
            await asyncio.to_thread(specialist.backend.close)
            return  # the backend of one is that of all

    def _named(self, name: str) -> Specialist:
        """Returns the specialist that a request names; without a name, the only one.

        Raises:
            InvalidRequest: No name, and there are several.
            NotFound: This process does not serve it.
        """
        known = ", ".join(self._opened)
        if not name:
            if len(self._opened) == 1:
                return next(iter(self._opened.values()))
            raise InvalidRequest(
                "WHICH_SPECIALIST",
                f"this process serves several specialists: name one of {known}",
                field_violations=[("specialist", "name the specialist that is asked")],
            )
        if name not in self._opened:
            raise NotFound("NO_SUCH_SPECIALIST", f"this process serves {known}, not {name!r}")
        return self._opened[name]

    async def Execute(  # noqa: N802  the method's name in the contract
        self, request_iterator: AsyncIterator[specialist_pb2.ExecuteRequest], context: _Context
    ) -> AsyncIterator[specialist_pb2.ExecuteResponse]:
        """Answers each message of a stream in turn; see the contract."""
        remaining = context.time_remaining()
        deadline = None if remaining is None else time.monotonic() + remaining
        conversation: Conversation | None = None
        try:
            async for request in request_iterator:
                if conversation is None:
                    conversation = Conversation(self._named(request.start.specialist), deadline=deadline)
                # A router's chains share a connection, and each has a trace of its own.
                client = trace_id_of(request.traceparent) or context.peer()
                yield await self._answer(conversation, request, client)
        finally:
            if conversation is not None:
                conversation.close()

    async def Describe(  # noqa: N802  the method's name in the contract
        self,
        request: specialist_pb2.DescribeRequest,
        context: grpc.aio.ServicerContext[specialist_pb2.DescribeRequest, specialist_pb2.DescribeResponse],
    ) -> specialist_pb2.DescribeResponse:
        """Says what a specialist is."""
        specialist = self._named(request.specialist)
        return specialist_pb2.DescribeResponse(
            specialist=specialist.contract.specialist_description,
            bundle_hash=specialist.bundle_hash,
            model_hash=specialist.model_hash,
            model=specialist.model_name,
            surface=specialist.surface.name,
            backend=specialist.backend.name,
            slots=specialist.backend.slots,
            slot_tokens=specialist.backend.slot_tokens,
            max_output_tokens=specialist.max_output_tokens,
        )

    async def _answer(
        self, conversation: Conversation, request: specialist_pb2.ExecuteRequest, client: str
    ) -> specialist_pb2.ExecuteResponse:
        report = TurnReport()
        specialist = conversation.specialist
        name = specialist.contract.specialist
        waiting = {semconv.SPECIALIST: name}
        metrics.queue_depth.add(1, waiting)
        try:
            answer = await self._turn(conversation, request, report, client)
        except asyncio.CancelledError:
            raise
        except NarrowgaugeError as exc:
            metrics.failures.add(1, {semconv.HOP: semconv.SPAN_SPECIALIST, semconv.REASON: exc.reason})
            raise
        finally:
            metrics.queue_depth.add(-1, waiting)
            report.publish(name, specialist.model_name, context_of(request.traceparent))
        return _response(answer, report)

    async def _turn(
        self,
        conversation: Conversation,
        request: specialist_pb2.ExecuteRequest,
        report: TurnReport,
        client: str,
    ) -> Call | Refused:
        specialist = conversation.specialist
        match request.WhichOneof("payload"):
            case "start":
                return await conversation.start(self._sub_task(specialist, request.start, client), report)
            case "tool_error":
                reason = {semconv.SPECIALIST: specialist.contract.specialist}
                metrics.repairs.add(1, {**reason, semconv.REASON: "TOOL_ERROR"})
                failed = failed_call_text(request.tool_error, specialist.surface, specialist.limits)
                return await conversation.repair(request.tool_error.status.message, report, failed=failed)
            case "tool_result":
                return conversation.finish()
        raise InvalidRequest(
            "EMPTY_MESSAGE",
            "the message carries nothing",
            field_violations=[("payload", "set start, tool_result or tool_error")],
        )

    def _sub_task(self, specialist: Specialist, start: specialist_pb2.ExecuteStart, client: str) -> SubTask:
        if start.specialist not in ("", specialist.contract.specialist):
            raise InvalidRequest(
                "OTHER_SPECIALIST",
                f"this stream is with {specialist.contract.specialist}: open another one for "
                f"{start.specialist}",
                field_violations=[("start.specialist", "a stream is with one specialist")],
            )
        if start.bundle_hash != specialist.bundle_hash:
            raise FailedPrecondition(
                "BUNDLE_MISMATCH",
                f"the caller has bundle {start.bundle_hash or '(none)'}, this specialist serves "
                f"{specialist.bundle_hash}; start both with the same bundle",
                metadata={
                    "caller_bundle": start.bundle_hash,
                    "specialist_bundle": specialist.bundle_hash,
                    "specialist": specialist.contract.specialist,
                },
            )
        check_start(start, specialist.limits, needs_context=specialist.is_about_context)
        allowed = specialist.max_output_tokens
        return SubTask(
            text=start.text,
            context=tuple(start.context),
            catalogue=self._catalogues.resolve(start.catalogue),
            today=today_of(start),
            max_tokens=min(start.max_tokens, allowed) if start.max_tokens else allowed,
            client=client,
        )


def _response(answer: Call | Refused, report: TurnReport) -> specialist_pb2.ExecuteResponse:
    if isinstance(answer, Refused):
        return specialist_pb2.ExecuteResponse(
            refusal=specialist_pb2.Refusal(reason=answer.reason, message=answer.message),
            timings=report.timings(),
        )
    packed = AnyMessage()
    packed.Pack(answer.call.request)
    return specialist_pb2.ExecuteResponse(
        tool_call=specialist_pb2.ToolCall(
            method=answer.call.tool.method,
            request=packed,
            json=write_message(answer.call.request),
            surface_text=answer.text,
            closed_early=answer.closed_early,
        ),
        timings=report.timings(),
    )
