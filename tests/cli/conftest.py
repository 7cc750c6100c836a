"""Fixtures of the command line's tests: a home of its own, a scripted router, the command as a process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import Cli


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """NARROWGAUGE_HOME of this test."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("NARROWGAUGE_HOME", str(folder))
    monkeypatch.delenv("NARROWGAUGE_ADDRESS", raising=False)
    return folder


@pytest.fixture(scope="session")
def router() -> Iterator[str]:
    """Address of the scripted router."""
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("fake_router.py"))], stdout=subprocess.PIPE
    )
    with process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["address"]
        process.terminate()


@pytest.fixture
def cli(home: Path) -> Cli:
    """Runs `narrowgauge` to its end."""

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "narrowgauge.cli", *arguments],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **environment},
            timeout=60,
            check=False,
        )

    return run
