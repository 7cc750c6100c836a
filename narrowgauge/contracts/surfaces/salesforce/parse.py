"""Text of the surface as a call."""

from __future__ import annotations

import json
import re
from typing import Any, TypeVar

from google.protobuf.message import Message

from narrowgauge.contracts.surfaces.salesforce.words import (
    DATE,
    DATE_LITERAL,
    DATETIME,
    FUNCTIONS,
    GROUPS,
    IDENTIFIER,
    NULLS,
    NUMBER,
    OPERATORS,
    PATH,
    STRING,
    UNANSWERABLE,
    implied_keys,
)
from narrowgauge.contracts.surfaces.text_cursor import TextCursor
from narrowgauge.errors import InvalidRequest
from narrowgauge.tools.salesforce.v1 import salesforce_pb2 as pb

__all__ = ["parse"]

_STRING, _NUMBER, _PATH, _OBJECT = (re.compile(p) for p in (STRING, NUMBER, PATH, IDENTIFIER))
_DATE = re.compile(rf"{DATETIME}|{DATE}|{DATE_LITERAL}")
_ID = re.compile(r"[0-9A-Za-z]{15}(?:[0-9A-Za-z]{3})?")
_COUNT = re.compile(r"[1-9][0-9]{0,3}")
# Longest first: `<=` before `<`.
_OPERATORS = sorted(((text, value) for value, text in OPERATORS.items()), key=lambda pair: -len(pair[0]))
_FUNCTIONS = {text: value for value, text in FUNCTIONS.items()}
_MAX_NESTING = 8

_M = TypeVar("_M", pb.FieldValue, pb.Comparison)


def parse(text: str) -> tuple[str, Message]:
    """Parses a call.

    Returns:
        Short name of the method, and the request.

    Raises:
        InvalidRequest: The text is not a call; the message names the place.
    """
    reader = _Reader(text)
    method, request = reader.call()
    if reader.at != len(text):
        reader.expected("the end")
    return method, request


class _Reader(TextCursor):
    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.nesting = 0

    def match(self, pattern: re.Pattern[str], what: str) -> str:
        found = pattern.match(self.text, self.at)
        if not found:
            self.expected(what)
        self.at = found.end()
        return found[0]

    def string(self) -> str:
        return str(json.loads(self.match(_STRING, "a string")))

    def strings(self) -> list[str]:
        self.need("(")
        values = [self.string()]
        while self.take(", "):
            values.append(self.string())
        self.need(")")
        return values

    def call(self) -> tuple[str, Message]:
        if self.take(UNANSWERABLE):
            return "Refuse", pb.RefuseRequest(unanswerable=True)
        for word, read in (
            ("query ", self.query),
            ("get ", self.get),
            ("create ", self.create),
            ("update ", self.update),
            ("upsert ", self.upsert),
            ("delete ", self.delete),
        ):
            if self.take(word):
                return read()
        return self.expected(f"query, get, create, update, upsert, delete or {UNANSWERABLE}")

    def get(self) -> tuple[str, Message]:
        request = pb.GetRecordRequest(object=self.name(), id=self.identifier())
        if self.take(": "):
            request.fields.append(self.match(_PATH, "a field"))
            while self.take(", "):
                request.fields.append(self.match(_PATH, "a field"))
        return "GetRecord", request

    def create(self) -> tuple[str, Message]:
        name = self.match(_OBJECT, "an object")
        return "CreateRecord", pb.CreateRecordRequest(object=name, fields=self.assignments())

    def update(self) -> tuple[str, Message]:
        request = pb.UpdateRecordRequest(object=self.name(), id=self.identifier())
        request.fields.extend(self.assignments())
        return "UpdateRecord", request

    def upsert(self) -> tuple[str, Message]:
        request = pb.UpsertRecordRequest(object=self.name(), external_id_field=self.name())
        request.external_id = self.string()
        request.fields.extend(self.assignments())
        return "UpsertRecord", request

    def delete(self) -> tuple[str, Message]:
        return "DeleteRecord", pb.DeleteRecordRequest(object=self.name(), id=self.identifier())

    def name(self) -> str:
        name = self.match(_OBJECT, "a name")
        self.need(" ")
        return name

    def identifier(self) -> str:
        return self.match(_ID, "a record id")

    def assignments(self) -> list[pb.FieldValue]:
        self.need(": ")
        items = [self.assignment()]
        while self.take(", "):
            items.append(self.assignment())
        return items

    def assignment(self) -> pb.FieldValue:
        item = pb.FieldValue(field=self.match(_PATH, "a field"))
        self.need(" = ")
        return self.value(item)

    def value(self, item: _M) -> _M:
        if self.text.startswith('"', self.at):
            item.text = self.string()
        elif self.take("true"):
            item.boolean = True
        elif self.take("false"):
            item.boolean = False
        elif self.take("null"):
            item.empty = True
        elif found := _DATE.match(self.text, self.at):
            item.date, self.at = found[0], found.end()
        else:
            item.number = float(self.match(_NUMBER, "a value"))
        return item

    def query(self) -> tuple[str, Message]:
        request = pb.QueryRequest(object=self.match(_OBJECT, "an object"))
        self.need(": ")
        request.select.append(pb.Column(**self.column()))
        while self.take(", "):
            request.select.append(pb.Column(**self.column()))
        if self.take(" where "):
            request.where.append(self.condition())
            while self.take(" and "):
                request.where.append(self.condition())
        if self.take(" group by "):
            request.group_by.append(pb.GroupKey(**self.column()))
            while self.take(", "):
                request.group_by.append(pb.GroupKey(**self.column()))
        else:
            request.group_by.extend(implied_keys(request.select))
        if self.take(" having "):
            request.having.append(self.group_condition())
            while self.take(" and "):
                request.having.append(self.group_condition())
        if self.take(" order by "):
            request.order_by.append(self.sort_key())
            while self.take(", "):
                request.order_by.append(self.sort_key())
        if self.take(" limit "):
            request.limit = int(self.match(_COUNT, "a number"))
        if self.take(" offset "):
            request.offset = int(self.match(_COUNT, "a number"))
        return "Query", request

    def column(self) -> dict[str, Any]:
        """Reads the keyword arguments of a message that holds a column."""
        name = self.match(_PATH, "a field")
        if not self.take("("):
            return {"field": name}
        if name not in _FUNCTIONS:
            self.expected(f"a function before the parenthesis, not {name}")
        field = self.match(_PATH, "a field")
        self.need(")")
        return {"field": field, "function": _FUNCTIONS[name]}

    def operator(self) -> pb.Operator.ValueType:
        for text, value in _OPERATORS:
            if self.take(f" {text} "):
                return value
        return self.expected("an operator")

    def group_condition(self) -> pb.GroupCondition:
        item = pb.GroupCondition(**self.column())
        item.operator = self.operator()
        item.number = float(self.match(_NUMBER, "a number"))
        return item

    def sort_key(self) -> pb.SortKey:
        key = pb.SortKey(**self.column(), descending=self.take(" desc"))
        for value, text in NULLS.items():
            if self.take(text):
                key.nulls = value
        return key

    def condition(self) -> pb.Condition:
        condition = pb.Condition()
        for kind, word in GROUPS.items():
            if self.take(f"{word}("):
                self.group(getattr(condition, kind))
                return condition
        name = self.match(_PATH, "a field")
        if self.take(" like "):
            condition.like.field, condition.like.pattern = name, self.string()
        elif self.take(" in ") or self.take(" not in "):
            negated = self.text.endswith(" not in ", 0, self.at)
            condition.among.CopyFrom(pb.Membership(field=name, negated=negated, values=self.strings()))
        elif self.take(" includes ") or self.take(" excludes "):
            negated = self.text.endswith(" excludes ", 0, self.at)
            condition.includes.CopyFrom(pb.Inclusion(field=name, negated=negated, values=self.strings()))
        else:
            compare = condition.compare
            compare.field, compare.operator = name, self.operator()
            self.value(compare)
        return condition

    def group(self, target: pb.Conditions) -> None:
        self.nesting += 1
        if self.nesting > _MAX_NESTING:
            raise InvalidRequest("NESTED_TOO_DEEPLY", f"at character {self.at}: conditions nested too deeply")
        target.conditions.append(self.condition())
        while self.take("; "):
            target.conditions.append(self.condition())
        self.need(")")
        self.nesting -= 1
