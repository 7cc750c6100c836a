"""Fixtures of the evaluation's tests: a scripted specialist, and the command as a process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

Evaluate = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def specialist(tmp_path: Path) -> Iterator[Callable[[str, dict[str, Any]], str]]:
    """Starts a scripted specialist and returns its address."""
    with ExitStack() as stack:

        def start(name: str, answers: dict[str, Any]) -> str:
            script = tmp_path / f"{name}.script.json"
            script.write_text(json.dumps({"specialist": name, "answers": answers}))
            process = stack.enter_context(
                subprocess.Popen(
                    [sys.executable, str(Path(__file__).with_name("scripted_specialist.py")), str(script)],
                    stdout=subprocess.PIPE,
                )
            )
            stack.callback(process.terminate)
            assert process.stdout is not None
            return str(json.loads(process.stdout.readline())["address"])

        yield start


@pytest.fixture
def evaluate(tmp_path: Path) -> Evaluate:
    """Runs `narrowgauge eval` on records, in a home of its own."""

    def run(kind: str, records: list[dict[str, Any]], *arguments: str) -> subprocess.CompletedProcess[str]:
        data = tmp_path / "data.jsonl"
        data.write_text("".join(json.dumps(record) + "\n" for record in records))
        return subprocess.run(
            [sys.executable, "-m", "narrowgauge.cli", "eval", kind, "--data", str(data), *arguments],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "NARROWGAUGE_HOME": str(tmp_path / "home")},
            timeout=120,
            check=False,
        )

    return run
