"""Batches of encoded examples: similar lengths together, seeded, resumable by step."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

__all__ = ["EncodedExample", "batches", "steps_an_epoch"]


@dataclass(frozen=True)
class EncodedExample:
    """One example as token ids.

    Attributes:
        prompt: Token ids of the prompt.
        target: Token ids of the call, the end token last.
        sampled: For each target token, whether serving samples it; forced tokens carry no loss.
    """

    prompt: tuple[int, ...]
    target: tuple[int, ...]
    sampled: tuple[bool, ...]

    def __len__(self) -> int:
        return len(self.prompt) + len(self.target)


# Sorting the whole epoch by length would make every batch's lengths equal but its order a curriculum.
_CHUNK_BATCHES = 24


def steps_an_epoch(examples: Sequence[EncodedExample], batch_size: int) -> int:
    """Returns the number of batches in one pass over the examples."""
    return -(-len(examples) // batch_size)


def batches(
    examples: Sequence[EncodedExample], *, batch_size: int, seed: int, start_step: int = 0
) -> Iterator[list[EncodedExample]]:
    """Yields batches without end; the same seed gives the same order, from any step on.

    Args:
        examples: At least one.
        batch_size: Examples a batch; the last of an epoch may be smaller.
        seed: Shuffles each epoch differently.
        start_step: Batches to skip, when training continues.
    """
    per_epoch = steps_an_epoch(examples, batch_size)
    epoch, skip = divmod(start_step, per_epoch)
    while True:
        yield from _epoch(examples, batch_size, random.Random(f"{seed}/{epoch}"))[skip:]
        epoch, skip = epoch + 1, 0


def _epoch(
    examples: Sequence[EncodedExample], batch_size: int, rng: random.Random
) -> list[list[EncodedExample]]:
    order = list(examples)
    rng.shuffle(order)
    result: list[list[EncodedExample]] = []
    chunk_size = batch_size * _CHUNK_BATCHES
    for begin in range(0, len(order), chunk_size):
        chunk = sorted(order[begin : begin + chunk_size], key=len)
        group = [chunk[i : i + batch_size] for i in range(0, len(chunk), batch_size)]
        rng.shuffle(group)
        result += group
    return result
