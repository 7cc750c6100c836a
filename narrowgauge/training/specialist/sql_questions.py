"""Questions over a schema with the SQL that answers them: a grammar with many wordings of each meaning."""

from __future__ import annotations

import datetime as dt
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass

from narrowgauge.training.specialist import (
    sql_contrasts,
    sql_grouped,
    sql_joined,
    sql_listed,
    sql_matching,
    sql_named,
    sql_one_table,
    sql_parents,
    sql_ranked,
    sql_totals,
)
from narrowgauge.training.specialist.noise import roughen
from narrowgauge.training.specialist.sql_foreign import unanswerable
from narrowgauge.training.specialist.sql_periods import draw_today
from narrowgauge.training.specialist.sql_phrases import Maker
from narrowgauge.training.specialist.sql_schema import Schema

__all__ = ["Question", "questions"]


@dataclass(frozen=True)
class Question:
    """A question and its answer.

    Attributes:
        text: The question.
        sql: The query that answers it, or None when the schema cannot.
        kind: The rule that made it; train and dev are split by wording, so dev names are its own.
        today: The date on which it is asked.
    """

    text: str
    sql: str | None
    kind: str
    today: dt.date


# Weights of the rules. No meaning is rare, refusals are an eighth, and more orders are without a
# limit than with one: a model that has seen mostly limits writes one after every order.
_RULES: dict[str, tuple[Maker, float]] = {
    "rows": (sql_one_table.rows, 9.0),
    "columns": (sql_one_table.columns, 7.0),
    "count": (sql_one_table.count, 6.0),
    "aggregate": (sql_one_table.aggregate, 5.0),
    "sorted": (sql_ranked.sorted_rows, 15.0),
    "top": (sql_ranked.top, 2.0),
    "ranked": (sql_ranked.ranked, 4.0),
    "difference": (sql_one_table.difference, 4.0),
    "empty": (sql_one_table.empty, 4.5),
    "above_average": (sql_one_table.above_average, 3.5),
    "distinct": (sql_one_table.distinct, 2.5),
    "grouped": (sql_grouped.grouped, 4.5),
    "having": (sql_grouped.having, 4.0),
    "side_by_side": (sql_grouped.side_by_side, 5.0),
    "most": (sql_grouped.most, 1.5),
    "per_month": (sql_grouped.per_month, 7.0),
    "top_parent": (sql_parents.top_parent, 3.0),
    "group_parent": (sql_parents.group_parent, 6.0),
    "parents_having": (sql_parents.parents_having, 3.5),
    "children_of": (sql_joined.children_of, 6.0),
    "children_where": (sql_joined.children_where, 8.0),
    "beside_parent": (sql_joined.beside_parent, 3.0),
    "parents_with": (sql_parents.parents_with, 2.5),
    "without": (sql_parents.without, 3.5),
    "two_steps": (sql_joined.two_steps, 10.0),
    "itself": (sql_joined.itself, 3.0),
    "by_number": (sql_contrasts.by_number, 4.0),
    "asked_after": (sql_contrasts.asked_after, 4.0),
    "excluded": (sql_contrasts.excluded, 3.5),
    "by_pattern": (sql_contrasts.by_pattern, 3.0),
    "compared": (sql_contrasts.compared, 2.0),
    "extremes": (sql_contrasts.extremes, 2.5),
    "both_sides": (sql_contrasts.both_sides, 2.0),
    "which_values": (sql_listed.which_values, 8.0),
    "things_with": (sql_listed.things_with, 9.0),
    "left_out": (sql_listed.left_out, 6.0),
    "one_named": (sql_named.one_named, 10.0),
    "added_up": (sql_named.added_up, 3.0),
    "several_named": (sql_named.several_named, 7.0),
    "top_attribute": (sql_named.top_attribute, 6.0),
    "group_totals": (sql_totals.group_totals, 7.0),
    "parent_totals": (sql_totals.parent_totals, 11.0),
    "matching": (sql_matching.matching, 11.0),
    "unanswerable": (unanswerable, 33.0),
}
# A rule that has nothing to ask of what it drew draws again, lest rules with much to draw grow rare.
_TRIES = 6


def questions(schema: Schema, *, seed: int) -> Iterator[Question]:
    """Yields questions without end; the same seed gives the same questions."""
    rng = random.Random(seed)
    names = list(_RULES)
    weights = [_RULES[name][1] for name in names]
    while True:
        kind = rng.choices(names, weights)[0]
        maker = _RULES[kind][0]
        today = draw_today(rng)
        spoken = schema.spoken(rng)
        made = next((made for _ in range(_TRIES) if (made := maker(spoken, today, rng)) is not None), None)
        if made is not None:
            text, sql = made
            yield Question(roughen(_tidy(text), rng), sql, kind, today)


def _tidy(text: str) -> str:
    text = re.sub(r"\ba (?=[aeio])(?!one\b)", "an ", " ".join(text.split()))
    # A column can itself be called total.
    text = re.sub(r"\b(?:total|sum of the) total\b", "combined total", text)
    return text.replace(" ,", ",").replace(" ?", "?").replace(" .", ".").replace(" :", ":")
