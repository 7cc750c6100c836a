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
# As `prompts.context_text` writes them.
_TABLE = re.compile(r"^[^|\n]+( \| [^|\n]*)+$", re.MULTILINE)
_RECORD = re.compile(r"^\w+: [^,\n]*(, \w+: [^,\n]*)*$", re.MULTILINE)
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
    """Writes a specialist's examples in its surface; none for a tuned one, which was trained without them.

    Raises:
        InvalidRequest: An example is not a call of the contract, or not one that the surface can write.
    """
    if config.adapter:
        return ()
    shots = []
    for example in config.read_examples():
        call = example.tool_call(surface.contract)
        text = surface.render(call.tool, call.request)
        shots.append(Shot(example.request, text, example.catalogue, example.context))
    return tuple(shots)


def nearest_shots(shots: Sequence[Shot], request: str, context: str = "") -> tuple[Shot, ...]:
    """Chooses the examples for a request.

    Nearness is the cosine of words and pairs of words, each weighted by how few examples have it. An example
    whose context has the same form (none, prose, one record, a table) is nearer than any other.

    Args:
        shots: All examples.
        request: The sub-task.
        context: Its context text, or empty.

    Returns:
        The examples to show, in order.
    """
    if len(shots) <= _ALWAYS_ALL:
        return tuple(shots)
    terms = [_terms(shot.request) for shot in shots]
    spread = Counter(term for found in terms for term in found)
    weights = {term: math.log(1 + len(shots) / count) for term, count in spread.items()}
    wanted = _terms(request)

    form = _form(context)

    def nearness(index: int) -> tuple[bool, float, int]:
        common = sum(weights[term] ** 2 for term in terms[index] & wanted)
        length = math.sqrt(sum(weights[term] ** 2 for term in terms[index])) or 1.0
        return (form == _form(shots[index].context), common / length, -index)

    ranked = sorted(range(len(shots)), key=nearness, reverse=True)[:_SHOWN]
    return tuple(shots[index] for index in reversed(ranked))


def _form(context: str) -> str:
    if not context:
        return "none"
    if _TABLE.search(context):
        return "table"
    return "record" if _RECORD.search(context) else "prose"


def _terms(text: str) -> set[str]:
    words = [word.rstrip("s") if len(word) > 3 else word for word in _WORD.findall(text.lower())]
    return {*words, *(f"{first} {second}" for first, second in pairwise(words))}
