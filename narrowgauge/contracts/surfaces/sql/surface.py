"""The surface `sql`: the SQL contract's requests as canonical SQL text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from google.protobuf.message import Message

from narrowgauge.contracts.contract import Contract, Tool, ToolCall
from narrowgauge.contracts.surfaces.sql.grammar import TERMINALS, sql_grammar
from narrowgauge.contracts.surfaces.sql.parameter import MAX_DEPTH, SOURCES
from narrowgauge.contracts.surfaces.sql.parse import parse_request
from narrowgauge.contracts.surfaces.sql.render import render_request
from narrowgauge.contracts.surfaces.sql.tables import columns_of
from narrowgauge.contracts.surfaces.sql.words import MAX_COLUMNS, MAX_DERIVED_COLUMNS
from narrowgauge.contracts.surfaces.surface import ClosedSets, CompiledSurface
from narrowgauge.errors import Unsupported
from narrowgauge.tools.sql.v1 import sql_pb2

__all__ = ["SqlSurface"]

_SERVICE = "narrowgauge.tools.sql.v1.SqlToolService"


class SqlSurface:
    """Writes requests of `narrowgauge.tools.sql.v1.SqlToolService` as SQL."""

    @property
    def name(self) -> str:
        """`sql`."""
        return "sql"

    def compile(self, contract: Contract) -> CompiledSurface:
        """Compiles the SQL contract.

        Raises:
            Unsupported: It is another contract.
        """
        if contract.service != _SERVICE:
            raise Unsupported(
                "SURFACE_NOT_FOR_CONTRACT",
                f"the surface sql writes calls of {_SERVICE} only; use protojson for {contract.service}",
            )
        return CompiledSqlSurface(contract)


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

    def render(self, tool: Tool, request: Message) -> str:
        """Writes a valid request as canonical SQL text."""
        return render_request(sql_pb2.QueryRequest.FromString(request.SerializeToString()))
