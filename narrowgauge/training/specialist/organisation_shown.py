"""What families of contrasts share: ways to ask for records, and what fields and parents are called."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from narrowgauge.training.specialist import organisation_groups as groups
from narrowgauge.training.specialist.organisation_asked import Asked, Subject
from narrowgauge.training.specialist.organisation_lists import list_all, list_fields
from narrowgauge.training.specialist.organisation_said import Condition, where_of
from narrowgauge.training.specialist.organisation_scene import Scene
from narrowgauge.training.specialist.salesforce_names import COMPANIES, FIRST_NAMES, LAST_NAMES
from narrowgauge.training.specialist.sql_schema import plural
from narrowgauge.v1.catalogue_pb2 import EntityField

__all__ = ["FILE", "SYSTEM_DATES", "asked", "listed", "name_of", "parents_of", "several", "shown"]

FILE = "organisation_contrasts"
"""The file of wordings."""

# Labels such as `runs until` have no plural.
_PREPOSITIONS = (" until", " on", " at", " from", " by", " for", " since", " through", " in")
SYSTEM_DATES = ("CreatedDate", "LastModifiedDate")
"""Dates that every object has."""


def several(words: str) -> str:
    """Returns what a field is called when each of several records has one: `serial numbers`."""
    if words.lower().endswith(_PREPOSITIONS):
        return words
    return words if words.endswith("s") or "_" in words or words[-1:].isdigit() else plural(words)


def asked(
    scene: Scene,
    section: str,
    call: dict[str, Any],
    stated: Sequence[Condition] = (),
    *,
    where: Sequence[Any] = (),
    **slots: str,
) -> Asked:
    """Says a query of a section of `FILE`.

    Args:
        scene: Of the request.
        section: Of wordings.
        call: What it shows, without its object and conditions.
        stated: Conditions that `{things}` says.
        where: Further ones, in the form of `docs/eval.md`, that the wording says by itself.
        slots: Of the wording, beside the records and the object.
    """
    subject = Subject(scene, stated, False)
    slots = {"things": subject.things, "thing": subject.thing, "o": scene.nouns()[0], **slots}
    items = [*where, *where_of(stated)]
    whole = {"object": scene.entity.name, **call} | ({"where": items} if items else {})
    return Asked(scene.say(FILE, section, **slots), "query", whole, section)


def shown(scene: Scene, *stated: Condition) -> Asked:
    """Asks for records in one of the usual ways: as a list, with a few columns, or for their number."""
    subject, draw = Subject(scene, stated, False), scene.rng.random()
    made = list_fields(subject) if draw < 0.25 else groups.count_all(subject) if draw < 0.37 else None
    return made or list_all(subject)


def listed(scene: Scene, words: Sequence[str]) -> str:
    """Joins what columns are called."""
    last = scene.rng.choice((" and ", " and ", ", ", " + ", ", and " if len(words) > 2 else " and "))
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + last + words[-1]


def parents_of(scene: Scene) -> list[tuple[EntityField, str]]:
    """Fields that refer to one named object other than users, with that object's label."""
    found = []
    for field in scene.fields:
        target = scene.entities.get(field.references[0]) if len(field.references) == 1 else None
        if target is None or target.name == "User" or not field.relationship:
            continue
        if any(f.name == "Name" for f in target.fields):
            found.append((field, target.label or target.name))
    return found


def name_of(scene: Scene, target: str) -> str:
    """Draws the name of a record of the object with this label."""
    rng = scene.rng
    if target in ("Contact", "Lead"):
        return f"{rng.choice(FIRST_NAMES)} {rng.choice(LAST_NAMES)}"
    ideas = [
        i
        for (name, field), i in scene.ideas.items()
        if field == "Name"
        and i.kind == "text"
        and scene.entities.get(name) is not None
        and scene.entities[name].label == target
    ]
    return rng.choice(ideas[0].values if ideas else COMPANIES)
