"""A specialist that answers from a script: `python scripted_specialist.py SCRIPT.json`.

The script maps a request's text to its answers, one a turn: `{"method", "request"}`, `{"refusal"}` or
`{"error"}`. It serves the built-in contract of the script's `specialist`, forgets every catalogue but the
last, and prints its address.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import json_format

from narrowgauge.contracts.descriptors import builtin_descriptor_set, contracts_in
from narrowgauge.errors import FailedPrecondition, LimitExceeded
from narrowgauge.runtime.status import abort
from narrowgauge.v1 import specialist_pb2 as pb
from narrowgauge.v1 import specialist_pb2_grpc

BUNDLE = "b" * 64


class Scripted(specialist_pb2_grpc.SpecialistServiceServicer):
    """Answers from the script."""

    def __init__(self, script: dict[str, Any]) -> None:
        contracts = contracts_in(builtin_descriptor_set())
        self._contract = next(c for c in contracts if c.specialist == script["specialist"])
        self._answers: dict[str, list[dict[str, Any]]] = script["answers"]
        self._catalogue = ""

    async def Describe(self, request: Any, context: Any) -> pb.DescribeResponse:  # noqa: N802
        return pb.DescribeResponse(
            specialist=pb.SpecialistDescription(name=self._contract.specialist),
            bundle_hash=BUNDLE,
            model="scripted",
            slots=2,
        )

    async def Execute(  # noqa: N802
        self, request_iterator: Any, context: Any
    ) -> AsyncIterator[pb.ExecuteResponse]:
        turns: list[dict[str, Any]] = []
        async for request in request_iterator:
            if request.HasField("start"):
                turns = list(self._answers[request.start.text])
                await self._check(request.start, context)
            else:
                assert request.tool_error.status.message
                assert request.tool_error.failed_call.surface_text
            yield await self._answer(turns.pop(0), context)

    async def _check(self, start: pb.ExecuteStart, context: Any) -> None:
        if start.bundle_hash != BUNDLE:
            await abort(context, FailedPrecondition("BUNDLE_MISMATCH", "another bundle"))
        if not start.catalogue.entities and start.catalogue.hash != self._catalogue:
            await abort(context, FailedPrecondition("CATALOGUE_UNKNOWN", "send the whole catalogue"))
        self._catalogue = start.catalogue.hash

    async def _answer(self, answer: dict[str, Any], context: Any) -> pb.ExecuteResponse:
        if "error" in answer:
            await abort(context, LimitExceeded(answer["error"], "scripted"))
        if "refusal" in answer:
            return pb.ExecuteResponse(refusal=pb.Refusal(reason=answer["refusal"]))
        tool = self._contract.tool(answer["method"])
        request = json_format.ParseDict(answer["request"], tool.request_class())
        response = pb.ExecuteResponse()
        response.tool_call.method = tool.method
        response.tool_call.request.Pack(request)
        response.tool_call.json = json.dumps(answer["request"])
        response.tool_call.surface_text = json.dumps(answer["request"])
        return response


async def main(script: dict[str, Any]) -> None:
    """Serves until SIGTERM."""
    server = grpc.aio.server()
    specialist_pb2_grpc.add_SpecialistServiceServicer_to_server(Scripted(script), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(json.dumps({"address": f"127.0.0.1:{port}"}), flush=True)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await stop.wait()
    await server.stop(0)


if __name__ == "__main__":
    asyncio.run(main(json.loads(Path(sys.argv[1]).read_text())))
