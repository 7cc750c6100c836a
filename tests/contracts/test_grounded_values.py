"""Free values of calls stand in the text that they answer."""

from __future__ import annotations

from decimal import Decimal

import pytest

from narrowgauge.contracts.countries import countries_said
from narrowgauge.contracts.grounded_values import Grounds
from narrowgauge.contracts.linked_values import linked_values
from narrowgauge.contracts.numbers_said import numbers_said
from narrowgauge.contracts.said_values import said_values

TURN = "Today: 2026-03-02\nnext friday: 2026-03-13\nRequest: ring Lena's two German suppliers by next Friday"


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("more than 80,000", "80000"),
        ("1.250,50 euro", "1250.5"),
        ("£2k at most", "2000"),
        ("3.5 million", "3500000"),
        ("twenty-five seats", "25"),
        ("the top ten", "10"),
        ("two hundred fifty", "250"),
        ("an hour", "60"),
        ("half an hour", "30"),
        ("an hour and a half", "1.5"),
        ("two weeks", "14"),
        ("a discount of 5 percent", "0.05"),
        ("a discount of 5 %", "5"),
        ("the third one", "3"),
        ("12 000 pieces", "12000"),
    ],
)
def test_numbers_are_found_in_digits_and_words(text: str, number: str) -> None:
    """Each number is among the readings of its text."""
    assert Decimal(number) in set(numbers_said(text))


def test_what_is_not_said_is_no_number() -> None:
    """Only what a text says, and what units make of it."""
    assert set(numbers_said("open cases of Globex")) == set()
    assert Decimal(500) not in set(numbers_said("accounts with 50 staff"))


def test_grounds_have_the_words_of_a_turn() -> None:
    """Words in any case and in the singular, countries behind adjectives, and the surface's own words."""
    grounds = Grounds(TURN, "", frozenset({"follow"}))
    assert {"lena", "suppliers", "supplier", "germany", "follow"} <= grounds.words
    assert "france" not in grounds.words


def test_grounds_have_numbers_as_surfaces_write_them() -> None:
    """Zero and one need no ground; digits of dates and times are no numbers."""
    grounds = Grounds("Request: from 2026-03-02 at 14:30, 1,250.50 in all")
    assert grounds.numbers == {"0", "1", "1250.5", "125050"}


def test_grounds_have_days_and_those_after_them() -> None:
    """A period may end before the day after one that was said; a date that does not exist is none."""
    assert Grounds(TURN).days == {"2026-03-02", "2026-03-03", "2026-03-13", "2026-03-14"}
    assert Grounds("2026-02-30").days == set()


def test_a_record_is_no_part_of_an_address() -> None:
    """`@1` names a record where it stands by itself; in an e-mail address it is a part of a word."""
    grounds = Grounds("Request: mail x@1and1.example", "mail x@1and1.example")
    assert "1and1" in grounds.words
    assert "@" in grounds.signs
    (email,) = grounds.said
    assert email.kind == "email"
    record = Grounds("Request: call @1", "call @1")
    assert "1" not in record.words
    assert "@" not in record.signs


def test_a_change_needs_a_record() -> None:
    """The host of an address is none."""
    turn = "deals: Deal\nstage: Deal.Stage\nRequest: "
    assert Grounds(f"{turn}close the deal @1", "close the deal @1").answerable
    assert not Grounds(f"{turn}close the deal of x@1.example", "close the deal of x@1.example").answerable


def test_errors_add_to_the_grounds() -> None:
    """A tool's error names values that the next call may have, and may mean that there is none."""
    after = Grounds(TURN).and_text("did you mean Globex?")
    assert "globex" in after.words
    named = Grounds("deals: Deal\nstage: Deal.Stage\nRequest: stage of deals", "stage of deals")
    assert named.answerable
    assert not named.and_text("insufficient access").answerable


@pytest.mark.parametrize(
    ("request_text", "values"),
    [
        ("call @2 for @1", {("record", "@1"), ("record", "@2")}),
        (
            "lead a.b@c.example, phone +46 70 555 0123",
            {("email", "a.b@c.example"), ("phone", "+46 70 555 0123")},
        ),
        ("set the probability to 65", {("number", "65")}),
        ("renewed, 34,000 with 5 percent off", {("number", "34000"), ("number", "5")}),
        ("asset Pallet Scale 300 bought on 2 February 2026", set()),
        ('note "200 left" from 2026-03-04 at 14:00 for 3 weeks', set()),
        ("code CC-300, visit 12/4", set()),
    ],
)
def test_values_of_a_request(request_text: str, values: set[tuple[str, str]]) -> None:
    """Ids, addresses and amounts that stand by themselves; no parts of names, codes, dates, quotations."""
    found = list(said_values(request_text))
    assert len(found) == len(values)
    for kind, text in values:
        assert any(value.kind == kind and text in value.readings for value in found)


def test_a_value_stands_in_a_call_as_a_whole() -> None:
    """Not as a part of another number or id."""
    (amount,) = said_values("pay 65 now")
    assert amount.stands_in("update Deal @1: Probability = 65")
    assert not amount.stands_in("update Deal @1: Amount = 6500, Rate = 0.65")
    (record,) = said_values("call @1")
    assert record.stands_in('create Task: WhoId = "@1"')
    assert not record.stands_in('create Task: WhoId = "@12"')


def test_countries_are_meant_by_other_words() -> None:
    """Adjectives and abbreviations, as whole words."""
    assert countries_said("Polish clients in the UK") == ["Poland", "United Kingdom"]
    assert countries_said("polishing") == []


def test_links_to_one_value_are_asked_for() -> None:
    """What a word names is in the call, unless what stands beside the word makes it something else."""
    lines = [
        "rush: Order.Type = Rush",
        "draft: Order.Status = Draft",
        "delivered: Order.Status = Delivered",
        "new: Order.Status = New",
        "closed: Case.Status = Closed or Case.IsClosed",
        "amount: Order.TotalAmount",
    ]
    request = "new rush orders still in draft, delivered since May, closed, by amount"
    turn = "\n".join((*lines, f"Request: {request}"))
    found = list(linked_values(turn, request))
    assert [(value.phrase, value.entity, value.field) for value in found] == [
        ("rush", "Order", "Type"),
        ("draft", "Order", "Status"),
    ]
    assert found[0].stands_in('query Order: Name where Type = "Rush"')
    assert found[0].stands_in('create Case: Subject = "rush order"')
    assert not found[0].stands_in('query Order: Name where OrderType = "Other"')
    grounds = Grounds(turn, request)
    assert not grounds.all_said('query Order: Name where Type = "Rush"', "Order")
    assert grounds.all_said('query Order: Name where Type = "Rush" and Status = "Draft"', "Order")
    assert grounds.all_said("query Case: Id", "Case")


@pytest.mark.parametrize(
    "text", ["a." * 4000, "one half " * 800, "1, " * 2000, "x: A.b = c\n" * 900, "7" * 8000]
)
def test_hostile_texts_have_few_readings(text: str) -> None:
    """What is read out of a text grows with its length, not faster."""
    assert sum(1 for _ in numbers_said(text)) <= 16 * len(text)
    assert len(list(linked_values(f"{text}Request: x", "x"))) <= 16
    Grounds(f"{text}Request: {text[:4000]}", text[:4000]).prepare()
