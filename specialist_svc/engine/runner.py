"""What runs the model: passes over the slots of a KV cache. The variation point between devices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from narrowgauge.models import TokenTable
from specialist_svc.engine.place import State
from specialist_svc.engine.prefix_cache import KvBlock

__all__ = ["Runner"]


class Runner(Protocol):
    """A model with the KV cache of its slots. Used by one thread at a time.

    A token's result depends on the tokens before it and on whether `append` or `decode` read it, and on
    nothing else: not on the slot, on other rows of the pass, or on where appended tokens are cut into passes.
    """

    @property
    def rows(self) -> int:
        """Slots, at least two: a ragged pass has two rows or more."""

    @property
    def passes(self) -> int:
        """Passes run so far."""

    @property
    def table(self) -> TokenTable:
        """The head's matrix."""

    def append(
        self,
        slot: int,
        length: int,
        tokens: Sequence[int],
        *,
        checked: Sequence[int] = (),
        wide: Sequence[bool] = (),
    ) -> list[State]:
        """Reads tokens behind the first `length` ones of a slot.

        Args:
            slot: The slot.
            length: Its tokens so far.
            tokens: At least one.
            checked: Numbers of these tokens behind which a token is chosen; empty for the last one alone.
            wide: For each of these places, whether all logits are wanted; empty where nothing is chosen.

        Returns:
            A state for each of `wide`; valid until the next pass.
        """

    def decode(
        self, first: int, lengths: Sequence[int], tokens: Sequence[int], wide: Sequence[bool]
    ) -> list[State]:
        """Reads one token in each of neighbouring slots.

        Args:
            first: The first slot.
            lengths: For each slot its tokens so far.
            tokens: For each slot its token; any one for a slot that is only in the way.
            wide: For each slot, whether all logits are wanted behind its token.

        Returns:
            A state for each slot; valid until the next pass.
        """

    def copy_out(self, slot: int, begin: int, end: int) -> KvBlock:
        """Copies the KV cache of a slot's positions."""

    def copy_in(self, slot: int, begin: int, block: KvBlock) -> None:
        """Puts a copy back, into any slot, at the positions that it came from."""

    def close(self) -> None:
        """Frees the KV cache and the model."""
