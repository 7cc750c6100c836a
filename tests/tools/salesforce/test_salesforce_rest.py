"""The local server answers in Salesforce's shapes."""

from __future__ import annotations

import logging
import sqlite3
from pathlib import Path
from typing import Any

import pytest
import requests
from salesforce_harness import TOKEN, Rest, RestServer
from simple_salesforce import Salesforce

from narrowgauge.demo.organisation import build_organisation
from narrowgauge.demo.record_ids import long_id, record_id
from narrowgauge.errors import DataLoss, FailedPrecondition
from tool_svc.salesforce.local_server.organisation import Organisation


def new(rest: Rest, name: str, **values: Any) -> str:
    answer = rest.call("POST", f"sobjects/{name}", json=values)
    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert body["success"] is True
    assert body["errors"] == []
    return str(body["id"])


def test_ids_have_salesforce_checksums():
    """The 18-character form of an id is Salesforce's: upper-case places in three base-32 characters."""
    assert long_id("aaaaaAAAAA0000Z") == "aaaaaAAAAA0000ZA5Q"
    assert long_id(record_id("500", 63)) == record_id("500", 63)
    with pytest.raises(ValueError, match="malformed"):
        long_id("0015g00000XyZabZZZ")


def test_a_session_is_needed(rest: Rest):
    """Without the token every resource answers 401 INVALID_SESSION_ID, except the list of versions."""
    rest.session.headers["Authorization"] = "Bearer wrong"
    for path in ("sobjects", "query?q=SELECT+Id+FROM+Account", "sobjects/Account/describe", ""):
        status, entry = rest.fault("GET", path)
        assert (status, entry["errorCode"]) == (401, "INVALID_SESSION_ID")
    assert rest.call("GET", "/services/data/").status_code == 200


def test_unknown_resources_and_methods(rest: Rest):
    """What does not exist is 404 NOT_FOUND, a wrong method 405 METHOD_NOT_ALLOWED, in Salesforce's shape."""
    for path in ("sobjects/Nope", "nope", "/services/data/v1.0/sobjects", "/elsewhere"):
        status, entry = rest.fault("GET", path)
        assert (status, entry["errorCode"]) == (404, "NOT_FOUND")
    status, entry = rest.fault("PUT", "sobjects/Account")
    assert (status, entry["errorCode"]) == (405, "METHOD_NOT_ALLOWED")


def test_describes_can_be_revalidated(rest: Rest):
    """A describe names fields, picklists and references, and answers 304 to a current copy."""
    answer = rest.call("GET", "sobjects/Case/describe")
    fields = {field["name"]: field for field in answer.json()["fields"]}
    assert [value["value"] for value in fields["Priority"]["picklistValues"]] == ["High", "Medium", "Low"]
    assert fields["AccountId"]["referenceTo"] == ["Account"]
    assert fields["AccountId"]["relationshipName"] == "Account"
    assert not fields["IsClosed"]["createable"]
    again = rest.call("GET", "sobjects/Case/describe", headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    since = {"If-Modified-Since": answer.headers["Last-Modified"]}
    assert rest.call("GET", "sobjects/Case/describe", headers=since).status_code == 304
    listed = rest.call("GET", "sobjects").json()["sobjects"]
    assert {"Account", "Case", "Renewal__c"} <= {entry["name"] for entry in listed}


def test_a_record_lives_and_dies(rest: Rest):
    """Create, read, change, delete: with number, owner, audit fields, and the row kept but marked."""
    key = new(rest, "Case", Subject="Late", Priority="High", Account={"Customer_Number__c": "C-1001"})
    assert len(key) == 18
    read = rest.call("GET", f"sobjects/Case/{key[:15]}").json()
    assert read["attributes"] == {"type": "Case", "url": f"/services/data/v59.0/sobjects/Case/{key}"}
    assert (read["CaseNumber"], read["Status"], read["IsClosed"]) == ("00001181", "New", False)
    assert read["CreatedDate"] == "2026-11-20T12:00:00.000+0000"
    assert read["OwnerId"].startswith("005")
    assert rest.call("PATCH", f"sobjects/Case/{key}", json={"Status": "Closed"}).status_code == 204
    fields = {"fields": "IsClosed,ClosedDate,Account.Name"}
    closed = rest.call("GET", f"sobjects/Case/{key}", params=fields).json()
    assert (closed["IsClosed"], closed["ClosedDate"]) == (True, "2026-11-20T12:00:00.000+0000")
    assert closed["Account"]["Name"] == "Acme Industrial Supply"
    assert rest.call("DELETE", f"sobjects/Case/{key}").status_code == 204
    status, entry = rest.fault("GET", f"sobjects/Case/{key}")
    assert (status, entry["errorCode"], entry["message"]) == (404, "ENTITY_IS_DELETED", "entity is deleted")
    assert rest.query(f"SELECT Id FROM Case WHERE Id = '{key}'")["totalSize"] == 0
    everything = rest.call("GET", "queryAll", params={"q": f"SELECT Id FROM Case WHERE Id = '{key}'"})
    assert everything.json()["totalSize"] == 1


def test_upsert_by_external_id(rest: Rest):
    """PATCH by external id creates with 201 and changes with 200, also when the id needs escaping."""
    path = "sobjects/Account/Customer_Number__c/C-9%2F1%20x"
    first = rest.call("PATCH", path, json={"Name": "Slash"})
    second = rest.call("PATCH", path, json={"Name": "Slashed"})
    assert (first.status_code, first.json()["created"]) == (201, True)
    assert (second.status_code, second.json()["created"]) == (200, False)
    assert first.json()["id"] == second.json()["id"]
    assert rest.call("GET", path).json()["Name"] == "Slashed"
    status, entry = rest.fault("PATCH", "sobjects/Account/Name/x", json={"Site": "y"})
    assert (status, entry["errorCode"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("name", "values", "code", "fields"),
    [
        ("Contact", {"FirstName": "Ana"}, "REQUIRED_FIELD_MISSING", ["LastName"]),
        ("Opportunity", {"Name": "x"}, "REQUIRED_FIELD_MISSING", ["StageName", "CloseDate"]),
        ("Case", {"Priority": "Urgent"}, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", ["Priority"]),
        ("Account", {"Name": "x" * 256}, "STRING_TOO_LONG", ["Name"]),
        ("Contact", {"LastName": "x", "Email": "nobody"}, "INVALID_EMAIL_ADDRESS", ["Email"]),
        ("Case", {"Nope": 1}, "INVALID_FIELD", None),
        ("Case", {"IsClosed": True}, "INVALID_FIELD_FOR_INSERT_UPDATE", ["IsClosed"]),
        ("Case", {"AccountId": "003Ng0000000001IAA"}, "MALFORMED_ID", ["AccountId"]),
        ("Case", {"AccountId": "001Ng0000zzzzzz"}, "INVALID_CROSS_REFERENCE_KEY", ["AccountId"]),
        ("Case", {"Account": {"Customer_Number__c": "none"}}, "INVALID_FIELD", None),
        ("Account", {"Name": "x", "NumberOfEmployees": "many"}, "JSON_PARSER_ERROR", ["NumberOfEmployees"]),
        ("Account", {"Name": "x", "NumberOfEmployees": 1.5}, "JSON_PARSER_ERROR", ["NumberOfEmployees"]),
        ("Account", {"Name": "x", "AnnualRevenue": 1e20}, "NUMBER_OUTSIDE_VALID_RANGE", ["AnnualRevenue"]),
        ("Case", {"IsEscalated": "perhaps"}, "JSON_PARSER_ERROR", ["IsEscalated"]),
        ("Campaign", {"Name": "x", "StartDate": "2026-02-30"}, "JSON_PARSER_ERROR", ["StartDate"]),
        ("Account", {"Name": "x", "Customer_Number__c": "C-1001"}, "DUPLICATE_VALUE", []),
        ("Event", {"Subject": "Call"}, "FIELD_INTEGRITY_EXCEPTION", ["StartDateTime"]),
        ("User", {"LastName": "x"}, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", []),
    ],
)
def test_creation_is_refused_as_salesforce_does(
    rest: Rest, name: str, values: dict[str, Any], code: str, fields: list[str] | None
):
    """Each kind of bad value has Salesforce's error code and fields, and nothing is stored."""
    before = rest.query(f"SELECT COUNT() FROM {name}")["totalSize"]
    status, entry = rest.fault("POST", f"sobjects/{name}", json=values)
    assert (status, entry["errorCode"], entry.get("fields")) == (400, code, fields)
    assert entry["message"]
    assert rest.query(f"SELECT COUNT() FROM {name}")["totalSize"] == before


def test_changes_are_refused_as_salesforce_does(rest: Rest):
    """Malformed ids, ids of other objects, cleared required fields and bad JSON have their own codes."""
    key = new(rest, "Account", Name="x")
    cases = [
        ("PATCH", "sobjects/Account/short", "{}", 400, "MALFORMED_ID"),
        ("PATCH", "sobjects/Account/003Ng0000000001IAA", "{}", 400, "MALFORMED_ID"),
        ("GET", "sobjects/Account/short", "", 404, "NOT_FOUND"),
        ("GET", "sobjects/Account/001Ng0000zzzzzz", "", 404, "NOT_FOUND"),
        ("PATCH", f"sobjects/Account/{key}", '{"Name": null}', 400, "REQUIRED_FIELD_MISSING"),
        ("PATCH", f"sobjects/Account/{key}", '{"Name": ""}', 400, "REQUIRED_FIELD_MISSING"),
        ("PATCH", f"sobjects/Account/{key}", "{", 400, "JSON_PARSER_ERROR"),
        ("PATCH", f"sobjects/Account/{key}", "[]", 400, "JSON_PARSER_ERROR"),
        ("GET", f"sobjects/Account/{key}?fields=Name,Id%20FROM%20User", "", 400, "INVALID_FIELD"),
        ("DELETE", "sobjects/Account/001Ng000000001nIAA", "", 400, "DELETE_FAILED"),
    ]
    for method, path, body, status, code in cases:
        found, entry = rest.fault(method, path, data=body)
        assert (found, entry["errorCode"]) == (status, code), path


def test_derived_fields_follow_what_they_derive_from(rest: Rest):
    """Stages, statuses, names and times of events set the fields that depend on them."""
    deal = new(rest, "Opportunity", Name="d", StageName="Closed Won", CloseDate="2026-05-01", Amount=200)
    read = rest.call("GET", f"sobjects/Opportunity/{deal}").json()
    assert (read["IsClosed"], read["IsWon"], read["Probability"]) == (True, True, 100.0)
    assert (read["ExpectedRevenue"], read["FiscalYear"], read["FiscalQuarter"]) == (200.0, 2026, 2)
    task = new(rest, "Task", Status="Completed", Priority="High", WhatId="001Ng0000000001IAA")
    read = rest.call("GET", f"sobjects/Task/{task}").json()
    assert (read["IsClosed"], read["IsHighPriority"], read["AccountId"]) == (True, True, "001Ng0000000001IAA")
    start = {"StartDateTime": "2026-12-01T10:00:00+02:00", "EndDateTime": "2026-12-01T08:30:00Z"}
    event = new(rest, "Event", Subject="Call", **start)
    read = rest.call("GET", f"sobjects/Event/{event}").json()
    assert (read["DurationInMinutes"], read["ActivityDateTime"]) == (30, "2026-12-01T08:00:00.000+0000")
    person = new(rest, "Contact", FirstName="Ana", LastName="Ruiz")
    assert rest.call("GET", f"sobjects/Contact/{person}").json()["Name"] == "Ana Ruiz"


def test_pages_cover_all_records_once(rest: Rest):
    """A query longer than a page names the next one, until all records came once."""
    page = rest.query("SELECT Id FROM Contact")
    assert (page["totalSize"], page["done"], len(page["records"])) == (244, False, 50)
    seen = [record["Id"] for record in page["records"]]
    while not page["done"]:
        page = rest.call("GET", page["nextRecordsUrl"]).json()
        seen += [record["Id"] for record in page["records"]]
    assert len(seen) == len(set(seen)) == 244
    status, entry = rest.fault("GET", "query/01gnope-50")
    assert (status, entry["errorCode"]) == (400, "INVALID_QUERY_LOCATOR")


def test_simple_salesforce_signs_in(rest_server: RestServer):
    """simple-salesforce's own SOAP login opens a session, and a wrong password does not."""

    class Session(requests.Session):
        def request(self, method: Any, url: Any, *args: Any, **options: Any) -> requests.Response:
            return super().request(method, f"{rest_server.url}/{url.split('/', 3)[3]}", *args, **options)

    with Session() as session:
        options = {"username": "ana@example.com", "security_token": "XYZ", "session": session}
        client = Salesforce(password="secret", **options)
        assert client.query("SELECT COUNT() FROM Account")["totalSize"] == 122
        with pytest.raises(Exception, match="INVALID_LOGIN"):
            Salesforce(password="other", **options)


def test_the_token_is_not_logged(rest: Rest, caplog: pytest.LogCaptureFixture):
    """Not even with debug logging does a line hold the token."""
    with caplog.at_level(logging.DEBUG):
        rest.query("SELECT Id FROM Account LIMIT 1")
        rest.fault("POST", "sobjects/Case", json={"Priority": "Urgent"})
    assert TOKEN not in caplog.text


def test_the_seed_decides_every_row(tmp_path: Path):
    """Two organisations of one seed are equal row by row, and another seed gives another one."""
    dumps = []
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        build_organisation(tmp_path / name, seed)
        with sqlite3.connect(tmp_path / name) as connection:
            dumps.append("\n".join(connection.iterdump()))
        connection.close()
    assert dumps[0] == dumps[1] != dumps[2]


def test_files_that_are_no_organisation(tmp_path: Path):
    """A missing file and one that is no database are told apart, and say what to do."""
    with pytest.raises(FailedPrecondition, match="build_organisation"):
        Organisation(tmp_path / "missing.db", TOKEN)
    (tmp_path / "text.db").write_text("no database at all, but long enough to have a header" * 4)
    with pytest.raises(DataLoss, match="not an organisation"):
        Organisation(tmp_path / "text.db", TOKEN)
