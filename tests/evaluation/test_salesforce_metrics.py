"""`eval salesforce` takes calls for equal exactly when they do the same."""

from __future__ import annotations

from typing import Any

import pytest
from calls import called, refused

from narrowgauge.contracts.closed_sets import closed_sets_of
from narrowgauge.errors import InvalidRequest
from narrowgauge.evaluation.kinds.salesforce import SalesforceKind, gold_call, judge_call
from narrowgauge.evaluation.report import Report
from narrowgauge.evaluation.salesforce_calls import gold_request
from narrowgauge.evaluation.salesforce_catalogue import with_describes
from narrowgauge.v1.catalogue_pb2 import Catalogue

TODAY = "2026-03-02"


def record(operation: str, object_name: str, **parts: Any) -> dict[str, Any]:
    """A record."""
    return {
        "id": "r", "request": "…", "today": TODAY, "operation": operation, "object": object_name, **parts
    }  # fmt: skip


def query(where: list[Any], **parts: Any) -> dict[str, Any]:
    """A query of opportunities."""
    return record("query", "Opportunity", **{"select": ["Name"], "where": where, **parts})


SAME = {
    "long and short ids": (
        record("get", "Case", record_id="500Ng000000000A", fields=["Subject", "Status"]),
        record("get", "Case", record_id="500Ng000000000AAAQ", fields=["Status", "Subject"]),
    ),
    "ids in values": (
        record("create", "Contact", fields={"AccountId": "001Ng000000000B", "LastName": "Falk"}),
        record("create", "Contact", fields={"LastName": "Falk", "AccountId": "001Ng000000000BAAQ"}),
    ),
    "won": (query([["IsWon", "=", True]]), query([["StageName", "=", "Closed Won"]])),
    "open": (
        query([["IsClosed", "=", False]]),
        query([["StageName", "NOT IN", ["Closed Lost", "Closed Won"]]]),
    ),
    "a quarter": (
        query([["CloseDate", "=", "THIS_QUARTER"]]),
        query([["CloseDate", ">=", "2026-01-01"], ["CloseDate", "<=", "2026-03-31"]]),
    ),
    "last days": (
        query([["CreatedDate", "=", "LAST_N_DAYS:7"]]),
        query([["CreatedDate", ">=", "2026-02-23"], ["CreatedDate", "<=", "TODAY"]]),
    ),
    "before a day and up to the day before": (
        query([["CloseDate", "<", "2026-05-01"]]),
        query([["CloseDate", "<=", "2026-04-30"]]),
    ),
    "order of conditions and columns": (
        query([["Amount", ">", 5], ["Type", "=", "New Customer"]], select=["Name", "Amount"]),
        query([["Type", "=", "New Customer"], ["Amount", ">", 5]], select=["Amount", "Name"]),
    ),
    "either value": (
        query([{"or": [["Type", "=", "New Customer"], ["Type", "=", "Upgrade"]]}]),
        query([["Type", "IN", ["Upgrade", "New Customer"]]]),
    ),
    "a negated condition": (
        query([{"not": [["Amount", ">", 5]]}]),
        query([["Amount", "<=", 5]]),
    ),
    "a pattern without wildcards": (query([["Name", "LIKE", "Acme"]]), query([["Name", "=", "acme"]])),
    "an event's end and its minutes": (
        record(
            "create",
            "Event",
            fields={"Subject": "Call", "StartDateTime": "2026-03-10T14:00:00Z", "DurationInMinutes": 90},
        ),
        record(
            "create",
            "Event",
            fields={
                "Subject": "Call",
                "ActivityDateTime": "2026-03-10T14:00:00Z",
                "EndDateTime": "2026-03-10T15:30:00Z",
            },
        ),
    ),
    "count": (query([], select=["COUNT()"]), query([], select=["COUNT(Id)"])),
}

DIFFERENT = {
    "another record": (
        record("delete", "Lead", record_id="00QNg000000000E"),
        record("delete", "Lead", record_id="00QNg000000000e"),
    ),
    "another value": (
        record("update", "Case", record_id="500Ng000000000A", fields={"Status": "Closed"}),
        record("update", "Case", record_id="500Ng000000000A", fields={"Status": "New"}),
    ),
    "clearing and an empty word": (
        record("update", "Account", record_id="001Ng000000000A", fields={"Fax": None}),
        record("update", "Account", record_id="001Ng000000000A", fields={"Fax": "null"}),
    ),
    "a field too many": (
        record("create", "Lead", fields={"LastName": "Amos", "Company": "Tallgrass"}),
        record("create", "Lead", fields={"LastName": "Amos", "Company": "Tallgrass", "Rating": "Hot"}),
    ),
    "lost instead of closed": (query([["IsClosed", "=", True]]), query([["StageName", "=", "Closed Lost"]])),
    "a day more": (
        query([["CloseDate", "=", "THIS_MONTH"]]),
        query([["CloseDate", ">=", "2026-03-01"], ["CloseDate", "<=", "2026-04-01"]]),
    ),
    "and for or": (
        query([{"or": [["Amount", ">", 5], ["Type", "=", "Upgrade"]]}]),
        query([["Amount", ">", 5], ["Type", "=", "Upgrade"]]),
    ),
    "another order": (
        query([], order_by=[["Amount", "DESC"], ["Name", "ASC"]]),
        query([], order_by=[["Name", "ASC"], ["Amount", "DESC"]]),
    ),
    "another limit": (query([], limit=5), query([], limit=6)),
    "a group key too few": (
        query([], select=["StageName", "COUNT(Id)"], group_by=["StageName", "Type"]),
        query([], select=["StageName", "COUNT(Id)"], group_by=["StageName"]),
    ),
    "a whole record and one field": (
        record("get", "Case", record_id="500Ng000000000A", fields=[]),
        record("get", "Case", record_id="500Ng000000000A", fields=["Status"]),
    ),
}


@pytest.mark.parametrize("name", SAME)
def test_calls_that_do_the_same_are_exact(name: str) -> None:
    """Each pair does the same in the organisation, whichever of them is gold."""
    for gold, given in (SAME[name], SAME[name][::-1]):
        verdict = judge_call(called(*gold_request(given)), gold_call(gold))
        assert verdict.exact, verdict.why
        assert verdict.items[0] == verdict.items[1] == verdict.items[2]


@pytest.mark.parametrize("name", DIFFERENT)
def test_calls_that_differ_are_not_exact(name: str) -> None:
    """Each pair differs in what it does, so that neither is right for the other."""
    for gold, given in (DIFFERENT[name], DIFFERENT[name][::-1]):
        verdict = judge_call(called(*gold_request(given)), gold_call(gold))
        assert not verdict.exact
        assert verdict.operation
        assert verdict.object


def test_parts_are_counted_for_the_f1() -> None:
    """Of three gold fields two are right and one value is wrong: two right, three given, three gold."""
    gold = record("create", "Case", fields={"Subject": "Late", "Priority": "High", "Origin": "Email"})
    given = record("create", "Case", fields={"Subject": "Late", "Priority": "Low", "Origin": "Email"})
    assert judge_call(called(*gold_request(given)), gold_call(gold)).items == (2, 3, 3)
    other = record("delete", "Lead", record_id="00QNg000000000E")
    verdict = judge_call(called(*gold_request(other)), gold_call(gold))
    assert (verdict.operation, verdict.object, verdict.items) == (False, False, (0, 0, 3))
    assert judge_call(refused(), gold_call(gold)).items == (0, 0, 3)


def test_rates_count_records() -> None:
    """Three records: one right, one with a wrong object, one refused."""
    records = [
        {**record("delete", "Lead", record_id="00QNg000000000E"), "id": str(number)} for number in range(3)
    ]
    kind = SalesforceKind(records, Catalogue())
    right = called(*gold_request(records[0]))
    wrong = called(*gold_request(record("delete", "Case", record_id="00QNg000000000E")))
    report = Report("salesforce", 3)
    kind.score([(right,), (wrong,), (refused(),)], report)
    assert report.metrics["valid"] == 1
    assert report.metrics["exact"] == pytest.approx(1 / 3)
    assert report.metrics["operation_accuracy"] == pytest.approx(2 / 3)
    assert report.metrics["object_accuracy"] == pytest.approx(1 / 3)
    assert [failure.id for failure in report.failures] == ["1", "2"]


def test_a_record_brings_its_own_objects_and_fields() -> None:
    """`catalog` adds objects and fields, and their names stand in the closed sets that calls draw from."""
    catalogue = Catalogue()
    account = catalogue.entities.add(name="Account")
    account.fields.add(name="Id", type="id", key=True, read_only=True)
    catalogue.closed_sets.add(name="field_paths", values=["Id"])
    catalog = {
        "Account": {"fields": [{"name": "Tier__c", "type": "picklist", "picklistValues": [{"value": "A"}]}]},
        "Visit__c": {
            "fields": [
                {"name": "Code__c", "externalId": True},
                {"name": "Account__c", "referenceTo": ["Account"], "relationshipName": "Account__r"},
                {"name": "Score__c", "type": "double", "createable": False, "updateable": False},
            ]
        },
    }
    extended = with_describes(catalogue, catalog)
    sets = closed_sets_of(extended)
    assert sets["entities"] == ("Account", "Visit__c")
    assert sets["values:Account.Tier__c"] == ("A",)
    assert sets["writable:Visit__c"] == ("Code__c", "Account__c")
    assert sets["external_id_fields"] == ("Code__c",)
    assert "Account__r.Tier__c" in sets["field_paths"]
    assert extended.hash != with_describes(catalogue, [{"name": "Other__c"}]).hash
    assert len(catalogue.entities) == 1


def test_a_malformed_record_is_named() -> None:
    """A record without an operation is an error of the data, not of the specialist."""
    with pytest.raises(InvalidRequest, match="record x"):
        gold_call({"id": "x", "request": "…", "object": "Lead"})
