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

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from narrowgauge.contracts.name_index import Name, NameIndex, Word, index_of
from narrowgauge.contracts.name_words import WORD, singular
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


_MOST_WORDS = 5
_MOST_TARGETS = 2
_MOST_LINKS = 8
# A shorter word that names a value of another entity does so by chance.
_LEAST_CHANCE = 4
# Between the words of one name.
_SEAMS = " -_/&'’"
_QUOTED = re.compile(r"\"[^\"]*\"|“[^”]*”|«[^»]*»|„[^“]*“")


def schema_links(catalogue: catalogue_pb2.Catalogue, request: str) -> list[SchemaLink]:
    """Returns the links of a request, in its order; the first ones when there are many.

    Args:
        catalogue: The environment's catalogue.
        request: The sub-task.
    """
    index = index_of(catalogue)
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


def _tokens(request: str) -> list[list[Word]]:
    """Words of the request in runs that a name can lie in: quotations and punctuation part them."""
    runs: list[list[Word]] = [[]]
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
        token = Word(match[0], singular(match[0].lower()), capital[place] and beside, after)
        if before.strip(_SEAMS) and runs[-1]:
            runs.append([])
        runs[-1].append(token)
    return runs


def _named_entities(index: NameIndex, runs: Iterable[list[Word]]) -> set[str]:
    """Returns the entities that the request names: by a whole name, or by a part that no other name has."""
    named: set[str] = set()
    for _, names in _spans(index, runs, set()):
        entities = {name.entity for name in names if not name.field and name.whole}
        if not entities and all(not name.field for name in names) and len(names) == 1:
            entities = {names[0].entity}
        named |= entities
    return named


def _spans(index: NameIndex, runs: Iterable[list[Word]], named: set[str]) -> Iterator[tuple[str, list[Name]]]:
    """Yields phrases and what they can name, from the left; the longest, but of named entities first."""
    for run in runs:
        place = 0
        while place < len(run):
            found: tuple[int, list[Name]] | None = None
            for length in range(min(_MOST_WORDS, len(run) - place), 0, -1):
                names = index.names(run[place : place + length])
                if any(not name.field or name.entity in named for name in names):
                    found = length, names
                    break
                if names and found is None:
                    found = length, names
            length = found[0] if found else 1
            if found:
                words = run[place : place + length]
                yield "".join(word.text + word.after for word in words[:-1]) + words[-1].text, found[1]
            place += length


def _likeliest(spans: Iterable[list[Name]]) -> set[str]:
    """Returns the entity that most of the words can belong to, if one is ahead of the others."""
    votes: Counter[str] = Counter()
    for names in spans:
        votes.update({name.entity for name in names})
    best = max(votes.values(), default=0)
    leaders = {entity for entity, count in votes.items() if count == best}
    return leaders if len(leaders) == 1 else set()


def _resolved(phrase: str, names: list[Name], chosen: set[str]) -> list[Name]:
    """Returns the names that count: of the chosen entities before others, whole ones before parts."""
    if entities := [name for name in names if not name.field and name.whole]:
        return entities
    own = [name for name in names if name.entity in chosen]
    if found := [name for name in own if name.whole] or own:
        return found
    if (chosen or phrase == "each") and len(phrase) <= _LEAST_CHANCE and phrase.islower():
        return []  # `new`, `each`, `open`: a value of something else by chance
    return [name for name in names if name.whole] or ([] if chosen else names)


def _says_it_all(phrase: str, name: Name) -> bool:
    """Whether the words are the field's name letter by letter."""
    return not name.value and bool(name.field) and _letters(phrase) == _letters(name.field)


def _letters(text: str) -> str:
    return "".join(char for char in text.lower() if char.isalnum())
