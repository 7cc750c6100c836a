"""Starts the real system for a test: `narrowgauge up` on free ports in a home of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from narrowgauge.cli.home import Home, Running


@dataclass(frozen=True)
class RunningSystem:
    """A system that is up.

    Attributes:
        home: Its NARROWGAUGE_HOME.
        router: The router's address.
        running: Addresses of all processes.
        process: The process of `narrowgauge up`.
    """

    home: Home
    router: str
    running: Running
    process: subprocess.Popen[str]

    def environment(self, **more: str) -> dict[str, str]:
        """Returns variables with which a command finds this system."""
        return {**os.environ, "NARROWGAUGE_HOME": str(self.home.path), **more}

    def narrowgauge(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs a command against this system."""
        return subprocess.run(
            [sys.executable, "-m", "narrowgauge.cli", *arguments],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            env=self.environment(),
            timeout=300,
            check=False,
        )


@contextmanager
def system_up(folder: Path, models: Path, *arguments: str) -> Iterator[RunningSystem]:
    """Starts a system and stops it in order at the end.

    Args:
        folder: An empty folder for its data.
        models: Cache of prepared models, shared between runs.
        arguments: Further ones of `narrowgauge up`.
    """
    models.mkdir(parents=True, exist_ok=True)
    (folder / "models").symlink_to(models)
    home = Home(folder)
    with (folder / "up.err").open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "narrowgauge.cli", "up", "--demo", "--port-base", "0", *arguments],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env={**os.environ, "NARROWGAUGE_HOME": str(folder), "PYTHONUNBUFFERED": "1"},
        )
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if line.startswith("ready"):
                break
        else:
            raise AssertionError(f"`narrowgauge up` ended: {(folder / 'up.err').read_text()}")
        running = home.running()
        assert running is not None
        yield RunningSystem(home, running.router, running, process)
    finally:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=120)
