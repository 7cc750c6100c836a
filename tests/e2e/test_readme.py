"""The README's commands: each one in a shell block is executed, as a reader would."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from running_system import RunningSystem, system_up

pytestmark = [pytest.mark.e2e, pytest.mark.model]

ROOT = Path(__file__).resolve().parents[2]
_BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
COMMANDS = [line for block in _BLOCK.findall((ROOT / "README.md").read_text()) for line in block.splitlines()]
MAKE = [command for command in COMMANDS if command.startswith("make ")]
INVENTORY = [command for command in COMMANDS if "inventory" in command or "reserve" in command]
BENCHMARKS = [command for command in COMMANDS if command.startswith("narrowgauge bench ")]
UP = ["narrowgauge up"]  # the fixture `system` is this command
TOUR = [c for c in COMMANDS if c not in {*MAKE, *INVENTORY, *BENCHMARKS, *UP}]


def test_no_command_is_left_out() -> None:
    """Every line of every shell block belongs to one of the tests below."""
    assert all(command.startswith("narrowgauge ") for command in TOUR)
    assert {"make demo", "make test"} == set(MAKE)
    assert len(INVENTORY) == 4 and BENCHMARKS and set(UP) <= set(COMMANDS)


@pytest.mark.parametrize("command", MAKE)
def test_the_make_commands_exist(command: str) -> None:
    """`make` knows both targets; `test_demo` runs what `make demo` ends with, and `make test` runs this."""
    planned = subprocess.run(
        [*shlex.split(command), "--dry-run", "--no-print-directory"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    wanted = {"make demo": "narrowgauge demo", "make test": "-m pytest"}[command]
    assert planned.stdout.rstrip().endswith(wanted)


@pytest.mark.parametrize("command", TOUR)
def test_the_tour(system: RunningSystem, command: str) -> None:
    """Each command of the tour ends well on the running system."""
    done = system.narrowgauge(*shlex.split(command)[1:])
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip()


@pytest.mark.parametrize("command", BENCHMARKS)
def test_the_benchmark(system: RunningSystem, command: str, tmp_path: Path) -> None:
    """The benchmark runs from nothing; one round tells that as well as many."""
    (tmp_path / "models").symlink_to((system.home.path / "models").resolve())
    done = subprocess.run(
        [sys.executable, "-m", "narrowgauge.cli", *shlex.split(command)[1:], "--rounds", "1"],
        capture_output=True,
        text=True,
        env={**os.environ, "NARROWGAUGE_HOME": str(tmp_path)},
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "loop_ms.p50" in done.stdout


def test_a_specialist_of_ones_own(tmp_path: Path, prepared_model: Path) -> None:
    """Compile, server, `up` and `ask` as the README has them: the call is valid and the tool answers it."""
    compile_it, serve_it, up, ask = (shlex.split(command) for command in INVENTORY)
    compiled = subprocess.run(
        [sys.executable, "-m", "narrowgauge.cli", *compile_it[1:]],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "NARROWGAUGE_HOME": str(tmp_path)},
        timeout=300,
        check=False,
    )
    assert compiled.returncode == 0, compiled.stdout + compiled.stderr
    with _server(serve_it) as address:
        tool = up[-1].replace("127.0.0.1:6000", address)
        with system_up(tmp_path, prepared_model.parent, "--tool", tool) as running:
            done = running.narrowgauge(*ask[1:])
    assert done.returncode == 0, done.stdout + done.stderr
    assert "InventoryToolService.Reserve" in done.stdout
    assert re.search(r"R-1\d{3}", done.stdout)


@contextmanager
def _server(command: list[str]) -> Iterator[str]:
    """Starts the example's server on a free port."""
    assert command[0] == "python" and command[-1] == "127.0.0.1:6000"
    process = subprocess.Popen(
        [sys.executable, *command[1:-1], "127.0.0.1:0"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        yield process.stdout.readline().split()[-1]
    finally:
        process.terminate()
        process.communicate(timeout=30)
