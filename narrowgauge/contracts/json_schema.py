"""A contract as JSON Schema: what engines with a constraint of their own are given, Ollama for one.

The schema says what llama.cpp's converter (`json-schema-to-grammar.cpp`) understands, and of the field rules
what it expresses: required fields, enums and closed sets, lengths or a pattern, integer bounds, item counts,
one oneof a message. It is never the guarantee: what comes back is parsed and checked as any call is. So it
may be wider than the contract, and is never narrower, but for the bounds that every surface sets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from narrowgauge.buf.validate import validate_pb2
from narrowgauge.contracts.constraint import well_known
from narrowgauge.contracts.constraint.code_points import ALL
from narrowgauge.contracts.constraint.fields import any_targets, is_derived, is_map, rules_of, values_from
from narrowgauge.contracts.constraint.limits import Limits
from narrowgauge.contracts.constraint.re2_syntax import Inexpressible
from narrowgauge.contracts.constraint.strings import StringRule, string_rule
from narrowgauge.contracts.contract import Contract
from narrowgauge.contracts.validate import default_violations

__all__ = ["JsonSchema", "json_schema"]

JsonSchema = dict[str, Any]

_INTEGERS = {
    FieldDescriptor.CPPTYPE_INT32: ("int32", "sint32", "sfixed32"),
    FieldDescriptor.CPPTYPE_INT64: ("int64", "sint64", "sfixed64"),
    FieldDescriptor.CPPTYPE_UINT32: ("uint32", "fixed32"),
    FieldDescriptor.CPPTYPE_UINT64: ("uint64", "fixed64"),
}
_BYTES = "^([A-Za-z0-9+/]{4}){0,%d}([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"
_ANYTHING = "any character"
_DURATION = "^-?[0-9]{1,12}([.][0-9]{1,9})?s$"


def json_schema(contract: Contract, closed_sets: Mapping[str, Sequence[str]], limits: Limits) -> JsonSchema:
    """Returns the schema of a contract's calls in the `protojson` surface.

    Args:
        contract: The contract.
        closed_sets: The closed sets' values.
        limits: Bounds where the contract sets none.
    """
    writer = _Writer(closed_sets, limits)
    tools = [(tool, writer.message(tool.request)) for tool in contract.tools]
    if len(tools) == 1:
        root = tools[0][1]
    else:
        root = _one_of(
            [
                _object({"method": {"const": tool.name}, "request": request}, ["method", "request"])
                for tool, request in tools
                if request is not None
            ]
        )
    assert root is not None, "a contract without any possible call is refused before"
    return {**root, "$defs": writer.definitions} if writer.definitions else root


class _Writer:
    def __init__(self, closed_sets: Mapping[str, Sequence[str]], limits: Limits) -> None:
        self._closed_sets, self._limits = closed_sets, limits
        self._written: dict[str, JsonSchema | None] = {}
        self.definitions: dict[str, JsonSchema] = {}

    def message(self, descriptor: Descriptor) -> JsonSchema | None:
        """A reference to a message's schema; None when no message can be written."""
        name = descriptor.full_name
        if name not in self._written:
            self._written[name] = {"$ref": f"#/$defs/{name}"}  # a message may contain itself
            schema = self._message(descriptor, {})
            if schema is None:
                self._written[name] = None
            else:
                self.definitions[name] = schema
        return self._written[name]

    def _message(self, descriptor: Descriptor, first: Mapping[str, JsonSchema]) -> JsonSchema | None:
        not_default = default_violations(descriptor)
        properties, required = dict(first), list(first)
        for member in sorted(descriptor.fields, key=lambda member: member.number):
            if is_derived(member):
                continue
            rules = rules_of(member)
            schema = self._field(member, rules)
            if schema is not None:
                properties[member.json_name] = schema
            if rules.required or member.is_required or member.name in not_default:
                if schema is None:
                    return None
                required.append(member.json_name)
        choices = [oneof for oneof in descriptor.oneofs if len(oneof.fields) > 1]
        if len(choices) != 1:
            return _object(properties, required)
        members = {member.json_name for member in choices[0].fields} & properties.keys()
        branches = [
            _object(
                {
                    name: schema
                    for name, schema in properties.items()
                    if name == chosen or name not in members
                },
                [*required, chosen],
            )
            for chosen in sorted(members, key=list(properties).index)
        ]
        if choices[0].name not in _required_oneofs(descriptor):
            branches.append(_object({n: s for n, s in properties.items() if n not in members}, required))
        return _one_of(branches)

    def _field(self, member: FieldDescriptor, rules: Any) -> JsonSchema | None:
        if is_map(member):
            return self._map(member, rules.map)
        if not member.is_repeated:
            return self._value(member, rules, member)
        items = self._value(member, rules.repeated.items, member)
        if items is None:
            return None
        given = rules.repeated
        most = given.max_items if given.HasField("max_items") else max(given.min_items, self._limits.items)
        return {"type": "array", "items": items, "minItems": given.min_items, "maxItems": most}

    def _map(self, member: FieldDescriptor, rules: Any) -> JsonSchema | None:
        entry: Any = member.message_type
        value = self._value(entry.fields_by_name["value"], rules.values, None)
        if value is None:
            return None
        if name := values_from(member):
            keys = string_rule(rules.keys.string, self._limits).allowed(self._closed_sets.get(name, ()))
            return _object(dict.fromkeys(keys, value), []) if keys else None
        return {"type": "object", "additionalProperties": value}

    def _value(self, member: FieldDescriptor, rules: Any, owner: FieldDescriptor | None) -> JsonSchema | None:
        if member.message_type is not None:
            return self._message_value(member, rules)
        name = values_from(owner) if owner is not None else ""
        if name:
            allowed = string_rule(rules.string, self._limits).allowed(self._closed_sets.get(name, ()))
            return {"type": "string", "enum": allowed} if allowed else None
        return self._scalar(member, rules)

    def _scalar(self, member: FieldDescriptor, rules: Any) -> JsonSchema:
        kind = member.cpp_type
        if kind in _INTEGERS:
            return _integer(rules, _INTEGERS[kind], unsigned=kind in (3, 4))
        match kind:
            case FieldDescriptor.CPPTYPE_BOOL:
                return {"const": rules.bool.const} if rules.bool.HasField("const") else {"type": "boolean"}
            case FieldDescriptor.CPPTYPE_ENUM:
                return _enum(member.enum_type, rules.enum)
            case FieldDescriptor.CPPTYPE_STRING if member.type == FieldDescriptor.TYPE_BYTES:
                return {"type": "string", "pattern": _BYTES % (self._limits.bytes_length // 3)}
            case FieldDescriptor.CPPTYPE_STRING:
                return _string(string_rule(rules.string, self._limits))
        return {"type": "number"}

    def _message_value(self, member: FieldDescriptor, rules: Any) -> JsonSchema | None:
        target: Any = member.message_type
        if target.full_name in well_known.WRAPPERS:
            return self._scalar(target.fields_by_name["value"], rules)
        match target.full_name:
            case "google.protobuf.Timestamp":
                return {"type": "string", "format": "date-time"}
            case "google.protobuf.Duration":
                return {"type": "string", "pattern": _DURATION}
            case "google.protobuf.FieldMask":
                return {"type": "string", "maxLength": self._limits.string_chars}
            case "google.protobuf.Struct":
                return {"type": "object"}
            case "google.protobuf.ListValue":
                return {"type": "array", "items": {}, "maxItems": self._limits.items}
            case "google.protobuf.Value":
                return {}
            case "google.protobuf.Any":
                return self._any(member, rules.any)
        return self.message(target)

    def _any(self, member: FieldDescriptor, rules: Any) -> JsonSchema | None:
        branches = []
        for url, target in any_targets(member, rules, self._limits):
            head: dict[str, JsonSchema] = {"@type": {"const": url}}
            schema = self._message(target, head) if target is not None else None
            branches += [schema] if schema is not None else []
        return _one_of(branches)


def _object(properties: Mapping[str, JsonSchema], required: Sequence[str]) -> JsonSchema:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": [name for name in properties if name in required],
        "additionalProperties": False,
    }


def _one_of(branches: Sequence[JsonSchema]) -> JsonSchema | None:
    if not branches:
        return None
    return branches[0] if len(branches) == 1 else {"anyOf": list(branches)}


def _required_oneofs(descriptor: Descriptor) -> set[str]:
    return {
        oneof.name
        for oneof in descriptor.oneofs
        if oneof.GetOptions().Extensions[validate_pb2.oneof].required
    }


def _integer(rules: Any, names: Sequence[str], *, unsigned: bool) -> JsonSchema:
    schema: JsonSchema = {"type": "integer"}
    given = next((getattr(rules, name) for name in names if rules.HasField(name)), None)
    if given is None:
        return schema | ({"minimum": 0} if unsigned else {})
    listed = [given.const] if given.HasField("const") else list(getattr(given, "in"))
    if listed:
        return {"enum": listed}
    least, most = given.WhichOneof("greater_than"), given.WhichOneof("less_than")
    low = getattr(given, least) + (least == "gt") if least else 0 if unsigned else None
    high = getattr(given, most) - (most == "lt") if most else None
    if low is not None and high is not None and low > high:
        return schema  # bounds that cross mean "outside of", which the schema cannot say
    return (
        schema
        | ({"minimum": low} if low is not None else {})
        | ({"maximum": high} if high is not None else {})
    )


def _enum(enum: Any, rules: Any) -> JsonSchema:
    within = set(getattr(rules, "in"))
    names = {
        value.number: value.name
        for value in reversed(enum.values)
        if (not within or value.number in within)
        and value.number not in rules.not_in
        and (not rules.HasField("const") or value.number == rules.const)
    }
    if enum.full_name == "google.protobuf.NullValue":
        return {"type": "null"}
    return {"type": "string", "enum": [names[number] for number in sorted(names)]}


def _string(rule: StringRule) -> JsonSchema:
    if rule.values is not None:
        return {"type": "string", "enum": rule.allowed(rule.values)}
    if len(rule.patterns) == 1:
        try:
            pattern = rule.patterns[0].whole(_spelled)
        except Inexpressible:
            pattern = _ANYTHING
        if _ANYTHING not in pattern:
            # Every literal is a set in hexadecimal, so there is no parenthesis but those of groups.
            return {"type": "string", "pattern": f"^{pattern.replace('(?:', '(')}$"}
    return {"type": "string", "minLength": rule.low, "maxLength": rule.high}


def _spelled(ranges: tuple[tuple[int, int], ...]) -> str:
    """A set of characters; llama.cpp copies it into a grammar of JSON text, where some are written else."""
    if ranges == ALL:
        return _ANYTHING
    low, high = ranges[0][0], ranges[-1][1]
    if low < 0x20 or high > 0x7E or any(low <= char <= high for low, high in ranges for char in (0x22, 0x5C)):
        raise Inexpressible("has characters that JSON escapes, or beyond ASCII")
    return "[" + "".join(f"\\x{low:02x}-\\x{high:02x}" for low, high in ranges) + "]"
