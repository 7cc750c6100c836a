"""Salesforce's records to the contract's: nested parents become columns, values keep their JSON types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from narrowgauge.tools.salesforce.v1 import salesforce_pb2 as pb
from tool_svc.salesforce.soql import ResultColumn

__all__ = ["record_of", "whole_record"]


def record_of(object_name: str, record: Mapping[str, Any], columns: Sequence[ResultColumn]) -> pb.Record:
    """Returns a row with the columns asked for; a missing parent's field is null."""
    result = pb.Record(object=object_name, id=_identity(record))
    # Struct is a map without order, so the query's answer lists its columns beside the rows.
    result.fields.update({column.name: _plain(_at(record, column.path)) for column in columns})
    return result


def whole_record(object_name: str, record: Mapping[str, Any], *, without: str) -> pb.Record:
    """Returns a record with all fields that have a value, except the one for idempotency keys."""
    result = pb.Record(object=object_name, id=_identity(record))
    result.fields.update(
        {
            name: _plain(value)
            for name, value in record.items()
            if name not in ("attributes", without) and value is not None
        }
    )
    return result


def _identity(record: Mapping[str, Any]) -> str:
    """The id, which stands in the record's address also where it was not asked for."""
    url = (record.get("attributes") or {}).get("url", "")
    return str(record.get("Id") or url.rpartition("/")[2])


def _at(record: Mapping[str, Any], path: Sequence[str]) -> Any:
    value: Any = record
    for step in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(step)
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(part) for name, part in value.items() if name != "attributes"}
    if isinstance(value, list):
        return [_plain(part) for part in value]
    return value
