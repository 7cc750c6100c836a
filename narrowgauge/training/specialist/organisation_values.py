"""The values of one record of any object: which fields a request sets, and how it says what they become."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from narrowgauge.training.specialist.organisation_phrases import phrases_of
from narrowgauge.training.specialist.organisation_said import UNSPECIFIC
from narrowgauge.training.specialist.organisation_scene import Scene
from narrowgauge.training.specialist.salesforce_values import Value
from narrowgauge.v1.catalogue_pb2 import EntityField

__all__ = [
    "UNSAID",
    "draw_value",
    "draw_values",
    "fields_ordered",
    "join_parts",
    "linked",
    "one_and_several",
    "plainly",
    "quoted",
    "required",
    "writable",
]

UNSAID = ("multipicklist", "reference")
"""Types of fields that a request sets no value of, or only by another record's id."""

_NEVER = frozenset(("OwnerId",))


def one_and_several(scene: Scene) -> dict[str, str]:
    """Returns the slots of what the object is called."""
    one, several = scene.nouns()
    return {"o": one, "os": several}


def writable(scene: Scene) -> list[EntityField]:
    """Returns the fields that a request sets, those that refer to others apart."""
    return [f for f in scene.fields if not f.read_only and f.name not in _NEVER and f.type not in UNSAID]


def required(scene: Scene) -> list[EntityField]:
    """Returns the fields that a new record must have."""
    needed = (f for f in scene.entity.fields if not f.nullable and not f.read_only and not f.key)
    return [f for f in needed if f.type != "boolean"]


def fields_ordered(scene: Scene, values: Mapping[str, Value]) -> dict[str, Value]:
    """Returns fields in the catalogue's order, those of other records last: one way to write a record."""
    own = {f.name: values[f.name] for f in scene.entity.fields if f.name in values}
    return own | {name: value for name, value in values.items() if name not in own}


def draw_value(scene: Scene, field: EntityField) -> tuple[str, Value]:
    """Draws a value to write; a checkbox is said to be on or off."""
    if field.type == "boolean":
        on = scene.rng.random() < 0.6
        said = ("yes", "true", "checked", "on") if on else ("no", "false", "unchecked", "off")
        return scene.rng.choice(said), on
    return scene.value(field)


def quoted(scene: Scene, field: EntityField, said: str) -> str:
    """Puts some texts in quotation marks."""
    if field.type in ("string", "textarea") and '"' not in said and scene.rng.random() < 0.3:
        return f'"{said}"'
    return said


def join_parts(scene: Scene, parts: Sequence[str]) -> str:
    """Joins fields with their values."""
    if len(parts) == 1:
        return parts[0]
    last = scene.rng.choice((" and ", ", ", ", and " if len(parts) > 2 else " and "))
    return ", ".join(parts[:-1]) + last + parts[-1]


def draw_values(scene: Scene, fields: Sequence[EntityField]) -> tuple[list[str], dict[str, Value]]:
    """Says values of a new record one after the other."""
    rng, values = scene.rng, dict[str, Value]()
    parts = []
    form = rng.choice(("{f} {v}", "{f} {v}", "{f}: {v}", "{f} = {v}", "{v} as {f}"))
    for field in fields:
        said, values[field.name] = draw_value(scene, field)
        words, text = scene.words(field), quoted(scene, field, said)
        if field.type == "boolean" and rng.random() < 0.4:
            parts.append(words if values[field.name] else f"not {words}")
        else:
            parts.append(form.format(f=words, v=text))
    return parts, values


def plainly(scene: Scene, field: EntityField, values: dict[str, Value]) -> str:
    """Draws a value of a new record into `values`, and returns how it is said.

    Words that stand before the object's name begin with `+`.
    """
    rng, entity = scene.rng, scene.entity
    if field.type == "boolean":
        values[field.name] = flag = rng.random() < 0.65
        known = [w for w in phrases_of(entity, field, "yes" if flag else "no") if _fits_new(w)]
        if known:
            return rng.choice(known)
        return scene.words(field) if flag else f"not {scene.words(field)}"
    said, stored = scene.value(field)
    values[field.name] = stored
    words = scene.words(field)
    if field.type == "picklist" and rng.random() < 0.5 and said.lower() not in UNSPECIFIC:
        graded = re.search(r"priority|criticality|severity", words)
        return f"+{said} {words}" if graded else f"+{said}"
    known = [w for w in phrases_of(entity, field, "has")]
    if field.type == "string":
        known = [w for w in phrases_of(entity, field, "by") if _fits_new(w)]
    if field.type == "date" and not re.search(r"end|last day", said):
        known = [w for w in phrases_of(entity, field, "will") if _fits_new(w) and w.endswith(" {v}")]
        day_said = re.match(r"\d|[A-Z]|the \d", said) and not re.search(r"(?i)week|month|next|this", said)
        known = [w.replace("{v}", "on {v}") for w in known] if day_said else known
    if known and rng.random() < 0.75:
        return scene.fill(rng.choice(known), v=said)
    form = rng.choice(("{f} {v}", "{f} {v}", "{f}: {v}", "{f} is {v}"))
    return form.format(f=words, v=quoted(scene, field, said))


def _fits_new(words: str) -> bool:
    """Tells whether a phrase can be an item of a list of a new record's values."""
    clauses = ("that ", "which ", "who ", "whose ", "where ", "we ", "nobody ", "they ", "only we", "{v} ")
    return not words.startswith(clauses) and not re.search(r"already|yet|still|currently", words)


def linked(scene: Scene) -> tuple[str, str, Value] | None:
    """Refers to another record by its id or its external id: words, field and value."""
    rng = scene.rng
    fields = [f for f in scene.fields if len(f.references) == 1 and not f.read_only and f.name not in _NEVER]
    fields = [f for f in fields if f.references[0] in scene.entities and f.references[0] != "User"]
    if not fields:
        return None
    field = rng.choice(fields)
    target, words = scene.entities[field.references[0]], scene.words(field)
    keys = [f for f in target.fields if f.external_id]
    if keys and field.relationship and rng.random() < 0.4:
        number = f"{rng.choice('CRKP')}-{rng.randint(100, 9999)}"
        key = (keys[0].label or keys[0].name).lower()
        form = rng.choice(("for {f} {k} {v}", "{f} {k} {v}", "{f} with {k} {v}"))
        return form.format(f=words, k=key, v=number), f"{field.relationship}.{keys[0].name}", number
    if target.name not in scene.ids:
        return None
    identifier = rng.choice(scene.ids[target.name])
    form = rng.choice(("{f} {v}", "for {f} {v}", "{f}: {v}", "at {f} {v}", "on {f} {v}", "of {f} {v}"))
    return form.format(f=words, v=identifier), field.name, identifier
