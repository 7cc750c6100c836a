"""Conditions of several kinds at once: values as adjectives, days that bound, two values of one field."""

from __future__ import annotations

import re

from narrowgauge.training.specialist.date_bounds import bound
from narrowgauge.training.specialist.organisation_asked import Asked, Subject
from narrowgauge.training.specialist.organisation_conditions import conditions, of_one_value
from narrowgauge.training.specialist.organisation_lists import list_all
from narrowgauge.training.specialist.organisation_phrases import phrases_of
from narrowgauge.training.specialist.organisation_said import UNSPECIFIC, Condition
from narrowgauge.training.specialist.organisation_scene import STATE, Scene
from narrowgauge.training.specialist.organisation_shown import SYSTEM_DATES, name_of, parents_of, shown
from narrowgauge.training.specialist.salesforce_places import CITIES
from narrowgauge.training.specialist.salesforce_said import period
from narrowgauge.v1.catalogue_pb2 import EntityField

__all__ = ["alternatives", "dates", "multi", "picked", "stacked"]

_GRADED = re.compile(
    r"(?i)\b(priority|criticality|severity|strength|size|level|class|tier|phase|difficulty)\b"
)
_BEHIND = re.compile(r"(?i)(in|on|under|at|out|off|past|not|no|waiting|on-) ?\b")
_ENTERED = (
    *("created {v}", "entered {v}", "that came in {v}", "that were created {v}", "added {v}"),
    *("we logged {v}", "that were entered {v}", "put in {v}"),
)


def picked(scene: Scene, field: EntityField, value: str) -> Condition:
    """A picklist's value as a word of its own: before the object's name, or behind it."""
    said, words = value.lower() if scene.rng.random() < 0.8 else value, scene.words(field)
    label = (field.label or field.name).lower()
    own = phrases_of(scene.entity, field, f"is {value}")
    if _GRADED.search(label) or said.lower() in UNSPECIFIC or len(said) < 3:
        own += (f"+{said} {words}", f"with {words} {said}", f"of {said} {words}")
    elif _BEHIND.match(said):
        own += (said, f"that are {said}", f"currently {said}", f"still {said}")
    elif STATE.match(label):
        own += (f"+{said}", f"+{said}", f"+{said}", f"that are {said}", f"that are still {said}")
        own += (f"still in {said}",) if said.lower() in ("draft", "proposal", "transit", "planning") else ()
    else:
        own += (f"+{said}", f"+{said}", f"+{said}", f"of {words} {said}", f"with {said} as {words}")
    return Condition(field.name, [[field.name, "=", value]], {"f": words, "v": said}, (), own=own)


def stacked(scene: Scene) -> list[Asked]:
    """Two or three values of picklists and checkboxes at once, and one of them alone."""
    rng = scene.rng
    picks = [f for f in scene.of_type("picklist") if len(f.values) > 1]
    if not picks:
        return []
    chosen = rng.sample(picks, min(rng.choice((2, 2, 3)), len(picks)))
    stated = [picked(scene, f, rng.choice([v for v in f.values if v != "None"])) for f in chosen]
    if len(stated) < 2 or rng.random() < 0.4:
        taken = {condition.field for condition in stated}
        extra = [c for c in conditions(scene, 3) if c.field not in taken and len(c.items) == 1]
        names = {name.lower() for name in taken}
        # A status says as much as a checkbox of the same name, so these do not come together.
        stated += [c for c in extra if not any(n.startswith("is") for n in (c.field.lower(), *names))][:1]
    found = [shown(scene, *stated)]
    if len(stated) > 1:
        found.append(shown(scene, rng.choice(stated)))
    if rng.random() < 0.5:
        found.append(
            shown(
                scene, *stated, *[c for c in _dated(scene) if all(c.field != other.field for other in stated)]
            )
        )
    return found


def _dated(scene: Scene) -> list[Condition]:
    """A bound of one of the object's own dates."""
    own = [f for f in scene.of_type("date", "datetime") if f.name not in SYSTEM_DATES]
    if not own:
        return []
    field = scene.rng.choice(own)
    was, will = (phrases_of(scene.entity, field, way) for way in ("was", "will"))
    past = bool(was) and (not will or scene.rng.random() < 0.5)
    said, operator, literal = bound(field.type, scene.today, scene.rng, past=past)
    if scene.rng.random() < 0.3:
        said, operator, literal = period(
            field.name, field.type, scene.today, scene.rng, "past" if past else "future"
        )
    slots = {"f": scene.words(field), "v": said}
    return [
        Condition(field.name, [[field.name, operator, literal]], slots, ("date",), own=was if past else will)
    ]


def dates(scene: Scene) -> list[Asked]:
    """The object's own date, another bound of it, and when the record was entered."""
    rng = scene.rng
    first, second = _dated(scene), _dated(scene)
    if not first:
        return []
    others = conditions(scene, rng.choice((0, 0, 1)))
    found = [shown(scene, *first, *(c for c in others if c.field != first[0].field))]
    if rng.random() < 0.5 and second[0].items != first[0].items:
        found.append(shown(scene, *second))
    if any(f.name == "CreatedDate" for f in scene.entity.fields):
        said, operator, literal = (
            bound("datetime", scene.today, rng, past=True)
            if rng.random() < 0.5
            else period("CreatedDate", "datetime", scene.today, rng, "past")
        )
        items = [["CreatedDate", operator, literal]]
        found.append(shown(scene, Condition("CreatedDate", items, {"v": said}, (), own=_ENTERED)))
    return found


def alternatives(scene: Scene) -> list[Asked]:
    """Two values of one field, one of them, and two fields of which one suffices."""
    rng = scene.rng
    made: list[Condition] = []
    forms: tuple[str, ...]
    cities = [f for f in scene.fields if f.name.endswith("City") or "city" in (f.label or "").lower()]
    cities += [
        f
        for f in scene.fields
        if (idea := scene.ideas.get((scene.entity.name, f.name))) and idea.kind == "city"
    ]
    parents = parents_of(scene)
    pairs = [f for f in scene.of_type("picklist") if len(f.values) > 2]
    if cities and rng.random() < 0.6:
        (one, _), (other, _) = rng.sample(CITIES, 2)
        made.append(
            _either(cities[0].name, one, other, ("in {v} or {w}", "in {v} or in {w}", "from {v} or {w}"))
        )
    elif parents and rng.random() < 0.4:
        field, target = rng.choice(parents)
        one, other = (name_of(scene, target) for _ in range(2))
        forms = ("of {v} or {w}", "for {v} or {w}", "belonging to {v} or {w}", "of either {v} or {w}")
        made.append(_either(field.name, one, other, forms, path=f"{field.relationship}.Name"))
    elif pairs:
        field = rng.choice(pairs)
        one, other = rng.sample([v for v in field.values if v != "None"], 2)
        words = scene.words(field)
        forms = (f"with {words} {{v}} or {{w}}", f"whose {words} is {{v}} or {{w}}", "+{v} or {w}")
        graded = _GRADED.search(words) or {one.lower(), other.lower()} & set(UNSPECIFIC)
        made.append(_either(field.name, one, other, forms[:2] if graded else forms))
    if not made or made[0].items[0][2][0] == made[0].items[0][2][1]:
        return []
    found = [shown(scene, made[0])]
    single = made[0].items[0][2][0]
    forms = tuple(
        w.replace(" or {w}", "").replace(" or in {w}", "").replace("either ", "") for w in made[0].own
    )
    alone = Condition(made[0].field, [[made[0].items[0][0], "=", single]], made[0].slots, (), own=forms)
    found.append(shown(scene, alone))
    others = [of_one_value(c) for c in conditions(scene, 2) if c.field != alone.field and len(c.items) == 1]
    if others and rng.random() < 0.6:
        found.append(list_all(Subject(scene, [alone, others[0]], True)))
    return found


def _either(field: str, one: str, other: str, own: tuple[str, ...], path: str = "") -> Condition:
    return Condition(field, [[path or field, "IN", [one, other]]], {"v": one, "w": other}, (), own=own)


def multi(scene: Scene) -> list[Asked]:
    """A value among several that a record has, two of them, and one that it lacks."""
    rng = scene.rng
    fields = [f for f in scene.of_type("multipicklist") if len(f.values) > 1]
    if not fields:
        return []
    field = rng.choice(fields)
    one, other = rng.sample(list(field.values), 2)
    words, slots = scene.words(field), {"v": _lower(scene, one), "w": _lower(scene, other)}
    own = phrases_of(scene.entity, field, "pick")
    forms: tuple[str, ...] = (
        *(f"with {{v}} among their {words}", f"whose {words} include {{v}}", f"with {{v}} in {words}"),
        *("that cover {v}", "that include {v}", "with {v}", "including {v}", "that have {v}"),
    )
    forms = (*own, *own, *forms[:3]) if own else forms
    both = tuple(form.replace("{v}", "{v} or {w}") for form in forms)
    without = ("without {v}", f"without {{v}} in {words}", f"whose {words} don't include {{v}}")
    found = [
        shown(scene, Condition(field.name, [[field.name, "INCLUDES", [one]]], slots, (), own=forms)),
        shown(scene, Condition(field.name, [[field.name, "INCLUDES", [one, other]]], slots, (), own=both)),
        shown(scene, Condition(field.name, [[field.name, "EXCLUDES", [one]]], slots, (), own=without)),
    ]
    stated = Condition(field.name, [[field.name, "INCLUDES", [one]]], slots, (), own=forms)
    others = [c for c in conditions(scene, 1) if c.field != field.name]
    if others:
        found.append(shown(scene, stated, *others))
    rng.shuffle(found)
    return found[:2]


def _lower(scene: Scene, value: str) -> str:
    return value if scene.rng.random() < 0.4 else value.lower()
