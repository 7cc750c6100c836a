"""The llama.cpp backend: our writer over llama.cpp's passes, one thread for each slot.

Prompt, constraint, forced runs, limits and errors are the same as on onnxruntime; passes, KV cache and
batching are llama.cpp's. Its kernels round differently for one row and for several, so where two tokens are
all but equally likely, a call in company can differ from the same call alone.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from narrowgauge.errors import FailedPrecondition, InternalError, InvalidRequest, NarrowgaugeError
from narrowgauge.models import PreparedModel
from narrowgauge.models.prepared import GGUF
from specialist_svc.engine import refusals
from specialist_svc.engine.admission import FairQueue
from specialist_svc.engine.backend import Counters, Decoded, DecodeRequest, Written
from specialist_svc.engine.digits import DigitRule, DigitTokens
from specialist_svc.engine.grounding import GroundingRule, WordTokens
from specialist_svc.engine.guides import guides_of
from specialist_svc.engine.llama_server import LlamaServer
from specialist_svc.engine.task import DecodeTask, prompt_parts
from specialist_svc.engine.tokenizer import ModelTokenizer
from specialist_svc.engine.writer import Writer

__all__ = ["LlamaCppBackend", "LlamaCppOptions"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LlamaCppOptions:
    """How the backend works.

    Attributes:
        slots: Requests decoded at once.
        slot_tokens: Tokens a slot holds, prompt and output together.
        queue: Requests that may wait.
        chunk_tokens: Tokens of a prompt read in one step; a caller that leaves is noticed between steps.
        threads: Threads of the kernels.
        guide: What holds the constraint: `llguidance` or `outlines_core`.
    """

    slots: int = 4
    slot_tokens: int = 1024
    queue: int = 64
    chunk_tokens: int = 256
    threads: int = 1
    guide: str = "llguidance"


class _Handle:
    """A decoding under way; see `Decoding`."""

    def __init__(self, task: DecodeTask) -> None:
        self._task = task

    @property
    def future(self) -> Future[Decoded]:
        """See `Decoding.future`."""
        return self._task.future

    def cancel(self) -> None:
        """See `Decoding.cancel`."""
        self._task.cancelled = True


class LlamaCppBackend:
    """See `DecodeBackend`."""

    def __init__(self, model: PreparedModel, options: LlamaCppOptions) -> None:
        """Loads the model and starts the threads.

        Raises:
            FailedPrecondition: xllamacpp is not installed, or the model was prepared for another backend.
            DataLoss: llama.cpp cannot load it.
            InvalidRequest: A slot would hold more tokens than the model has positions for.
        """
        if model.precision != GGUF:
            raise FailedPrecondition(
                "MODEL_PRECISION",
                f"{model.path} was prepared for onnxruntime, in {model.precision}; "
                "run: narrowgauge prepare --precision gguf",
            )
        if options.slot_tokens > model.config.max_positions:
            raise InvalidRequest(
                "SLOT_TOO_LONG",
                f"slots of {options.slot_tokens} tokens were asked for, {model.name} has positions for "
                f"{model.config.max_positions}: lower NARROWGAUGE_SLOT_TOKENS",
            )
        self._options = options
        self._tokenizer = ModelTokenizer(
            model.tokenizer_path, vocab_size=model.config.vocab_size, eos=model.config.eos_token_ids
        )
        self._guides = guides_of(options.guide, self._tokenizer)
        self._digits = DigitTokens(self._tokenizer)
        self._words = WordTokens(self._tokenizer)
        self._server = LlamaServer(
            model.gguf_path,
            model.gguf_adapter_path if model.adapter_sha256 else None,
            slots=options.slots,
            slot_tokens=options.slot_tokens,
            threads=options.threads,
        )
        self._wake = threading.Condition()
        # Guarded by `_wake`.
        self._queue: FairQueue[DecodeTask] = FairQueue(options.queue)
        self._active: list[DecodeTask] = []
        self._held: dict[int, tuple[int, ...]] = dict.fromkeys(range(options.slots), ())
        self._passes = self._finished = self._left = self._failed = 0
        self._service_ms = 500.0
        self._closed = False
        self._threads = [
            threading.Thread(target=self._work, name=f"decode-{n}", daemon=True) for n in range(options.slots)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def name(self) -> str:
        """See `DecodeBackend.name`."""
        return "llamacpp-cpu"

    @property
    def slots(self) -> int:
        """See `DecodeBackend.slots`."""
        return self._options.slots

    @property
    def slot_tokens(self) -> int:
        """See `DecodeBackend.slot_tokens`."""
        return self._options.slot_tokens

    def compile(self, grammar: str) -> None:
        """Makes the constraint of a grammar ahead of the first request.

        Raises:
            Unsupported: The guide cannot express it.
        """
        self._guides.guide(grammar)

    def count_tokens(self, prompt: Sequence[str | Written]) -> int:
        """See `DecodeBackend.count_tokens`."""
        return sum(len(tokens) for tokens, _ in prompt_parts(prompt, self._tokenizer))

    def warm(self, prompt: Sequence[str]) -> None:
        """See `DecodeBackend.warm`. Each slot reads it, for llama.cpp shares no KV cache between slots."""
        tokens = tuple(token for part, _ in prompt_parts(prompt, self._tokenizer) for token in part)
        for slot in self._held if tokens else ():
            self._server.read(slot, tokens)
            self._held[slot] = tokens

    def submit(self, request: DecodeRequest) -> _Handle:
        """See `DecodeBackend.submit`."""
        parts = prompt_parts(request.prompt, self._tokenizer)
        length = sum(len(tokens) for tokens, _ in parts)
        if length + request.max_tokens > self.slot_tokens:
            raise refusals.prompt_too_long(prompt=length, output=request.max_tokens, slot=self.slot_tokens)
        writer = Writer(
            self._guides.guide(request.grammar),
            self._tokenizer,
            max_tokens=request.max_tokens,
            digits=DigitRule(self._digits, request.digits) if request.digits is not None else None,
            grounding=GroundingRule(self._words, *request.grounded) if request.grounded else None,
        )
        task = DecodeTask.of(request, parts, writer)
        task.submitted = time.monotonic()
        with self._wake:
            if self._closed:
                raise refusals.closed()
            if not self._queue.has_room_for(task.client):
                raise self._overloaded()
            displaced = self._queue.push(task)
            overloaded = self._overloaded()
            self._wake.notify()
        if displaced is not None:
            displaced.future.set_exception(overloaded)
        return _Handle(task)

    def counters(self) -> Counters:
        """See `DecodeBackend.counters`."""
        with self._wake:
            return Counters(
                waiting=len(self._queue),
                active=len(self._active),
                free_slots=self._options.slots - len(self._active),
                steps=self._passes,
                passes=self._passes,
                finished=self._finished,
                cancelled=self._left,
                failed=self._failed,
            )

    def close(self) -> None:
        """See `DecodeBackend.close`."""
        with self._wake:
            self._closed = True
            waiting = list(self._queue)
            for task in waiting:
                self._queue.remove(task)
            self._wake.notify_all()
        for task in waiting:
            task.future.set_exception(refusals.shut_down())
        for thread in self._threads:
            thread.join()
        self._server.close()

    def _overloaded(self) -> NarrowgaugeError:
        ahead = len(self._queue) + len(self._active)
        return refusals.queue_full(
            waiting=len(self._queue),
            limit=self._options.queue,
            retry_after_ms=int(self._service_ms * ahead / self._options.slots),
        )

    def _work(self) -> None:
        while (task := self._next()) is not None:
            error: NarrowgaugeError | None = None
            try:
                self._decode(task)
                result = task.result(time.monotonic())
            except NarrowgaugeError as exc:
                error = exc
            except Exception:
                _log.exception("llama.cpp failed in a decode step")
                error = InternalError("STEP_FAILED", "the model failed in a decode step; see the log")
            with self._wake:
                self._active.remove(task)
                if error is None:
                    self._finished += 1
                    self._service_ms += 0.1 * ((time.monotonic() - task.admitted) * 1000 - self._service_ms)
                elif error.reason in ("CANCELLED", "DEADLINE_EXCEEDED"):
                    self._left += 1
                else:
                    self._failed += 1
                    self._held[task.slot] = ()
            if error is None:
                task.future.set_result(result)
            else:
                task.future.set_exception(error)

    def _next(self) -> DecodeTask | None:
        """Waits for a request and gives it the free slot that holds most of its prompt; None at the end."""
        with self._wake:
            while not self._closed and not len(self._queue):
                self._wake.wait()
            if self._closed:
                return None
            task = self._queue.pop(Counter(active.client for active in self._active))
            taken = {active.slot for active in self._active}
            task.slot = max(
                (slot for slot in self._held if slot not in taken),
                key=lambda slot: (_common(self._held[slot], task.tokens), -len(self._held[slot])),
            )
            # Its last token is read in any case, because its logits are needed.
            task.cached = min(_common(self._held[task.slot], task.tokens), len(task.tokens) - 1)
            self._active.append(task)
            task.admitted = time.monotonic()
            return task

    def _decode(self, task: DecodeTask) -> None:
        writer, text = task.writer, list(task.tokens)
        self._check(task)
        for run in writer.begin():
            text += run.tokens
        for end in range(task.cached + self._options.chunk_tokens, len(text), self._options.chunk_tokens):
            self._passed(task, text[:end])
            self._server.read(task.slot, text[:end])
            self._check(task)
        while not writer.finished and not writer.closes():
            self._passed(task, text)
            token = self._server.choose(task.slot, text, writer.place.mask)
            task.prefilled = task.prefilled or time.monotonic()
            for run in writer.take(token):
                text += run.tokens
            task.first_token = task.first_token or time.monotonic()
            self._check(task)
            if not writer.finished and len(writer.tokens) >= task.request.max_tokens:
                raise refusals.call_too_long(task.request.max_tokens)
        task.prefilled = task.prefilled or task.admitted
        task.first_token = task.first_token or task.prefilled

    def _passed(self, task: DecodeTask, text: Sequence[int]) -> None:
        """Notes what a slot holds after the pass that follows, and lets go who waits for nothing."""
        with self._wake:
            self._passes += 1
            self._held[task.slot] = tuple(text)
            gone = [waiting for waiting in self._queue if _is_gone(waiting)]
            for waiting in gone:
                self._queue.remove(waiting)
            self._left += len(gone)
        for waiting in gone:
            waiting.future.set_exception(refusals.cancelled() if waiting.cancelled else refusals.expired())

    def _check(self, task: DecodeTask) -> None:
        """Ends a request that nobody wants any more."""
        if task.cancelled:
            raise refusals.cancelled()
        if self._closed:
            raise refusals.shut_down()
        if _is_gone(task):
            raise refusals.expired()


def _is_gone(task: DecodeTask) -> bool:
    return task.cancelled or (task.deadline is not None and time.monotonic() >= task.deadline)


def _common(first: Sequence[int], second: Sequence[int]) -> int:
    count = 0
    for mine, theirs in zip(first, second, strict=False):
        if mine != theirs:
            break
        count += 1
    return count
