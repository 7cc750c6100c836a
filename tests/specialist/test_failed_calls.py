"""The call that a tool error names, as the specialist would have written it."""

from __future__ import annotations

import pytest

from narrowgauge.contracts.bundle import Bundle
from narrowgauge.contracts.surfaces import get_surface
from narrowgauge.errors import InvalidRequest
from narrowgauge.tools.salesforce.v1 import salesforce_pb2
from narrowgauge.tools.sql.v1 import sql_pb2
from narrowgauge.v1.specialist_pb2 import ToolCall, ToolError
from specialist_svc.failed_calls import failed_call_text
from specialist_svc.inputs import InputLimits

LIMITS = InputLimits(text_chars=200, context_chars=1000)


def text_of(bundle: Bundle, specialist: str, error: ToolError) -> str:
    surface = get_surface(specialist).compile(bundle.contracts[specialist])
    return failed_call_text(error, surface, LIMITS)


def test_a_message_is_written_in_the_surface(bundle: Bundle) -> None:
    """A call that names what no catalogue has is written like any other."""
    call = ToolCall()
    call.request.Pack(salesforce_pb2.DeleteRecordRequest(object="Deal", id="0065g00000Ab1Cd"))
    assert text_of(bundle, "salesforce", ToolError(failed_call=call)) == "delete Deal 0065g00000Ab1Cd"


def test_text_that_is_no_call_stays_as_it_is(bundle: Bundle) -> None:
    """What the contract cannot say was refused all the same."""
    error = ToolError(failed_call=ToolCall(surface_text="SELECT TOP 5 * FROM orders"))
    assert text_of(bundle, "sql", error) == "SELECT TOP 5 * FROM orders"


def test_an_error_without_a_call_is_about_the_last_one(bundle: Bundle) -> None:
    """Nothing is quoted when nothing is named."""
    assert text_of(bundle, "sql", ToolError()) == ""


def test_calls_that_cannot_be_quoted_are_refused(bundle: Bundle) -> None:
    """A message of another contract, an empty call and too long a text are the caller's mistakes."""
    foreign = ToolCall()
    foreign.request.Pack(sql_pb2.QueryRequest(unanswerable=True))
    for call, words in (
        (foreign, "no request of"),
        (ToolCall(), "neither"),
        (ToolCall(surface_text="x" * 201), "more than 200"),
    ):
        with pytest.raises(InvalidRequest, match=words):
            text_of(bundle, "salesforce", ToolError(failed_call=call))
