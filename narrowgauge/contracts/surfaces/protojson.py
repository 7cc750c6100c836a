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
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from narrowgauge.contracts.constraint.fields import is_derived, values_from
from narrowgauge.contracts.constraint.lark import literal
from narrowgauge.contracts.constraint.limits import Limits
from narrowgauge.contracts.constraint.messages import Coverage, MessageGrammar
from narrowgauge.contracts.contract import Contract, Tool, ToolCall
from narrowgauge.contracts.json_schema import JsonSchema, json_schema
from narrowgauge.contracts.proto_json import read_message, write_message
from narrowgauge.contracts.surfaces.surface import ClosedSets
from narrowgauge.errors import FailedPrecondition, InvalidRequest, Unsupported

__all__ = ["CompiledProtoJson", "ProtoJsonSurface"]


class ProtoJsonSurface:
    """Writes calls as ProtoJSON."""

    name = "protojson"

    def __init__(self, limits: Limits | None = None) -> None:
        """Makes a surface.

        Args:
            limits: Bounds for fields whose contract sets none.
        """
        self._limits = limits or Limits()

    def compile(self, contract: Contract) -> CompiledProtoJson:
        """Compiles a contract.

        Raises:
            Unsupported: A field has no constraint; names it and says why.
        """
        return CompiledProtoJson(contract, self._limits)


class CompiledProtoJson:
    """The constraint of one contract on its ProtoJSON. Immutable."""

    name = "protojson"

    def __init__(self, contract: Contract, limits: Limits) -> None:
        """Compiles; see `ProtoJsonSurface.compile`."""
        self.contract = contract
        self._limits = limits
        # Closed sets are not known yet: their fields stand as plain strings in this grammar.
        self._skeleton, grammar = self._compiled(None)
        self._coverage = grammar.coverage
        self._closed_sets = frozenset(grammar.closed_set_names)
        # Keyed by the sets' contents: a catalogue rarely changes between requests.
        self._text = lru_cache(maxsize=8)(self._grammar_text)

    @property
    def closed_sets(self) -> frozenset[str]:
        """Names of the closed sets that `grammar` needs."""
        return self._closed_sets

    @property
    def coverage(self) -> Coverage:
        """Which rules the constraint guarantees, and which protovalidate has to check."""
        return self._coverage

    def grammar(self, closed_sets: ClosedSets) -> str:
        """Returns the grammar of all valid calls in llguidance's Lark dialect.

        Raises:
            FailedPrecondition: A closed set that every call needs is missing or empty.
        """
        needed = tuple((name, tuple(closed_sets.get(name, ()))) for name in sorted(self._closed_sets))
        return self._text(needed)

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
        write_message(request, lambda descriptor, value: _check_member(descriptor, value, closed_sets))
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

    def artefact(self) -> Mapping[str, object]:
        """Returns what the compiler writes into the bundle, as JSON values."""
        return {
            "grammar": self._skeleton,
            "rules_in_constraint": [list(claim) for claim in sorted(self._coverage.claims)],
            "rules_checked_after": [
                [field, rule, reason] for (field, rule), reason in sorted(self._coverage.left.items())
            ],
        }

    def _grammar_text(self, closed_sets: tuple[tuple[str, tuple[str, ...]], ...]) -> str:
        text, grammar = self._compiled(dict(closed_sets))
        if not text:
            missing = ", ".join(sorted(grammar.missing))
            raise FailedPrecondition(
                "CLOSED_SET_EMPTY",
                f"every call of {self.contract.service} needs the closed sets {missing}, for which the "
                "catalogue has no allowed values",
                metadata={"closed_sets": missing},
            )
        return text

    def _compiled(self, closed_sets: ClosedSets | None) -> tuple[str, MessageGrammar]:
        """The grammar, empty when closed sets are missing for every tool."""
        grammar = MessageGrammar(self._limits, closed_sets)
        starts = []
        for tool in self.contract.tools:
            start = grammar.request(tool.request)
            if start is None and not grammar.missing:
                raise Unsupported(
                    "UNSUPPORTED_MESSAGE",
                    f"{tool.request.full_name}: no finite message has its required fields within "
                    f"{self._limits.depth} levels of recursion",
                    metadata={"field": tool.request.full_name},
                )
            if start is not None:
                head = literal(f'{{"method":"{tool.name}","request":')
                starts.append(start if len(self.contract.tools) == 1 else f'{head} {start} "}}"')
        return grammar.lark.text(" | ".join(starts)) if starts else "", grammar

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

    def _check_bounds(self, descriptor: FieldDescriptor, value: Any) -> bool:
        if is_derived(descriptor):
            return False
        bound = self._coverage.bounds.get(descriptor.full_name)
        many = descriptor.is_repeated
        sizes = [len(value)] if many or isinstance(value, str) else []
        if bound is not None and any(size > bound for size in sizes):
            raise InvalidRequest(
                "OUT_OF_BOUNDS",
                f"{descriptor.full_name}: {max(sizes)} is more than the {bound} that this surface writes",
                field_violations=[(descriptor.full_name, f"at most {bound}")],
            )
        return True


def _check_member(descriptor: FieldDescriptor, value: Any, closed_sets: ClosedSets) -> bool:
    name = values_from(descriptor)
    if not name or name not in closed_sets:
        return True
    allowed = closed_sets[name]
    for item in [value] if isinstance(value, str) else value:
        if item and item not in allowed:
            raise InvalidRequest(
                "NOT_IN_CLOSED_SET",
                f"{descriptor.full_name}: {item!r} is none of the {len(allowed)} values of {name}",
                field_violations=[(descriptor.full_name, f"{item!r} is not in {name}")],
            )
    return True
