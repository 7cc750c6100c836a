"""Serves the SQL tool: `python -m tool_svc.sql`."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import grpc

from narrowgauge.runtime.lifecycle import ServerLimits, serve, service_main
from narrowgauge.tools.sql.v1 import sql_pb2_grpc
from narrowgauge.v1 import catalogue_pb2_grpc
from tool_svc.catalogue import CATALOGUE_SERVICE
from tool_svc.sql.config import SqlConfig
from tool_svc.sql.database import Bounds, open_database
from tool_svc.sql.hidden_values import HiddenValues
from tool_svc.sql.servicer import CONTRACT, CatalogueServicer, SqlToolServicer


class SqlTool:
    """All parts of the process, wired."""

    def __init__(self, config: SqlConfig) -> None:
        self._database = open_database(config.dsn)
        self._executor = ThreadPoolExecutor(config.workers, thread_name_prefix="sql")
        bounds = Bounds(config.max_rows, config.max_bytes, config.timeout_s)
        self._tool = SqlToolServicer(self._database, self._executor, bounds)
        hidden = HiddenValues(config.hidden_values)
        self._catalogue = CatalogueServicer(self._database, self._executor, config.catalogue_age_s, hidden)

    def register(self, server: grpc.aio.Server) -> list[str]:
        """Adds the servicers."""
        sql_pb2_grpc.add_SqlToolServiceServicer_to_server(self._tool, server)
        catalogue_pb2_grpc.add_CatalogueServiceServicer_to_server(self._catalogue, server)
        return [CONTRACT, CATALOGUE_SERVICE]

    async def warm(self) -> None:
        """Reads the catalogue before the first call, so that a wrong DSN shows at once."""
        await self._catalogue.read()

    async def close(self) -> None:
        """Lets running queries end, then closes the database."""
        await asyncio.to_thread(self._executor.shutdown, cancel_futures=True)
        await asyncio.to_thread(self._database.close)


async def main(config: SqlConfig) -> None:
    """Serves until SIGTERM or SIGINT."""
    tool = SqlTool(config)
    await serve(
        service_name="sql",
        listen=config.listen,
        register=tool.register,
        warm=tool.warm,
        close=tool.close,
        drain_s=config.drain_s,
        # Calls beyond these would wait for a thread until their deadline; they are refused at once instead.
        limits=ServerLimits(max_concurrent_rpcs=8 * config.workers),
    )


if __name__ == "__main__":
    service_main(main, SqlConfig)
