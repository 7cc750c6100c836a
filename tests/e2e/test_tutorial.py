"""The tutorial's commands, in order, as a reader would type them; only the training is short."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from running_system import system_up

ROOT = Path(__file__).resolve().parents[2]
_BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
COMMANDS = [
    line
    for block in _BLOCK.findall((ROOT / "docs" / "tutorial.md").read_text())
    for line in block.splitlines()
]
# One short batch and a few variants: that it works, not how well.
SHORT = ["--steps", "1", "--batch-tokens", "100", "--augment", "8", "--threads", "1", "--no-evaluate"]

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.model,
    pytest.mark.skipif(
        importlib.util.find_spec("torch") is None, reason="the extra `train` (torch) is not installed"
    ),
]


def test_the_tutorial(tmp_path: Path, prepared_model: Path) -> None:
    """Each command ends well; the tuned specialist writes a valid call, which reaches the service."""
    install, new, copy, train, compile_it, serve, up, ask = map(shlex.split, COMMANDS)
    assert install[:2] == ["pip", "install"]
    folder, home = tmp_path / "work" / "inventory", tmp_path / "home"
    home.mkdir()

    def run(command: list[str], *more: str) -> str:
        arguments = [argument.replace("work/inventory", str(folder)) for argument in command[1:]]
        done = subprocess.run(
            [sys.executable, "-m", "narrowgauge.cli", *arguments, *more],
            cwd=ROOT,
            capture_output=True,
            text=True,
            env={**os.environ, "NARROWGAUGE_HOME": str(home)},
            timeout=600,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run(new)
    assert copy[0] == "cp"
    shutil.copyfile(ROOT / copy[1], folder / Path(copy[2]).name)
    run(train, *SHORT)
    record = json.loads((folder / "adapter" / "training.json").read_text())
    assert record["examples_held_back"] == 13
    assert (folder / "adapter" / "README.md").is_file()
    run(compile_it)

    assert serve[0] == "python" and serve[-1] == "127.0.0.1:6000"
    server = subprocess.Popen(
        [sys.executable, *serve[1:-1], "127.0.0.1:0"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        address = server.stdout.readline().split()[-1]
        tool = up[-1].replace("127.0.0.1:6000", address)
        with system_up(home, prepared_model.parent, "--tool", tool) as running:
            asked = running.narrowgauge(*ask[1:])
    finally:
        server.terminate()
        server.communicate(timeout=30)
    # Hardly trained, it may ask for an article that is not there, which the service says in its own words.
    assert "InventoryToolService." in asked.stdout, asked.stdout + asked.stderr


def test_every_command_of_the_tutorial_is_one_that_is_run() -> None:
    """Eight lines, which the test above takes apart."""
    assert [command.split()[0] for command in COMMANDS] == [
        *("pip", "narrowgauge", "cp", "narrowgauge", "narrowgauge", "python", "narrowgauge", "narrowgauge")
    ]
