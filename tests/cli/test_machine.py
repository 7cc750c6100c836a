"""`doctor`, `compile`, `prepare`, ports, demo data and the rows that prove a write."""

from __future__ import annotations

import json
import socket
import sqlite3
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from rich.console import Console
from tiny_model import prepare_tiny_model
from typer.testing import CliRunner

from narrowgauge.cli.__main__ import app
from narrowgauge.cli.checks import CHECKS, Finding, State
from narrowgauge.cli.evidence import Evidence, WriteLog, evidence_table, read_back
from narrowgauge.cli.home import Home, Running
from narrowgauge.cli.ports import PortPlan
from narrowgauge.cli.preparing import ready_demo_data
from narrowgauge.errors import FailedPrecondition, Unavailable
from narrowgauge.v1 import dispatcher_pb2 as pb
from narrowgauge.v1 import options_pb2


def findings(home: Path) -> dict[str, Finding]:
    return {finding.matter: finding for check in CHECKS for finding in check(Home(home))}


def test_doctor_finds_nothing_wrong_on_a_new_machine(home: Path) -> None:
    """What is merely not done yet is a note with the command that does it, not an error."""
    done = CliRunner().invoke(app, ["doctor"])
    assert done.exit_code == 0, done.output
    assert "`narrowgauge compile`" in done.output and "`narrowgauge prepare`" in done.output
    found = json.loads(CliRunner().invoke(app, ["doctor", "--json"]).output)
    assert {entry["state"] for entry in found} <= {"ok", "note"}


def test_doctor_finds_a_damaged_model(home: Path) -> None:
    """A model whose files differ from its manifest is wrong, with advice, and the exit code says so."""
    prepared = prepare_tiny_model(home)
    folder = home / "models" / prepared.name
    folder.parent.mkdir()
    prepared.rename(folder)
    assert findings(home)["models"].state == State.OK
    graph = next(folder.glob("*.onnx"))
    graph.write_bytes(graph.read_bytes()[:-7])
    found = findings(home)["models"]
    assert found.state == State.WRONG and "narrowgauge prepare" in found.advice
    assert CliRunner().invoke(app, ["doctor"]).exit_code == 1


def test_doctor_finds_a_damaged_bundle(home: Path) -> None:
    """A bundle that is not one is wrong."""
    (home / "bundle").mkdir()
    (home / "bundle" / "bundle.json").write_text("{}")
    assert findings(home)["bundle"].state == State.WRONG


def test_doctor_finds_a_collector_that_is_down(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An endpoint that does not answer is wrong, because traces would be lost silently."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    assert findings(home)["telemetry"].state == State.WRONG


def test_doctor_finds_a_dead_process(home: Path) -> None:
    """A process of a running system that does not answer is named."""
    import os

    with Home(home).announced(Running(os.getpid(), "127.0.0.1:1", "", {"router": "127.0.0.1:1"})):
        found = findings(home)["system"]
    assert found.state == State.WRONG and "router at 127.0.0.1:1" in found.detail


def test_ports_are_checked_before_anything_starts() -> None:
    """A taken port is named with the process that wants it and the option that moves it."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(FailedPrecondition) as caught:
            PortPlan(port).check(["router"])
    assert caught.value.reason == "PORT_IN_USE"
    assert "(for router: `--port-base` moves all ports" in caught.value.message


def test_every_process_has_its_own_port() -> None:
    """Own specialists get ports too; base 0 means free ports everywhere."""
    plan = PortPlan(6000)
    names = [
        "router",
        "trace-sink",
        "specialist-sql",
        "specialist-mine",
        "specialist-other",
        "specialist-mine",
    ]
    addresses = [plan.listen(name) for name in names]
    assert addresses[0] == "127.0.0.1:6000"
    assert len(set(addresses)) == 5
    assert PortPlan(0).listen("router") == "127.0.0.1:0"


def test_up_refuses_a_taken_port_and_a_wrong_tool(home: Path) -> None:
    """Usage errors are found before anything is prepared."""
    done = CliRunner().invoke(app, ["up", "--tool", "nonsense"])
    assert done.exit_code == 2
    assert "is not of the form package.Service=host:port" in done.output


def test_prepare_reports_the_model(home: Path, tmp_path: Path) -> None:
    """A checkpoint that is no checkpoint is one error line with the reason."""
    (tmp_path / "model.gguf").write_bytes(b"GGUF then nothing")
    done = CliRunner().invoke(app, ["prepare", str(tmp_path / "model.gguf")])
    assert done.exit_code == 1
    assert "error: " in done.output and "Traceback" not in done.output


def test_compile_options_go_together(home: Path, tmp_path: Path) -> None:
    """`--router-only` without examples is a usage error."""
    assert CliRunner().invoke(app, ["compile", "--router-only"]).exit_code == 2
    (tmp_path / "x.proto").write_text('syntax = "proto3"; message {')
    done = CliRunner().invoke(app, ["compile", "--proto", str(tmp_path / "x.proto")])
    assert done.exit_code == 2
    assert "x.proto" in done.output and "Traceback" not in done.output


async def test_demo_data_is_written_once_and_whole(home: Path) -> None:
    """Both databases are made where none is, and left alone afterwards."""
    said: list[str] = []
    place = Home(home)
    for _ in range(2):
        await ready_demo_data(
            place, warehouse=True, organisation=True, progress=lambda what, fraction: said.append(what)
        )
    assert said == ["writing the demo warehouse", "writing the demo organisation"]
    for database in (place.warehouse, place.organisation):
        with sqlite3.connect(database) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        connection.close()
    place.forget_demo()
    assert not place.warehouse.exists() and not place.organisation.exists()


class FakeOrganisation(BaseHTTPRequestHandler):
    """Has one case."""

    def do_GET(self) -> None:
        found: object = None
        if self.headers["Authorization"] == "Bearer t":
            if self.path == "/services/data/":
                found = [{"url": "/services/data/v1"}, {"url": "/services/data/v9"}]
            elif self.path == "/services/data/v9/sobjects/Case/500A":
                found = {"Id": "500A", "CaseNumber": "00001042", "Subject": "Unpaid", "Priority": "High"}
        self.send_response(200 if found else 404)
        self.end_headers()
        self.wfile.write(json.dumps(found).encode())

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@pytest.fixture
def organisation() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), FakeOrganisation)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_written_records_are_read_back(organisation: str) -> None:
    """Evidence is what the endpoint has; a record that it lacks is shown as missing."""
    log = WriteLog()
    made = pb.ToolCallMade(side_effect=options_pb2.SIDE_EFFECT_WRITE)
    read = pb.ToolCallMade(side_effect=options_pb2.SIDE_EFFECT_READ)
    result = pb.ToolResultReceived(json='{"object":"Case","id":"500A"}')
    lost = pb.ToolResultReceived(json='{"object":"Case","id":"500B"}')
    for event in (
        pb.DispatchResponse(step_id="0", tool_call=read),
        pb.DispatchResponse(
            step_id="0", tool_result=pb.ToolResultReceived(json='{"object":"Case","id":"5"}')
        ),
        pb.DispatchResponse(step_id="1.0", tool_call=made),
        pb.DispatchResponse(step_id="1.0", tool_result=result),
        pb.DispatchResponse(step_id="1.1", tool_call=made),
        pb.DispatchResponse(step_id="1.1", tool_result=lost),
    ):
        log.note(event)
    assert log.records == [("Case", "500A"), ("Case", "500B")]
    evidence = read_back(organisation, "t", log.records)
    assert evidence[0].fields is not None and evidence[0].fields["CaseNumber"] == "00001042"
    assert evidence[1] == Evidence("Case", "500B", None)
    with (console := Console(width=100)).capture() as shown:
        console.print(evidence_table(evidence))
    assert "00001042" in shown.get() and "missing" in shown.get()


def test_no_endpoint_is_no_evidence() -> None:
    """An endpoint that does not answer is an error, not an empty list."""
    with pytest.raises(Unavailable):
        read_back("http://127.0.0.1:1", "t", [("Case", "500A")])
