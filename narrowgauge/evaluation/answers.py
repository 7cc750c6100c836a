"""What a specialist answered, as the metrics see it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from narrowgauge.contracts.validate import violations
from narrowgauge.v1 import specialist_pb2

__all__ = ["Answer", "Case", "answer_of", "refusal_rates"]


@dataclass(frozen=True)
class Case:
    """What is sent for one record.

    Attributes:
        id: The record's.
        start: The sub-task; the bundle's hash is filled in when it is sent.
        tool_error: Words with which the first call is refused; empty to send nothing after it.
        failed_call: The call that is refused, in the place of the first one; None for that one.
    """

    id: str
    start: specialist_pb2.ExecuteStart
    tool_error: str = ""
    failed_call: specialist_pb2.ToolCall | None = None


@dataclass(frozen=True)
class Answer:
    """One turn's answer: a call, a refusal, or an error.

    Attributes:
        method: Short name of the called method; empty without a call.
        request: The call's message; None without a call.
        text: The call as the specialist wrote it.
        json: The call as canonical ProtoJSON.
        refusal: Why there is no call, as the specialist says it; empty when there is one.
        error: Why there is no answer; empty when there is one.
        latency_ms: From sending to receiving.
        timings: As the specialist measured them.
        closed_early: The call reached its token limit.
    """

    method: str = ""
    request: Message | None = None
    text: str = ""
    json: str = ""
    refusal: str = ""
    error: str = ""
    latency_ms: float = 0.0
    timings: specialist_pb2.TurnTimings = field(default_factory=specialist_pb2.TurnTimings)
    closed_early: bool = False

    @property
    def valid(self) -> bool:
        """Whether it is a refusal, or a call that keeps all rules of its message."""
        if self.error:
            return False
        return self.request is None or not violations(self.request)

    @property
    def refused(self) -> bool:
        """Whether the specialist said that there is no call."""
        return bool(self.refusal)

    def why(self) -> str:
        """Says in one line what came, for a list of failures."""
        if self.error:
            return f"error {self.error}"
        return f"refused: {self.refusal}" if self.refused else self.text


def answer_of(response: specialist_pb2.ExecuteResponse, pool: DescriptorPool, latency_ms: float) -> Answer:
    """Reads a response.

    Args:
        response: As received.
        pool: Knows the contract's messages.
        latency_ms: From sending to receiving.

    Raises:
        KeyError: The call's message is not in the pool.
    """
    if response.WhichOneof("payload") == "refusal":
        refusal = f"{response.refusal.reason} {response.refusal.message}".strip()
        return Answer(refusal=refusal, latency_ms=latency_ms, timings=response.timings)
    call = response.tool_call
    descriptor = pool.FindMessageTypeByName(call.request.TypeName())
    request = GetMessageClass(descriptor)()
    request.ParseFromString(call.request.value)
    return Answer(
        method=call.method.rpartition(".")[2],
        request=request,
        text=call.surface_text,
        json=call.json,
        latency_ms=latency_ms,
        timings=response.timings,
        closed_early=call.closed_early,
    )


def refusal_rates(gold: Sequence[bool], refused: Sequence[bool]) -> dict[str, tuple[int, int]]:
    """Returns hits and counts of `refusal_recall` and `refusal_precision`.

    Args:
        gold: Which records must be refused.
        refused: Which were.
    """
    both = sum(a and b for a, b in zip(gold, refused, strict=True))
    return {"refusal_recall": (both, sum(gold)), "refusal_precision": (both, sum(refused))}
