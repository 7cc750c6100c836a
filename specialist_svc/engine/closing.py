"""Finds a short way to end a text that has reached its limit."""

from __future__ import annotations

from specialist_svc.engine.guide import Guide
from specialist_svc.engine.tokenizer import ModelTokenizer

__all__ = ["closing_path"]

# What ends strings, lists, objects and clauses in our surfaces; then what fills a minimum length or a number.
_CLOSERS = ('"', '"}', '"]', '"]}', "]", "}", "]}", "}]", "}]}", ")", "'", "')", ",", "0", "a", " ")
_BEAM = 8
_DEPTH = 20


def closing_path(guide: Guide, tokenizer: ModelTokenizer) -> list[int] | None:
    """Searches breadth-first over closing tokens, with forced text between them, keeping a narrow beam.

    Args:
        guide: Where the text stands; not moved.
        tokenizer: The model's.

    Returns:
        Tokens after which the text may end; None when the beam finds no such way.
    """
    closers = [tokens[0] for text in _CLOSERS if len(tokens := tokenizer.encode_part(text)) == 1]
    beam: list[tuple[Guide, list[int]]] = [(guide, [])]
    for _ in range(_DEPTH):
        for here, path in beam:
            if here.may_end():
                return path
        beam = [step for here, path in beam for step in _steps(here, path, closers, tokenizer)][:_BEAM]
    return None


def _steps(
    here: Guide, path: list[int], closers: list[int], tokenizer: ModelTokenizer
) -> list[tuple[Guide, list[int]]]:
    steps = []
    for token in closers:
        if here.allows(token):
            there = here.copy()
            there.accept([token])
            forced = list(tokenizer.encode(there.forced_bytes().decode("utf-8", "ignore")))
            there.accept(forced)
            steps.append((there, [*path, token, *forced]))
    return steps
