"""Checks of a specialist's tool calls: its guarantee, held to before anything is sent."""

from __future__ import annotations

from dataclasses import dataclass

from google.protobuf.message import DecodeError, Message

from narrowgauge.contracts.contract import Tool
from narrowgauge.errors import InternalError
from narrowgauge.v1 import options_pb2, specialist_pb2
from router_svc.chain.parts import Environment

__all__ = ["CheckedCall", "check_call"]


@dataclass(frozen=True)
class CheckedCall:
    """A tool call of the specialist's contract whose message is valid.

    Attributes:
        tool: The tool.
        wire: The call as the specialist sent it.
        request: Its message.
    """

    tool: Tool
    wire: specialist_pb2.ToolCall
    request: Message

    @property
    def writes(self) -> bool:
        """The call may change something."""
        return self.tool.side_effect != options_pb2.SIDE_EFFECT_READ


def check_call(environment: Environment, specialist: str, wire: specialist_pb2.ToolCall) -> CheckedCall:
    """Makes sure that a call is one of the specialist's contract, and valid.

    Raises:
        InternalError: TOOL_NOT_OF_CONTRACT or BAD_TOOL_CALL: the specialist is broken.
    """
    tool = environment.tools.tool(specialist, wire.method)
    if not wire.request.Is(tool.request):
        raise _bad(f"{wire.method} takes {tool.request.full_name}, not {wire.request.TypeName()}")
    request = tool.request_class()
    try:
        request.ParseFromString(wire.request.value)
    except DecodeError as error:
        raise _bad(f"the request of {wire.method} cannot be parsed") from error
    broken = environment.violations(request)
    if broken:
        raise _bad(f"the request of {wire.method} breaks a rule: {broken[0][0]}: {broken[0][1]}")
    return CheckedCall(tool, wire, request)


def _bad(message: str) -> InternalError:
    return InternalError("BAD_TOOL_CALL", f"the specialist broke its contract: {message}")
