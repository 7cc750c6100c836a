"""Sub-task spans from boundary tags: what is quoted is never cut, and ends are cleaned."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

from narrowgauge.routing.encoder import tokens_of

__all__ = ["quoted_regions", "segment", "whole_span"]

Array = npt.NDArray[np.float32]

OUTSIDE, BEGIN, INSIDE = range(3)

# Quotation marks of any length; a straight single quote counts only where no letter is glued to its outer
# side, so that apostrophes do not. Fences, marked context and lines with `>` are other people's text as well.
_QUOTED = re.compile(
    r"```.*?(?:```|\Z)"
    r"|<(context|document|quote|email|text)>.*?(?:</\1>|\Z)"
    r"|^>[^\n]*$"
    r'|"[^"]*"'
    r"|“[^”]*”|„[^“”]*[“”]|«[^»]*»|「[^」]*」|`[^`\n]+`"
    r"|(?<!\w)'(?=\S)[^\n]*?(?<=\S)'(?!\w)"
    r"|(?<!\w)‘(?=\S)[^‘\n]*?(?<=\S)’(?!\w)",
    re.DOTALL | re.MULTILINE | re.IGNORECASE,
)
_EDGE = " \t\r\n\f\v.,;:!?…"
_LEADING = re.compile(
    r"(?:(?:and|then|also|please|finally|next|afterwards|first|lastly)\b[ ,:]*"
    r"|[-*•–—]\s+|\(?\d{1,2}[.)]\s+)+",
    re.IGNORECASE,
)


def quoted_regions(text: str) -> list[tuple[int, int]]:
    """Character ranges of quotations, the marks included; they do not overlap."""
    return [match.span() for match in _QUOTED.finditer(text)]


def whole_span(text: str) -> tuple[int, int]:
    """The span of a text that is one sub-task: without blanks and punctuation at its ends."""
    return _clean(text, 0, len(text), quoted_regions(text)) or (0, len(text))


def segment(
    text: str, offsets: npt.NDArray[np.int64], tags: Array, quotes: list[tuple[int, int]]
) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Decodes the sub-tasks of a text.

    Args:
        text: The request.
        offsets: int [T, 2] character offsets of the tokens, special ones empty.
        tags: float32 [T, 3] logits.
        quotes: `quoted_regions(text)`.

    Returns:
        Pairs of character span and token span [begin, end), in text order, at least one: a text in which
        nothing was found is one sub-task.
    """
    scores = tags - tags.max(axis=1, keepdims=True)
    scores = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    scores[offsets[:, 0] == offsets[:, 1]] = (0.0, -1e9, -1e9)
    for begin, end in quotes:
        # A step may begin with a quotation, never within one.
        scores[(offsets[:, 0] > begin) & (offsets[:, 0] < end), BEGIN] = -1e9
    found: list[tuple[tuple[int, int], tuple[int, int]]] = []
    for first, last in _runs(_best_path(scores)):
        chars = _clean(text, int(offsets[first, 0]), int(offsets[last - 1, 1]), quotes)
        if chars is None or (found and chars[0] < found[-1][0][1]):
            continue
        tokens = tokens_of(offsets, chars)
        if tokens is not None:
            found.append((chars, tokens))
    if found:
        return found
    whole = whole_span(text)
    return [(whole, tokens_of(offsets, whole) or (0, len(offsets)))]


def _best_path(scores: Array) -> list[int]:
    """Viterbi over three tags, where inside never follows outside."""
    previous = [float(scores[0, OUTSIDE]), float(scores[0, BEGIN]), -1e9]
    back: list[tuple[int, int, int]] = []
    for outside, begin, inside in scores[1:].tolist():
        best = max(range(3), key=previous.__getitem__)
        within = BEGIN if previous[BEGIN] >= previous[INSIDE] else INSIDE
        back.append((best, best, within))
        previous = [previous[best] + outside, previous[best] + begin, previous[within] + inside]
    tag = max(range(3), key=previous.__getitem__)
    path = [tag]
    for step in reversed(back):
        tag = step[tag]
        path.append(tag)
    path.reverse()
    return path


def _runs(path: list[int]) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for k, tag in enumerate(path):
        if tag == BEGIN:
            runs.append((k, k + 1))
        elif tag == INSIDE and runs:
            runs[-1] = (runs[-1][0], k + 1)
    return runs


def _clean(text: str, begin: int, end: int, quotes: list[tuple[int, int]]) -> tuple[int, int] | None:
    for low, high in quotes:
        if low < begin < high:
            begin = low
        if low < end < high:
            end = high
    while end > begin and text[end - 1] in _EDGE:
        end -= 1
    while begin < end and text[begin] in _EDGE:
        begin += 1
    leading = _LEADING.match(text, begin, end)
    if leading and leading.end() < end:
        begin = leading.end()
    return (begin, end) if any(c.isalnum() for c in text[begin:end]) else None
