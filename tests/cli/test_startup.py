"""The command line starts light and names its commands."""

from __future__ import annotations

import subprocess
import sys

import pytest
from command_line import Cli
from typer.testing import CliRunner

from narrowgauge.cli.__main__ import app
from narrowgauge.cli.commands import COMMANDS

HEAVY = [
    "grpc",
    "google.protobuf",
    "opentelemetry",
    "numpy",
    "onnxruntime",
    "outlines",
    "transformers",
    "sqlglot",
]


def test_help_imports_nothing_heavy() -> None:
    """`narrowgauge --help` loads no RPC, no protobuf, no numerics, so that it answers at once."""
    script = (
        "import sys\n"
        "from narrowgauge.cli.__main__ import app\n"
        "try:\n    app(['--help'])\n"
        "except SystemExit as exc:\n    assert not exc.code\n"
        f"print('loaded', [name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "loaded []" in done.stdout
    assert all(name in done.stdout for name in COMMANDS)


@pytest.mark.parametrize("command", list(COMMANDS))
def test_every_command_has_help(command: str) -> None:
    """Each line of the command table leads to a command that can be imported."""
    done = CliRunner().invoke(app, [command, "--help"], prog_name="narrowgauge")
    assert done.exit_code == 0, done.output
    assert f"narrowgauge {command}" in done.output


def test_an_unknown_command_is_a_usage_error(cli: Cli) -> None:
    """Usage errors exit with 2."""
    done = cli("nonsense")
    assert done.returncode == 2
    assert "No such command" in done.stderr


def test_the_version_is_printed(cli: Cli) -> None:
    """`--version` needs no command."""
    assert cli("--version").stdout.startswith("narrowgauge ")
