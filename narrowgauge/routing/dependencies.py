"""Which step needs which: what the pair classifier reads, and a decoder whose answer never has a cycle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = [
    "DISTANCES",
    "FEATURES",
    "KINDS",
    "WHOLE",
    "Dependency",
    "closure",
    "decode",
    "distance_index",
    "distances",
    "pooling_rows",
]

Array = npt.NDArray[np.float32]

KINDS = ("after", "uses", "for_each")
"""Names of the kinds in the order of the head's outputs; output 0 is no dependency."""

FEATURES = 5
"""Means of token states a step: first token, last token, whole span, gap before it, gap behind it."""

WHOLE = 2
"""The feature that is the whole span."""

_REACH = 6
DISTANCES = 2 * _REACH + 1
"""Number of clipped differences of step indices."""


def distance_index(dependent: int, source: int) -> int:
    """Row of the distance table for a pair of step indices."""
    return max(-_REACH, min(_REACH, dependent - source)) + _REACH


def distances(steps: int) -> npt.NDArray[np.int64]:
    """`distance_index` of all pairs: int64 [steps, steps], row depends on column."""
    places = np.arange(steps, dtype=np.int64)
    apart: npt.NDArray[np.int64] = np.clip(places[:, None] - places, -_REACH, _REACH)
    return apart + _REACH


def pooling_rows(spans: Sequence[tuple[int, int]], length: int) -> Array:
    """Rows that turn token states into step features.

    Args:
        spans: Token spans [begin, end) in text order, none empty.
        length: Number of tokens, the special ones included.

    Returns:
        float32 [steps, FEATURES, length]; each row sums to one, or to zero for an empty gap.
    """
    rows = np.zeros((len(spans), FEATURES, length), np.float32)
    for k, (begin, end) in enumerate(spans):
        before = spans[k - 1][1] if k else 0
        behind = spans[k + 1][0] if k + 1 < len(spans) else length
        parts = ((begin, begin + 1), (end - 1, end), (begin, end), (before, begin), (end, behind))
        for feature, (low, high) in enumerate(parts):
            if high > low:
                rows[k, feature, low:high] = 1.0 / (high - low)
    return rows


@dataclass(frozen=True)
class Dependency:
    """A step's need of another one.

    Attributes:
        step: Index of the other step.
        kind: One of `KINDS`.
        probability: Calibrated probability that the pair has this kind.
    """

    step: int
    kind: str
    probability: float


def decode(probabilities: Array) -> list[list[Dependency]]:
    """Chooses a set of dependencies without cycles.

    Pairs are taken by falling probability; one that would close a cycle is left out, so the answer is
    acyclic by construction. Then only direct ones stay: a result that reaches a step through another step
    that it uses is not used again, and a step that uses a result has no order-only dependency.

    Args:
        probabilities: float32 [n, n, 1 + len(KINDS)] of the pair classifier: row depends on column.

    Returns:
        For each step its dependencies by index.
    """
    n = probabilities.shape[0]
    kinds: list[list[int]] = probabilities.argmax(axis=-1).tolist()
    best: list[list[float]] = probabilities.max(axis=-1).tolist()
    pairs = [(-best[i][j], i, j) for i in range(n) for j in range(n) if i != j and kinds[i][j]]
    chosen: list[dict[int, tuple[int, float]]] = [{} for _ in range(n)]
    # For each step a bit for each one that it comes after, and for itself.
    reach = [1 << i for i in range(n)]
    for probability, i, j in sorted(pairs):
        if reach[j] >> i & 1:
            continue
        chosen[i][j] = (kinds[i][j], -probability)
        reach = [known | reach[j] if known >> i & 1 else known for known in reach]
    after = 1 + KINDS.index("after")
    data = [{j for j, (kind, _) in found.items() if kind != after} for found in chosen]
    upstream = closure(data)
    result: list[list[Dependency]] = []
    for i, found in enumerate(chosen):
        kept = [
            Dependency(j, KINDS[kind - 1], probability)
            for j, (kind, probability) in sorted(found.items())
            if not (kind == after and data[i])
            and not (kind != after and any(j in upstream[k] for k in data[i] if k != j))
        ]
        result.append(kept)
    return result


def closure(data: list[set[int]]) -> list[set[int]]:
    """For each step, the steps whose results it holds through others."""
    closed: list[set[int]] = []
    for start in range(len(data)):
        seen: set[int] = set()
        waiting = list(data[start])
        while waiting:
            step = waiting.pop()
            if step not in seen:
                seen.add(step)
                waiting.extend(data[step])
        closed.append(seen)
    return closed
