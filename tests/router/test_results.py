"""Results as rows and as text: what the next step of a chain gets to see."""

from __future__ import annotations

import json
from typing import Any

import pytest
from google.protobuf import descriptor_pool, json_format
from google.protobuf.message import Message
from shop_contract import POOL, message

from narrowgauge.tools.salesforce.v1 import salesforce_pb2
from narrowgauge.tools.sql.v1 import sql_pb2
from narrowgauge.tools.text.v1 import text_pb2
from router_svc.chain.rows import is_tabular, message_json, row_of, rows_of, text_of_row, text_of_rows

DEFAULT = descriptor_pool.Default()


def _sql(**fields: Any) -> Message:
    return json_format.ParseDict(fields, sql_pb2.QueryResponse())


def test_a_table_of_columns_and_rows() -> None:
    """A SQL result's rows carry the columns' names; NULL is null, and numbers stay numbers."""
    result = _sql(
        columns=[{"name": "customer"}, {"name": "total"}, {"name": "open"}, {"name": "note"}],
        rows=[
            {"values": [{"text": "Acme"}, {"number": 12.5}, {"integer": "3"}, {}]},
            {"values": [{"text": "Globex"}, {"number": 7}, {"boolean": True}, {"text": "late"}]},
        ],
    )
    assert is_tabular(result)
    assert rows_of(result, DEFAULT) == [
        {"customer": "Acme", "total": 12.5, "open": 3, "note": None},
        {"customer": "Globex", "total": 7.0, "open": True, "note": "late"},
    ]
    assert rows_of(_sql(columns=[{"name": "a"}]), DEFAULT) == []


def test_salesforce_records() -> None:
    """A record's fields stand beside its object and id."""
    record = {"object": "Case", "id": "500A", "fields": {"Subject": "Late", "Amount": 3}}
    result = json_format.ParseDict(
        {"columns": ["Subject"], "records": [record]}, salesforce_pb2.QueryResponse()
    )
    assert rows_of(result, DEFAULT) == [{"object": "Case", "id": "500A", "Subject": "Late", "Amount": 3.0}]
    single = json_format.ParseDict({"record": record}, salesforce_pb2.GetRecordResponse())
    assert rows_of(single, DEFAULT) == rows_of(result, DEFAULT)


def test_columns_of_records_have_one_order() -> None:
    """A map has no order: columns stand as they were asked for, those of a record alone by name."""
    names = [f"{letter}__c" for letter in "qhzbmxkc"]
    fields = {name: place for place, name in enumerate(names)}
    record = {"object": "Case", "id": "500A", "fields": {**fields, "More": 1, "Extra": 2}}
    result = json_format.ParseDict({"columns": names, "records": [record]}, salesforce_pb2.QueryResponse())
    (row,) = rows_of(result, DEFAULT)
    assert list(row) == ["object", "id", *names, "Extra", "More"]
    single = json_format.ParseDict({"record": record}, salesforce_pb2.GetRecordResponse())
    (row,) = rows_of(single, DEFAULT)
    assert list(row) == ["object", "id", *sorted([*names, "Extra", "More"])]


def test_what_is_no_table_is_one_row() -> None:
    """An id is a row of its own, and so is any message that is asked for as one row."""
    created = salesforce_pb2.CreateRecordResponse(object="Case", id="500A")
    assert not is_tabular(created)
    assert rows_of(created, DEFAULT) == [{"object": "Case", "id": "500A"}]
    summary = text_pb2.SummarizeRequest(headline="All paid", key_points=["a"])
    assert row_of(summary, DEFAULT) == {"headline": "All paid", "key_points": ["a"]}


def test_a_single_list_of_messages() -> None:
    """The one repeated message of any response is its rows."""
    result = message("ListResponse", items=[{"name": "a"}, {"name": "b", "price": 2}])
    assert rows_of(result, POOL) == [{"name": "a"}, {"name": "b", "price": 2.0}]
    assert json.loads(message_json(result, POOL)) == {"items": [{"name": "a"}, {"name": "b", "price": 2.0}]}


def test_text_of_rows() -> None:
    """A table for the model: missing values empty, whole numbers without a fraction."""
    rows = [{"a": 1.0, "b": None}, {"a": 2.5, "c": "x"}]
    assert text_of_rows(rows, 100) == "a | b | c\n1 |  | \n2.5 |  | x"
    assert text_of_rows([], 100) == "no rows"
    assert text_of_row({"name": "Acme", "total": 12.0, "tags": ["x"]}) == 'name: Acme\ntotal: 12\ntags: ["x"]'


def test_control_characters_are_spaces() -> None:
    """What a database holds neither ends a row nor makes a specialist refuse the text."""
    assert text_of_rows([{"a": "x\ny\x00\x85", "b": 1}], 100) == "a | b\nx y   | 1"
    assert text_of_row({"a": "x\r\nforged: y"}) == "a: x  forged: y"
    assert "\x7f" not in message_json(message("ListResponse", items=[{"name": "\x7f"}]), POOL)


@pytest.mark.parametrize("limit", [20, 50, 99])
def test_shortened_text_says_so(limit: int) -> None:
    """What does not fit is counted, never silently cut."""
    text = text_of_rows([{"n": "x" * 8} for _ in range(20)], limit)
    shown = text.count("x" * 8)
    assert text.endswith(f"… and {20 - shown} more rows")
    assert 0 < shown < 20
