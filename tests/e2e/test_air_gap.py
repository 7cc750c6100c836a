"""Nothing is fetched and nobody is called: the whole system in a network of its own, with loopback alone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.model]

ALONE = ("unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh")
"""Runs a command in a network namespace whose only interface is loopback."""


def test_the_system_runs_without_a_network(tmp_path: Path, prepared_model: Path) -> None:
    """From an empty home to an executed call, with no interface but loopback and no name server."""
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        pytest.skip("needs the programs unshare and ip")
    if subprocess.run([*ALONE, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("needs the right to make a network namespace")
    (tmp_path / "models").symlink_to(prepared_model.parent)
    request = "list the open cases with high priority in Salesforce"
    done = subprocess.run(
        [*ALONE, sys.executable, "-m", "narrowgauge.cli", "demo", request, "--home", str(tmp_path)],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env={name: value for name, value in os.environ.items() if not name.startswith("NARROWGAUGE_")},
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "SalesforceToolService.Query" in done.stdout
    complaints = [
        line
        for log in (tmp_path / "logs").iterdir()
        for line in log.read_text().splitlines()
        if '"level": "WARNING"' in line or '"level": "ERROR"' in line
    ]
    assert not complaints
