"""The scheduler: slots, admission, steps. No model, no threads, no clock."""

from __future__ import annotations

from collections import Counter, deque
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from narrowgauge.errors import Overloaded
from specialist_svc.engine.scheduler import DecodeSequence, Run, Scheduler, SchedulerLimits, windows

SLOTS, QUEUE, CHUNK = 3, 4, 5


def sequence(*runs: Run, deadline: float | None = None, client: str = "") -> DecodeSequence:
    return DecodeSequence(runs=deque(runs), client=client, deadline=deadline)


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
        client=st.sampled_from("abc"),
    )
    def submit(self, lengths: list[tuple[int, bool]], deadline: float | None, client: str) -> None:
        runs = [Run((7,), single=True) if single else Run((7,) * n) for n, single in lengths]
        new = sequence(*runs, deadline=None if deadline is None else self.now + deadline, client=client)
        held = Counter(s.client for s in self.waiting)
        crowded = max(held.values(), default=0) >= held[client] + 2
        if len(self.waiting) < QUEUE:
            assert self.scheduler.submit(new, service_ms=100) is None
            self.waiting.append(new)
        elif crowded:
            displaced = self.scheduler.submit(new, service_ms=100)
            assert displaced is not None
            assert held[displaced.client] == max(held.values()), "the client that crowds gives up a place"
            assert displaced is [s for s in self.waiting if s.client == displaced.client][-1], "its youngest"
            self.waiting.remove(displaced)
            self.waiting.append(new)
        else:
            with pytest.raises(Overloaded) as caught:
                self.scheduler.submit(new, service_ms=100)
            assert caught.value.retry_after_ms > 0

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
        for admitted in self.scheduler.admit(lambda _, free: free[-1]):
            slots = Counter(s.client for s in self.active)
            fewest = min(slots[s.client] for s in self.waiting)
            assert slots[admitted.client] == fewest, "the client with fewest slots"
            assert admitted is next(s for s in self.waiting if s.client == admitted.client), "its oldest"
            self.active.append(admitted)
            self.waiting.remove(admitted)
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


@given(st.lists(st.integers(1, 6), min_size=2, max_size=4), st.integers(1, 4))
def test_clients_share_the_slots(requests: list[int], slots: int) -> None:
    """While all of them wait, no client holds two slots more than another, whoever came first with how many
    requests; and each client's own requests are served in their order.
    """
    scheduler = Scheduler(SchedulerLimits(slots, sum(requests), CHUNK))
    for client, count in enumerate(requests):
        for _ in range(count):
            scheduler.submit(sequence(Run((1,)), client=str(client)), service_ms=1)
    sent = {client: [s for s in scheduler.all() if s.client == client] for client in {"0", "1", "2", "3"}}
    served: list[DecodeSequence] = []
    active: deque[DecodeSequence] = deque()
    while scheduler.waiting or active:
        active += scheduler.admit(lambda _, free: free[0])
        waiting = {s.client for s in scheduler.all() if s.slot < 0}
        held = Counter(s.client for s in active)
        assert all(held[other] <= held[client] + 1 for client in waiting for other in held)
        served.append(active.popleft())
        scheduler.remove(served[-1])
    for client, own in sent.items():
        assert [s for s in served if s.client == client] == own


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=12), st.data())
def test_a_turn_comes_round(clients: list[str], data: st.DataObject) -> None:
    """With one slot, a request waits for its client's earlier ones and for as many of each other client's
    as of its own, itself included; later arrivals do not change that.
    """
    scheduler = Scheduler(SchedulerLimits(1, 100, CHUNK))
    for client in clients:
        scheduler.submit(sequence(Run((1,)), client=client), service_ms=1)
    last = [s for s in scheduler.all() if s.client == clients[0]][-1]
    own = clients.count(clients[0])
    served: Counter[str] = Counter()
    while last.slot < 0:
        for admitted in scheduler.admit(lambda _, free: free[0]):
            served[str(admitted.client)] += 1
            scheduler.remove(admitted)
        for client in data.draw(st.lists(st.sampled_from("abcd"), max_size=2)):
            scheduler.submit(sequence(Run((1,)), client=client), service_ms=1)
    assert served[clients[0]] == own
    assert all(count <= own for count in served.values())


def test_a_crowded_queue_has_room_for_others() -> None:
    """One client cannot keep another one out: of a full queue it gives up its youngest request, as long as
    it has more than its share.
    """
    scheduler = Scheduler(SchedulerLimits(1, 4, CHUNK))
    many = [sequence(Run((1,)), client="many") for _ in range(4)]
    for one in many:
        scheduler.submit(one, service_ms=1)
    few = [sequence(Run((1,)), client="few") for _ in range(2)]
    assert scheduler.submit(few[0], service_ms=1) is many[3]
    assert scheduler.submit(few[1], service_ms=1) is many[2]
    for client in ("few", "many"):
        with pytest.raises(Overloaded):
            scheduler.submit(sequence(Run((1,)), client=client), service_ms=1)


@given(st.sets(st.integers(0, 15)), st.integers(16, 20))
def test_windows_cover_each_slot_once(slots: set[int], total: int) -> None:
    """Ragged passes cover every slot exactly once, run over existing rows and have two rows or more."""
    found = windows(list(slots), total)
    rows = [row for window in found for row in window]
    assert len(rows) == len(set(rows))
    assert slots <= set(rows) <= set(range(total))
    assert all(len(window) >= 2 for window in found)
    assert all(left.stop <= right.start for left, right in pairwise(found))
