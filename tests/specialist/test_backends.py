"""One suite over every backend: the same message, limits, errors and way to leave, whatever decodes."""

from __future__ import annotations

import asyncio
import time

import pytest
from backend_cases import ALL_BACKENDS, REQUESTS, WAIT_S, Backends, sub_task

from narrowgauge.contracts.validate import violations
from narrowgauge.errors import (
    Cancelled,
    DeadlineExceeded,
    FailedPrecondition,
    InvalidRequest,
    LimitExceeded,
    Overloaded,
)
from specialist_svc.conversation import Call, Conversation
from specialist_svc.engine.backend import DecodeRequest
from specialist_svc.report import TurnReport
from specialist_svc.specialist import Specialist

pytestmark = pytest.mark.parametrize("backend", ALL_BACKENDS)


async def ask(specialist: Specialist, text: str, *, max_tokens: int = 120) -> Call:
    answer = await Conversation(specialist).start(sub_task(text, max_tokens=max_tokens), TurnReport())
    assert isinstance(answer, Call)
    return answer


def request_of(specialist: Specialist, text: str, **options: object) -> DecodeRequest:
    """One request as the conversation makes it."""
    shared = specialist.chat.message("system", specialist.instruction) + specialist.chat.opened("user")
    turn = text + specialist.chat.end + specialist.chat.opened("assistant")
    values: dict[str, object] = {"max_tokens": 120} | options
    return DecodeRequest((shared, turn), specialist.surface.grammar({}), **values)  # type: ignore[arg-type]


async def test_every_call_is_valid(backends: Backends, backend: str) -> None:
    """A model that writes nonsense writes valid messages on every backend, several at once."""
    with backends.specialist(backend) as specialist:
        calls = await asyncio.gather(*(ask(specialist, text) for text in REQUESTS))
        for call in calls:
            assert violations(call.call.request) == []
            assert call.call.tool.name in ("Reserve", "Release")
        counters = specialist.backend.counters()
        assert (counters.active, counters.waiting) == (0, 0)
        assert counters.finished >= len(REQUESTS)


async def test_the_same_request_gives_the_same_call(backends: Backends, backend: str) -> None:
    """Decoding is greedy: asked one after the other, equal requests have equal answers."""
    with backends.specialist(backend) as specialist:
        first, second = [await ask(specialist, REQUESTS[0]) for _ in range(2)]
        assert first.call.request == second.call.request


async def test_a_refused_call_is_repaired_with_the_error_in_view(backends: Backends, backend: str) -> None:
    """A conversation goes on after its first call, on every backend."""
    with backends.specialist(backend) as specialist:
        talk = Conversation(specialist)
        await talk.start(sub_task(REQUESTS[0]), TurnReport())
        report = TurnReport()
        await talk.repair("no such article", report)
        assert report.timings().prompt_tokens > 0


async def test_tokens_are_bounded(backends: Backends, backend: str) -> None:
    """A call that needs more tokens than it may have is an error that names the limit."""
    with backends.specialist(backend) as specialist:
        with pytest.raises(LimitExceeded) as caught:
            await ask(specialist, REQUESTS[0], max_tokens=6)
        assert caught.value.reason == "CALL_TOO_LONG"
        assert caught.value.metadata["max_tokens"] == "6"
        assert specialist.backend.counters().active == 0


def test_a_prompt_that_does_not_fit_is_refused(backends: Backends, backend: str) -> None:
    """The error names the tokens of prompt, output and slot."""
    with backends.specialist(backend, slot_tokens=512) as specialist:
        with pytest.raises(InvalidRequest) as caught:
            specialist.backend.submit(request_of(specialist, "word " * 600))
        assert caught.value.reason == "PROMPT_TOO_LONG"
        assert caught.value.metadata["slot_tokens"] == "512"


def test_an_expired_request_leaves(backends: Backends, backend: str) -> None:
    """A request whose deadline has passed is not answered, and its slot is free again."""
    with backends.specialist(backend, slots=1) as specialist:
        late = specialist.backend.submit(request_of(specialist, "late", deadline=time.monotonic() - 1))
        with pytest.raises(DeadlineExceeded):
            late.future.result(WAIT_S)
        counters = specialist.backend.counters()
        assert (counters.free_slots, counters.cancelled) == (1, 1)


def test_a_cancelled_request_leaves(backends: Backends, backend: str) -> None:
    """Of two requests in one slot the one that waits is cancelled and gone, the other is answered, and the
    next one finds the slot free.
    """
    with backends.specialist(backend, slots=1) as specialist:
        first = specialist.backend.submit(request_of(specialist, REQUESTS[0]))
        second = specialist.backend.submit(request_of(specialist, REQUESTS[1]))
        second.cancel()
        with pytest.raises(Cancelled):
            second.future.result(WAIT_S)
        assert first.future.result(WAIT_S).written.text
        third = specialist.backend.submit(request_of(specialist, REQUESTS[2]))
        assert third.future.result(WAIT_S).written.text
        second.cancel()
        assert specialist.backend.counters().cancelled == 1


def test_a_full_queue_refuses_at_once(backends: Backends, backend: str) -> None:
    """More requests than slots and queue hold are refused with the time after which to try again."""
    with backends.specialist(backend, slots=1, queue=1) as specialist:
        with pytest.raises(Overloaded) as caught:
            for text in REQUESTS * 5:
                specialist.backend.submit(request_of(specialist, text))
        assert caught.value.retry_after_ms > 0


def test_closing_ends_what_is_under_way(backends: Backends, backend: str) -> None:
    """After `close` no request is left without an answer, and new ones are refused; closing twice is fine."""
    with backends.specialist(backend, slots=1) as specialist:
        asked = [specialist.backend.submit(request_of(specialist, text)) for text in REQUESTS]
        specialist.backend.close()
        assert all(decoding.future.done() for decoding in asked)
        assert any(isinstance(decoding.future.exception(), Cancelled) for decoding in asked)
        with pytest.raises(FailedPrecondition):
            specialist.backend.submit(request_of(specialist, "again"))
        specialist.backend.close()


def test_slots_that_the_model_has_no_positions_for_are_refused(backends: Backends, backend: str) -> None:
    """A slot longer than the model's context is an error at start that names the setting."""
    with (
        pytest.raises(InvalidRequest, match="NARROWGAUGE_SLOT_TOKENS"),
        backends.specialist(backend, slot_tokens=8192),
    ):
        pass


def test_the_backend_names_itself(backends: Backends, backend: str) -> None:
    """What is described to callers says what decodes, and which model by its hash."""
    with backends.specialist(backend) as specialist:
        assert specialist.backend.name.startswith(backend)
        assert len(specialist.model_hash) == 64
        assert specialist.surface.name == "protojson"
        assert specialist.backend.slots == 2
