"""Which tool has what a step names: routes informed by the tools' catalogues.

The classifier reads how a step is worded, and knows no table and no object. Where two specialists have a
catalogue each, the names in them tell more than the wording: only the CRM has renewals. So a step that
the classifier gives to one of them, or to neither because it cannot tell them apart, goes to the one whose
catalogue alone has what the step asks for. Everything else stays as the classifier and the rules decided.

What a step asks for is a noun that is the name of an entity (`mentions`). A name that one catalogue alone
has decides; one that several have decides where the classifier abstains between them, and one has more of the
step's words among its fields.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import cached_property

from narrowgauge.contracts.name_words import COMMON_WORDS, name_words
from narrowgauge.contracts.route_rules import FORCE
from narrowgauge.routing.mentions import Mention, Token, mention_at, tokens_of
from narrowgauge.routing.routes import CATALOGUE, Route
from narrowgauge.routing.rules import allowed_by
from narrowgauge.v1 import catalogue_pb2

__all__ = ["Vocabulary"]

Span = tuple[int, int]
_Words = tuple[str, ...]

_SURE = 0.97
"""From here on a name that may be there by chance does not overrule the classifier."""

_SUFFIX = re.compile(r"__[a-z]+$")
_CUSTOM = "__c"


@dataclass(frozen=True)
class _Nouns:
    """What one catalogue has.

    Attributes:
        entities: Whether an entity is one that its organisation made, by the words of its name or label.
        fields: The words of an entity's fields, by the words of its name or label.
        words: All words of names of entities and fields.
    """

    entities: Mapping[_Words, bool]
    fields: Mapping[_Words, frozenset[str]]
    words: frozenset[str]

    @staticmethod
    def read(catalogue: catalogue_pb2.Catalogue) -> _Nouns:
        """Reads a catalogue's names."""
        entities: dict[_Words, bool] = {}
        fields: dict[_Words, frozenset[str]] = {}
        for entity in catalogue.entities:
            own = frozenset(
                word
                for field in entity.fields
                for text in (field.name, field.label)
                for word in name_words(_SUFFIX.sub("", text))
            )
            for text in (entity.name, entity.label):
                words = name_words(_SUFFIX.sub("", text))
                if words and words[0] not in COMMON_WORDS:
                    entities[words] = entities.get(words, False) or entity.name.endswith(_CUSTOM)
                    fields[words] = fields.get(words, frozenset()) | own
        named = frozenset(word for words in entities for word in words)
        return _Nouns(entities, fields, named.union(*fields.values()))


class _Index:
    """The names of several catalogues, by what a look-up needs."""

    def __init__(self, catalogues: Mapping[str, catalogue_pb2.Catalogue]) -> None:
        self.nouns = {name: _Nouns.read(catalogue) for name, catalogue in sorted(catalogues.items())}
        owners: dict[_Words, set[str]] = defaultdict(set)
        for name, nouns in self.nouns.items():
            for words in nouns.entities:
                owners[words].add(name)
                owners[words[-1:]].add(name)  # `tickets` may be the support tickets
        self.owners = {words: frozenset(names) for words, names in owners.items()}
        """Specialists that words may name an entity of, be it by the last word of its name alone."""
        self.longest: dict[str, int] = {}
        """Words of the longest name by its first word."""
        for words in owners:
            self.longest[words[0]] = max(len(words), self.longest.get(words[0], 0))


class Vocabulary:
    """The names of several catalogues. Safe to share between threads.

    Names are read when the first step is looked at; a look-up takes microseconds.

    Args:
        catalogues: By specialist, of those that have one.
        only_read: The specialists none of whose tools writes.
    """

    def __init__(
        self, catalogues: Mapping[str, catalogue_pb2.Catalogue], only_read: Collection[str] = ()
    ) -> None:
        self._catalogues = dict(catalogues)
        self._only_read = frozenset(only_read)

    @cached_property  # two threads may both make it, and make the same
    def _index(self) -> _Index:
        return _Index(self._catalogues)

    def informed(
        self,
        text: str,
        spans: Sequence[Span],
        quotes: Sequence[Span],
        routes: Sequence[Route],
        thresholds: Mapping[str, float],
    ) -> list[Route]:
        """Returns the routes of steps, with those changed that the catalogues know better.

        Args:
            text: The request.
            spans: Its steps.
            quotes: Ranges of quotations in it, which name nothing.
            routes: What classifier and rules decided.
            thresholds: Probability by specialist below which the router abstains.
        """
        if len(self._catalogues) < 2:
            return list(routes)
        return [
            self._informed(route, text, span, quotes, thresholds) if self._may_change(route) else route
            for span, route in zip(spans, routes, strict=True)
        ]

    def _may_change(self, route: Route) -> bool:
        """Tells whether one with a catalogue is likeliest, and no rule has forced the route."""
        best, probability = route.candidates[0]
        forced = any(match.rule.effect == FORCE for match in route.rules)
        return best in self._catalogues and probability >= route.out_of_scope and not forced

    def _informed(
        self,
        route: Route,
        text: str,
        span: Span,
        quotes: Sequence[Span],
        thresholds: Mapping[str, float],
    ) -> Route:
        best, sure = route.candidates[0]
        tokens = tokens_of(text, span, quotes)
        mentions = list(self._mentions(tokens))
        said = {token.word for token in tokens} - COMMON_WORDS
        chosen = self._owner(mentions, said, sure)
        if not chosen and not route.specialist:
            chosen = self._richest(mentions, said)
        if not chosen or chosen == route.specialist:
            return route
        if chosen in self._only_read and chosen != best:
            return route  # the step may be worded as a write, which is nobody's there
        if any(name in said for name in self._catalogues if name != chosen):
            return route  # it says itself who is to do it
        if chosen not in allowed_by(route.rules, [name for name, _ in route.candidates]):
            return route
        # One of those with a catalogue serves the step, and the others lack what it asks for.
        probability = sum(p for name, p in route.candidates if name in self._catalogues)
        if probability < thresholds[chosen]:
            return route
        return replace(route, specialist=chosen, confidence=probability, reason=CATALOGUE)

    def _owner(self, mentions: Sequence[Mention], said: Set[str], sure: float) -> str:
        """Returns the specialist whose catalogue alone has what a step asks for; empty without one."""
        owners = [self._index.owners[mention.words] for mention in mentions if not mention.refers]
        alone = {name for names in owners if len(names) == 1 for name in names}
        if len(alone) != 1:
            return ""
        (name,) = alone
        entities = self._index.nouns[name].entities
        asked = [
            mention.words
            for mention in mentions
            if mention.asked and mention.words in entities and self._index.owners[mention.words] == alone
        ]
        if not asked:
            return ""
        if sure <= _SURE or any(entities[words] or len(words) > 1 for words in asked):
            return name
        others = (nouns.words for other, nouns in self._index.nouns.items() if other != name)
        return name if all(said.isdisjoint(words) for words in others) else ""

    def _richest(self, mentions: Sequence[Mention], said: Set[str]) -> str:
        """Returns the specialist whose entity has all that another's has of a step's words, and more."""
        nouns_of = self._index.nouns
        shared = [
            mention.words
            for mention in mentions
            if mention.asked and all(mention.words in nouns.entities for nouns in nouns_of.values())
        ]
        has = {
            name: {word for words in shared for word in said & nouns.fields[words]}
            for name, nouns in nouns_of.items()
        }
        for name, words in has.items():
            if all(words > others for other, others in has.items() if other != name):
                return name
        return ""

    def _mentions(self, tokens: Sequence[Token]) -> Iterator[Mention]:
        """Yields the nouns that name entities, from the left, longest first."""
        at = 0
        while at < len(tokens):
            length = self._length_at(tokens, at)
            if length:
                yield mention_at(tokens, at, length)
            at += length or 1

    def _length_at(self, tokens: Sequence[Token], at: int) -> int:
        """Returns how many words of a name begin at a word; 0 where none does."""
        for length in range(self._index.longest.get(tokens[at].word, 0), 0, -1):
            run = tokens[at : at + length]
            if any(token.apart for token in run[1:]) or (length == 1 and run[0].proper):
                continue
            if tuple(token.word for token in run) in self._index.owners:
                return length
        return 0
