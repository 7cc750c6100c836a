"""Which result a summary is about, by the words that it shares with the steps before it.

"Summarize the case count" is about the step that counts cases, however many others stand between; the pair
classifier takes the nearest result, or none.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from functools import cached_property

from narrowgauge.contracts.name_words import singular

__all__ = ["Topics"]

_SUMMARIZES = re.compile(
    r"^\W*(?:(?:please|kindly|then|finally|lastly|also|and|can you|could you) )*"
    r"(?:summari[sz]e|sum up|recap|brief|wrap|explain|condense|outline|describe"
    r"|(?:give|write|put|make|draft|prepare|produce|compose|get|send|show)\b.{0,60}\b"
    r"(?:summary|headline|overview|recap|digest|comparison|report|sentences?|paragraphs?"
    r"|(?:short|brief|line|quick) note)"
    r"|(?:short |brief |quick )?(?:summary|recap|overview|headline|digest) (?:of|about|on))\b",
    re.IGNORECASE,
)
# What the client sent along is no step's result.
_SENT_ALONG = re.compile(
    r"\b(?:memos?|files?|messages?|documents?|attach\w+|texts?|articles?|e-?mails?|letters?|transcripts?)\b"
    r"|\bnotes?\b(?! (?:on|about) (?:that|those|these|the)\b)(?!$)",
    re.IGNORECASE,
)
_LISTED = (
    re.compile(r"\b(?:that|this|the) list\b(?! of)", re.IGNORECASE),
    re.compile(r"list\b", re.IGNORECASE),
)
_FOR_EACH = re.compile(r"\bfor (?:each|every)\b", re.IGNORECASE)
_WORD = re.compile(r"[a-z]+|\d+")
_HOW_MANY = re.compile(r"\bhow many\b|\bnumber of\b|\bcount(?:s|ed)?\b|\bfigures?\b", re.IGNORECASE)
# Words of the task itself, and those that say nothing of what it is about.
_EMPTY = frozenset(
    """
    a an the of in on at to for from by with and or me us my our your it its this that these those them
    they all each every any is are was were be what which who how many much do does did have has one two
    three four five please then finally also can could you write give put make draft prepare produce
    compose get send show list find look up pull take tell wrap sum summarize summarise summary recap
    brief explain condense outline describe short quick line sentence note headline overview digest
    comparison report number count figure result new newest last first next open
    """.split()  # noqa: SIM905 - words read better as a text
)


class Topics:
    """What the steps of one request are about; the words of each are looked at once.

    Args:
        steps: Texts of the steps.
    """

    def __init__(self, steps: Sequence[str]) -> None:
        self._steps = steps

    def of(self, i: int, planned: Collection[int]) -> int | None:
        """Returns the step whose result a summary is about; None where its words do not tell.

        Args:
            i: The step that may be a summary.
            planned: Steps whose results it is planned to use; one of them stays where no other shares more
                words.
        """
        if not _SUMMARIZES.match(self._steps[i]) or _SENT_ALONG.search(self._steps[i]):
            return None
        if _LISTED[0].search(self._steps[i]):
            lists = [j for j in range(i) if _LISTED[1].match(self._steps[j])]
            if lists:
                return lists[-1]
        shared = [len(self._content[i] & content) for content in self._content[:i]]
        most = max(shared, default=0)
        best = [j for j in range(i) if shared[j] == most]
        # What is done for each row of a result shares its words, and has no result that one would read.
        best = [j for j in best if not _FOR_EACH.search(self._steps[j])] or best
        if most == 0 or (any(j in planned for j in best) and (len(best) > 1 or len(planned) == 1)):
            return None
        return best[-1]

    @cached_property
    def _content(self) -> list[frozenset[str]]:
        return [_content_of(step) for step in self._steps]


def _content_of(step: str) -> frozenset[str]:
    words = {singular(word) for word in _WORD.findall(step.lower())} - _EMPTY
    return frozenset(words | ({"#count"} if _HOW_MANY.search(step) else set()))
