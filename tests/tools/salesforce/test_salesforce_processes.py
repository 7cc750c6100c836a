"""Server and tool as the processes that a user starts."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from salesforce_harness import TOKEN, Rest

from narrowgauge.tools.salesforce.v1 import salesforce_pb2, salesforce_pb2_grpc

pytestmark = pytest.mark.e2e

Start = Callable[..., tuple[subprocess.Popen[str], str]]


def environment(**settings: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("NARROWGAUGE_")}
    return kept | {"NARROWGAUGE_LISTEN": "127.0.0.1:0", "NARROWGAUGE_SALESFORCE_TOKEN": TOKEN} | settings


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a module and waits for the line that says where it serves."""
    processes: list[subprocess.Popen[str]] = []

    def begin(module: str, **settings: str) -> tuple[subprocess.Popen[str], str]:
        process = subprocess.Popen(
            [sys.executable, "-m", module],
            env=environment(**settings),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, process.communicate()
        return process, str(json.loads(line)["address"])

    yield begin
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate()


def test_server_and_tool_run_and_stop(start: Start, organisation_file: Path, tmp_path: Path):
    """Both serve on a port of their choice, work together, and end with SIGTERM; no output has the token."""
    local, address = start(
        "tool_svc.salesforce.local_server",
        NARROWGAUGE_ORG_DB=str(organisation_file),
        NARROWGAUGE_ORG_TODAY="2026-11-20",
    )
    tool, target = start(
        "tool_svc.salesforce",
        NARROWGAUGE_SALESFORCE_URL=f"http://{address}",
        NARROWGAUGE_SALESFORCE_STATE=str(tmp_path / "outcomes.sqlite"),
        NARROWGAUGE_LOG_LEVEL="DEBUG",
    )
    with grpc.insecure_channel(target) as channel:
        stub = salesforce_pb2_grpc.SalesforceToolServiceStub(channel)
        fields = [salesforce_pb2.FieldValue(field="Subject", text="from a process")]
        created = stub.CreateRecord(salesforce_pb2.CreateRecordRequest(object="Case", fields=fields))
    rest = Rest(f"http://{address}")
    read: dict[str, Any] = rest.call("GET", f"sobjects/Case/{created.id}").json()
    rest.session.close()
    assert (read["Subject"], read["CreatedDate"][:10]) == ("from a process", "2026-11-20")
    for process in (tool, local):
        process.send_signal(signal.SIGTERM)
        output, errors = process.communicate(timeout=30)
        assert process.returncode == 0, errors
        assert TOKEN not in output + errors


@pytest.mark.parametrize(
    ("module", "settings", "words"),
    [
        ("tool_svc.salesforce", {}, "NARROWGAUGE_SALESFORCE_URL is not set"),
        (
            "tool_svc.salesforce",
            {"NARROWGAUGE_SALESFORCE_URL": "http://127.0.0.1:1", "NARROWGAUGE_SALESFORCE_TOKEN": ""},
            "NARROWGAUGE_SALESFORCE_TOKEN is not set",
        ),
        ("tool_svc.salesforce", {"NARROWGAUGE_SALESFORCE_URL": "http://127.0.0.1:1"}, "cannot be reached"),
        ("tool_svc.salesforce.local_server", {"NARROWGAUGE_ORG_DB": "/nowhere/org.db"}, "does not exist"),
        (
            "tool_svc.salesforce.local_server",
            {"NARROWGAUGE_ORG_DB": "/nowhere/org.db", "NARROWGAUGE_LISTEN": "0.0.0.0:0"},
            "not loopback",
        ),
        (
            "tool_svc.salesforce.local_server",
            {"NARROWGAUGE_ORG_DB": "/nowhere/org.db", "NARROWGAUGE_ORG_TODAY": "soon"},
            "NARROWGAUGE_ORG_TODAY",
        ),
    ],
)
def test_a_wrong_setting_is_one_clear_line(tmp_path: Path, module: str, settings: dict[str, str], words: str):
    """A process that cannot start ends with code 2 and one line that names what is wrong."""
    settings = {"NARROWGAUGE_SALESFORCE_STATE": str(tmp_path / "outcomes")} | settings
    ended = subprocess.run(
        [sys.executable, "-m", module],
        env=environment(**settings),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2
    last = ended.stderr.splitlines()[-1]
    assert words in last
    assert "Traceback" not in ended.stderr
