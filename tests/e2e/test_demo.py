"""`narrowgauge demo`: from nothing to rows in the demo organisation, and nothing left running."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.model]


def test_the_demo_request_is_executed(tmp_path: Path, prepared_model: Path) -> None:
    """Four steps run: a query, a write for each of its rows, another query, a summary; each row is there."""
    (tmp_path / "models").symlink_to(prepared_model.parent)
    done = subprocess.run(
        [sys.executable, "-m", "narrowgauge.cli", "demo", "--home", str(tmp_path)],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env={name: value for name, value in os.environ.items() if not name.startswith("NARROWGAUGE_")},
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "plan · 4 steps" in done.stdout
    written = done.stdout.count("SalesforceToolService.CreateRecord")
    proof = done.stdout.partition("in the demo organisation")[2].partition("trace ")[0]
    assert written == len(re.findall(r"Case +500\w{15}", proof)) > 1
    assert "missing" not in proof
    assert "critical path" in done.stdout
    assert "all processes stopped" in done.stderr
    assert not (tmp_path / "running.json").exists()
