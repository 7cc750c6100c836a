"""Free values of a call stand in the text that it answers: no name, number or date is made up.

A grammar closes what the catalogue knows (names, categories), and leaves names of people, subjects, amounts
and days free; a small model writes `Amazo` for `Amos` there. So each word of a free text must be a word of
the prompt's turn, a number one that the turn says in digits or in words, and a day one of its days. A surface
says which value a text ends in (`ReadsOpenValues`), `Grounds` what can stand there, and the engine narrows
its masks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Literal, Protocol, runtime_checkable

from narrowgauge.contracts.countries import countries_said
from narrowgauge.contracts.fields_said import FieldsSaid
from narrowgauge.contracts.linked_values import LinkedValue, linked_values, names_object_and_field
from narrowgauge.contracts.name_words import singular
from narrowgauge.contracts.numbers_said import numbers_said
from narrowgauge.contracts.record_aliases import ALIAS
from narrowgauge.contracts.said_values import (
    SaidValue,
    changes,
    count_numbers,
    emails_in,
    phones_in,
    said_values,
)
from narrowgauge.contracts.surfaces.surface import ClosedSets
from narrowgauge.contracts.written_words import WrittenWords, words_in

__all__ = ["Grounds", "OpenValue", "OpenValueOf", "ReadsOpenValues", "Source"]

# A field of the catalogue, which links name.
_PATH = re.compile(r"\b[A-Za-z_]\w*\.[A-Za-z_]\w*(?= =| or |$)", re.MULTILINE)
_DAY = re.compile(r"(?<!\d)\d{4}-\d{2}-\d{2}(?!\d)")
# What the prompt says of a phrase for days.
_DAY_LINE = re.compile(
    r"^(?P<phrase>[^\n]+): (?P<first>\d{4}-\d{2}-\d{2})(?: to (?P<last>\d{4}-\d{2}-\d{2}))?$", re.MULTILINE
)
_DIGIT = re.compile(r"\d")
_SHORT = timedelta(days=13)
# The hyphen of a follow-up and the point of an address's end go unsaid; a quote or backslash is the call's.
_COMMON_SIGNS = frozenset(" -.\"'\\")
_CLOCK = re.compile(r"\b\d{1,2}(?::\d{2}| ?[ap]m\b)")
# Of a computed or a written date, not amounts.
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}(?:T[\d:]+Z?)?|\b\d{1,2}:\d{2}\b")


Source = Literal["", "written", "first", "request", "person"]
"""Which words a text can be made of; see `Grounds.words_of`."""


@dataclass(frozen=True)
class OpenValue:
    """A value, or the name of a field, that a text ends in or is about to begin.

    Attributes:
        kind: What it is made of: words, one number, a day (which a time may follow), one of some texts, or
            anything that the grammar allows.
        begun: What is written of it.
        texts: For `one_of`, the texts.
        null: Whether it may be `null`.
        last: Whether the call may end behind it.
        more: Whether a comma and a further field may follow it.
        without: A text that may not follow it; empty for none.
        pattern: Whether a text is one of LIKE, which may end inside a word.
        source: For `text`, which words it can be made of (`Grounds.words_of`).
        days: For `day`, the days that it can be; None for all of the text.
    """

    kind: Literal["text", "number", "day", "one_of", "any"]
    begun: str
    texts: tuple[str, ...] = ()
    null: bool = True
    last: bool = True
    more: bool = True
    without: str = ""
    pattern: bool = False
    source: Source = ""
    days: frozenset[str] | None = None


OpenValueOf = Callable[[str], OpenValue | None]
"""From a text so far to the free value that it ends in; None where everything is allowed."""


@runtime_checkable
class ReadsOpenValues(Protocol):
    """A compiled surface that can tell where in a text the free values are."""

    @property
    def own_words(self) -> frozenset[str]:
        """Words, in lower case, that a text may have without the request."""

    @property
    def place_words(self) -> frozenset[str]:
        """What people call the system itself, in lower case: no values where they say only where
        (`without_places`).
        """

    def value_reader(self, closed_sets: ClosedSets, grounds: Grounds) -> OpenValueOf:
        """Returns what finds the free value that a text ends in; for one call."""


@dataclass(frozen=True)
class Grounds:
    """What the free values of one sub-task's call can be made of.

    Attributes:
        text: The prompt's turn: request, context, what code found out about them; later, the tool's errors.
        request: The request alone.
        own_words: Words that need no ground, in lower case.
        context: What the context says in words (`written_words.texts_in`).
        row: The cells of the row that the sub-task is about (`written_words.row_cells`).
        failed: Whether a call was refused already, so that there may be none.
    """

    text: str
    request: str = ""
    own_words: frozenset[str] = frozenset()
    context: str = ""
    row: tuple[tuple[str, str], ...] = ()
    failed: bool = False

    @cached_property
    def words(self) -> frozenset[str]:
        """Words: those of the text, their singulars, and the names of countries that it means by other words;
        each as it stands, in lower case, with a capital and in capitals.
        """
        prompt, _, request = self.text.rpartition("Request:")
        # Names of record ids are no words: they stand in references.
        said = frozenset(words_in(ALIAS.sub(" ", f"{_PATH.sub(' ', prompt)} {request}")))
        names = (word for country in countries_said(self.text) for word in words_in(country))
        found = {*said, *(singular(word.lower()) for word in said), *names, *self.own_words}
        return frozenset(form for word in found for form in _forms(word))

    @cached_property
    def written(self) -> WrittenWords:
        """What texts of a write can be made of."""
        linked = (word for phrase, _ in _lines_of(self.text) for word in words_in(phrase))
        # `by Friday` can be a part of what is said.
        days = frozenset(
            phrase for line in self._day_lines if _DIGIT.search(phrase := line["phrase"].lower())
        )
        return WrittenWords(self.request, self.context, self.row, days, frozenset(linked))

    def words_of(self, source: Source) -> frozenset[str]:
        """Returns the words, in all their forms, that a text can be made of.

        Args:
            source: Empty for those of the text, `written` for those of a new record, `first` for its first
                word, `person` for a person's name, `request` for a change of a record.
        """
        return self._words_of[source]

    @cached_property
    def _words_of(self) -> dict[Source, frozenset[str]]:
        written = self.written
        own = frozenset[str]() if written.says_text else self.own_words
        sources: dict[Source, frozenset[str]] = {
            "written": written.said | written.of_context | own,
            "first": written.said | written.openings | own,
            "person": written.persons | written.of_context,
            "request": written.said,
        }
        found = {source: self._in_all_forms(words) for source, words in sources.items()}
        return {**found, "": self.words}

    def _in_all_forms(self, words: frozenset[str]) -> frozenset[str]:
        names = (word for country in countries_said(self.request) for word in words_in(country))
        found = {*words, *(singular(word.lower()) for word in words), *names}
        return frozenset(form for word in found for form in _forms(word))

    @cached_property
    def fields(self) -> FieldsSaid:
        """Which fields the request names."""
        return FieldsSaid(self.text, self.request)

    @cached_property
    def signs(self) -> frozenset[str]:
        """Signs that a free text can have: those of this one, and what stands between words in any."""
        return _COMMON_SIGNS.union(sign for sign in ALIAS.sub(" ", self.text) if not sign.isalnum())

    @cached_property
    def numbers(self) -> frozenset[str]:
        """Numbers as a surface writes them: without separators, exponents and closing zeros."""
        return frozenset(map(_plain, (Decimal(0), Decimal(1), *numbers_said(_TIME.sub(" ", self.text)))))

    @cached_property
    def number_count(self) -> int:
        """How many numbers the text gives, at most."""
        return count_numbers(ALIAS.sub(" ", self.text))

    @cached_property
    def emails(self) -> tuple[str, ...]:
        """E-mail addresses of the text."""
        return tuple(emails_in(self.text))

    @cached_property
    def phones(self) -> tuple[str, ...]:
        """What can be phone numbers in the text."""
        return tuple(phones_in(self.text))

    @cached_property
    def day_count(self) -> int:
        """How many days the text gives, at most: a day with two times counts as two."""
        times = len(_CLOCK.findall(self.text))
        return max(len(frozenset(self._days)), times)

    @cached_property
    def days(self) -> frozenset[str]:
        """Days, YYYY-MM-DD: those of the text and the ones after them, before which a period ends."""
        known = [date.fromisoformat(day) for day in self._days]
        return frozenset(str(day + timedelta(days=after)) for day in known for after in (0, 1))

    @cached_property
    def said(self) -> tuple[SaidValue, ...]:
        """Values that the request gives; of its days one at least."""
        days = {
            day for line in self._day_lines if _is_short(line) for day in line.group("first", "last") if day
        }
        days.update(_DAY.findall(self.request))
        return (*said_values(self.request), *([SaidValue("day", frozenset(days))] if days else ()))

    @cached_property
    def bounds(self) -> frozenset[str]:
        """First and last days of what the request says of time, YYYY-MM-DD."""
        return frozenset(day for line in self._day_lines for day in line.group("first", "last") if day)

    @cached_property
    def _day_lines(self) -> list[re.Match[str]]:
        asked = self.request.lower()
        return [line for line in _DAY_LINE.finditer(self.text) if line["phrase"].lower() in asked]

    @cached_property
    def _days(self) -> list[str]:
        return [day for day in _DAY.findall(self.text) if _exists(day)]

    @cached_property
    def linked(self) -> tuple[LinkedValue, ...]:
        """Values of categories that the request asks for."""
        return tuple(linked_values(self.text, self.request))

    @cached_property
    def answerable(self) -> bool:
        """Whether there is what the request asks for: it names an object and a field or a value of it. A
        change needs the record's id as well.
        """
        known = not self.failed and names_object_and_field(self.text)
        return known and (ALIAS.search(self.request) is not None or not changes(self.request))

    def all_said(self, call: str, entity: str) -> bool:
        """Whether a call about an entity has the values of the request; days may be put in other words."""
        said = (value for value in self.said if value.kind != "day")
        linked = (value for value in self.linked if value.entity == entity)
        return all(value.stands_in(call) for value in said) and all(value.stands_in(call) for value in linked)

    def prepare(self) -> None:
        """Finds everything at once, outside of the step loop."""
        for name, found in vars(type(self)).items():
            if isinstance(found, cached_property):
                getattr(self, name)

    def and_text(self, text: str) -> Grounds:
        """Returns these grounds with the error of a call."""
        context = f"{self.context}\n{text}"
        return replace(self, text=f"{self.text}\n{text}", context=context, failed=True)


def _lines_of(text: str) -> Iterator[tuple[str, str]]:
    """Lines of the prompt of the form `phrase: what it names`."""
    for line in text.rpartition("Request:")[0].splitlines():
        phrase, found, names = line.partition(": ")
        if found:
            yield phrase.lower(), names


def _forms(word: str) -> tuple[str, ...]:
    return word, word.lower(), word[0].upper() + word[1:], word.capitalize(), word.upper()


def _exists(day: str) -> bool:
    try:
        return date.fromisoformat(day) < date.max
    except ValueError:
        return False


def _is_short(line: re.Match[str]) -> bool:
    """Whether a phrase means a day or a few; a year or a month is hardly what a field is set to."""
    if line["last"] is None:
        return True
    return date.fromisoformat(line["last"]) - date.fromisoformat(line["first"]) <= _SHORT


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"
