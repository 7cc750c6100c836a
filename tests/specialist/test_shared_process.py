"""Several specialists of one model in one process: each is asked by its name, as if it were alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from served import settings_for

from narrowgauge.cli.evaluate.calling import compile_functions
from narrowgauge.contracts.bundle import Bundle
from narrowgauge.errors import FailedPrecondition, InvalidRequest
from narrowgauge.evaluation.json_schema_contract import functions_of
from narrowgauge.runtime.channels import open_channel
from narrowgauge.runtime.lifecycle import ServiceServer
from narrowgauge.v1 import specialist_pb2 as pb
from narrowgauge.v1 import specialist_pb2_grpc
from specialist_svc.loading import load_specialists
from specialist_svc.servicer import SpecialistServicer

LAMP = {"type": "object", "properties": {"on": {"type": "boolean"}}, "required": ["on"]}
OVEN = {"type": "object", "properties": {"degrees": {"enum": ["low", "high"]}}, "required": ["degrees"]}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """Two contracts, each of a specialist of its own."""
    contracts = {
        "call-lamp": functions_of([{"name": "switch", "description": "A lamp.", "parameters": LAMP}]),
        "call-oven": functions_of([{"name": "heat", "description": "An oven.", "parameters": OVEN}]),
    }
    return compile_functions(tmp_path_factory.mktemp("house"), contracts)


@asynccontextmanager
async def process(
    house: Bundle, model: Path, *names: str
) -> AsyncIterator[specialist_pb2_grpc.SpecialistServiceAsyncStub]:
    servicer = SpecialistServicer()
    settings = replace(settings_for(names[0], house.path, model), specialists=names)
    servicer.open(load_specialists(settings))

    def register(server: grpc.aio.Server) -> list[str]:
        specialist_pb2_grpc.add_SpecialistServiceServicer_to_server(servicer, server)
        return ["narrowgauge.v1.SpecialistService"]

    server = ServiceServer("127.0.0.1:0", register)
    await server.start()
    await server.set_ready()
    try:
        async with open_channel(server.address) as channel:
            yield specialist_pb2_grpc.SpecialistServiceStub(channel)
    finally:
        await server.stop(0.5)
        await servicer.close()


async def ask(
    stub: specialist_pb2_grpc.SpecialistServiceAsyncStub, house: Bundle, *names: str
) -> pb.ExecuteResponse:
    """Starts a sub-task of each name on one stream, and returns the last answer."""
    call = stub.Execute()
    answers = []
    for name in names:
        start = pb.ExecuteStart(bundle_hash=house.hash, text="the lamp, please", specialist=name)
        await call.write(pb.ExecuteRequest(start=start))
        answer = await call.read()
        assert isinstance(answer, pb.ExecuteResponse), await call.code()
        answers.append(answer)
    await call.done_writing()
    return answers[-1]


async def refusal(
    stub: specialist_pb2_grpc.SpecialistServiceAsyncStub, house: Bundle, *names: str
) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await ask(stub, house, *names)
    return caught.value.code(), str(caught.value.details())


async def test_company_changes_no_answer(house: Bundle, tiny_prepared_model: Path) -> None:
    """Each specialist of a process writes calls of its own contract, with the bytes that it writes alone; a
    lone one may be asked without a name.
    """
    async with process(house, tiny_prepared_model, "call-lamp", "call-oven") as both:
        lamp, oven = await ask(both, house, "call-lamp"), await ask(both, house, "call-oven")
        described = await both.Describe(pb.DescribeRequest(specialist="call-oven"))
    assert described.specialist.name == "call-oven"
    assert '"switch"' in lamp.tool_call.json or lamp.WhichOneof("payload") == "refusal"
    assert '"heat"' in oven.tool_call.json or oven.WhichOneof("payload") == "refusal"
    for name, together in (("call-lamp", lamp), ("call-oven", oven)):
        async with process(house, tiny_prepared_model, name) as alone:
            for asked_as in (name, ""):
                answer = await ask(alone, house, asked_as)
                assert answer.tool_call == together.tool_call
                assert answer.refusal == together.refusal


async def test_a_request_must_say_whom_it_means(house: Bundle, tiny_prepared_model: Path) -> None:
    """Where several are served, none is taken for the one that was meant."""
    async with process(house, tiny_prepared_model, "call-lamp", "call-oven") as both:
        assert await refusal(both, house, "") == (
            grpc.StatusCode.INVALID_ARGUMENT,
            "this process serves several specialists: name one of call-lamp, call-oven",
        )
        with pytest.raises(grpc.aio.AioRpcError, match="name one of"):
            await both.Describe(pb.DescribeRequest())
        code, words = await refusal(both, house, "call-fridge")
        assert (code, "call-fridge" in words) == (grpc.StatusCode.NOT_FOUND, True)
        code, words = await refusal(both, house, "call-lamp", "call-oven")
        assert (code, "another one" in words) == (grpc.StatusCode.INVALID_ARGUMENT, True)


def test_what_cannot_share_a_process_is_said_at_start(
    bundle: Bundle, house: Bundle, tiny_prepared_model: Path
) -> None:
    """Specialists with different adapters need different weights; a name that stands twice is a mistake."""
    settings = settings_for("sql", bundle.path, tiny_prepared_model)
    with pytest.raises(FailedPrecondition, match="start a process for each"):
        load_specialists(replace(settings, specialists=("sql", "salesforce")))
    settings = settings_for("call-lamp", house.path, tiny_prepared_model)
    with pytest.raises(InvalidRequest, match="twice"):
        load_specialists(replace(settings, specialists=("call-lamp", "call-lamp")))
