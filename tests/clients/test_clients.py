"""The clients in other languages run requests on the real system."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from running_system import RunningSystem

pytestmark = [pytest.mark.e2e, pytest.mark.model]

ROOT = Path(__file__).resolve().parents[2]
REQUEST = "list the open cases with high priority in Salesforce"
WRITE = "create a new account named Umbrella in Salesforce"

Client = Callable[..., "subprocess.CompletedProcess[str]"]


def program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.fail(f"{name} is missing: run scripts/system_packages.sh")
    return found


def run(*command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=folder,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Client:
    """The Node client, installed from its lock file beside a copy of the contracts."""
    root = tmp_path_factory.mktemp("node")
    shutil.copytree(ROOT / "protos", root / "protos")
    folder = root / "clients" / "node"
    shutil.copytree(ROOT / "clients" / "node", folder, ignore=shutil.ignore_patterns("node_modules"))
    quietly = ("--no-audit", "--no-fund", "--prefer-offline")
    installed = run(program("npm"), "ci", *quietly, folder=folder)
    assert installed.returncode == 0, installed.stderr
    return lambda *arguments: run(program("node"), "ask.mjs", *arguments, folder=folder)


@pytest.fixture(scope="module")
def ruby(tmp_path_factory: pytest.TempPathFactory) -> Client:
    """The Ruby client with freshly generated code."""
    program("grpc_tools_ruby_protoc")
    folder = ROOT / "clients" / "ruby"
    generated = str(tmp_path_factory.mktemp("ruby"))
    made = run("bash", "generate.sh", generated, folder=folder)
    assert made.returncode == 0, made.stderr
    return lambda *arguments: run(program("ruby"), "-I", generated, "ask.rb", *arguments, folder=folder)


@pytest.fixture(params=["node", "ruby"])
def client(request: pytest.FixtureRequest) -> Client:
    """Each client in turn."""
    found: Client = request.getfixturevalue(request.param)
    return found


def test_a_client_runs_a_request(client: Client, system: RunningSystem) -> None:
    """Plan, call, result and end are printed, the exit code is 0, and the system has the trace."""
    done = client("--address", system.router, REQUEST)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("plan 0 salesforce: ")
    calls = [line for line in lines if " calls " in line]
    assert len(calls) == 1 and "narrowgauge.tools.salesforce.v1.SalesforceToolService.Query {" in calls[0]
    assert any(" result {" in line for line in lines)
    end = re.fullmatch(r"chain finished in \d+ ms, trace ([0-9a-f]{32})", lines[-1])
    assert end is not None, lines[-1]
    assert system.narrowgauge("trace", end[1], "--json").returncode == 0


def test_both_clients_get_the_same_answer(node: Client, ruby: Client, system: RunningSystem) -> None:
    """The same request is the same plan and the same call, whatever language asks."""
    said = [client("--address", system.router, REQUEST).stdout for client in (node, ruby)]
    first, second = ([line for line in text.splitlines() if not line.startswith("chain")] for text in said)
    assert first == second and first


def test_a_client_does_not_approve_by_itself(client: Client, system: RunningSystem) -> None:
    """Without --approve and without a terminal a write is rejected: nothing is sent, the exit code is 1."""
    done = client("--address", system.router, WRITE)
    assert done.returncode == 1, done.stdout + done.stderr
    assert " result " not in done.stdout
    assert "chain failed" in done.stdout.splitlines()[-1]


def test_a_router_that_is_down_is_said_in_one_line(client: Client, unused_address: str) -> None:
    """The exit code is 1 and the line names the status; no stack trace."""
    done = client("--address", unused_address, REQUEST)
    assert done.returncode == 1
    (line,) = done.stderr.strip().splitlines()
    assert line.upper().startswith("UNAVAILABLE: ")
    assert done.stdout == ""


def test_a_request_that_is_refused_is_said_in_one_line(client: Client, system: RunningSystem) -> None:
    """A status of the API reaches the user with the service's own words."""
    done = client("--address", system.router, " ")
    assert done.returncode == 1
    (line,) = done.stderr.strip().splitlines()
    assert line.upper().replace("_", "").startswith("INVALIDARGUMENT: ")


def test_wrong_usage_is_answered_with_the_usage(client: Client) -> None:
    """Without a request nothing is sent."""
    done = client()
    assert done.returncode in (1, 2)
    assert done.stderr.startswith("usage: ")
