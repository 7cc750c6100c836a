"""The SQL tool on a loopback port of this process, called as the router calls it."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc

from narrowgauge.contracts.closed_sets import closed_sets_of
from narrowgauge.contracts.surfaces.sql.parse import parse_request
from narrowgauge.contracts.surfaces.sql.tables import columns_of
from narrowgauge.runtime.channels import open_channel
from narrowgauge.runtime.lifecycle import ServiceServer
from narrowgauge.tools.sql.v1 import sql_pb2 as pb
from narrowgauge.tools.sql.v1 import sql_pb2_grpc
from narrowgauge.v1 import catalogue_pb2, catalogue_pb2_grpc
from tool_svc.sql.__main__ import SqlTool as Service
from tool_svc.sql.config import SqlConfig


@dataclasses.dataclass
class SqlTool:
    """Stubs of the tool, and its catalogue."""

    query: sql_pb2_grpc.SqlToolServiceAsyncStub
    catalogues: catalogue_pb2_grpc.CatalogueServiceAsyncStub
    catalogue: catalogue_pb2.Catalogue

    def request(self, sql: str) -> pb.QueryRequest:
        """Reads canonical SQL text over the tool's catalogue."""
        return parse_request(sql, columns_of(closed_sets_of(self.catalogue)))

    async def run(self, sql: str, **options: Any) -> pb.QueryResponse:
        """Runs canonical SQL text."""
        return await self.query.Query(self.request(sql), **options)

    async def rows(self, sql: str) -> list[list[object]]:
        """Runs canonical SQL text and returns plain values."""
        response = await self.run(sql)
        return [[plain(value) for value in row.values] for row in response.rows]


def plain(value: pb.ResultValue) -> object:
    """The value without its wrapping."""
    kind = value.WhichOneof("kind")
    return None if kind is None else getattr(value, kind)


@asynccontextmanager
async def serve_tool(dsn: str, **bounds: Any) -> AsyncIterator[SqlTool]:
    """Serves a database and reads its catalogue."""
    service = Service(SqlConfig(listen="127.0.0.1:0", dsn=dsn, **bounds))
    server = ServiceServer("127.0.0.1:0", service.register)
    await server.start()
    await server.set_ready()
    channel: grpc.aio.Channel = open_channel(server.address)
    try:
        catalogues = catalogue_pb2_grpc.CatalogueServiceStub(channel)
        answer = await catalogues.GetCatalogue(catalogue_pb2.GetCatalogueRequest())
        yield SqlTool(sql_pb2_grpc.SqlToolServiceStub(channel), catalogues, answer.catalogue)
    finally:
        await channel.close()
        await server.stop(drain_s=1)
        await service.close()
