"""What a surface is: how a specialist writes a message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

from google.protobuf.message import Message

from narrowgauge.contracts.contract import Contract, Tool, ToolCall

__all__ = ["ClosedSets", "CompiledAhead", "CompiledSurface", "Surface"]

ClosedSets = Mapping[str, Sequence[str]]
"""Closed sets by name, as the environment's catalogue and the request's context supply them."""


class CompiledSurface(Protocol):
    """A bijection between the valid calls of one contract and strings, with the grammar of those strings.

    A compiled surface is immutable and safe to share between threads.
    """

    @property
    def name(self) -> str:
        """The surface's name, for example `protojson`."""

    @property
    def contract(self) -> Contract:
        """The contract."""

    @property
    def closed_sets(self) -> frozenset[str]:
        """Names of the closed sets that `grammar` needs."""

    def grammar(self, closed_sets: ClosedSets) -> str:
        """Returns the grammar of all valid calls in llguidance's Lark dialect.

        Raises:
            FailedPrecondition: A closed set that a required field needs is missing or empty.
        """

    def parse(self, text: str, closed_sets: ClosedSets) -> ToolCall:
        """Parses what the grammar accepted.

        Raises:
            InvalidRequest: The text is not a call, with the place in its message.
        """

    def render(self, tool: Tool, request: Message) -> str:
        """Writes a valid message: `parse(render(tool, request))` gives it back.

        Raises:
            InvalidRequest: The message has a value that this surface cannot write.
        """


@runtime_checkable
class CompiledAhead(Protocol):
    """A compiled surface whose constraint exists, in part or whole, before a request's closed sets do."""

    def artefact(self) -> Mapping[str, object]:
        """Returns what the bundle records of the constraint, as JSON values; equal for equal contracts."""


class Surface(Protocol):
    """A way to write messages."""

    @property
    def name(self) -> str:
        """The surface's name, for example `protojson`."""

    def compile(self, contract: Contract) -> CompiledSurface:
        """Compiles a contract.

        Raises:
            Unsupported: The contract has a field that this surface cannot express; names it and says why.
        """
