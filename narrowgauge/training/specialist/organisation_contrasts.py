"""Queries on any object that a small model confuses, in families made out of the types of its fields.

A family asks for one column, for the records beside it and for their number; for a field that passes a bound
and for groups with so many records; for whose a record is and what it is called; and so on. What differs in
the requests is all that differs in the calls.

Slots of `wording/organisation_contrasts.txt` beside those of `organisation_asked.py`: `{o}` and `{os}` the
object, `{f}` and `{fs}` a field of one and of several records, `{name}` the field of their names, `{v}` a
bound, `{who}` a company or a person, `{whom}` a record by its name or by whose it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from narrowgauge.training.specialist.organisation_asked import Asked, Maker, Subject, draw_family, rows_asked
from narrowgauge.training.specialist.organisation_conditions import conditions
from narrowgauge.training.specialist.organisation_lists import list_sorted_fields
from narrowgauge.training.specialist.organisation_named import lookups, whose
from narrowgauge.training.specialist.organisation_phrases import phrases_of
from narrowgauge.training.specialist.organisation_said import Condition
from narrowgauge.training.specialist.organisation_scene import NUMBERS, Scene, sections
from narrowgauge.training.specialist.organisation_shown import (
    FILE,
    SYSTEM_DATES,
    asked,
    listed,
    parents_of,
    several,
    shown,
)
from narrowgauge.training.specialist.organisation_stated import alternatives, dates, multi, stacked
from narrowgauge.v1.catalogue_pb2 import EntityField

__all__ = ["query_contrasts"]

_MINUTES = {
    15: ("a quarter of an hour", "15 minutes", "15 min"),
    30: ("half an hour", "30 minutes", "30 min"),
    45: ("45 minutes", "three quarters of an hour"),
    60: ("an hour", "one hour", "60 minutes", "1 h"),
    90: ("an hour and a half", "90 minutes", "1.5 hours", "one and a half hours"),
    120: ("two hours", "2 hours", "120 minutes"),
    180: ("three hours", "3 h"),
}
_OPERATORS = (">", ">", ">", "<", "<", ">=", "<=")


def query_contrasts(scene: Scene) -> list[Asked]:
    """Makes a family of queries that differ in little."""
    makers: dict[Maker, float] = {
        _columns: 2.2,
        _tops: 1.4,
        _bounds: 2.0,
        stacked: 2.6,
        dates: 2.2,
        alternatives: 1.6,
        multi: 6.0,
        whose: 2.2,
        lookups: 1.8,
    }
    return draw_family(scene, makers)


def _plain(scene: Scene) -> list[EntityField]:
    """Fields that are a column by themselves and a noun in the plural."""
    return [f for f in scene.fields if f.type not in ("boolean", "reference", "multipicklist", "textarea")]


def _columns(scene: Scene) -> list[Asked]:
    """One column, the records with a few, and how many there are."""
    rng = scene.rng
    stated = conditions(scene, rng.choice((0, 1, 1, 2)))
    usable = [f for f in _plain(scene) if f.name not in SYSTEM_DATES]
    fields = scene.some([f for f in usable if all(f.name != c.field for c in stated)], 1)
    if not fields:
        return []
    words = scene.words(fields[0])
    found = [asked(scene, "only", {"select": [fields[0].name]}, stated, f=words, fs=several(words))]
    columns = [c for c in scene.columns(1, 3) if c.path != "Name"]
    if columns and any(f.name == "Name" for f in scene.entity.fields):
        fields_said = listed(scene, [column.words for column in columns])
        select = ["Name", *(column.path for column in columns)]
        found.append(asked(scene, "beside", {"select": select}, stated, fields=fields_said))
    if rng.random() < 0.5:
        found.append(asked(scene, "counted", {"select": ["COUNT(Id)"]}, stated))
    return found


def _tops(scene: Scene) -> list[Asked]:
    """The first few by a field with that field as it is, and the field's total."""
    rng = scene.rng
    fields = [f for f in scene.of_type(*NUMBERS) if f.type != "percent"]
    named = next((f for f in scene.fields if f.name == "Name"), None)
    if not fields or named is None:
        return []
    field, stated = rng.choice(fields), conditions(scene, rng.choice((0, 0, 1)))
    said, count = rows_asked(scene)
    words = scene.words(field)
    slots = {"f": words, "fs": several(words), "n": said, "name": scene.words(named)}
    slots["most"] = rng.choice(("highest", "largest", "biggest"))
    order = {"order_by": [[field.name, "DESC"]], "limit": count}
    found = [asked(scene, "top shown", {"select": ["Name", field.name], **order}, stated, **slots)]
    if rng.random() < 0.4:
        found.append(asked(scene, "top alone", {"select": [field.name], **order}, stated, **slots))
    # All of them in an order, so that an order is not learnt to come with a limit.
    ranked = list_sorted_fields(Subject(scene, stated, False)) if rng.random() < 0.6 else None
    found += [ranked] if ranked is not None else []
    if field.type not in ("currency", "int"):
        # A sum of lengths or scores says nothing.
        return found
    total = {"select": [f"SUM({field.name})"]}
    shared = [c for f in scene.of_type("picklist") if (c := scene.column(f)) is not None]
    if shared and rng.random() < 0.5:
        column = rng.choice(shared)
        if all(column.path != condition.field for condition in stated):
            call = {"select": [column.path, *total["select"]], "group_by": [column.path]}
            return [*found, asked(scene, "total per", call, stated, g=column.words, **slots)]
    return [*found, asked(scene, "total", total, stated, **slots)]


def _bounds(scene: Scene) -> list[Asked]:
    """A bound of the records' own field, and one of the number of records of a group."""
    rng, found = scene.rng, list[Asked]()
    stated = [c for c in conditions(scene, rng.choice((0, 0, 1))) if not _is_bound(c)]
    # `accounts above 50,000` may be money or people, so the field is said.
    money = [f for f in scene.fields if f.type == "currency" and f.name != "AnnualRevenue"]
    minutes = [f for f in scene.of_type(*NUMBERS) if "minutes" in (f.label or f.name).lower()]
    operator = rng.choice(_OPERATORS)
    if minutes and rng.random() < 0.6:
        number = rng.choice(list(_MINUTES))
        stored: Any = float(number)
        found.append(
            _bounded(scene, "minutes", minutes[0], operator, rng.choice(_MINUTES[number]), stored, stated)
        )
    elif len(money) == 1 and not minutes:
        said, stored = scene.value(money[0], bound=True)
        found.append(_bounded(scene, "money", money[0], operator, said, stored, stated))
    numbers = [f for f in scene.of_type(*NUMBERS) if all(f.name != c.field for c in stated)]
    if numbers:
        field = rng.choice(numbers)
        said, stored = scene.value(field, bound=True)
        own = phrases_of(scene.entity, field, "than")
        slots = {"f": scene.words(field), "v": said, "than": f"more than {said}", "counted": "no"}
        slots["counted"] = "yes" if field.type == "int" else "no"
        tested = Condition(field.name, [[field.name, ">", stored]], slots, (">",), own=own)
        found.append(shown(scene, tested, *stated))
    parents = parents_of(scene)
    if parents:
        field, target = rng.choice(parents)
        said, count = rows_asked(scene, few=True)
        path = f"{field.relationship}.Name"
        call = {"select": [path, "COUNT(Id)"], "group_by": [path], "having": [["COUNT(Id)", ">", count]]}
        noun = scene.words(field) if rng.random() < 0.5 or len(parents) > 1 else target.lower()
        found.append(asked(scene, "having parent", call, stated, g=noun, gs=several(noun), n=said))
    return found


def _is_bound(condition: Condition) -> bool:
    return any(item[1] in (">", "<", ">=", "<=") for item in condition.items)


def _bounded(
    scene: Scene,
    kind: str,
    field: EntityField,
    operator: str,
    said: str,
    stored: Any,
    stated: Sequence[Condition],
) -> Asked:
    own = tuple(w.removeprefix("{things} ") for w in sections(FILE)[f"{kind} {operator}"] if "," not in w)
    tested = Condition(field.name, [[field.name, operator, stored]], {"v": said}, (), own=own)
    others = [condition for condition in stated if condition.field != field.name]
    return shown(scene, tested, *others)
