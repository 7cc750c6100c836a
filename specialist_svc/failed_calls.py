"""Calls that a caller says were made, as the specialist would have written them."""

from __future__ import annotations

from google.protobuf.message import DecodeError

from narrowgauge.contracts.surfaces.surface import CompiledSurface
from narrowgauge.errors import InvalidRequest
from narrowgauge.v1.specialist_pb2 import ToolCall, ToolError
from specialist_svc.inputs import InputLimits, check_text

__all__ = ["failed_call_text"]

_CALL, _TEXT = "tool_error.failed_call", "tool_error.failed_call.surface_text"


def failed_call_text(error: ToolError, surface: CompiledSurface, limits: InputLimits) -> str:
    """Returns the call that an error names, or an empty text when it is about the last one.

    The call need not be valid: it was refused, perhaps because it names what does not exist.

    Args:
        error: The message.
        surface: How the specialist writes calls.
        limits: Bounds of the call's text.

    Raises:
        InvalidRequest: BAD_FAILED_CALL: it is no message of the contract, or empty; or its text is too long.
    """
    if not error.HasField("failed_call"):
        return ""
    text = _written(error.failed_call, surface)
    check_text(_TEXT, text, limits.text_chars)
    return text


def _written(call: ToolCall, surface: CompiledSurface) -> str:
    if not call.HasField("request"):
        if not call.surface_text.strip():
            raise _bad("the failed call has neither a request nor a text")
        return call.surface_text
    tool = next((tool for tool in surface.contract.tools if call.request.Is(tool.request)), None)
    if tool is None:
        raise _bad(f"{call.request.TypeName() or 'the request'} is no request of {surface.contract.service}")
    request = tool.request_class()
    try:
        request.ParseFromString(call.request.value)
        return surface.render(tool, request)
    except (DecodeError, InvalidRequest) as exc:
        raise _bad(f"the surface {surface.name} cannot write the failed call: {exc}") from exc


def _bad(message: str) -> InvalidRequest:
    return InvalidRequest("BAD_FAILED_CALL", message, field_violations=[(_CALL, message)])
