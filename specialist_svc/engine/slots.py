"""What the slots' KV caches hold, so that a request is put where most of its prompt already stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from specialist_svc.engine.backend import Lease
from specialist_svc.engine.prefix_cache import Segment

__all__ = ["Resident", "SlotTable"]


@dataclass
class Resident:
    """What one slot holds.

    Attributes:
        tokens: Tokens whose KV cache is valid, from the first position.
        single: For each of them whether it was a single run.
        segments: The prompt's segments; those that end behind `tokens` are not complete.
        lease: The conversation that the tokens belong to.
    """

    tokens: list[int] = field(default_factory=list)
    single: list[bool] = field(default_factory=list)
    segments: list[Segment] = field(default_factory=list)
    lease: Lease | None = None

    def common_prefix(self, tokens: Sequence[int], single: Sequence[bool]) -> int:
        """Number of leading tokens that are held in just the way that another prompt would read them."""
        count = 0
        for mine, theirs in zip(
            zip(self.tokens, self.single, strict=True), zip(tokens, single, strict=True), strict=False
        ):
            if mine != theirs:
                break
            count += 1
        return count

    def truncate(self, length: int) -> None:
        """Forgets everything behind the first `length` tokens."""
        del self.tokens[length:], self.single[length:]

    def extend(self, tokens: Sequence[int], *, single: bool) -> None:
        """Notes that tokens went through the model."""
        self.tokens.extend(tokens)
        self.single.extend([single] * len(tokens))

    def worth_keeping(self) -> list[Segment]:
        """Complete segments of a conversation that may go on."""
        if self.lease is None or not self.lease.open:
            return []
        return [s for s in self.segments if s.end <= len(self.tokens)]


class SlotTable:
    """The residents of all slots."""

    def __init__(self, slots: int) -> None:
        self._residents = [Resident() for _ in range(slots)]

    def __getitem__(self, slot: int) -> Resident:
        return self._residents[slot]

    def choose(self, free: Sequence[int], tokens: Sequence[int], single: Sequence[bool]) -> int:
        """Picks the free slot that holds most of a prompt.

        Among equals it prefers one without an open conversation, then one that holds least, then the lowest.
        """

        def merit(slot: int) -> tuple[int, bool, int, int]:
            resident = self._residents[slot]
            kept = bool(resident.worth_keeping())
            return (-resident.common_prefix(tokens, single), kept, len(resident.tokens), slot)

        return min(free, key=merit)
