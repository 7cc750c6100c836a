"""Words for days and periods, resolved."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

import pytest

from narrowgauge.contracts.dates import dates_in

MONDAY, SATURDAY = date(2026, 3, 2), date(2027, 11, 20)
RESOLVED = {
    "tasks due today": "2026-03-02",
    "orders of yesterday": "2026-03-01",
    "due tomorrow at 9:30": "2026-03-03",
    "the day after tomorrow": "2026-03-04",
    "the day before yesterday": "2026-02-28",
    "this week": "2026-03-02 2026-03-08",
    "last week's orders": "2026-02-23 2026-03-01",
    "next week": "2026-03-09 2026-03-15",
    "the current month": "2026-03-01 2026-03-31",
    "last month": "2026-02-01 2026-02-28",
    "Previous month": "2026-02-01 2026-02-28",
    "next month": "2026-04-01 2026-04-30",
    "this quarter": "2026-01-01 2026-03-31",
    "last quarter": "2025-10-01 2025-12-31",
    "next quarter": "2026-04-01 2026-06-30",
    "this year": "2026-01-01 2026-12-31",
    "last year": "2025-01-01 2025-12-31",
    "this weekend": "2026-03-07 2026-03-08",
    "in the past week": "2026-02-23 2026-03-02",
    "within the coming week": "2026-03-02 2026-03-09",
    "in the last 30 days": "2026-01-31 2026-03-02",
    "over the past six months": "2025-09-02 2026-03-02",
    "the previous 2 weeks": "2026-02-16 2026-03-02",
    "for the next ten days": "2026-03-02 2026-03-12",
    "the coming 3 months": "2026-03-02 2026-06-02",
    "within 14 days": "2026-03-02 2026-03-16",
    "five days ago": "2026-02-25",
    "more than 3 weeks ago": "2026-02-09",
    "a month ago": "2026-02-02",
    "in 10 days": "2026-03-12",
    "in two weeks": "2026-03-16",
    "in a week": "2026-03-09",
    "a week from today": "2026-03-09",
    "in three months": "2026-06-02",
    "on Friday": "2026-03-06",
    "on monday": "2026-03-09",
    "this Friday": "2026-03-06",
    "next Friday": "2026-03-13",
    "next Monday": "2026-03-09",
    "last Friday": "2026-02-27",
    "since Friday": "2026-02-27",
    "Friday next week": "2026-03-13",
    "next week on Tuesday": "2026-03-10",
    "4 March 2025": "2025-03-04",
    "March 4th, 2025": "2025-03-04",
    "Mar 4 2025": "2025-03-04",
    "4/March": "2026-03-04",
    "4-Mar-2025": "2025-03-04",
    "the 30th of June 2026": "2026-06-30",
    "Friday, 13 March 2026": "2026-03-13",
    "Friday, March 13, 2026": "2026-03-13",
    "15 April": "2026-04-15",
    "15 December": "2025-12-15",
    "since 15 April": "2025-04-15",
    "29 February": "2028-02-29",
    "20.11.2026": "2026-11-20",
    "30/4/2025": "2025-04-30",
    "from 9 to 12 June 2026": "2026-06-09 2026-06-12",
    "March 4-10, 2025": "2025-03-04 2025-03-10",
    "in March 2025": "2025-03-01 2025-03-31",
    "in Sept. 2025": "2025-09-01 2025-09-30",
    "in August of 2024": "2024-08-01 2024-08-31",
    "in January": "2026-01-01 2026-01-31",
    "in November": "2025-11-01 2025-11-30",
    "closing before May": "2026-05-01 2026-05-31",
    "since April": "2025-04-01 2025-04-30",
    "in June last year": "2025-06-01 2025-06-30",
    "last June": "2025-06-01 2025-06-30",
    "next March": "2027-03-01 2027-03-31",
    "from March to May 2025": "2025-03-01 2025-05-31",
    "from November to January 2026": "2025-11-01 2026-01-31",
    "Q2 2025": "2025-04-01 2025-06-30",
    "2025 Q2": "2025-04-01 2025-06-30",
    "the second quarter of 2025": "2025-04-01 2025-06-30",
    "the last quarter of 2025": "2025-10-01 2025-12-31",
    "Q4": "2025-10-01 2025-12-31",
    "Q2": "2026-04-01 2026-06-30",
    "first half of 2025": "2025-01-01 2025-06-30",
    "H2 2025": "2025-07-01 2025-12-31",
    "in 2024": "2024-01-01 2024-12-31",
    "during 2025": "2025-01-01 2025-12-31",
    "the year 2023": "2023-01-01 2023-12-31",
    "from 2023 to 2025": "2023-01-01 2025-12-31",
    "end of June": "2026-06-30",
    "the end of January": "2027-01-31",
    "the last day of June 2025": "2025-06-30",
    "end of the month": "2026-03-31",
    "the end of next month": "2026-04-30",
    "the end of the quarter": "2026-03-31",
    "end of Q1": "2026-03-31",
    "the end of this year": "2026-12-31",
    "by year end": "2026-12-31",
    "since the start of the year": "2026-01-01",
    "after new year 2025": "2025-01-01",
}
NO_DATES = (
    "top 5 orders",
    "you may 5 times ask",
    "may I see the march of the penguins",
    "a case for April Smith",
    "orders over 2024 dollars",
    "a total of 2000",
    "after 2000 units",
    "between 2025-03-04 and 2025-04-01",
    'a case named "Last month"',
    "subject 'due on Friday'",
    "campaign “March 2025”",
    "3/4/2025",
    "35 May",
    "31 February",
    "the 30th of Feb 2025",
    "9999 years ago",
    "every Friday",
    "how many in a month",
    "older than 30 days",
    "Year End Mailing",
    "the Q2 Roadshow campaign",
    "today2",
    "",
)


@pytest.mark.parametrize("request_text", RESOLVED)
def test_words_mean_days(request_text: str) -> None:
    """A phrase has one entry: its first and last day."""
    (entry,) = dates_in(request_text, MONDAY)
    first, _, last = RESOLVED[request_text].partition(" ")
    assert (str(entry.first), str(entry.last)) == (first, last or first)
    assert entry.phrase in request_text.lower()


@pytest.mark.parametrize("request_text", NO_DATES)
def test_other_words_mean_none(request_text: str) -> None:
    """Numbers, names, verbs, quoted values and ISO dates have no entry."""
    assert dates_in(request_text, MONDAY) == []


@pytest.mark.parametrize(
    ("request_text", "days"),
    [
        ("this Friday", "2027-11-26"),
        ("next Friday", "2027-11-26"),
        ("last Friday", "2027-11-19"),
        ("on Saturday", "2027-11-27"),
        ("this week", "2027-11-15 2027-11-21"),
        ("end of March", "2028-03-31"),
        ("in February", "2028-02-01 2028-02-29"),
        ("last quarter", "2027-07-01 2027-09-30"),
    ],
)
def test_words_mean_other_days_on_another_day(request_text: str, days: str) -> None:
    """On a Saturday late in a year the same words mean other days."""
    (entry,) = dates_in(request_text, SATURDAY)
    first, _, last = days.partition(" ")
    assert (str(entry.first), str(entry.last)) == (first, last or first)


def test_only_words_without_their_year_are_relative() -> None:
    """`in March 2025` means the same for ever, `in March` does not."""
    relative = {text: dates_in(text, MONDAY)[0].relative for text in RESOLVED}
    assert {
        text for text in ("in March 2025", "Q2 2025", "4 March 2025", "in 2024") if relative[text]
    } == set()
    assert all(relative[text] for text in ("in January", "15 April", "last month", "end of June"))


def test_a_year_said_once_is_that_of_both_days() -> None:
    """The first day of a range takes the year of the last one, or the year before when it is later in it."""
    found = dates_in("between 4 March and 10 April 2025", MONDAY)
    assert [str(entry.first) for entry in found] == ["2025-03-04", "2025-04-10"]
    found = dates_in("from December 20 until January 5, 2025", MONDAY)
    assert [str(entry.first) for entry in found] == ["2024-12-20", "2025-01-05"]


def test_entries_stand_in_the_order_of_the_request_each_once() -> None:
    """A phrase that comes twice is resolved once."""
    found = dates_in("Last month or 4 May 2025, not this year: last month", MONDAY)
    assert [entry.phrase for entry in found] == ["last month", "4 may 2025", "this year"]


def test_any_text_is_read() -> None:
    """Whatever stands in a request, reading it ends, and entries are periods that stand in it."""
    words = " ".join((*RESOLVED, *NO_DATES, "31 . , ' \" - / ß ſ İ K 99999 0 \n \t \0 the of on")).split(" ")
    rng = Random(1)
    first_day, last_day = date(1, 1, 1), date(9999, 12, 31)
    for number in range(4000):
        text = rng.choice((" ", " ", " ", "", "  ", "\n")).join(rng.choices(words, k=rng.randint(1, 14)))
        today = first_day + timedelta(days=rng.randint(0, (last_day - first_day).days))
        today = rng.choice((today, MONDAY, SATURDAY, first_day, last_day)) if number % 2 else MONDAY
        found = dates_in(text, today)
        for entry in found:
            assert entry.first <= entry.last
            assert entry.phrase in text.lower()
        assert len({entry.phrase for entry in found}) == len(found)
