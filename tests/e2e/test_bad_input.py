"""What breaks around real processes is a typed error that says what to do, and loses nothing."""

from __future__ import annotations

import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from beside import Beside, Chain, detail, fill, gapless, paused, pid_of, reason, send_signal
from google.rpc import code_pb2, error_details_pb2

from narrowgauge.cli.system import SQL_TOOL
from narrowgauge.errors import FailedPrecondition
from narrowgauge.runtime.channels import open_channel

pytestmark = [pytest.mark.e2e, pytest.mark.model]

COUNT_INVOICES = "how many invoices are unpaid?"
TWO_STEPS = "How many orders were shipped last month? List the open cases in Salesforce."
CREATE = "create a new account named Umbrella in Salesforce"


async def test_a_specialist_that_hangs_meets_its_time_limit(beside: Beside) -> None:
    """The step that needs it fails with its name and the limit's variable; later it serves again."""
    slow = await beside.specialist("sql")
    router = await beside.router(specialists={"sql": slow.address}, NARROWGAUGE_TURN_TIMEOUT_S="5")
    async with open_channel(router.address) as channel:
        send_signal(slow, signal.SIGSTOP)
        chain = await Chain(channel).start(COUNT_INVOICES)
        await chain.all()
        status = chain.failure("0")
        assert status.code == code_pb2.DEADLINE_EXCEEDED
        assert reason(status) == "SPECIALIST_TIMEOUT"
        assert "sql" in status.message and "NARROWGAUGE_TURN_TIMEOUT_S" in status.message
        send_signal(slow, signal.SIGCONT)
        again = await Chain(channel).start(COUNT_INVOICES)
        assert (await again.until("tool_call")).step_id == "0"


async def test_a_specialist_killed_in_mid_stream_is_asked_again(beside: Beside) -> None:
    """Its successor at the same address gets the sub-task; the log has the retry and no gap."""
    doomed = await beside.specialist("sql")
    router = await beside.router(
        specialists={"sql": doomed.address},
        NARROWGAUGE_RETRY_ATTEMPTS="60",
        NARROWGAUGE_RETRY_BACKOFF_S="0.5",
    )
    async with open_channel(router.address) as channel:
        send_signal(doomed, signal.SIGSTOP)  # so that it is killed with the sub-task unanswered
        chain = await Chain(channel).start(COUNT_INVOICES)
        await chain.until("step_started")
        send_signal(doomed, signal.SIGKILL)
        retry = (await chain.until("step_retry")).step_retry
        assert retry.cause.code == code_pb2.UNAVAILABLE
        await beside.specialist("sql", NARROWGAUGE_LISTEN=doomed.address)
        await chain.until("tool_call")
        await chain.all()
        assert gapless(chain.events)


async def test_a_write_whose_answer_is_missing_is_in_doubt(beside: Beside) -> None:
    """The step says that the write may have happened, and with which key it can be looked for."""
    router = await beside.router(NARROWGAUGE_TOOL_TIMEOUT_S="1")
    tool = pid_of(beside.system, "tool_svc.salesforce")
    async with open_channel(router.address) as channel:
        chain = await Chain(channel).start(CREATE)
        asked = await chain.until("approval_required")
        with paused(tool):
            await chain.send(approve={"step_id": asked.step_id})
            await chain.all()
    sent = next(e.tool_call_sent for e in chain.events if e.HasField("tool_call_sent"))
    status = chain.failure(asked.step_id)
    assert status.code == code_pb2.DEADLINE_EXCEEDED
    assert reason(status) == "WRITE_OUTCOME_UNKNOWN"
    assert detail(status).metadata["idempotency_key"] == sent.idempotency_key
    assert "NARROWGAUGE_TOOL_TIMEOUT_S" in status.message
    assert chain.kinds().count("tool_call_sent") == 1


@pytest.mark.parametrize(
    ("database", "words"),
    [("missing", "there is no database file"), ("text", "not a database"), ("folder", "no database file")],
)
async def test_a_sql_tool_does_not_start_without_its_database(
    beside: Beside, database: str, words: str
) -> None:
    """Its last words are one line that names the cause and what to set."""
    path = beside.folder / "data.db"
    if database == "text":
        path.write_text("name,amount\nAcme,3\n" * 200)
    elif database == "folder":
        path.mkdir()
    with pytest.raises(FailedPrecondition) as raised:
        await beside.sql_tool(path)
    assert raised.value.metadata["exit_code"] == "2"
    said = raised.value.message.splitlines()[1:]
    assert len(said) == 1 and words in said[0] and "NARROWGAUGE_SQL_DSN" in said[0]


async def test_a_database_that_is_locked_is_tried_again(beside: Beside, warehouse: Path) -> None:
    """While another process holds it the step retries; when it lets go, the query runs."""
    tool = await beside.sql_tool(warehouse)
    router = await beside.router(tools={SQL_TOOL: tool.address}, NARROWGAUGE_RETRY_ATTEMPTS="20")
    holder = sqlite3.connect(warehouse, isolation_level=None)
    try:
        async with open_channel(router.address) as channel:
            holder.execute("BEGIN EXCLUSIVE")
            chain = await Chain(channel).start(COUNT_INVOICES)
            retry = (await chain.until("step_retry")).step_retry
            assert retry.cause.code == code_pb2.UNAVAILABLE
            assert reason(retry.cause) == "DATABASE_LOCKED"
            holder.execute("COMMIT")
            await chain.all()
    finally:
        holder.close()
    assert chain.status.code == code_pb2.OK
    assert chain.kinds().count("tool_call") == 1  # the specialist's call was right and is not repaired


@pytest.mark.parametrize(("damage", "why"), [("removed", "NO_DATABASE"), ("overwritten", "DATABASE_DAMAGED")])
async def test_a_database_lost_while_serving(beside: Beside, warehouse: Path, damage: str, why: str) -> None:
    """The step fails with the tool's own status; the specialist does not repair what it did not break."""
    tool = await beside.sql_tool(warehouse)
    router = await beside.router(tools={SQL_TOOL: tool.address})
    if damage == "removed":
        remove(warehouse)
    else:
        overwrite(warehouse)
    async with open_channel(router.address) as channel:
        chain = await Chain(channel).start(TWO_STEPS)
        await chain.all()
    assert reason(chain.failure("0")) == why
    assert chain.kinds("0").count("tool_call") == 1
    assert chain.kinds("1")[-1] == "step_finished"


@pytest.mark.parametrize("damage", ["truncated", "flipped"])
async def test_a_damaged_model_ends_the_start(beside: Beside, tiny_prepared_model: Path, damage: str) -> None:
    """One line names the file and the command that makes it anew."""
    model = shutil.copytree(tiny_prepared_model, beside.folder / "model")
    weights = max(model.iterdir(), key=lambda file: file.stat().st_size)
    data = bytearray(weights.read_bytes())
    if damage == "truncated":
        del data[len(data) // 2 :]
    else:
        data[len(data) // 2] ^= 1
    weights.write_bytes(data)
    with pytest.raises(FailedPrecondition) as raised:
        await beside.specialist("sql", NARROWGAUGE_MODEL=str(model))
    assert raised.value.metadata["exit_code"] == "2"
    said = raised.value.message.splitlines()[1:]
    assert len(said) == 1 and weights.name in said[0] and "narrowgauge prepare" in said[0]


async def test_a_full_disk_loses_no_chain(beside: Beside, small_disk: Path) -> None:
    """New chains are refused with a time to come back, a waiting one ends its stream with the same error and
    is resumed when there is room: each event once, and the write that was approved is done once."""
    router = await beside.router(NARROWGAUGE_STATE=str(small_disk / "chains.db"))
    async with open_channel(router.address) as channel:
        chain = await Chain(channel).start(CREATE)
        asked = await chain.until("approval_required")
        fill(small_disk / "filler")
        large = "x" * 100_000  # more than the log's file has left of its own
        status = await (await Chain(channel).start(CREATE, context=[{"text": large}])).refused()
        assert status.code == code_pb2.RESOURCE_EXHAUSTED
        assert reason(status) == "STATE_STORE_FULL"
        assert detail(status, error_details_pb2.RetryInfo).retry_delay.ToMilliseconds() > 0
        (small_disk / "filler").unlink()
        await chain.send(approve={"step_id": asked.step_id})
        await chain.all()
        assert gapless(chain.events)
        assert chain.kinds().count("tool_call_sent") == 1
        assert chain.status.code == code_pb2.OK
        again = await (await Chain(channel).resume(asked.session_id)).all()
        assert again == chain.events


def remove(file: Path) -> None:
    file.unlink()


def overwrite(file: Path) -> None:
    file.write_bytes(b"no longer a database " * 1000)


@pytest.fixture
def warehouse(beside: Beside) -> Path:
    """A copy of the demo warehouse."""
    return Path(shutil.copy(beside.system.home.warehouse, beside.folder / "warehouse.db"))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("needs the right to mount a file system")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)
