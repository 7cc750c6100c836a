"""Engines under measurement, each a process that waits while another one works."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from narrowgauge.bench.peers import Peer, peer_of
from narrowgauge.cli.bench.options import BenchOptions
from narrowgauge.cli.home import Home
from narrowgauge.cli.preparing import Progress
from narrowgauge.errors import FailedPrecondition

if TYPE_CHECKING:
    from narrowgauge.bench.workload import Call, Workload

__all__ = ["Contest", "PeerSetting", "Worker", "contest", "threads_of"]

_LINE_BYTES = 64 << 20
_LAST_LINES = 8


class Worker:
    """One engine's process; see `narrowgauge.bench.worker` for what it is told.

    Attributes:
        facts: Versions and precision.
        load_s: How long the model took to load.
        pid: Its process id.
    """

    def __init__(self, name: str, command: Sequence[str]) -> None:
        self._name = name
        self._command = command
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        self.facts: Mapping[str, str] = {}
        self.load_s = 0.0
        self.pid = 0

    async def __aenter__(self) -> Worker:
        """Starts it and waits until the model is loaded."""
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", *self._command),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=self._stderr,
            limit=_LINE_BYTES,
        )
        self.pid = self._process.pid
        try:
            ready = await self._read()
        except BaseException:
            await self._stop()
            raise
        self.facts, self.load_s = ready["facts"], ready["load_s"]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stop()

    async def call(self, call: Call) -> dict[str, Any]:
        """Decodes one call; returns the fields of `Answer`."""
        return await self._ask({"op": "call", "call": call.to_json()})

    async def prefill(self, tokens: Sequence[int]) -> float:
        """Reads a prompt; returns seconds."""
        return float((await self._ask({"op": "prefill", "tokens": list(tokens)}))["seconds"])

    async def decode(self, batch: int, past: int, steps: int) -> float:
        """Decodes; returns seconds a step."""
        asked = {"op": "decode", "batch": batch, "past": past, "steps": steps}
        return float((await self._ask(asked))["seconds"])

    async def load(self, calls: Sequence[Call], *, concurrency: int, rate: float = 0.0) -> dict[str, Any]:
        """Sends calls from several callers; returns the fields of `Load`."""
        told = [call.to_json() for call in calls]
        return await self._ask({"op": "load", "calls": told, "concurrency": concurrency, "rate": rate})

    async def _ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        await self._process.stdin.drain()
        return await self._read()

    async def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if not line:
            await self._process.wait()
            self._stderr.seek(0)
            said = b"\n".join(self._stderr.read().splitlines()[-_LAST_LINES:]).decode(errors="replace")
            raise FailedPrecondition("BENCH_FAILED", f"{self._name} ended in the middle:\n{said}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise FailedPrecondition(answer["error"]["reason"], f"{self._name}: {answer['error']['message']}")
        return answer

    async def _stop(self) -> None:
        if self._process.returncode is None:
            self._process.kill()  # it holds nothing that has to be written
            await self._process.wait()
        self._stderr.close()


@dataclass(frozen=True)
class PeerSetting:
    """A peer in one of its settings.

    Attributes:
        worker: Its process.
        precision: Form of the weights.
        surface: Form of the constraint.
    """

    worker: Worker
    precision: str
    surface: str

    @property
    def name(self) -> str:
        """For the report."""
        return f"{self.precision}.{self.surface}"


@dataclass(frozen=True)
class Contest:
    """What is compared: our engine, and a peer in all its settings.

    Attributes:
        own: Our engine's process; None when a service is measured in its place.
        peer: The peer; None for none.
        settings: Of the peer.
        workload: The calls.
        model: Folder of the prepared model.
        model_name: The model's own name.
    """

    own: Worker | None
    peer: Peer | None
    settings: tuple[PeerSetting, ...]
    workload: Workload
    model: Path
    model_name: str

    @property
    def workers(self) -> tuple[Worker, ...]:
        """The peer's processes, one a precision."""
        return tuple(dict.fromkeys(setting.worker for setting in self.settings))


def threads_of(environ: Mapping[str, str]) -> int:
    """Returns the threads of every engine's kernels: NARROWGAUGE_THREADS, else all cores."""
    return int(environ.get("NARROWGAUGE_THREADS") or len(os.sched_getaffinity(0)))


@asynccontextmanager
async def contest(
    options: BenchOptions, progress: Progress, *, slots: int, slot_tokens: int, own: bool = True
) -> AsyncIterator[Contest]:
    """Prepares model, contract and weights, and starts a process for each engine.

    Args:
        options: Which model and peer.
        progress: Told what is being done.
        slots: Requests that each engine decodes at once.
        slot_tokens: Tokens a slot.
        own: Whether to start our engine's process too.

    Raises:
        NotFound: There is no such peer.
        FailedPrecondition: The peer is not installed, or an engine does not start.
    """
    from narrowgauge.bench.workload import order_bundle, order_workload
    from narrowgauge.models import load_prepared, prepare
    from narrowgauge.models.embedded import embedded_gguf

    peer = peer_of(options.peer) if options.peer else None
    home, threads = Home.of(os.environ), threads_of(os.environ)
    progress("preparing the model", None)
    prepared = await asyncio.to_thread(prepare, options.model, home.models)
    model = await asyncio.to_thread(load_prepared, prepared)
    bundle = await asyncio.to_thread(order_bundle, home.path / "bench" / "bundle")
    workload = order_workload(bundle, model.config.chat_format)
    sizes = ("--threads", str(threads), "--slots", str(slots), "--slot-tokens", str(slot_tokens))
    async with AsyncExitStack() as stack:
        mine = None
        if own:
            progress("loading our engine", None)
            command = ("specialist_svc.engine.bench", "--model", str(prepared), *sizes)
            mine = await stack.enter_async_context(Worker("our engine", command))
        settings: list[PeerSetting] = []
        for precision in peer.precisions if peer is not None else ():
            assert peer is not None
            progress(f"loading {peer.name} in {precision}", None)
            source = str(options.model or embedded_gguf())
            weights = ("--source", source, "--precision", precision, "--cache", str(home.path / "bench"))
            measured = Worker(
                f"{peer.name} {precision}", ("narrowgauge.bench.peers", peer.name, *weights, *sizes)
            )
            worker = await stack.enter_async_context(measured)
            settings += [PeerSetting(worker, precision, surface) for surface in peer.surfaces]
        yield Contest(mine, peer, tuple(settings), workload, prepared, model.name)
