"""How a condition on records is said: before the object's name or behind it, alone or with others.

Slots of `wording/organisation_conditions.txt`: `{f}` the field, `{flag}` a checkbox, `{v}`, `{w}`, `{x}`
values, `{p}` a field of the record that `{f}` refers to, `{sign}` a comparison.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from narrowgauge.training.specialist.organisation_scene import Scene, sections

__all__ = ["OWN", "UNSPECIFIC", "Condition", "phrase", "where_of"]

_FILE = "organisation_conditions"
_GRADED = re.compile(r"(?i)\b(priority|criticality|severity)\b")
_BARE = ("we ", "nobody ", "they ", "customers ", "{v} ")

UNSPECIFIC = ("other", "none")
"""Values of picklists that say nothing without their field."""

OWN = 0.8
"""How often phrases of a field's own say a condition on it, where there are any."""


@dataclass(frozen=True)
class Condition:
    """A condition that a request states.

    Attributes:
        field: Name of its field; no two conditions of a request are on one.
        items: What it is in a call's `where`, in the form of `docs/eval.md`; two for a range.
        slots: What its wordings say.
        after: Sections of wordings that follow the object's name.
        before: Sections of wordings that stand before it.
        terse: Section of wordings of a few key words; empty for none.
        own: Phrases that say it without naming the field; one with `+` stands before the object's name.
    """

    field: str
    items: Sequence[Any]
    slots: Mapping[str, str]
    after: tuple[str, ...]
    before: tuple[str, ...] = ()
    terse: str = ""
    own: tuple[str, ...] = ()


def where_of(stated: Sequence[Condition]) -> list[Any]:
    """Returns conditions as a call has them."""
    return [item for condition in stated for item in condition.items]


def phrase(scene: Scene, noun: str, stated: Sequence[Condition], *, either: bool = False) -> str:
    """Says which records of an object are meant.

    Args:
        scene: Of the request.
        noun: The object's name, for one or for several.
        stated: The conditions.
        either: Whether one of them suffices.
    """
    rng = scene.rng
    if stated and not either and rng.random() < 0.12 and all(condition.terse for condition in stated):
        words = [scene.say(_FILE, condition.terse, **condition.slots) for condition in stated]
        return ", ".join((noun, *words))
    # Two stand before the name at most, and never one of two alternatives.
    fitting = [c for c in stated if c.before or _own(c, before=True)] if not either else []
    first = [rng.choice(fitting)] if fitting and rng.random() < 0.6 else []
    others = [c for c in fitting if first and c is not first[0]]
    first += [rng.choice(others)] if others and rng.random() < 0.5 else []
    head = " ".join((*(_before(scene, condition) for condition in first), noun))
    rest = [_after(scene, condition) for condition in stated if not any(c is condition for c in first)]
    if not either:
        return _joined(scene, head, rest)
    return f"{head} {' or '.join(words for words, _ in rest)}"


def _own(condition: Condition, *, before: bool) -> list[str]:
    return [words.removeprefix("+") for words in condition.own if words.startswith("+") == before]


def _before(scene: Scene, condition: Condition) -> str:
    own = _own(condition, before=True)
    if own and (not condition.before or scene.rng.random() < OWN):
        return scene.fill(scene.rng.choice(own), **condition.slots)
    wordings: tuple[str, ...] = sections(_FILE)[scene.rng.choice(condition.before)]
    if _GRADED.search(condition.slots.get("f", "")) or condition.slots.get("v", "").lower() in UNSPECIFIC:
        # `high priority cases`, but no `high cases`; and `other cases` are not those of the type Other.
        wordings = tuple(w for w in wordings if "{f}" in w) or wordings
    return scene.fill(scene.rng.choice(wordings), **condition.slots)


def _after(scene: Scene, condition: Condition) -> tuple[str, bool]:
    """Says a condition behind the name, and whether it can follow another one without `and`."""
    own = _own(condition, before=False)
    if own and (not condition.after or scene.rng.random() < OWN):
        wording = scene.rng.choice(own)
        return scene.fill(wording, **condition.slots), wording.startswith(_BARE)
    if not condition.after:
        # Only said before the name.
        return scene.fill(f"that are {_own(condition, before=True)[0]}", **condition.slots), False
    wordings = sections(_FILE)[scene.rng.choice(condition.after)]
    number = condition.slots.get("counted") == "yes"
    # `more than 5 bedrooms`, but no `more than 5k price`; `that are insured`, but no `that are pets allowed`.
    fitting = [w for w in wordings if number or "{v} {f}" not in w]
    if " " in condition.slots.get("flag", ""):
        fitting = [w for w in fitting if not w.startswith(("that are", "which are", "that aren't"))]
    wording = scene.rng.choice(fitting or wordings)
    return scene.fill(wording, **condition.slots), wording.startswith("{v} ")


def _joined(scene: Scene, head: str, rest: Sequence[tuple[str, bool]]) -> str:
    # What reads as a clause without `that` stands first, right behind the name.
    ordered = sorted(rest, key=lambda item: not item[1])
    text = head
    for place, (words, bare) in enumerate(ordered):
        if place == 0:
            text += f" {words}"
            continue
        before = ordered[place - 1][0]
        joint = scene.rng.choice((" and ", " and ", " and ", ", ", " ", " "))
        if words.startswith("with ") and before.startswith("with "):
            joint = scene.rng.choice((" and ", ", "))
            words = words.removeprefix("with ") if scene.rng.random() < 0.6 else words
        if words.startswith("whose ") and before.startswith("whose "):
            joint = " and "
            words = words.removeprefix("whose ") if scene.rng.random() < 0.5 else words
        clauses = ("that ", "which ", "who ", "whose ", "where ")
        if joint == " " and (words.startswith(clauses) or before.startswith(clauses)):
            joint = " and "
        text += (" " if bare and joint == ", " else joint) + words
    return text
