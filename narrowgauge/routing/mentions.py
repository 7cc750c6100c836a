"""The nouns of a step, and how they stand in it: asked for, only mentioned, or no nouns at all.

Words are compared in lower case and in the singular; quotations are left out and proper names told apart. A
noun that the step is *about*, *for* or *with* is only mentioned; *those* are another step's. Names such as
`Case`, `Order` and `Lead` are ordinary words, too: they count in the plural, behind a determiner or a number,
and before one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from narrowgauge.contracts.name_words import WORD, singular

__all__ = ["Mention", "Token", "mention_at", "tokens_of"]

Span = tuple[int, int]

_REACH = 4
"""Words before a noun that can be of its phrase: `for each of the`."""

_KEPT_TOGETHER = re.compile(r"[ \-_/&'’#\n\t]*")

_DETERMINERS = frozenset(
    {
        *("a", "an", "the", "each", "every", "all", "any", "no", "another", "which", "what", "new"),
        *("my", "our", "your", "their", "his", "her", "its", "many", "first", "last", "next", "latest"),
        *("newest", "oldest"),
    }
)
_REFERRING = frozenset({"those", "these", "such"})
_BESIDE = frozenset(
    {
        *("about", "as", "at", "by", "concerning", "for", "into", "like", "on", "per", "regarding"),
        *("than", "to", "with"),
    }
)
_SUBJECTS = frozenset({"it", "that", "this", "what", "which", "who"})
_AFTER_VERBS = frozenset({"for", "in", "on", "to", "with"})

# Names of tables and objects that English has other uses for: a verb (`order me a pizza`, `leads to`), or a
# part of an idiom (`in case`, `in order to`, `on account of`).
_ORDINARY = frozenset(
    {
        *("account", "activity", "address", "answer", "asset", "call", "campaign", "case", "change"),
        *("claim", "comment", "contact", "content", "contract", "cost", "date", "deal", "document"),
        *("email", "event", "file", "form", "goal", "group", "history", "hold", "idea", "image"),
        *("individual", "interest", "issue", "item", "lead", "level", "limit", "line", "link", "list"),
        *("location", "log", "macro", "match", "measure", "message", "name", "network", "note"),
        *("number", "offer", "order", "organization", "owner", "package", "page", "part", "partner"),
        *("payment", "period", "person", "plan", "point", "position", "post", "price", "process"),
        *("product", "profile", "program", "project", "purchase", "question", "queue", "quote", "rate"),
        *("reason", "record", "reply", "report", "request", "response", "result", "return", "review"),
        *("role", "rule", "run", "sale", "schedule", "score", "search", "service", "session", "set"),
        *("share", "site", "skill", "solution", "source", "stage", "state", "status", "step", "stock"),
        *("store", "survey", "table", "tag", "target", "task", "team", "term", "test", "text", "time"),
        *("title", "topic", "total", "trade", "transfer", "type", "update", "use", "user", "value"),
        *("view", "visit", "vote", "week", "word", "work", "year"),
    }
)


@dataclass(frozen=True)
class Token:
    """A word of a step: as it stands, in lower case and singular, and whether a new phrase begins with it."""

    text: str
    word: str
    proper: bool
    apart: bool


@dataclass(frozen=True)
class Mention:
    """Words of a step that name an entity.

    Attributes:
        words: In lower case and in the singular.
        refers: They mean what another step has found.
        asked: The step asks for it, and does not only mention it.
    """

    words: tuple[str, ...]
    refers: bool
    asked: bool


def tokens_of(text: str, span: Span, quotes: Sequence[Span]) -> list[Token]:
    """The words of a step that are not quoted."""
    begin, end = span
    found = [
        match
        for match in WORD.finditer(text, begin, end)
        if not any(low <= match.start() < high for low, high in quotes)
    ]
    tokens = []
    for k, match in enumerate(found):
        apart = k == 0 or not _KEPT_TOGETHER.fullmatch(text, found[k - 1].end(), match.start())
        word = match[0].lower()
        tokens.append(Token(word, singular(word), _is_proper(text, found, k, apart), apart))
    return tokens


def _is_proper(text: str, found: Sequence[re.Match[str]], k: int, apart: bool) -> bool:
    """Whether a word is a part of a proper name: capitalised, beside another such one within its sentence."""
    if not found[k][0][0].isupper() or found[k][0].isupper():
        return False

    def beside(other: int) -> bool:
        low, high = sorted((k, other))
        return found[other][0][0].isupper() and text[found[low].end() : found[high].start()] == " "

    before = not apart and k > 1 and beside(k - 1)
    after = k > 0 and k + 1 < len(found) and beside(k + 1)
    return before or after


def mention_at(tokens: Sequence[Token], at: int, length: int) -> Mention:
    """Looks at the words around `length` words which name an entity."""
    words = tuple(token.word for token in tokens[at : at + length])
    before: list[str] = []
    for k in range(at - 1, max(at - _REACH, 0) - 1, -1):
        if tokens[k + 1].apart:
            break
        before.append(tokens[k].text)
    after = tokens[at + length] if at + length < len(tokens) else None
    refers = bool(_REFERRING & set(before[:3])) or before[:1] in (["this"], ["that"])
    asked = not refers and not _BESIDE & set(before)
    if length == 1 and words[0] in _ORDINARY:
        asked = asked and _is_noun(tokens[at].text, words[0], before, after)
    return Mention(words, refers, asked)


def _is_noun(text: str, word: str, before: Sequence[str], after: Token | None) -> bool:
    """Whether an ordinary word stands as a noun, as far as the words around it tell.

    Args:
        text: The word as it stands.
        word: In the singular.
        before: The words before it, the nearest first.
        after: The word after it.
    """
    if text != word:
        verb = before[:1] and before[0] in _SUBJECTS and after is not None and after.text in _AFTER_VERBS
        return not verb
    if "in" in before[:2] or "on" in before[:2]:
        return False  # in case, in the event of, on account of
    if after is not None and (after.text.isdigit() or (word, after.text) == ("lead", "time")):
        return after.text.isdigit()
    return bool(_DETERMINERS & set(before[:3])) or any(said.isdigit() for said in before[:2])
