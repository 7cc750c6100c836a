"""Which cell of its row a request names for a field: `with the customer's name as the subject`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from narrowgauge.contracts.name_words import name_words, singular

__all__ = ["cell_said"]

_POSSESSIVE = re.compile(r"['’]s?\b")
_ARTICLES = frozenset({"the", "a", "an", "its", "their", "his", "her", "same"})
_MOST_WORDS = 3
# As `name_words` writes them.
_MORE = frozenset(map(singular, ("and", "plus")))


def cell_said(request: str, names: Sequence[tuple[str, ...]], row: Mapping[str, str]) -> str:
    """Returns the text of the cell that a field is to have; empty where the request names none.

    Args:
        request: The request.
        names: How it may name the field: words in lower case and in the singular.
        row: Texts by column.
    """
    words = name_words(_POSSESSIVE.sub("", request))
    columns = {column: name_words(column) for column, text in row.items() if text}
    for place in range(len(words)):
        if words[place] == "as" and _begins(_bare(words[place + 1 :]), names):
            before = words[max(0, place - _MOST_WORDS) : place]
            if column := _column(before, columns):
                return row[column]
        if words[place] == "same" and _begins(words[place + 1 :], names):
            same = next(name for name in names if words[place + 1 : place + 1 + len(name)] == name)
            if column := _column(same, columns, exactly=True):
                return row[column]
        for name in names:
            behind = words[place + len(name) :]
            if words[place : place + len(name)] == name and behind[:1] == ("the",):
                for end in range(_MOST_WORDS, 0, -1):
                    if column := _column(_bare(behind)[:end], columns, exactly=True):
                        return row[column]
        if words[place : place + 2] == ("named", "after") and ("name",) in names:
            behind, further = _bare(words[place + 2 :])[:1], _bare(words[place + 2 :])[1:2]
            if further and further[0] in _MORE:
                continue  # more than the cell
            if column := _column((*behind, "name"), columns) or _column(behind, columns):
                return row[column]
    return ""


def _bare(words: tuple[str, ...]) -> tuple[str, ...]:
    """Words without the article before them."""
    return words[1:] if words[:1] and words[0] in _ARTICLES else words


def _begins(words: tuple[str, ...], names: Sequence[tuple[str, ...]]) -> bool:
    return any(words[: len(name)] == name for name in names)


def _column(words: tuple[str, ...], columns: Mapping[str, tuple[str, ...]], *, exactly: bool = False) -> str:
    """The column that words end in the name of; or whose name they are a part of."""
    if not words:
        return ""
    for column, name in sorted(columns.items(), key=lambda item: -len(item[1])):
        if words[-len(name) :] == name and (not exactly or len(words) <= len(name) + 1):
            return column
    if exactly:
        return ""
    return next((column for column, name in columns.items() if words[-1] in name), "") or next(
        (column for column, name in columns.items() if words[-1] == "name" and name == words[-2:-1]), ""
    )
