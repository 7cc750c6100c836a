"""Queries by name: whose a record is, what it is called, and what is known of the one that is named."""

from __future__ import annotations

import re
from typing import Any

from narrowgauge.training.specialist.organisation_asked import Asked
from narrowgauge.training.specialist.organisation_lists import default_select
from narrowgauge.training.specialist.organisation_said import Condition
from narrowgauge.training.specialist.organisation_scene import NUMBERS, Column, Scene
from narrowgauge.training.specialist.organisation_shown import (
    SYSTEM_DATES,
    asked,
    name_of,
    parents_of,
    shown,
)
from narrowgauge.training.specialist.organisation_stated import picked
from narrowgauge.training.specialist.salesforce_names import FIRST_NAMES, LAST_NAMES
from narrowgauge.v1.catalogue_pb2 import EntityField

__all__ = ["lookups", "whose"]

# Labels of dates that say what happened on that day, and those of the day on which something begins or ends.
_HAPPENED = re.compile(r"(?i)(\w+ed|sold|taken|built|sown|read|lent|found|sent) (on|at)")
_ENDS = re.compile(
    r"(?i)(?P<end>end date|ends on|end)|(?P<expire>expiry date|expires on|valid until)"
    r"|(?P<start>start date|starts on)"
)
_ATTRIBUTES = (
    *("string", "picklist", "email", "phone", "url", "date", "datetime", "multipicklist"),
    *NUMBERS,
)


def whose(scene: Scene) -> list[Asked]:
    """The records of a company or a person, those of an owner, and the record that is called so."""
    rng, found = scene.rng, list[Asked]()
    one, several = scene.nouns()
    slots = {"o": one, "os": several}
    parents = parents_of(scene)
    # Of two references to one object, the name alone does not say which one is meant.
    told = [(f, t) for f, t in parents if sum(t == other for _, other in parents) == 1]
    persons = [i for (name, _), i in scene.ideas.items() if name == scene.entity.name and i.kind == "person"]
    if told:
        field, target = rng.choice(told)
        who = name_of(scene, target)
        call: dict[str, Any] = {"select": default_select(scene)}
        items = [[f"{field.relationship}.Name", "=", who]]
        states = [f for f in scene.of_type("picklist") if len(f.values) > 1]
        found.append(asked(scene, "has", call, (), where=items, who=who, **slots))
        adjectives = _adjectives(scene, rng.choice(states)) if states and rng.random() < 0.6 else None
        if adjectives is not None:
            words, item = adjectives
            found.append(
                asked(scene, "has state", call, (), where=[*items, item], who=who, state=words, **slots)
            )
        if rng.random() < 0.3:
            own = (f"of {who}", f"for {who}", f"at {who}" if target == "Account" else f"of {who}")
            found.append(shown(scene, Condition(field.name, items, {}, (), own=own)))
    elif not persons and any(f.name == "OwnerId" and f.relationship for f in scene.entity.fields):
        who = f"{rng.choice(FIRST_NAMES)} {rng.choice(LAST_NAMES)}"
        call = {"select": default_select(scene)}
        found.append(asked(scene, "has", call, (), where=[["Owner.Name", "=", who]], who=who, **slots))
    named = _named(scene)
    if named is not None:
        call = {"select": default_select(scene)}
        found.append(asked(scene, "named", call, (), where=[["Name", "=", named]], name=named, **slots))
    return found


def _adjectives(scene: Scene, field: EntityField) -> tuple[str, list[Any]] | None:
    """A value that stands before the object's name, with its condition."""
    stated = picked(scene, field, scene.rng.choice([value for value in field.values if value != "None"]))
    words = [w.removeprefix("+") for w in stated.own if w.startswith("+")]
    return (scene.rng.choice(words), list(stated.items[0])) if words else None


def _named(scene: Scene) -> str | None:
    """A name of a record of the object as people give it; None for numbers that the system gives."""
    idea = scene.ideas.get((scene.entity.name, "Name"))
    if scene.entity.name in ("Account", "Contact", "Lead"):
        return name_of(scene, scene.entity.name) if scene.entity.name == "Account" else None
    if idea is None or idea.kind not in ("text", "person"):
        return None
    if idea.kind == "person":
        return name_of(scene, "Contact")
    name = name_of(scene, scene.entity.label)
    # A number at the end is a part of the name.
    numbers = (2, 7, 30, 80, 150, 320, 600, scene.today.year)
    return f"{name} {scene.rng.choice(numbers)}" if scene.rng.random() < 0.25 else name


def lookups(scene: Scene) -> list[Asked]:
    """One attribute of the record that is named, of all that a company has, and of one with a number."""
    rng = scene.rng
    fields = [f for f in scene.fields if f.type in _ATTRIBUTES and f.name not in ("Name", *SYSTEM_DATES)]
    columns = [c for f in scene.some(fields, 2) if (c := scene.column(f)) is not None]
    if not columns:
        return []
    one = scene.nouns()[0]
    ways: list[tuple[str, list[str]]] = []
    named, key = _named(scene), next((f for f in scene.fields if f.external_id), None)
    if named is not None:
        whom = rng.choice((named, named, f"{one} {named}", f"the {one} {named}"))
        ways.append((whom, ["Name", "=", named]))
    idea = scene.ideas.get((scene.entity.name, "Name"))
    if idea is not None and idea.kind == "auto":
        said = f"{idea.values[0]}-{rng.randint(1, 9999):04}"
        whom = rng.choice((said, f"{one} {said}", f"{one} number {said}"))
        ways.append((whom, ["Name", "=", said]))
    if key is not None:
        code = str(scene.value(key)[1])
        whom = rng.choice((f"the {one} with {scene.words(key)} {code}", f"{one} {scene.words(key)} {code}"))
        ways.append((whom, [key.name, "=", code]))
    parents = [(f, t) for f, t in parents_of(scene) if t in ("Account", "Contact")]
    if len(parents) == 1:
        who = name_of(scene, parents[0][1])
        whom = rng.choice((f"{who}'s {one}", f"the {one} of {who}", f"the {one} for {who}"))
        path = f"{parents[0][0].relationship}.Name"
        ways.append((whom, [path, "=", who]))
    rng.shuffle(ways)
    found = []
    for column, (whom, item) in zip(columns, ways, strict=False):
        if item[0] == column.path:
            continue
        section, verb = _section(scene, column)
        slots = {"f": column.words, "whom": whom, "verb": verb}
        found.append(asked(scene, section, {"select": [column.path]}, (), where=[item], **slots))
    return found


def _section(scene: Scene, column: Column) -> tuple[str, str]:
    """Draws the section of wordings that asks for a column of one record, and the verb of a day."""
    field, draw = column.field, scene.rng.random()
    label = (field.label or field.name).replace("_", " ")
    own = column.path == field.name and draw < 0.7
    if own and field.type in ("date", "datetime"):
        happened, ends = _HAPPENED.fullmatch(label), _ENDS.fullmatch(label)
        if happened is not None:
            return "lookup when", happened[1].lower()
        if ends is not None and ends.lastgroup is not None:
            return "lookup until", ends.lastgroup
        bare = label.lower().endswith((" on", " at", " from"))
        return ("lookup date" if draw < 0.4 and not bare else "lookup"), ""
    return ("lookup number" if field.type == "currency" and draw < 0.3 else "lookup"), ""
