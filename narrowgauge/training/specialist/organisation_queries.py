"""Queries on any object in people's words, in families: what differs in the call differs in the request.

A family shares its object and most of its conditions. One request of it is sorted and another one has a limit
too, one names a single value and another one two, one counts and another one counts per group: so that none
of these is learnt to come along with another.

Slots of `wording/organisation_requests.txt`: `{things}` and `{thing}` the object with its conditions, for
several and for one, `{fields}` the columns, `{order}` how they are sorted, `{n}` a number of rows, `{most}`
`highest` or the like of `{f}`, `{g}`, `{gs}` and `{h}` what groups are made by, `{the}` and `{that}` `total`
or the like, `{than}` `more than 5` or the like, `{mostfirst}` the order of groups.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from narrowgauge.training.specialist.organisation_conditions import Condition, conditions, phrase, where_of
from narrowgauge.training.specialist.organisation_scene import NUMBERS, Column, Scene
from narrowgauge.training.specialist.salesforce_requests import default_columns
from narrowgauge.training.specialist.sql_conditions import number_words
from narrowgauge.training.specialist.sql_schema import plural

__all__ = ["Asked", "query_family"]

_FILE = "organisation_requests"
_DATES = ("date", "datetime")


@dataclass(frozen=True)
class Asked:
    """What is asked and the call's parts.

    Attributes:
        text: The request.
        operation: As in `docs/eval.md`.
        call: The rest of the call, in that form.
        kind: The section of wordings.
        rows: Rows of its context.
    """

    text: str
    operation: str
    call: dict[str, Any]
    kind: str
    rows: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True)
class _Subject:
    """The records that a query is about."""

    scene: Scene
    stated: Sequence[Condition]
    either: bool

    @property
    def things(self) -> str:
        return phrase(self.scene, self.scene.nouns()[1], self.stated, either=self.either)

    @property
    def thing(self) -> str:
        return phrase(self.scene, self.scene.nouns()[0], self.stated, either=self.either)

    def asked(self, section: str, call: dict[str, Any], **slots: str) -> Asked:
        """Says a request of a section and completes its call."""
        slots = {"things": self.things, "thing": self.thing, **slots}
        where = where_of(self.stated)
        if self.either:
            where = [{"or": where}]
        whole = {"object": self.scene.entity.name, **call} | ({"where": where} if where else {})
        return Asked(self.scene.say(_FILE, section, **slots), "query", whole, section)


def query_family(scene: Scene) -> list[Asked]:
    """Makes two or three queries that are alike."""
    rng = scene.rng
    count = rng.choices((0, 1, 2, 3), (18, 34, 36, 12))[0]
    stated = conditions(scene, count)
    either = len(stated) == 2 and all(len(c.items) == 1 for c in stated) and rng.random() < 0.08
    family: list[Asked] = []
    for place, make in enumerate(rng.choice(_FAMILIES)):
        # Now and then one condition fewer: each that is said counts, and no other.
        fewer = place > 0 and not either and len(stated) > 1 and rng.random() < 0.35
        shown = [c for c in stated if c is not stated[place % len(stated)]] if fewer else stated
        made = make(_Subject(scene, shown, either))
        if made is not None:
            family.append(made)
    return family


def _default(scene: Scene) -> list[str]:
    chosen = default_columns(scene.entity)
    if len(chosen) == 1:
        numbers = [f.name for f in scene.entity.fields if f.name.endswith(("Number", "Subject", "Title"))]
        chosen += numbers[:1]
    return chosen


def _named(scene: Scene, columns: Sequence[Column]) -> str:
    words = [column.words for column in columns]
    if len(words) == 1:
        return words[0]
    last = scene.rng.choice((" and ", " and ", ", ", ", and " if len(words) > 2 else " and ", " & "))
    return ", ".join(words[:-1]) + last + words[-1]


def _list(subject: _Subject) -> Asked:
    return subject.asked("list", {"select": _default(subject.scene)})


def _fields(subject: _Subject, section: str = "fields", **call: Any) -> Asked | None:
    columns = subject.scene.columns(1, 4)
    if not columns:
        return None
    select = {"select": [column.path for column in columns]}
    return subject.asked(section, {**select, **call}, fields=_named(subject.scene, columns))


def _order(scene: Scene) -> tuple[str, list[str]] | None:
    """Returns words for an order, and its key."""
    rng = scene.rng
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


def _sorted(subject: _Subject) -> Asked | None:
    found = _order(subject.scene)
    if found is None:
        return None
    words, key = found
    call = {"select": _default(subject.scene), "order_by": [key]}
    return subject.asked("sorted", call, order=words)


def _sorted_fields(subject: _Subject) -> Asked | None:
    found, columns = _order(subject.scene), subject.scene.columns(1, 4)
    if found is None or not columns:
        return None
    call = {"select": [column.path for column in columns], "order_by": [found[1]]}
    return subject.asked("sorted fields", call, order=found[0], fields=_named(subject.scene, columns))


def _rows(scene: Scene) -> tuple[str, int]:
    count = scene.rng.choice((2, 3, 3, 4, 5, 5, 5, 6, 7, 8, 10, 10, 12, 15, 20, 25, 30, 50, 100))
    return number_words(count, scene.rng), count


def _top_slots(scene: Scene) -> tuple[dict[str, str], dict[str, Any], bool] | None:
    """Returns slots and parts of a call for records with the most, and whether that is the least."""
    fields = [f for f in scene.of_type(*NUMBERS, *_DATES) if f.name not in ("CreatedDate",)]
    if not fields:
        return None
    rng = scene.rng
    field, ascending = rng.choice(fields), rng.random() < 0.35
    dated = field.type in _DATES
    words = scene.words(field)
    said, count = _rows(scene)
    orders = (_DATE_ORDERS if dated else _NUMBER_ORDERS)[ascending]
    slots = {
        "f": words,
        "n": said,
        "most": rng.choice(_MOST["date" if dated else "number", ascending]),
        "order": rng.choice(orders).format(f=words),
    }
    call = {"order_by": [[field.name, "ASC" if ascending else "DESC"]], "limit": count}
    return slots, call, ascending


def _top(subject: _Subject) -> Asked | None:
    found = _top_slots(subject.scene)
    if found is None:
        return None
    slots, call, ascending = found
    columns = subject.scene.columns(1, 3)
    if columns and subject.scene.rng.random() < 0.45:
        select = [column.path for column in columns]
        made = subject.asked(
            "top fields", {"select": select, **call}, fields=_named(subject.scene, columns), **slots
        )
    else:
        made = subject.asked("top", {"select": _default(subject.scene), **call}, **slots)
    # `top five … by price` are those with the highest.
    if ascending and "top " in made.text.lower():
        made.call["order_by"][0][1] = "DESC"
        if slots["most"] in made.text or slots["order"] in made.text:
            return None
    return made


def _top_one(subject: _Subject) -> Asked | None:
    found = _top_slots(subject.scene)
    if found is None:
        return None
    slots, call, _ = found
    return subject.asked("top one", {"select": _default(subject.scene), **call, "limit": 1}, **slots)


def _created(subject: _Subject, *, limited: bool) -> Asked | None:
    if not any(f.name == "CreatedDate" for f in subject.scene.entity.fields):
        return None
    said, count = _rows(subject.scene)
    newest = subject.scene.rng.random() < 0.65
    call: dict[str, Any] = {"select": _default(subject.scene)}
    call["order_by"] = [["CreatedDate", "DESC" if newest else "ASC"]]
    if limited:
        call["limit"] = count
        return subject.asked("newest" if newest else "oldest", call, n=said)
    return subject.asked("newest first" if newest else "oldest first", call)


def _limited(subject: _Subject) -> Asked | None:
    said, count = _rows(subject.scene)
    columns = subject.scene.columns(1, 3)
    if columns and subject.scene.rng.random() < 0.4:
        call = {"select": [column.path for column in columns], "limit": count}
        return subject.asked("limited fields", call, n=said, fields=_named(subject.scene, columns))
    return subject.asked("limited", {"select": _default(subject.scene), "limit": count}, n=said)


def _count(subject: _Subject) -> Asked:
    return subject.asked("count", {"select": ["COUNT(Id)"]})


def _groups(subject: _Subject, count: int) -> list[Column]:
    """Draws what groups are made by: values that come again, and that no condition fixes."""
    scene, fixed = subject.scene, {condition.field for condition in subject.stated}
    shared = [f for f in scene.fields if f.type in ("picklist", "reference")]
    shared += [f for f in scene.fields if f.name.endswith("City") and f.type == "string"]
    free = [f for f in shared if f.name not in fixed]
    named = (scene.column(field) for field in scene.some(free, count))
    return [column for column in named if column is not None]


def _group_slots(column: Column) -> dict[str, str]:
    words = column.words
    if "_" in words or words == column.field.name:
        return {"g": words, "gs": words}
    return {"g": words, "gs": f"{words}es" if words.endswith("s") else plural(words)}


_THAN = {
    ">": ("more than {n}", "over {n}", "more than {n}"),
    ">=": ("at least {n}", "{n} or more"),
    "<": ("fewer than {n}", "less than {n}"),
    "<=": ("at most {n}", "no more than {n}"),
}


def _count_per(subject: _Subject) -> Asked | None:
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


def _ranked(scene: Scene) -> tuple[str, str]:
    if scene.rng.random() < 0.75:
        forms = ("most first", "highest first", "largest first", "in descending order", "biggest first")
        return scene.rng.choice(forms), "DESC"
    return scene.rng.choice(("fewest first", "lowest first", "smallest first", "in ascending order")), "ASC"


def _count_per_sorted(subject: _Subject, *, limited: bool = False) -> Asked | None:
    keys = _groups(subject, 1)
    if not keys:
        return None
    said, count = _rows(subject.scene)
    words, direction = ("", "DESC") if limited else _ranked(subject.scene)
    path = keys[0].path
    call: dict[str, Any] = {"select": [path, "COUNT(Id)"], "group_by": [path]}
    call["order_by"] = [["COUNT(Id)", direction]]
    if limited:
        call["limit"] = count
    section = "count per top" if limited else "count per sorted"
    return subject.asked(section, call, mostfirst=words, n=said, **_group_slots(keys[0]))


def _having(subject: _Subject) -> Asked | None:
    scene, keys = subject.scene, _groups(subject, 1)
    if not keys:
        return None
    operator = scene.rng.choice((">", ">", ">=", ">=", "<", "<="))
    said, count = _rows(scene)
    path = keys[0].path
    call = {"select": [path, "COUNT(Id)"], "group_by": [path], "having": [["COUNT(Id)", operator, count]]}
    than = scene.rng.choice(_THAN[operator]).format(n=said)
    return subject.asked("having", call, than=than, **_group_slots(keys[0]))


_FUNCTIONS = {
    "SUM": ("total", "total", "sum of the", "overall", "summed up"),
    "AVG": ("average", "average", "mean", "avg"),
    "MAX": ("highest", "maximum", "largest", "max"),
    "MIN": ("lowest", "minimum", "smallest", "min"),
}
_DATE_FUNCTIONS = {"MAX": ("latest", "most recent", "last"), "MIN": ("earliest", "first")}


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


def _aggregate(subject: _Subject) -> Asked | None:
    found = _aggregated(subject.scene)
    if found is None:
        return None
    the, function, words, name = found
    if subject.scene.rng.random() < 0.1 and function in ("MIN", "MAX"):
        known = _FUNCTIONS if the in _FUNCTIONS[function] else _DATE_FUNCTIONS
        call = {"select": [f"MIN({name})", f"MAX({name})"]}
        return subject.asked("two aggregates", call, the=known["MIN"][0], that=known["MAX"][0], f=words)
    return subject.asked("aggregate", {"select": [f"{function}({name})"]}, the=the, f=words)


def _aggregate_per(subject: _Subject, *, ranked: bool = False) -> Asked | None:
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


def _aggregate_having(subject: _Subject) -> Asked | None:
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


def _distinct(subject: _Subject) -> Asked | None:
    keys = _groups(subject, 1)
    if not keys:
        return None
    call = {"select": [f"COUNT_DISTINCT({keys[0].path})"]}
    return subject.asked("distinct", call, **_group_slots(keys[0]))


_Make = Callable[[_Subject], Asked | None]


def _newest(subject: _Subject) -> Asked | None:
    return _created(subject, limited=True)


def _newest_first(subject: _Subject) -> Asked | None:
    return _created(subject, limited=False)


def _count_per_top(subject: _Subject) -> Asked | None:
    return _count_per_sorted(subject, limited=True)


def _aggregate_per_sorted(subject: _Subject) -> Asked | None:
    return _aggregate_per(subject, ranked=True)


_FAMILIES: tuple[tuple[_Make, ...], ...] = (
    *((_list, _fields),) * 4,
    *((_fields, _fields, _list),) * 3,
    *((_fields, _sorted_fields, _top),) * 2,
    *((_list, _sorted, _top),) * 2,
    (_sorted, _sorted_fields, _fields),
    (_sorted, _top_one),
    (_newest_first, _newest, _fields),
    (_newest, _newest_first, _list),
    (_limited, _sorted, _list),
    *((_count, _list, _count_per),) * 2,
    (_count, _fields),
    *((_count_per, _having, _count),) * 2,
    (_count_per, _count_per_sorted, _having),
    (_count_per_sorted, _count_per_top, _sorted_fields),
    (_aggregate, _aggregate_per),
    (_aggregate, _count, _fields),
    (_aggregate_per, _aggregate_per_sorted, _aggregate_having),
    (_aggregate_having, _having, _aggregate),
    (_distinct, _count_per, _count),
)
