"""What training says of a date is what the prompt says of it."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from random import Random

from narrowgauge.contracts.dates import dates_in
from narrowgauge.training.specialist.salesforce_said import day, past_day
from narrowgauge.training.specialist.salesforce_said import period as salesforce_period
from narrowgauge.training.specialist.salesforce_values import value_of
from narrowgauge.training.specialist.sql_periods import draw_today, near_day, period, said_day
from narrowgauge.v1.catalogue_pb2 import EntityField

DRAWN = 1500
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}")


def drawn_days() -> Iterator[tuple[str, dt.date, dt.date]]:
    """Days as the generators say them: words, the day, today."""
    rng = Random(7)
    date_field = EntityField(name="CloseDate", type="date")
    for _ in range(DRAWN):
        today = draw_today(rng)
        yield (*day(today, rng), today)
        yield (*past_day(today, rng), today)
        words, stored = value_of(date_field, today, rng)
        yield words, dt.date.fromisoformat(str(stored)), today
        said = near_day(today - dt.timedelta(days=rng.randint(0, 2000)), today, rng)
        yield said_day(said, today, rng), said, today


def test_a_day_is_resolved_as_the_generators_mean_it() -> None:
    """Each day that is not written as a date has one entry: that day."""
    for words, meant, today in drawn_days():
        found = dates_in(f"set the close date to {words}", today)
        if _ISO.search(words):
            assert not found and words == str(meant)
        else:
            assert [(entry.first, entry.last) for entry in found] == [(meant, meant)], (words, today)


def test_a_period_is_resolved_as_the_generators_mean_it() -> None:
    """A condition names the days that its words resolve to, the first or the last one by its operator."""
    rng = Random(8)
    for _ in range(DRAWN * 2):
        today = draw_today(rng)
        words, comparison = period(today - dt.timedelta(days=rng.randint(-60, 900)), today, rng)
        said = [dt.date.fromisoformat(text) for text in _ISO.findall(words)]
        meant = [dt.date.fromisoformat(text) for text in _ISO.findall(comparison)]
        days = [(entry.first, entry.last) for entry in dates_in(f"orders placed {words}", today)]
        days += [(one, one) for one in said]
        assert days, words
        first, last = min(days)[0], max(days)[1]
        operator = comparison.split()[0]
        wanted = {
            "=": [first],
            "BETWEEN": [first, last],
            ">=": [first],
            "<": [first],
            ">": [last],
            "<=": [last],
        }[operator]
        assert meant == wanted, (words, comparison, today, days)
        assert operator != "=" or first == last, (words, today)


def test_a_bound_is_resolved_as_the_calls_mean_it() -> None:
    """A date in a Salesforce condition is the day that its words resolve to."""
    rng = Random(9)
    dated = 0
    for _ in range(DRAWN * 2):
        today = draw_today(rng)
        kind = rng.choice(("date", "datetime"))
        field = rng.choice(("CloseDate", "CreatedDate"))
        words, _, literal = salesforce_period(field, kind, today, rng)
        if not _ISO.match(literal) or _ISO.search(words):
            continue
        dated += 1
        (entry,) = dates_in(f"deals {words}", today)
        assert (str(entry.first), entry.last) == (literal[:10], entry.first), (words, today)
    assert dated > 100


def test_a_draw_of_dates_has_all_years_and_weekdays() -> None:
    """No specialist can learn the current date by heart."""
    rng = Random(10)
    drawn = [draw_today(rng) for _ in range(DRAWN)]
    assert {day.year for day in drawn} == set(range(2023, 2029))
    assert {day.weekday() for day in drawn} == set(range(7))
