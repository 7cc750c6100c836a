"""One suite over every state store, and what each does when its storage fails."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from memory_store import MemoryStore
from redis_server import redis_server

from narrowgauge.errors import AlreadyExists, DataLoss, FailedPrecondition, NotFound, Overloaded, Unavailable
from router_svc.state.redis import RedisStore
from router_svc.state.sqlite import SqliteStore
from router_svc.state.store import ChainRecord, Command, LeaseLost, StateStore


def record(session_id: str = "s", *, bundle: str = "b", deadline_s: float = 60.0) -> ChainRecord:
    now = time.time()
    return ChainRecord(session_id, b"start\xff\x00", now, now + deadline_s, "00-aa-bb-01", bundle)


@pytest.fixture(params=["sqlite", "redis", "memory"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[StateStore]:
    async with AsyncExitStack() as stack:
        made: StateStore
        if request.param == "redis":
            made = RedisStore(await stack.enter_async_context(redis_server(tmp_path)))
            await made.open()
        else:
            made = SqliteStore(tmp_path / "state.db") if request.param == "sqlite" else MemoryStore()
        yield made
        await made.close()


async def test_a_chain_comes_back_as_it_was_written(store: StateStore) -> None:
    """Record and events survive byte for byte, in order, from any position."""
    wanted = record()
    lease = await store.create(wanted, "me", 60)
    bodies = [b"\x00one", b"\xfftwo", b"three"]
    await store.append(lease, 1, bodies[:2], durable=False, finished=False)
    await store.append(lease, 3, bodies[2:], durable=True, finished=False)
    stored = await store.read("s")
    assert stored.record == wanted
    assert (stored.last_sequence, stored.finished, stored.owned) == (3, False, True)
    assert await store.events("s", 0) == bodies
    assert await store.events("s", 2) == bodies[2:]
    assert await store.events("s", 3) == []
    assert await store.events("s", 0, limit=1) == bodies[:1]


async def test_a_session_is_created_once(store: StateStore) -> None:
    """The second creation is ALREADY_EXISTS, and the first chain stays."""
    await store.create(record(), "me", 60)
    with pytest.raises(AlreadyExists):
        await store.create(record(bundle="other"), "you", 60)
    assert (await store.read("s")).record.bundle_hash == "b"


async def test_an_unknown_session(store: StateStore) -> None:
    """NOT_FOUND; no lease can be had on it."""
    with pytest.raises(NotFound):
        await store.read("nobody")
    assert await store.acquire("nobody", "me", 60) is None
    assert await store.events("nobody", 0) == []


@pytest.mark.parametrize("first", [1, 3])
async def test_a_log_has_no_gap_and_no_repeat(store: StateStore, first: int) -> None:
    """An append that does not begin right after the last event is refused whole."""
    lease = await store.create(record(), "me", 60)
    await store.append(lease, 1, [b"a"], durable=False, finished=False)
    with pytest.raises(LeaseLost):
        await store.append(lease, first, [b"x", b"y"], durable=False, finished=False)
    assert await store.events("s", 0) == [b"a"]


async def test_a_lease_excludes_others_until_it_is_released(store: StateStore) -> None:
    """Nobody else gets an owned chain; a released one goes to the next, with a higher epoch."""
    lease = await store.create(record(), "me", 60)
    assert await store.acquire("s", "you", 60) is None
    await store.release(lease)
    taken = await store.acquire("s", "you", 60)
    assert taken is not None and taken.epoch > lease.epoch
    assert await store.acquire("s", "me", 60) is None


async def test_an_expired_lease_is_taken_over_and_its_holder_fenced_off(store: StateStore) -> None:
    """The former owner can neither append, nor renew, nor release what is no longer its own."""
    lease = await store.create(record(), "me", 0.001)
    taken = None
    while taken is None:
        taken = await store.acquire("s", "you", 60)
    with pytest.raises(LeaseLost):
        await store.append(lease, 1, [b"late"], durable=False, finished=False)
    assert await store.renew([lease, taken], 60) == {"s"}
    await store.release(lease)
    assert (await store.read("s")).owned
    await store.append(taken, 1, [b"mine"], durable=False, finished=False)
    assert await store.events("s", 0) == [b"mine"]


async def test_an_expired_lease_that_nobody_took_still_appends(store: StateStore) -> None:
    """Expiry alone loses nothing: the epoch decides. A renewal makes the lease whole again."""
    lease = await store.create(record(), "me", 0.001)
    while (await store.read("s")).owned:
        pass
    await store.append(lease, 1, [b"a"], durable=False, finished=False)
    assert await store.renew([lease], 60) == set()
    assert (await store.read("s")).owned


async def test_a_finished_chain_is_closed(store: StateStore) -> None:
    """After its last event it takes no event, no lease, and is nobody's orphan."""
    lease = await store.create(record(), "me", 60)
    await store.append(lease, 1, [b"end"], durable=True, finished=True)
    stored = await store.read("s")
    assert stored.finished and not stored.owned
    with pytest.raises(LeaseLost):
        await store.append(lease, 2, [b"more"], durable=False, finished=False)
    assert await store.acquire("s", "you", 60) is None
    assert await store.orphans("b", time.time() + 999, 10) == []


async def test_orphans_are_the_unowned_chains_of_the_bundle(store: StateStore) -> None:
    """Chains of another bundle count only once their deadline has passed."""
    for session, bundle in (("mine", "b"), ("other", "c"), ("held", "b")):
        lease = await store.create(record(session, bundle=bundle), "me", 60)
        if session != "held":
            await store.release(lease)
    assert await store.orphans("b", time.time(), 10) == ["mine"]
    late = await store.create(record("late", bundle="c", deadline_s=-1), "me", 60)
    await store.release(late)
    assert sorted(await store.orphans("b", time.time(), 10)) == ["late", "mine"]
    assert len(await store.orphans("b", time.time(), 1)) == 1


async def test_commands_are_read_after_a_cursor(store: StateStore) -> None:
    """Each reader gets every command once, in order, from where it stands."""
    await store.create(record(), "me", 60)
    first, second = Command("s", 3, b"\x00a"), Command("s", 4, b"\xffb")
    await store.send(first)
    got, cursor = await store.commands("", 0)
    assert got == [first]
    await store.send(second)
    assert (await store.commands(cursor, 0))[0] == [second]
    assert (await store.commands("", 0))[0] == [first, second]
    got, cursor = await store.commands(cursor, 0)
    assert (await store.commands(cursor, 0.01))[0] == []


async def test_waiting_readers_see_what_comes(store: StateStore) -> None:
    """A reader that waits for events, and one that waits for commands, return when there are some."""
    lease = await store.create(record(), "me", 60)
    events = asyncio.create_task(store.wait_events("s", 0, 60))
    commands = asyncio.create_task(store.commands("", 5))
    await asyncio.sleep(0)
    await store.append(lease, 1, [b"a"], durable=False, finished=False)
    await store.send(Command("s", 1, b"c"))
    await events
    assert (await commands)[0] == [Command("s", 1, b"c")]


async def test_old_chains_are_forgotten(store: StateStore) -> None:
    """Only finished chains go, and their session ids are free again."""
    for session in ("done", "open"):
        lease = await store.create(record(session), "me", 60)
        await store.append(lease, 1, [b"x"], durable=False, finished=session == "done")
    assert await store.purge(time.time() - 60) == 0
    assert await store.purge(time.time() + 60) == 1
    with pytest.raises(NotFound):
        await store.read("done")
    assert (await store.read("open")).last_sequence == 1
    await store.create(record("done"), "me", 60)


async def test_many_chains_at_once(store: StateStore) -> None:
    """Appends that come together are all stored, each in its own log; one that is refused stops no other."""
    leases = [await store.create(record(f"s{n}"), "me", 60) for n in range(20)]
    await store.release(leases[7])
    assert await store.acquire("s7", "you", 60) is not None
    outcomes = await asyncio.gather(
        *(store.append(lease, 1, [b"a", b"b"], durable=True, finished=False) for lease in leases),
        return_exceptions=True,
    )
    assert [n for n, outcome in enumerate(outcomes) if outcome is not None] == [7]
    assert isinstance(outcomes[7], LeaseLost)
    for n in range(20):
        assert await store.events(f"s{n}", 0) == ([] if n == 7 else [b"a", b"b"])


def _limit_pages(store: SqliteStore, more: int) -> None:
    """Lets the store's database grow by a few pages only: SQLite's own 'disk full'."""
    connection = store._writer._connection
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count={pages + more}")


async def test_sqlite_full_is_typed_and_writes_nothing_by_half(tmp_path: Path) -> None:
    """STATE_STORE_FULL; the log is as before, and goes on once there is room."""
    store = SqliteStore(tmp_path / "state.db")
    lease = await store.create(record(), "me", 60)
    _limit_pages(store, 2)
    with pytest.raises(Overloaded) as raised:
        await store.append(lease, 1, [b"small", b"x" * 100_000], durable=True, finished=False)
    assert raised.value.reason == "STATE_STORE_FULL"
    assert await store.events("s", 0) == []
    _limit_pages(store, 1000)
    await store.append(lease, 1, [b"small", b"x" * 100_000], durable=True, finished=False)
    assert len(await store.events("s", 0)) == 2
    await store.close()


async def test_sqlite_full_hits_only_what_does_not_fit(tmp_path: Path) -> None:
    """Of appends in one transaction, those that fit are stored."""
    store = SqliteStore(tmp_path / "state.db")
    leases = [await store.create(record(f"s{n}"), "me", 60) for n in range(3)]
    _limit_pages(store, 2)
    outcomes = await asyncio.gather(
        *(
            store.append(lease, 1, [b"x" * (100_000 if n == 1 else 10)], durable=False, finished=False)
            for n, lease in enumerate(leases)
        ),
        return_exceptions=True,
    )
    assert [isinstance(outcome, Overloaded) for outcome in outcomes] == [False, True, False]
    await store.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 512 KiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=512k", "none", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("needs the right to mount a file system")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def _fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        try:
            while file.write(b"x" * 4096):
                pass
        except OSError:
            return


async def test_a_file_system_without_space(small_disk: Path) -> None:
    """A disk that is really full gives the same error, and room makes the store work again."""
    store = SqliteStore(small_disk / "state.db")
    try:
        lease = await store.create(record(), "me", 60)
        _fill(small_disk / "filler")
        with pytest.raises(Overloaded) as raised:
            await store.append(lease, 1, [b"y" * 80_000], durable=True, finished=False)
        assert raised.value.reason == "STATE_STORE_FULL"
        assert await store.events("s", 0) == []
        (small_disk / "filler").unlink()
        await store.append(lease, 1, [b"y" * 80_000], durable=True, finished=False)
        assert await store.events("s", 0) == [b"y" * 80_000]
    finally:
        await store.close()


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    """DATA_LOSS at the start, naming the file."""
    path = tmp_path / "state.db"
    path.write_bytes(b"not a database at all, but long enough to look like one" * 100)
    with pytest.raises(DataLoss, match=r"state\.db"):
        SqliteStore(path)


def test_a_database_of_another_version(tmp_path: Path) -> None:
    """DATA_LOSS at the start instead of misread rows."""
    path = tmp_path / "state.db"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version=99")
    connection.close()
    with pytest.raises(DataLoss, match="schema version 99"):
        SqliteStore(path)


@pytest.mark.skipif(not Path("/proc/version").exists(), reason="needs a file system that root cannot write")
def test_a_folder_that_cannot_be_written() -> None:
    """UNAVAILABLE at the start, naming the file."""
    with pytest.raises(Unavailable, match="/proc/"):
        SqliteStore(Path("/proc") / str(os.getpid()) / "state.db")


async def test_a_redis_that_forgets_is_refused(tmp_path: Path) -> None:
    """A server without an append-only file is an error at the start that says what to set."""
    async with redis_server(tmp_path, "--appendonly", "no") as url:
        store = RedisStore(url)
        with pytest.raises(FailedPrecondition, match="appendonly yes"):
            await store.open()
        await store.close()
        accepting = RedisStore(url, accept_volatile=True)
        await accepting.open()
        await accepting.create(record(), "me", 60)
        await accepting.close()


async def test_a_redis_that_is_full(tmp_path: Path) -> None:
    """STATE_STORE_FULL when the server may not use more memory; nothing is written by half."""
    async with redis_server(tmp_path) as url:
        store = RedisStore(url)
        await store.open()
        lease = await store.create(record(), "me", 60)
        await store._client.config_set("maxmemory", "1")
        with pytest.raises(Overloaded) as raised:
            await store.append(lease, 1, [b"a"], durable=True, finished=False)
        assert raised.value.reason == "STATE_STORE_FULL"
        await store._client.config_set("maxmemory", "0")
        assert await store.events("s", 0) == []
        await store.append(lease, 1, [b"a"], durable=True, finished=False)
        await store.close()


async def test_a_redis_that_is_gone(tmp_path: Path) -> None:
    """UNAVAILABLE, at the start and in the middle."""
    async with redis_server(tmp_path) as url:
        store = RedisStore(url)
        await store.open()
        lease = await store.create(record(), "me", 60)
    with pytest.raises(Unavailable):
        await store.append(lease, 1, [b"a"], durable=True, finished=False)
    await store.close()
    late = RedisStore(url)
    with pytest.raises(Unavailable):
        await late.open()
    await late.close()
