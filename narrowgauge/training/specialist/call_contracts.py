"""Invented functions: as a protobuf service made at run time, and as functions described in JSON Schema.

    service CallService { rpc BookTable(BookTableRequest) returns (…); … rpc Decline(…) returns (…); }

Names, fields, rules and descriptions are drawn, so that what is learnt from them is to read a contract, and
not any one contract.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
)

from narrowgauge.buf.validate import validate_pb2
from narrowgauge.contracts.contract import Contract, contract_of
from narrowgauge.contracts.descriptors import builtin_descriptor_set, descriptor_set_of, pool_of
from narrowgauge.evaluation.json_schema_contract import Function
from narrowgauge.training.specialist.call_arguments import ARGUMENTS, Argument
from narrowgauge.v1 import options_pb2

__all__ = ["Operation", "draw_operations", "functions_of_operations", "service_of_operations"]

_VERBS = (
    *("book", "reserve", "create", "order", "schedule", "cancel", "update", "find", "list", "send", "report"),
    *(
        "check",
        "assign",
        "register",
        "close",
        "approve",
        "ship",
        "track",
        "renew",
        "price",
        "request",
        "archive",
    ),
)
_NOUNS = (
    *("table", "meeting", "room", "shipment", "invoice", "ticket", "appointment", "subscription", "repair"),
    *(
        "inspection",
        "course",
        "trip",
        "rental",
        "payment",
        "parking space",
        "measurement",
        "alert",
        "delivery",
    ),
    *(
        "sample",
        "sensor",
        "contract",
        "refund",
        "vehicle",
        "locker",
        "translation",
        "newsletter",
        "membership",
    ),
    *("work order", "spare part", "visitor badge", "flight", "survey", "lease", "quote", "maintenance visit"),
)
_FEWEST, _MOST_ARGUMENTS = 1, 5
_REQUIRED = 0.6
_TYPES = {
    "string": FieldDescriptorProto.TYPE_STRING,
    "boolean": FieldDescriptorProto.TYPE_BOOL,
    "number": FieldDescriptorProto.TYPE_DOUBLE,
}
_INTEGERS = (
    FieldDescriptorProto.TYPE_INT32,
    FieldDescriptorProto.TYPE_INT64,
    FieldDescriptorProto.TYPE_UINT32,
    FieldDescriptorProto.TYPE_SINT32,
)
_PACKAGE = "generated.calls.v1"
_JSON_TYPES = {"day": "string", "time": "string", "enum": "string", "list": "array"}


@dataclass(frozen=True)
class Operation:
    """An invented function.

    Attributes:
        verb: For example `book`.
        noun: For example `table`.
        description: What it does.
        arguments: In their order.
        required: Names of those that every call gives.
        as_timestamp: Names of days that are instants in the contract, and not text.
    """

    verb: str
    noun: str
    description: str
    arguments: tuple[Argument, ...]
    required: frozenset[str]
    as_timestamp: frozenset[str]

    @property
    def words(self) -> tuple[str, ...]:
        """The words of its name."""
        return (self.verb, *self.noun.split())

    @property
    def method(self) -> str:
        """Its name as a method."""
        return "".join(word.capitalize() for word in self.words)


def draw_operations(rng: random.Random, count: int) -> tuple[Operation, ...]:
    """Draws functions whose names differ; some share verb or noun, so that both must be read."""
    found: dict[str, Operation] = {}
    verbs, nouns = rng.sample(_VERBS, min(count, 3)), rng.sample(_NOUNS, min(count, 3))
    while len(found) < count:
        verb = rng.choice(verbs) if rng.random() < 0.6 else rng.choice(_VERBS)
        noun = rng.choice(nouns) if rng.random() < 0.6 else rng.choice(_NOUNS)
        operation = _operation(rng, verb, noun)
        found.setdefault(operation.method, operation)
    return tuple(found.values())


def service_of_operations(
    operations: Sequence[Operation], rng: random.Random, *, refusing: bool, specialist: str = "call"
) -> Contract:
    """Makes a service of functions, in a pool of its own.

    Args:
        operations: Its methods.
        rng: Chooses among types that mean the same.
        refusing: Whether it has a method that says that no other one serves.
        specialist: Name of its specialist.
    """
    file = FileDescriptorProto(name="generated/calls/v1/calls.proto", package=_PACKAGE, syntax="proto3")
    file.dependency.extend(
        ["buf/validate/validate.proto", "google/protobuf/timestamp.proto", "narrowgauge/v1/options.proto"]
    )
    service = file.service.add(name="CallService")
    option = service.options.Extensions[options_pb2.specialist]
    option.name, option.description = specialist, "Calls functions."
    file.message_type.add(name="Done")
    for operation in operations:
        request = file.message_type.add(name=f"{operation.method}Request")
        for number, argument in enumerate(operation.arguments, start=1):
            instant = argument.name in operation.as_timestamp
            needed = argument.name in operation.required
            _add_field(request, number, argument, rng, needed=needed, instant=instant)
        method = service.method.add(
            name=operation.method, input_type=f".{_PACKAGE}.{request.name}", output_type=f".{_PACKAGE}.Done"
        )
        method.options.Extensions[options_pb2.tool].description = operation.description
    if refusing:
        decline = file.message_type.add(name="DeclineRequest")
        field = decline.field.add(
            name="unanswerable", number=1, label=FieldDescriptorProto.LABEL_OPTIONAL,
            type=FieldDescriptorProto.TYPE_BOOL, json_name="unanswerable",
        )  # fmt: skip
        field.options.Extensions[validate_pb2.field].bool.const = True
        method = service.method.add(
            name="Decline", input_type=f".{_PACKAGE}.DeclineRequest", output_type=f".{_PACKAGE}.Done"
        )
        method.options.Extensions[
            options_pb2.tool
        ].description = "Say that no other method serves the request."
    descriptors = FileDescriptorSet()
    descriptors.CopyFrom(_CARRIED)
    descriptors.file.add().CopyFrom(file)
    return contract_of(pool_of(descriptors).FindServiceByName(f"{_PACKAGE}.CallService"))


def functions_of_operations(operations: Sequence[Operation], rng: random.Random) -> tuple[Function, ...]:
    """Describes functions in JSON Schema, as those are that come with a request."""
    camel = rng.random() < 0.5
    return tuple(
        Function(
            operation.method[0].lower() + operation.method[1:] if camel else "_".join(operation.words),
            operation.description,
            {argument.name: _schema(argument) for argument in operation.arguments},
            operation.required,
        )
        for operation in operations
    )


_CARRIED = builtin_descriptor_set()
_CARRIED.file.extend(
    file
    for file in descriptor_set_of([validate_pb2.DESCRIPTOR]).file
    if file.name not in {known.name for known in _CARRIED.file}
)


def _operation(rng: random.Random, verb: str, noun: str) -> Operation:
    count = rng.randint(_FEWEST, _MOST_ARGUMENTS)
    arguments = tuple(rng.sample(ARGUMENTS, count))
    required = {a.name for a in arguments if a.kind != "boolean" and rng.random() < _REQUIRED}
    if not required:
        plain = [argument.name for argument in arguments if argument.kind != "boolean"]
        required = set(plain[:1])
    article = "an" if noun[0] in "aeiou" else "a"
    description = rng.choice(
        (
            f"{verb.capitalize()} {article} {noun}.",
            f"{verb.capitalize()}s {noun}s.",
            f"Use it to {verb} {noun}s.",
        )
    )
    instants = frozenset(a.name for a in arguments if a.kind == "day" and rng.random() < 0.3)
    return Operation(verb, noun, description, arguments, frozenset(required), instants)


def _add_field(
    message: DescriptorProto,
    number: int,
    argument: Argument,
    rng: random.Random,
    *,
    needed: bool,
    instant: bool = False,
) -> None:
    repeated = argument.kind == "list"
    one = argument.inner[0] if repeated else argument
    field = message.field.add(
        name=argument.name,
        number=number,
        label=FieldDescriptorProto.LABEL_REPEATED if repeated else FieldDescriptorProto.LABEL_OPTIONAL,
        json_name=_json_name(argument.name),
    )
    field.options.Extensions[options_pb2.value].description = argument.description
    rules = field.options.Extensions[validate_pb2.field]
    if needed:
        if repeated:
            rules.repeated.min_items = 1
        else:
            rules.required = True
    inner = rules.repeated.items if repeated else rules
    if one.kind == "object":
        nested = message.nested_type.add(name=one.name.title().replace("_", ""))
        for place, part in enumerate(one.inner, start=1):
            _add_field(nested, place, part, rng, needed=True)
        field.type = FieldDescriptorProto.TYPE_MESSAGE
        field.type_name = nested.name
    elif one.kind == "enum":
        _add_enum(message, field, one)
        inner.enum.defined_only = True
    elif one.kind == "time" or instant:
        field.type = FieldDescriptorProto.TYPE_MESSAGE
        field.type_name = ".google.protobuf.Timestamp"
    elif one.kind == "integer":
        field.type = rng.choice(_INTEGERS)
        own = getattr(inner, FieldDescriptorProto.Type.Name(field.type).removeprefix("TYPE_").lower())
        assert one.low is not None and one.high is not None
        own.gte, own.lte = one.low, one.high
    else:
        field.type = _TYPES.get(one.kind, FieldDescriptorProto.TYPE_STRING)
        if one.kind == "day":
            inner.string.pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
        elif one.pattern:
            inner.string.pattern = one.pattern.replace("+", "\\+")
    has_presence = repeated or field.type == FieldDescriptorProto.TYPE_MESSAGE
    if not needed and not has_presence:
        # Rules of a field that is left out count only where its absence can be told.
        field.proto3_optional = True
        field.oneof_index = len(message.oneof_decl)
        message.oneof_decl.add(name=f"_{argument.name}")


def _add_enum(message: DescriptorProto, field: FieldDescriptorProto, argument: Argument) -> None:
    name = argument.name.title().replace("_", "")
    enum = message.enum_type.add(name=name)
    prefix = argument.name.upper()
    enum.value.add(name=f"{prefix}_UNSPECIFIED", number=0)
    for number, value in enumerate(argument.values, start=1):
        enum.value.add(name=f"{prefix}_{value.upper()}", number=number)
    field.type = FieldDescriptorProto.TYPE_ENUM
    field.type_name = name


def _schema(argument: Argument) -> dict[str, object]:
    schema: dict[str, object] = {
        "type": _JSON_TYPES.get(argument.kind, argument.kind),
        "description": argument.description,
    }
    if argument.values:
        schema["enum"] = list(argument.values)
    if argument.kind == "list":
        schema["items"] = _schema(argument.inner[0])
    elif argument.inner:
        schema["properties"] = {part.name: _schema(part) for part in argument.inner}
        schema["required"] = [part.name for part in argument.inner]
    if argument.kind in ("day", "time"):
        schema["description"] = f"{argument.description}, ISO 8601"
    return schema


def _json_name(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
