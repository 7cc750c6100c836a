"""Words that a text of a write can be made of: fewer than stand in the prompt.

A prompt says more than what is written: for which record, on which day, once for each of what. Of the row
that a run is about, a new record takes whole cells from their beginning, and no amounts; a change takes
nothing that its request does not say.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from narrowgauge.contracts.prompts import context_row
from narrowgauge.contracts.record_aliases import ALIAS
from narrowgauge.errors import InvalidRequest
from narrowgauge.v1.specialist_pb2 import ContextDocument

__all__ = ["WrittenWords", "row_cells", "texts_in", "words_in"]

_WORD = re.compile(r"[^\W_]+")
# `for user @1` says whose, and not what.
_RECORD = re.compile(rf"(?:\b(?:for|of|on|to|at|in|with|by|from|under) (?:the )?)?\b[a-z]+ {ALIAS.pattern}")
_EACH = re.compile(
    r"(?:\b(?:for|per) )?\b(?:each|every)\b(?: (?:one|single))?(?: of)?(?: (?:these|those|them|the)\b)?"
    r"(?: [a-z]+)?|\b(?:for|on|to|at|under) (?:the|this|that|their) [a-z]+",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"\"[^\"]*\"|“[^”]*”|'[^']+'(?!\w)")
_NAME = re.compile(r"[A-Z][\w'’-]*(?: (?:& )?[A-Z][\w'’-]*)*")
_OWNER = re.compile(r"\b(?:of|at|from) $")
_TITLED = re.compile(
    r"\b(?:subject|titled?|called|named?|about|regarding|concerning|re|saying|says|reads?|reminder|note)\b"
    r"|: ",
    re.IGNORECASE,
)
_CALENDAR = re.compile(
    r"^(?:mon|tues?|wednes|thurs?|fri|satur|sun)(?:day)?s?$|^(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)"
    r"|^q[1-4]$|^utc$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class WrittenWords:
    """The words of one sub-task's texts.

    Attributes:
        request: The sub-task.
        context: Texts of its context (`texts_in`).
        row: Cells of the rows that it is about (`row_cells`).
        days: The phrases that say days in the request, in lower case.
        linked: Words of the request that link to objects, fields and values, in lower case.
    """

    request: str
    context: str = ""
    row: tuple[tuple[str, str], ...] = ()
    days: frozenset[str] = frozenset()
    linked: frozenset[str] = frozenset()

    @cached_property
    def said(self) -> frozenset[str]:
        """Words of what the request says, but for whom, when and how often."""
        left = self.request
        for phrase in sorted(self.days, key=len, reverse=True):
            left = re.sub(rf"(?<!\w){re.escape(phrase)}(?!\w)", " ", left, flags=re.IGNORECASE)
        left = ALIAS.sub(" ", _RECORD.sub(" ", left))
        if self.row:
            left = _EACH.sub(" ", left)
        quoted = " ".join(_QUOTED.findall(self.request))
        return frozenset(words_in(f"{left} {quoted}"))

    @cached_property
    def persons(self) -> frozenset[str]:
        """Words of what the request says that can be in a person's name: not those of where they work."""
        names = list(_NAME.finditer(self.request))
        owners = [name for name in names if _OWNER.search(self.request[: name.start()])]
        others = {word for name in names if name not in owners and name.start() for word in words_in(name[0])}
        if not others or "last name" in self.request.lower():
            return self.said
        return self.said - {word for name in owners for word in words_in(name[0]) if word not in others}

    @cached_property
    def of_context(self) -> frozenset[str]:
        """Words of the context."""
        return frozenset(words_in(self.context))

    @cached_property
    def openings(self) -> frozenset[str]:
        """First words of the row's cells; all words of the context where there is no row."""
        if not self.row:
            return self.of_context
        firsts = (next(words_in(text), "") for _, text in self.row)
        return frozenset(word for word in firsts if word)

    @cached_property
    def says_text(self) -> bool:
        """Whether the request gives the text itself: as a title, in quotation marks, with a capital."""
        if _QUOTED.search(self.request) or _TITLED.search(self.request):
            return True
        found = _WORD.finditer(self.request)
        next(found, None)
        return any(
            match[0][0].isupper()
            and len(match[0]) > 1
            and match[0].lower() not in self.linked
            and not _CALENDAR.search(match[0])
            and not self.request[: match.start()].rstrip().endswith((".", "!", "?"))
            for match in found
        )


def row_cells(documents: Iterable[ContextDocument]) -> tuple[tuple[str, str], ...]:
    """Returns the cells of documents with one row each: the column's name, and the text; empty for others.

    Raises:
        InvalidRequest: BAD_ROW: a row is not a JSON object.
    """
    return tuple(
        (name, value if isinstance(value, str) else "")
        for document in documents
        for name, value in _only_row(document).items()
    )


def _only_row(document: ContextDocument) -> dict[str, object]:
    """The row of a document that has one; a result that is no table is a text with one JSON object."""
    if len(document.rows_json) == 1:
        return context_row(document.rows_json[0])
    if not document.rows_json and document.text.startswith("{"):
        with contextlib.suppress(InvalidRequest):
            return context_row(document.text)
    return {}


def texts_in(documents: Sequence[ContextDocument]) -> str:
    """Returns what documents say in words: texts and names of columns, no numbers of rows.

    Raises:
        InvalidRequest: BAD_ROW: a row is not a JSON object.
    """
    return "\n".join(text for document in documents for text in _texts(document))


def words_in(text: str) -> Iterator[str]:
    """Yields the runs of letters and digits of a text."""
    return (match[0] for match in _WORD.finditer(text))


def _texts(document: ContextDocument) -> Iterator[str]:
    if not document.rows_json:
        yield document.text
    for text in document.rows_json:
        for name, value in context_row(text).items():
            yield name
            if not isinstance(value, (int, float)) or isinstance(value, bool):
                yield str(value)
