"""Queries that count or sum up records of any object: as a whole, and by groups, some or all of them."""

from __future__ import annotations

from typing import Any

from narrowgauge.training.specialist.organisation_asked import Asked, Subject, rows_asked
from narrowgauge.training.specialist.organisation_scene import NUMBERS, Column, Scene
from narrowgauge.training.specialist.sql_schema import plural

__all__ = [
    "aggregate",
    "aggregate_having",
    "aggregate_per",
    "aggregate_per_sorted",
    "count_all",
    "count_distinct",
    "count_having",
    "count_per",
    "count_per_sorted",
    "count_per_top",
]

_THAN = {
    ">": ("more than {n}", "over {n}", "more than {n}"),
    ">=": ("at least {n}", "{n} or more"),
    "<": ("fewer than {n}", "less than {n}"),
    "<=": ("at most {n}", "no more than {n}"),
}


_FUNCTIONS = {
    "SUM": ("total", "total", "sum of the", "overall", "summed up"),
    "AVG": ("average", "average", "mean", "avg"),
    "MAX": ("highest", "maximum", "largest", "max"),
    "MIN": ("lowest", "minimum", "smallest", "min"),
}


_DATE_FUNCTIONS = {"MAX": ("latest", "most recent", "last"), "MIN": ("earliest", "first")}


def count_all(subject: Subject) -> Asked:
    """Counts the records."""
    return subject.asked("count", {"select": ["COUNT(Id)"]})


def count_per(subject: Subject) -> Asked | None:
    """Counts the records of each group, or of each pair of two."""
    scene = subject.scene
    keys = _groups(subject, 1 if scene.rng.random() < 0.88 else 2)
    if not keys:
        return None
    paths = [key.path for key in keys]
    call: dict[str, Any] = {"select": [*paths, "COUNT(Id)"], "group_by": paths}
    slots = _group_slots(keys[0])
    if len(keys) == 2:
        return subject.asked("count per two", call, h=keys[1].words, **slots)
    return subject.asked("count per", call, **slots)


def count_per_sorted(subject: Subject, *, limited: bool = False) -> Asked | None:
    """Counts the records of each group, the groups in an order."""
    keys = _groups(subject, 1)
    if not keys:
        return None
    said, count = rows_asked(subject.scene, few=True)
    words, direction = ("", "DESC") if limited else _ranked(subject.scene)
    path = keys[0].path
    call: dict[str, Any] = {"select": [path, "COUNT(Id)"], "group_by": [path]}
    call["order_by"] = [["COUNT(Id)", direction]]
    if limited:
        call["limit"] = count
    section = "count per top" if limited else "count per sorted"
    return subject.asked(section, call, mostfirst=words, n=said, **_group_slots(keys[0]))


def count_per_top(subject: Subject) -> Asked | None:
    """Names the few groups with the most records."""
    return count_per_sorted(subject, limited=True)


def count_having(subject: Subject) -> Asked | None:
    """Names the groups with so many records."""
    scene, keys = subject.scene, _groups(subject, 1)
    if not keys:
        return None
    operator = scene.rng.choice((">", ">", ">=", ">=", "<", "<="))
    said, count = rows_asked(scene)
    path = keys[0].path
    call = {"select": [path, "COUNT(Id)"], "group_by": [path], "having": [["COUNT(Id)", operator, count]]}
    than = scene.rng.choice(_THAN[operator]).format(n=said)
    return subject.asked("having", call, than=than, **_group_slots(keys[0]))


def count_distinct(subject: Subject) -> Asked | None:
    """Counts the different groups."""
    keys = _groups(subject, 1)
    if not keys:
        return None
    call = {"select": [f"COUNT_DISTINCT({keys[0].path})"]}
    return subject.asked("distinct", call, **_group_slots(keys[0]))


def aggregate(subject: Subject) -> Asked | None:
    """Asks for a total, an average or an extreme of the records, or for both extremes."""
    found = _aggregated(subject.scene)
    if found is None:
        return None
    the, function, words, name = found
    if subject.scene.rng.random() < 0.1 and function in ("MIN", "MAX"):
        known = _FUNCTIONS if the in _FUNCTIONS[function] else _DATE_FUNCTIONS
        call = {"select": [f"MIN({name})", f"MAX({name})"]}
        return subject.asked("two aggregates", call, the=known["MIN"][0], that=known["MAX"][0], f=words)
    return subject.asked("aggregate", {"select": [f"{function}({name})"]}, the=the, f=words)


def aggregate_per(subject: Subject, *, ranked: bool = False) -> Asked | None:
    """Asks for such a figure of each group."""
    found, keys = _aggregated(subject.scene, numbers=True), _groups(subject, 1)
    if found is None or not keys:
        return None
    the, function, words, name = found
    path, column = keys[0].path, f"{function}({name})"
    call: dict[str, Any] = {"select": [path, column], "group_by": [path]}
    slots = {"the": the, "f": words, **_group_slots(keys[0])}
    if ranked:
        slots["mostfirst"], direction = _ranked(subject.scene)
        call["order_by"] = [[column, direction]]
    return subject.asked("aggregate per sorted" if ranked else "aggregate per", call, **slots)


def aggregate_per_sorted(subject: Subject) -> Asked | None:
    """Asks for such a figure of each group, the groups in its order."""
    return aggregate_per(subject, ranked=True)


def aggregate_having(subject: Subject) -> Asked | None:
    """Names the groups whose figure passes a bound."""
    scene = subject.scene
    found, keys = _aggregated(scene, numbers=True), _groups(subject, 1)
    if found is None or not keys:
        return None
    the, function, words, name = found
    field = next(f for f in scene.entity.fields if f.name == name)
    said, number = scene.value(field, bound=True)
    operator = scene.rng.choice((">", ">=", "<", "<="))
    forms = {">": "over {n}", ">=": "of at least {n}", "<": "under {n}", "<=": "of at most {n}"}
    path, column = keys[0].path, f"{function}({name})"
    call = {"select": [path, column], "group_by": [path], "having": [[column, operator, number]]}
    than = forms[operator].format(n=said)
    return subject.asked("aggregate having", call, the=the, f=words, than=than, **_group_slots(keys[0]))


def _groups(subject: Subject, count: int) -> list[Column]:
    """Draws what groups are made by: values that come again, and that no condition fixes."""
    scene, fixed = subject.scene, {condition.field for condition in subject.stated}
    shared = [f for f in scene.fields if f.type in ("picklist", "reference")]
    shared += [f for f in scene.fields if f.name.endswith("City") and f.type == "string"]
    free = [f for f in shared if f.name not in fixed]
    named = (scene.column(field) for field in scene.some(free, count))
    return [column for column in named if column is not None]


def _group_slots(column: Column) -> dict[str, str]:
    words = column.words
    if "_" in words or words == column.field.name or words.endswith("species"):
        return {"g": words, "gs": words}
    return {"g": words, "gs": f"{words}es" if words.endswith("s") else plural(words)}


def _ranked(scene: Scene) -> tuple[str, str]:
    if scene.rng.random() < 0.75:
        forms = ("most first", "highest first", "largest first", "in descending order", "biggest first")
        return scene.rng.choice(forms), "DESC"
    return scene.rng.choice(("fewest first", "lowest first", "smallest first", "in ascending order")), "ASC"


def _aggregated(scene: Scene, *, numbers: bool = False) -> tuple[str, str, str, str] | None:
    """Returns words and a call's word for a function, and words and name of its field."""
    fields = scene.of_type(*NUMBERS) if numbers else scene.of_type(*NUMBERS, "date")
    if not fields:
        return None
    field = scene.rng.choice(fields)
    # A sum of percentages says nothing.
    known = _DATE_FUNCTIONS if field.type == "date" else _FUNCTIONS
    names = [name for name in known if name != "SUM" or field.type != "percent"]
    name = scene.rng.choice(names + (["SUM", "AVG"] if "SUM" in names else []))
    return scene.rng.choice(known[name]), name, scene.words(field), field.name
