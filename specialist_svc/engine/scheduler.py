"""Which request does what in the next step: host code that knows nothing of tensors, clocks or threads.

A request's tokens go through the model as *runs*. A run is appended (several tokens in a pass of their own)
or single (one token, together with other requests' single tokens in one ragged pass). Which of the two a
token takes is a property of its request and never of the load: kernels for one row and for several round
differently, so this is what makes a request's bytes the same alone and in any batch.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field

from narrowgauge.errors import Overloaded
from specialist_svc.engine import refusals
from specialist_svc.engine.admission import FairQueue

__all__ = ["Append", "DecodeSequence", "Run", "Scheduler", "SchedulerLimits", "Step", "windows"]


@dataclass(frozen=True)
class Run:
    """Tokens that follow each other through the model.

    Attributes:
        tokens: At least one; exactly one when single.
        single: Whether the token takes the ragged pass.
        checked: For a run that ends in guesses, how many of its tokens stand before each place where a token
            is chosen: first those that are sure, then those up to each guess with what is forced behind it.
            Empty for a run without guesses.
        wide: For each place where a token is chosen, `checked` or the run's end, whether logits of all tokens
            are wanted there. Empty for a run after which none is chosen.
    """

    tokens: tuple[int, ...]
    single: bool = False
    checked: tuple[int, ...] = ()
    wide: tuple[bool, ...] = ()


@dataclass(frozen=True)
class SchedulerLimits:
    """Bounds.

    Attributes:
        slots: Requests decoded at once.
        queue: Requests that may wait.
        chunk_tokens: Tokens of a prompt that one step reads at most, so that a long prompt never stalls the
            others for more than one chunk.
    """

    slots: int
    queue: int
    chunk_tokens: int = 64


@dataclass(eq=False)
class DecodeSequence:
    """A request as the scheduler sees it.

    Attributes:
        runs: What has not gone through the model yet.
        client: Who asked; clients share the slots fairly.
        deadline: Instant after which nobody wants it; None for never.
        slot: The slot, or -1.
        length: Tokens in the slot.
        writing: The prompt has been read.
        cancelled: The caller has left.
    """

    runs: deque[Run]
    client: Hashable = ""
    deadline: float | None = None
    slot: int = -1
    length: int = 0
    writing: bool = False
    cancelled: bool = False


@dataclass(frozen=True)
class Append:
    """Tokens of one request that one pass reads.

    Attributes:
        sequence: The request.
        tokens: The tokens.
        checked: See `Run.checked`.
        wide: See `Run.wide`; empty where the run goes on behind these tokens.
    """

    sequence: DecodeSequence
    tokens: tuple[int, ...]
    checked: tuple[int, ...] = ()
    wide: tuple[bool, ...] = ()


@dataclass(frozen=True)
class Step:
    """What one step runs: appended runs, each in a pass of its own, then all single tokens together."""

    appends: tuple[Append, ...] = ()
    singles: tuple[DecodeSequence, ...] = field(default=())


class Scheduler:
    """Admits requests, fairly between clients and oldest first, and plans the steps.

    Not safe for use by several threads at once: the engine holds its lock around every call.
    """

    def __init__(self, limits: SchedulerLimits) -> None:
        self._limits = limits
        self._waiting: FairQueue[DecodeSequence] = FairQueue(limits.queue)
        self._active: list[DecodeSequence] = []
        self._free = list(range(limits.slots))

    @property
    def waiting(self) -> int:
        """Requests in the queue."""
        return len(self._waiting)

    @property
    def active(self) -> int:
        """Requests in a slot."""
        return len(self._active)

    @property
    def free_slots(self) -> int:
        """Slots that nobody holds."""
        return len(self._free)

    def submit(self, sequence: DecodeSequence, *, service_ms: float) -> DecodeSequence | None:
        """Queues a request.

        Args:
            sequence: The request.
            service_ms: What a request takes at present, for the advice when to try again.

        Returns:
            A request of the client that fills the queue, which gave up its place; None for none.

        Raises:
            Overloaded: The queue is full.
        """
        if not self._waiting.has_room_for(sequence.client):
            raise self.overloaded(service_ms)
        return self._waiting.push(sequence)

    def overloaded(self, service_ms: float) -> Overloaded:
        """Returns the error for a request that has no place in the queue."""
        ahead = len(self._waiting) + len(self._active)
        return refusals.queue_full(
            waiting=len(self._waiting),
            limit=self._limits.queue,
            retry_after_ms=int(service_ms * ahead / self._limits.slots),
        )

    def sweep(self, now: float) -> list[DecodeSequence]:
        """Takes out requests whose caller has left or whose deadline has passed, and frees their slots."""
        gone = [s for s in (*self._active, *self._waiting) if _is_gone(s, now)]
        for sequence in gone:
            self.remove(sequence)
        return gone

    def admit(self, choose: Callable[[DecodeSequence, Sequence[int]], int]) -> list[DecodeSequence]:
        """Gives free slots to waiting requests; `FairQueue` says to whom first.

        Args:
            choose: Picks one of the free slots for a request, for example the one that holds its prefix.

        Returns:
            The admitted requests, each with its slot.
        """
        admitted = []
        slots_of = Counter(sequence.client for sequence in self._active)
        while self._waiting and self._free:
            sequence = self._waiting.pop(slots_of)
            slots_of[sequence.client] += 1
            slot = choose(sequence, tuple(self._free))
            self._free.remove(slot)
            sequence.slot = slot
            self._active.append(sequence)
            admitted.append(sequence)
        return admitted

    def plan(self) -> Step:
        """Plans one step.

        Every request that writes moves: by its appended run or by its single token. Of the prompts that are
        still being read, the oldest one moves by one chunk; single tokens in a prompt (what an earlier turn
        wrote) ride along with the others.
        """
        appends: list[Append] = []
        singles: list[DecodeSequence] = []
        reading: Append | None = None
        for sequence in self._active:
            if not sequence.runs:
                continue
            run = sequence.runs[0]
            if run.single:
                singles.append(sequence)
            elif sequence.writing:
                # Guesses are few, and go with the tokens before them.
                most = len(run.tokens) if run.checked else self._limits.chunk_tokens
                appends.append(_append(sequence, run, most))
            elif reading is None:
                reading = _append(sequence, run, self._limits.chunk_tokens)
        if reading is not None:
            appends.append(reading)
        return Step(tuple(appends), tuple(singles))

    def advance(self, sequence: DecodeSequence, tokens: int) -> None:
        """Notes that the first tokens of the request's first run went through the model; wrong guesses behind
        them are dropped.
        """
        run = sequence.runs.popleft()
        if tokens < len(run.tokens) and not run.checked:
            sequence.runs.appendleft(Run(run.tokens[tokens:], wide=run.wide))
        sequence.length += tokens

    def remove(self, sequence: DecodeSequence) -> None:
        """Takes a request out and frees its slot."""
        if sequence.slot < 0:
            self._waiting.remove(sequence)
            return
        self._active.remove(sequence)
        self._free.append(sequence.slot)
        self._free.sort()

    def all(self) -> list[DecodeSequence]:
        """Every request, active ones first."""
        return [*self._active, *self._waiting]


def _append(sequence: DecodeSequence, run: Run, most: int) -> Append:
    wide = run.wide if len(run.tokens) <= most else ()
    return Append(sequence, run.tokens[:most], run.checked, wide)


def _is_gone(sequence: DecodeSequence, now: float) -> bool:
    return sequence.cancelled or (sequence.deadline is not None and now >= sequence.deadline)


def windows(slots: Sequence[int], total: int) -> list[range]:
    """Covers slots with ranges of neighbouring slots, each of two or more, for ragged passes.

    A pass runs over neighbouring rows of the KV buffer. A row that is only in the way costs about as much as
    one token, a further pass two of them, so one row is bridged and two are not. One row alone takes a
    neighbour with it, because kernels for a single row round differently.

    Args:
        slots: Distinct slots, any order.
        total: Slots in all, at least two.

    Returns:
        Disjoint ranges in ascending order.
    """
    ranges: list[range] = []
    for slot in sorted(slots):
        if ranges and slot - ranges[-1].stop <= 1:
            ranges[-1] = range(ranges[-1].start, slot + 1)
        else:
            ranges.append(range(slot, slot + 1))
    return [_widened(r, total) if len(r) == 1 else r for r in ranges]


def _widened(single: range, total: int) -> range:
    if single.stop < total:
        return range(single.start, single.stop + 1)
    return range(single.start - 1, single.stop)
