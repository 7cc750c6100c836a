"""A summary is about the step that its words name."""

from __future__ import annotations

import pytest

from narrowgauge.routing.topics import Topics

STEPS = (
    "list the overdue invoices with their customers",
    "open a case for each",
    "how many cases are urgent",
    "show the stock per warehouse",
)


@pytest.mark.parametrize(
    ("last", "about"),
    [
        ("summarize the urgent case count", 2),
        ("give me the number of urgent cases in a one-line summary", 2),
        ("write a short overview of the overdue invoices", 0),
        ("Recap the stock per warehouse", 3),
        ("put the customers into a short note", 0),
    ],
)
def test_words_name_the_step(last: str, about: int) -> None:
    """However many steps stand between, and where another result was planned."""
    assert Topics((*STEPS, last)).of(len(STEPS), ()) == about
    other = next(j for j in (1, 3, 0) if j != about)
    assert Topics((*STEPS, last)).of(len(STEPS), (other,)) == about


@pytest.mark.parametrize(
    "last",
    [
        "summarize the results",
        "put a note on the account of the customers",
        "summarize the attached file about invoices",
        "delete the urgent cases",
        "write a headline about that",
    ],
)
def test_where_words_do_not_tell_the_plan_stays(last: str) -> None:
    """No words, what the client sent along, and steps that are no summaries."""
    assert Topics((*STEPS, last)).of(len(STEPS), (3,)) is None


def test_a_planned_step_that_shares_as_much_stays() -> None:
    """The classifier's choice between equals is kept."""
    steps = ("list the cases in Spain", "list the cases in Italy", "summarize the cases")
    assert Topics(steps).of(2, (0,)) is None
    assert Topics(steps).of(2, ()) == 1


def test_of_several_planned_results_the_named_one_is_meant() -> None:
    """The classifier's choice of all before is narrowed to the one whose words the summary has."""
    assert Topics((*STEPS, "summarize the stock")).of(4, (0, 2, 3)) == 3
    assert Topics((*STEPS, "summarize the stock")).of(4, (3,)) is None


def test_what_ran_for_each_row_is_no_text_to_read() -> None:
    """Of steps that share as many words, one that has a result of its own is meant."""
    steps = (
        "list the overdue invoices",
        "close the overdue invoices for each customer",
        "recap the overdue invoices",
    )
    assert Topics(steps).of(2, ()) == 0


def test_that_list_is_what_was_listed() -> None:
    """Not the step just before."""
    steps = ("list the cases", "count the cases", "add a contact", "brief me on that list")
    assert Topics(steps).of(3, (2,)) == 0
    assert Topics(("count the cases", "brief me on that list")).of(1, (0,)) is None
