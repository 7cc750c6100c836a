"""Conditions on the records of any object, in people's words; the same one can be said in several ways.

Slots of `wording/organisation_conditions.txt`: `{f}` the field, `{flag}` a checkbox, `{v}`, `{w}`, `{x}`
values, `{p}` a field of the record that `{f}` refers to, `{sign}` a comparison.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from narrowgauge.training.specialist import salesforce_pools as pools
from narrowgauge.training.specialist.organisation_scene import NUMBERS, STATE, Scene, sections
from narrowgauge.training.specialist.salesforce_said import period
from narrowgauge.v1.catalogue_pb2 import EntityField

__all__ = ["Condition", "conditions", "of_one_value", "phrase", "where_of"]

_FILE = "organisation_conditions"
_PAST = re.compile(
    r"(?i)\b(last|issue|birth|born|sold|taken|opened|loss|incident|started|built|joined|listed)\b"
)
_AHEAD = re.compile(r"(?i)\b(due|next|expiry|expires|until|deadline|needed|planned|return by|ends?)\b")
_TEXTS = ("string", "textarea", "email", "phone", "url", "combobox")


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
    """

    field: str
    items: Sequence[Any]
    slots: Mapping[str, str]
    after: tuple[str, ...]
    before: tuple[str, ...] = ()
    terse: str = ""


def conditions(scene: Scene, count: int) -> list[Condition]:
    """Draws up to so many conditions on different fields."""
    found: dict[str, Condition] = {}
    for _ in range(3 * count):
        if len(found) == count:
            break
        # The values of picklists are what people sort things by, and say most ways.
        closed = [f for f in scene.of_type("picklist") if f.name not in found]
        usable = [f for f in scene.fields if f.type != "textarea"]
        chosen = scene.some(closed if closed and scene.rng.random() < 0.3 else usable, 1)
        made = _condition(scene, chosen[0]) if chosen else None
        if made is not None and made.field not in found:
            found[made.field] = made
    return list(found.values())


def of_one_value(condition: Condition) -> Condition:
    """Returns the condition with the first of its alternatives alone; another one as it is."""
    name, operator, stored = condition.items[0]
    if operator != "IN":
        return condition
    items = [[name, "=", stored[0]]]
    return Condition(condition.field, items, condition.slots, ("pick",), ("before pick",), "terse pick")


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
    # One stands before the name, and never one of two alternatives.
    fitting = [condition for condition in stated if condition.before] if not either else []
    first = rng.choice(fitting) if fitting and rng.random() < 0.55 else None
    head = f"{scene.say(_FILE, rng.choice(first.before), **first.slots)} {noun}" if first else noun
    rest = [_after(scene, condition) for condition in stated if condition is not first]
    if not either:
        return _joined(scene, head, rest)
    return f"{head} {' or '.join(rest)}"


def _after(scene: Scene, condition: Condition) -> str:
    wordings = sections(_FILE)[scene.rng.choice(condition.after)]
    number = condition.slots.get("counted") == "yes"
    # `more than 5 bedrooms`, but no `more than 5k price`; `that are insured`, but no `that are pets allowed`.
    fitting = [w for w in wordings if number or "{v} {f}" not in w]
    if " " in condition.slots.get("flag", ""):
        fitting = [w for w in fitting if not w.startswith(("that are", "which are", "that aren't"))]
    return scene.fill(scene.rng.choice(fitting or wordings), **condition.slots)


def _joined(scene: Scene, head: str, rest: Sequence[str]) -> str:
    text = head
    for place, words in enumerate(rest):
        if place == 0:
            text += f" {words}"
            continue
        before = rest[place - 1]
        if words.startswith("with ") and before.startswith("with ") and scene.rng.random() < 0.6:
            words = words.removeprefix("with ")
        if words.startswith("whose ") and before.startswith("whose ") and scene.rng.random() < 0.5:
            words = words.removeprefix("whose ")
        text += scene.rng.choice((" and ", " and ", " and ", ", ")) + words
    return text


def _condition(scene: Scene, field: EntityField) -> Condition | None:
    rng = scene.rng
    empties = field.nullable and field.type not in ("boolean", "multipicklist") and field.name != "Name"
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
    if draw < 0.44 or len(stored) < 2:
        return Condition(
            field.name,
            [[field.name, "=", stored[0]]],
            slots,
            ("pick", "state") if state else ("pick",),
            ("before pick",),
            "terse state" if state else "terse pick",
        )
    if draw < 0.56:
        items = [[field.name, "!=", stored[0]]]
        return Condition(field.name, items, slots, ("not pick", "not state") if state else ("not pick",))
    if draw < 0.86:
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
    return Condition(field.name, [[field.name, operator, values]], slots, (kind,))


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
    return Condition(field.name, [[field.name, operator, number]], slots, (operator,), (), "terse number")


def _date(scene: Scene, field: EntityField) -> Condition:
    rng, label = scene.rng, field.label or field.name
    slots = {"f": scene.words(field)}
    system = {"CreatedDate": "created", "LastModifiedDate": "modified"}.get(field.name)
    draw = rng.random()
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
    )


def _parent(scene: Scene, field: EntityField) -> Condition | None:
    rng = scene.rng
    target = scene.entities.get(field.references[0]) if len(field.references) == 1 else None
    if target is None or not field.relationship:
        return None
    person = f"{rng.choice(pools.FIRST_NAMES)} {rng.choice(pools.LAST_NAMES)}"
    slots = {"f": scene.words(field)}
    draw = rng.random()
    fields = {f.name: f for f in target.fields}
    if target.name == "User":
        if "Name" not in fields or field.name != "OwnerId":
            return None
        items = [[f"{field.relationship}.Name", "=", person]]
        return Condition(field.name, items, {"v": person}, ("owner",))
    if draw < 0.15 and target.name in scene.ids:
        identifier = rng.choice(scene.ids[target.name])
        return Condition(
            field.name, [[field.name, "=", identifier]], slots | {"v": identifier}, ("parent id",)
        )
    if draw < 0.25:
        return _empty(scene, field)
    if draw < 0.4 and "BillingCity" in fields:
        city, country = rng.choice(pools.CITIES)
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
    name = person if target.name in ("Contact", "Lead") else rng.choice(pools.COMPANIES)
    idea = scene.ideas.get((target.name, "Name"))
    if idea is not None and idea.kind == "text":
        name = rng.choice(idea.values)
    return Condition(
        field.name, [[f"{field.relationship}.Name", "=", name]], slots | {"v": name}, ("parent",)
    )


def _texts(scene: Scene, field: EntityField) -> Condition:
    rng = scene.rng
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
    return Condition(field.name, [[field.name, "=", stored]], slots, (section, "text"), (), "terse pick")
