"""A place in a text at which a token is chosen: which tokens may come next, and which of them is likeliest.

Where few may, their logits alone are computed, from the state that the head would read (`TokenTable`). How
many may depends on the text alone, so the way in which a token is chosen does not depend on the load.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from narrowgauge.errors import InternalError
from narrowgauge.models import TokenTable

__all__ = ["NARROW", "Place", "State", "likeliest"]

NARROW = 1024
"""Tokens up to which a place is narrow. A row of the head costs about as much as these tokens' logits."""


@dataclass(frozen=True)
class State:
    """What a pass found out about a place.

    Attributes:
        hidden: float32 [hidden], what the head reads.
        logits: float32 [vocab_size], or None where only `hidden` was asked for.
    """

    hidden: NDArray[np.float32]
    logits: NDArray[np.float32] | None


class Place:
    """Which tokens may come next.

    Attributes:
        mask: int32 [words], one bit a token, least significant bit first.
        tokens: int64, the tokens in ascending order where the place is narrow; None where it is wide.
    """

    def __init__(self, mask: NDArray[np.int32]) -> None:
        """Takes a mask, which is not copied."""
        self.mask = mask
        number = int(np.bitwise_count(mask.view(np.uint32)).sum())
        self.tokens = _tokens(mask) if number <= NARROW else None

    @property
    def wide(self) -> bool:
        """Whether logits of all tokens are wanted."""
        return self.tokens is None

    def allows(self, token: int) -> bool:
        """Whether a token may come next."""
        return bool(self.mask[token >> 5] >> (token & 31) & 1)


def likeliest(place: Place, state: State, table: TokenTable) -> int:
    """Returns the allowed token with the highest logit, the lowest id among equals.

    Args:
        place: The place.
        state: Of it, with logits where it is wide.
        table: The head's matrix.

    Raises:
        InternalError: The constraint allows nothing.
    """
    if place.tokens is None:
        assert state.logits is not None
        # Most often the model's favourite is allowed, and the mask need not be taken apart.
        token = int(state.logits.argmax())
        if place.allows(token):
            return token
        allowed, logits = _tokens(place.mask), state.logits
        return int(allowed[logits[allowed].argmax()])
    if not len(place.tokens):
        raise InternalError("CONSTRAINT_EMPTY", "the constraint allows no token where a call is unfinished")
    if len(place.tokens) == 1:
        return int(place.tokens[0])
    return int(place.tokens[table.logits(state.hidden, place.tokens).argmax()])


def _tokens(mask: NDArray[np.int32]) -> NDArray[np.int64]:
    octets = mask.view(np.uint8)
    some = np.flatnonzero(octets)
    rows, bits = np.nonzero(np.unpackbits(octets[some, None], axis=1, bitorder="little"))
    tokens: NDArray[np.int64] = some[rows] * 8 + bits
    return tokens
