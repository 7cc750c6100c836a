"""The contracts of a shop, and plans, messages and answers that are about it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message

from narrowgauge.contracts.contract import Contract
from narrowgauge.contracts.descriptors import contracts_in, load_protos, pool_of
from narrowgauge.v1 import (
    dispatcher_pb2,
    options_pb2,
    specialist_pb2,
)

SHOP = "narrowgauge.testing.shop.v1.ShopService"
NOTE = "narrowgauge.testing.shop.v1.NoteService"
_FILES = load_protos([Path(__file__).parent / "shop.proto"])
POOL = pool_of(_FILES)
CONTRACTS: dict[str, Contract] = {
    contract.specialist: contract
    for contract in contracts_in(_FILES, POOL)
    if contract.specialist in ("shop", "note")
}

AFTER = dispatcher_pb2.DEPENDENCY_KIND_AFTER
USES = dispatcher_pb2.DEPENDENCY_KIND_USES
FOR_EACH = dispatcher_pb2.DEPENDENCY_KIND_FOR_EACH
WRITE = options_pb2.SIDE_EFFECT_WRITE


def step(text: str, *depends_on: tuple[int, int], specialist: str | None = None) -> dispatcher_pb2.PlanStep:
    """A planned step. Its text is `Method {json}`: the call that the scripted specialist writes."""
    if specialist is None:
        specialist = "note" if text.startswith("Note") else "shop"
    dependencies = [dispatcher_pb2.StepDependency(step=other, kind=kind) for other, kind in depends_on]  # type: ignore[arg-type]
    return dispatcher_pb2.PlanStep(text=text, specialist=specialist, depends_on=dependencies)


def plan(*steps: dispatcher_pb2.PlanStep) -> dispatcher_pb2.Plan:
    """A plan of these steps."""
    return dispatcher_pb2.Plan(steps=steps)


def any_of(message: Message) -> AnyMessage:
    """The message in an `Any`."""
    packed = AnyMessage()
    packed.Pack(message)
    return packed


def message(name: str, **fields: Any) -> Message:
    """A message of the shop's contract."""
    made = next(
        klass()
        for contract in CONTRACTS.values()
        for tool in contract.tools
        for klass in (tool.request_class, tool.response_class)
        if klass.DESCRIPTOR.name == name
    )
    json_format.ParseDict(fields, made, descriptor_pool=POOL)
    return made


def call_answer(text: str) -> specialist_pb2.ExecuteResponse:
    """The answer with the tool call that `Method {json}` stands for."""
    name, _, body = text.partition(" ")
    for contract in CONTRACTS.values():
        for tool in contract.tools:
            if tool.name == name:
                request = json_format.ParseDict(
                    json.loads(body or "{}"), tool.request_class(), descriptor_pool=POOL
                )
                call = specialist_pb2.ToolCall(method=tool.method, request=any_of(request), json=body or "{}")
                return specialist_pb2.ExecuteResponse(tool_call=call)
    return specialist_pb2.ExecuteResponse(
        refusal=specialist_pb2.Refusal(reason="UNANSWERABLE", message="no such tool")
    )
