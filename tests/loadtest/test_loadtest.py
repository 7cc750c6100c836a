"""The load test runs on the real system and says where the time goes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from running_system import RunningSystem

from narrowgauge.runtime.channels import open_channel
from narrowgauge.v1 import dispatcher_pb2, dispatcher_pb2_grpc

pytestmark = [pytest.mark.e2e, pytest.mark.model]

ROOT = Path(__file__).resolve().parents[2]
LOCUSTFILE = ROOT / "loadtest" / "locustfile.py"
CHAINS = 4


def locust(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs the load test to its end; the time limit is a net, the number of chains ends it."""
    return subprocess.run(
        [
            *(sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), "--headless", "--json"),
            *("--users", "2", "--spawn-rate", "2", "--run-time", "180s", "--stop-timeout", "60"),
            *arguments,
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=300,
        check=False,
    )


def rows(done: subprocess.CompletedProcess[str]) -> dict[str, dict[str, Any]]:
    """Returns the rows of the report by name."""
    return {row["name"]: row for row in json.loads(done.stdout)}


def percentile(row: dict[str, Any], percent: int) -> float:
    """Returns a percentile of a row's times in milliseconds."""
    times = sorted(float(ms) for ms, count in row["response_times"].items() for _ in range(count))
    return times[min(len(times) - 1, len(times) * percent // 100)]


def test_a_short_run_reports_percentiles_of_steps_and_loops(system: RunningSystem, tmp_path: Path) -> None:
    """Two users run chains without a failure; plan, each specialist's steps and the loop have percentiles."""
    requests = tmp_path / "requests.txt"
    requests.write_text("How many orders are open?\nList the open cases with high priority in Salesforce.\n")
    done = locust(
        tmp_path,
        *("--address", system.router, "--chains", str(CHAINS), "--requests-file", str(requests)),
        *("--in-order", "--chain-deadline", "120"),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = rows(done)
    assert set(found) == {"plan", "step:sql", "step:salesforce", "loop"}
    for row in found.values():
        assert row["num_failures"] == 0, row
        assert 0 <= percentile(row, 50) <= percentile(row, 95) <= percentile(row, 99)
    assert found["loop"]["num_requests"] == found["plan"]["num_requests"] == CHAINS
    # A loop holds its plan and its steps.
    assert percentile(found["loop"], 50) > percentile(found["plan"], 50)


def test_a_router_that_is_down_fails_the_run(tmp_path: Path) -> None:
    """Chains that fail are counted as failures, and the exit code is not 0."""
    done = locust(tmp_path, "--address", "127.0.0.1:1", "--chains", "2")
    assert done.returncode == 1
    assert rows(done)["loop"]["num_failures"] == 2


async def test_every_request_of_the_load_can_be_planned(system: RunningSystem) -> None:
    """No request of the file is one that the router abstains from: a load of refusals measures nothing."""
    lines = (LOCUSTFILE.parent / "requests.txt").read_text().splitlines()
    texts = [line for line in lines if line and not line.startswith("#")]
    left_out: list[str] = []
    async with open_channel(system.router) as channel:
        stub = dispatcher_pb2_grpc.DispatcherServiceStub(channel)
        for text in texts:
            plan = (await stub.Plan(dispatcher_pb2.PlanRequest(text=text))).plan
            if not plan.steps or not all(step.specialist for step in plan.steps):
                left_out.append(text)
    assert texts and not left_out
