"""The scheduler: slots, admission, steps. No model, no threads, no clock."""

from __future__ import annotations

from collections import deque
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from narrowgauge.errors import Overloaded
from specialist_svc.engine.scheduler import DecodeSequence, Run, Scheduler, SchedulerLimits, windows

SLOTS, QUEUE, CHUNK = 3, 4, 5


def sequence(*runs: Run, deadline: float | None = None) -> DecodeSequence:
    return DecodeSequence(runs=deque(runs), deadline=deadline)


class SchedulerMachine(RuleBasedStateMachine):
    """Submits, cancels, expires and steps in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.scheduler = Scheduler(SchedulerLimits(SLOTS, QUEUE, CHUNK))
        self.waiting: list[DecodeSequence] = []
        self.active: list[DecodeSequence] = []
        self.now = 0.0

    @rule(
        lengths=st.lists(st.tuples(st.integers(1, 12), st.booleans()), min_size=1, max_size=4),
        deadline=st.none() | st.floats(0, 20),
    )
    def submit(self, lengths: list[tuple[int, bool]], deadline: float | None) -> None:
        runs = [Run((7,), single=True) if single else Run((7,) * n) for n, single in lengths]
        new = sequence(*runs, deadline=None if deadline is None else self.now + deadline)
        if len(self.waiting) >= QUEUE:
            with pytest.raises(Overloaded) as caught:
                self.scheduler.submit(new, service_ms=100)
            assert caught.value.retry_after_ms > 0
        else:
            self.scheduler.submit(new, service_ms=100)
            self.waiting.append(new)

    @precondition(lambda self: self.waiting or self.active)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        data.draw(st.sampled_from(self.waiting + self.active)).cancelled = True

    @rule(passed=st.floats(0, 5))
    def step(self, passed: float) -> None:
        self.now += passed
        gone = self.scheduler.sweep(self.now)
        assert gone == [
            s
            for s in self.active + self.waiting
            if s.cancelled or (s.deadline is not None and s.deadline <= self.now)
        ]
        self.waiting = [s for s in self.waiting if s not in gone]
        self.active = [s for s in self.active if s not in gone]
        admitted = self.scheduler.admit(lambda _, free: free[-1])
        assert admitted == self.waiting[: len(admitted)], "oldest first"
        self.active += admitted
        self.waiting = self.waiting[len(admitted) :]
        assert not self.waiting or len(self.active) == SLOTS, "nobody waits while a slot is free"
        planned = self.scheduler.plan()
        for append in planned.appends:
            assert 0 < len(append.tokens) <= CHUNK
            assert append.tokens == append.sequence.runs[0].tokens[: len(append.tokens)]
        reading = [a for a in planned.appends if not a.sequence.writing]
        assert len(reading) <= 1, "one chunk of one prompt a step"
        moving = {id(a.sequence) for a in planned.appends} | {id(s) for s in planned.singles}
        for active in self.active:
            if active.runs and (active.writing or active.runs[0].single):
                assert id(active) in moving, "whoever writes moves in every step"
        for append in planned.appends:
            self._passed(append.sequence, len(append.tokens))
        for single in planned.singles:
            assert single.runs[0].single
            self._passed(single, 1)

    def _passed(self, moved: DecodeSequence, tokens: int) -> None:
        before = moved.length
        self.scheduler.advance(moved, tokens)
        assert moved.length == before + tokens
        if not moved.runs:
            if moved.writing:
                self.scheduler.remove(moved)
                self.active.remove(moved)
            else:
                moved.writing = True
                moved.runs.extend([Run((1, 2, 3)), Run((4,), single=True)])

    @invariant()
    def slots_are_held_once(self) -> None:
        held = [s.slot for s in self.active]
        assert len(set(held)) == len(held)
        assert self.scheduler.free_slots == SLOTS - len(held)
        assert (self.scheduler.active, self.scheduler.waiting) == (len(self.active), len(self.waiting))


TestSchedulerMachine = SchedulerMachine.TestCase
TestSchedulerMachine.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


@given(st.sets(st.integers(0, 15)), st.integers(16, 20))
def test_windows_cover_each_slot_once(slots: set[int], total: int) -> None:
    """Ragged passes cover every slot exactly once, run over existing rows and have two rows or more."""
    found = windows(list(slots), total)
    rows = [row for window in found for row in window]
    assert len(rows) == len(set(rows))
    assert slots <= set(rows) <= set(range(total))
    assert all(len(window) >= 2 for window in found)
    assert all(left.stop <= right.start for left, right in pairwise(found))
