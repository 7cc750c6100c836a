"""Functions described in JSON Schema as a contract: each function becomes a message, a call one of them.

    service CallService { rpc Call(CallRequest) returns (CallResponse); }
    CallRequest  either several calls or `unanswerable`
    Use          one of the functions
    Function1 …  the arguments of each function

Names of functions and arguments are the JSON names of their fields, so that the canonical ProtoJSON of a call
reads like the call itself. What JSON Schema requires is required, and `enum`, `minimum`, `maximum`, lengths,
`pattern` and item counts become protovalidate rules, which the constraint keeps. A number is finite, as those
of JSON are: ProtoJSON alone would let a double be NaN or Infinity.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from narrowgauge.errors import Unsupported

__all__ = [
    "MAX_CALLS",
    "PACKAGE",
    "SERVICE",
    "Function",
    "arguments_of",
    "call_instruction",
    "contract_source",
    "functions_of",
]

PACKAGE = "narrowgauge.evaluation.calls.v1"
SERVICE = f"{PACKAGE}.CallService"
MAX_CALLS = 8
"""Calls that one request can lead to."""

_HEADER = """syntax = "proto3";

package {package};

import "buf/validate/validate.proto";
import "google/protobuf/struct.proto";
import "narrowgauge/v1/options.proto";

service CallService {{
  option (narrowgauge.v1.specialist) = {{ name: "{specialist}" description: "Calls functions." }};
  rpc Call(CallRequest) returns (CallResponse) {{
    option (narrowgauge.v1.tool) = {{
      description: "Call the functions that the request needs."
      side_effect: SIDE_EFFECT_READ
      execution: EXECUTION_NONE
    }};
  }}
}}

message CallRequest {{
  oneof call {{
    option (buf.validate.oneof).required = true;
    Calls calls = 1;
    bool unanswerable = 2 [(buf.validate.field).bool.const = true];
  }}
}}

message Calls {{
  repeated Use items = 1 [(buf.validate.field).repeated = {{ min_items: 1 max_items: {max_calls} }}];
}}

message CallResponse {{}}
"""
_TYPES = {
    "str": "string", "string": "string", "int": "integer", "integer": "integer", "float": "number",
    "number": "number", "double": "number", "bool": "boolean", "boolean": "boolean", "list": "array",
    "array": "array", "dict": "object", "object": "object",
}  # fmt: skip
_SCALARS = {"string": "string", "integer": "int64", "number": "double", "boolean": "bool"}


@dataclass(frozen=True)
class Function:
    """A function that may be called.

    Attributes:
        name: Its name.
        description: What it does.
        parameters: JSON Schema of each argument by name.
        required: Arguments that every call gives.
    """

    name: str
    description: str
    parameters: Mapping[str, Any]
    required: frozenset[str]

    def signature(self) -> str:
        """Returns one line for a prompt."""
        parts = [
            f"{name}{'' if name in self.required else '?'}: {_type_of(schema) or 'any'}"
            for name, schema in self.parameters.items()
        ]
        return f"{self.name}({', '.join(parts)}): {' '.join(self.description.split())}"


def functions_of(tools: Sequence[Mapping[str, Any]]) -> tuple[Function, ...]:
    """Reads descriptions of functions.

    Args:
        tools: `{"name", "description", "parameters": JSON Schema}`, also inside `{"type": "function",
            "function": …}`, or with `api_name` and plain `parameters` as in `data/seal_tools`.

    Raises:
        KeyError, TypeError, AttributeError: A description is malformed.
    """
    return tuple(_function(tool) for tool in tools)


def contract_source(
    functions: Sequence[Function], *, specialist: str = "call", package: str = PACKAGE
) -> str:
    """Returns the contract as the text of a `.proto` file.

    Args:
        functions: What may be called.
        specialist: Name of the specialist that calls them.
        package: Package of the contract, unique in a bundle; its service is `<package>.CallService`.

    Raises:
        Unsupported: A schema has something that no message can say; names the function and the argument.
    """
    uses = "".join(
        f"    Function{number} f{number} = {number} [json_name = {_quoted(function.name)}];\n"
        for number, function in enumerate(functions, start=1)
    )
    use = (
        "\nmessage Use {\n  oneof function {\n    option (buf.validate.oneof).required = true;\n"
        f"{uses}  }}\n}}\n"
    )
    messages = "".join(
        f"\n{_message(f'Function{number}', function.parameters, function.required, function.name, 0)}"
        for number, function in enumerate(functions, start=1)
    )
    header = _HEADER.format(package=package, specialist=specialist, max_calls=MAX_CALLS)
    return header + use + messages


def call_instruction(functions: Sequence[Function]) -> str:
    """Returns the system text of a specialist that calls functions which its weights do not know."""
    listed = "\n".join(function.signature() for function in functions)
    return f"Call the functions that the request needs.\n{listed}"


def arguments_of(message: Message) -> dict[str, Any]:
    """Returns the arguments of a call as JSON values by their own names; 64-bit integers are numbers."""
    return {field.json_name: _value(field, value) for field, value in message.ListFields()}


def _value(field: Any, value: Any) -> Any:
    if field.is_repeated:
        return [_one(item) for item in value]
    return _one(value)


def _one(value: Any) -> Any:
    if not isinstance(value, Message):
        return value
    if value.DESCRIPTOR.full_name.startswith("google.protobuf."):
        return MessageToDict(value)
    return arguments_of(value)


def _function(tool: Mapping[str, Any]) -> Function:
    if "function" in tool:
        tool = tool["function"]
    if "api_name" in tool:
        required = frozenset(tool.get("required") or ())
        return Function(tool["api_name"], tool.get("api_description", ""), tool["parameters"], required)
    schema = tool.get("parameters") or tool.get("input_schema") or tool.get("inputSchema") or {}
    return Function(
        str(tool["name"]),
        str(tool.get("description") or ""),
        dict(schema.get("properties") or {}),
        frozenset(schema.get("required") or ()),
    )


def _type_of(schema: Any) -> str:
    """Returns the one JSON type of a schema; empty when it has several or none."""
    kinds = schema.get("type")
    listed = [kinds] if isinstance(kinds, str) else list(kinds or ())
    listed = [_TYPES.get(kind, "") for kind in listed if kind != "null"]
    if len(listed) == 1:
        return listed[0]
    values = schema.get("enum") or []
    return "string" if not listed and values and all(isinstance(value, str) for value in values) else ""


def _message(
    name: str, parameters: Mapping[str, Any], required: frozenset[str], where: str, depth: int
) -> str:
    indent = "  " * depth
    lines: list[str] = []
    nested: list[str] = []
    for number, (parameter, schema) in enumerate(parameters.items(), start=1):
        place = f"{where}, argument {parameter}"
        kind, rules = _field(schema, f"Nested{number}", place, depth, nested)
        options = [f"json_name = {_quoted(parameter)}", *rules]
        if parameter in required and not kind.startswith("repeated "):
            options.append("(buf.validate.field).required = true")
        label = "" if kind.startswith("repeated ") else "optional "
        lines.append(
            f"{indent}  {label}{kind} {_identifier(parameter, number)} = {number} [{', '.join(options)}];\n"
        )
    return f"{indent}message {name} {{\n{''.join(nested)}{''.join(lines)}{indent}}}\n"


def _field(schema: Any, name: str, where: str, depth: int, nested: list[str]) -> tuple[str, list[str]]:
    """Returns a field's type and rules; adds the message of an object to `nested`."""
    if not isinstance(schema, Mapping):
        raise Unsupported("BAD_SCHEMA", f"{where}: its schema is not an object")
    kind = _type_of(schema)
    if kind in _SCALARS:
        rules = _scalar_rules(kind, schema)
        return _SCALARS[kind], [f"(buf.validate.field).{_SCALARS[kind]} = {{ {rules} }}"] if rules else []
    if kind == "object" and schema.get("properties"):
        required = frozenset(schema.get("required") or ())
        nested.append(_message(name, schema["properties"], required, where, depth + 1))
        return name, []
    if kind == "object":
        return "google.protobuf.Struct", []
    if kind == "array":
        return _array(schema, name, where, depth, nested)
    return "google.protobuf.Value", []


def _array(schema: Any, name: str, where: str, depth: int, nested: list[str]) -> tuple[str, list[str]]:
    items = schema.get("items")
    if not isinstance(items, Mapping) or _type_of(items) in ("array", ""):
        return "google.protobuf.ListValue", []
    inner, _ = _field(items, name, where, depth, nested)
    rules = []
    for keyword, rule in (("minItems", "min_items"), ("maxItems", "max_items")):
        if keyword in schema:
            rules.append(f"{rule}: {int(schema[keyword])}")
    if inner in _SCALARS.values() and (scalar := _scalar_rules(_type_of(items), items)):
        rules.append(f"items: {{ {inner}: {{ {scalar} }} }}")
    return f"repeated {inner}", [f"(buf.validate.field).repeated = {{ {' '.join(rules)} }}"] if rules else []


def _scalar_rules(kind: str, schema: Any) -> str:
    """Returns protovalidate's rules of a scalar schema, as the inside of a text-format message."""
    rules = []
    if values := schema.get("enum"):
        listed = ", ".join(_literal(kind, value) for value in values if value is not None)
        rules.append(f"in: [{listed}]")
    if kind == "string":
        keywords = {"minLength": "min_len", "maxLength": "max_len"}
        rules += [f"{rule}: {int(schema[key])}" for key, rule in keywords.items() if key in schema]
        if "pattern" in schema:
            rules.append(f"pattern: {_quoted(str(schema['pattern']))}")
    if kind == "number":
        rules.append("finite: true")
    if kind in ("integer", "number"):
        keywords = {"minimum": "gte", "maximum": "lte", "exclusiveMinimum": "gt", "exclusiveMaximum": "lt"}
        rules += [
            f"{rule}: {_literal(kind, schema[key])}"
            for key, rule in keywords.items()
            if isinstance(schema.get(key), int | float) and not isinstance(schema.get(key), bool)
        ]
    return " ".join(rules)


def _literal(kind: str, value: Any) -> str:
    if kind == "integer":
        return str(int(value))
    return repr(float(value)) if kind == "number" else _quoted(str(value))


def _identifier(name: str, number: int) -> str:
    """Returns a field name that no other argument has, whatever characters the argument's name has."""
    words = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    return f"a{number}_{words}".rstrip("_")


def _quoted(text: str) -> str:
    # JSON's escapes are those of a .proto string, except that protoc wants bytes for what is not ASCII.
    return json.dumps(text, ensure_ascii=False)
