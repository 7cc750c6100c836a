"""The surface `salesforce`: calls of the Salesforce contract as one short line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from google.protobuf.message import Message

from narrowgauge.contracts.contract import Contract, Tool, ToolCall
from narrowgauge.contracts.grounded_values import Grounds, OpenValueOf
from narrowgauge.contracts.surfaces.one_service import SurfaceForOneService
from narrowgauge.contracts.surfaces.salesforce.grammar import salesforce_grammar
from narrowgauge.contracts.surfaces.salesforce.open_value import OWN_WORDS, PLACE_WORDS, ValueReader
from narrowgauge.contracts.surfaces.salesforce.parse import parse
from narrowgauge.contracts.surfaces.salesforce.render import render
from narrowgauge.contracts.surfaces.surface import ClosedSets
from narrowgauge.tools.salesforce.v1 import salesforce_pb2

__all__ = ["SalesforceSurface"]

_SERVICE = "narrowgauge.tools.salesforce.v1.SalesforceToolService"


class SalesforceSurface(SurfaceForOneService):
    """Writes requests of `narrowgauge.tools.salesforce.v1.SalesforceToolService`."""

    def __init__(self) -> None:
        super().__init__("salesforce", _SERVICE, CompiledSalesforceSurface)


@dataclass(frozen=True)
class CompiledSalesforceSurface:
    """The surface of one build of the Salesforce contract.

    Attributes:
        contract: The contract; its messages may come from another descriptor pool than the generated code.
    """

    contract: Contract

    @property
    def name(self) -> str:
        """`salesforce`."""
        return "salesforce"

    @property
    def closed_sets(self) -> frozenset[str]:
        """Those named here; fields, types and values are read from the sets of each entity."""
        return frozenset({"entities", "record_ids", "external_keys"})

    def grammar(self, closed_sets: ClosedSets) -> str:
        """Returns the grammar of all calls over the catalogue's objects, and of `UNANSWERABLE`."""
        return salesforce_grammar(closed_sets)

    def artefact(self) -> Mapping[str, object]:
        """Returns what tells one version of this surface from another."""
        return {"surface": self.name, "contract": self.contract.service, "version": 5}

    def parse(self, text: str, closed_sets: ClosedSets) -> ToolCall:
        """Reads a call."""
        method, message = parse(text)
        tool = self.contract.tool(method)
        request = tool.request_class()
        request.ParseFromString(message.SerializeToString())
        return ToolCall(tool, request)

    def value_reader(self, closed_sets: ClosedSets, grounds: Grounds) -> OpenValueOf:
        """See `ReadsOpenValues.value_reader`."""
        return ValueReader(closed_sets, grounds)

    @property
    def own_words(self) -> frozenset[str]:
        """See `ReadsOpenValues.own_words`."""
        return OWN_WORDS

    @property
    def place_words(self) -> frozenset[str]:
        """See `ReadsOpenValues.place_words`."""
        return PLACE_WORDS

    def render(self, tool: Tool, request: Message) -> str:
        """Writes a valid request."""
        own = getattr(salesforce_pb2, tool.request.name)()
        own.ParseFromString(request.SerializeToString())
        return render(own)
