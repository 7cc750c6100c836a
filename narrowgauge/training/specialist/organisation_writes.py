"""Requests to read, make, change and delete one record of any object, in families on one record.

Slots of `wording/organisation_requests.txt`: `{o}` the object, `{os}` several, `{id}` a record id,
`{changes}` fields with their new values, `{values}` those of a new record, `{name}` its name, `{keyf}` and
`{key}` an external id, `{f}` and `{v}` one field and its value, `{words}` what happened to the record.
"""

from __future__ import annotations

import datetime as dt
import re

from narrowgauge.training.specialist.organisation_asked import Asked
from narrowgauge.training.specialist.organisation_phrases import event_of
from narrowgauge.training.specialist.organisation_scene import NUMBERS, STATE, Scene, sections
from narrowgauge.training.specialist.organisation_values import (
    UNSAID,
    draw_value,
    draw_values,
    fields_ordered,
    join_parts,
    linked,
    one_and_several,
    plainly,
    quoted,
    required,
    writable,
)
from narrowgauge.training.specialist.salesforce_said import past_day
from narrowgauge.training.specialist.salesforce_values import Value

__all__ = ["updated", "write_family"]

_FILE = "organisation_requests"
_ADJECTIVE = re.compile(r"as \{f\}|is not \{f\}|is no longer|is \{v\}|needs \{f\}")


def write_family(scene: Scene) -> list[Asked]:
    """Makes two or three requests about one record: what is asked of it differs."""
    rng = scene.rng
    identifier = scene.identifier()
    makers = [
        updated,
        _update_one,
        _event,
        _get,
        _get_fields,
        _create,
        _create_plain,
        _delete,
        _upsert,
        _clear,
    ]
    weights = [3.2, 3.2, 2.4, 1.4, 1.8, 2.6, 4.0, 1.3, 3.0, 1.0]
    chosen = rng.choices(makers, weights, k=rng.choice((2, 2, 3)))
    if rng.random() < 0.12:
        chosen[-1] = _rows
    found = [make(scene, identifier) for make in chosen]
    return [asked for asked in found if asked is not None]


def _changes(scene: Scene, count: int) -> tuple[str, dict[str, Value]] | None:
    parts, values = [], {}
    form = scene.rng.choice(("{f} to {v}", "{f} to {v}", "{f} to {v}", "{f} = {v}", "{f}: {v}"))
    for field in scene.some(writable(scene), count):
        said, values[field.name] = draw_value(scene, field)
        parts.append(form.format(f=scene.words(field), v=quoted(scene, field, said)))
    return (join_parts(scene, parts), fields_ordered(scene, values)) if values else None


def updated(scene: Scene, identifier: str) -> Asked | None:
    """Sets one to three fields of a record; None where it has none to set."""
    made = _changes(scene, scene.rng.choice((1, 1, 1, 2, 2, 3)))
    if made is None:
        return None
    text = scene.say(_FILE, "update", id=identifier, changes=made[0], **one_and_several(scene))
    call = {"object": scene.entity.name, "record_id": identifier, "fields": made[1]}
    return Asked(text, "update", call, "update")


def _update_one(scene: Scene, identifier: str) -> Asked | None:
    fields = writable(scene)
    states = [f for f in fields if f.type == "picklist" and STATE.match((f.label or f.name).lower())]
    state = bool(states) and scene.rng.random() < 0.55
    if not fields:
        return None
    field = scene.rng.choice(states) if state else scene.some(fields, 1)[0]
    said, stored = draw_value(scene, field)
    section = "update state" if state else "update one"
    words = scene.words(field)
    if scene.rng.random() < 0.6 and not state:
        # A verb that only fits numbers, days or checkboxes.
        if field.type in NUMBERS:
            section = "update number"
        elif field.type in ("date", "datetime"):
            section = "update date"
        elif field.type == "boolean":
            section = "update flag on" if stored else "update flag off"
    slots = {"f": words, "v": quoted(scene, field, said), "id": identifier, **one_and_several(scene)}
    call = {"object": scene.entity.name, "record_id": identifier, "fields": {field.name: stored}}
    wordings = sections(_FILE)[section]
    if field.type == "boolean" and " " in words:
        wordings = tuple(w for w in wordings if not _ADJECTIVE.search(w)) or wordings
    return Asked(scene.fill(scene.rng.choice(wordings), **slots), "update", call, section)


def _event(scene: Scene, identifier: str) -> Asked | None:
    """Says what happened to a record: a state, with the day on which it came or without."""
    event = event_of(scene.entity, scene.rng)
    if event is None:
        return None
    values: dict[str, Value] = dict(event.values)
    slots = {}
    for slot, name in event.asked.items():
        field = next(f for f in scene.entity.fields if f.name == name)
        if field.type == "date":
            said, values[name] = _recent(scene)
        else:
            said, values[name] = scene.value(field)
        slots[slot] = said
    words = scene.fill(event.wording, **slots)
    text = scene.say(_FILE, "event", words=words, id=identifier, **one_and_several(scene))
    call = {"object": scene.entity.name, "record_id": identifier, "fields": fields_ordered(scene, values)}
    return Asked(text, "update", call, "event")


def _recent(scene: Scene) -> tuple[str, str]:
    days, said = scene.rng.choice(((0, "today"), (0, "today"), (1, "yesterday"), (-1, ""), (-1, "")))
    if days < 0:
        said, date = past_day(scene.today, scene.rng)
        return said, str(date)
    return said, str(scene.today - dt.timedelta(days=days))


def _clear(scene: Scene, identifier: str) -> Asked | None:
    fields = [f for f in writable(scene) if f.nullable and f.type != "boolean" and f.name != "Name"]
    if not fields:
        return None
    field = scene.some(fields, 1)[0]
    text = scene.say(_FILE, "clear", f=scene.words(field), id=identifier, **one_and_several(scene))
    call = {"object": scene.entity.name, "record_id": identifier, "fields": {field.name: None}}
    return Asked(text, "update", call, "clear")


def _get(scene: Scene, identifier: str) -> Asked:
    call = {"object": scene.entity.name, "record_id": identifier, "fields": []}
    return Asked(scene.say(_FILE, "get", id=identifier, **one_and_several(scene)), "get", call, "get")


def _get_fields(scene: Scene, identifier: str) -> Asked | None:
    columns = scene.columns(1, 3)
    if not columns:
        return None
    fields = join_parts(scene, [column.words for column in columns])
    call = {
        "object": scene.entity.name,
        "record_id": identifier,
        "fields": [column.path for column in columns],
    }
    text = scene.say(_FILE, "get fields", fields=fields, id=identifier, **one_and_several(scene))
    return Asked(text, "get", call, "get fields")


def _delete(scene: Scene, identifier: str) -> Asked:
    call = {"object": scene.entity.name, "record_id": identifier}
    return Asked(
        scene.say(_FILE, "delete", id=identifier, **one_and_several(scene)), "delete", call, "delete"
    )


def _create(scene: Scene, identifier: str) -> Asked | None:
    rng = scene.rng
    needed = required(scene)
    optional = [f for f in writable(scene) if f not in needed]
    others = [f for f in needed if f.name != "Name"] + scene.some(optional, rng.choice((1, 2, 2, 3, 3, 4)))
    if any(f.type in UNSAID for f in needed) or not others:
        return None
    rng.shuffle(others)
    parts, values = draw_values(scene, others)
    link = linked(scene)
    if link is not None and rng.random() < 0.4 and link[1] not in values:
        parts.insert(rng.randrange(len(parts) + 1), link[0])
        values[link[1]] = link[2]
    named = next((f for f in needed if f.name == "Name"), None)
    slots = one_and_several(scene)
    section = "create"
    if named is not None:
        slots["name"], values["Name"] = scene.value(named)
        section = "create named"
        if rng.random() < 0.3:
            parts.insert(0, f"{scene.words(named)} {slots['name']}")
            section = "create"
    call = {"object": scene.entity.name, "fields": fields_ordered(scene, values)}
    return Asked(scene.say(_FILE, section, values=join_parts(scene, parts), **slots), "create", call, section)


def _create_plain(scene: Scene, identifier: str) -> Asked | None:
    """Makes a record of values that are said as people say them: `16 seats`, `due Friday`, `insured`."""
    rng = scene.rng
    needed = required(scene)
    if any(f.type in UNSAID for f in needed):
        return None
    optional = [f for f in writable(scene) if f not in needed and f.name != "Name"]
    chosen = [f for f in needed if f.name != "Name"] + scene.some(optional, rng.choice((2, 2, 3, 3, 4)))
    values: dict[str, Value] = {}
    parts: list[str] = []
    adjectives: list[str] = []
    for field in chosen:
        part = plainly(scene, field, values)
        adjective = part.startswith("+")
        (adjectives if adjective else parts).append(part.removeprefix("+"))
    link = linked(scene)
    if link is not None and rng.random() < 0.45 and link[1] not in values:
        parts.insert(rng.randrange(len(parts) + 1), link[0])
        values[link[1]] = link[2]
    slots = one_and_several(scene)
    if not parts:
        return None
    # Two words before the name at most; what is more follows it.
    parts += adjectives[2:]
    if adjectives:
        slots["o"] = " ".join((*adjectives[:2], slots["o"]))
    named = next((f for f in scene.fields if f.name == "Name" and not f.read_only), None)
    section = "create plain"
    if named is not None:
        slots["name"], values["Name"] = scene.value(named)
        section = "create plain named"
    listed = ", ".join(parts) if rng.random() < 0.7 else join_parts(scene, parts)
    call = {"object": scene.entity.name, "fields": fields_ordered(scene, values)}
    return Asked(scene.say(_FILE, section, values=listed, **slots), "create", call, section)


def _upsert(scene: Scene, identifier: str) -> Asked | None:
    keys = [f for f in scene.fields if f.external_id]
    if not keys:
        return None
    key = keys[0]
    others = [f for f in writable(scene) if f.name != key.name]
    chosen = scene.some(others, scene.rng.choice((1, 1, 2, 2, 3)))
    if not chosen:
        return None
    parts, values = draw_values(scene, chosen)
    said, stored = scene.value(key)
    slots = {
        "key": said,
        "keyf": scene.words(key),
        "values": join_parts(scene, parts),
        **one_and_several(scene),
    }
    call = {
        "object": scene.entity.name,
        "external_id": {"field": key.name, "value": stored},
        "fields": fields_ordered(scene, values),
    }
    return Asked(scene.say(_FILE, "upsert", **slots), "upsert", call, "upsert")


def _rows(scene: Scene, identifier: str) -> Asked | None:
    """One run of a for-each over records that an earlier step found: the row has the id."""
    row: dict[str, Value] = {"Id": identifier}
    for field in scene.some([f for f in scene.fields if f.type in ("string", "currency", "picklist")], 2):
        row[field.name] = scene.value(field)[1]
    call = {"object": scene.entity.name, "record_id": identifier}
    kind = scene.rng.choice(("update", "update", "update", "delete", "get"))
    slots = one_and_several(scene)
    if kind == "update":
        made = _changes(scene, scene.rng.choice((1, 1, 2)))
        if made is None:
            return None
        slots["changes"] = made[0]
        call["fields"] = made[1]  # type: ignore[assignment]
    elif kind == "get":
        call["fields"] = []  # type: ignore[assignment]
    section = f"rows {kind}"
    wording = scene.say(_FILE, section, **slots)
    # The object stands in no row.
    if not any(noun in wording for noun in (slots["o"], slots["os"])):
        return None
    return Asked(wording, kind, call, section, (row,))
