"""`ask`, `plan` and `specialists` against a scripted router."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from pathlib import Path

import pytest
from command_line import Cli


def test_ask_shows_plan_calls_and_results(cli: Cli, router: str) -> None:
    """The plan is a tree, each step its call and its result as a table, within 100 columns."""
    done = cli("ask", "list and open", "--address", router, "--approve", "write")
    assert done.returncode == 0, done.stderr
    out = done.stdout
    assert "plan · 2 steps" in out
    assert "← for each row of 0" in out
    assert "SqlToolService.Query" in out
    assert '{"query":{"select":{}}}' in out
    assert "2 rows" in out and "Globex" in out
    assert "approved by policy" in out
    assert out.rstrip().splitlines()[-1].startswith("done · 210 ms")
    assert max(map(len, out.splitlines())) <= 100


def test_json_is_the_event_log(cli: Cli, router: str) -> None:
    """`--json` prints one event a line, in order, also when a message's type is unknown here."""
    done = cli("ask", "list and open", "--address", router, "--yes", "--json")
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [int(event["sequence"]) for event in events] == list(range(1, len(events) + 1))
    assert "planMade" in events[0] and "chainFinished" in events[-1]
    requests = [event["toolCall"]["call"]["request"] for event in events if "toolCall" in event]
    assert requests[0]["@type"] == "type.googleapis.com/narrowgauge.tools.sql.v1.QueryRequest"
    assert requests[1] == {"@type": "type.googleapis.com/their.Unknown", "value": "AQ=="}


def test_without_a_terminal_approvals_are_refused_with_advice(cli: Cli, router: str) -> None:
    """Nobody can be asked, so nothing is written, and the error says how to approve in advance."""
    done = cli("ask", "list and open", "--address", router)
    assert done.returncode == 1
    assert "rejected: nobody was there to approve it" in done.stdout
    assert "--approve write" in done.stderr


@pytest.mark.parametrize(
    ("answers", "approved", "code"), [("y\ny\n", 2, 0), ("a\n", 2, 0), ("maybe\nn\ny\n", 1, 0)]
)
async def test_a_person_is_asked(answers: str, approved: int, code: int, home: Path, router: str) -> None:
    """At a terminal each write is asked about; `a` answers the rest; anything else is asked again."""
    master, slave = os.openpty()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "narrowgauge.cli", "ask", "list and open", "--address", router),
        stdin=slave,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    os.close(slave)
    os.write(master, answers.encode())
    out, err = await asyncio.wait_for(process.communicate(), 60)
    os.close(master)
    assert process.returncode == code, err
    assert "run this write (CreateRecord)?" in err.decode()
    assert out.decode().count("approved\n") == approved


async def test_ctrl_c_cancels_the_chain(home: Path, router: str) -> None:
    """Ctrl-C ends the chain at the router, and its end is still shown."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "narrowgauge.cli", "ask", "slow", "--address", router),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    async with asyncio.timeout(60):
        while b"SqlToolService.Query" not in await process.stdout.readline():
            pass
        process.send_signal(signal.SIGINT)
        out, err = await process.communicate()
    assert process.returncode == 1, err
    assert b"CANCELLED interrupted at the terminal" in out


def test_a_call_for_a_client_is_answered_with_an_error(cli: Cli, router: str) -> None:
    """A contract that leaves execution to its client fails its step instead of waiting for ever."""
    done = cli("ask", "client", "--address", router)
    assert "UNIMPLEMENTED the command line cannot execute their.CrmService.CreateRecord" in " ".join(
        done.stdout.split()
    )


def test_a_refused_request_is_one_red_line(cli: Cli, router: str) -> None:
    """The router's own words and fields, no traceback, exit code 2."""
    done = cli("ask", " ", "--address", router)
    assert done.returncode == 2
    assert done.stderr == "error: the request is empty; write one\n  text: is empty\n"


def test_a_router_that_is_not_there(cli: Cli) -> None:
    """A wrong address and no running system are failures with advice."""
    done = cli("ask", "x", "--address", "127.0.0.1:1")
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert "narrowgauge up" in done.stderr
    done = cli("ask", "x")
    assert done.returncode == 1
    assert "start it with `narrowgauge up`" in done.stderr


def test_context_must_be_text(cli: Cli, router: str, tmp_path: Path) -> None:
    """A binary file as context is refused before anything is sent."""
    (tmp_path / "x.bin").write_bytes(b"\xff\xfe\x00")
    done = cli("ask", "x", "--context", str(tmp_path / "x.bin"), "--address", router)
    assert done.returncode == 2
    assert "is not UTF-8 text" in done.stderr


def test_plan_shows_routes_and_abstentions(cli: Cli, router: str) -> None:
    """`plan` exits with 1 when a part has no specialist, and names the nearest."""
    assert cli("plan", "list", "--address", router).returncode == 0
    done = cli("plan", "sing", "--address", router)
    assert done.returncode == 1
    assert "no specialist 0.62 (nearest: summary 0.31)" in done.stdout
    steps = json.loads(cli("plan", "list", "--json", "--address", router).stdout)["plan"]["steps"]
    assert [step["specialist"] for step in steps] == ["sql", "salesforce"]


def test_specialists_are_listed(cli: Cli, router: str) -> None:
    """`specialists` says who can be reached, and exits with 1 when somebody cannot."""
    done = cli("specialists", "--address", router)
    assert done.returncode == 1
    assert "Query (read)" in done.stdout
    with contextlib.suppress(json.JSONDecodeError):
        pytest.fail(f"not a table: {json.loads(done.stdout)}")
