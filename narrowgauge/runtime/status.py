"""Errors to `google.rpc.Status` at the edge of a process, and back.

Every status that Narrowgauge sends carries an `ErrorInfo` (AIP-193); refused fields a `BadRequest`; overload
a `RetryInfo`. The binary status travels in the trailer `grpc-status-details-bin`, as in every gRPC language.
"""

from __future__ import annotations

import asyncio
from typing import Any, Never

import grpc
from google.protobuf.message import DecodeError
from google.rpc import code_pb2, error_details_pb2, status_pb2

from narrowgauge import errors

__all__ = ["DOMAIN", "abort", "error_from_rpc", "error_of", "status_from_rpc", "status_of"]

DOMAIN = "narrowgauge.dev"
"""`ErrorInfo.domain` of our own reasons."""

DETAILS_KEY = "grpc-status-details-bin"

# gRPC's peers refuse trailers above 8 KiB by default; the message travels twice (once percent-encoded).
_MAX_MESSAGE_BYTES = 1536
_MAX_METADATA_BYTES = 512
_MAX_FIELD_VIOLATIONS = 8

_GRPC_CODE = {code.value[0]: code for code in grpc.StatusCode}

_ERROR_CLASS: dict[int, type[errors.NarrowgaugeError]] = {
    cls.code: cls
    for cls in (
        errors.InvalidRequest,
        errors.NotFound,
        errors.AlreadyExists,
        errors.NotAllowed,
        errors.FailedPrecondition,
        errors.LimitExceeded,
        errors.Unavailable,
        errors.DeadlineExceeded,
        errors.Cancelled,
        errors.DataLoss,
        errors.Unsupported,
        errors.InternalError,
    )
} | {
    # Codes that only other people's services send.
    code_pb2.UNAUTHENTICATED: errors.NotAllowed,
    code_pb2.ABORTED: errors.FailedPrecondition,
    code_pb2.UNKNOWN: errors.InternalError,
}


def status_of(exc: BaseException) -> status_pb2.Status:
    """Returns the status that says on the wire what an exception says in the process.

    A `NarrowgaugeError` keeps its code, reason and words; a downstream gRPC error its whole status. Anything
    else is a defect: its text stays in the log, because it may hold what a caller must not see.
    """
    if isinstance(exc, errors.NarrowgaugeError):
        return _status(
            exc.code,
            exc.reason,
            exc.message,
            exc.metadata,
            violations=exc.field_violations if isinstance(exc, errors.InvalidRequest) else (),
            retry_after_ms=exc.retry_after_ms if isinstance(exc, errors.Overloaded) else None,
        )
    if isinstance(exc, grpc.aio.AioRpcError):
        return status_from_rpc(exc)
    if isinstance(exc, asyncio.CancelledError):
        return _status(code_pb2.CANCELLED, "CANCELLED", "the caller left", {})
    if isinstance(exc, TimeoutError):
        return _status(code_pb2.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED", "the time allowed ran out", {})
    name = type(exc).__name__
    message = f"a defect in Narrowgauge ({name}); the log of this service has its traceback"
    return _status(code_pb2.INTERNAL, "INTERNAL", message, {"exception": name})


def error_of(status: status_pb2.Status) -> errors.NarrowgaugeError:
    """Returns the error that a status stands for; `status_of` gives the status back.

    A code that Narrowgauge does not send becomes its nearest neighbour: UNAUTHENTICATED `NotAllowed`, ABORTED
    `FailedPrecondition`, UNKNOWN `InternalError`.
    """
    reason, metadata = code_pb2.Code.Name(status.code) if status.code in _GRPC_CODE else "UNKNOWN", {}
    violations: list[tuple[str, str]] = []
    retry_after_ms = 1000
    for detail in status.details:
        info, bad, retry = (
            error_details_pb2.ErrorInfo(),
            error_details_pb2.BadRequest(),
            error_details_pb2.RetryInfo(),
        )
        if detail.Unpack(info):
            reason, metadata = info.reason, dict(info.metadata)
        elif detail.Unpack(bad):
            violations = [(violation.field, violation.description) for violation in bad.field_violations]
        elif detail.Unpack(retry):
            retry_after_ms = retry.retry_delay.ToMilliseconds()
    if status.code == code_pb2.RESOURCE_EXHAUSTED:
        return errors.Overloaded(reason, status.message, retry_after_ms=retry_after_ms, metadata=metadata)
    if status.code == code_pb2.INVALID_ARGUMENT:
        return errors.InvalidRequest(reason, status.message, field_violations=violations, metadata=metadata)
    return _ERROR_CLASS.get(status.code, errors.InternalError)(reason, status.message, metadata=metadata)


def status_from_rpc(exc: grpc.aio.AioRpcError) -> status_pb2.Status:
    """Returns the whole status of a failed call, with its details where the server sent some."""
    for key, value in exc.trailing_metadata() or ():
        if key != DETAILS_KEY:
            continue
        status = status_pb2.Status()
        try:
            status.ParseFromString(value if isinstance(value, bytes) else value.encode())
        except DecodeError:
            break  # another server's private use of the key: code and message still hold
        if status.code == exc.code().value[0]:
            return status
    return _status(exc.code().value[0], exc.code().name, exc.details() or exc.code().value[1], {})


def error_from_rpc(exc: grpc.aio.AioRpcError) -> errors.NarrowgaugeError:
    """Returns the error that a failed call stands for."""
    return error_of(status_from_rpc(exc))


async def abort(context: grpc.aio.ServicerContext[Any, Any], exc: BaseException) -> Never:
    """Ends an RPC with the status of an exception; never returns.

    Raises:
        grpc.aio.AbortError: Always, as `ServicerContext.abort` does.
    """
    status = status_of(exc)
    code = _GRPC_CODE.get(status.code, grpc.StatusCode.UNKNOWN)
    await context.abort(code, status.message, ((DETAILS_KEY, status.SerializeToString()),))


def _status(
    code: int,
    reason: str,
    message: str,
    metadata: dict[str, str],
    *,
    violations: tuple[tuple[str, str], ...] = (),
    retry_after_ms: int | None = None,
) -> status_pb2.Status:
    status = status_pb2.Status(code=code, message=_cut(message, _MAX_MESSAGE_BYTES))
    info = error_details_pb2.ErrorInfo(reason=reason, domain=DOMAIN)
    for key, value in metadata.items():
        info.metadata[key] = _cut(value, _MAX_METADATA_BYTES)
    status.details.add().Pack(info)
    if violations:
        bad = error_details_pb2.BadRequest()
        for field, description in violations[:_MAX_FIELD_VIOLATIONS]:
            bad.field_violations.add(field=field, description=_cut(description, _MAX_METADATA_BYTES))
        status.details.add().Pack(bad)
    if retry_after_ms is not None:
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromMilliseconds(retry_after_ms)
        status.details.add().Pack(retry)
    return status


def _cut(text: str, max_bytes: int) -> str:
    data = text.encode()
    if len(data) <= max_bytes:
        return text
    return data[: max_bytes - 3].decode(errors="ignore") + "…"
