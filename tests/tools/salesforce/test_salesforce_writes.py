"""Writes happen once, and an organisation that is down, slow or broken is told apart."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest
from salesforce_harness import RestServer, ServeTool, Tool

from narrowgauge.errors import (
    DataLoss,
    DeadlineExceeded,
    FailedPrecondition,
    InvalidRequest,
    Unavailable,
)
from tool_svc.salesforce.local_server.app import make_app
from tool_svc.salesforce.local_server.organisation import Organisation
from tool_svc.salesforce.outcomes import Outcomes

CASE = {"object": "Case", "fields": [{"field": "Subject", "text": "once"}]}
COUNT = {"object": "Case", "select": [{"field": "Id"}]}
COUNT["where"] = [{"compare": {"field": "Subject", "operator": "OPERATOR_EQUAL", "text": "once"}}]  # type: ignore[assignment]


class Faulty:
    """The organisation behind a line that can hold requests back, or lose answers after the work is done."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self.lose_answers = 0
        self.fail_with = b""
        self.held = threading.Event()
        self._hold = False
        self._waiters: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []
        self.requests: list[tuple[str, str]] = []

    def hold(self) -> None:
        self._hold = True

    def release(self) -> None:
        self._hold = False
        for loop, event in self._waiters:
            loop.call_soon_threadsafe(event.set)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.requests.append((scope["method"], scope["path"]))
        if self.fail_with:
            await send({"type": "http.response.start", "status": 502, "headers": []})
            await send({"type": "http.response.body", "body": self.fail_with})
            return
        if self._hold:
            event = asyncio.Event()
            self._waiters.append((asyncio.get_running_loop(), event))
            self.held.set()
            await event.wait()
        if not self.lose_answers or scope["method"] == "GET":
            await self._app(scope, receive, send)
            return
        self.lose_answers -= 1

        async def swallow(message: Any) -> None:
            """The work is done; nobody hears of it."""

        await self._app(scope, receive, swallow)
        await send({"type": "http.response.start", "status": 504, "headers": []})
        await send({"type": "http.response.body", "body": b"<html>gateway timeout</html>"})


@pytest.fixture
def faulty(organisation: Organisation) -> Faulty:
    return Faulty(make_app(organisation))


@pytest.fixture
def faulty_server(faulty: Faulty) -> Any:
    server = RestServer(faulty)
    yield server
    faulty.release()
    server.stop()


async def stored(tool: Tool) -> int:
    response = await tool.call("Query", COUNT)
    return int(response.total_size)


async def test_a_repeated_key_is_answered_from_memory(tool: Tool):
    """The second call with a key gets the first one's answer and changes nothing; another key does."""
    first = await tool.call("CreateRecord", CASE, key="k-1")
    second = await tool.call("CreateRecord", CASE, key="k-1")
    assert (first.replayed, second.replayed, first.id) == (False, True, second.id)
    assert await stored(tool) == 1
    await tool.call("CreateRecord", CASE, key="k-2")
    await tool.call("CreateRecord", CASE)
    assert await stored(tool) == 3


async def test_each_write_is_remembered(tool: Tool):
    """Update, upsert and delete repeat their first answers too, even when a new call would fail."""
    created = await tool.call("CreateRecord", CASE)
    update = {"object": "Case", "id": created.id, "fields": [{"field": "Status", "text": "Closed"}]}
    upsert = {
        "object": "Renewal__c",
        "external_id_field": "External_Id__c",
        "external_id": "R-9",
        "fields": [{"field": "Name", "text": "Nine"}],
    }
    delete = {"object": "Case", "id": created.id}
    for method, request in (("UpdateRecord", update), ("UpsertRecord", upsert), ("DeleteRecord", delete)):
        first = await tool.call(method, request, key=method)
        second = await tool.call(method, request, key=method)
        assert (first.replayed, second.replayed) == (False, True)
        second.replayed = False
        assert first == second
    assert second.id == created.id


async def test_the_memory_survives_a_restart(serve: ServeTool, rest_server: RestServer):
    """A tool that starts on the same file answers for the one before it."""
    first = await (await serve(rest_server.url)).call("CreateRecord", CASE, key="k")
    again = await serve(rest_server.url)
    second = await again.call("CreateRecord", CASE, key="k")
    assert (second.id, second.replayed) == (first.id, True)
    assert await stored(again) == 1


async def test_a_key_belongs_to_one_request(tool: Tool):
    """The key of another request, or of another method, is refused; so is one that is no key."""
    created = await tool.call("CreateRecord", CASE, key="k")
    other = {"object": "Case", "fields": [{"field": "Subject", "text": "other"}]}
    delete = {"object": "Case", "id": created.id}
    for method, request in (("CreateRecord", other), ("DeleteRecord", delete)):
        error = await tool.error(method, request, key="k")
        assert (type(error), error.reason) == (InvalidRequest, "IDEMPOTENCY_KEY_REUSED")
    assert (await tool.error("CreateRecord", CASE, key="k" * 201)).reason == "BAD_IDEMPOTENCY_KEY"


async def test_a_refused_write_may_be_repaired_under_its_key(tool: Tool):
    """What Salesforce refused did not happen: the same key may be sent again, even with another request."""
    bad = {"object": "Case", "fields": [{"field": "Priority", "text": "Urgent"}]}
    for _ in range(2):
        assert (
            await tool.error("CreateRecord", bad, key="k")
        ).reason == "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"
    assert not (await tool.call("CreateRecord", CASE, key="k")).replayed


async def test_calls_at_the_same_time_share_one_write(
    serve: ServeTool, faulty: Faulty, faulty_server: RestServer
):
    """Two calls with one key while the write is under way: one request to Salesforce, one answer for both."""
    tool = await serve(faulty_server.url)
    faulty.hold()
    calls = [asyncio.create_task(tool.call("CreateRecord", CASE, key="k")) for _ in range(2)]
    await asyncio.to_thread(faulty.held.wait)
    await asyncio.sleep(0)
    faulty.release()
    first, second = await asyncio.gather(*calls)
    assert first.id == second.id
    assert await stored(tool) == 1


async def test_a_lost_answer_is_found_by_its_key(serve: ServeTool, faulty: Faulty, faulty_server: RestServer):
    """Where records carry the key, a creation whose answer was lost is found and not made again."""
    tool = await serve(faulty_server.url)
    faulty.lose_answers = 1
    error = await tool.error("CreateRecord", CASE, key="k")
    assert (type(error), error.reason) == (Unavailable, "BAD_ANSWER")
    created = await tool.call("CreateRecord", CASE, key="k")
    assert created.replayed
    assert await stored(tool) == 1


async def test_without_a_field_for_keys_the_write_is_in_doubt(
    serve: ServeTool, faulty: Faulty, faulty_server: RestServer, tmp_path: Path
):
    """A creation that may have happened is in doubt, now and after a restart, and never repeated."""
    tool = await serve(faulty_server.url, key_field="Absent__c")
    faulty.lose_answers = 1
    restarted = await serve(faulty_server.url, key_field="Absent__c")
    for server in (tool, tool, restarted):
        error = await server.error("CreateRecord", CASE, key="k")
        assert (type(error), error.reason) == (FailedPrecondition, "WRITE_IN_DOUBT")
    assert await stored(tool) == 1


async def test_a_lost_deletion_is_not_an_error(serve: ServeTool, faulty: Faulty, faulty_server: RestServer):
    """A deletion whose answer was lost finds its record gone, and that is its outcome."""
    tool = await serve(faulty_server.url)
    created = await tool.call("CreateRecord", CASE)
    delete = {"object": "Case", "id": created.id}
    faulty.lose_answers = 1
    assert (await tool.error("DeleteRecord", delete, key="k")).reason == "BAD_ANSWER"
    assert (await tool.call("DeleteRecord", delete, key="k")).replayed


async def test_a_write_outlives_its_caller(serve: ServeTool, faulty: Faulty, faulty_server: RestServer):
    """A caller that gives up does not undo the write: its repeat gets the outcome."""
    tool = await serve(faulty_server.url)
    faulty.hold()
    call = asyncio.create_task(tool.call("CreateRecord", CASE, key="k"))
    await asyncio.to_thread(faulty.held.wait)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    faulty.release()
    assert (await tool.call("CreateRecord", CASE, key="k")).id
    assert await stored(tool) == 1


async def test_a_slow_organisation_meets_the_deadline(
    serve: ServeTool, faulty: Faulty, faulty_server: RestServer
):
    """A call ends at the caller's deadline or at the tool's own, whichever comes first."""
    tool = await serve(faulty_server.url)
    impatient = await serve(faulty_server.url, timeout_s=0.2)
    faulty.hold()
    error = await tool.error("Query", COUNT, seconds=0.2)
    assert isinstance(error, DeadlineExceeded)
    error = await impatient.error("Query", COUNT)
    assert (type(error), error.reason) == (DeadlineExceeded, "SALESFORCE_TIMEOUT")


async def test_reads_are_tried_again_and_writes_are_not(
    serve: ServeTool, faulty: Faulty, faulty_server: RestServer
):
    """A gateway's error is answered by three attempts to read and one to write, then UNAVAILABLE."""
    tool = await serve(faulty_server.url)
    faulty.fail_with = b"<html>bad gateway</html>"
    faulty.requests.clear()
    error = await tool.error("Query", COUNT)
    assert (type(error), error.reason, len(faulty.requests)) == (Unavailable, "BAD_ANSWER", 3)
    faulty.requests.clear()
    assert isinstance(await tool.error("CreateRecord", CASE), Unavailable)
    assert [method for method, _ in faulty.requests] == ["POST"]


async def test_an_organisation_that_is_gone(serve: ServeTool, organisation: Organisation):
    """When nobody listens any more, calls are UNAVAILABLE, and an unsent write may be sent later."""
    server = RestServer(make_app(organisation))
    tool = await serve(server.url)
    server.stop()
    for method, request in (("Query", COUNT), ("CreateRecord", CASE)):
        error = await tool.error(method, request, key="" if method == "Query" else "k")
        assert (type(error), error.reason) == (Unavailable, "SALESFORCE_DOWN")


async def test_answers_that_are_not_json(serve: ServeTool, faulty: Faulty, faulty_server: RestServer):
    """A login page in place of an answer says which setting to look at."""
    tool = await serve(faulty_server.url)

    async def page(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"<html>please log in</html>"})

    faulty._app = page
    error = await tool.error("Query", COUNT)
    assert (type(error), error.reason) == (Unavailable, "BAD_ANSWER")
    assert "NARROWGAUGE_SALESFORCE_URL" in error.message


def test_a_state_file_that_cannot_be_used(tmp_path: Path):
    """A file that is no database, or a folder that cannot be made, ends the start and says so."""
    (tmp_path / "text").write_text("this is not a database, and it is long enough to have a header" * 4)
    with pytest.raises(DataLoss, match="not a database"):
        Outcomes(tmp_path / "text")
    with pytest.raises(FailedPrecondition, match="cannot be stored"):
        Outcomes(tmp_path / "text" / "below" / "outcomes")


def test_a_full_disk_stops_a_write_before_it_is_sent(tmp_path: Path):
    """When the key cannot be stored, nothing is sent; what was stored before stays readable."""
    outcomes = Outcomes(tmp_path / "outcomes")
    outcomes.begin("a", b"x")
    outcomes.finish("a", b"answer")
    outcomes._connection.execute("PRAGMA max_page_count = 1")
    with pytest.raises(FailedPrecondition) as caught:
        for number in range(10_000):
            outcomes.begin(f"{number}" * 40, b"x" * 32)
    assert caught.value.reason == "STATE_UNWRITABLE"
    assert outcomes.begin("a", b"x").response == b"answer"
    outcomes.close()


def test_outcomes_are_forgotten_after_a_month(tmp_path: Path):
    """Old keys are dropped when the file is opened, younger ones are kept."""
    day = 24 * 3600.0
    for opened_at, key in ((0.0, "old"), (20 * day, "young")):
        outcomes = Outcomes(tmp_path / "outcomes", clock=lambda at=opened_at: at)  # type: ignore[misc]
        outcomes.begin(key, b"x")
        outcomes.finish(key, b"answer")
        outcomes.close()
    outcomes = Outcomes(tmp_path / "outcomes", clock=lambda: 31 * day)
    assert outcomes.begin("old", b"x").response is None
    assert outcomes.begin("young", b"x").response == b"answer"
    outcomes.close()
