"""What a chain needs of the world outside: planner, specialists, tools. The executor knows these alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message
from google.rpc import status_pb2

from narrowgauge.contracts.contract import Tool
from narrowgauge.v1 import dispatcher_pb2, specialist_pb2

__all__ = ["Conversation", "Planner", "Specialists", "SubTask", "Tools"]


class Planner(Protocol):
    """Makes plans."""

    async def plan(self, text: str) -> dispatcher_pb2.Plan:
        """Plans a request.

        Raises:
            NarrowgaugeError: It cannot be planned, for example `Overloaded`.
        """

    async def aclose(self) -> None:
        """Releases the model."""


@dataclass(frozen=True)
class SubTask:
    """What a specialist is asked.

    Attributes:
        text: The sub-task in the requester's own words.
        context: Material that it is about.
        today: The date that relative dates refer to, as YYYY-MM-DD.
    """

    text: str
    context: Sequence[specialist_pb2.ContextDocument]
    today: str


class Conversation(Protocol):
    """One stream to a specialist. All methods raise `HopFailed`; after that it can only be closed."""

    async def ask(self, sub_task: SubTask, timeout_s: float) -> specialist_pb2.ExecuteResponse:
        """Begins a sub-task, with the earlier ones of this stream in view, and returns the first answer."""

    async def repair(self, error: status_pb2.Status, timeout_s: float) -> specialist_pb2.ExecuteResponse:
        """Reports the tool's error and returns the next answer."""

    async def close(self) -> None:
        """Ends the stream, which frees the specialist's slot also in the middle of a turn."""


class Specialists(Protocol):
    """The specialists of the bundle."""

    def converse(self, specialist: str, timeout_s: float) -> Conversation:
        """Opens a stream; nothing is sent before its first turn.

        Args:
            specialist: Its name.
            timeout_s: Deadline of the whole stream.
        """


class Tools(Protocol):
    """The tools of the bundle."""

    def tool(self, specialist: str, method: str) -> Tool:
        """Returns a specialist's tool by the method's full name; raises `InternalError` for another's."""

    async def call(
        self, tool: Tool, request: AnyMessage, *, idempotency_key: str, timeout_s: float
    ) -> Message:
        """Sends a tool call and returns the response message.

        Raises:
            HopFailed: The tool's status, or that of the connection to it.
        """
