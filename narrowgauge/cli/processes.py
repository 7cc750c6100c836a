"""Starts service processes, learns their addresses, notices when one dies, and stops them in order.

A service says where it serves in one line on its stdout, so it may choose a free port itself, and nothing is
polled.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from narrowgauge.errors import FailedPrecondition
from narrowgauge.runtime.parent import PARENT_PID

__all__ = ["Child", "ProcessSpec", "Supervisor"]

_STOP_S = 15.0  # longer than a service's own drain
_LAST_LINES = 8


@dataclass(frozen=True)
class ProcessSpec:
    """What to start.

    Attributes:
        name: For people, logs and errors; unique.
        module: Python module that is run.
        environment: Variables beside those of this process.
        ready_s: Time that it may take until it serves.
    """

    name: str
    module: str
    environment: Mapping[str, str] = field(default_factory=dict)
    ready_s: float = 120.0


class Child:
    """A running service.

    Attributes:
        name: As in its spec.
        address: Where it serves.
        log: The file that has its stderr.
        pid: Its process id.
    """

    def __init__(self, spec: ProcessSpec, process: asyncio.subprocess.Process, log: Path) -> None:
        self.name = spec.name
        self.address = ""
        self.log = log
        self.pid = process.pid
        self._process = process
        self._stdout: asyncio.Task[None] | None = None

    @property
    def returncode(self) -> int | None:
        """The exit status; None while it runs, negative for a signal."""
        return self._process.returncode

    def last_lines(self) -> str:
        """Returns the end of its log, which says why it died."""
        lines = self.log.read_text(errors="replace").splitlines()[-_LAST_LINES:]
        return "\n".join(_plain(line) for line in lines)

    async def serving(self) -> None:
        """Waits for the line that says where it serves, then keeps its stdout empty."""
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            with contextlib.suppress(ValueError):
                event = json.loads(line)
                if isinstance(event, dict) and event.get("event") == "serving":
                    self.address = str(event["address"])
                    self._stdout = asyncio.create_task(self._discard(self._process.stdout))
                    return
        await self._process.wait()
        raise self.death()

    async def wait(self) -> None:
        """Returns when it has ended."""
        await self._process.wait()

    def death(self) -> FailedPrecondition:
        """Returns the error that says how it ended."""
        code = self.returncode or 0
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        said = self.last_lines()
        return FailedPrecondition(
            "PROCESS_DIED",
            f"{self.name} {how}; its log is {self.log}" + (f" and ends with:\n{said}" if said else ""),
            metadata={"process": self.name, "exit_code": str(code)},
        )

    async def stop(self, stop_s: float = _STOP_S) -> None:
        """Sends SIGTERM and waits; SIGKILL when it takes longer than `stop_s` seconds."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.terminate()
            try:
                async with asyncio.timeout(stop_s):
                    await self._process.wait()
            except TimeoutError:
                self._process.kill()
                await self._process.wait()
        if self._stdout is not None:
            await self._stdout

    async def _discard(self, stdout: asyncio.StreamReader) -> None:
        while await stdout.read(65536):
            pass


class Supervisor:
    """Owns child processes: leaving its context stops them, the last one started first.

    Args:
        logs: Folder for one log file a process.
    """

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._children: list[Child] = []

    async def __aenter__(self) -> Supervisor:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def children(self) -> Sequence[Child]:
        """All of them, in the order of their start."""
        return tuple(self._children)

    async def start(self, spec: ProcessSpec) -> Child:
        """Starts a process and returns when it serves.

        Raises:
            FailedPrecondition: `PROCESS_DIED`, with the end of its log; `PROCESS_SLOW`: it did not serve in
                time.
        """
        self._logs.mkdir(parents=True, exist_ok=True)
        log = self._logs / f"{spec.name}.log"
        with log.open("wb") as stderr:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", spec.module),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=stderr,
                env={**os.environ, **spec.environment, PARENT_PID: str(os.getpid())},
                # Ctrl-C of the terminal must reach this process alone, which then stops them in order.
                start_new_session=True,
            )
        child = Child(spec, process, log)
        self._children.append(child)
        try:
            async with asyncio.timeout(spec.ready_s):
                await child.serving()
        except TimeoutError:
            raise FailedPrecondition(
                "PROCESS_SLOW", f"{spec.name} did not serve within {spec.ready_s:g} s; its log is {log}"
            ) from None
        return child

    async def start_all(self, specs: Sequence[ProcessSpec]) -> Sequence[Child]:
        """Starts several at once and returns when all serve.

        Raises:
            FailedPrecondition: As `start`, of the first that failed.
        """
        tasks = [asyncio.create_task(self.start(spec)) for spec in specs]
        try:
            return await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def first_death(self) -> Child:
        """Waits until one of the processes ends and returns it."""
        waits = {asyncio.create_task(child.wait()): child for child in self._children}
        try:
            done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            return waits[done.pop()]
        finally:
            for task in waits:
                task.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    async def stop(self) -> None:
        """Stops all, the last one started first, so that nobody loses what it calls."""
        while self._children:
            await self._children.pop().stop()


def _plain(line: str) -> str:
    """Returns a JSON log line as a person reads it."""
    try:
        entry = json.loads(line)
    except ValueError:
        return line
    if not isinstance(entry, dict):
        return line
    text = f"{entry.get('level', '')} {entry.get('message', '')}".strip()
    exception = str(entry.get("exception", "")).strip().rsplit("\n", 1)[-1]
    return f"{text}: {exception}" if exception else text
