"""New records of any object with many values, alone or belonging to others that are said by their ids."""

from __future__ import annotations

import calendar
import datetime as dt
import re

from narrowgauge.training.specialist.organisation_asked import Asked
from narrowgauge.training.specialist.organisation_scene import NUMBERS, Scene
from narrowgauge.training.specialist.organisation_shown import FILE
from narrowgauge.training.specialist.organisation_values import (
    UNSAID,
    fields_ordered,
    one_and_several,
    plainly,
    required,
    writable,
)
from narrowgauge.training.specialist.organisation_writes import updated
from narrowgauge.training.specialist.salesforce_values import Value
from narrowgauge.v1.catalogue_pb2 import EntityField

__all__ = ["child", "children_of_two", "new", "record"]

_FIRST = re.compile(
    r"(?i)^(start date|check-in|pickup date|opening date|runs from|trial start|borrowed on|valid from"
    r"|available from|from date|starts on|begins on|arrival|departs on)$"
)
_LAST = re.compile(
    r"(?i)^(end date|check-out|drop-off date|closing date|runs until|planned end|return by|valid until"
    r"|available until|to date|ends on|finishes on|departure|returns on)$"
)
_MINUTES = {15: "15 minute", 30: "30 minute", 45: "45-minute", 60: "one hour", 90: "90 minute", 120: "2 hour"}
_SPANS = {
    30: "half an hour",
    60: "an hour",
    90: "an hour and a half",
    45: "45 min",
    120: "two hours",
    20: "20 minutes",
}


def record(scene: Scene, section: str, call: dict[str, object], operation: str, **slots: str) -> Asked:
    """Says a request of a section of `FILE` and completes its call."""
    text = scene.say(FILE, section, **{**one_and_several(scene), **slots})
    return Asked(text, operation, {"object": scene.entity.name, **call}, section)


def child(scene: Scene) -> list[Asked]:
    """A new record that belongs to the one with this id, and a change of that one."""
    rng, links = scene.rng, _links(scene)
    if not links:
        return []
    field, words = rng.choice(links)
    # Two references to one object: only the field's own name says which is meant.
    if sum(other.references[0] == field.references[0] for other, _ in links) > 1:
        words = scene.words(field)
    target = field.references[0]
    identifier = rng.choice(scene.ids[target])
    found = _made(scene, "child", to=f"{words} {identifier}", given={field.name: identifier})
    other = Scene(scene.entities, scene.entities[target], scene.ideas, scene.ids, scene.today, rng)
    change = updated(other, identifier) if rng.random() < 0.4 else None
    return [*found, change] if found and change is not None else found


def children_of_two(scene: Scene) -> list[Asked]:
    """A new record between two others."""
    links = _links(scene)
    if len(links) < 2 or len({f.references[0] for f, _ in links}) < len(links):
        return []
    chosen = scene.rng.sample(links, 2)
    needed = {f.name for f in required(scene)} - {f.name for f, _ in chosen}
    if needed:
        return []
    ids = [scene.rng.choice(scene.ids[f.references[0]]) for f, _ in chosen]
    to, other = (f"{words} {one}" for (_, words), one in zip(chosen, ids, strict=True))
    fields = {field.name: one for (field, _), one in zip(chosen, ids, strict=True)}
    call: dict[str, object] = {"fields": fields_ordered(scene, fields)}
    return [record(scene, "child of two", call, "create", to=to, other=other)]


def new(scene: Scene) -> list[Asked]:
    """A new record of many values."""
    return _made(scene, "new", given={})


def _links(scene: Scene) -> list[tuple[EntityField, str]]:
    """Fields that refer to a record whose id can be said, with what that record is called."""
    found = []
    for field in scene.fields:
        target = scene.entities.get(field.references[0]) if len(field.references) == 1 else None
        if target is None or field.read_only or target.name not in scene.ids or field.name == "OwnerId":
            continue
        label = (target.label or target.name).lower()
        found.append((field, label if scene.rng.random() < 0.6 else scene.words(field)))
    return found


def _made(scene: Scene, section: str, *, given: dict[str, str], to: str = "") -> list[Asked]:
    """A create that says its values as people say them, days from and to in one."""
    rng, needed = scene.rng, [f for f in required(scene) if f.name not in given]
    if any(f.type in UNSAID for f in needed):
        return []
    values: dict[str, Value] = dict(given)
    parts: list[str] = []
    adjectives: list[str] = []
    span = _span(scene) if rng.random() < 0.75 else None
    if span is not None:
        parts.append(span[0])
        values |= span[1]
    optional = [f for f in writable(scene) if f.name not in values and f not in needed and f.name != "Name"]
    count = rng.choice((1, 2, 2, 3) if section == "child" else (3, 3, 4, 4, 5))
    for field in [*(f for f in needed if f.name not in ("Name", *values)), *scene.some(optional, count)]:
        part = _duration(scene, field, values) or plainly(scene, field, values)
        (adjectives if part.startswith("+") else parts).append(part.removeprefix("+"))
    parts += adjectives[2:]
    if not parts:
        return []
    rng.shuffle(parts)
    slots = one_and_several(scene)
    slots["o"] = " ".join((*adjectives[:2], slots["o"]))
    named = next((f for f in scene.fields if f.name == "Name" and not f.read_only), None)
    if named is not None:
        said, stored = scene.value(named)
        idea = scene.ideas.get((scene.entity.name, "Name"))
        if idea is not None and idea.kind == "text" and rng.random() < 0.35:
            # A number at the end is a part of the name.
            said = f"{said} {rng.choice((2, 3, 40, 75, 120, 250, 480, 900, scene.today.year + 1))}"
            stored = said
        slots["name"], values["Name"] = said, stored
        section += " named"
    listed = (
        ", ".join(parts)
        if rng.random() < 0.75 or len(parts) < 2
        else f"{', '.join(parts[:-1])} and {parts[-1]}"
    )
    call: dict[str, object] = {"fields": fields_ordered(scene, values)}
    return [record(scene, section, call, "create", values=listed, to=to, **slots)]


def _duration(scene: Scene, field: EntityField, values: dict[str, Value]) -> str:
    """Says minutes as a span of time; empty for other fields."""
    if field.type not in NUMBERS or "minutes" not in (field.label or field.name).lower():
        return ""
    minutes = scene.rng.choice(list(_SPANS))
    values[field.name] = float(minutes)
    if minutes in _MINUTES and scene.rng.random() < 0.4:
        return f"+{_MINUTES[minutes]}"
    return scene.rng.choice(("{s}", "{s} long", "takes {s}", "for {s}")).format(s=_SPANS[minutes])


def _span(scene: Scene) -> tuple[str, dict[str, Value]] | None:
    """The first and the last day of a record in one: `from 9 to 12 June`."""
    rng, fields = scene.rng, [f for f in writable(scene) if f.type == "date"]
    first = [f for f in fields if _FIRST.match(f.label or f.name)]
    last = [f for f in fields if _LAST.match(f.label or f.name)]
    if len(first) != 1 or len(last) != 1:
        return None
    begin = scene.today + dt.timedelta(days=rng.randint(3, 150))
    end = begin + dt.timedelta(days=rng.choice((1, 2, 3, 4, 5, 7, 10, 14, 28)))
    months = [calendar.month_name[one.month] for one in (begin, end)]
    forms: tuple[str, ...]
    if begin.month == end.month:
        forms = (
            *("from {a} to {b} {m}", "{a} to {b} {m}", "{a}-{b} {m}", "from {m} {a} to {b}"),
            *("from the {a}. to the {b}. of {m}", "between {a} and {b} {m}", "{m} {a} to {b}", "{m} {a}-{b}"),
        )
    else:
        forms = (
            "from {a} {m} to {b} {n}",
            "{a} {m} to {b} {n}",
            "from {m} {a} to {n} {b}",
            "{a} {m} - {b} {n}",
        )
    said = rng.choice(forms).format(a=begin.day, b=end.day, m=months[0], n=months[1])
    if end.year != scene.today.year:
        said = f"from {begin.day} {months[0]} {begin.year} to {end.day} {months[1]} {end.year}"
    return said, {first[0].name: str(begin), last[0].name: str(end)}
