"""A served specialist and the messages that tests send to it."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

from narrowgauge.v1 import specialist_pb2 as pb
from narrowgauge.v1 import specialist_pb2_grpc
from narrowgauge.v1.catalogue_pb2 import Catalogue, Entity, EntityField
from specialist_svc.settings import Settings
from specialist_svc.specialist import Specialist

ROWS = [
    {"name": "Acme Industrial Supply", "city": "Chicago", "unpaid": 18250.5},
    {"name": "Alder & Finch", "city": "London", "unpaid": 12990},
    {"name": "Amberline Logistics", "city": "Rotterdam", "unpaid": 1234.25},
]


def settings_for(name: str, bundle: Path, model: Path) -> Settings:
    return Settings(specialists=(name,), bundle=bundle, model=model, slot_tokens=800, slots=4, threads=1)


def document(rows: list[dict[str, Any]]) -> pb.ContextDocument:
    text = "\n".join(", ".join(f"{key}: {value}" for key, value in row.items()) for row in rows)
    return pb.ContextDocument(title="step 1 result", text=text, rows_json=[json.dumps(row) for row in rows])


def catalogue() -> Catalogue:
    """A small database."""
    return Catalogue(
        dialect="sqlite",
        entities=[
            Entity(
                name="customers",
                fields=[
                    EntityField(name="id", type="integer", key=True),
                    EntityField(name="name", type="text"),
                    EntityField(name="country", type="text", values=["Germany", "Spain"]),
                ],
            ),
            Entity(
                name="invoices",
                fields=[
                    EntityField(name="id", type="integer", key=True),
                    EntityField(name="customer_id", type="integer", references=["customers.id"]),
                    EntityField(name="amount", type="real"),
                    EntityField(name="due_date", type="date"),
                    EntityField(name="status", type="text", values=["paid", "unpaid"]),
                ],
            ),
        ],
    )


@dataclass
class Served:
    """A specialist behind a gRPC server."""

    stub: specialist_pb2_grpc.SpecialistServiceAsyncStub
    specialist: Specialist
    channel: grpc.aio.Channel

    def start(self, text: str, **fields: Any) -> pb.ExecuteRequest:
        """A sub-task; about `ROWS` and on no catalogue unless said otherwise."""
        values = {"bundle_hash": self.specialist.bundle_hash, "today": "2026-03-02"} | fields
        values.setdefault("context", [document(ROWS)])
        return pb.ExecuteRequest(start=pb.ExecuteStart(text=text, **values))

    async def ask(self, text: str, **fields: Any) -> pb.ExecuteResponse:
        """Sends one sub-task on a stream of its own and returns the answer."""
        call = self.stub.Execute()
        await call.write(self.start(text, **fields))
        answer = await call.read()
        await call.done_writing()
        assert isinstance(answer, pb.ExecuteResponse)
        return answer


Serve = Callable[..., Awaitable[Served]]
"""Starts a specialist: `await serve("summary", slots=2)`."""
