"""SQL that goes wrong in the ways in which people and models get it wrong, made out of right queries.

Each rule takes a query's syntax tree and returns text that a database should refuse, or None where the query
has nothing that the rule could break. Whether a database does refuse it is found out by running it.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

from narrowgauge.training.specialist.recovery_sql_aggregates import (
    aggregate_in_where,
    missing_group,
    more_columns_inside,
    nested_aggregate,
)
from narrowgauge.training.specialist.recovery_sql_names import (
    ambiguous,
    missing_join,
    other_table,
    wrong_column,
    wrong_table,
)
from narrowgauge.training.specialist.recovery_sql_query import RightQuery, Rule
from narrowgauge.training.specialist.recovery_sql_text import (
    date_form,
    quote,
    syntax,
    unknown_function,
    value_type,
)
from narrowgauge.training.specialist.sql_schema import plural, singular
from narrowgauge.v1.catalogue_pb2 import Catalogue

__all__ = ["broken_queries", "guessed_query"]


def broken_queries(sql: str, catalogue: Catalogue, rng: random.Random) -> Iterator[tuple[str, str]]:
    """Yields kinds of errors with a query that has one, in random order.

    Args:
        sql: A right query, as the surface writes it.
        catalogue: Of its database.
        rng: Draws.
    """
    query = RightQuery(sql, catalogue)
    rules = list(_RULES.items())
    rng.shuffle(rules)
    for kind, rule in rules:
        broken = rule(query, rng)
        if broken is not None and broken != sql:
            yield kind, _surface_style(broken)


def _surface_style(sql: str) -> str:
    """Negations as the surface writes them, and not as sqlglot does."""
    sql = re.sub(r"\bNOT ([\w.]+) (IN|LIKE|BETWEEN) ", r"\1 NOT \2 ", sql)
    return re.sub(r"\bNOT ([\w.]+) IS NULL", r"\1 IS NOT NULL", sql)


def guessed_query(request: str, catalogue: Catalogue, rng: random.Random) -> tuple[str, str]:
    """Returns the kind of error and a query that asks for data which the database does not have."""
    words = [word for word in re.findall(r"[a-z]+", request.lower()) if word not in _STOP]
    names = {entity.name: entity for entity in catalogue.entities}
    tables = [name for name in names if name in words or singular(name) in words]
    rest = [word for word in words if word not in tables and plural(word) not in tables]
    guess = "_".join(rest[-2:]) or "details"
    if tables and rng.random() < 0.8:
        table = tables[0]
        shown = "name, " if any(field.name == "name" for field in names[table].fields) else ""
        form = rng.choice(
            (
                f"SELECT {shown}{guess} FROM {table}",
                f"SELECT {guess} FROM {table}",
                f"SELECT AVG({guess}) FROM {table}",
                f"SELECT * FROM {table} ORDER BY {guess} DESC LIMIT 1",
                f"SELECT * FROM {table} WHERE {guess} IS NOT NULL",
            )
        )
        return "unknown_column_asked", form
    form = rng.choice((f"SELECT * FROM {guess}", f"SELECT COUNT(*) FROM {guess}"))
    if rng.random() < 0.5:
        table = rng.choice(sorted(names))
        return "unknown_column_asked", f"SELECT {guess} FROM {table}"
    return "unknown_table_asked", form


_STOP = frozenset(
    re.findall(
        r"\w+",
        "a all an and any are as at by can did do does each every find for from get give has have "
        "highest how i in is it its latest list many me most much my newest number of on our "
        "please right s show tell that the their them there these they this to today tomorrow us "
        "was we were what whats when where which who whose will with you your now ",
    )
)
_RULES: dict[str, Rule] = {
    "wrong_column": wrong_column,
    "wrong_table": wrong_table,
    "column_of_other_table": other_table,
    "missing_join": missing_join,
    "ambiguous_column": ambiguous,
    "aggregate_in_where": aggregate_in_where,
    "nested_aggregate": nested_aggregate,
    "missing_group": missing_group,
    "columns_of_subquery": more_columns_inside,
    "unknown_function": unknown_function,
    "quote": quote,
    "date_form": date_form,
    "value_type": value_type,
    "syntax": syntax,
}
