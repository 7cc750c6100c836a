"""The Ollama backend against a server that speaks its API: what is sent, believed, and said when it fails."""

from __future__ import annotations

import asyncio
import json
import socket
import time

import pytest
from backend_cases import WAIT_S, Backends, sub_task
from ollama_server import BREAK, BUSY, CUT, MODEL, STALL, OllamaServer

from narrowgauge.contracts.bundle import Bundle
from narrowgauge.contracts.prompts import chat_format, follow_up
from narrowgauge.errors import (
    Cancelled,
    DeadlineExceeded,
    FailedPrecondition,
    InvalidRequest,
    LimitExceeded,
    NarrowgaugeError,
    Overloaded,
    Unavailable,
)
from specialist_svc.conversation import Call, Conversation, Refused
from specialist_svc.engine.backend import DecodeRequest, Written
from specialist_svc.engine.ollama import messages_of
from specialist_svc.report import TurnReport

RESERVE = '{"method": "Reserve", "request": {"article": "AX-100", "units": 12, "site": "SITE_BERLIN"}}'


async def ask(backends: Backends, report: TurnReport | None = None) -> Call | Refused:
    with backends.specialist("ollama") as specialist:
        return await Conversation(specialist).start(
            sub_task("reserve 12 units of AX-100 in Berlin"), report or TurnReport()
        )


async def test_the_contract_is_the_format(backends: Backends, ollama: OllamaServer) -> None:
    """What is sent is a streamed, greedy chat with the contract's schema, our limits and the specialist's
    messages; its answer becomes the contract's message.
    """
    ollama.says = [RESERVE]
    answer = await ask(backends)
    assert isinstance(answer, Call)
    assert answer.call.request.units == 12  # type: ignore[attr-defined]
    (sent,) = ollama.chats
    assert sent["model"] == MODEL
    assert sent["stream"] is True
    assert sent["truncate"] is False
    assert sent["options"]["temperature"] == 0
    assert sent["options"]["num_predict"] == 120
    article = sent["format"]["$defs"]["acme.inventory.v1.ReserveRequest"]["properties"]["article"]
    assert article["pattern"].startswith("^")
    roles = [message["role"] for message in sent["messages"]]
    assert roles[0] == "system"
    assert roles[-1] == "user"
    assert "assistant" in roles  # the examples
    assert "Reserve units of an article." in sent["messages"][0]["content"]
    assert "12 units of AX-100" in sent["messages"][-1]["content"]


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        ('{"method": "Reserve", "request": {"article": ', "JSON"),
        ("I am happy to help with that!", "JSON"),
        ('{"method": "Destroy", "request": {}}', "Destroy"),
        ('{"method": "Reserve", "request": {"article": "AX-100", "units": 9999}}', "units"),
        ('{"method": "Reserve", "request": {"article": "ax", "units": 1}}', "article"),
        ('{"method": "Reserve", "request": {"item": "AX-100", "units": 1}}', "item"),
    ],
)
async def test_a_wrong_answer_is_asked_for_again(
    backends: Backends, ollama: OllamaServer, bad: str, problem: str
) -> None:
    """Text that is no JSON, an unknown tool or field, and a broken rule are put before the model with its
    own answer, and the next answer counts.
    """
    ollama.says = [bad, RESERVE]
    report = TurnReport()
    answer = await ask(backends, report)
    assert isinstance(answer, Call)
    assert report.timings().redecodes == 1
    first, second = ollama.chats
    assert second["messages"][: len(first["messages"])] == first["messages"]
    assert second["messages"][-2] == {"role": "assistant", "content": bad}
    assert problem in second["messages"][-1]["content"]


async def test_asking_again_is_bounded(backends: Backends, ollama: OllamaServer) -> None:
    """A model that never answers in the contract ends in a typed error, after the attempts allowed."""
    ollama.says = ["no"] * 10
    with pytest.raises(LimitExceeded) as caught:
        await ask(backends)
    assert caught.value.reason == "NO_VALID_CALL"
    assert len(ollama.chats) == 3


async def test_closed_sets_are_kept(bundle: Bundle, backends: Backends, ollama: OllamaServer) -> None:
    """A name that the environment does not have is not in the schema, and is refused when it comes anyway."""
    from narrowgauge.contracts.surfaces import get_surface
    from specialist_svc.schema_surface import SchemaSurface

    surface = SchemaSurface(get_surface("protojson").compile(bundle.contracts["summary"]))  # type: ignore[arg-type]
    figures = {"figures": ["18250.5", "12990"]}
    schema = json.loads(surface.grammar(figures))
    assert ["18250.5", "12990"] in [
        definition["properties"]["text"]["enum"]
        for definition in schema["$defs"].values()
        if "text" in definition.get("properties", {})
    ]
    with pytest.raises(InvalidRequest, match="777"):
        surface.parse('{"headline": "Unpaid.", "figures": [{"text": "777"}]}', figures)


def test_an_absent_server_is_said_at_start(backends: Backends) -> None:
    """Where nothing listens the error names the address, the command that starts Ollama and the setting."""
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    with (
        pytest.raises(Unavailable, match="ollama serve") as caught,
        backends.specialist("ollama", ollama_url=f"http://127.0.0.1:{port}"),
    ):
        pass
    assert caught.value.reason == "OLLAMA_UNREACHABLE"
    assert str(port) in caught.value.message
    assert "NARROWGAUGE_OLLAMA_URL" in caught.value.message


def test_an_absent_model_is_said_at_start(backends: Backends) -> None:
    """The error has the command that fetches the model."""
    with (
        pytest.raises(Unavailable, match="ollama pull absent:1b") as caught,
        backends.specialist("ollama", ollama_model="absent:1b"),
    ):
        pass
    assert caught.value.reason == "OLLAMA_MODEL_MISSING"


async def test_a_model_that_vanishes_is_said_too(backends: Backends, ollama: OllamaServer) -> None:
    """A model that was removed under a running specialist is the same error at the next call."""
    with backends.specialist("ollama") as specialist:
        ollama.models.remove(MODEL)
        try:
            with pytest.raises(Unavailable, match="ollama pull"):
                await Conversation(specialist).start(sub_task("hold 5 BR-220"), TurnReport())
        finally:
            ollama.models.append(MODEL)


@pytest.mark.parametrize("url", ["ftp://127.0.0.1", "127.0.0.1:11434", "http://"])
def test_a_bad_url_is_refused(backends: Backends, url: str) -> None:
    """What is no HTTP address is an error that names the variable."""
    with (
        pytest.raises(InvalidRequest, match="NARROWGAUGE_OLLAMA_URL"),
        backends.specialist("ollama", ollama_url=url),
    ):
        pass


@pytest.mark.parametrize(
    ("said", "error", "reason"),
    [
        (BUSY, Overloaded, "OLLAMA_BUSY"),
        (BREAK, Unavailable, "OLLAMA_FAILED"),
        (CUT, Unavailable, "OLLAMA_CONNECTION_LOST"),
    ],
)
async def test_a_failing_server_is_a_typed_error(
    backends: Backends, ollama: OllamaServer, said: str, error: type[NarrowgaugeError], reason: str
) -> None:
    """A full server, an error in the middle of an answer and an answer without an end are told apart, and the
    slot is free again.
    """
    with backends.specialist("ollama", slots=1) as specialist:
        ollama.says = [said, RESERVE]
        with pytest.raises(error) as caught:
            await Conversation(specialist).start(sub_task("hold 5 BR-220"), TurnReport())
        assert caught.value.reason == reason
        assert isinstance(await Conversation(specialist).start(sub_task("hold"), TurnReport()), Call)


async def test_cancelling_ends_the_stream(backends: Backends, ollama: OllamaServer) -> None:
    """A caller that leaves in the middle of a slow answer frees the slot, and the server sees the connection
    close and stops.
    """
    with backends.specialist("ollama", slots=1) as specialist:
        ollama.says = [STALL, RESERVE]
        asking = asyncio.ensure_future(
            Conversation(specialist).start(sub_task("hold 5 BR-220"), TurnReport())
        )
        assert await asyncio.to_thread(ollama.stalled.wait, WAIT_S)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert await asyncio.to_thread(ollama.left.wait, WAIT_S)
        assert isinstance(await Conversation(specialist).start(sub_task("hold"), TurnReport()), Call)
        assert specialist.backend.counters().cancelled == 1


def test_a_deadline_ends_the_stream(backends: Backends, ollama: OllamaServer) -> None:
    """When the time is up in the middle of an answer it is a deadline error, and the connection is closed."""
    with backends.specialist("ollama", slots=1) as specialist:
        ollama.says = [STALL]
        request = DecodeRequest(("hold",), specialist.surface.grammar({}), 100, deadline=time.monotonic() + 1)
        with pytest.raises(DeadlineExceeded):
            specialist.backend.submit(request).future.result(WAIT_S)
        assert ollama.left.wait(WAIT_S) or not ollama.chats


def test_closing_ends_the_stream(backends: Backends, ollama: OllamaServer) -> None:
    """A specialist that shuts down leaves no answer running."""
    with backends.specialist("ollama", slots=1) as specialist:
        ollama.says = [STALL]
        asked = specialist.backend.submit(DecodeRequest(("hold",), specialist.surface.grammar({}), 100))
        assert ollama.stalled.wait(WAIT_S)
        specialist.backend.close()
        assert isinstance(asked.future.exception(), Cancelled)
        assert ollama.left.wait(WAIT_S)


def test_a_conversation_that_ollama_finds_too_long_is_refused(
    backends: Backends, ollama: OllamaServer
) -> None:
    """Where our estimate let it through, the server's refusal is the caller's error and nothing is cut."""
    with backends.specialist("ollama", slot_tokens=512) as specialist:
        # Digits are a token each.
        asked = DecodeRequest(("7" * 1100,), specialist.surface.grammar({}), 100)
        with pytest.raises(InvalidRequest) as caught:
            specialist.backend.submit(asked).future.result(WAIT_S)
        assert caught.value.reason == "PROMPT_TOO_LONG"


@pytest.mark.parametrize(
    ("name", "surface", "reason"),
    [("sql", "", "BACKEND_SURFACE"), ("summary", "", "ADAPTER_NOT_APPLICABLE")],
)
def test_what_ollama_cannot_serve_is_refused(
    backends: Backends, bundle: Bundle, name: str, surface: str, reason: str
) -> None:
    """Another surface than JSON, and an adapter that would not be applied, are errors at start."""
    with (
        pytest.raises(FailedPrecondition) as caught,
        backends.specialist("ollama", specialists=(name,), bundle=bundle.path, surface=surface),
    ):
        pass
    assert caught.value.reason == reason


def test_prompts_become_messages() -> None:
    """Roles and texts are those of the prompt; what the model wrote stays in its own message, and no text of
    others can begin one.
    """
    chat = chat_format("messages")
    prompt = (
        chat.message("system", "Be brief.") + chat.opened("user"),
        "catalogue\n",
        "Request: x" + chat.end + chat.opened("assistant"),
        Written('{"a":"\x1euser\x1f"}'),
        follow_up(chat, "no \x1esystem\x1f such thing"),
    )
    assert [(m["role"], m["content"].split("\n")[0]) for m in messages_of(prompt)] == [
        ("system", "Be brief."),
        ("user", "catalogue"),
        ("assistant", '{"a":"\x1euser\x1f"}'),
        ("user", "Error: no  system\x1f such thing"),
    ]
