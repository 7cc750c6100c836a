"""Tool calls: unary gRPC calls of any contract in the bundle, made from descriptors alone."""

from __future__ import annotations

from collections.abc import Mapping

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import DecodeError, Message
from google.rpc import status_pb2

from narrowgauge.contracts.contract import Contract, Tool
from narrowgauge.errors import DataLoss, FailedPrecondition, InternalError, LimitExceeded, NarrowgaugeError
from narrowgauge.runtime import semconv
from narrowgauge.runtime.status import status_of
from router_svc.hops.failure import HopFailed

__all__ = ["IDEMPOTENCY_KEY", "ToolChannels"]

IDEMPOTENCY_KEY = "narrowgauge-idempotency-key"
"""Metadata with which a tool recognises a call that it has executed already."""


class ToolChannels:
    """A channel to the service of each contract that has one."""

    def __init__(
        self,
        contracts: Mapping[str, Contract],
        channels: Mapping[str, grpc.aio.Channel],
        max_result_bytes: int,
    ) -> None:
        """Takes the bundle's contracts by specialist and the channels by contract."""
        self._contracts = contracts
        self._channels = channels
        self._max_result_bytes = max_result_bytes

    def tool(self, specialist: str, method: str) -> Tool:
        """Returns a specialist's tool; see `Tools`."""
        contract = self._contracts[specialist]
        for tool in contract.tools:
            if tool.method == method:
                return tool
        raise InternalError(
            "TOOL_NOT_OF_CONTRACT",
            f"specialist {specialist} called {method}, which is no method of {contract.service}",
        )

    async def call(
        self, tool: Tool, request: AnyMessage, *, idempotency_key: str, timeout_s: float
    ) -> Message:
        """Sends a tool call; see `Tools`."""
        service, _, method = tool.method.rpartition(".")
        channel = self._channels.get(service)
        if channel is None:
            raise _failed(
                FailedPrecondition(
                    "TOOL_NOT_CONFIGURED",
                    f"no service executes {service}; add {service}=host:port to NARROWGAUGE_TOOLS",
                )
            )
        # the request's bytes go out as the specialist wrote them
        send: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(f"/{service}/{method}")
        try:
            answer: bytes = await send(
                request.value, timeout=timeout_s, metadata=((IDEMPOTENCY_KEY, idempotency_key),)
            )
        except grpc.aio.AioRpcError as error:
            raise self._refused(tool.method, timeout_s, error) from error
        if len(answer) > self._max_result_bytes:
            raise _failed(self._too_large(f"{len(answer)} bytes"))
        response = tool.response_class()
        try:
            response.ParseFromString(answer)
        except DecodeError as error:
            message = f"the answer of {tool.method} is not a {tool.response.full_name}"
            raise _failed(DataLoss("BAD_TOOL_RESPONSE", message)) from error
        return response

    def _refused(self, method: str, timeout_s: float, error: grpc.aio.AioRpcError) -> HopFailed:
        # gRPC itself refuses to receive more than the channel's limit, with this text and no details
        if error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED and "larger than max" in (
            error.details() or ""
        ):
            return _failed(self._too_large(error.details() or ""))
        return HopFailed.of_tool(method, timeout_s, error)

    def _too_large(self, size: str) -> LimitExceeded:
        return LimitExceeded(
            "RESULT_TOO_LARGE",
            f"the tool's result is too large ({size}; the limit is {self._max_result_bytes} bytes); "
            "ask for less",
            metadata={"limit_bytes": str(self._max_result_bytes)},
        )


def _failed(error: NarrowgaugeError) -> HopFailed:
    status: status_pb2.Status = status_of(error)
    return HopFailed(semconv.SPAN_TOOL, status)
