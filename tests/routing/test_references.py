"""What the words of a request decide of its dependencies, whatever the classifier says."""

from __future__ import annotations

import numpy as np
import pytest

from narrowgauge.routing.dependencies import KINDS, decode
from narrowgauge.routing.references import ruled
from narrowgauge.routing.segmentation import quoted_regions

NONE, AFTER, USES, FOR_EACH = range(4)
Pairs = dict[tuple[int, int], int]


def planned(request: str, said: Pairs, probability: float = 0.8) -> list[list[tuple[int, str]]]:
    """Decodes a request whose steps stand in square brackets; `said` is what the classifier is sure of."""
    text, spans = "", []
    for part in request.split("["):
        step, bracket, rest = part.partition("]")
        if bracket:
            spans.append((len(text), len(text) + len(step)))
        text += step + rest
    n = len(spans)
    table = np.full((n, n, 1 + len(KINDS)), 0.01, np.float32)
    table[:, :, NONE] = 0.97
    for (i, j), kind in said.items():
        table[i, j] = (1 - probability) / 3
        table[i, j, kind] = probability
    decoded = decode(ruled(text, spans, quoted_regions(text), table))
    return [[(need.step, need.kind) for need in needs] for needs in decoded]


@pytest.mark.parametrize(
    "request_",
    [
        "[delete the lead], but first [count the orders]",
        "[delete the lead]. Do that first: [count the orders]",
        "[delete the lead]. Before doing so, [count the orders]",
        "before you [delete the lead], [count the orders]",
        "[delete the lead] once you have [counted the orders]",
    ],
)
def test_words_of_reversed_order(request_: str) -> None:
    """The step that stands first is done last, also where the classifier says the opposite."""
    for said in ({}, {(1, 0): AFTER}):
        assert planned(request_, said) == [[(1, "after")], []]


@pytest.mark.parametrize(
    "request_",
    [
        "when you are done with [counting the orders], [delete the lead]",
        "after [counting the orders], please [delete the lead]",
        "[count the orders]. Then [delete the lead]",
    ],
)
def test_words_of_order(request_: str) -> None:
    """A step that stands behind such words comes after the other one."""
    assert planned(request_, {}) == [[], [(0, "after")]]


def test_without_a_word_of_order_there_is_none() -> None:
    """A comma orders nothing, in either direction; a sure classifier may have read a misspelt word."""
    assert planned("[count the orders], [delete the lead]", {(1, 0): AFTER}) == [[], []]
    assert planned("[count the orders], [delete the lead]", {(0, 1): AFTER}) == [[], []]
    assert planned("[count the orders], thn [delete the lead]", {(1, 0): AFTER}, 0.99) == [[], [(0, "after")]]


def test_when_done_is_about_the_step_behind_it() -> None:
    """`A; when done with B, C` orders C after B, and not B after A."""
    text = "[count the orders] and when done with [adding the lead], [list the cases]"
    assert planned(text, {(1, 0): AFTER}) == [[], [], [(1, "after")]]


@pytest.mark.parametrize(
    ("last", "kind"),
    [
        ("delete the machines", "uses"),
        ("draw the machines above", "uses"),
        ("assign those late machines to Ada", "uses"),
        ("open a case for every machine", "for_each"),
        ("open a case for each of the machines", "for_each"),
    ],
)
def test_what_is_named_again_is_the_step_that_asked_for_it(last: str, kind: str) -> None:
    """Not the step just before, which the classifier takes."""
    text = f"[which machines are late], [list hotels], [{last}]"
    for said in ({}, {(2, 1): USES}, {(2, 1): FOR_EACH, (2, 0): USES}):
        assert planned(text, said) == [[], [], [(0, kind)]]


def test_what_was_made_for_each_is_named_again() -> None:
    """As many were made as there were rows; one that was made once is not several."""
    last = "[switch each of these new tasks to done]"
    made = f"[list tasks in the warehouse], [create a follow-up task in the CRM for each], {last}"
    assert planned(made, {(1, 0): FOR_EACH, (2, 0): FOR_EACH})[2] == [(1, "for_each")]
    once = f"[list tasks in the warehouse], [create a task for Ada], {last}"
    assert planned(once, {(2, 0): FOR_EACH})[2] == [(0, "for_each")]


def test_a_noun_with_its_own_complement_is_no_reference() -> None:
    """`The machines of Acme` are others than those before; `each machine in` a place is one of them."""
    assert planned("[list machines], [delete the machines of Acme]", {}) == [[], []]
    each = "[which machines are idle], [open a case for each machine in the idle queue]"
    assert planned(each, {}) == [[], [(0, "for_each")]]


@pytest.mark.parametrize("complement", ["due today", "dated July", "of Acme"])
def test_a_noun_that_says_which_is_no_reference(complement: str) -> None:
    """`The tasks due today` are others than those just listed."""
    assert planned(f"[list tasks], [delete the tasks {complement}]", {}) == [[], []]


def test_counting_is_about_what_is_there_now() -> None:
    """The count is no result of a write, nor of a step that asked for others of the same noun."""
    made = "[list hoists], [create a task for each], [count the hoist tasks]"
    assert planned(made, {(1, 0): FOR_EACH})[2] == []
    assert planned("[find cold leads], [count the warm leads]", {})[1] == []
    assert planned("[find cold leads], [count the cold leads]", {})[1] == [(0, "uses")]


def test_what_was_changed_for_each_is_the_row_still() -> None:
    """A second change of `each of them` runs over the rows that the first one ran over."""
    said = {(1, 0): FOR_EACH, (2, 1): FOR_EACH}
    text = "[list tasks], [push the due date of each to Monday], [set each of them to high]"
    assert planned(text, said)[2] == [(0, "for_each")]
    made = "[list tasks], [create a case for each], [set each of them to high]"
    assert planned(made, said)[2] == [(1, "for_each")]


def test_to_give_each_something_runs_over_the_rows_before() -> None:
    """`Each` without a noun points at the nearest result."""
    assert planned("[list renewals], [give each a discount]", {})[1] == [(0, "for_each")]
    assert planned("[list renewals], [give each customer a discount]", {})[1] == []


def test_the_most_machines_are_no_reference() -> None:
    """A superlative says which, not which ones again."""
    assert planned("[list the machines of Acme], [which site has the most machines]", {}) == [[], []]


def test_that_task_is_the_one_that_was_made() -> None:
    """The last step that makes one, not the last of all."""
    made = "[create a task for Ada], [count the orders], [attach the plan to that task]"
    assert planned(made, {(2, 1): USES})[2] == [(0, "uses")]
    assert planned("[list the tasks], [attach the plan to that task]", {(1, 0): USES})[1] == [(0, "uses")]


def test_a_person_is_what_was_just_made() -> None:
    """`Him` and `her` point back as `it` does."""
    assert planned("[add a contact Jo Berg], [invite him]", {}) == [[], [(0, "uses")]]


def test_before_reverses_also_what_seems_to_be_used() -> None:
    """`Before you delete X, show its name` shows it first."""
    assert planned("before you [delete lead 7], [show its name]", {(1, 0): USES}) == [[(1, "after")], []]


def test_everything_is_what_no_step_has_used() -> None:
    """A result that another step has used is in that step's result already."""
    text = "[list hotels], [open a case for each of them], [count orders], [sum up everything]"
    said = {(1, 0): FOR_EACH, (3, 0): USES, (3, 2): USES}
    assert planned(text, said)[3] == [(1, "uses"), (2, "uses")]
    assert planned(text, {(1, 0): FOR_EACH})[3] == [(1, "uses"), (2, "uses")]


def test_one_step_runs_over_the_rows_of_one() -> None:
    """The nearest of several."""
    said = {(2, 0): FOR_EACH, (2, 1): FOR_EACH}
    assert planned("[list hotels], [list orders], [add a lead for each]", said)[2] == [(1, "for_each")]


def test_a_step_that_points_at_nothing_uses_nothing() -> None:
    """What a classifier takes for a use is order where a word says so, and else nothing."""
    said = {(1, 0): USES}
    assert planned("[count orders]. [List clients with their salary]", said) == [[], []]
    assert planned("[count orders]. Later [list clients with their salary]", said) == [[], [(0, "after")]]
    assert planned("[count the orders], [summarize this: 'call them back']", said) == [[], []]


@pytest.mark.parametrize(
    "last",
    [
        "when their last payment came in",
        "send that to Ada",
        "if there are none, close the case",
        "draw a chart of what was returned",
    ],
)
def test_what_nothing_in_a_step_explains_is_the_result_before(last: str) -> None:
    """A pronoun without an antecedent in its own step, and a condition."""
    assert planned(f"[show who owns Acme]. [{last}]", {}) == [[], [(0, "uses")]]


def test_one_by_one_is_a_run_for_each_row() -> None:
    """Also where the classifier took the words for a use."""
    for said in ({}, {(1, 0): USES}, {(1, 0): AFTER}):
        assert planned("[list hotels], [call all of them one by one]", said) == [[], [(0, "for_each")]]


def test_words_of_other_languages_are_left_to_the_classifier() -> None:
    """That no English word of order or reference stands in a German request says nothing."""
    text = "[liste Kunden auf], danach [lösche Bestellungen], am Ende [fasse sie zusammen]"
    said = {(1, 0): AFTER, (2, 1): USES}
    assert planned(text, said, 0.6) == [[], [(0, "after")], [(1, "uses")]]
