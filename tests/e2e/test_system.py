"""The real processes: a request becomes executed tool calls, in one trace, and everything stops in order."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections import Counter
from pathlib import Path

import grpc
import pytest
from running_system import RunningSystem, system_up

from narrowgauge.runtime import semconv
from narrowgauge.runtime.channels import open_channel, wait_ready

pytestmark = [pytest.mark.e2e, pytest.mark.model]

REQUEST = "list the open cases with high priority in Salesforce"


def events(done: subprocess.CompletedProcess[str]) -> list[dict]:
    assert done.stdout, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def kinds(log: list[dict]) -> Counter[str]:
    return Counter(
        key for event in log for key in event if key not in ("sessionId", "sequence", "time", "stepId")
    )


async def test_every_process_serves(system: RunningSystem) -> None:
    """All gRPC services say SERVING, and `doctor` finds nothing wrong."""
    for name, address in system.running.processes.items():
        if name == "salesforce-server":  # speaks HTTP
            continue
        async with open_channel(address) as channel:
            await wait_ready(channel, 30)
    done = system.narrowgauge("doctor")
    assert done.returncode == 0, done.stdout


def test_every_specialist_is_reachable(system: RunningSystem) -> None:
    """Router and specialists agree on the bundle."""
    done = system.narrowgauge("specialists", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    listed = json.loads(done.stdout)["specialists"]
    assert {entry["specialist"]["name"] for entry in listed} == {"salesforce", "sql", "summary"}


def test_a_request_is_executed(system: RunningSystem) -> None:
    """The log is gapless, the call goes to the tool, its result comes back, the chain ends well."""
    done = system.narrowgauge("ask", REQUEST, "--json")
    log = events(done)
    assert [int(event["sequence"]) for event in log] == list(range(1, len(log) + 1))
    assert "planMade" in log[0] and "chainFinished" in log[-1]
    call = next(event["toolCall"] for event in log if "toolCall" in event)
    assert call["call"]["method"] == "narrowgauge.tools.salesforce.v1.SalesforceToolService.Query"
    assert call["timings"]["outputTokens"] > 0
    assert kinds(log)["toolResult"] == 1
    assert done.returncode == 0, done.stderr


def test_a_chain_is_one_trace_of_every_hop(system: RunningSystem) -> None:
    """Spans of router, specialist and tool meet in one trace, with each hop of the step."""
    log = events(system.narrowgauge("ask", REQUEST, "--json"))
    trace_id = log[-1]["chainFinished"]["traceId"]
    found = json.loads(system.narrowgauge("trace", trace_id, "--json").stdout)
    names = {span["name"] for span in found["spans"]}
    assert {
        *(semconv.SPAN_DISPATCH, semconv.SPAN_PLAN, semconv.SPAN_STEP, semconv.SPAN_SPECIALIST),
        *(semconv.SPAN_QUEUE, semconv.SPAN_PREFILL, semconv.SPAN_DECODE, semconv.SPAN_VALIDATE),
        *(semconv.SPAN_TOOL, "narrowgauge.tools.salesforce.v1.SalesforceToolService/Query"),
    } <= names
    assert {span["service"] for span in found["spans"]} >= {"router", "specialist-salesforce", "salesforce"}
    ids = {span["span_id"] for span in found["spans"]}
    assert [span["name"] for span in found["spans"] if span["parent_id"] not in ids] == [
        "narrowgauge.v1.DispatcherService/Dispatch"
    ]
    waited = {span["span_id"]: span["name"] for span in found["spans"]}
    path = {waited[segment["span_id"]] for segment in found["critical_path"]}
    assert {semconv.SPAN_PREFILL, semconv.SPAN_DECODE} <= path
    assert REQUEST not in json.dumps(found)


def test_ask_ends_with_the_waterfall(system: RunningSystem) -> None:
    """A person sees plan, call, result and where the time went, in 100 columns."""
    done = system.narrowgauge("ask", REQUEST)
    assert done.returncode == 0, done.stderr
    assert "critical path" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100


def test_an_unapproved_write_is_not_sent(system: RunningSystem) -> None:
    """Without a policy and without a terminal a write is rejected and never reaches the tool."""
    done = system.narrowgauge("ask", "create a new account named Umbrella in Salesforce", "--json")
    log = events(done)
    written = [event for event in log if event.get("toolCall", {}).get("sideEffect") == "SIDE_EFFECT_WRITE"]
    assert written, "the specialist chose no write"
    assert "toolCallSent" not in kinds(log)
    assert done.returncode == 1
    assert "--approve write" in done.stderr


def test_a_request_without_a_specialist_is_said_so(system: RunningSystem) -> None:
    """The router abstains instead of forcing a request onto a specialist."""
    done = system.narrowgauge("plan", "play some jazz and dim the lights")
    assert done.returncode == 1
    assert "no specialist" in done.stdout


def test_a_second_system_in_the_same_home_is_refused(system: RunningSystem) -> None:
    """Two systems never share a folder."""
    done = system.narrowgauge("up", "--port-base", "0")
    assert done.returncode == 1
    assert "already up" in done.stderr


async def test_a_killed_process_ends_the_system(tmp_path: Path, system: RunningSystem) -> None:
    """`up` names the process that died, stops the others and exits with 1."""
    with system_up(tmp_path, system.home.models.resolve()) as doomed:
        name = "specialist-sql"
        victim = next(child for child in _children(doomed.process.pid) if _is(child, name))
        os.kill(victim, signal.SIGKILL)
        assert doomed.process.wait(timeout=120) == 1
        assert f"{name} was killed by SIGKILL" in (tmp_path / "up.err").read_text()
        assert doomed.home.running() is None
        for address in doomed.running.processes.values():
            async with grpc.aio.insecure_channel(address) as channel:
                assert channel.get_state(try_to_connect=True) != grpc.ChannelConnectivity.READY


def _children(parent: int) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


def _is(pid: int, name: str) -> bool:
    environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    return f"NARROWGAUGE_SPECIALIST={name.removeprefix('specialist-')}".encode() in environment
