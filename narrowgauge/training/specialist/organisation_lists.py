"""Queries that show records of any object: all or a few, in an order or not, with columns named or not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from narrowgauge.training.specialist.organisation_asked import Asked, Subject, rows_asked
from narrowgauge.training.specialist.organisation_phrases import phrases_of, spoken_fields
from narrowgauge.training.specialist.organisation_scene import NUMBERS, Column, Scene
from narrowgauge.training.specialist.salesforce_fields import default_columns

__all__ = [
    "default_select",
    "list_all",
    "list_fields",
    "list_limited",
    "list_newest",
    "list_newest_first",
    "list_sorted",
    "list_sorted_fields",
    "list_top",
    "list_top_one",
]

_DATES = ("date", "datetime")

# How often columns are named beside the records, and how often an order in words of its own.
_BESIDE, _OWN_ORDER = 0.3, 0.5


_NUMBER_ORDERS = {
    True: (
        *(
            "lowest {f} first",
            "smallest {f} first",
            "by {f}, lowest first",
            "sorted by {f}",
            "ordered by {f}",
        ),
        *("sorted by {f} ascending", "in ascending order of {f}", "by {f} from low to high", "by {f}"),
        *("least {f} first", "with the lowest {f} on top"),
    ),
    False: (
        *("highest {f} first", "largest {f} first", "by {f}, highest first", "biggest {f} first"),
        *("sorted by {f} descending", "sorted by {f}, highest first", "in descending order of {f}"),
        *("by {f} from high to low", "most {f} first", "with the highest {f} on top", "by {f} descending"),
        *("ordered by {f}, largest first", "by falling {f}"),
    ),
}


_DATE_ORDERS = {
    True: (
        *("earliest {f} first", "oldest {f} first", "by {f}, earliest first", "sorted by {f}", "by {f}"),
        *("soonest {f} first", "ordered by {f}", "by {f}, oldest first", "in order of {f}"),
        *("in chronological order of {f}", "by {f} ascending"),
    ),
    False: (
        *("latest {f} first", "newest {f} first", "most recent {f} first", "by {f}, latest first"),
        *("sorted by {f}, newest first", "by {f} descending", "sorted by {f} descending"),
        *("with the latest {f} on top", "by {f}, most recent first"),
    ),
}


_MOST = {
    ("number", True): ("lowest", "smallest", "least"),
    ("number", False): ("highest", "largest", "biggest", "greatest"),
    ("date", True): ("earliest", "oldest", "soonest"),
    ("date", False): ("latest", "newest", "most recent"),
}


def list_all(subject: Subject) -> Asked:
    """Shows the records, with the columns of a list view."""
    return subject.asked("list", {"select": default_select(subject.scene)})


def list_fields(subject: Subject) -> Asked | None:
    """Shows the columns that are named, and only these."""
    columns = subject.scene.columns(1, 4)
    if not columns:
        return None
    fields = _named(subject.scene, columns)
    section, select = _section(subject.scene, "fields", columns)
    return subject.asked(section, {"select": select}, fields=fields)


def list_sorted(subject: Subject) -> Asked | None:
    """Shows the records in an order, all of them."""
    found = _order(subject.scene)
    if found is None:
        return None
    words, key = found
    call = {"select": default_select(subject.scene), "order_by": [key]}
    return subject.asked("sorted", call, order=words)


def list_sorted_fields(subject: Subject) -> Asked | None:
    """Shows named columns of the records in an order, all of them."""
    found, columns = _order(subject.scene), subject.scene.columns(1, 4)
    if found is None or not columns:
        return None
    fields = _named(subject.scene, columns)
    section, select = _section(subject.scene, "sorted fields", columns)
    call = {"select": select, "order_by": [found[1]]}
    return subject.asked(section, call, order=found[0], fields=fields)


def list_top(subject: Subject) -> Asked | None:
    """Shows a few records that are first in an order."""
    found = _top_slots(subject.scene)
    if found is None:
        return None
    slots, call, ascending = found
    columns = subject.scene.columns(1, 3)
    if columns and subject.scene.rng.random() < 0.45:
        fields = _named(subject.scene, columns)
        section, select = _section(subject.scene, "top fields", columns)
        made = subject.asked(section, {"select": select, **call}, fields=fields, **slots)
    else:
        made = subject.asked("top", {"select": default_select(subject.scene), **call}, **slots)
    # `top five … by price` are those with the highest.
    if ascending and "top " in made.text.lower():
        made.call["order_by"][0][1] = "DESC"
        if slots["most"] in made.text or slots["order"] in made.text:
            return None
    return made


def list_top_one(subject: Subject) -> Asked | None:
    """Shows the one record that is first in an order."""
    found = _top_slots(subject.scene)
    if found is None:
        return None
    slots, call, _ = found
    return subject.asked("top one", {"select": default_select(subject.scene), **call, "limit": 1}, **slots)


def list_limited(subject: Subject) -> Asked | None:
    """Shows a few records in no order."""
    said, count = rows_asked(subject.scene)
    columns = subject.scene.columns(1, 3)
    if columns and subject.scene.rng.random() < 0.4:
        fields = _named(subject.scene, columns)
        section, select = _section(subject.scene, "limited fields", columns)
        return subject.asked(section, {"select": select, "limit": count}, n=said, fields=fields)
    return subject.asked("limited", {"select": default_select(subject.scene), "limit": count}, n=said)


def list_newest(subject: Subject) -> Asked | None:
    """Shows a few records by when they were created."""
    return _created(subject, limited=True)


def list_newest_first(subject: Subject) -> Asked | None:
    """Shows all records by when they were created."""
    return _created(subject, limited=False)


def _created(subject: Subject, *, limited: bool) -> Asked | None:
    if not any(f.name == "CreatedDate" for f in subject.scene.entity.fields):
        return None
    said, count = rows_asked(subject.scene)
    newest = subject.scene.rng.random() < 0.65
    call: dict[str, Any] = {"select": default_select(subject.scene)}
    call["order_by"] = [["CreatedDate", "DESC" if newest else "ASC"]]
    if limited:
        call["limit"] = count
        return subject.asked("newest" if newest else "oldest", call, n=said)
    return subject.asked("newest first" if newest else "oldest first", call)


def _order(scene: Scene) -> tuple[str, list[str]] | None:
    """Returns words for an order, and its key."""
    rng = scene.rng
    own = [
        (phrase, f.name, direction)
        for f in spoken_fields(scene.entity)
        for kind, direction in (("up", "ASC"), ("down", "DESC"))
        for phrase in phrases_of(scene.entity, f, kind)
    ]
    if own and rng.random() < _OWN_ORDER:
        phrase, name, direction = rng.choice(_told_apart(own))
        return phrase, [name, direction]
    fields = [f for f in scene.of_type(*NUMBERS, *_DATES) if f.name not in ("CreatedDate",)]
    names = [f for f in scene.fields if f.name == "Name"]
    forms: tuple[str, ...]
    if names and (not fields or rng.random() < 0.15):
        field, ascending = names[0], rng.random() < 0.8
        forms = (
            ("sorted by {f}", "ordered by {f}", "by {f}", "by {f} from A to Z", "alphabetically by {f}")
            if ascending
            else ("by {f} from Z to A", "sorted by {f} descending", "by {f} in descending order")
        )
    elif fields:
        field, ascending = rng.choice(fields), rng.random() < 0.4
        forms = _DATE_ORDERS[ascending] if field.type in _DATES else _NUMBER_ORDERS[ascending]
    else:
        return None
    words = rng.choice(forms).format(f=scene.words(field))
    return words, [field.name, "ASC" if ascending else "DESC"]


def _told_apart(orders: list[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    """Leaves out words that mean two orders of the object, such as `biggest first` of two numbers."""
    meant: dict[str, set[tuple[str, str]]] = {}
    for phrase, name, direction in orders:
        meant.setdefault(phrase, set()).add((name, direction))
    return [order for order in orders if len(meant[order[0]]) == 1] or orders[:1]


def _top_slots(scene: Scene) -> tuple[dict[str, str], dict[str, Any], bool] | None:
    """Returns slots and parts of a call for records with the most, and whether that is the least."""
    fields = [f for f in scene.of_type(*NUMBERS, *_DATES) if f.name not in ("CreatedDate",)]
    if not fields:
        return None
    rng = scene.rng
    field, ascending = rng.choice(fields), rng.random() < 0.35
    dated = field.type in _DATES
    words = scene.words(field)
    said, count = rows_asked(scene)
    orders = (_DATE_ORDERS if dated else _NUMBER_ORDERS)[ascending]
    slots = {
        "f": words,
        "n": said,
        "most": rng.choice(_MOST["date" if dated else "number", ascending]),
        "order": rng.choice(orders).format(f=words),
    }
    call = {"order_by": [[field.name, "ASC" if ascending else "DESC"]], "limit": count}
    return slots, call, ascending


def _section(scene: Scene, section: str, columns: Sequence[Column]) -> tuple[str, list[str]]:
    """Draws whether columns are named beside the records, `boats with their length`, or alone.

    Records with something are named too, so that one knows whose it is.

    Returns:
        The section of wordings, and the columns' paths.
    """
    select = [column.path for column in columns]
    if scene.rng.random() >= _BESIDE:
        return section, select
    named = any(f.name == "Name" for f in scene.entity.fields)
    return f"{section} with", select if not named or "Name" in select else ["Name", *select]


def default_select(scene: Scene) -> list[str]:
    """Returns the columns of a request that names none."""
    chosen = default_columns(scene.entity)
    if len(chosen) == 1:
        numbers = [f.name for f in scene.entity.fields if f.name.endswith(("Number", "Subject", "Title"))]
        chosen += numbers[:1]
    return chosen


def _named(scene: Scene, columns: Sequence[Column]) -> str:
    words = [column.words for column in columns]
    if len(words) == 1:
        return words[0]
    joints = (" and ", " and ", ", ", ", and " if len(words) > 2 else " and ", " & ", " + ", " plus ", " / ")
    last = scene.rng.choice(joints)
    between = last if last in (" + ", " / ") else ", "
    return between.join(words[:-1]) + last + words[-1]
