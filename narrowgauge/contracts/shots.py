"""Examples in the prompt of a specialist that is not tuned.

A small model copies what it has just read, so of many examples those nearest to the request are shown, the
nearest one last. A few are always shown all, which keeps the prompt's beginning the same and its KV cache
shared.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from narrowgauge.contracts.specialist import SpecialistConfig
from narrowgauge.contracts.surfaces.surface import CompiledSurface

__all__ = ["Shot", "nearest_shots", "shots_of"]

_WORD = re.compile(r"[a-z]+")
_ALWAYS_ALL = 4
_SHOWN = 3


@dataclass(frozen=True)
class Shot:
    """An example as it stands in a prompt.

    Attributes:
        request: The request.
        call: The call in the specialist's surface.
        catalogue: Catalogue text, or empty.
        context: Context text, or empty.
    """

    request: str
    call: str
    catalogue: str = ""
    context: str = ""


def shots_of(config: SpecialistConfig, surface: CompiledSurface) -> tuple[Shot, ...]:
    """Writes a specialist's examples in its surface.

    Raises:
        InvalidRequest: An example is not a call of the contract, or not one that the surface can write.
    """
    shots = []
    for example in config.read_examples():
        call = example.tool_call(surface.contract)
        text = surface.render(call.tool, call.request)
        shots.append(Shot(example.request, text, example.catalogue, example.context))
    return tuple(shots)


def nearest_shots(shots: Sequence[Shot], request: str, *, has_context: bool) -> tuple[Shot, ...]:
    """Chooses the examples for a request.

    Nearness is the cosine of words and pairs of words, each weighted by how few examples have it; an example
    with a context is nearer to a request with one.

    Args:
        shots: All examples.
        request: The sub-task.
        has_context: Whether it has context documents.

    Returns:
        The examples to show, in order.
    """
    if len(shots) <= _ALWAYS_ALL:
        return tuple(shots)
    terms = [_terms(shot.request) for shot in shots]
    spread = Counter(term for found in terms for term in found)
    weights = {term: math.log(1 + len(shots) / count) for term, count in spread.items()}
    wanted = _terms(request)

    def nearness(index: int) -> tuple[float, int]:
        common = sum(weights[term] ** 2 for term in terms[index] & wanted)
        length = math.sqrt(sum(weights[term] ** 2 for term in terms[index])) or 1.0
        bonus = 0.5 if has_context == bool(shots[index].context) else 0.0
        return (common / length + bonus, -index)

    ranked = sorted(range(len(shots)), key=nearness, reverse=True)[:_SHOWN]
    return tuple(shots[index] for index in reversed(ranked))


def _terms(text: str) -> set[str]:
    words = [word.rstrip("s") if len(word) > 3 else word for word in _WORD.findall(text.lower())]
    return {*words, *(f"{first} {second}" for first, second in pairwise(words))}
