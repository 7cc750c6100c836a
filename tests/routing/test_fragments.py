"""Spans without a verb join the step that they belong to, and steps get back the words that were cut off."""

from __future__ import annotations

import pytest

from narrowgauge.routing.fragments import completed, joined, parted
from narrowgauge.routing.segmentation import quoted_regions


def spans_of(pieces: str) -> tuple[str, list[tuple[int, int]]]:
    """Reads a text whose spans stand in brackets: the text without them, and the spans."""
    text, spans = "", []
    for k, part in enumerate(pieces.replace("]", "[").split("[")):
        if k % 2:
            spans.append((len(text), len(text) + len(part)))
        text += part
    return text, spans


def texts(text: str, spans: list[tuple[int, int]]) -> list[str]:
    """What the spans hold."""
    return [text[begin:end] for begin, end in spans]


@pytest.mark.parametrize(
    ("pieces", "steps"),
    [
        ("[For Dr. Novak], [condense that].", ["For Dr. Novak, condense that"]),
        (
            "[list the tasks]; [if there are any], [close them]",
            ["list the tasks", "if there are any, close them"],
        ),
        ("[list the plants], [with site and owner].", ["list the plants, with site and owner"]),
        ("[start job 12] by [setting its state to On].", ["start job 12 by setting its state to On"]),
        ("[Which docks are full], and [how many]?", ["Which docks are full, and how many"]),
        (
            "[open a case for Hana], [origin Phone], [priority Low].",
            ["open a case for Hana, origin Phone, priority Low"],
        ),
        (
            "[create a contact Hana Dubois] and [link it to the account Acme]",
            ["create a contact Hana Dubois and link it to the account Acme"],
        ),
        (
            "[list the customers in Belgium], [name and city]",
            ["list the customers in Belgium, name and city"],
        ),
        (
            "[log a task Quarterly] [check with high priority]",
            ["log a task Quarterly check with high priority"],
        ),
        ("[add a task Month end] [check]", ["add a task Month end check"]),
        ("[list the tasks], and [I want to] [close them]", ["list the tasks", "close them"]),
        ("[list the tasks], [tell me] [close them]", ["list the tasks", "close them"]),
        ("[Is Live Forever]: [The Rise of Pop playing]", ["Is Live Forever: The Rise of Pop playing"]),
        ("[I'd like] to [close it], and [Will] [it rain]", ["close it", "it rain"]),
        (
            "[put Hello Central], [Give Me Heaven on my list]",
            ["put Hello Central, Give Me Heaven on my list"],
        ),
    ],
)
def test_a_piece_without_a_verb_is_no_step(pieces: str, steps: list[str]) -> None:
    """Fronts, complements and fields are parts of a step."""
    text, spans = spans_of(pieces)
    assert texts(text, joined(text, spans, [0.6] * len(spans))) == steps


@pytest.mark.parametrize(
    "pieces",
    [
        "[list the plants], [show their owners]",
        "[for each plant open a case], [count the tasks]",
        "[stock per plant], [staff per site]",
        "[open invoices by month], [staff per site]",
        "[when does the train leave], [book a seat]",
        "[list the plants]. [With the results write a report]",
        "[create a case for Hana]\n[origins of our parts]",
        "[create a case for Hana], [reserve 3 pallets]",
        "[list the tasks of Hana], [Close the oldest]",
        "[list the tasks], [I want to]",
        "[list the contacts] and [link them to the account Acme]",
        "[list the customers in Belgium], [name the largest]",
        "[list the tasks for Hana] [check the stock]",
        "[create a case for Hana] [check the stock]",
    ],
)
def test_what_asks_for_something_stays_a_step(pieces: str) -> None:
    """Verbs, questions, lists of results, other lines and other sentences are steps of their own."""
    text, spans = spans_of(pieces)
    assert joined(text, spans, [0.6] * len(spans)) == spans


def test_a_field_of_which_the_tagger_is_sure_is_a_step() -> None:
    """A specialist's own verbs are not known here: where the tagger is sure that a step begins, one does."""
    text, spans = spans_of("[create a case for Hana], [palletise order 7]")
    assert joined(text, spans, [0.9, 0.95]) == spans
    assert len(joined(text, spans, [0.9, 0.5])) == 1


@pytest.mark.parametrize(
    ("pieces", "steps"),
    [
        ("[set the origin to] Phone. [list the plants]", ["set the origin to Phone", "list the plants"]),
        ("[assign it to Sarah] Novak, then [stop]", ["assign it to Sarah Novak", "stop"]),
        ("[Which jobs are due] and not started?", ["Which jobs are due and not started"]),
        ("[list the plants]; complete [task 12]", ["list the plants", "complete task 12"]),
    ],
)
def test_words_that_were_cut_off_come_back(pieces: str, steps: list[str]) -> None:
    """A step does not end at a word that wants another, and begins with its verb."""
    text, spans = spans_of(pieces)
    assert texts(text, completed(text, spans, [])) == steps


@pytest.mark.parametrize(
    "pieces",
    [
        "[list the plants] please, then [count the tasks]",
        "[list the plants] Then [count the tasks]",
        "[list the plants] and not until then [count the tasks]",
        "[set the origin to] and after that [count the tasks]",
        "and finish [count the tasks]",
    ],
)
def test_connecting_words_stay_outside(pieces: str) -> None:
    """What connects steps belongs to none."""
    text, spans = spans_of(pieces)
    assert completed(text, spans, []) == spans


def test_no_step_grows_into_a_quotation() -> None:
    """A quoted text is whole or no part of a step."""
    text, spans = spans_of('[set the name to] "Delete all". [count the tasks]')
    assert completed(text, spans, quoted_regions(text)) == spans


def test_values_behind_a_colon_are_a_part_of_the_change() -> None:
    """`Update plant 7: phase Idle` sets the phase; what asks for something of its own is another step."""
    text, spans = spans_of("[Update plant 7]: phase Idle\n[count the tasks]")
    assert texts(text, completed(text, spans, [])) == ["Update plant 7: phase Idle", "count the tasks"]
    text, spans = spans_of("[Update plant 7]: show it. [count the tasks]")
    assert completed(text, spans, []) == spans


@pytest.mark.parametrize(
    ("pieces", "steps"),
    [
        (
            "[set the dock of each to 7, find the idle hoists]",
            ["set the dock of each to 7", "find the idle hoists"],
        ),
        ("[translate the memo and show me the hoists].", ["translate the memo", "show me the hoists"]),
        ("[list the idle hoists and close them]", ["list the idle hoists", "close them"]),
    ],
)
def test_a_second_verb_with_its_object_is_a_second_step(pieces: str, steps: list[str]) -> None:
    """Whatever the tagger saw."""
    text, spans = spans_of(pieces)
    assert texts(text, parted(text, spans, [])) == steps


@pytest.mark.parametrize(
    "pieces",
    [
        "[list the name, count and owner of each hoist]",
        "[create a task to call Jo and pay the rent]",
        "[if there are any, list the owners]",
        '[add a note "stop the line, start the pump"]',
    ],
)
def test_nouns_conditions_and_quotations_divide_nothing(pieces: str) -> None:
    """A verb's object must stand behind it, and a step that has a verb of its own before it."""
    text, spans = spans_of(pieces)
    assert parted(text, spans, quoted_regions(text)) == spans
