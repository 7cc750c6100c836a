"""Errors on the wire."""

from __future__ import annotations

import asyncio

import grpc
import pytest
from echo_service import EchoStub, text
from google.rpc import code_pb2, error_details_pb2

from narrowgauge import errors
from narrowgauge.runtime.status import DOMAIN, error_from_rpc, error_of, status_from_rpc, status_of

PLAIN = [
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
]


@pytest.mark.parametrize("kind", PLAIN)
def test_every_error_survives_the_wire(kind: type[errors.NarrowgaugeError]) -> None:
    """An error's class, reason, words and metadata come back from its status."""
    error = kind("SOME_REASON", "what is wrong, and what to do", metadata={"limit": "7"})
    back = error_of(status_of(error))
    assert type(back) is kind
    assert (back.reason, back.message, back.metadata) == ("SOME_REASON", error.message, {"limit": "7"})


def test_refused_fields_and_retry_times_survive_the_wire() -> None:
    """BadRequest and RetryInfo carry what InvalidRequest and Overloaded hold."""
    invalid = errors.InvalidRequest(
        "BAD", "two fields", field_violations=[("a.b", "is empty"), ("c", "is 3")]
    )
    back = error_of(status_of(invalid))
    assert isinstance(back, errors.InvalidRequest)
    assert back.field_violations == (("a.b", "is empty"), ("c", "is 3"))
    overloaded = error_of(status_of(errors.Overloaded("FULL", "later", retry_after_ms=1250)))
    assert isinstance(overloaded, errors.Overloaded)
    assert overloaded.retry_after_ms == 1250


def test_every_status_names_its_reason_and_domain() -> None:
    """AIP-193: there is always an ErrorInfo, also for errors that nobody raised on purpose."""
    for exc in (errors.NotFound("X", "y"), ValueError("z"), TimeoutError(), asyncio.CancelledError()):
        info = error_details_pb2.ErrorInfo()
        assert status_of(exc).details[0].Unpack(info)
        assert info.domain == DOMAIN
        assert info.reason.isupper()


def test_a_defect_keeps_its_words_to_the_log() -> None:
    """The text of an exception that nobody raised on purpose may hold secrets, so it is not sent."""
    status = status_of(ValueError("password=hunter2"))
    assert status.code == code_pb2.INTERNAL
    assert "hunter2" not in str(status)


def test_long_words_are_cut_to_fit_trailers() -> None:
    """A status of any length fits into the 8 KiB that gRPC peers accept, in valid UTF-8."""
    long = "ö" * 100_000
    error = errors.InvalidRequest("LONG", long, field_violations=[(f"f{n}", long) for n in range(100)])
    status = status_of(error)
    assert len(status.SerializeToString()) < 7_000
    assert status.message.endswith("…")


async def test_a_downstream_status_passes_through_whole(stub: EchoStub) -> None:
    """A failed call gives back the server's status with its details, and the error that it stands for."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.one(text("overloaded"))
    status = status_from_rpc(caught.value)
    assert status == status_of(caught.value)
    error = error_from_rpc(caught.value)
    assert isinstance(error, errors.Overloaded)
    assert (error.reason, error.retry_after_ms) == ("NO_SLOT", 250)


async def test_a_plain_grpc_error_becomes_an_error_too(stub: EchoStub) -> None:
    """A server that knows nothing of google.rpc still gives a code and a message."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.refuse(text(""))
    error = error_from_rpc(caught.value)
    assert isinstance(error, errors.NotFound)
    assert (error.reason, error.message) == ("NOT_FOUND", "said by hand")
