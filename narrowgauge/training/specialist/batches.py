"""Packs of encoded examples: those that share a prompt's prefix together, so that it is read once.

A specialist's prompts begin alike: instruction and catalogue. Serving reads that part once and keeps its KV
cache; training does the same within a pack. The tensors make each example see the prefix and itself alone, at
the positions that it has when it is served, so the result is that of separate sequences.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

__all__ = ["EncodedExample", "Pack", "batches", "packs_of"]


@dataclass(frozen=True)
class EncodedExample:
    """One example as token ids.

    Attributes:
        prompt: Token ids of the prompt.
        target: Token ids of the call, the end token last.
        sampled: For each target token, whether serving samples it; forced tokens carry no loss.
        shared: Tokens at the prompt's begin that other prompts on the same catalogue have too.
    """

    prompt: tuple[int, ...]
    target: tuple[int, ...]
    sampled: tuple[bool, ...]
    shared: int = 0

    def __len__(self) -> int:
        return len(self.prompt) + len(self.target)


@dataclass(frozen=True)
class Pack:
    """Examples with one prefix, in one sequence.

    Attributes:
        examples: At least one; all begin with the same `shared` tokens.
    """

    examples: tuple[EncodedExample, ...]

    @property
    def shared(self) -> int:
        """Tokens of the prefix."""
        return self.examples[0].shared

    def __len__(self) -> int:
        return self.shared + sum(len(example) - self.shared for example in self.examples)


# Sorting the whole epoch by length would make every batch's lengths equal but its order a curriculum.
_CHUNK_BATCHES = 24


def packs_of(examples: Sequence[EncodedExample], *, max_tokens: int, rng: random.Random) -> list[Pack]:
    """Packs examples that share a prefix, in random order, up to a length in tokens."""
    groups: dict[tuple[int, ...], list[EncodedExample]] = defaultdict(list)
    for example in examples:
        groups[example.prompt[: example.shared]].append(example)
    packs: list[Pack] = []
    for group in groups.values():
        rng.shuffle(group)
        current: list[EncodedExample] = []
        length = group[0].shared
        for example in group:
            own = len(example) - example.shared
            if current and length + own > max_tokens:
                packs.append(Pack(tuple(current)))
                current, length = [], example.shared
            current.append(example)
            length += own
        packs.append(Pack(tuple(current)))
    return packs


def batches(
    examples: Sequence[EncodedExample],
    *,
    batch_tokens: int,
    max_pack_tokens: int,
    seed: int,
    start_step: int = 0,
) -> Iterator[list[Pack]]:
    """Yields batches without end; the same seed gives the same order, from any step on.

    Args:
        examples: At least one.
        batch_tokens: Tokens a batch, padding not counted; a longer pack is a batch of its own.
        max_pack_tokens: Tokens a pack.
        seed: Packs and shuffles each epoch differently.
        start_step: Batches to skip, when training continues.
    """
    skip = start_step
    epoch = 0
    while True:
        rng = random.Random(f"{seed}/{epoch}")
        packs = packs_of(examples, max_tokens=max_pack_tokens, rng=rng)
        made = _epoch(packs, batch_tokens, rng)
        yield from made[skip:]
        skip = max(0, skip - len(made))
        epoch += 1


def _epoch(packs: list[Pack], batch_tokens: int, rng: random.Random) -> list[list[Pack]]:
    rng.shuffle(packs)
    mean = sum(map(len, packs)) / len(packs)
    chunk_size = max(1, round(batch_tokens / mean * _CHUNK_BATCHES))
    result: list[list[Pack]] = []
    for begin in range(0, len(packs), chunk_size):
        group: list[list[Pack]] = []
        current: list[Pack] = []
        tokens = 0
        for pack in sorted(packs[begin : begin + chunk_size], key=len):
            if current and tokens + len(pack) > batch_tokens:
                group.append(current)
                current, tokens = [], 0
            current.append(pack)
            tokens += len(pack)
        group.append(current)
        rng.shuffle(group)
        result += group
    return result
