"""Requests about one record of any object in the way people tell them: news, more time, known or new.

Slots of `wording/organisation_contrasts.txt`: `{told}` what is new, `{to}` and `{other}` records that a new
one belongs to, `{values}` those of a new record, `{keyf}` and `{key}` an external id, `{fw}` and `{gw}`
fields, `{wh}` and `{wh2}` question words for them.
"""

from __future__ import annotations

import re

from narrowgauge.training.specialist.organisation_asked import Asked, Maker, draw_family
from narrowgauge.training.specialist.organisation_made import child, children_of_two, new, record
from narrowgauge.training.specialist.organisation_phrases import phrases_of
from narrowgauge.training.specialist.organisation_scene import STATE, Scene
from narrowgauge.training.specialist.organisation_values import fields_ordered, plainly, writable
from narrowgauge.training.specialist.organisation_writes import updated
from narrowgauge.training.specialist.salesforce_said import day, past_day
from narrowgauge.training.specialist.salesforce_values import Value
from narrowgauge.v1.catalogue_pb2 import EntityField

__all__ = ["write_contrasts"]

_DEADLINE = re.compile(r"(?i)\b(due date|deadline|return by|needed by|answer by|ready on|target date)\b")
_PAST = re.compile(
    r"(?i)\b(last|issue|birth|sold|taken|loss|incident|received|installed|checked|delivered|read)\b"
)
# Days on which a record takes place, as `when` asks for.
_EVENT = re.compile(r"(?i)\b(date|time|kickoff|planned for)\b")
_NO_EVENT = re.compile(r"(?i)\b(birth|last|next|end|expiry|due|closing|billing|enrollment|loss)\b")


def write_contrasts(scene: Scene) -> list[Asked]:
    """Makes one or two requests of kinds that differ in little."""
    makers: dict[Maker, float] = {
        _told: 2.6,
        _until: 2.0,
        child: 2.6,
        children_of_two: 2.0,
        new: 3.0,
        _either_way: 4.5,
        _two_fields: 1.6,
    }
    return draw_family(scene, makers)


def _told(scene: Scene) -> list[Asked]:
    """News of a record with one to four values, said without their fields where only one fits."""
    rng = scene.rng
    fields = writable(scene)
    states = [f for f in fields if f.type == "picklist" and STATE.match((f.label or f.name).lower())]
    values: dict[str, Value] = {}
    parts: list[str] = []
    if states and rng.random() < 0.85:
        said, values[states[0].name] = scene.value(states[0])
        parts.append(said.lower() if rng.random() < 0.7 else said)
    others = [f for f in fields if f.name not in values and f.name != "Name" and f.type != "textarea"]
    if len(states) > 1:
        others = [f for f in others if f not in states]
    chosen = scene.some(others, rng.choice((1, 1, 2, 2, 3)))
    parts += [_fact(scene, field, fields, values) for field in chosen]
    if len(values) < 2:
        return []
    identifier = scene.identifier()
    joint = rng.choice((", ", ", ", " and ", "; "))
    told = joint.join(parts) if len(parts) == 2 else ", ".join(parts)
    call: dict[str, object] = {"record_id": identifier, "fields": fields_ordered(scene, values)}
    section = "told state" if states and states[0].name in values and scene.rng.random() < 0.6 else "told"
    return [record(scene, section, call, "update", told=told, id=identifier)]


def _fact(scene: Scene, field: EntityField, fields: list[EntityField], values: dict[str, Value]) -> str:
    """Says a value of a record with its field, or bare where no other field could be meant."""
    rng, words = scene.rng, scene.words(field)
    if field.type == "boolean":
        values[field.name] = flag = rng.random() < 0.6
        needed = re.fullmatch(r"(.+) (needed|required)", words)
        if needed:
            return f"needs a {needed[1]}" if flag else f"needs no {needed[1]}"
        phrases = phrases_of(scene.entity, field, "yes" if flag else "no")
        adjectives = [w[1:] for w in phrases if w.startswith("+") and " " not in w]
        return rng.choice(adjectives) if adjectives else f"{words} {'yes' if flag else 'no'}"
    if field.type == "date" and _PAST.search(field.label or field.name):
        said, date = past_day(scene.today, rng)
        values[field.name] = str(date)
    else:
        said, values[field.name] = scene.value(field)
    alone = sum(f.type == field.type for f in fields) == 1
    if field.type == "currency" and alone and rng.random() < 0.7:
        return rng.choice(("{v}", "for {v}", "at {v}", "{v}")).format(v=said)
    known = [w for w in phrases_of(scene.entity, field, "has") if w.startswith("{v}")]
    if known and rng.random() < 0.5:
        return scene.fill(rng.choice(known), v=said)
    return rng.choice(("{f} {v}", "{f} {v}", "{f} is {v}", "{v} as {f}")).format(f=words, v=said)


def _until(scene: Scene) -> list[Asked]:
    """More time for a record, and a change of another of its fields."""
    fields = [f for f in writable(scene) if f.type == "date" and _DEADLINE.search(f.label or f.name)]
    if len(fields) != 1:
        return []
    said, date = day(scene.today, scene.rng)
    while said.startswith("in "):
        said, date = day(scene.today, scene.rng)
    identifier = scene.identifier()
    call: dict[str, object] = {"record_id": identifier, "fields": {fields[0].name: str(date)}}
    found = [record(scene, "give until", call, "update", v=said, id=identifier)]
    other = updated(scene, identifier)
    return [*found, other] if other is not None and scene.rng.random() < 0.4 else found


def _either_way(scene: Scene) -> list[Asked]:
    """Values of a record by its external id, whether it is known or new."""
    rng, keys = scene.rng, [f for f in scene.fields if f.external_id]
    if not keys:
        return []
    key, values = keys[0], dict[str, Value]()
    others = [f for f in writable(scene) if f.name not in (key.name, "Name")]
    parts = [
        plainly(scene, f, values).removeprefix("+") for f in scene.some(others, rng.choice((1, 2, 2, 3)))
    ]
    if not parts:
        return []
    said, stored = scene.value(key)
    listed = ", ".join(parts) if len(parts) > 2 or rng.random() < 0.5 else " and ".join(parts)
    call: dict[str, object] = {
        "external_id": {"field": key.name, "value": stored},
        "fields": fields_ordered(scene, values),
    }
    return [record(scene, "either way", call, "upsert", values=listed, keyf=scene.words(key), key=said)]


def _two_fields(scene: Scene) -> list[Asked]:
    """Exactly two fields of a record, by their names or by where, when, who and how much."""
    rng, identifier = scene.rng, scene.identifier()
    columns = [c for c in scene.columns(2, 2) if c.path != "Name"]
    asking = _asking(scene)
    found = []
    if len(columns) == 2:
        call: dict[str, object] = {"record_id": identifier, "fields": [c.path for c in columns]}
        words = {"fw": columns[0].words, "gw": columns[1].words}
        found.append(record(scene, "get two", call, "get", id=identifier, **words))
    if len(asking) >= 2:
        (one, first), (two, second) = rng.sample(asking, 2)
        call = {"record_id": identifier, "fields": [first, second]}
        found.append(record(scene, "get asked", call, "get", id=identifier, wh=one, wh2=two))
    return found


def _asking(scene: Scene) -> list[tuple[str, str]]:
    """Question words and the one field of the object that each can mean."""
    cities, people = (
        [
            f.name
            for f in scene.fields
            if (idea := scene.ideas.get((scene.entity.name, f.name))) is not None
            and idea.kind == kind
            and f.name != "Name"
        ]
        for kind in ("city", "person")
    )
    dates = [
        f.name
        for f in scene.of_type("date", "datetime")
        if _EVENT.search(f.label or f.name) and not _NO_EVENT.search(f.label or f.name)
    ]
    dates = [name for name in dates if name not in ("CreatedDate", "LastModifiedDate")]
    money = [f.name for f in scene.of_type("currency")]
    found = (("where", cities), ("who", people), ("when", dates), ("how much", money))
    return [
        (word, names[0])
        for word, names in found
        if len(names) == 1 and (word != "who" or len(cities) + len(dates))
    ]
