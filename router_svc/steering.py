"""What a client's later messages mean for a chain: approvals, results of its own tools, cancelling."""

from __future__ import annotations

from google.protobuf.message import DecodeError

from narrowgauge.errors import InvalidRequest
from narrowgauge.v1 import dispatcher_pb2
from router_svc.chain.gate import Answer, ClientResult, Decision, waiting_run
from router_svc.chain.ports import Tools
from router_svc.chain.state import ChainState

__all__ = ["answer_of", "target_sequence"]


def answer_of(request: dispatcher_pb2.DispatchRequest) -> tuple[str, Answer] | None:
    """Returns the step and the answer that a message gives it; `None` when it cancels the chain.

    Raises:
        InvalidRequest: It is a second start or resume, or says nothing.
    """
    match request.WhichOneof("payload"):
        case "approve":
            return request.approve.step_id, Decision(approved=True)
        case "reject":
            return request.reject.step_id, Decision(approved=False, reason=request.reject.reason)
        case "tool_result":
            return request.tool_result.step_id, _client_result(request.tool_result)
        case "cancel":
            return None
        case "start" | "resume" as payload:
            raise InvalidRequest(
                "SECOND_START",
                "only the first message of a stream may start or resume a chain; open another stream",
                field_violations=[(payload, "is not the first message of the stream")],
            )
        case _:
            raise InvalidRequest(
                "EMPTY_MESSAGE", "the message has no payload", field_violations=[("payload", "is not set")]
            )


def target_sequence(state: ChainState, tools: Tools, step_id: str, answer: Answer) -> int:
    """Returns the sequence number of the event that an answer answers.

    Raises:
        FailedPrecondition: STEP_NOT_WAITING: there is no such event.
        InvalidRequest: The client's result is not the tool's response message.
    """
    run = waiting_run(state, step_id, answer)
    if isinstance(answer, ClientResult) and answer.message is not None:
        assert state.plan is not None and run.call is not None
        tool = tools.tool(state.plan.steps[run.step].specialist, run.call.method)
        if not answer.message.Is(tool.response):
            raise _bad_result(f"must be a {tool.response.full_name}, not {answer.message.TypeName()!r}")
        try:
            tool.response_class().ParseFromString(answer.message.value)
        except DecodeError as error:
            raise _bad_result(f"cannot be parsed as {tool.response.full_name}") from error
    return run.asked_at_sequence


def _client_result(result: dispatcher_pb2.ClientToolResult) -> ClientResult:
    match result.WhichOneof("outcome"):
        case "message":
            return ClientResult(message=result.message)
        case "error":
            return ClientResult(error=result.error)
        case _:
            raise InvalidRequest(
                "BAD_TOOL_RESULT",
                "the tool result has neither a message nor an error",
                field_violations=[("tool_result.outcome", "is not set")],
            )


def _bad_result(what: str) -> InvalidRequest:
    return InvalidRequest(
        "BAD_TOOL_RESULT",
        f"tool_result.message {what}",
        field_violations=[("tool_result.message", what)],
    )
