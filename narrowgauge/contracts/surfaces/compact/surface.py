"""The surface `compact`: calls of any contract, without what the contract implies.

```
 reserve AX-100 12 berlin
 Sales grew 3.5 %.
 key Revenue rose to $1,200.
, Costs fell.
 figures 3.5 %, $1,200
```

A method by its short name, then the required fields by position, then those that are there behind a word of
their name; `layout` has the rules. Words are bare, free text goes to the end of its line, a value of a closed
set that is no word is a JSON string. Every word has its space before it, at the beginning of the call too:
so do the tokens of words. Commas separate items, a bracket ends a nested message in which more could follow.

It has the constraints of `protojson`, whose walk over the contract it shares. Written are values that are
not the default, except for a float, whose zero has a sign; keys of maps that cannot be enumerated are the
one thing that no grammar keeps distinct, and `parse` refuses a repeated one.
"""

from __future__ import annotations

from google.protobuf.message import Message

from narrowgauge.contracts.constraint.lark import literal
from narrowgauge.contracts.constraint.limits import Limits
from narrowgauge.contracts.constraint.messages import MessageGrammar
from narrowgauge.contracts.contract import Contract, Tool, ToolCall
from narrowgauge.contracts.proto_json import read_message, write_message
from narrowgauge.contracts.surfaces.any_contract import CompiledForAnyContract, SurfaceForAnyContract
from narrowgauge.contracts.surfaces.compact.grammar import CompactGrammar
from narrowgauge.contracts.surfaces.compact.layout import Layouts
from narrowgauge.contracts.surfaces.compact.parse import Reader
from narrowgauge.contracts.surfaces.compact.render import Renderer
from narrowgauge.contracts.surfaces.compact.words import short_names
from narrowgauge.contracts.surfaces.surface import ClosedSets

__all__ = ["CompactSurface", "CompiledCompact"]


class CompactSurface(SurfaceForAnyContract["CompiledCompact"]):
    """Writes calls without what their contract implies."""

    def __init__(self, limits: Limits | None = None) -> None:
        """Makes a surface.

        Args:
            limits: Bounds for fields whose contract sets none.
        """
        super().__init__(CompiledCompact, limits)


class CompiledCompact(CompiledForAnyContract):
    """The constraint of one contract on its compact text. Immutable."""

    name = "compact"

    def __init__(self, contract: Contract, limits: Limits) -> None:
        """Compiles; see `CompactSurface.compile`."""
        self._layouts = Layouts()
        self._methods = short_names([tool.name for tool in contract.tools])
        super().__init__(contract, limits)

    def parse(self, text: str, closed_sets: ClosedSets) -> ToolCall:
        """Parses a call and checks its closed sets.

        Raises:
            InvalidRequest: The text is not a call, with the place in its message.
        """
        reader = Reader(text, self._layouts)
        tool = self.contract.tools[0]
        if self._named(tool):
            tool = self.contract.tools[reader.method(self._methods)]
        request = tool.request_class()
        read_message(reader.request(tool.request), request)
        self._check_members(request, closed_sets)
        return ToolCall(tool, request)

    def render(self, tool: Tool, request: Message) -> str:
        """Writes a valid message; derived fields are left out.

        Raises:
            InvalidRequest: The message has a value that the grammar has not.
        """
        write_message(request, self._check_bounds)
        text = Renderer(self._layouts).request(request)
        return f" {self._method(tool)}{text}" if self._named(tool) else text

    def _begun(self, closed_sets: ClosedSets | None) -> MessageGrammar:
        if closed_sets is not None:
            return CompactGrammar(self._limits, closed_sets, self._layouts)
        grammar = CompactGrammar(self._limits, None, None)
        self._layouts = grammar.layouts
        return grammar

    def _call(self, tool: Tool, request: str) -> str:
        return f"{literal(' ' + self._method(tool))} {request}" if self._named(tool) else request

    def _method(self, tool: Tool) -> str:
        return self._methods[[known.method for known in self.contract.tools].index(tool.method)]

    def _named(self, tool: Tool) -> bool:
        """A call begins with its method where there are several, or where it could be empty without."""
        layout = self._layouts.messages[tool.request.full_name]
        return len(self.contract.tools) > 1 or not layout.never_empty
