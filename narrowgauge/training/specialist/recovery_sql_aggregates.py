"""SQL whose aggregates, groups and inner queries do not fit together."""

from __future__ import annotations

import random

from sqlglot import exp

from narrowgauge.training.specialist.recovery_sql_query import RightQuery

__all__ = ["aggregate_in_where", "missing_group", "more_columns_inside", "nested_aggregate"]


def aggregate_in_where(query: RightQuery, rng: random.Random) -> str | None:
    """Compares an aggregate where single rows are chosen."""
    tree = query.tree()
    select = tree.find(exp.Select)
    if select is None:
        return None
    having = select.args.get("having")
    if having is not None:
        select.set("having", None)
        select.where(having.this, copy=False)
        return tree.sql("sqlite")
    for inner in list(tree.find_all(exp.Subquery)):
        found = inner.find(exp.AggFunc)
        if found is not None and isinstance(inner.parent, exp.Binary):
            inner.replace(found.copy())
            return tree.sql("sqlite")
    aggregate = select.find(exp.AggFunc)
    if aggregate is None or not select.args.get("group"):
        return None
    select.where(exp.GT(this=aggregate.copy(), expression=exp.Literal.number(rng.randint(1, 9))), copy=False)
    return tree.sql("sqlite")


def nested_aggregate(query: RightQuery, rng: random.Random) -> str | None:
    """Puts an aggregate inside another."""
    tree = query.tree()
    select = tree.find(exp.Select)
    aggregates = list(tree.find_all(exp.AggFunc))
    if select is None or not aggregates:
        return None
    outer = rng.choice((exp.Max, exp.Avg, exp.Sum))
    inner = rng.choice(aggregates)
    if isinstance(inner.parent, exp.Ordered):
        select.select(outer(this=inner.copy()), copy=False)
    else:
        inner.replace(outer(this=inner.copy()))
    return tree.sql("sqlite")


def missing_group(query: RightQuery, rng: random.Random) -> str | None:
    """Selects columns beside an aggregate without grouping by them."""
    tree = query.tree()
    select = tree.find(exp.Select)
    if select is None or not select.args.get("group"):
        return None
    select.set("group", None)
    return tree.sql("sqlite")


def more_columns_inside(query: RightQuery, rng: random.Random) -> str | None:
    """A query in a condition that returns two columns where one is compared."""
    tree = query.tree()
    for inner in tree.find_all(exp.Select):
        if inner.parent is None or isinstance(inner.parent, exp.SetOperation):
            continue
        table = inner.find(exp.Table)
        columns = query.columns.get(table.name.lower(), []) if table is not None else []
        if columns:
            inner.select(rng.choice(columns), copy=False)
            return tree.sql("sqlite")
    return None
