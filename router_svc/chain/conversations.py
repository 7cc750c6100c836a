"""Streams to specialists within one chain: kept while they serve steps one after the other."""

from __future__ import annotations

from router_svc.chain.ports import Conversation, Specialists

__all__ = ["Conversations"]


class Conversations:
    """Lends a chain's streams to its steps.

    Steps of one specialist that follow each other share a stream, so that the specialist has the earlier
    turns in view and in its KV cache. Steps at the same time, and the runs of a for-each, get their own: what
    they share is the specialist's prefix cache.
    """

    def __init__(self, specialists: Specialists) -> None:
        self._specialists = specialists
        self._idle: dict[str, Conversation] = {}
        self._open: set[Conversation] = set()

    def take(self, specialist: str, timeout_s: float, *, fresh: bool) -> tuple[Conversation, bool]:
        """Returns a stream and whether it has served a step before."""
        idle = None if fresh else self._idle.pop(specialist, None)
        if idle is not None:
            return idle, True
        conversation = self._specialists.converse(specialist, timeout_s)
        self._open.add(conversation)
        return conversation, False

    async def give_back(self, specialist: str, conversation: Conversation, *, reusable: bool) -> None:
        """Keeps a stream for the next step, or ends it."""
        if reusable and specialist not in self._idle:
            self._idle[specialist] = conversation
        else:
            await self.end(conversation)

    async def end(self, conversation: Conversation) -> None:
        """Ends a stream."""
        self._open.discard(conversation)
        await conversation.close()

    async def close(self) -> None:
        """Ends all streams."""
        self._idle.clear()
        for conversation in list(self._open):
            await self.end(conversation)
