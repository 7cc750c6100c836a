"""Stored prefixes: bounded, found from the front, and never mixed up."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from specialist_svc.engine.backend import Lease
from specialist_svc.engine.prefix_cache import PrefixCache, chain
from specialist_svc.engine.slots import Resident, SlotTable


@dataclass
class Block:
    """A block of a size."""

    nbytes: int


TOKENS = st.lists(st.integers(0, 3), min_size=1, max_size=4)


def parts(*texts: list[int]) -> list[tuple[list[int], list[bool]]]:
    return [(text, [False] * len(text)) for text in texts]


@given(st.lists(TOKENS, min_size=1, max_size=4), st.lists(TOKENS, min_size=1, max_size=4))
def test_keys_are_equal_when_everything_before_is(left: list[list[int]], right: list[list[int]]) -> None:
    """Two prompts share a segment's key exactly when their segments up to it are the same."""
    for n, (a, b) in enumerate(zip(chain(parts(*left)), chain(parts(*right)), strict=False)):
        assert (a.key == b.key) == (left[: n + 1] == right[: n + 1])


def test_kernel_path_is_part_of_the_key() -> None:
    """A token read by a single run has another KV cache than an appended one, so its key differs."""
    assert chain([([5], [True])])[0].key != chain([([5], [False])])[0].key


@given(st.lists(st.tuples(TOKENS, st.integers(1, 40)), max_size=30), st.integers(0, 100))
def test_cache_stays_within_its_bytes(stored: list[tuple[list[int], int]], capacity: int) -> None:
    """Whatever is stored, the blocks' bytes never exceed the capacity."""
    cache: PrefixCache[Block] = PrefixCache(capacity)
    for tokens, size in stored:
        cache.put(chain(parts(tokens))[0], Block(size))
        assert cache.nbytes <= capacity


def test_lookup_returns_leading_blocks_and_drops_the_least_used() -> None:
    """Only an unbroken run from the front is of use, and what is used stays."""
    cache: PrefixCache[Block] = PrefixCache(30)
    first, second, third = chain(parts([1], [2], [3]))
    other = chain(parts([9]))[0]
    for segment in (first, second, other):
        cache.put(segment, Block(10))
    assert len(cache.lookup([first, second, third])) == 2
    cache.put(third, Block(10))
    assert other.key not in cache
    assert len(cache.lookup([first, second, third])) == 3


def test_requests_go_where_their_prompt_stands() -> None:
    """A slot that holds the longest part of a prompt is chosen, and only tokens read alike count."""
    table = SlotTable(3)
    table[1].extend([1, 2, 3], single=False)
    table[2].extend([1, 2], single=False)
    table[2].extend([3], single=True)
    assert table.choose([0, 1, 2], [1, 2, 3, 4], [False] * 4) == 1
    assert table.choose([0, 2], [1, 2, 3, 4], [False, False, True, False]) == 2
    assert table[2].common_prefix([1, 2, 3], [False] * 3) == 2


def test_only_open_conversations_are_worth_keeping() -> None:
    """A slot's content is saved for a conversation that may go on, and dropped after its stream ended."""
    lease = Lease()
    resident = Resident(segments=chain(parts([1], [2, 3])), lease=lease)
    resident.extend([1, 2], single=False)
    assert [s.end for s in resident.worth_keeping()] == [1]
    lease.close()
    assert resident.worth_keeping() == []
