"""The surface `sql`: the SQL contract's requests as canonical SQL text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from google.protobuf.message import Message

from narrowgauge.contracts.contract import Contract, Tool, ToolCall
from narrowgauge.contracts.grounded_values import Grounds, OpenValueOf
from narrowgauge.contracts.surfaces.one_service import SurfaceForOneService
from narrowgauge.contracts.surfaces.sql.grammar import TERMINALS, sql_grammar
from narrowgauge.contracts.surfaces.sql.open_value import ValueReader
from narrowgauge.contracts.surfaces.sql.parameter import MAX_DEPTH, SOURCES
from narrowgauge.contracts.surfaces.sql.parse import parse_request
from narrowgauge.contracts.surfaces.sql.render import render_request
from narrowgauge.contracts.surfaces.sql.tables import columns_of
from narrowgauge.contracts.surfaces.sql.words import MAX_COLUMNS, MAX_DERIVED_COLUMNS
from narrowgauge.contracts.surfaces.surface import ClosedSets
from narrowgauge.tools.sql.v1 import sql_pb2

__all__ = ["SqlSurface"]

_SERVICE = "narrowgauge.tools.sql.v1.SqlToolService"


class SqlSurface(SurfaceForOneService):
    """Writes requests of `narrowgauge.tools.sql.v1.SqlToolService` as SQL."""

    def __init__(self) -> None:
        super().__init__("sql", _SERVICE, CompiledSqlSurface)


@dataclass(frozen=True)
class CompiledSqlSurface:
    """The surface of one build of the SQL contract.

    Attributes:
        contract: The contract; its messages may come from another descriptor pool than the generated code.
    """

    contract: Contract

    @property
    def name(self) -> str:
        """`sql`."""
        return "sql"

    @property
    def closed_sets(self) -> frozenset[str]:
        """`entities`; the columns of each table are read from `fields:<table>`."""
        return frozenset({"entities", "fields", "qualified_fields"})

    def grammar(self, closed_sets: ClosedSets) -> str:
        """Returns the grammar of all queries over the catalogue's tables, and of `UNANSWERABLE`."""
        return sql_grammar(closed_sets)

    def artefact(self) -> Mapping[str, object]:
        """Returns what does not depend on a catalogue: the terminals, and the bounds of a query."""
        return {
            "service": self.contract.service,
            "terminals": TERMINALS,
            "max_tables": SOURCES,
            "max_depth": MAX_DEPTH,
            "max_columns": MAX_COLUMNS,
            "max_derived_columns": MAX_DERIVED_COLUMNS,
        }

    def parse(self, text: str, closed_sets: ClosedSets) -> ToolCall:
        """Reads canonical SQL text."""
        tool = self.contract.tool("Query")
        request = tool.request_class()
        request.ParseFromString(parse_request(text, columns_of(closed_sets)).SerializeToString())
        return ToolCall(tool, request)

    def value_reader(self, closed_sets: ClosedSets, grounds: Grounds) -> OpenValueOf:
        """See `ReadsOpenValues.value_reader`."""
        return ValueReader(closed_sets, grounds)

    @property
    def own_words(self) -> frozenset[str]:
        """See `ReadsOpenValues.own_words`: none."""
        return frozenset()

    @property
    def place_words(self) -> frozenset[str]:
        """See `ReadsOpenValues.place_words`: none, since a database has no name of its own in questions."""
        return frozenset()

    def render(self, tool: Tool, request: Message) -> str:
        """Writes a valid request as canonical SQL text."""
        return render_request(sql_pb2.QueryRequest.FromString(request.SerializeToString()))
