"""Finds a short way to end a text that has reached its limit."""

from __future__ import annotations

from itertools import chain, zip_longest

import numpy as np
from numpy.typing import NDArray

from specialist_svc.engine.guide import Guide, mask_words
from specialist_svc.engine.tokenizer import ModelTokenizer

__all__ = ["closing_path"]

# What ends strings, lines, lists, objects and clauses in our surfaces; then what fills a minimum length or
# a number.
_CLOSERS = ('"', "\n", '"}', '"]', '"]}', "]", "}", "]}", "}]", "}]}", "'", "')", ")", "0", "a", " ")
_BEAM = 8
_DEPTH = 24
# Where few tokens are allowed they are words of the grammar or names, and one of them leads on; where many
# are, it is free text, and the closers are what helps.
_FEW = 64
_TRIED = 4
# Other requests wait meanwhile: about the time of ten decode steps.
_MAX_STATES = 800

_Step = tuple[Guide, list[int]]


def closing_path(guide: Guide, tokenizer: ModelTokenizer, *, most: int) -> list[int] | None:
    """Searches breadth-first over closing tokens, with forced text between them, keeping a narrow beam.

    Args:
        guide: Where the text stands; not moved.
        tokenizer: The model's.
        most: Tokens that the way may have.

    Returns:
        Tokens after which the text may end; None when the beam finds no such way.
    """
    closers = [tokens[0] for text in _CLOSERS if len(tokens := tokenizer.encode_part(text)) == 1]
    mask = np.zeros((1, mask_words(tokenizer.vocab_size)), np.int32)
    beam: list[_Step] = [(guide, [])]
    states = 0
    for _ in range(_DEPTH):
        for here, path in beam:
            if here.may_end():
                return path
        if states > _MAX_STATES:
            return None
        found = [_steps(step, closers, mask, tokenizer) for step in beam]
        states += sum(map(len, found))
        # The first choice of every state comes before the second choice of any.
        mixed = chain.from_iterable(zip_longest(*found))
        beam = [step for step in mixed if step is not None and len(step[1]) <= most][:_BEAM]
    return None


def _steps(
    step: _Step, closers: list[int], mask: NDArray[np.int32], tokenizer: ModelTokenizer
) -> list[_Step]:
    here, path = step
    here.fill_mask(mask)
    allowed = np.flatnonzero(np.unpackbits(mask.view(np.uint8), bitorder="little")).tolist()
    known = set(allowed)
    tokens = [token for token in closers if token in known]
    if len(allowed) <= _FEW or not tokens:
        tokens += [token for token in allowed if token not in closers][:_TRIED]
    steps = []
    for token in tokens:
        there = here.copy()
        there.accept([token])
        forced = list(tokenizer.encode(there.forced_bytes().decode("utf-8", "ignore")))
        if forced:
            there.accept(forced)
        steps.append((there, [*path, token, *forced]))
    return steps
