"""Schema linking: the words of a request that name what is in the catalogue.

A small model copies a name well and guesses badly which column `urgent` belongs to, least of all in a schema
that it never saw. So code finds the words that name entities, fields and categorical values, and the prompt
says what they name (`prompts.build_prompt`):

    urgent: support_tickets.priority = urgent
    work orders: WorkOrder

Words are compared in lower case and in the singular, a misspelt one with the nearest name. The longest name
wins. A name that several entities have counts for those that the request names, or else for all of them
while they are few. What the name says by itself has no link: `subject` needs none beside `tickets`. Text in
quotation marks and parts of proper names are values that the request gives, and link to nothing.

Schema linking as a step of its own goes back to Lei et al., 2020 (Re-examining the Role of Schema Linking in
Text-to-SQL).
"""

from __future__ import annotations

import difflib
import re
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from threading import Lock
from typing import TypeVar

from narrowgauge.contracts.name_words import COMMON_WORDS, WORD, name_words, singular
from narrowgauge.v1 import catalogue_pb2

__all__ = ["SchemaLink", "schema_links"]


@dataclass(frozen=True)
class SchemaLink:
    """Words of a request and what they name.

    Attributes:
        phrase: The words as the request has them, in lower case.
        targets: `entity`, `entity.field` or `entity.field = value`; at most `_MOST_TARGETS`.
    """

    phrase: str
    targets: tuple[str, ...]


@dataclass(frozen=True)
class _Name:
    """What a run of words can name. `whole` unless the words are a part of the name only."""

    entity: str
    field: str = ""
    value: str = ""
    whole: bool = True

    def __str__(self) -> str:
        text = f"{self.entity}.{self.field}" if self.field else self.entity
        return f"{text} = {self.value}" if self.value else text


_Words = tuple[str, ...]
_K = TypeVar("_K")
_MOST_WORDS = 5
_MOST_TARGETS = 2
_MOST_LINKS = 8
# Shorter words are parts of too many names, and of too many others by a misspelling.
_LEAST_PART = 4
_LEAST_MISSPELT = 5
_LEAST_STEM = 5
_LIKENESS = 0.85
_LONGEST_ENDING = 3
# A word of two or three letters names a value (`UK`, `IT`) only when it is written like it.
_SHORT = 3
# Parts of names that requests use for other things.
_NOT_PARTS = frozenset(
    {
        *(
            "first",
            "last",
            "next",
            "only",
            "full",
            "other",
            "number",
            "total",
            "count",
            "description",
            "type",
        ),
        *("year", "quarter", "month", "week"),
    }
)
_QUOTED = re.compile(r"\"[^\"]*\"|“[^”]*”|«[^»]*»|„[^“]*“")
_SUFFIX = re.compile(r"__[a-z]+$")


def schema_links(catalogue: catalogue_pb2.Catalogue, request: str) -> list[SchemaLink]:
    """Returns the links of a request, in its order; the first ones when there are many.

    Args:
        catalogue: The environment's catalogue.
        request: The sub-task.
    """
    index = _INDEXES.of(catalogue)
    runs = _tokens(request)
    named = _named_entities(index, runs)
    spans = list(_spans(index, runs, named))
    chosen = named or _likeliest(names for _, names in spans)
    links: list[SchemaLink] = []
    said: set[str] = set()
    for phrase, names in spans:
        kept = _resolved(phrase, names, chosen)
        targets = tuple(dict.fromkeys(map(str, kept)))
        if not targets or len(targets) > _MOST_TARGETS or said.issuperset(targets):
            continue
        if len(kept) == 1 and kept[0].entity in named and _says_it_all(phrase, kept[0]):
            continue
        said.update(targets)
        links.append(SchemaLink(phrase.lower(), targets))
    return links[:_MOST_LINKS]


@dataclass(frozen=True)
class _Token:
    text: str
    word: str
    start: int
    end: int
    proper: bool


def _tokens(request: str) -> list[list[_Token]]:
    """Words of the request in runs that a name can lie in: quotations and punctuation part them."""
    runs: list[list[_Token]] = [[]]
    quoted = [match.span() for match in _QUOTED.finditer(request)]
    found = list(WORD.finditer(request))
    capital = [match[0][0].isupper() for match in found]
    for place, match in enumerate(found):
        start, end = match.span()
        if any(first <= start < last for first, last in quoted):
            continue
        before = request[found[place - 1].end() : start] if place else "."
        after = request[end : found[place + 1].start()] if place + 1 < len(found) else "."
        # One of several capitalised words in a row; the first of a sentence counts when the next one is.
        beside = (place > 0 and before == " " and capital[place - 1] and found[place - 1].start() > 0) or (
            after == " " and capital[place + 1] and start > 0
        )
        token = _Token(match[0], singular(match[0].lower()), start, end, capital[place] and beside)
        if before.strip(" -_/&'’") and runs[-1]:
            runs.append([])
        runs[-1].append(token)
    return runs


def _named_entities(index: _Index, runs: Iterable[list[_Token]]) -> set[str]:
    """Returns the entities that the request names: by a whole name, or by a part that no other name has."""
    named: set[str] = set()
    for _, names in _spans(index, runs, set()):
        entities = {name.entity for name in names if not name.field and name.whole}
        if not entities and all(not name.field for name in names) and len(names) == 1:
            entities = {names[0].entity}
        named |= entities
    return named


def _spans(index: _Index, runs: Iterable[list[_Token]], named: set[str]) -> Iterator[tuple[str, list[_Name]]]:
    """Yields phrases and what they can name, from the left; the longest, but of named entities first."""
    for run in runs:
        place = 0
        while place < len(run):
            found: tuple[int, list[_Name]] | None = None
            for length in range(min(_MOST_WORDS, len(run) - place), 0, -1):
                names = index.names(run[place : place + length])
                if any(not name.field or name.entity in named for name in names):
                    found = length, names
                    break
                if names and found is None:
                    found = length, names
            length = found[0] if found else 1
            if found:
                yield " ".join(token.text for token in run[place : place + length]), found[1]
            place += length


def _likeliest(spans: Iterable[list[_Name]]) -> set[str]:
    """Returns the entity that most of the words can belong to, if one is ahead of the others."""
    votes: Counter[str] = Counter()
    for names in spans:
        votes.update({name.entity for name in names})
    best = max(votes.values(), default=0)
    leaders = {entity for entity, count in votes.items() if count == best}
    return leaders if len(leaders) == 1 else set()


def _resolved(phrase: str, names: list[_Name], chosen: set[str]) -> list[_Name]:
    """Returns the names that count: of the chosen entities before others, whole ones before parts."""
    if entities := [name for name in names if not name.field and name.whole]:
        return entities
    own = [name for name in names if name.entity in chosen]
    if found := [name for name in own if name.whole] or own:
        return found
    if chosen and len(phrase) <= _LEAST_PART and phrase.islower():
        return []  # `new`, `each`, `open`: a value of something else by chance
    return [name for name in names if name.whole] or ([] if chosen else names)


def _says_it_all(phrase: str, name: _Name) -> bool:
    """Whether the words are the field's name letter by letter."""
    return not name.value and bool(name.field) and _letters(phrase) == _letters(name.field)


def _letters(text: str) -> str:
    return "".join(char for char in text.lower() if char.isalnum())


class _Index:
    """The names of one catalogue by their words."""

    def __init__(self, catalogue: catalogue_pb2.Catalogue) -> None:
        self._whole: dict[_Words, list[_Name]] = defaultdict(list)
        self._parts: dict[str, list[_Name]] = defaultdict(list)
        self._stems: dict[str, list[tuple[str, _Name]]] = defaultdict(list)
        for entity in catalogue.entities:
            self._add(_Name(entity.name), entity.name, entity.label)
            for field in entity.fields:
                name = _Name(entity.name, field.name)
                # The word of a reference speaks of the other entity.
                if not field.references and not field.key:
                    self._add(name, field.name, field.label)
                for value in field.values:
                    self._add_value(_Name(entity.name, field.name, value))
        words = {word for key in self._whole for word in key} | set(self._parts)
        self._words = sorted(word for word in words if len(word) >= _LEAST_MISSPELT)

    def _add(self, name: _Name, *texts: str) -> None:
        for text in texts:
            words = name_words(_SUFFIX.sub("", text))
            if not words or (words[0] in COMMON_WORDS and len(words) == 1):
                continue
            self._put(self._whole, words, name)
            if len(words) > 1:
                part = _Name(name.entity, name.field, whole=False)
                # `tickets` for support_tickets, `weight` for weight_kg.
                for word in words if name.field else words[-1:]:
                    if len(word) >= _LEAST_PART and word not in COMMON_WORDS | _NOT_PARTS:
                        self._put(self._parts, word, part)

    def _add_value(self, name: _Name) -> None:
        words = name_words(name.value)
        if words and any(word.isalpha() for word in words):
            self._put(self._whole, words, name)
            if len(words) == 1 and len(words[0]) > _LEAST_STEM:
                self._stems[words[0][:_LEAST_STEM]].append((words[0], name))

    @staticmethod
    def _put(index: dict[_K, list[_Name]], key: _K, name: _Name) -> None:
        if name not in index[key]:
            index[key].append(name)

    def names(self, tokens: list[_Token]) -> list[_Name]:
        """Returns what the words can name together."""
        words = tuple(token.word for token in tokens)
        text = " ".join(token.text for token in tokens)
        names = self._whole.get(words, [])
        if len(text) <= _SHORT:
            names = [name for name in names if not name.value.isupper() or name.value == text]
        if len(tokens) == 1:
            # A part of somebody's name: `Energy` of `Atlas Energy`.
            return [] if tokens[0].proper else self._single(tokens[0], names)
        return names

    def _single(self, token: _Token, names: list[_Name]) -> list[_Name]:
        word = token.word
        if word in COMMON_WORDS or not word.isalpha():
            return names
        if found := names + self._parts.get(word, []) or self._akin(token):
            return found
        if len(word) < _LEAST_MISSPELT or token.text != token.text.lower() or word in _NOT_PARTS:
            return []
        word = token.text.removesuffix("s")  # a misspelt plural need not have a singular's ending
        others = self._near(word)
        near = difflib.get_close_matches(word, others, n=1, cutoff=_LIKENESS)
        near = near or [other for other in others if sorted(other) == sorted(word)]
        return self._whole.get((near[0],), []) + self._parts.get(near[0], []) if near else []

    def _akin(self, token: _Token) -> list[_Name]:
        """Returns the values of which a word is another form: `cancel` of cancelled, `German` of Germany."""
        return [
            name
            for word, name in self._stems.get(token.word[:_LEAST_STEM], ())
            if word != token.word
            and abs(len(word) - len(token.word)) <= _LONGEST_ENDING
            and (token.text[0].isupper() or word.startswith(token.word) or token.word.startswith(word))
        ]

    def _near(self, word: str) -> list[str]:
        """Names' words that begin alike and are about as long: few, since comparing is slow.

        Another form of a word (`create`, `created`) is no misspelling.
        """
        return [
            other
            for other in self._words
            if other[0] == word[0]
            and abs(len(other) - len(word)) <= 2
            and not other.startswith(word[:-1])
            and not word.startswith(other[:-1])
        ]


class _Indexes:
    """Keeps the indexes of the catalogues that were used last. Safe to use from several threads."""

    _REMEMBERED = 32

    def __init__(self) -> None:
        self._indexes: OrderedDict[str, _Index] = OrderedDict()
        self._lock = Lock()

    def of(self, catalogue: catalogue_pb2.Catalogue) -> _Index:
        """Returns a catalogue's index; one without a hash is read each time."""
        with self._lock:
            if catalogue.hash and catalogue.hash in self._indexes:
                self._indexes.move_to_end(catalogue.hash)
                return self._indexes[catalogue.hash]
        index = _Index(catalogue)
        with self._lock:
            if catalogue.hash:
                self._indexes[catalogue.hash] = index
            while len(self._indexes) > self._REMEMBERED:
                self._indexes.popitem(last=False)
        return index


_INDEXES = _Indexes()
