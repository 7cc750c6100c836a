"""Every error that Narrowgauge raises on purpose.

NarrowgaugeError
├── InvalidRequest        INVALID_ARGUMENT     the caller must change what it sent
├── NotFound              NOT_FOUND            the named thing does not exist
├── AlreadyExists         ALREADY_EXISTS       the name is taken
├── NotAllowed            PERMISSION_DENIED    policy forbids it
├── FailedPrecondition    FAILED_PRECONDITION  the system is not in the state that this needs
├── Overloaded            RESOURCE_EXHAUSTED   no capacity now; carries when to try again
├── LimitExceeded         OUT_OF_RANGE         a configured bound was reached; trying again does not help
├── Unavailable           UNAVAILABLE          another process cannot be reached
├── DeadlineExceeded      DEADLINE_EXCEEDED    the time allowed ran out
├── Cancelled             CANCELLED            the caller left
├── DataLoss              DATA_LOSS            stored data is damaged
├── Unsupported           UNIMPLEMENTED        a valid wish that this build cannot serve
└── InternalError         INTERNAL             a defect in Narrowgauge

`narrowgauge.runtime.status` turns them into `google.rpc.Status` at the edge, and back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from google.rpc import code_pb2

__all__ = [
    "AlreadyExists",
    "Cancelled",
    "DataLoss",
    "DeadlineExceeded",
    "FailedPrecondition",
    "InternalError",
    "InvalidRequest",
    "LimitExceeded",
    "NarrowgaugeError",
    "NotAllowed",
    "NotFound",
    "Overloaded",
    "Unavailable",
    "Unsupported",
]


class NarrowgaugeError(Exception):
    """Base of all errors raised on purpose.

    Attributes:
        code: The `google.rpc.Code` number that the error has on the wire.
        reason: UPPER_SNAKE word for programs, unique for each cause.
        message: One sentence for people: what is wrong, and what to do.
        metadata: Further facts, for example the limit that was exceeded. Never prompt text or secrets.
    """

    code: ClassVar[int] = code_pb2.UNKNOWN

    def __init__(self, reason: str, message: str, *, metadata: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.metadata = dict(metadata or {})


class InvalidRequest(NarrowgaugeError):
    """The caller must change what it sent.

    Attributes:
        field_violations: Pairs of field path and description.
    """

    code = code_pb2.INVALID_ARGUMENT

    def __init__(
        self,
        reason: str,
        message: str,
        *,
        field_violations: Sequence[tuple[str, str]] = (),
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(reason, message, metadata=metadata)
        self.field_violations = tuple(field_violations)


class NotFound(NarrowgaugeError):
    """The named thing does not exist."""

    code = code_pb2.NOT_FOUND


class AlreadyExists(NarrowgaugeError):
    """The name is taken."""

    code = code_pb2.ALREADY_EXISTS


class NotAllowed(NarrowgaugeError):
    """Policy forbids it."""

    code = code_pb2.PERMISSION_DENIED


class FailedPrecondition(NarrowgaugeError):
    """The system is not in the state that this needs."""

    code = code_pb2.FAILED_PRECONDITION


class Overloaded(NarrowgaugeError):
    """No capacity now.

    Attributes:
        retry_after_ms: When to try again.
    """

    code = code_pb2.RESOURCE_EXHAUSTED

    def __init__(
        self, reason: str, message: str, *, retry_after_ms: int, metadata: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(reason, message, metadata=metadata)
        self.retry_after_ms = retry_after_ms


class LimitExceeded(NarrowgaugeError):
    """A configured bound was reached; trying again does not help."""

    code = code_pb2.OUT_OF_RANGE


class Unavailable(NarrowgaugeError):
    """Another process cannot be reached."""

    code = code_pb2.UNAVAILABLE


class DeadlineExceeded(NarrowgaugeError):
    """The time allowed ran out."""

    code = code_pb2.DEADLINE_EXCEEDED


class Cancelled(NarrowgaugeError):
    """The caller left."""

    code = code_pb2.CANCELLED


class DataLoss(NarrowgaugeError):
    """Stored data is damaged."""

    code = code_pb2.DATA_LOSS


class Unsupported(NarrowgaugeError):
    """A valid wish that this build cannot serve."""

    code = code_pb2.UNIMPLEMENTED


class InternalError(NarrowgaugeError):
    """A defect in Narrowgauge."""

    code = code_pb2.INTERNAL
