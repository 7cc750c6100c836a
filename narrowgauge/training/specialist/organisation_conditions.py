"""Conditions on the records of any object: on fields of every type, each with the ways to say it."""

from __future__ import annotations

import re
from typing import Any

from narrowgauge.training.specialist.organisation_phrases import late_of, phrases_of, spoken_fields
from narrowgauge.training.specialist.organisation_said import OWN, Condition
from narrowgauge.training.specialist.organisation_scene import NUMBERS, STATE, Scene
from narrowgauge.training.specialist.salesforce_names import COMPANIES, FIRST_NAMES, LAST_NAMES
from narrowgauge.training.specialist.salesforce_places import CITIES
from narrowgauge.training.specialist.salesforce_said import period
from narrowgauge.v1.catalogue_pb2 import EntityField

__all__ = ["conditions", "of_one_value"]

_ALWAYS_SET = ("Name", "CreatedDate", "LastModifiedDate", "OwnerId")
_PAST = re.compile(
    r"(?i)\b(last|issue|birth|born|sold|taken|opened|loss|incident|started|built|joined|listed)\b"
)
_AHEAD = re.compile(r"(?i)\b(due|next|expiry|expires|until|deadline|needed|planned|return by|ends?)\b")
# How often a condition is on a field that has phrases of its own, and the share of requests for what is late,
# where that is known.
_SPOKEN, _LATE = 0.45, 0.1
# Fields of which one condition excludes or implies the other.
_SAME = (
    ("IsClosed", "IsWon", "StageName", "Status", "IsEscalated"),
    ("IsConverted", "Status"),
    ("IsActive", "Status"),
    ("BillingCity", "BillingCountry"),
    ("City", "Country"),
)
_THAN = {
    ">": ("over {v}", "more than {v}", "over {v}"),
    ">=": ("at least {v}",),
    "<": ("under {v}", "less than {v}"),
    "<=": ("at most {v}", "up to {v}", "no more than {v}"),
}
_TEXTS = ("string", "textarea", "email", "phone", "url", "combobox")


def conditions(scene: Scene, count: int) -> list[Condition]:
    """Draws up to so many conditions on different fields."""
    found: dict[str, Condition] = {}
    spoken = spoken_fields(scene.entity)
    late = _overdue(scene) if count and scene.rng.random() < _LATE else None
    if late is not None:
        found |= {str(item[0]): late for item in late.items}
        count -= 1
    for _ in range(3 * count):
        if len({id(condition) for condition in found.values()} - {id(late)}) == count:
            break
        if spoken and scene.rng.random() < _SPOKEN:
            _add(found, _condition(scene, scene.rng.choice(spoken)))
            continue
        # The values of picklists are what people sort things by, and say most ways.
        closed = [f for f in scene.of_type("picklist") if f.name not in found]
        usable = [f for f in scene.fields if f.type != "textarea"]
        chosen = scene.some(closed if closed and scene.rng.random() < 0.42 else usable, 1)
        _add(found, _condition(scene, chosen[0]) if chosen else None)
    return list({id(condition): condition for condition in found.values()}.values())


def _add(found: dict[str, Condition], made: Condition | None) -> None:
    """Adds a condition unless there is one on its field, or on another one that means the same."""
    if made is None or any(made.field in same and other in same for same in _SAME for other in found):
        return
    found.setdefault(made.field, made)


def of_one_value(condition: Condition) -> Condition:
    """Returns the condition with the first of its alternatives alone; another one as it is."""
    name, operator, stored = condition.items[0]
    if operator != "IN":
        return condition
    items = [[name, "=", stored[0]]]
    return Condition(condition.field, items, condition.slots, ("pick",), ("before pick",), "terse pick")


def _condition(scene: Scene, field: EntityField) -> Condition | None:
    rng = scene.rng
    empties = (
        field.nullable and field.type not in ("boolean", "multipicklist") and field.name not in _ALWAYS_SET
    )
    if empties and field.type != "reference" and rng.random() < 0.07:
        return _empty(scene, field)
    if field.type == "picklist":
        return _pick(scene, field) if len(field.values) > 1 else None
    if field.type == "multipicklist":
        return _multi(scene, field) if len(field.values) > 1 else None
    if field.type in NUMBERS:
        return _number(scene, field)
    if field.type in ("date", "datetime"):
        return _date(scene, field)
    if field.type == "boolean":
        return _flag(scene, field)
    if field.type == "reference":
        return _parent(scene, field)
    return _texts(scene, field) if field.type in _TEXTS else None


def _overdue(scene: Scene) -> Condition | None:
    late = late_of(scene.entity)
    if late is None:
        return None
    names = {f.label: f.name for f in scene.entity.fields}
    stored: dict[str, Any] = {"true": True, "false": False}
    items = [[names[label], operator, stored.get(value, value)] for label, operator, value in late.tests]
    return Condition(str(items[0][0]), items, {}, (), own=late.phrases)


def _empty(scene: Scene, field: EntityField) -> Condition:
    missing = scene.rng.random() < 0.65
    items = [[field.name, "=" if missing else "!=", None]]
    return Condition(field.name, items, {"f": scene.words(field)}, ("has not" if missing else "has",))


def _pick(scene: Scene, field: EntityField) -> Condition:
    rng = scene.rng
    stored = rng.sample([value for value in field.values if value != "None"], min(3, len(field.values)))
    said = [value if rng.random() < 0.4 else value.lower() for value in stored]
    if rng.random() < 0.1 and len(said) > 1:
        said = [value.replace(" ", "-") for value in said]
    slots = {"f": scene.words(field), **dict(zip("vwx", said, strict=False))}
    state = bool(STATE.match((field.label or field.name).lower()))
    draw = rng.random()
    if draw < 0.36 or len(stored) < 2:
        return Condition(
            field.name,
            [[field.name, "=", stored[0]]],
            slots,
            ("pick", "state") if state else ("pick",),
            ("before pick",),
            "terse state" if state else "terse pick",
            phrases_of(scene.entity, field, f"is {stored[0]}") + phrases_of(scene.entity, field, "pick"),
        )
    if draw < 0.45:
        items = [[field.name, "!=", stored[0]]]
        return Condition(field.name, items, slots, ("not pick", "not state") if state else ("not pick",))
    if draw < 0.87:
        after = ("in two", "in two state") if state else ("in two",)
        before = ("before in two",) if state else ()
        return Condition(field.name, [[field.name, "IN", stored[:2]]], slots, after, before, "terse in")
    if draw < 0.93 and len(stored) > 2:
        return Condition(field.name, [[field.name, "IN", stored]], slots, ("in three",))
    return Condition(field.name, [[field.name, "NOT IN", stored[:2]]], slots, ("not in",))


def _multi(scene: Scene, field: EntityField) -> Condition:
    rng = scene.rng
    stored = rng.sample(list(field.values), 2)
    slots = {"f": scene.words(field), **{s: value.lower() for s, value in zip("vw", stored, strict=True)}}
    kind, operator, values = rng.choice(
        (
            *(("multi", "INCLUDES", stored[:1]),) * 2,
            ("not multi", "EXCLUDES", stored[:1]),
            ("multi two", "INCLUDES", stored),
        )
    )
    own = phrases_of(scene.entity, field, "pick") if kind == "multi" else ()
    return Condition(field.name, [[field.name, operator, values]], slots, (kind,), own=own)


def _number(scene: Scene, field: EntityField) -> Condition:
    said, number = scene.value(field, bound=True)
    slots = {"f": scene.words(field), "v": said, "counted": "yes" if field.type == "int" else "no"}
    draw = scene.rng.random()
    if draw < 0.16:
        other_said, other = scene.value(field, bound=True)
        assert isinstance(number, float) and isinstance(other, float)
        if other != number:
            pairs = sorted([(number, said), (other, other_said)])
            items = [[field.name, ">=", pairs[0][0]], [field.name, "<=", pairs[1][0]]]
            return Condition(field.name, items, slots | {"v": pairs[0][1], "w": pairs[1][1]}, ("between",))
    if draw < 0.28:
        return Condition(field.name, [[field.name, "=", number]], slots, ("number",))
    operator = scene.rng.choice((">", ">", "<", "<", ">=", "<="))
    slots["sign"] = operator
    slots["than"] = scene.rng.choice(_THAN[operator]).format(v=said)
    own = phrases_of(scene.entity, field, "than")
    own += phrases_of(scene.entity, field, {">": "more", "<": "less"}.get(operator, ""))
    after = (operator,)
    return Condition(field.name, [[field.name, operator, number]], slots, after, (), "terse number", own)


def _date(scene: Scene, field: EntityField) -> Condition:
    rng, label = scene.rng, field.label or field.name
    slots = {"f": scene.words(field)}
    system = {"CreatedDate": "created", "LastModifiedDate": "modified"}.get(field.name)
    draw = rng.random()
    ways = [way for way in ("was", "will", "when") if phrases_of(scene.entity, field, way)]
    if ways and draw < OWN:
        way = rng.choice(ways)
        direction = {"was": "past", "will": "future", "when": "period"}[way]
        slots["v"], operator, literal = period(field.name, field.type, scene.today, rng, direction)
        own = phrases_of(scene.entity, field, way)
        return Condition(field.name, [[field.name, operator, literal]], slots, (system or "date",), own=own)
    if field.type == "date" and not system and draw < 0.12:
        past = rng.random() < 0.6
        items = [[field.name, "<" if past else ">", "TODAY"]]
        return Condition(field.name, items, slots, ("past" if past else "ahead",))
    direction = "past" if system or _PAST.search(label) else "future" if _AHEAD.search(label) else "period"
    # Contradicting the label is allowed now and then: things lie overdue and plans are made.
    if not system and rng.random() < 0.25:
        direction = "period"
    said, operator, literal = period(field.name, field.type, scene.today, rng, direction)
    slots["v"] = said
    terse = "" if system else "terse date"
    return Condition(field.name, [[field.name, operator, literal]], slots, (system or "date",), (), terse)


def _flag(scene: Scene, field: EntityField) -> Condition:
    words = scene.words(field)
    value = scene.rng.random() < 0.62
    adjective = " " not in words and "_" not in words and words.islower()
    return Condition(
        field.name,
        [[field.name, "=", value]],
        {"flag": words},
        ("flag" if value else "not flag",),
        (("before flag" if value else "before not flag"),) if adjective else (),
        "terse flag" if value else "terse not flag",
        phrases_of(scene.entity, field, "yes" if value else "no"),
    )


def _parent(scene: Scene, field: EntityField) -> Condition | None:
    rng = scene.rng
    target = scene.entities.get(field.references[0]) if len(field.references) == 1 else None
    if target is None or not field.relationship:
        return None
    person = f"{rng.choice(FIRST_NAMES)} {rng.choice(LAST_NAMES)}"
    slots = {"f": scene.words(field)}
    draw = rng.random()
    fields = {f.name: f for f in target.fields}
    if target.name == "User":
        if "Name" not in fields or field.name != "OwnerId":
            return None
        items = [[f"{field.relationship}.Name", "=", person]]
        own = phrases_of(scene.entity, field, "of")
        others = [f for f in scene.entity.fields if f.name != field.name and "Contact" in f.references]
        if any("owner" in (f.label or f.name).lower() for f in others):
            return None
        if others:
            # `of Ada Adler` is who the other field refers to.
            own = tuple(w for w in own if w not in ("of {v}", "that belong to {v}"))
            return Condition(field.name, items, {"v": person}, (), own=own)
        return Condition(field.name, items, {"v": person}, ("owner",), own=own)
    if draw < 0.15 and target.name in scene.ids:
        identifier = rng.choice(scene.ids[target.name])
        return Condition(
            field.name, [[field.name, "=", identifier]], slots | {"v": identifier}, ("parent id",)
        )
    if draw < 0.25:
        return _empty(scene, field)
    if draw < 0.4 and "BillingCity" in fields:
        city, country = rng.choice(CITIES)
        place, path = rng.choice(((city, "BillingCity"), (country, "BillingCountry")))
        items = [[f"{field.relationship}.{path}", "=", place]]
        return Condition(field.name, items, slots | {"v": place}, ("parent city",))
    closed = [f for f in target.fields if f.type == "picklist" and len(f.values) > 1]
    if draw < 0.5 and closed:
        chosen = rng.choice(closed)
        value = rng.choice([value for value in chosen.values if value != "None"])
        words = (chosen.label or chosen.name).lower()
        items = [[f"{field.relationship}.{chosen.name}", "=", value]]
        return Condition(field.name, items, slots | {"v": value, "p": words}, ("parent field",))
    if "Name" not in fields:
        return None
    name = person if target.name in ("Contact", "Lead") else rng.choice(COMPANIES)
    idea = scene.ideas.get((target.name, "Name"))
    if idea is not None and idea.kind == "text":
        name = rng.choice(idea.values)
    items, own = [[f"{field.relationship}.Name", "=", name]], phrases_of(scene.entity, field, "of")
    return Condition(field.name, items, slots | {"v": name}, ("parent",), own=own)


def _texts(scene: Scene, field: EntityField) -> Condition | None:
    rng = scene.rng
    if field.name == "Name" and scene.entity.name in ("Contact", "Lead"):
        # People are found by first and last name.
        return None
    said, stored = scene.value(field)
    slots = {"f": scene.words(field), "v": said}
    idea = scene.ideas.get((scene.entity.name, field.name))
    kind = idea.kind if idea else ""
    draw = rng.random()
    word = re.findall(r"[A-Za-z0-9]+", said)
    if kind not in ("key", "auto") and word and draw < 0.3:
        section, form = rng.choice((("like", "%{}%"), ("like", "%{}%"), ("starts", "{}%"), ("ends", "%{}")))
        part = word[-1] if section == "ends" else word[0] if section == "starts" else rng.choice(word)
        return Condition(
            field.name, [[field.name, "LIKE", form.format(part)]], slots | {"v": part}, (section,)
        )
    if draw > 0.94:
        return Condition(field.name, [[field.name, "!=", stored]], slots, ("not text",))
    section = "text"
    if field.name.endswith("City") or kind == "city":
        section = "city"
    elif kind == "person":
        section = "person"
    elif field.name == "Name" and kind != "auto":
        section = "name"
    own = phrases_of(scene.entity, field, "by")
    return Condition(field.name, [[field.name, "=", stored]], slots, (section, "text"), (), "terse pick", own)
