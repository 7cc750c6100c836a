"""The Ollama backend: the contract as the `format` of a chat, and a check of what comes back.

A request's `grammar` is a JSON Schema here. Ollama shows neither tokens nor logits, so nothing is forced, no
digit is held back, and tokens of a prompt are an estimate; what comes back is parsed and checked as any
call is, and asked for again with the broken rule in view.

Prompts are in the chat format `messages`, and are sent as messages: the model's own template writes them.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections import Counter
from collections.abc import Coroutine, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from narrowgauge.contracts.prompts import MESSAGE_BEGIN, ROLE_END
from narrowgauge.errors import InternalError, InvalidRequest, NarrowgaugeError
from specialist_svc.engine import refusals
from specialist_svc.engine.admission import FairQueue
from specialist_svc.engine.backend import Counters, Decoded, DecodeRequest, DecodeTimings, Written
from specialist_svc.engine.ollama_client import Message, OllamaClient, OllamaModel

__all__ = ["OllamaBackend", "OllamaOptions", "messages_of"]

# English and JSON have three to four bytes a token; an estimate that is too high refuses a little early.
_BYTES_A_TOKEN = 3
_TOKENS_A_MESSAGE = 8

T = TypeVar("T")


@dataclass(frozen=True)
class OllamaOptions:
    """How the backend works.

    Attributes:
        url: Where Ollama is.
        model: The model's name there.
        slots: Requests sent at once.
        slot_tokens: The context that Ollama gives a request, prompt and output together.
        queue: Requests that may wait.
    """

    url: str
    model: str
    slots: int = 4
    slot_tokens: int = 1024
    queue: int = 64


@dataclass(eq=False)
class _Task:
    """A request under way; the fields behind `turn` are the event loop's own."""

    request: DecodeRequest
    messages: list[Message]
    submitted: float
    future: Future[Decoded] = field(default_factory=Future)
    turn: asyncio.Event = field(default_factory=asyncio.Event)
    running: asyncio.Task[Decoded] | None = None
    left: bool = False

    @property
    def client(self) -> str:
        return self.request.client


class _Handle:
    """A decoding under way; see `Decoding`."""

    def __init__(self, task: _Task, backend: OllamaBackend) -> None:
        self._task, self._backend = task, backend

    @property
    def future(self) -> Future[Decoded]:
        """See `Decoding.future`."""
        return self._task.future

    def cancel(self) -> None:
        """See `Decoding.cancel`. Closes the connection, on which Ollama stops."""
        self._backend.cancel(self._task)


class OllamaBackend:
    """See `DecodeBackend`."""

    def __init__(self, options: OllamaOptions) -> None:
        """Asks Ollama for the model and starts the thread of the connections.

        Raises:
            Unavailable: The server or the model is not there.
            InvalidRequest: The URL is none, or a slot would hold more tokens than the model has positions.
        """
        self._options = options
        self._client = OllamaClient(options.url, options.model)
        self._lock = threading.Lock()
        # Guarded by `_lock`.
        self._queue: FairQueue[_Task] = FairQueue(options.queue)
        self._active: list[_Task] = []
        self._finished = self._cancelled = self._failed = 0
        self._service_ms = 1000.0
        self._closed = False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="ollama", daemon=True)
        self._thread.start()
        try:
            self.model: OllamaModel = self._wait(self._client.describe())
            if 0 < self.model.context_tokens < options.slot_tokens:
                raise InvalidRequest(
                    "SLOT_TOO_LONG",
                    f"slots of {options.slot_tokens} tokens were asked for, {options.model} has positions "
                    f"for {self.model.context_tokens}: lower NARROWGAUGE_SLOT_TOKENS",
                )
        except BaseException:
            self.close()
            raise

    @property
    def name(self) -> str:
        """See `DecodeBackend.name`."""
        return "ollama"

    @property
    def slots(self) -> int:
        """See `DecodeBackend.slots`."""
        return self._options.slots

    @property
    def slot_tokens(self) -> int:
        """See `DecodeBackend.slot_tokens`."""
        return self._options.slot_tokens

    def count_tokens(self, prompt: Sequence[str | Written]) -> int:
        """See `DecodeBackend.count_tokens`; an estimate from above."""
        return sum(
            -(-len(message["content"].encode()) // _BYTES_A_TOKEN) + _TOKENS_A_MESSAGE
            for message in messages_of(prompt)
        )

    def warm(self, prompt: Sequence[str]) -> None:
        """See `DecodeBackend.warm`: Ollama loads the model.

        Raises:
            Unavailable: It cannot.
        """
        self._wait(self._client.load(self._context()))

    def submit(self, request: DecodeRequest) -> _Handle:
        """See `DecodeBackend.submit`."""
        length = self.count_tokens(request.prompt)
        if length + request.max_tokens > self.slot_tokens:
            raise refusals.prompt_too_long(prompt=length, output=request.max_tokens, slot=self.slot_tokens)
        task = _Task(request, messages_of(request.prompt), time.monotonic())
        task.future.set_running_or_notify_cancel()
        with self._lock:
            if self._closed:
                raise refusals.closed()
            if not self._queue.has_room_for(task.client):
                raise self._overloaded()
            displaced = self._queue.push(task)
            overloaded = self._overloaded()
            self._loop.call_soon_threadsafe(self._start, task)
        if displaced is not None:
            displaced.future.set_exception(overloaded)
            self.cancel(displaced)
        return _Handle(task, self)

    def cancel(self, task: _Task) -> None:
        """Ends a request. Does nothing when it has ended."""
        with self._lock:
            if self._closed:
                return
            task.left = True
            self._loop.call_soon_threadsafe(self._stop, task)

    def counters(self) -> Counters:
        """See `DecodeBackend.counters`."""
        with self._lock:
            return Counters(
                waiting=len(self._queue),
                active=len(self._active),
                free_slots=self._options.slots - len(self._active),
                finished=self._finished,
                cancelled=self._cancelled,
                failed=self._failed,
            )

    def close(self) -> None:
        """See `DecodeBackend.close`."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self._wait(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _wait(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def _context(self) -> dict[str, Any]:
        return {"num_ctx": self.slot_tokens}

    def _overloaded(self) -> NarrowgaugeError:
        ahead = len(self._queue) + len(self._active)
        return refusals.queue_full(
            waiting=len(self._queue),
            limit=self._options.queue,
            retry_after_ms=int(self._service_ms * ahead / self._options.slots),
        )

    # What follows runs in the event loop's thread.

    def _start(self, task: _Task) -> None:
        task.running = self._loop.create_task(self._in_turn(task))
        # A callback, because a task that is cancelled before its first step runs none of its own code.
        task.running.add_done_callback(partial(self._settle, task))
        self._admit()

    def _stop(self, task: _Task) -> None:
        if task.running is not None:
            task.running.cancel()

    async def _end(self) -> None:
        with self._lock:
            tasks = [*self._queue, *self._active]
        running = [task.running for task in tasks if task.running is not None]
        for one in running:
            one.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await self._client.close()

    def _admit(self) -> None:
        """Gives free slots to those who wait."""
        with self._lock:
            while len(self._queue) and len(self._active) < self._options.slots:
                task = self._queue.pop(Counter(active.client for active in self._active))
                self._active.append(task)
                task.turn.set()

    async def _in_turn(self, task: _Task) -> Decoded:
        async with asyncio.timeout_at(task.request.deadline):
            await task.turn.wait()
            return await self._decode(task, time.monotonic())

    def _settle(self, task: _Task, running: asyncio.Task[Decoded]) -> None:
        """Tells who waits what became of a request, and gives its slot to the next one."""
        error: NarrowgaugeError | None = None
        if running.cancelled():
            error = refusals.cancelled() if task.left else refusals.shut_down()
        elif (failure := running.exception()) is not None:
            if isinstance(failure, TimeoutError):
                error = refusals.expired()
            elif isinstance(failure, NarrowgaugeError):
                error = failure
            else:
                error = InternalError("STEP_FAILED", f"the request to Ollama failed: {failure!r}")
        self._note(task, error)
        self._admit()
        if task.future.done():  # it gave up its place in the queue
            return
        if error is not None:
            task.future.set_exception(error)
        else:
            task.future.set_result(running.result())

    def _note(self, task: _Task, error: NarrowgaugeError | None) -> None:
        with self._lock:
            if task in self._active:
                self._active.remove(task)
            elif any(waiting is task for waiting in self._queue):
                self._queue.remove(task)
            if error is None:
                self._finished += 1
                self._service_ms += 0.1 * ((time.monotonic() - task.submitted) * 1000 - self._service_ms)
            elif error.reason in ("CANCELLED", "DEADLINE_EXCEEDED"):
                self._cancelled += 1
            else:
                self._failed += 1

    async def _decode(self, task: _Task, admitted: float) -> Decoded:
        request = task.request
        answer = await self._client.chat(
            task.messages,
            json.loads(request.grammar),
            {**self._context(), "num_predict": request.max_tokens, "temperature": 0, "top_k": 1, "seed": 0},
        )
        if not answer.finished:
            raise refusals.call_too_long(request.max_tokens)
        return Decoded(
            written=Written(answer.text),
            closed_early=False,
            prompt_tokens=answer.prompt_tokens,
            cached_tokens=0,
            output_tokens=answer.output_tokens,
            forced_tokens=0,
            guessed_tokens=0,
            timings=DecodeTimings(
                submitted=task.submitted,
                admitted=admitted,
                prefilled=answer.first_token,
                first_token=answer.first_token,
                finished=time.monotonic(),
            ),
        )


def messages_of(prompt: Sequence[str | Written]) -> list[Message]:
    """Returns the messages of a prompt in the chat format `messages`, without the one to be written.

    What was written before belongs to the message that it stands in, whatever characters it has.
    """
    messages: list[Message] = []
    for part in prompt:
        rest, *begun = [part.text] if isinstance(part, Written) else part.split(MESSAGE_BEGIN)
        if rest:
            if not messages:
                messages.append({"role": "user", "content": ""})
            messages[-1]["content"] += rest
        for message in begun:
            role, _, content = message.partition(ROLE_END)
            messages.append({"role": role, "content": content})
    return [message for message in messages if message["content"]]
