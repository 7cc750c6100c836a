"""Who waits, and who is next: oldest first, with no client ahead of another because it asks more.

A slot that falls free goes to the waiting client that holds fewest slots, among equals to the one whose turn
it is, and there to its oldest request: round robin over clients (Nagle, RFC 970), so that a request waits for
at most one of each other client's, however many those have sent. When the queue is full, the client that has
most requests in it gives up its youngest one for a client with clearly fewer: longest queue drop (Suter,
Lakshman, Stiliadis, Choudhury 1998, "Design considerations for supporting TCP with per-flow queueing"). A
lone client sees a plain queue.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterator, Mapping
from typing import Generic, Protocol, TypeVar

__all__ = ["FairQueue", "Waiting"]


class Waiting(Protocol):
    """What may wait."""

    @property
    def client(self) -> Hashable:
        """Who asked."""


WaitingT = TypeVar("WaitingT", bound=Waiting)


class FairQueue(Generic[WaitingT]):
    """Requests that wait for a slot, in the order of their arrival. Entries are told apart by identity."""

    def __init__(self, capacity: int) -> None:
        """Starts empty.

        Args:
            capacity: Requests that may wait.
        """
        self._capacity = capacity
        self._entries: list[WaitingT] = []
        # Requests of each client that waits, in the order of their turns.
        self._turns: OrderedDict[Hashable, int] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[WaitingT]:
        return iter(self._entries)

    def has_room_for(self, client: Hashable) -> bool:
        """Whether a request of this client can wait, in a free place or in one that another gives up."""
        return len(self._entries) < self._capacity or self._crowding(client) is not None

    def push(self, entry: WaitingT) -> WaitingT | None:
        """Adds a request; `has_room_for` said that it can.

        Returns:
            The request that gave up its place, or None.
        """
        displaced = None
        if len(self._entries) >= self._capacity:
            crowding = self._crowding(entry.client)
            assert crowding is not None
            displaced = next(other for other in reversed(self._entries) if other.client == crowding)
            self.remove(displaced)
        self._entries.append(entry)
        self._turns[entry.client] = self._turns.get(entry.client, 0) + 1
        return displaced

    def pop(self, slots_of: Mapping[Hashable, int]) -> WaitingT:
        """Takes out who is next.

        Args:
            slots_of: Slots that each client holds; none for a client that is not there.
        """
        # min keeps the first among equals, whose turn it is.
        client = min(self._turns, key=lambda waiting: slots_of.get(waiting, 0))
        entry = next(entry for entry in self._entries if entry.client == client)
        self.remove(entry)
        if client in self._turns:
            self._turns.move_to_end(client)
        return entry

    def remove(self, entry: WaitingT) -> None:
        """Takes a request out.

        Raises:
            ValueError: It does not wait.
        """
        for place, other in enumerate(self._entries):
            if other is entry:
                del self._entries[place]
                break
        else:
            raise ValueError("the request does not wait")
        self._turns[entry.client] -= 1
        if not self._turns[entry.client]:
            del self._turns[entry.client]

    def _crowding(self, client: Hashable) -> Hashable | None:
        """Returns the client that gives up a place for another one: it has two requests more, at least.

        With one more the two would change places for ever.
        """
        if not self._turns:
            return None
        crowding, most = max(self._turns.items(), key=lambda item: item[1])
        return crowding if most >= self._turns.get(client, 0) + 2 else None
