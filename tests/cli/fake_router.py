"""A router that plays one scripted chain; the first word of the request chooses how it goes."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from typing import Any

import grpc
from google.rpc import code_pb2, status_pb2

from narrowgauge.errors import InvalidRequest
from narrowgauge.runtime.lifecycle import serve, service_main
from narrowgauge.tools.sql.v1 import sql_pb2
from narrowgauge.v1 import dispatcher_pb2 as pb
from narrowgauge.v1 import dispatcher_pb2_grpc, options_pb2, specialist_pb2

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
ROWS = (
    '{"columns":[{"name":"customer","type":"text"},{"name":"due","type":"real"}],'
    '"rows":[{"values":[{"text":"Acme"},{"number":1200.5}]},{"values":[{"text":"Globex"},{"number":7}]}],'
    '"rowCount":2,"statement":"SELECT"}'
)

PLAN = pb.Plan(
    plan_ms=4.5,
    steps=[
        pb.PlanStep(text="list the customers with unpaid invoices", specialist="sql", confidence=0.98),
        pb.PlanStep(
            text="open a case for each of them",
            specialist="salesforce",
            confidence=0.91,
            depends_on=[pb.StepDependency(step=0, kind=pb.DEPENDENCY_KIND_FOR_EACH, confidence=0.9)],
        ),
    ],
)
ABSTAINED = pb.Plan(
    steps=[
        pb.PlanStep(
            text="sing a song",
            confidence=0.62,
            reason="NO_SPECIALIST",
            candidates=[pb.RouteCandidate(specialist="summary", probability=0.31)],
        )
    ]
)


class FakeRouter(dispatcher_pb2_grpc.DispatcherServiceServicer):
    """Plays the chain."""

    async def Dispatch(  # noqa: N802
        self, requests: AsyncIterator[pb.DispatchRequest], context: grpc.aio.ServicerContext[Any, Any]
    ) -> AsyncIterator[pb.DispatchResponse]:
        start = (await anext(requests)).start
        if not start.text.strip():
            raise InvalidRequest(
                "EMPTY_TEXT", "the request is empty; write one", field_violations=[("text", "is empty")]
            )
        sequence = 0

        def event(step: str = "", **values: Any) -> pb.DispatchResponse:
            nonlocal sequence
            sequence += 1
            return pb.DispatchResponse(session_id="s", sequence=sequence, step_id=step, **values)

        def ended(code: int = 0, message: str = "") -> pb.DispatchResponse:
            return event(
                chain_finished=pb.ChainFinished(
                    status=status_pb2.Status(code=code, message=message),
                    timings=pb.ChainTimings(loop_ms=210, plan_ms=4.5, specialist_ms=150, tool_ms=20),
                    trace_id=TRACE_ID,
                )
            )

        yield event(plan_made=pb.PlanMade(plan=PLAN))
        yield event("0", step_started=pb.StepStarted(step=0, specialist="sql", text=PLAN.steps[0].text))
        call = specialist_pb2.ToolCall(
            method="narrowgauge.tools.sql.v1.SqlToolService.Query", json='{"query":{"select":{}}}'
        )
        call.request.Pack(sql_pb2.QueryRequest())
        timings = specialist_pb2.TurnTimings(total_ms=142, prefill_ms=60, decode_ms=80, output_tokens=45)
        yield event(
            "0",
            tool_call=pb.ToolCallMade(call=call, side_effect=options_pb2.SIDE_EFFECT_READ, timings=timings),
        )
        if start.text.startswith("slow"):
            async for request in requests:
                if request.HasField("cancel"):
                    yield ended(code_pb2.CANCELLED, request.cancel.reason)
                    return
        yield event("0", tool_call_sent=pb.ToolCallSent(idempotency_key="k"))
        yield event("0", tool_result=pb.ToolResultReceived(json=ROWS, tool_ms=3.2))
        yield event("0", step_finished=pb.StepFinished(step_ms=150))
        yield event("1", step_expanded=pb.StepExpanded(step_ids=["1.0", "1.1"]))
        for run in ("1.0", "1.1"):
            call = specialist_pb2.ToolCall(method="their.CrmService.CreateRecord", json='{"object":"Case"}')
            call.request.type_url, call.request.value = "type.googleapis.com/their.Unknown", b"\x01"
            made = pb.ToolCallMade(call=call, side_effect=options_pb2.SIDE_EFFECT_WRITE)
            if start.text.startswith("client"):
                made.execution = options_pb2.EXECUTION_CLIENT
            yield event(run, tool_call=made)
            if start.text.startswith("client"):
                answered = (await anext(requests)).tool_result
                yield event(run, step_failed=pb.StepFailed(status=answered.error))
                continue
            by_policy = options_pb2.SIDE_EFFECT_WRITE in start.policy.auto_approve
            approved, reason = True, ""
            if not by_policy:
                yield event(
                    run, approval_required=pb.ApprovalRequired(side_effect=options_pb2.SIDE_EFFECT_WRITE)
                )
                answer = await anext(requests)
                approved, reason = answer.HasField("approve"), answer.reject.reason
            yield event(
                run, approval_given=pb.ApprovalGiven(approved=approved, by_policy=by_policy, reason=reason)
            )
            if not approved:
                yield event(
                    run, step_skipped=pb.StepSkipped(reason="REJECTED", message="the client rejected it")
                )
            else:
                yield event(
                    run, tool_result=pb.ToolResultReceived(json='{"object":"Case","id":"500000000000001AAA"}')
                )
                yield event(run, step_finished=pb.StepFinished(step_ms=30))
        yield ended()

    async def Plan(self, request: pb.PlanRequest, context: Any) -> pb.PlanResponse:  # noqa: N802
        return pb.PlanResponse(plan=ABSTAINED if "sing" in request.text else PLAN, bundle_hash="b" * 64)

    async def ListSpecialists(self, request: Any, context: Any) -> pb.ListSpecialistsResponse:  # noqa: N802
        described = specialist_pb2.SpecialistDescription(
            name="sql",
            description="answers questions about the warehouse",
            tools=[
                specialist_pb2.ToolDescription(method="a.B.Query", side_effect=options_pb2.SIDE_EFFECT_READ)
            ],
        )
        down = pb.SpecialistStatus(specialist=specialist_pb2.SpecialistDescription(name="summary"))
        return pb.ListSpecialistsResponse(
            specialists=[pb.SpecialistStatus(specialist=described, reachable=True), down],
            bundle_hash="b" * 64,
        )


async def main() -> None:
    def register(server: grpc.aio.Server) -> list[str]:
        dispatcher_pb2_grpc.add_DispatcherServiceServicer_to_server(FakeRouter(), server)
        return ["narrowgauge.v1.DispatcherService"]

    async def warm() -> None:
        mode = os.environ.get("FAKE_MODE", "")
        if mode == "dies":
            raise InvalidRequest("BAD_CONFIG", "NARROWGAUGE_X is not set: it is required")
        if mode == "hangs":
            await asyncio.Event().wait()

    await serve(service_name="router", listen="127.0.0.1:0", register=register, warm=warm)


if __name__ == "__main__":
    service_main(main)
