"""The six tools on an organisation. Blocking; knows nothing of gRPC."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from narrowgauge.contracts.salesforce_catalogue import Described, DescribedField
from narrowgauge.errors import InvalidRequest, NotFound
from narrowgauge.tools.salesforce.v1 import salesforce_pb2 as pb
from tool_svc.salesforce.connection import Connection, Deadline, path_segment
from tool_svc.salesforce.describes import Describes
from tool_svc.salesforce.results import record_of, whole_record
from tool_svc.salesforce.soql import ResultColumn, quote, render_query

__all__ = ["Operations"]


class Operations:
    """Executes calls.

    A write may raise `OutcomeUnknown`. `retrying` says that an earlier attempt of the same write was sent and
    may have happened.
    """

    def __init__(
        self, connection: Connection, describes: Describes, *, key_field: str, max_rows: int, max_bytes: int
    ) -> None:
        self._connection = connection
        self._describes = describes
        self._key_field = key_field
        self._max_rows = max_rows
        self._max_bytes = max_bytes

    def query(self, request: pb.QueryRequest, deadline: Deadline) -> pb.QueryResponse:
        """Runs a query and reads its pages up to the row and byte limits."""
        rendered = render_query(request, self._describes, deadline)
        response = pb.QueryResponse(soql=rendered.soql, columns=[column.name for column in rendered.columns])
        batch = max(200, min(2000, self._max_rows))
        headers = {"Sforce-Query-Options": f"batchSize={batch}"}
        page = self._connection.read("query", deadline, parameters={"q": rendered.soql}, headers=headers)
        response.total_size = page["totalSize"]
        size = 0
        while True:
            for record in page["records"]:
                row = record_of(rendered.object_name, record, rendered.columns)
                if record["attributes"]["type"] == "AggregateResult":
                    row.id = ""
                size += row.ByteSize()
                if len(response.records) >= self._max_rows or size > self._max_bytes:
                    response.truncated = True
                    return response
                response.records.append(row)
            if page["done"]:
                return response
            if len(response.records) >= self._max_rows:
                response.truncated = True
                return response
            page = self._connection.read(page["nextRecordsUrl"], deadline)

    def get(self, request: pb.GetRecordRequest, deadline: Deadline) -> pb.GetRecordResponse:
        """Reads one record."""
        described = self._describes.object(request.object, deadline)
        if not request.fields:
            record = self._connection.read(f"sobjects/{described.name}/{request.id}", deadline)
            return pb.GetRecordResponse(record=whole_record(described.name, record, without=self._key_field))
        paths = [self._describes.resolve(described, field, deadline).path for field in request.fields]
        columns = [ResultColumn(".".join(path), path) for path in dict.fromkeys(paths)]
        names = ", ".join(column.name for column in columns)
        # The rows resource shows no fields of parents; a query does.
        soql = " ".join(("SELECT", names, "FROM", described.name, "WHERE Id =", quote(request.id)))
        if all(len(path) == 1 for path in paths):
            record = self._connection.read(
                f"sobjects/{described.name}/{request.id}",
                deadline,
                parameters={"fields": ",".join(column.name for column in columns)},
            )
            return pb.GetRecordResponse(record=record_of(described.name, record, columns))
        found = self._connection.read("query", deadline, parameters={"q": soql})["records"]
        if not found:
            raise NotFound(
                "NOT_FOUND",
                f"Provided external ID field does not exist or is not accessible: {request.id}",
                metadata={"errorCode": "NOT_FOUND"},
            )
        return pb.GetRecordResponse(record=record_of(described.name, found[0], columns))

    def create(
        self, request: pb.CreateRecordRequest, deadline: Deadline, *, key: str, retrying: bool
    ) -> pb.CreateRecordResponse:
        """Creates a record: under its idempotency key where the object has a field for keys."""
        described = self._describes.object(request.object, deadline)
        body = self._body(described, request.fields, deadline)
        if key and self.keeps_key(described):
            path = f"sobjects/{described.name}/{self._key_field}/{path_segment(key)}"
            answer = self._connection.write("PATCH", path, deadline, body)
            replayed = retrying and not answer.get("created", True)
        else:
            answer = self._connection.write("POST", f"sobjects/{described.name}", deadline, body)
            replayed = False
        return pb.CreateRecordResponse(object=described.name, id=answer["id"], replayed=replayed)

    def update(self, request: pb.UpdateRecordRequest, deadline: Deadline) -> pb.UpdateRecordResponse:
        """Changes a record."""
        described = self._describes.object(request.object, deadline)
        body = self._body(described, request.fields, deadline)
        self._connection.write("PATCH", f"sobjects/{described.name}/{request.id}", deadline, body)
        return pb.UpdateRecordResponse(object=described.name, id=request.id)

    def upsert(self, request: pb.UpsertRecordRequest, deadline: Deadline) -> pb.UpsertRecordResponse:
        """Creates or changes the record with an external id."""
        described = self._describes.object(request.object, deadline)
        field = described.by_name.get(request.external_id_field.lower())
        if field is None or not field.external_id:
            known = [entry.name for entry in described.fields if entry.external_id]
            listed = f"; its external ids: {', '.join(known)}" if known else "; it has no external id"
            raise InvalidRequest(
                "INVALID_FIELD",
                f"'{request.external_id_field}' is not an external id of {described.name}{listed}",
                metadata={"errorCode": "INVALID_FIELD"},
            )
        body = self._body(described, request.fields, deadline)
        if body.pop(field.name, request.external_id) != request.external_id:
            raise InvalidRequest(
                "INVALID_FIELD", f"{field.name} is both the external id and, with another value, a field"
            )
        path = f"sobjects/{described.name}/{field.name}/{path_segment(request.external_id)}"
        answer = self._connection.write("PATCH", path, deadline, body)
        return pb.UpsertRecordResponse(
            object=described.name, id=answer["id"], created=bool(answer.get("created"))
        )

    def delete(
        self, request: pb.DeleteRecordRequest, deadline: Deadline, *, retrying: bool
    ) -> pb.DeleteRecordResponse:
        """Deletes a record. When an earlier attempt may have deleted it, finding it gone is success."""
        described = self._describes.object(request.object, deadline)
        response = pb.DeleteRecordResponse(object=described.name, id=request.id)
        try:
            self._connection.write("DELETE", f"sobjects/{described.name}/{request.id}", deadline)
        except NotFound:
            if not retrying:
                raise
            response.replayed = True
        return response

    def repeatable(self, request: object, deadline: Deadline) -> bool:
        """Tells whether sending a write again cannot do it twice."""
        if not isinstance(request, pb.CreateRecordRequest):
            return True
        return self.keeps_key(self._describes.object(request.object, deadline))

    def keeps_key(self, described: Described) -> bool:
        """Tells whether an object's records carry the key of the call that created them."""
        field = described.by_name.get(self._key_field.lower())
        return field is not None and field.external_id and field.writable

    def _body(
        self, described: Described, values: Iterable[pb.FieldValue], deadline: Deadline
    ) -> dict[str, Any]:
        body: dict[str, Any] = {}
        for value in values:
            name, content = self._assignment(described, value, deadline)
            if name in body:
                raise InvalidRequest("DUPLICATE_FIELD", f"{name} is given twice")
            body[name] = content
        return body

    def _assignment(self, described: Described, value: pb.FieldValue, deadline: Deadline) -> tuple[str, Any]:
        if "." not in value.field:
            resolved = self._describes.resolve(described, value.field, deadline)
            return resolved.text, _json_value(described.by_name[resolved.text.lower()], value)
        relationship, _, name = value.field.partition(".")
        resolved = self._describes.resolve(described, value.field, deadline)
        reference = described.by_relationship[relationship.lower()]
        target = self._describes.object(reference.references[0], deadline)
        field = target.by_name.get(name.lower())
        if len(reference.references) != 1 or field is None or not field.external_id:
            known = [f"{reference.relationship}.{f.name}" for f in target.fields if f.external_id]
            raise InvalidRequest(
                "INVALID_FIELD",
                f"{resolved.text} cannot be set: it is a field of another record, named by {reference.name}"
                + (f" or by {', '.join(known)}" if known else ""),
                metadata={"errorCode": "INVALID_FIELD"},
            )
        return reference.relationship, {field.name: _json_value(field, value)}


def _json_value(field: DescribedField, value: pb.FieldValue) -> Any:
    kind = value.WhichOneof("value")
    if kind == "empty":
        return None
    if kind == "number":
        # Whole numbers go as integers: Salesforce refuses 5.0 for a field of type int.
        return int(value.number) if value.number == int(value.number) else value.number
    if kind == "boolean":
        return value.boolean
    if kind == "text":
        return value.text
    if field.type == "datetime" and "T" not in value.date:
        return f"{value.date}T00:00:00Z"
    return value.date
