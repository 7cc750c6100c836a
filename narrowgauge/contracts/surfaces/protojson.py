"""The `protojson` surface: a call as canonical ProtoJSON.

A contract with one tool is written as its request message; one with several as
`{"method":"<Tool>","request":{…}}`, so that the method, itself a closed set, is chosen first.

The grammar has fields in number order and no white space. A field without presence may be left out or
written with any value that its rules allow, its default included: a model that has begun a key can still
say `false` or 0. `render` leaves defaults out, so `parse(render(m)) == m`, and two texts may give one
message. Keys of maps that cannot be enumerated are the one thing that no grammar keeps distinct: a call
with a repeated key is refused by `parse`.
"""

from __future__ import annotations

import json

from google.protobuf.message import Message

from narrowgauge.contracts.constraint.lark import literal
from narrowgauge.contracts.constraint.limits import Limits
from narrowgauge.contracts.constraint.messages import MessageGrammar
from narrowgauge.contracts.contract import Tool, ToolCall
from narrowgauge.contracts.json_schema import JsonSchema, json_schema
from narrowgauge.contracts.proto_json import read_message, write_message
from narrowgauge.contracts.surfaces.any_contract import CompiledForAnyContract, SurfaceForAnyContract
from narrowgauge.contracts.surfaces.surface import ClosedSets
from narrowgauge.errors import InvalidRequest

__all__ = ["CompiledProtoJson", "ProtoJsonSurface"]


class ProtoJsonSurface(SurfaceForAnyContract["CompiledProtoJson"]):
    """Writes calls as ProtoJSON."""

    def __init__(self, limits: Limits | None = None) -> None:
        """Makes a surface.

        Args:
            limits: Bounds for fields whose contract sets none.
        """
        super().__init__(CompiledProtoJson, limits)


class CompiledProtoJson(CompiledForAnyContract):
    """The constraint of one contract on its ProtoJSON. Immutable."""

    name = "protojson"

    def json_schema(self, closed_sets: ClosedSets) -> JsonSchema:
        """Returns a JSON Schema of the calls, for engines with a constraint of their own.

        Args:
            closed_sets: Such that `grammar` makes a grammar of them.
        """
        return json_schema(self.contract, closed_sets, self._limits)

    def parse(self, text: str, closed_sets: ClosedSets) -> ToolCall:
        """Parses a call and checks its closed sets.

        Raises:
            InvalidRequest: The text is not a call, with the place in its message.
        """
        tool, body = self._opened(text)
        request = tool.request_class()
        read_message(body, request)
        self._check_members(request, closed_sets)
        return ToolCall(tool, request)

    def render(self, tool: Tool, request: Message) -> str:
        """Writes a valid message; derived fields are left out.

        Raises:
            InvalidRequest: The message has a value that the grammar has not.
        """
        text = write_message(request, self._check_bounds)
        if len(self.contract.tools) == 1:
            return text
        return f'{{"method":"{tool.name}","request":{text}}}'

    def _begun(self, closed_sets: ClosedSets | None) -> MessageGrammar:
        return MessageGrammar(self._limits, closed_sets)

    def _call(self, tool: Tool, request: str) -> str:
        if len(self.contract.tools) == 1:
            return request
        head = literal(f'{{"method":"{tool.name}","request":')
        return f'{head} {request} "}}"'

    def _opened(self, text: str) -> tuple[Tool, str]:
        if len(self.contract.tools) == 1:
            return self.contract.tools[0], text
        try:
            call = json.loads(text)
        except json.JSONDecodeError as error:
            raise InvalidRequest("NOT_JSON", f"not JSON at character {error.pos}: {error.msg}") from error
        if not isinstance(call, dict) or call.keys() != {"method", "request"}:
            raise InvalidRequest("NOT_A_CALL", 'a call is an object with the keys "method" and "request"')
        try:
            tool = self.contract.tool(str(call["method"]))
        except KeyError as error:
            names = ", ".join(tool.name for tool in self.contract.tools)
            raise InvalidRequest("NO_SUCH_TOOL", f"method {call['method']!r} is none of {names}") from error
        # The request's own text, because decoding it here would hide repeated keys.
        head = f'{{"method":"{tool.name}","request":'
        body = text[len(head) : -1] if text.startswith(head) else json.dumps(call["request"])
        return tool, body
