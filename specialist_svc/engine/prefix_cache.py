"""Stored prefixes: the KV caches of prompt segments by content hash, least recently used first out.

A segment's key hashes its tokens and everything before it, so a stored segment fits exactly behind the
segments that its key was made with. Blocks are opaque here: the runner makes and loads them.
"""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Generic, Protocol, TypeVar

__all__ = ["KvBlock", "PrefixCache", "Segment", "chain"]


class KvBlock(Protocol):
    """The KV cache of one segment."""

    @property
    def nbytes(self) -> int:
        """Its size in bytes."""


@dataclass(frozen=True)
class Segment:
    """A part of a prompt.

    Attributes:
        key: Hash of its tokens and of all segments before it.
        begin: Position of its first token.
        end: Position after its last token.
    """

    key: bytes
    begin: int
    end: int


def chain(parts: Sequence[tuple[Sequence[int], Sequence[bool]]]) -> list[Segment]:
    """Makes the segments of a prompt.

    Args:
        parts: For each segment its tokens, and for each token whether it is a single run.
    """
    segments: list[Segment] = []
    key, begin = b"", 0
    for tokens, single in parts:
        digest = blake2b(key, digest_size=16)
        digest.update(array("I", tokens).tobytes())
        digest.update(bytes(single))
        key, end = digest.digest(), begin + len(tokens)
        segments.append(Segment(key, begin, end))
        begin = end
    return segments


BlockT = TypeVar("BlockT", bound=KvBlock)


class PrefixCache(Generic[BlockT]):
    """Blocks by segment key, bounded in bytes."""

    def __init__(self, capacity_bytes: int) -> None:
        self._capacity = capacity_bytes
        self._blocks: OrderedDict[bytes, BlockT] = OrderedDict()
        self._bytes = 0

    @property
    def nbytes(self) -> int:
        """Bytes of all blocks."""
        return self._bytes

    def __contains__(self, key: bytes) -> bool:
        return key in self._blocks

    def get(self, key: bytes) -> BlockT | None:
        """Returns a segment's block without marking it as used; None when it is not stored."""
        return self._blocks.get(key)

    def lookup(self, segments: Sequence[Segment]) -> list[BlockT]:
        """Returns the blocks of the longest stored run of leading segments, and marks them as used."""
        found: list[BlockT] = []
        for segment in segments:
            block = self._blocks.get(segment.key)
            if block is None:
                break
            found.append(block)
        # A block is of no use without those before it, so the first one is marked last and leaves last.
        for segment in reversed(segments[: len(found)]):
            self._blocks.move_to_end(segment.key)
        return found

    def put(self, segment: Segment, block: BlockT) -> None:
        """Stores a block and drops the least recently used ones beyond the capacity."""
        if block.nbytes > self._capacity:
            return
        previous = self._blocks.pop(segment.key, None)
        self._bytes += block.nbytes - (previous.nbytes if previous is not None else 0)
        self._blocks[segment.key] = block
        while self._bytes > self._capacity:
            _, dropped = self._blocks.popitem(last=False)
            self._bytes -= dropped.nbytes

    def clear(self) -> None:
        """Drops everything."""
        self._blocks.clear()
        self._bytes = 0
