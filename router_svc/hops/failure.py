"""What a call to another process failed with."""

from __future__ import annotations

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc import code_pb2, error_details_pb2, status_pb2

from narrowgauge.errors import DeadlineExceeded, NarrowgaugeError, Unavailable
from narrowgauge.runtime import semconv
from narrowgauge.runtime.status import status_from_rpc, status_of

__all__ = ["HopFailed", "reason_of", "retry_delay_of"]


class HopFailed(Exception):
    """A specialist, a tool or its catalogue refused or could not be reached.

    Attributes:
        hop: A span name of `semconv`: which hop.
        status: The other side's whole status, so that it reaches the client and the specialist unchanged.
    """

    def __init__(self, hop: str, status: status_pb2.Status) -> None:
        super().__init__(f"{hop}: {code_pb2.Code.Name(status.code)}: {status.message}")
        self.hop = hop
        self.status = status

    @classmethod
    def of(cls, hop: str, error: grpc.aio.AioRpcError | NarrowgaugeError) -> HopFailed:
        """Makes one of what gRPC or our own code raised."""
        if isinstance(error, grpc.aio.AioRpcError):
            return cls(hop, status_from_rpc(error))
        return cls(hop, status_of(error))

    @classmethod
    def of_tool(cls, called: str, timeout_s: float, error: grpc.aio.AioRpcError) -> HopFailed:
        """Makes one of a failed call to a tool service; what gRPC itself says gets the tool's name.

        Args:
            called: The method or service, by its full name.
            timeout_s: How long its answer was waited for.
            error: What the call raised.
        """
        status = status_from_rpc(error)
        if reason_of(status) != error.code().name:  # the tool's own words
            return cls(semconv.SPAN_TOOL, status)
        if error.code() == grpc.StatusCode.DEADLINE_EXCEEDED:
            slow = DeadlineExceeded(
                "TOOL_TIMEOUT",
                f"{called} did not answer within {timeout_s:.3g} s; look at its service, or raise "
                "NARROWGAUGE_TOOL_TIMEOUT_S",
                metadata={"tool": called},
            )
            return cls(semconv.SPAN_TOOL, status_of(slow))
        if error.code() == grpc.StatusCode.UNAVAILABLE:
            gone = Unavailable(
                "TOOL_UNREACHABLE",
                f"the service of {called} cannot be reached: {status.message}",
                metadata={"tool": called},
            )
            return cls(semconv.SPAN_TOOL, status_of(gone))
        return cls(semconv.SPAN_TOOL, status)

    @property
    def may_be_repeated(self) -> bool:
        """True when the other side was not there, or said when to try again."""
        if self.status.code == code_pb2.UNAVAILABLE:
            return True
        return self.status.code == code_pb2.RESOURCE_EXHAUSTED and retry_delay_of(self.status) is not None


def reason_of(status: status_pb2.Status) -> str:
    """Returns the `ErrorInfo.reason`, or the name of the code for a status without one."""
    for detail in status.details:
        info = error_details_pb2.ErrorInfo()
        if _unpacked(detail, info):
            return str(info.reason)
    known = status.code in code_pb2.Code.values()
    return str(code_pb2.Code.Name(status.code) if known else status.code)


def retry_delay_of(status: status_pb2.Status) -> float | None:
    """Returns the seconds after which `RetryInfo` invites to try again; `None` for a status without it."""
    for detail in status.details:
        retry = error_details_pb2.RetryInfo()
        if _unpacked(detail, retry):
            return float(retry.retry_delay.ToNanoseconds()) / 1e9
    return None


def _unpacked(detail: AnyMessage, into: error_details_pb2.ErrorInfo | error_details_pb2.RetryInfo) -> bool:
    return bool(detail.Is(into.DESCRIPTOR)) and bool(detail.Unpack(into))
