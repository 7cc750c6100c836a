"""The step loop: continuous batching in a thread of its own.

Each step: who has left goes, who waits is admitted, appended runs and ragged single tokens go through the
model, and every request whose last token went through gets its next one. Requests join and leave between
steps only.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from narrowgauge.errors import InternalError, NarrowgaugeError
from specialist_svc.engine import refusals
from specialist_svc.engine.backend import Counters
from specialist_svc.engine.place import State, likeliest
from specialist_svc.engine.prefix_cache import KvBlock, PrefixCache, Segment
from specialist_svc.engine.runner import Runner
from specialist_svc.engine.scheduler import DecodeSequence, Run, Scheduler, SchedulerLimits, windows
from specialist_svc.engine.slots import SlotTable
from specialist_svc.engine.task import DecodeTask

__all__ = ["CacheOptions", "StepLoop"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CacheOptions:
    """What is kept of KV caches. Neither changes what a request's call is.

    Attributes:
        stored_bytes: Bytes of stored prefixes; 0 stores none.
        reuse_slots: Start from what a slot still holds of a prompt.
    """

    stored_bytes: int = 256 * 1024 * 1024
    reuse_slots: bool = True


class StepLoop:
    """Drives a runner. `submit`, `cancel`, `counters` and `close` may be called from any thread."""

    def __init__(self, runner: Runner, limits: SchedulerLimits, caches: CacheOptions) -> None:
        """Starts the thread.

        Args:
            runner: With a row for each slot; closed with the loop.
            limits: Bounds.
            caches: What to keep.
        """
        self._runner = runner
        self._caches = caches
        self._slots = SlotTable(runner.rows)
        self._prefixes: PrefixCache[KvBlock] = PrefixCache(caches.stored_bytes)
        self._wake = threading.Condition()
        # Guarded by `_wake`: the scheduler, the counts, `_offered`, `_closed`. The rest is the thread's own.
        self._scheduler = Scheduler(limits)
        self._steps = self._finished = self._cancelled = self._failed = 0
        self._service_ms = 500.0
        self._closed = False
        self._offered: list[tuple[Segment, KvBlock]] = []
        self._thread = threading.Thread(target=self._run, name="decode", daemon=True)
        self._thread.start()

    def submit(self, task: DecodeTask) -> None:
        """Queues a task.

        A task of the client that fills the queue may end with `Overloaded` in its place.

        Raises:
            Overloaded: The queue is full.
            FailedPrecondition: The loop is closed.
        """
        task.submitted = time.monotonic()
        with self._wake:
            if self._closed:
                raise refusals.closed()
            displaced = self._scheduler.submit(task, service_ms=self._service_ms)
            if displaced is not None:
                self._failed += 1
                refusal = self._scheduler.overloaded(self._service_ms)
            self._wake.notify()
        if displaced is not None:
            _task(displaced).future.set_exception(refusal)

    def cancel(self, task: DecodeTask) -> None:
        """Marks a task; it leaves before the next step. Does nothing when it has ended."""
        with self._wake:
            task.cancelled = True
            self._wake.notify()

    def offer(self, segment: Segment, block: KvBlock) -> None:
        """Gives it the KV cache of a segment, as `kept` returned it in an earlier process."""
        with self._wake:
            self._offered.append((segment, block))

    def kept(self, segment: Segment) -> KvBlock | None:
        """Returns the KV cache of a segment; None when it is not kept."""
        return self._prefixes.get(segment.key)

    def counters(self) -> Counters:
        """A snapshot."""
        with self._wake:
            return Counters(
                waiting=self._scheduler.waiting,
                active=self._scheduler.active,
                free_slots=self._scheduler.free_slots,
                steps=self._steps,
                passes=self._runner.passes,
                cache_bytes=self._prefixes.nbytes,
                finished=self._finished,
                cancelled=self._cancelled,
                failed=self._failed,
            )

    def close(self) -> None:
        """Cancels what is under way and closes the runner. May be called again."""
        with self._wake:
            self._closed = True
            self._wake.notify()
        self._thread.join()

    def _run(self) -> None:
        try:
            while self._wait_for_work():
                try:
                    self._step()
                except Exception:
                    # A pass that failed leaves every slot in an unknown state: nobody's call can be trusted.
                    _log.exception("a decode step failed")
                    self._fail_all(
                        InternalError("STEP_FAILED", "the model failed in a decode step; see the log")
                    )
        finally:
            self._fail_all(refusals.shut_down())
            self._runner.close()
            self._prefixes.clear()

    def _wait_for_work(self) -> bool:
        with self._wake:
            while not (self._closed or self._scheduler.active or self._scheduler.waiting):
                self._wake.wait()
            return not self._closed

    def _step(self) -> None:
        now = time.monotonic()
        with self._wake:
            self._steps += 1
            offered, self._offered = self._offered, []
            gone = self._scheduler.sweep(now)
            self._cancelled += len(gone)
            admitted = self._scheduler.admit(self._choose_slot)
        for segment, block in offered:
            self._prefixes.put(segment, block)
        for task in map(_task, gone):
            task.future.set_exception(_why_gone(task))
        for task in map(_task, admitted):
            self._begin(task, now)
        with self._wake:
            step = self._scheduler.plan()
        for append in step.appends:
            task = _task(append.sequence)
            states = self._runner.append(
                task.slot, task.length, append.tokens, checked=append.checked, wide=append.wide
            )
            self._passed(task, append.tokens, states, checked=append.checked)
        self._decode([_task(sequence) for sequence in step.singles])

    def _decode(self, tasks: list[DecodeTask]) -> None:
        by_slot = {task.slot: task for task in tasks}
        for window in windows(list(by_slot), self._runner.rows):
            # A slot that is only in the way takes a dummy behind its own tokens.
            lengths = [len(self._slots[slot].tokens) for slot in window]
            tokens = [by_slot[slot].runs[0].tokens[0] if slot in by_slot else 0 for slot in window]
            wide = [slot in by_slot and any(by_slot[slot].runs[0].wide) for slot in window]
            states = self._runner.decode(window.start, lengths, tokens, wide)
            for row, slot in enumerate(window):
                if slot in by_slot:
                    self._passed(by_slot[slot], (tokens[row],), states[row : row + 1], single=True)

    def _choose_slot(self, sequence: DecodeSequence, free: Sequence[int]) -> int:
        if not self._caches.reuse_slots:
            return free[0]
        task = _task(sequence)
        return self._slots.choose(free, task.tokens, task.single)

    def _begin(self, task: DecodeTask, now: float) -> None:
        """Gives an admitted request what is known of its prompt, and makes runs of the rest."""
        task.admitted = now
        resident = self._slots[task.slot]
        for segment in resident.worth_keeping():
            self._store(task.slot, segment)
        # The last token is always read, because its logits are needed.
        limit = len(task.tokens) - 1
        held = 0
        if self._caches.reuse_slots:
            held = min(limit, resident.common_prefix(task.tokens, task.single))
        whole = [segment for segment in task.segments if segment.end <= limit]
        blocks = self._prefixes.lookup(whole)
        stored = whole[len(blocks) - 1].end if blocks else 0
        resident.truncate(held)
        for segment, block in zip(whole, blocks, strict=False):
            if segment.end > held:
                self._runner.copy_in(task.slot, segment.begin, block)
        if stored > held:
            resident.tokens, resident.single = list(task.tokens[:stored]), list(task.single[:stored])
        resident.segments, resident.lease = task.segments, task.request.lease
        try:
            task.start(max(held, stored))
        except NarrowgaugeError as exc:
            self._fail(task, exc)
            return
        if task.writer.finished:
            # The grammar allows one text only, and no pass is needed to write it.
            task.prefilled = task.first_token = now
            self._finish(task)

    def _passed(
        self,
        task: DecodeTask,
        tokens: tuple[int, ...],
        states: Sequence[State],
        *,
        single: bool = False,
        checked: tuple[int, ...] = (),
    ) -> None:
        """Notes a pass, and chooses what comes next when the request has no runs left.

        Args:
            task: The request.
            tokens: What the pass read for it.
            states: Behind the last token, or behind each of `checked`.
            single: Whether it was a ragged pass.
            checked: See `Run.checked`.
        """
        read = len(tokens)
        runs: tuple[Run, ...] = ()
        failure: NarrowgaugeError | None = None
        if checked:
            read, runs, failure = self._check(task, states, checked)
        before = task.length
        self._slots[task.slot].extend(tokens[:read], single=single)
        with self._wake:
            self._scheduler.advance(task, read)
        for segment in task.segments[: task.request.shared_parts]:
            if before < segment.end <= task.length:
                self._store(task.slot, segment)
        if task.runs:
            return
        if not checked:
            if not task.writing:
                task.writing = True
                task.prefilled = time.monotonic()
            _, runs, failure = self._check(task, states, (read,))
        task.runs.extend(runs)
        task.first_token = task.first_token or time.monotonic()
        if failure is not None:
            self._fail(task, failure)
        elif task.writer.finished:
            self._finish(task)

    def _check(
        self, task: DecodeTask, states: Sequence[State], checked: tuple[int, ...]
    ) -> tuple[int, tuple[Run, ...], NarrowgaugeError | None]:
        """Chooses tokens as far as they are what was guessed, and the first that is not.

        Returns:
            How many of the tokens that were read stay, what goes through the model next, and what went wrong.
        """
        writer = task.writer
        runs: tuple[Run, ...] = ()
        read = checked[0]
        try:
            for number, state in enumerate(states):
                if writer.closes():
                    break
                runs = writer.take(likeliest(writer.place, state, self._runner.table))
                if not writer.finished and len(writer.tokens) >= task.request.max_tokens:
                    raise refusals.call_too_long(task.request.max_tokens)
                if runs or writer.finished:
                    break
                read = checked[number + 1]
        except NarrowgaugeError as exc:
            return read, (), exc
        return read, runs, None

    def _store(self, slot: int, segment: Segment) -> None:
        if self._caches.stored_bytes and segment.key not in self._prefixes:
            self._prefixes.put(segment, self._runner.copy_out(slot, segment.begin, segment.end))

    def _finish(self, task: DecodeTask) -> None:
        finished = time.monotonic()
        try:
            result = task.result(finished)
        except NarrowgaugeError as exc:
            self._fail(task, exc)
            return
        self._slots[task.slot].segments = task.written_segments()
        with self._wake:
            self._scheduler.remove(task)
            self._finished += 1
            # A moving average is enough for the advice when to try again.
            self._service_ms += 0.1 * ((finished - task.admitted) * 1000 - self._service_ms)
        task.future.set_result(result)

    def _fail(self, task: DecodeTask, error: NarrowgaugeError) -> None:
        with self._wake:
            self._scheduler.remove(task)
            self._failed += 1
        task.future.set_exception(error)

    def _fail_all(self, error: NarrowgaugeError) -> None:
        with self._wake:
            tasks = self._scheduler.all()
            for sequence in tasks:
                self._scheduler.remove(sequence)
            self._failed += len(tasks)
        for slot in range(self._runner.rows):
            self._slots[slot].truncate(0)
        for task in map(_task, tasks):
            task.future.set_exception(error)


def _task(sequence: DecodeSequence) -> DecodeTask:
    assert isinstance(sequence, DecodeTask)
    return sequence


def _why_gone(task: DecodeTask) -> NarrowgaugeError:
    return refusals.cancelled() if task.cancelled else refusals.expired()
