"""Sub-task spans from boundary tags: what is quoted is never cut, and ends are cleaned."""

from __future__ import annotations

import re
from bisect import bisect_left

import numpy as np
import numpy.typing as npt

from narrowgauge.routing.encoder import tokens_of
from narrowgauge.routing.fragments import completed, joined, parted

__all__ = ["quoted_regions", "segment", "whole_span"]

Array = npt.NDArray[np.float32]

OUTSIDE, BEGIN, INSIDE = range(3)

# Quotation marks of any length; a straight single quote counts only where no letter is glued to its outer
# side, so that apostrophes do not. Fences, marked context and lines with `>` are other people's text as well.
_OPENING = re.compile(
    r"```|<(?ai:context|document|quote|email|text)>|^>|[\"“„«「`]|(?<!\w)['‘](?=\S)", re.MULTILINE
)
_CLOSING = {
    "```": re.compile("```"),
    '"': re.compile('"'),
    "“": re.compile("”"),
    "„": re.compile("[“”]"),
    "«": re.compile("»"),
    "「": re.compile("」"),
    "`": re.compile("[`\n]"),
    "'": re.compile(r"\n|(?<=\S)'(?!\w)"),
    "‘": re.compile(r"[\n‘]|(?<=\S)’(?!\w)"),
    ">": re.compile("$", re.MULTILINE),
    **{
        f"<{tag}>": re.compile(f"</{tag}>", re.IGNORECASE)
        for tag in ("context", "document", "quote", "email", "text")
    },
}
_TO_THE_END = {mark for mark in _CLOSING if mark == "```" or mark.startswith("<")}
_BREAKING = {"`": "\n", "'": "\n", "‘": "\n‘"}  # what such a quotation cannot hold
_EDGE = " \t\r\n\f\v.,;:!?…"
_LEADING = re.compile(
    r"(?:(?:and|then|also|please|finally|next|afterwards|first|lastly)\b[ ,:]*"
    r"|[-*•–—]\s+|\(?\d{1,2}[.)]\s+)+",
    re.IGNORECASE,
)


def quoted_regions(text: str) -> list[tuple[int, int]]:
    """Character ranges of quotations, the marks included; they are in order and do not overlap.

    Fences and marked context that are never closed reach to the end of the text; other marks that are never
    closed are none. Takes time linear in the text, whatever marks it has.
    """
    regions: list[tuple[int, int]] = []
    # The next closing mark of each kind holds for every opening mark before it: none is looked for twice.
    ahead: dict[str, re.Match[str] | None] = {}
    at = 0
    while opening := _OPENING.search(text, at):
        at = opening.start() + 1
        mark = opening[0].lower()
        closing = ahead.get(mark)
        if mark not in ahead or (closing is not None and closing.start() < opening.end()):
            ahead[mark] = closing = _CLOSING[mark].search(text, opening.end())
        if closing is None:
            if mark not in _TO_THE_END:
                continue
            end = len(text)
        elif closing[0] in _BREAKING.get(mark, ()) or (mark == "`" and closing.start() == opening.end()):
            continue
        else:
            end = closing.end()
        regions.append((opening.start(), end))
        at = end
    return regions


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
    spans: list[tuple[int, int]] = []
    begins: list[float] = []
    for first, last in _runs(_best_path(scores)):
        chars = _clean(text, int(offsets[first, 0]), int(offsets[last - 1, 1]), quotes)
        if chars is not None and not (spans and chars[0] < spans[-1][1]):
            spans.append(chars)
            begins.append(float(np.exp(scores[first, BEGIN])))
    spans = parted(text, completed(text, joined(text, spans, begins), quotes), quotes)
    found = [(chars, tokens) for chars in spans if (tokens := tokens_of(offsets, chars)) is not None]
    if found:
        return _with_quotations(text, found, offsets, quotes) if quotes else found
    whole = whole_span(text)
    return [(whole, tokens_of(offsets, whole) or (0, len(offsets)))]


def _with_quotations(
    text: str,
    found: list[tuple[tuple[int, int], tuple[int, int]]],
    offsets: npt.NDArray[np.int64],
    quotes: list[tuple[int, int]],
) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Makes spans that are nothing but quotation part of the step that they stand beside.

    A quoted document is what another step is about: as a step of its own it would be done.
    """
    asking = [_asks(text, chars, quotes) for chars, _ in found]
    if all(asking) or not any(asking):
        return found
    joined: list[tuple[int, int]] = []
    waiting: int | None = None  # where quotations in front of the first step begin
    for (chars, _), asks in zip(found, asking, strict=True):
        if asks:
            begin = chars[0] if waiting is None else waiting
            joined.append((begin, chars[1]))
            waiting = None
        elif joined:
            joined[-1] = (joined[-1][0], chars[1])
        elif waiting is None:
            waiting = chars[0]
    return [(chars, tokens_of(offsets, chars) or (0, len(offsets))) for chars in joined]


def _asks(text: str, chars: tuple[int, int], quotes: list[tuple[int, int]]) -> bool:
    """Tells whether a span has a word outside of quotations."""
    at, end = chars
    for low, high in quotes[max(0, bisect_left(quotes, (at, 0)) - 1) :]:
        if low >= end:
            break
        if any(c.isalnum() for c in text[at:low]):
            return True
        at = max(at, high)
    return any(c.isalnum() for c in text[at:end])


def _best_path(scores: Array) -> list[int]:
    """Viterbi over three tags, where inside never follows outside."""
    # Written out: this runs for every token of every plan.
    rows = scores.tolist()
    outside, begin, inside = rows[0][OUTSIDE], rows[0][BEGIN], -1e9
    back: list[tuple[int, int, int]] = []
    for outside_now, begin_now, inside_now in rows[1:]:
        best, score = (BEGIN, begin) if begin > outside else (OUTSIDE, outside)
        if inside > score:
            best, score = INSIDE, inside
        within, continued = (BEGIN, begin) if begin >= inside else (INSIDE, inside)
        back.append((best, best, within))
        outside, begin, inside = score + outside_now, score + begin_now, continued + inside_now
    tag, score = (BEGIN, begin) if begin > outside else (OUTSIDE, outside)
    tag = INSIDE if inside > score else tag
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
    # Quotations are in order and apart, so that at most the last one that begins before an end holds it.
    before = bisect_left(quotes, (begin, 0)) - 1
    if before >= 0 and begin < quotes[before][1]:
        begin = quotes[before][0]
    before = bisect_left(quotes, (end, 0)) - 1
    if before >= 0 and end < quotes[before][1]:
        end = quotes[before][1]
    while end > begin and text[end - 1] in _EDGE:
        end -= 1
    while begin < end and text[begin] in _EDGE:
        begin += 1
    leading = _LEADING.match(text, begin, end)
    if leading and leading.end() < end:
        begin = leading.end()
    return (begin, end) if any(c.isalnum() for c in text[begin:end]) else None
