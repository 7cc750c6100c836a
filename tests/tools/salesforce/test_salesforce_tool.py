"""The tool on a healthy organisation: queries, records, errors, the catalogue."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from salesforce_harness import TOKEN, Rest, RestServer, ServeTool, Tool

from narrowgauge.contracts.closed_sets import catalogue_hash, closed_sets_of
from narrowgauge.errors import (
    AlreadyExists,
    FailedPrecondition,
    InvalidRequest,
    NotAllowed,
    NotFound,
    Unavailable,
)
from narrowgauge.v1 import catalogue_pb2
from tool_svc.salesforce.local_server.organisation import Organisation


def compare(field: str, operator: str, **value: Any) -> dict[str, Any]:
    return {"compare": {"field": field, "operator": f"OPERATOR_{operator}", **value}}


def query(name: str, *select: str, **parts: Any) -> dict[str, Any]:
    return {"object": name, "select": [{"field": field} for field in select], **parts}


async def soql_of(tool: Tool, request: dict[str, Any]) -> str:
    response = await tool.call("Query", request)
    return str(response.soql)


async def test_a_query_returns_typed_columns(tool: Tool):
    """Rows have ids, columns in the order asked for, and the JSON types that Salesforce gives."""
    request = query("opportunity", "name", "Amount", "IsWon", "Account.Owner.Name", "campaignid")
    request["where"] = [compare("IsWon", "EQUAL", boolean=True), compare("CampaignId", "EQUAL", empty=True)]
    request["order_by"] = [{"field": "Amount", "descending": True, "nulls": "NULLS_LAST"}]
    response = await tool.call("Query", request | {"limit": 3})
    assert response.soql == (
        "SELECT Name, Amount, IsWon, Account.Owner.Name, CampaignId FROM Opportunity "
        "WHERE IsWon = true AND CampaignId = null ORDER BY Amount DESC NULLS LAST LIMIT 3"
    )
    assert list(response.columns) == ["Name", "Amount", "IsWon", "Account.Owner.Name", "CampaignId"]
    assert (response.total_size, response.truncated, len(response.records)) == (3, False, 3)
    first = MessageToDict(response.records[0])
    assert first["id"].startswith("006")
    assert isinstance(first["fields"]["Amount"], float)
    assert first["fields"]["IsWon"] is True
    assert first["fields"]["CampaignId"] is None
    assert "Account.Owner.Name" in first["fields"]


async def test_conditions_become_soql(tool: Tool):
    """Every kind of condition is rendered, with parentheses where SOQL wants them."""
    any_of = {
        "conditions": [
            compare("Priority", "EQUAL", text="High"),
            compare("IsEscalated", "EQUAL", boolean=True),
        ]
    }
    none_of = {"conditions": [{"like": {"field": "Subject", "pattern": "%late%"}}]}
    request = query("Case", "Id")
    request["where"] = [
        {"any_of": any_of},
        {"none_of": none_of},
        {
            "all_of": {
                "conditions": [
                    {"any_of": any_of},
                    {"among": {"field": "Status", "values": ["New", "Working"]}},
                ]
            }
        },
        {"among": {"field": "Origin", "values": ["Web"], "negated": True}},
        compare("CreatedDate", "GREATER_OR_EQUAL", date="LAST_N_DAYS:30"),
        compare("CreatedDate", "EQUAL", date="2026-11-18"),
        compare("CreatedDate", "LESS_OR_EQUAL", date="2026-11-18"),
    ]
    assert (await soql_of(tool, request)).removeprefix("SELECT Id FROM Case WHERE ") == (
        "(Priority = 'High' OR IsEscalated = true) AND (NOT (Subject LIKE '%late%')) AND "
        "((Priority = 'High' OR IsEscalated = true) AND Status IN ('New', 'Working')) AND "
        "Origin NOT IN ('Web') AND CreatedDate >= LAST_N_DAYS:30 AND "
        "(CreatedDate >= 2026-11-18T00:00:00Z AND CreatedDate < 2026-11-19T00:00:00Z) AND "
        "CreatedDate < 2026-11-19T00:00:00Z"
    )
    request = query("Renewal__c", "Name")
    request["where"] = [{"includes": {"field": "Modules__c", "values": ["Analytics;Mobile", "Training"]}}]
    assert (await soql_of(tool, request)).endswith(
        "WHERE Modules__c INCLUDES ('Analytics;Mobile', 'Training')"
    )
    request = query("Opportunity", "Id", where=[compare("Amount", "GREATER", number=1e21)])
    assert (await soql_of(tool, request)).endswith("Amount > 1000000000000000000000")
    request["where"] = [
        compare("Amount", "LESS", number=0.000001),
        compare("CloseDate", "LESS", text="2026-01-01"),
    ]
    assert (await soql_of(tool, request)).endswith("Amount < 0.000001 AND CloseDate < 2026-01-01")
    request["where"] = [{"among": {"field": "Probability", "values": ["10", "20.5"]}}]
    assert (await soql_of(tool, request)).endswith("Probability IN (10, 20.5)")


async def test_groups_keep_their_names(tool: Tool):
    """Aggregates are found under the name asked for, also where two columns end in the same word."""
    request: dict[str, Any] = {
        "object": "Opportunity",
        "select": [
            {"field": "Account.Name"},
            {"field": "Owner.Name"},
            {"field": "Id", "function": "FUNCTION_COUNT"},
            {"field": "Amount", "function": "FUNCTION_SUM"},
            {"field": "Amount", "function": "FUNCTION_SUM"},
        ],
        "group_by": [{"field": "Account.Name"}, {"field": "Owner.Name"}],
        "having": [
            {"field": "Id", "function": "FUNCTION_COUNT", "operator": "OPERATOR_GREATER", "number": 2}
        ],
        "order_by": [{"field": "Amount", "function": "FUNCTION_SUM", "descending": True}],
        "limit": 2,
    }
    response = await tool.call("Query", request)
    assert response.soql == (
        "SELECT Account.Name, Owner.Name column1, COUNT(Id), SUM(Amount) FROM Opportunity "
        "GROUP BY Account.Name, Owner.Name HAVING COUNT(Id) > 2 ORDER BY SUM(Amount) DESC LIMIT 2"
    )
    assert list(response.columns) == ["Account.Name", "Owner.Name", "COUNT(Id)", "SUM(Amount)"]
    row = response.records[0]
    assert row.id == ""
    assert row.fields["COUNT(Id)"] == 3
    assert row.fields["Owner.Name"] != row.fields["Account.Name"]
    by_month = {
        "object": "Case",
        "select": [
            {"field": "CreatedDate", "function": "FUNCTION_CALENDAR_MONTH"},
            {"field": "Id", "function": "FUNCTION_COUNT"},
        ],
        "group_by": [{"field": "CreatedDate", "function": "FUNCTION_CALENDAR_MONTH"}],
    }
    response = await tool.call("Query", by_month)
    assert sum(record.fields["COUNT(Id)"] for record in response.records) == 180


async def test_all_pages_are_read_up_to_the_limits(serve: ServeTool, rest_server: RestServer):
    """A result of several pages comes as one; past the row or byte limit it is cut and says so."""
    tool = await serve(rest_server.url)
    response = await tool.call("Query", query("Contact", "Name"))
    assert (len(response.records), response.total_size, response.truncated) == (244, 244, False)
    assert len({record.id for record in response.records}) == 244
    few = await serve(rest_server.url, max_rows=60)
    response = await few.call("Query", query("Contact", "Name"))
    assert (len(response.records), response.total_size, response.truncated) == (60, 244, True)
    small = await serve(rest_server.url, max_bytes=5000)
    response = await small.call("Query", query("Contact", "Name"))
    assert response.truncated
    assert 0 < sum(record.ByteSize() for record in response.records) <= 5000


@pytest.mark.parametrize(
    "text",
    [
        "' OR Name != '",
        "\\",
        "\\' OR Id != null OR Name = '",
        "x') OR (Name LIKE '%",
        "\n' LIMIT 1",
        "\x07\x00'",
        "ü — 'quoted' \"twice\" %_",
    ],
)
async def test_text_never_leaves_its_literal(tool: Tool, rest: Rest, text: str):
    """A hostile text finds nothing in a query, and is stored as it is in a record."""
    for condition in (
        compare("Name", "EQUAL", text=text),
        {"like": {"field": "Name", "pattern": text}},
        {"among": {"field": "Name", "values": [text]}},
    ):
        response = await tool.call("Query", query("Account", "Id", where=[condition]))
        assert response.total_size == 0, condition
    created = await tool.call(
        "CreateRecord", {"object": "Account", "fields": [{"field": "Name", "text": text}]}
    )
    assert rest.call("GET", f"sobjects/Account/{created.id}").json()["Name"] == text
    found = await tool.call("Query", query("Account", "Name", where=[compare("Name", "EQUAL", text=text)]))
    assert [record.fields["Name"] for record in found.records] == [text]


async def test_names_outside_the_describe_never_reach_salesforce(tool: Tool):
    """Objects, fields and relationships are checked first, in Salesforce's words and with names alike."""
    error = await tool.error("Query", query("Acount", "Id"))
    assert (error.reason, "Names like it: Account" in error.message) == ("INVALID_TYPE", True)
    error = await tool.error("Query", query("Case", "Stauts"))
    assert isinstance(error, InvalidRequest)
    assert error.message.startswith("No such column 'Stauts' on entity 'Case'.")
    assert error.message.endswith("Names like it: Status.")
    error = await tool.error("Query", query("Case", "Acount.Name"))
    assert "Didn't understand relationship 'Acount' in field path" in error.message
    error = await tool.error("Query", query("Task", "What.Industry"))
    assert "No such column 'Industry' on entity 'Name'" in error.message
    for bad in ("Id FROM User", "Name,Id", "Account..Name", "1d", "Na'me"):
        error = await tool.error("Query", query("Case", bad))
        assert error.reason == "INVALID_CALL"


async def test_a_record_lives_and_dies(tool: Tool):
    """Create, get, update and delete one record through the contract."""
    fields = [
        {"field": "subject", "text": "Late"},
        {"field": "IsEscalated", "boolean": True},
        {"field": "Account.Customer_Number__c", "text": "C-1002"},
    ]
    created = await tool.call("CreateRecord", {"object": "case", "fields": fields})
    assert (created.object, len(created.id)) == ("Case", 18)
    names = ["Subject", "Account.Name", "IsClosed"]
    found = await tool.call("GetRecord", {"object": "Case", "id": created.id, "fields": names})
    values = MessageToDict(found.record)["fields"]
    assert values == {"Subject": "Late", "Account.Name": "Alder & Finch", "IsClosed": False}
    changes = [{"field": "Status", "text": "Closed"}, {"field": "Subject", "empty": True}]
    await tool.call("UpdateRecord", {"object": "Case", "id": created.id[:15], "fields": changes})
    found = await tool.call("GetRecord", {"object": "Case", "id": created.id})
    values = MessageToDict(found.record)["fields"]
    assert (values["Status"], values["IsClosed"], "Subject" in values) == ("Closed", True, False)
    found = await tool.call("GetRecord", {"object": "Case", "id": created.id, "fields": ["Subject"]})
    assert MessageToDict(found.record)["fields"] == {"Subject": None}
    await tool.call("DeleteRecord", {"object": "Case", "id": created.id})
    for method in ("GetRecord", "DeleteRecord"):
        error = await tool.error(method, {"object": "Case", "id": created.id})
        assert (type(error), error.reason) == (NotFound, "ENTITY_IS_DELETED")
    error = await tool.error("GetRecord", {"object": "Case", "id": created.id, "fields": ["Account.Name"]})
    assert isinstance(error, NotFound)


async def test_values_go_in_their_json_types(tool: Tool, rest: Rest):
    """Whole numbers, fractions, dates and times arrive as Salesforce's fields want them."""
    fields = [
        {"field": "Subject", "text": "Call"},
        {"field": "StartDateTime", "date": "2026-12-01"},
        {"field": "DurationInMinutes", "number": 45},
    ]
    event = await tool.call("CreateRecord", {"object": "Event", "fields": fields})
    read = rest.call("GET", f"sobjects/Event/{event.id}").json()
    assert (read["StartDateTime"], read["DurationInMinutes"]) == ("2026-12-01T00:00:00.000+0000", 45)
    fields = [
        {"field": "Name", "text": "Deal"},
        {"field": "StageName", "text": "Prospecting"},
        {"field": "CloseDate", "date": "2026-12-31"},
        {"field": "Amount", "number": 12.5},
    ]
    deal = await tool.call("CreateRecord", {"object": "Opportunity", "fields": fields})
    read = rest.call("GET", f"sobjects/Opportunity/{deal.id}").json()
    assert (read["CloseDate"], read["Amount"]) == ("2026-12-31", 12.5)


async def test_upsert_creates_then_changes(tool: Tool):
    """The same external id is created once and changed afterwards; other fields are no external ids."""
    request = {
        "object": "Renewal__c",
        "external_id_field": "external_id__c",
        "external_id": "R-7/1 ü",
        "fields": [{"field": "Name", "text": "Seven"}],
    }
    first = await tool.call("UpsertRecord", request)
    second = await tool.call("UpsertRecord", request)
    assert (first.created, second.created, first.id == second.id) == (True, False, True)
    error = await tool.error("UpsertRecord", request | {"external_id_field": "Name"})
    assert "its external ids: External_Id__c" in error.message


@pytest.mark.parametrize(
    ("method", "request_", "kind", "reason", "words"),
    [
        (
            "CreateRecord",
            {"object": "Case", "fields": [{"field": "Priority", "text": "Urgent"}]},
            InvalidRequest,
            "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
            "Priority: bad value for restricted picklist field: Urgent",
        ),
        (
            "CreateRecord",
            {"object": "Contact", "fields": [{"field": "FirstName", "text": "Ana"}]},
            InvalidRequest,
            "REQUIRED_FIELD_MISSING",
            "Required fields are missing: [LastName]",
        ),
        (
            "CreateRecord",
            {
                "object": "Account",
                "fields": [{"field": "Name", "text": "x"}, {"field": "Customer_Number__c", "text": "C-1001"}],
            },
            AlreadyExists,
            "DUPLICATE_VALUE",
            "duplicate value found",
        ),
        (
            "CreateRecord",
            {"object": "User", "fields": [{"field": "LastName", "text": "x"}]},
            NotAllowed,
            "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
            "entity type cannot be inserted: User",
        ),
        (
            "DeleteRecord",
            {"object": "Account", "id": "001Ng000000001nIAA"},
            FailedPrecondition,
            "DELETE_FAILED",
            "associated with the following cases",
        ),
        (
            "UpdateRecord",
            {"object": "Case", "id": "003Ng0000000001IAA", "fields": [{"field": "Status", "text": "New"}]},
            InvalidRequest,
            "MALFORMED_ID",
            "id value of incorrect type",
        ),
        (
            "CreateRecord",
            {"object": "Case", "fields": [{"field": "Account.Name", "text": "Acme"}]},
            InvalidRequest,
            "INVALID_FIELD",
            "or by Account.Customer_Number__c",
        ),
        (
            "CreateRecord",
            {
                "object": "Case",
                "fields": [{"field": "Subject", "text": "a"}, {"field": "subject", "text": "b"}],
            },
            InvalidRequest,
            "DUPLICATE_FIELD",
            "Subject is given twice",
        ),
        (
            "Query",
            query("Opportunity", "Id", where=[compare("Amount", "GREATER", text="much")]),
            InvalidRequest,
            "INVALID_FIELD",
            "must be of type currency",
        ),
        (
            "Query",
            query("Opportunity", "Id", where=[compare("CloseDate", "EQUAL", date="2026-02-30")]),
            InvalidRequest,
            "MALFORMED_QUERY",
            "Invalid date: 2026-02-30",
        ),
        (
            "Query",
            query("Opportunity", "Name", group_by=[{"field": "StageName"}]),
            InvalidRequest,
            "MALFORMED_QUERY",
            "grouped or aggregated: Name",
        ),
        ("Query", {"object": "Case"}, InvalidRequest, "INVALID_CALL", "select"),
        ("GetRecord", {"object": "Case", "id": "short"}, InvalidRequest, "INVALID_CALL", "id"),
    ],
)
async def test_salesforces_errors_keep_code_and_words(
    tool: Tool, method: str, request_: dict[str, Any], kind: type[Exception], reason: str, words: str
):
    """An error has the status that says what can be done, and Salesforce's own code and sentence."""
    error = await tool.error(method, request_)
    assert (type(error), error.reason) == (kind, reason)
    assert words in error.message


async def test_errors_name_their_fields(tool: Tool):
    """The fields at fault are in the BadRequest and in the metadata."""
    error = await tool.error(
        "CreateRecord", {"object": "Opportunity", "fields": [{"field": "Amount", "number": 1}]}
    )
    assert isinstance(error, InvalidRequest)
    assert error.metadata["fields"] == "Name,StageName,CloseDate"
    assert error.metadata["errorCode"] == "REQUIRED_FIELD_MISSING"
    assert [name for name, _ in error.field_violations] == ["Name", "StageName", "CloseDate"]


async def test_the_catalogue_fills_the_contracts_closed_sets(tool: Tool):
    """Entities, fields, picklists and references come from the describes, under a hash that is its own."""
    answer = await tool.catalogue.GetCatalogue(catalogue_pb2.GetCatalogueRequest())
    catalogue = answer.catalogue
    assert catalogue.hash == catalogue_hash(catalogue)
    sets = closed_sets_of(catalogue)
    assert {"Account", "Case", "Renewal__c"} <= set(sets["entities"])
    assert {"Account.Name", "Owner.Name", "What.Type", "Subject"} <= set(sets["field_paths"])
    assert {"Subject", "Account.Customer_Number__c"} <= set(sets["writable_fields"])
    assert "IsClosed" not in sets["writable_fields"]
    assert set(sets["external_id_fields"]) == {"Customer_Number__c", "External_Id__c"}
    assert sets["values:Case.Priority"] == ("High", "Medium", "Low")
    assert sets["required:Opportunity"] == ("Name", "StageName", "CloseDate")
    assert "Account=Account" in sets["relationships:Case"]
    assert not [field for values in sets.values() for field in values if "Narrowgauge_Key__c" in field]
    again = await tool.catalogue.GetCatalogue(catalogue_pb2.GetCatalogueRequest(known_hash=catalogue.hash))
    assert again.catalogue == catalogue_pb2.Catalogue(hash=catalogue.hash)


async def test_only_configured_objects_exist(serve: ServeTool, rest_server: RestServer):
    """A list of objects bounds the catalogue and the calls; a wrong one ends the start with its name."""
    tool = await serve(rest_server.url, objects=("Case", "Account"))
    answer = await tool.catalogue.GetCatalogue(catalogue_pb2.GetCatalogueRequest())
    assert [entity.name for entity in answer.catalogue.entities] == ["Case", "Account"]
    assert (await tool.error("Query", query("Contact", "Id"))).reason == "INVALID_TYPE"
    await tool.call("Query", query("Case", "Contact.Name", limit=1))
    with pytest.raises(
        InvalidRequest, match="NARROWGAUGE_SALESFORCE_OBJECTS: the organisation has no object Cases"
    ):
        await serve(rest_server.url, objects=("Cases",))


async def test_an_expired_session_is_renewed(
    serve: ServeTool, rest_server: RestServer, organisation: Organisation
):
    """With user and password the tool signs in again, also in the middle of a write."""
    login = {"username": "ana@example.com", "password": "secret", "security_token": "XYZ", "token": ""}
    tool = await serve(rest_server.url, **login)
    organisation.end_sessions()
    created = await tool.call(
        "CreateRecord", {"object": "Case", "fields": [{"field": "Subject", "text": "x"}]}
    )
    assert created.id.startswith("500")


@pytest.mark.parametrize(
    "login", [{"token": "stale"}, {"token": "", "username": "ana@example.com", "password": "no"}]
)
async def test_wrong_credentials_end_the_start(
    serve: ServeTool, rest_server: RestServer, login: dict[str, str]
):
    """A wrong token or password is PERMISSION_DENIED before the first call is taken."""
    with pytest.raises(NotAllowed) as caught:
        await serve(rest_server.url, **login)
    assert caught.value.reason in ("INVALID_SESSION_ID", "INVALID_LOGIN")


async def test_an_address_that_is_not_salesforce(serve: ServeTool, rest_server: RestServer):
    """A server that answers something else is UNAVAILABLE, and says which setting to look at."""
    with pytest.raises(Unavailable, match="cannot be reached"):
        await serve("http://127.0.0.1:1")
    with pytest.raises(ValueError, match="https only"):
        await serve("http://example.com")


async def test_no_secret_is_logged(
    serve: ServeTool, rest_server: RestServer, organisation: Organisation, caplog: pytest.LogCaptureFixture
):
    """Token and password stay out of the logs, of errors too, at every level."""
    with caplog.at_level(logging.DEBUG):
        tool = await serve(rest_server.url)
        error = await tool.error("Query", query("Nope", "Id"))
        with pytest.raises(NotAllowed) as refused:
            await serve(rest_server.url, token="", username="ana@example.com", password="pass-word-1")
    for text in (caplog.text, error.message, refused.value.message, str(refused.value.metadata)):
        assert TOKEN not in text
        assert "pass-word-1" not in text
