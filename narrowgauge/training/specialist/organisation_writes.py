"""Requests to read, make, change and delete one record of any object, in families on one record.

Slots of `wording/organisation_requests.txt`: `{o}` the object, `{os}` several, `{id}` a record id,
`{changes}` fields with their new values, `{values}` those of a new record, `{name}` its name, `{keyf}` and
`{key}` an external id, `{f}` and `{v}` one field and its value, `{words}` what happened to the record.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence

from narrowgauge.training.specialist.organisation_asked import Asked
from narrowgauge.training.specialist.organisation_phrases import event_of, phrases_of
from narrowgauge.training.specialist.organisation_said import UNSPECIFIC
from narrowgauge.training.specialist.organisation_scene import NUMBERS, STATE, Scene, sections
from narrowgauge.training.specialist.salesforce_said import past_day
from narrowgauge.training.specialist.salesforce_values import Value
from narrowgauge.v1.catalogue_pb2 import EntityField

__all__ = [
    "fields_ordered",
    "one_and_several",
    "plainly",
    "required",
    "updated",
    "writable",
    "write_family",
]

_FILE = "organisation_requests"
_NEVER = frozenset(("OwnerId",))
_UNSAID = ("multipicklist", "reference")
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


def one_and_several(scene: Scene) -> dict[str, str]:
    """Returns the slots of what the object is called."""
    one, several = scene.nouns()
    return {"o": one, "os": several}


def writable(scene: Scene) -> list[EntityField]:
    """Returns the fields that a request sets, those that refer to others apart."""
    return [f for f in scene.fields if not f.read_only and f.name not in _NEVER and f.type not in _UNSAID]


def _stored(scene: Scene, field: EntityField) -> tuple[str, Value]:
    """Draws a value to write; a checkbox is said to be on or off."""
    if field.type == "boolean":
        on = scene.rng.random() < 0.6
        said = ("yes", "true", "checked", "on") if on else ("no", "false", "unchecked", "off")
        return scene.rng.choice(said), on
    return scene.value(field)


def _quoted(scene: Scene, field: EntityField, said: str) -> str:
    if field.type in ("string", "textarea") and '"' not in said and scene.rng.random() < 0.3:
        return f'"{said}"'
    return said


def fields_ordered(scene: Scene, values: Mapping[str, Value]) -> dict[str, Value]:
    """Fields in the catalogue's order, those of other records last: one way to write a record."""
    own = {f.name: values[f.name] for f in scene.entity.fields if f.name in values}
    return own | {name: value for name, value in values.items() if name not in own}


def _listed(scene: Scene, parts: Sequence[str]) -> str:
    if len(parts) == 1:
        return parts[0]
    last = scene.rng.choice((" and ", ", ", ", and " if len(parts) > 2 else " and "))
    return ", ".join(parts[:-1]) + last + parts[-1]


def _changes(scene: Scene, count: int) -> tuple[str, dict[str, Value]] | None:
    parts, values = [], {}
    form = scene.rng.choice(("{f} to {v}", "{f} to {v}", "{f} to {v}", "{f} = {v}", "{f}: {v}"))
    for field in scene.some(writable(scene), count):
        said, values[field.name] = _stored(scene, field)
        parts.append(form.format(f=scene.words(field), v=_quoted(scene, field, said)))
    return (_listed(scene, parts), fields_ordered(scene, values)) if values else None


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
    said, stored = _stored(scene, field)
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
    slots = {"f": words, "v": _quoted(scene, field, said), "id": identifier, **one_and_several(scene)}
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
    fields = _listed(scene, [column.words for column in columns])
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


def _values(scene: Scene, fields: Sequence[EntityField]) -> tuple[list[str], dict[str, Value]]:
    """Says values of a new record one after the other."""
    rng, values = scene.rng, dict[str, Value]()
    parts = []
    form = rng.choice(("{f} {v}", "{f} {v}", "{f}: {v}", "{f} = {v}", "{v} as {f}"))
    for field in fields:
        said, values[field.name] = _stored(scene, field)
        words, text = scene.words(field), _quoted(scene, field, said)
        if field.type == "boolean" and rng.random() < 0.4:
            parts.append(words if values[field.name] else f"not {words}")
        else:
            parts.append(form.format(f=words, v=text))
    return parts, values


def required(scene: Scene) -> list[EntityField]:
    """Returns the fields that a new record must have."""
    needed = (f for f in scene.entity.fields if not f.nullable and not f.read_only and not f.key)
    return [f for f in needed if f.type != "boolean"]


def _create(scene: Scene, identifier: str) -> Asked | None:
    rng = scene.rng
    needed = required(scene)
    optional = [f for f in writable(scene) if f not in needed]
    others = [f for f in needed if f.name != "Name"] + scene.some(optional, rng.choice((1, 2, 2, 3, 3, 4)))
    if any(f.type in _UNSAID for f in needed) or not others:
        return None
    rng.shuffle(others)
    parts, values = _values(scene, others)
    link = _link(scene)
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
    return Asked(scene.say(_FILE, section, values=_listed(scene, parts), **slots), "create", call, section)


def _create_plain(scene: Scene, identifier: str) -> Asked | None:
    """Makes a record of values that are said as people say them: `16 seats`, `due Friday`, `insured`."""
    rng = scene.rng
    needed = required(scene)
    if any(f.type in _UNSAID for f in needed):
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
    link = _link(scene)
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
    listed = ", ".join(parts) if rng.random() < 0.7 else _listed(scene, parts)
    call = {"object": scene.entity.name, "fields": fields_ordered(scene, values)}
    return Asked(scene.say(_FILE, section, values=listed, **slots), "create", call, section)


def plainly(scene: Scene, field: EntityField, values: dict[str, Value]) -> str:
    """Says a value of a new record; one that stands before the object's name begins with `+`."""
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
    return form.format(f=words, v=_quoted(scene, field, said))


def _fits_new(words: str) -> bool:
    """Tells whether a phrase can be an item of a list of a new record's values."""
    clauses = ("that ", "which ", "who ", "whose ", "where ", "we ", "nobody ", "they ", "only we", "{v} ")
    return not words.startswith(clauses) and not re.search(r"already|yet|still|currently", words)


def _link(scene: Scene) -> tuple[str, str, Value] | None:
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


def _upsert(scene: Scene, identifier: str) -> Asked | None:
    keys = [f for f in scene.fields if f.external_id]
    if not keys:
        return None
    key = keys[0]
    others = [f for f in writable(scene) if f.name != key.name]
    chosen = scene.some(others, scene.rng.choice((1, 1, 2, 2, 3)))
    if not chosen:
        return None
    parts, values = _values(scene, chosen)
    said, stored = scene.value(key)
    slots = {"key": said, "keyf": scene.words(key), "values": _listed(scene, parts), **one_and_several(scene)}
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
