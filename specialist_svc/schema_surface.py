"""The `protojson` surface for a backend that takes a JSON Schema where others take a grammar."""

from __future__ import annotations

import json

from google.protobuf.message import Message

from narrowgauge.contracts.contract import Contract, Tool, ToolCall
from narrowgauge.contracts.surfaces.protojson import CompiledProtoJson
from narrowgauge.contracts.surfaces.surface import ClosedSets

__all__ = ["SchemaSurface"]


class SchemaSurface:
    """A compiled surface whose `grammar` is a JSON Schema; see `CompiledSurface`."""

    def __init__(self, surface: CompiledProtoJson) -> None:
        self._surface = surface

    @property
    def name(self) -> str:
        """See `CompiledSurface.name`."""
        return self._surface.name

    @property
    def contract(self) -> Contract:
        """See `CompiledSurface.contract`."""
        return self._surface.contract

    @property
    def closed_sets(self) -> frozenset[str]:
        """See `CompiledSurface.closed_sets`."""
        return self._surface.closed_sets

    def grammar(self, closed_sets: ClosedSets) -> str:
        """Returns the JSON Schema of all valid calls, as JSON.

        Raises:
            FailedPrecondition: A closed set that a required field needs is missing or empty.
        """
        self._surface.grammar(closed_sets)
        return json.dumps(self._surface.json_schema(closed_sets), ensure_ascii=False)

    def parse(self, text: str, closed_sets: ClosedSets) -> ToolCall:
        """See `CompiledSurface.parse`."""
        return self._surface.parse(text, closed_sets)

    def render(self, tool: Tool, request: Message) -> str:
        """See `CompiledSurface.render`."""
        return self._surface.render(tool, request)
