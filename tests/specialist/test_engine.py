"""The engine on a small random model: the worst writer there is, and so a good test of the constraint."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from engine_grammars import CALL_GRAMMAR, SYSTEM, check_call, request, texts

from narrowgauge.errors import (
    Cancelled,
    DeadlineExceeded,
    FailedPrecondition,
    InternalError,
    InvalidRequest,
    LimitExceeded,
    Overloaded,
)
from narrowgauge.models import load_prepared
from specialist_svc.engine.backend import Decoded, DecodeRequest, Lease
from specialist_svc.engine.loop import CacheOptions
from specialist_svc.engine.onnx_runner import OnnxRunner
from specialist_svc.engine.onnxruntime import EngineOptions, OnnxruntimeBackend
from specialist_svc.engine.place import State

NO_CACHES = CacheOptions(stored_bytes=0, reuse_slots=False)
WAIT_S = 60


@contextmanager
def engine(model: Path, **options: object) -> Iterator[OnnxruntimeBackend]:
    values: dict[str, object] = {"slot_tokens": 320} | options
    backend = OnnxruntimeBackend(load_prepared(model), EngineOptions(**values))  # type: ignore[arg-type]
    try:
        yield backend
    finally:
        backend.close()


def decode(backend: OnnxruntimeBackend, requests: Sequence[DecodeRequest]) -> list[Decoded]:
    """Decodes requests all at once."""
    return [d.future.result(WAIT_S) for d in [backend.submit(r) for r in requests]]


@pytest.fixture(scope="module")
def alone(tiny_prepared_model: Path) -> list[Decoded]:
    """Each of the requests decoded alone, without any cache, forced tokens one by one."""
    with engine(tiny_prepared_model, slots=1, caches=NO_CACHES, forced_runs=False) as backend:
        return [decode(backend, [request(text)])[0] for text in texts(16)]


@pytest.mark.parametrize(
    "options",
    [
        {"slots": 8},
        {"slots": 3},
        {"slots": 8, "caches": NO_CACHES},
        {"slots": 5, "chunk_tokens": 7},
        {"slots": 4, "forced_runs": False},
        {"slots": 4, "threads": 2},
        {"slots": 2, "caches": CacheOptions(stored_bytes=200_000)},
    ],
    ids=["batch", "few slots", "no caches", "small chunks", "no forced runs", "threads", "small cache"],
)
def test_bytes_are_the_same_alone_and_in_company(
    tiny_prepared_model: Path, alone: list[Decoded], options: dict[str, object]
) -> None:
    """Batching, caches, chunks, forced runs and threads change no token of any call."""
    with engine(tiny_prepared_model, **options) as backend:
        for _ in range(2):
            found = decode(backend, [request(text) for text in texts(16)])
            assert [d.written for d in found] == [d.written for d in alone]
            assert [d.forced_tokens for d in found] == [d.forced_tokens for d in alone]


def test_every_text_is_of_the_grammar(alone: list[Decoded]) -> None:
    """A model that writes nonsense still writes calls, and tokens that nobody sampled are counted."""
    for decoded in alone:
        check_call(decoded.written.text)
        assert 0 < decoded.forced_tokens < decoded.output_tokens
    assert len({d.written.text for d in alone}) > 1


def test_prefixes_are_reused(tiny_prepared_model: Path) -> None:
    """The second request that begins alike does not read the shared part again, whatever slot it takes."""
    with engine(tiny_prepared_model, slots=2, caches=CacheOptions(reuse_slots=False)) as backend:
        shared = backend.count_tokens([SYSTEM])
        backend.warm([SYSTEM])
        found = decode(backend, [request(text) for text in texts(4)])
        assert [d.cached_tokens for d in found] == [shared] * 4
        assert backend.counters().cache_bytes > 0


def test_a_conversation_reads_only_what_is_new(tiny_prepared_model: Path) -> None:
    """The next turn starts behind the last token that the turn before read, in its slot or, when that was
    taken by others meanwhile, from the store; and it writes what it writes without caches.
    """

    def second_turn(**options: object) -> tuple[Decoded, Decoded]:
        with engine(tiny_prepared_model, slots=1, **options) as backend:
            lease = Lease()
            first = decode(backend, [request("Where is order 17?", lease=lease)])[0]
            decode(backend, [request(text) for text in texts(2)])
            prompt = (SYSTEM, "Where is order 17?<|im_end|>\n<|im_start|>assistant\n", first.written)
            follow = "<|im_end|>\n<|im_start|>user\nError: no such order.<|im_end|>\n<|im_start|>assistant\n"
            again = DecodeRequest((*prompt, follow), CALL_GRAMMAR, 120, shared_parts=1, lease=lease)
            return first, decode(backend, [again])[0]

    first, second = second_turn()
    assert second.cached_tokens >= first.prompt_tokens + len(first.written.single)
    without = second_turn(caches=NO_CACHES)
    assert without[1].cached_tokens == 0
    assert (first.written, second.written) == (without[0].written, without[1].written)


class GatedRunner(OnnxRunner):
    """Waits before each pass until the test lets it go on."""

    gate: threading.Semaphore
    entered: threading.Semaphore

    def append(
        self,
        slot: int,
        length: int,
        tokens: Sequence[int],
        *,
        checked: Sequence[int] = (),
        wide: Sequence[bool] = (),
    ) -> list[State]:
        self.entered.release()
        assert self.gate.acquire(timeout=WAIT_S)
        return super().append(slot, length, tokens, checked=checked, wide=wide)


@pytest.fixture
def gated(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[GatedRunner]]:
    """Engines of this test run one appending pass for each release of `gate`."""
    GatedRunner.gate, GatedRunner.entered = threading.Semaphore(0), threading.Semaphore(0)
    monkeypatch.setattr("specialist_svc.engine.onnxruntime.OnnxRunner", GatedRunner)
    yield GatedRunner
    GatedRunner.gate.release(10_000)


def test_cancelling_frees_the_slot_within_one_step(
    tiny_prepared_model: Path, gated: type[GatedRunner]
) -> None:
    """A request that is cancelled during a step is gone when the next one begins, and the next waiting
    request has its slot.
    """
    with engine(tiny_prepared_model, slots=1) as backend:
        first = backend.submit(request("a long story " * 20))
        assert gated.entered.acquire(timeout=WAIT_S)
        second = backend.submit(request("short"))
        first.cancel()
        steps = backend.counters().steps
        gated.gate.release()
        with pytest.raises(Cancelled):
            first.future.result(WAIT_S)
        assert backend.counters().steps <= steps + 1
        gated.gate.release(10_000)
        check_call(second.future.result(WAIT_S).written.text)
        assert backend.counters().cancelled == 1
        assert backend.counters().free_slots == 1


def test_an_expired_request_leaves(tiny_prepared_model: Path) -> None:
    """A request whose deadline has passed is not decoded."""
    with engine(tiny_prepared_model, slots=1) as backend:
        late = backend.submit(request("too late", deadline=time.monotonic() - 1))
        with pytest.raises(DeadlineExceeded):
            late.future.result(WAIT_S)
        assert backend.counters().free_slots == 1


def test_a_full_queue_refuses_at_once(tiny_prepared_model: Path, gated: type[GatedRunner]) -> None:
    """More requests than slots and queue hold are refused with the time after which to try again."""
    with engine(tiny_prepared_model, slots=1, queue=1) as backend:
        backend.submit(request("first"))
        assert gated.entered.acquire(timeout=WAIT_S)
        backend.submit(request("second"))
        with pytest.raises(Overloaded) as caught:
            backend.submit(request("third"))
        assert caught.value.retry_after_ms > 0
        gated.gate.release(10_000)


def test_a_crowding_client_gives_up_its_place(tiny_prepared_model: Path, gated: type[GatedRunner]) -> None:
    """When one client fills the queue, another one's request takes the place of its youngest, which ends
    with the time after which to try again; and the rest of them do not all go first.
    """
    with engine(tiny_prepared_model, slots=1, queue=3) as backend:
        running = backend.submit(request("running", client="many"))
        assert gated.entered.acquire(timeout=WAIT_S)
        many = [backend.submit(request(text, client="many")) for text in texts(3)]
        few = backend.submit(request("mine", client="few"))
        with pytest.raises(Overloaded) as caught:
            many[-1].future.result(WAIT_S)
        assert caught.value.retry_after_ms > 0
        gated.gate.release(10_000)
        found = [d.future.result(WAIT_S) for d in (running, many[0], few, many[1])]
        assert [d.timings.admitted for d in found] == sorted(d.timings.admitted for d in found)


def test_a_prompt_that_does_not_fit_is_refused(tiny_prepared_model: Path) -> None:
    """The error names the tokens of prompt, output and slot."""
    with (
        engine(tiny_prepared_model, slots=1) as backend,
        pytest.raises(InvalidRequest, match="320") as caught,
    ):
        backend.submit(request("word " * 400))
    assert caught.value.reason == "PROMPT_TOO_LONG"
    assert caught.value.metadata["output_tokens"] == "120"


def test_a_call_near_its_limit_is_closed(tiny_prepared_model: Path) -> None:
    """A text that would grow without end is ended on a short way, is of the grammar and is marked."""
    grammar = r"""start: "{\"items\":[" item ("," item)* "],\"note\":\"" /[^"\\]{8,900}/ "\"}"
item: "{\"name\":\"" /[a-z]{3,200}/ "\",\"size\":" /[0-9]{1,30}/ "}"
"""
    with engine(tiny_prepared_model, slots=1) as backend:
        long = DecodeRequest((SYSTEM, "go on\n"), grammar, max_tokens=80)
        decoded = decode(backend, [long])[0]
        assert decoded.closed_early
        assert decoded.written.text.endswith('"}')
        assert decoded.output_tokens <= 80 + 24


def test_a_call_that_cannot_be_closed_is_an_error(tiny_prepared_model: Path) -> None:
    """When the grammar needs more tokens than are allowed the request fails with a typed error."""
    with engine(tiny_prepared_model, slots=1) as backend:
        endless = DecodeRequest((SYSTEM, "go on\n"), r"start: /[bcd]{400}/", max_tokens=60)
        with pytest.raises(LimitExceeded, match="60"):
            backend.submit(endless).future.result(WAIT_S)
        assert backend.counters().free_slots == 1


def test_digits_are_kept_to_those_allowed(tiny_prepared_model: Path) -> None:
    """Free text has no run of digits but the given ones; with none given it has no digit."""
    grammar = r"start: /[0-9a-f ]{40}/"
    with engine(tiny_prepared_model, slots=4) as backend:
        for digits in (frozenset({"1250", "7"}), frozenset[str]()):
            long = DecodeRequest((SYSTEM, "numbers\n"), grammar, max_tokens=90, digits=digits)
            text = decode(backend, [long])[0].written.text
            runs = "".join(c if c.isdigit() else " " for c in text).split()
            # The last run can be cut by the grammar's own end; the finished text is checked for that.
            assert set(runs[:-1]) <= digits


def test_a_bad_grammar_is_our_defect(tiny_prepared_model: Path) -> None:
    """A grammar that does not compile is an internal error that says so."""
    with engine(tiny_prepared_model, slots=1) as backend, pytest.raises(InternalError, match="compile"):
        backend.submit(DecodeRequest((SYSTEM,), "start: unknown_rule", 40))


def test_a_failed_step_fails_its_requests_only(
    tiny_prepared_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error in the model fails what was under way; the engine goes on with clean slots."""
    with engine(tiny_prepared_model, slots=2) as backend:
        good = decode(backend, [request("before")])[0]

        def broken(*_: object) -> None:
            raise RuntimeError("no memory")

        with monkeypatch.context() as patch:
            patch.setattr(OnnxRunner, "append", broken)
            failed = backend.submit(request("now something else"))
            with pytest.raises(InternalError, match="decode step"):
                failed.future.result(WAIT_S)
        assert decode(backend, [request("before")])[0].written == good.written


def test_closing_ends_what_is_under_way(tiny_prepared_model: Path, gated: type[GatedRunner]) -> None:
    """After `close` no request is left without an answer, and new ones are refused."""
    with engine(tiny_prepared_model, slots=1) as backend:
        under_way = backend.submit(request("hello"))
        assert gated.entered.acquire(timeout=WAIT_S)
        gated.gate.release(10_000)
        backend.close()
        assert under_way.future.done()
        with pytest.raises(FailedPrecondition):
            backend.submit(request("again"))
