"""Serves the Salesforce tool: `python -m tool_svc.salesforce`."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import grpc

from narrowgauge.runtime.lifecycle import ServerLimits, serve, service_main
from narrowgauge.tools.salesforce.v1 import salesforce_pb2_grpc
from narrowgauge.v1 import catalogue_pb2_grpc
from tool_svc.catalogue import CATALOGUE_SERVICE
from tool_svc.salesforce.config import SalesforceConfig
from tool_svc.salesforce.connection import Connection, Deadline
from tool_svc.salesforce.describes import Describes
from tool_svc.salesforce.operations import Operations
from tool_svc.salesforce.outcomes import Outcomes
from tool_svc.salesforce.servicer import CONTRACT, CatalogueServicer, SalesforceToolServicer

_WARM_S = 60.0


class SalesforceTool:
    """All parts of the process, wired."""

    def __init__(self, config: SalesforceConfig) -> None:
        self._outcomes = Outcomes(config.state_file)
        self._connection = Connection(config)
        self._describes = Describes(self._connection, config.objects, config.describe_age_s)
        operations = Operations(
            self._connection,
            self._describes,
            key_field=config.key_field,
            max_rows=config.max_rows,
            max_bytes=config.max_bytes,
        )
        self._executor = ThreadPoolExecutor(config.workers, thread_name_prefix="salesforce")
        self._tool = SalesforceToolServicer(operations, self._outcomes, self._executor, config.timeout_s)
        self._catalogue = CatalogueServicer(
            self._describes, self._executor, key_field=config.key_field, timeout_s=config.timeout_s
        )

    def register(self, server: grpc.aio.Server) -> list[str]:
        """Adds the servicers."""
        salesforce_pb2_grpc.add_SalesforceToolServiceServicer_to_server(self._tool, server)
        catalogue_pb2_grpc.add_CatalogueServiceServicer_to_server(self._catalogue, server)
        return [CONTRACT, CATALOGUE_SERVICE]

    async def warm(self) -> None:
        """Reads the describes before the first call, so that a wrong address or token shows at once."""
        await asyncio.to_thread(self._describes.all, Deadline.after(_WARM_S))

    async def close(self) -> None:
        """Ends what is in flight, then closes connections and files."""
        await self._tool.close()
        await asyncio.to_thread(self._executor.shutdown, cancel_futures=True)
        self._connection.close()
        self._outcomes.close()


async def main(config: SalesforceConfig) -> None:
    """Serves until SIGTERM or SIGINT."""
    tool = await asyncio.to_thread(SalesforceTool, config)
    await serve(
        service_name="salesforce",
        listen=config.listen,
        register=tool.register,
        warm=tool.warm,
        close=tool.close,
        drain_s=config.drain_s,
        # Calls beyond these would wait for a thread until their deadline; they are refused at once instead.
        limits=ServerLimits(max_concurrent_rpcs=8 * config.workers),
    )


if __name__ == "__main__":
    service_main(main, SalesforceConfig)
