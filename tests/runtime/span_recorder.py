"""Keeps the spans that ended, and wakes who waits for them."""

from __future__ import annotations

import asyncio

from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor


class SpanRecorder(SpanProcessor):
    """Spans that ended in this process, in the order of their ends."""

    def __init__(self) -> None:
        self.ended: list[ReadableSpan] = []
        self._one_more = asyncio.Event()

    def on_end(self, span: ReadableSpan) -> None:
        self.ended.append(span)
        self._one_more.set()

    def clear(self) -> None:
        """Forgets all, and waits in the running event loop from now on."""
        self.ended.clear()
        self._one_more = asyncio.Event()

    async def wait(self, count: int) -> list[ReadableSpan]:
        """Returns when `count` spans have ended; more are an error."""
        async with asyncio.timeout(10):
            while len(self.ended) < count:
                self._one_more.clear()
                await self._one_more.wait()
        assert len(self.ended) == count
        return self.ended
