"""The local server executes SOQL as Salesforce documents it."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from salesforce_harness import NOW

from tool_svc.salesforce.local_server.date_literals import days_of
from tool_svc.salesforce.local_server.faults import Fault
from tool_svc.salesforce.local_server.organisation import Organisation
from tool_svc.salesforce.soql import quote

TODAY = date(2026, 11, 20)  # a Friday


def rows(organisation: Organisation, soql: str) -> list[dict[str, Any]]:
    records, page = [], organisation.query(soql, "59.0")
    records += page.records
    while page.cursor:
        page = organisation.more(page.cursor)
        records += page.records
    return records


def ids(organisation: Organisation, condition: str, name: str = "Opportunity") -> set[str]:
    return {row["Id"] for row in rows(organisation, f"SELECT Id FROM {name} WHERE {condition}")}


@pytest.mark.parametrize(
    ("literal", "start", "end"),
    [
        ("YESTERDAY", "2026-11-19", "2026-11-20"),
        ("TODAY", "2026-11-20", "2026-11-21"),
        ("today", "2026-11-20", "2026-11-21"),
        ("TOMORROW", "2026-11-21", "2026-11-22"),
        ("THIS_WEEK", "2026-11-15", "2026-11-22"),
        ("LAST_WEEK", "2026-11-08", "2026-11-15"),
        ("NEXT_WEEK", "2026-11-22", "2026-11-29"),
        ("LAST_MONTH", "2026-10-01", "2026-11-01"),
        ("NEXT_MONTH", "2026-12-01", "2027-01-01"),
        ("THIS_QUARTER", "2026-10-01", "2027-01-01"),
        ("LAST_FISCAL_QUARTER", "2026-07-01", "2026-10-01"),
        ("NEXT_YEAR", "2027-01-01", "2028-01-01"),
        ("LAST_90_DAYS", "2026-08-22", "2026-11-21"),
        ("NEXT_90_DAYS", "2026-11-21", "2027-02-19"),
        ("LAST_N_DAYS:3", "2026-11-17", "2026-11-21"),
        ("NEXT_N_DAYS:3", "2026-11-21", "2026-11-24"),
        ("N_DAYS_AGO:3", "2026-11-17", "2026-11-18"),
        ("LAST_N_WEEKS:2", "2026-11-01", "2026-11-15"),
        ("LAST_N_MONTHS:2", "2026-09-01", "2026-11-01"),
        ("NEXT_N_QUARTERS:2", "2027-01-01", "2027-07-01"),
        ("N_YEARS_AGO:2", "2024-01-01", "2025-01-01"),
    ],
)
def test_date_literals_are_ranges_of_days(literal: str, start: str, end: str):
    """Each literal is the range that the SOQL reference gives, with weeks from Sunday."""
    assert days_of(literal, TODAY) == (date.fromisoformat(start), date.fromisoformat(end))


def test_date_literals_that_are_none():
    """Other words, and ranges that leave the calendar, are refused."""
    for text in ("SOON", "LAST_N_DAYS", "LAST_N_DAYS:x", "N_YEARS_AGO:9999"):
        with pytest.raises(ValueError, match=r"date literal|calendar"):
            days_of(text, TODAY)


def test_comparisons_split_the_records(organisation: Organisation):
    """A test and its opposite share no record and leave none out, fields without a value included."""
    everything = ids(organisation, "Id != null")
    pairs = [
        ("Amount > 50000", "Amount <= 50000"),
        ("StageName = 'closed WON'", "StageName != 'Closed Won'"),
        ("CampaignId = null", "CampaignId != null"),
        ("StageName IN ('Closed Won', 'Closed Lost')", "StageName NOT IN ('Closed Won', 'Closed Lost')"),
        ("CloseDate = THIS_QUARTER", "CloseDate != THIS_QUARTER"),
        ("CloseDate < THIS_MONTH", "CloseDate >= THIS_MONTH"),
        ("CloseDate > THIS_MONTH", "CloseDate <= THIS_MONTH"),
        ("Account.Name LIKE 'a%'", "NOT Account.Name LIKE 'a%'"),
        ("Campaign.Name = 'Spring Launch'", "Campaign.Name != 'Spring Launch'"),
        ("IsWon = true", "IsWon = false"),
        ("NextStep = ''", "NextStep != null"),
        (
            "Amount > 5 AND (IsWon = true OR IsClosed = false)",
            "NOT (Amount > 5 AND (IsWon = true OR IsClosed = false))",
        ),
        (
            "AccountId IN (SELECT Id FROM Account WHERE Industry = 'Retail')",
            "AccountId NOT IN (SELECT Id FROM Account WHERE Industry = 'Retail')",
        ),
        ("CALENDAR_YEAR(CloseDate) = 2026", "CALENDAR_YEAR(CloseDate) != 2026"),
    ]
    for test, opposite in pairs:
        chosen, others = ids(organisation, test), ids(organisation, opposite)
        assert chosen | others == everything, test
        assert not chosen & others, test


def test_time_comparisons(organisation: Organisation):
    """Times are compared in UTC, whatever zone the literal is written in."""
    condition = "CreatedDate >= 2026-11-01T00:00:00Z"
    shifted = "CreatedDate >= 2026-11-01T02:00:00%2B02:00".replace("%2B", "+")
    assert ids(organisation, condition, "Case") == ids(organisation, shifted, "Case")
    assert ids(organisation, "CreatedDate = TODAY", "Case") == ids(
        organisation, "DAY_ONLY(CreatedDate) = 2026-11-20", "Case"
    )


def test_relationships_nest_as_records(organisation: Organisation):
    """Parents are nested records, a missing one is null, polymorphic ones know their object."""
    fields = "Subject, Who.Name, What.Name, What.Type, Owner.Manager.Name"
    [task] = rows(organisation, f"SELECT {fields} FROM Task WHERE WhatId != null LIMIT 1")
    assert task["What"]["attributes"]["type"] == task["What"]["Type"] == "Account"
    assert task["Who"]["attributes"]["type"] == "Contact"
    assert task["Owner"]["Manager"]["Name"] == "Olivia Hart"
    [task] = rows(organisation, "SELECT What.Name, Account.Owner.Name FROM Task WHERE WhatId = null LIMIT 1")
    assert task["What"] is None
    [case] = rows(organisation, "SELECT c.Account.Name, c.Contact.Account.Name FROM Case c LIMIT 1")
    assert case["Account"]["Name"] == case["Contact"]["Account"]["Name"]


def test_children_are_query_results(organisation: Organisation):
    """A child sub-query is a result of its own in each record, or null when it is empty."""
    soql = (
        "SELECT Name, (SELECT LastName FROM Contacts ORDER BY LastName), (SELECT Id FROM Cases) FROM Account"
    )
    accounts = rows(organisation, soql)
    assert {account["Contacts"]["totalSize"] for account in accounts} == {2}
    assert any(account["Cases"] is None for account in accounts)
    names = [contact["LastName"] for contact in accounts[0]["Contacts"]["records"]]
    assert names == sorted(names)


def test_aggregates_group_and_order(organisation: Organisation):
    """Groups add up to the whole; unnamed columns are expr0, expr1, …"""
    soql = (
        "SELECT StageName, COUNT(Id), SUM(Amount) total, MAX(CloseDate) FROM Opportunity "
        "GROUP BY StageName HAVING COUNT(Id) > 2 ORDER BY SUM(Amount) DESC NULLS LAST"
    )
    groups = rows(organisation, soql)
    assert list(groups[0]) == ["attributes", "StageName", "expr0", "total", "expr1"]
    assert groups[0]["attributes"] == {"type": "AggregateResult"}
    totals = [group["total"] for group in groups]
    assert totals == sorted(totals, reverse=True)
    [whole] = rows(
        organisation, "SELECT COUNT(Id) n, COUNT_DISTINCT(StageName) d, AVG(Amount) FROM Opportunity"
    )
    by_stage = rows(organisation, "SELECT StageName, COUNT(Id) n FROM Opportunity GROUP BY StageName")
    assert whole["n"] == sum(group["n"] for group in by_stage) == 201
    assert whole["d"] == len(by_stage)
    page = organisation.query("SELECT COUNT() FROM Opportunity", "59.0")
    assert (page.total, page.records) == (201, [])
    by_year = rows(
        organisation, "SELECT CALENDAR_YEAR(CloseDate) y FROM Opportunity GROUP BY CALENDAR_YEAR(CloseDate)"
    )
    assert [group["y"] for group in by_year] == [2025, 2026, 2027]


def test_order_limit_and_offset(organisation: Organisation):
    """Nulls stand where the query puts them, and offset continues where limit ended."""
    soql = "SELECT CampaignId FROM Opportunity ORDER BY CampaignId {} LIMIT 1"
    assert rows(organisation, soql.format("ASC"))[0]["CampaignId"] is None
    assert rows(organisation, soql.format("DESC NULLS LAST"))[0]["CampaignId"] is not None
    names = [row["Name"] for row in rows(organisation, "SELECT Name FROM Account ORDER BY Name LIMIT 6")]
    tail = [
        row["Name"] for row in rows(organisation, "SELECT Name FROM Account ORDER BY Name LIMIT 3 OFFSET 3")
    ]
    assert names[3:] == tail


def test_multi_select_picklists(organisation: Organisation):
    """INCLUDES wants one of its values, or all that a semicolon joins; EXCLUDES the opposite."""
    everything = ids(organisation, "Id != null", "Renewal__c")
    both = ids(organisation, "Modules__c INCLUDES ('Analytics;Mobile')", "Renewal__c")
    either = ids(organisation, "Modules__c INCLUDES ('Analytics', 'Mobile')", "Renewal__c")
    none = ids(organisation, "Modules__c EXCLUDES ('Analytics', 'Mobile')", "Renewal__c")
    assert both < either
    assert either | none == everything
    assert not either & none


def test_like_knows_escapes(organisation: Organisation):
    """`%` and `_` are wildcards unless escaped, and a backslash can be searched."""
    with organisation.transaction() as records:
        entry = organisation.object("Account")
        for name in ("50% off", "50 off", "a_b", "axb", "back\\slash"):
            records.create(entry, {"Name": name})
    for pattern, found in [
        (r"50\% off", {"50% off"}),
        ("50% off", {"50% off", "50 off"}),
        (r"a\_b", {"a_b"}),
        ("a_b", {"a_b", "axb"}),
        (r"%\\slash", {"back\\slash"}),
    ]:
        soql = f"SELECT Name FROM Account WHERE Name LIKE '{pattern}'"
        assert {row["Name"] for row in rows(organisation, soql)} == found, pattern


@given(text=st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=60))
def test_quoted_text_stays_a_literal(seeded_organisation: Organisation, text: str):
    """Whatever a text holds, quoted it compares as itself and ends nothing."""
    soql = f"SELECT COUNT() FROM Account WHERE Name = {quote(text)} OR Site = 'x'"
    assert seeded_organisation.query(soql, "59.0").total == 0


@pytest.mark.parametrize(
    ("soql", "code", "words"),
    [
        ("", "MALFORMED_QUERY", "unexpected token: <EOF>"),
        ("SELECT", "MALFORMED_QUERY", "unexpected token: <EOF>"),
        ("SELECT Id FROMAccount", "MALFORMED_QUERY", "unexpected token"),
        ("SELECT Id FROM Account WHERE", "MALFORMED_QUERY", "<EOF>"),
        ("SELECT Id FROM Account WHERE Name = 'a' AND Id = null OR Id = null", "MALFORMED_QUERY", "'OR'"),
        ("SELECT Id FROM Account LIMIT x", "MALFORMED_QUERY", "'x'"),
        ("SELECT Id FROM Account; DROP TABLE Account", "MALFORMED_QUERY", "';'"),
        ("SELECT Id FROM Account WHERE Name = 'open", "MALFORMED_QUERY", "unexpected token"),
        ("SELECT Name alias FROM Account", "MALFORMED_QUERY", "aliasing"),
        ("SELECT Name, COUNT(Id) FROM Account", "MALFORMED_QUERY", "grouped or aggregated: Name"),
        ("SELECT Id FROM Account WHERE COUNT(Id) > 1", "MALFORMED_QUERY", "Aggregate"),
        ("SELECT COUNT(Id) FROM Account GROUP BY Description", "MALFORMED_QUERY", "can not be grouped"),
        ("SELECT Id FROM Account ORDER BY Description", "MALFORMED_QUERY", "can not be sorted"),
        ("SELECT SUM(Name) FROM Account", "MALFORMED_QUERY", "SUM"),
        (
            "SELECT Id FROM Account WHERE NAME = 'a' AND CreatedDate = 2026-02-30T00:00:00Z",
            "MALFORMED_QUERY",
            "date",
        ),
        ("SELECT Id FROM Nope", "INVALID_TYPE", "sObject type 'Nope' is not supported"),
        ("SELECT Nope FROM Account", "INVALID_FIELD", "No such column 'Nope' on entity 'Account'"),
        ("SELECT Nope.Name FROM Account", "INVALID_FIELD", "Didn't understand relationship 'Nope'"),
        ("SELECT Id FROM Account WHERE Description = 'x'", "INVALID_FIELD", "can not be filtered"),
        ("SELECT Id FROM Account WHERE NumberOfEmployees = '5'", "INVALID_FIELD", "must be of type int"),
        ("SELECT Id FROM Account WHERE Name = 5", "INVALID_FIELD", "should be enclosed in quotes"),
        (
            "SELECT Id FROM Opportunity WHERE CloseDate = '2026-01-01'",
            "INVALID_FIELD",
            "must be of type date",
        ),
        ("SELECT Id FROM Case WHERE CreatedDate = 2026-01-01", "INVALID_FIELD", "must be of type dateTime"),
        ("SELECT Id FROM Account WHERE Name INCLUDES ('x')", "INVALID_FIELD", "invalid operator"),
        ("SELECT Id FROM Case WHERE IsClosed > true", "INVALID_FIELD", "invalid operator"),
        (
            "SELECT Id FROM Account WHERE Id = 'nope'",
            "INVALID_QUERY_FILTER_OPERATOR",
            "invalid ID field: nope",
        ),
        ("SELECT Id FROM Account OFFSET 2001", "NUMBER_OUTSIDE_VALID_RANGE", "2000"),
        ("SELECT Id FROM Account WITH DATA CATEGORY x", "MALFORMED_QUERY", "does not execute"),
        (
            "SELECT TYPEOF What WHEN Account THEN Id END FROM Task",
            "MALFORMED_QUERY",
            "does not execute TYPEOF",
        ),
        ("SELECT Id FROM Account WHERE " + "(" * 50 + "Id = null" + ")" * 50, "MALFORMED_QUERY", "deeply"),
    ],
)
def test_bad_queries_have_salesforces_errors(organisation: Organisation, soql: str, code: str, words: str):
    """Each mistake has Salesforce's code, and its sentence where there is one."""
    with pytest.raises(Fault) as caught:
        organisation.query(soql, "59.0")
    assert (caught.value.status, caught.value.error_code) == (400, code)
    assert words in caught.value.message


def test_errors_point_at_their_place(organisation: Organisation):
    """A message has the row and column of the mistake."""
    with pytest.raises(Fault) as caught:
        organisation.query("SELECT Id,\n  Nope FROM Account", "59.0")
    assert "ERROR at Row:2:Column:3" in caught.value.message
    assert NOW.date() == TODAY
