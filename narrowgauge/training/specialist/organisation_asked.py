"""A question about records of one object: the object with its conditions, and the call that asks for it.

Slots of `wording/organisation_requests.txt` for queries: `{things}` and `{thing}` the object with its
conditions, for several and for one, `{fields}` the columns, `{order}` how they are sorted, `{n}` a number of
rows, `{most}` `highest` or the like of `{f}`, `{g}`, `{gs}` and `{h}` what groups are made by, `{the}` and
`{that}` `total` or the like, `{than}` `more than 5` or the like, `{mostfirst}` the order of groups.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from narrowgauge.training.specialist.organisation_said import Condition, phrase, where_of
from narrowgauge.training.specialist.organisation_scene import Scene
from narrowgauge.training.specialist.sql_conditions import number_words

__all__ = ["Asked", "Maker", "Subject", "draw_family", "rows_asked"]

_FILE = "organisation_requests"
# How often a condition that can is said first, and how such a phrase begins.
_FRONT = 0.2
_LEADING = re.compile(
    r"(in|due|closing|starting|ending|expiring|arriving|leaving|departing|created|logged|sold|scheduled) "
)
# Verbs behind one record.
_SINGULAR = {"are": "is", "aren't": "isn't", "haven't": "hasn't", "have": "has", "were": "was"}
_SINGULAR |= {"don't": "doesn't", "weren't": "wasn't"}
_PLURAL = re.compile(rf"\b(that|which|who) ({'|'.join(_SINGULAR)})\b(?!')")


@dataclass(frozen=True)
class Asked:
    """What is asked and the call's parts.

    Attributes:
        text: The request.
        operation: As in `docs/eval.md`.
        call: The rest of the call, in that form.
        kind: The section of wordings.
        rows: Rows of its context.
    """

    text: str
    operation: str
    call: dict[str, Any]
    kind: str
    rows: tuple[dict[str, Any], ...] = ()


Maker = Callable[[Scene], list[Asked]]
"""Makes a family of requests; none where the object has nothing to ask for in this way."""


def draw_family(scene: Scene, makers: Mapping[Maker, float]) -> list[Asked]:
    """Returns a family of one of the makers, drawn by their weights; none where none of them can make one."""
    left = dict(makers)
    while left:
        make = scene.rng.choices(list(left), list(left.values()))[0]
        found = make(scene)
        if found:
            return found
        del left[make]
    return []


@dataclass(frozen=True)
class Subject:
    """The records that a query is about.

    Attributes:
        scene: Of the request.
        stated: Conditions on them.
        either: Whether one of the conditions suffices.
    """

    scene: Scene
    stated: Sequence[Condition]
    either: bool

    @property
    def things(self) -> str:
        """The records in words, several."""
        return phrase(self.scene, self.scene.nouns()[1], self.stated, either=self.either)

    @property
    def thing(self) -> str:
        """The records in words, one."""
        words = phrase(self.scene, self.scene.nouns()[0], self.stated, either=self.either)
        return _PLURAL.sub(lambda match: f"{match[1]} {_SINGULAR[match[2]]}", words)

    def asked(self, section: str, call: dict[str, Any], **slots: str) -> Asked:
        """Says a request of a section and completes its call."""
        front = self._front()
        spoken = self
        if front is not None:
            spoken = Subject(self.scene, [c for c in self.stated if c is not front], False)
        slots = {"things": spoken.things, "thing": spoken.thing, **slots}
        where = where_of(self.stated)
        if self.either:
            where = [{"or": where}]
        whole = {"object": self.scene.entity.name, **call} | ({"where": where} if where else {})
        text = self.scene.say(_FILE, section, **slots)
        if front is not None:
            text = f"{self.scene.fill(self.scene.rng.choice(_leading(front)), **front.slots)}: {text}"
        return Asked(text, "query", whole, section)

    def _front(self) -> Condition | None:
        """Draws a condition that is said before everything else: `In Porto: …`."""
        leading = [c for c in self.stated if _leading(c)]
        if self.either or not leading or self.scene.rng.random() >= _FRONT:
            return None
        return self.scene.rng.choice(leading)


def _leading(condition: Condition) -> list[str]:
    return [words for words in condition.own if _LEADING.match(words)]


def rows_asked(scene: Scene, *, few: bool = False) -> tuple[str, int]:
    """Draws a number of rows: in words, and for the call.

    Args:
        scene: Of the request.
        few: Whether it is one of groups, of which there are not many.
    """
    count = scene.rng.choice((2, 3, 3, 4, 5, 5, 5, 6, 7, 8, 10, 10, 12, 15, 20, 25, 30, 50, 100))
    if few:
        count = scene.rng.choice((2, 3, 3, 4, 5, 5, 6, 8, 10))
    return number_words(count, scene.rng), count
