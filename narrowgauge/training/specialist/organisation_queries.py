"""Queries on any object in people's words, in families: what differs in the call differs in the request.

A family shares its object and most of its conditions. One request of it is sorted and another one has a limit
too, one names a single value and another one two, one counts and another one counts per group: so that none
of these is learnt to come along with another.
"""

from __future__ import annotations

from collections.abc import Callable

from narrowgauge.training.specialist import organisation_groups as groups
from narrowgauge.training.specialist import organisation_lists as lists
from narrowgauge.training.specialist.organisation_asked import Asked, Subject
from narrowgauge.training.specialist.organisation_conditions import conditions, of_one_value
from narrowgauge.training.specialist.organisation_scene import Scene

__all__ = ["query_family"]

_Make = Callable[[Subject], Asked | None]

_FAMILIES: tuple[tuple[_Make, ...], ...] = (
    *((lists.list_all, lists.list_fields),) * 4,
    *((lists.list_fields, lists.list_fields, lists.list_all),) * 3,
    *((lists.list_fields, lists.list_sorted_fields, lists.list_top),) * 2,
    *((lists.list_all, lists.list_sorted, lists.list_top),) * 2,
    (lists.list_sorted, lists.list_sorted_fields, lists.list_fields),
    (lists.list_sorted, lists.list_top_one),
    (lists.list_newest_first, lists.list_newest, lists.list_fields),
    (lists.list_newest, lists.list_newest_first, lists.list_all),
    (lists.list_limited, lists.list_sorted, lists.list_all),
    *((groups.count_all, lists.list_all, groups.count_per),) * 2,
    (groups.count_all, lists.list_fields),
    *((groups.count_per, groups.count_having, groups.count_all),) * 2,
    (groups.count_per, groups.count_per_sorted, groups.count_having),
    (groups.count_per_sorted, groups.count_per_top, lists.list_sorted_fields),
    (groups.aggregate, groups.aggregate_per),
    (groups.aggregate, groups.count_all, lists.list_fields),
    (groups.aggregate_per, groups.aggregate_per_sorted, groups.aggregate_having),
    (groups.aggregate_having, groups.count_having, groups.aggregate),
    (groups.count_distinct, groups.count_per, groups.count_all),
)


def query_family(scene: Scene) -> list[Asked]:
    """Makes two or three queries that are alike."""
    rng = scene.rng
    count = rng.choices((0, 1, 2, 3), (17, 28, 40, 15))[0]
    stated = conditions(scene, count)
    either = len(stated) == 2 and all(len(c.items) == 1 for c in stated) and rng.random() < 0.16
    family: list[Asked] = []
    for place, make in enumerate(rng.choice(_FAMILIES)):
        # Now and then one condition fewer: each that is said counts, and no other.
        fewer = place > 0 and not either and len(stated) > 1 and rng.random() < 0.35
        shown = [c for c in stated if c is not stated[place % len(stated)]] if fewer else stated
        # Now and then one value alone where another request has several.
        if place > 0 and rng.random() < 0.35:
            shown = [of_one_value(condition) for condition in shown]
        made = make(Subject(scene, shown, either))
        if made is not None:
            family.append(made)
    return family
