"""The supervisor: addresses, deaths and order."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from narrowgauge.cli.processes import ProcessSpec, Supervisor
from narrowgauge.errors import FailedPrecondition
from narrowgauge.runtime.channels import open_channel, wait_ready

MODULE = "fake_router"


@pytest.fixture
async def supervisor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Supervisor]:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    async with Supervisor(tmp_path / "logs") as owner:
        yield owner


async def test_a_process_tells_its_address(supervisor: Supervisor) -> None:
    """`start` returns when the service serves, with the port that it chose."""
    child = await supervisor.start(ProcessSpec("a", MODULE))
    async with open_channel(child.address) as channel:
        await wait_ready(channel, 20)
    assert child.returncode is None


async def test_a_process_that_cannot_start_says_why(supervisor: Supervisor) -> None:
    """The error has the exit code and the last lines of the log."""
    with pytest.raises(FailedPrecondition) as caught:
        await supervisor.start(ProcessSpec("broken", MODULE, {"FAKE_MODE": "dies"}))
    assert caught.value.reason == "PROCESS_DIED"
    assert "broken ended with exit code 2" in caught.value.message
    assert "BAD_CONFIG: NARROWGAUGE_X is not set" in caught.value.message


async def test_a_slow_process_is_given_up(supervisor: Supervisor) -> None:
    """A service that never becomes ready is an error after its time, and is stopped."""
    with pytest.raises(FailedPrecondition) as caught:
        await supervisor.start(ProcessSpec("slow", MODULE, {"FAKE_MODE": "hangs"}, ready_s=3))
    assert caught.value.reason == "PROCESS_SLOW"
    child = supervisor.children[0]
    await supervisor.stop()
    assert child.returncode == 0


async def test_one_failure_fails_the_group(supervisor: Supervisor) -> None:
    """Of several started at once, the first failure is reported and the others can still be stopped."""
    with pytest.raises(FailedPrecondition, match="bad ended with exit code 2"):
        await supervisor.start_all(
            [
                ProcessSpec("good", MODULE, {"FAKE_MODE": "hangs"}),
                ProcessSpec("bad", MODULE, {"FAKE_MODE": "dies"}),
            ]
        )
    await supervisor.stop()
    assert not supervisor.children


async def test_a_death_is_noticed(supervisor: Supervisor) -> None:
    """A service that is killed while it runs is reported by name and signal."""
    await supervisor.start_all([ProcessSpec("a", MODULE), ProcessSpec("b", MODULE)])
    watching = asyncio.create_task(supervisor.first_death())
    victim = supervisor.children[1]
    os.kill(victim.pid, signal.SIGKILL)
    dead = await asyncio.wait_for(watching, 30)
    assert dead is victim
    assert f"{victim.name} was killed by SIGKILL" in dead.death().message


async def test_children_die_with_a_killed_supervisor(tmp_path: Path) -> None:
    """SIGKILL of the supervisor leaves no service behind: the kernel tells its children."""
    script = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from narrowgauge.cli.processes import ProcessSpec, Supervisor\n"
        "async def main():\n"
        "    async with Supervisor(Path(sys.argv[1])) as owner:\n"
        f"        child = await owner.start(ProcessSpec('a', {MODULE!r}))\n"
        "        print(child.pid, flush=True)\n"
        "        await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", script, str(tmp_path)),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
    )
    assert process.stdout is not None
    child = int(await asyncio.wait_for(process.stdout.readline(), 60))
    ended = os.pidfd_open(child)
    loop, gone = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(ended, gone.set)  # a pidfd is readable when its process has ended
    process.kill()
    try:
        await asyncio.wait_for(gone.wait(), 30)
    finally:
        loop.remove_reader(ended)
        os.close(ended)
        await process.wait()
