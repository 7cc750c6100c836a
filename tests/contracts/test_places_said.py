"""Words that say in which system a request is meant are no values."""

from __future__ import annotations

import pytest

from narrowgauge.contracts.places_said import without_places
from narrowgauge.contracts.surfaces.salesforce.open_value import PLACE_WORDS


@pytest.mark.parametrize(
    ("request_text", "told"),
    [
        ("show our open tasks in Salesforce", "show our open tasks"),
        ("In Salesforce, show our open tasks.", "show our open tasks."),
        ("the dearest deals from our CRM, please", "the dearest deals, please"),
        ("which leads in the CRM are from Chile?", "which leads are from Chile?"),
        ("count the SFDC contacts of Globex", "count the contacts of Globex"),
        ("search salesforce for leads without a phone", "search for leads without a phone"),
        ("please use Salesforce to count our assets", "count our assets"),
        ("open a new Salesforce case for Globex", "open a new case for Globex"),
        ("add the lead Jo Berg of Globex to our Salesforce org", "add the lead Jo Berg of Globex"),
        ("a case in the CRM about a broken pump", "a case about a broken pump"),
        ('cases of "Salesforce" in Salesforce', 'cases of "Salesforce"'),
    ],
)
def test_words_that_say_where_are_left_out(request_text: str, told: str) -> None:
    """The system's name behind a preposition, or beside what it holds."""
    assert without_places(request_text, PLACE_WORDS) == told


@pytest.mark.parametrize(
    "request_text",
    [
        "cases of the account called Salesforce",
        'rename the account to "Salesforce"',
        "deals for Salesforce.com",
        "contacts in salesforce.com",
        "contacts who work at Salesforce",
        "our deals with Salesforce",
        "tasks of the Salesforce account",
        "contacts in the Salesforce account",
        "a meeting in Salesforce Tower",
        "set the company of the lead to Salesforce",
        "a new lead, Jo Berg, from Salesforce",
        "people from Salesforce",
        "Globex and Salesforce cases",
        "Salesforce's newest cases",
        "a case about slow reports in Salesforce",
        "a task to merge doubles in the CRM",
        "new case: slow reports in Salesforce",
        "mail jo@crm.example",
        "in Salesforce",
    ],
)
def test_a_value_stays(request_text: str) -> None:
    """A record's name, a part of a longer one, and what a record is about."""
    assert without_places(request_text, PLACE_WORDS) == request_text


def test_without_names_nothing_is_left_out() -> None:
    """A surface whose system has no name leaves its requests alone."""
    assert without_places("open tasks in Salesforce", frozenset()) == "open tasks in Salesforce"


@pytest.mark.parametrize("text", ["in crm ", "task in crm ", "\u2018\u201c'", "to salesforce org ", "A"])
def test_hostile_texts_are_read_once(text: str) -> None:
    """The result is no longer than the text, however often it names the system."""
    assert len(without_places(text * 600, PLACE_WORDS)) <= len(text) * 600
