"""Processes of a test's own beside the shared system, which tests may stop, pause, starve and kill."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import grpc
from google.rpc import error_details_pb2, status_pb2
from running_system import RunningSystem

from narrowgauge.cli.processes import Child, ProcessSpec, Supervisor
from narrowgauge.cli.system import SALESFORCE_TOOL, SQL_TOOL
from narrowgauge.runtime.status import status_from_rpc
from narrowgauge.v1 import dispatcher_pb2 as pb
from narrowgauge.v1 import dispatcher_pb2_grpc

DOWN = "127.0.0.1:1"
"""An address where nobody listens: port 1 needs rights that no service has."""


class Beside:
    """Starts processes that use the shared system's bundle, specialists and tools unless told otherwise.

    Attributes:
        system: The shared system.
        folder: For what the processes write.
    """

    def __init__(self, system: RunningSystem, supervisor: Supervisor, folder: Path, tiny_model: Path) -> None:
        self.system = system
        self.folder = folder
        self._supervisor = supervisor
        self._tiny_model = tiny_model
        self._count = 0

    async def router(
        self,
        *,
        specialists: Mapping[str, str] | None = None,
        tools: Mapping[str, str] | None = None,
        **environment: str,
    ) -> Child:
        """Starts a router with its own state; `specialists` and `tools` replace addresses."""
        addresses = self.system.running.processes
        known = {
            name.removeprefix("specialist-"): address
            for name, address in addresses.items()
            if name.startswith("specialist-")
        }
        served = {SQL_TOOL: addresses["tool-sql"], SALESFORCE_TOOL: addresses["tool-salesforce"]}
        own = {
            "NARROWGAUGE_SPECIALISTS": _mapping({**known, **(specialists or {})}),
            "NARROWGAUGE_TOOLS": _mapping({**served, **(tools or {})}),
            "NARROWGAUGE_STATE": str(self.folder / "chains.db"),
            "NARROWGAUGE_RETRY_ATTEMPTS": "2",
        }
        return await self.start("router_svc", own | environment)

    async def specialist(self, name: str, **environment: str) -> Child:
        """Starts a specialist with the tiny model: its calls are valid and mean nothing."""
        own = {
            "NARROWGAUGE_SPECIALIST": name,
            "NARROWGAUGE_MODEL": str(self._tiny_model),
            "NARROWGAUGE_THREADS": "1",
        }
        return await self.start("specialist_svc", own | environment)

    async def sql_tool(self, database: Path, **environment: str) -> Child:
        """Starts a SQL tool on a SQLite file."""
        return await self.start(
            "tool_svc.sql", {"NARROWGAUGE_SQL_DSN": f"sqlite:///{database}"} | environment
        )

    async def start(self, module: str, environment: Mapping[str, str]) -> Child:
        """Starts a module; raises FailedPrecondition when it dies."""
        self._count += 1
        return await self._supervisor.start(
            ProcessSpec(
                f"{module}-{self._count}",
                module,
                {
                    "NARROWGAUGE_LISTEN": "127.0.0.1:0",
                    "NARROWGAUGE_BUNDLE": str(self.system.home.bundle),
                    "OTEL_EXPORTER_OTLP_ENDPOINT": "",
                    **environment,
                },
            )
        )


class Chain:
    """A client's stream."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._call = dispatcher_pb2_grpc.DispatcherServiceStub(channel).Dispatch()
        self.events: list[pb.DispatchResponse] = []

    async def start(self, text: str, **fields: Any) -> Self:
        await self.send(start=pb.ChainStart(text=text, **fields))
        return self

    async def resume(self, session_id: str, after: int = 0) -> Self:
        await self.send(resume=pb.ChainResume(session_id=session_id, last_sequence=after))
        return self

    async def send(self, **payload: Any) -> None:
        await self._call.write(pb.DispatchRequest(**payload))

    async def until(self, kind: str) -> pb.DispatchResponse:
        """Reads to the next event of a kind and returns it."""
        async for event in self._call:
            self.events.append(event)
            if event.WhichOneof("event") == kind:
                return event
        raise AssertionError(f"no {kind} in {self.kinds()}")

    async def all(self) -> list[pb.DispatchResponse]:
        """Reads to the end."""
        async for event in self._call:
            self.events.append(event)
        return self.events

    async def refused(self) -> status_pb2.Status:
        """Reads to the error that ends the stream and returns it as it came over the wire."""
        try:
            await self.all()
        except grpc.aio.AioRpcError as error:
            return status_from_rpc(error)
        raise AssertionError(f"no error; {self.kinds()}")

    def kinds(self, step: str | None = None) -> list[str]:
        return [str(e.WhichOneof("event")) for e in self.events if step is None or e.step_id == step]

    def failure(self, step: str = "0") -> status_pb2.Status:
        """Returns what a step failed with."""
        failed = [
            e.step_failed.status for e in self.events if e.HasField("step_failed") and e.step_id == step
        ]
        assert failed, self.events
        return failed[0]

    @property
    def status(self) -> status_pb2.Status:
        """How the chain ended."""
        assert self.events and self.events[-1].HasField("chain_finished"), self.kinds()
        return self.events[-1].chain_finished.status


def detail(status: status_pb2.Status, kind: Any = error_details_pb2.ErrorInfo) -> Any:
    """Returns the detail of a kind that a status must have."""
    for packed in status.details:
        found = kind()
        if packed.Is(kind.DESCRIPTOR) and packed.Unpack(found):
            return found
    raise AssertionError(f"{status} has no {kind.__name__}")


def reason(status: status_pb2.Status) -> str:
    """Returns the reason of a status, which must be one of Narrowgauge's."""
    info = detail(status)
    assert info.domain == "narrowgauge.dev"
    return str(info.reason)


def gapless(events: list[pb.DispatchResponse]) -> bool:
    """Tells whether a log begins at its first event and misses none."""
    return [event.sequence for event in events] == list(range(1, len(events) + 1))


def send_signal(child: Child, number: int) -> None:
    os.kill(child.pid, number)


def pid_of(system: RunningSystem, module: str) -> int:
    """Returns the process of the shared system that runs a module."""
    up = system.process.pid
    for pid in Path(f"/proc/{up}/task/{up}/children").read_text().split():
        if module.encode() in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
            return int(pid)
    raise AssertionError(f"{module} does not run")


@contextmanager
def paused(pid: int) -> Iterator[None]:
    """Stops a process for the block."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def fill(file: Path) -> None:
    """Writes a file until its disk is full."""
    with contextlib.suppress(OSError), file.open("wb", buffering=0) as out:
        while out.write(b"x" * 4096):
            pass


def _mapping(values: Mapping[str, str]) -> str:
    return ",".join(f"{name}={value}" for name, value in values.items())
