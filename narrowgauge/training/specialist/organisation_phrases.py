"""What people say of a field without naming it: `due {v}`, `over 3 bedrooms`, `that aren't done yet`.

`wording/organisation_phrases.txt` has them by field and kind, `wording/organisation_overdue.txt` what late
records are called.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from narrowgauge.v1.catalogue_pb2 import Entity, EntityField

__all__ = ["Event", "Late", "event_of", "late_of", "phrases_of", "spoken_fields"]

_FOLDER = "narrowgauge.training.specialist.wording"


@dataclass(frozen=True)
class Late:
    """Late records of an object.

    Attributes:
        phrases: What they are called; one with `+` stands before the object's name.
        tests: Field label, operator and value of each condition, as in the file.
    """

    phrases: tuple[str, ...]
    tests: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class Event:
    """What happens to a record.

    Attributes:
        wording: It in words, with slots.
        values: What the record's fields are then, by name.
        asked: Names of the fields that the wording's slots fill.
    """

    wording: str
    values: Mapping[str, str | bool | None]
    asked: Mapping[str, str]


def _lines(name: str) -> list[list[str]]:
    text = files(_FOLDER).joinpath(name).read_text(encoding="utf-8")
    return [line.split(" | ") for line in text.splitlines() if line and not line.startswith("#")]


@cache
def _phrases() -> Mapping[tuple[str, str], tuple[str, ...]]:
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for field, kind, phrases in _lines("organisation_phrases.txt"):
        found[field, kind] = found.get((field, kind), ()) + tuple(phrases.split("; "))
    return found


@cache
def _late() -> Mapping[str, Late]:
    found = {}
    for label, phrases, tests in _lines("organisation_overdue.txt"):
        parts = [test.split(" ") for test in tests.split(" & ")]
        places = [next(at for at, word in enumerate(part) if word in ("=", "!=", "<")) for part in parts]
        split = (
            (" ".join(p[:at]), p[at], " ".join(p[at + 1 :])) for p, at in zip(parts, places, strict=True)
        )
        found[label] = Late(tuple(phrases.split("; ")), tuple(split))
    return found


def _keys(entity: Entity, field: EntityField) -> tuple[str, ...]:
    label = "Owner ID" if field.name == "OwnerId" else (field.label or field.name)
    label = label.removesuffix(" ID") if field.references and field.name != "OwnerId" else label
    return f"{entity.name}.{field.name}", label


def phrases_of(entity: Entity, field: EntityField, kind: str) -> tuple[str, ...]:
    """Returns the phrases of a kind for a field of an object; none when there are none."""
    return next((_phrases()[key, kind] for key in _keys(entity, field) if (key, kind) in _phrases()), ())


def spoken_fields(entity: Entity) -> list[EntityField]:
    """Returns the fields of an object of which people speak without naming them, in the catalogue's order."""
    known = {field for field, _ in _phrases()}
    return [f for f in entity.fields if any(key in known for key in _keys(entity, f))]


def late_of(entity: Entity) -> Late | None:
    """Returns what late records of an object are; None where that is not said or a field is missing."""
    late = _late().get(entity.label)
    labels = {f.label for f in entity.fields}
    return late if late is not None and all(label in labels for label, _, _ in late.tests) else None


@cache
def _events() -> Mapping[str, tuple[tuple[tuple[str, ...], Mapping[str, str]], ...]]:
    found: dict[str, list[tuple[tuple[str, ...], Mapping[str, str]]]] = {}
    for label, wordings, values in _lines("organisation_events.txt"):
        pairs = (value.split(" = ") for value in values.split(" & "))
        found.setdefault(label, []).append((tuple(wordings.split("; ")), {name: to for name, to in pairs}))
    return {label: tuple(events) for label, events in found.items()}


def event_of(entity: Entity, rng: random.Random) -> Event | None:
    """Draws what happens to a record of an object; None where nothing is said or a field is missing."""
    labels = {f.label: f.name for f in entity.fields if not f.read_only}
    possible = [event for event in _events().get(entity.label, ()) if set(event[1]) <= set(labels)]
    if not possible:
        return None
    wordings, values = rng.choice(possible)
    stored: dict[str, str | bool | None] = {"true": True, "false": False, "null": None}
    fixed = {labels[name]: stored.get(to, to) for name, to in values.items() if not to.startswith("{")}
    asked = {to[1:-1]: labels[name] for name, to in values.items() if to.startswith("{")}
    return Event(rng.choice(wordings), fixed, asked)
