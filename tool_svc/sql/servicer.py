"""The gRPC side: checks requests and runs queries in threads, within the deadline."""

from __future__ import annotations

import asyncio
import logging
import time
from concurrent.futures import Executor
from typing import Any

import grpc

from narrowgauge.contracts.validate import violations
from narrowgauge.errors import FailedPrecondition, InvalidRequest
from narrowgauge.tools.sql.v1 import sql_pb2 as pb
from narrowgauge.tools.sql.v1 import sql_pb2_grpc
from narrowgauge.v1 import catalogue_pb2
from tool_svc.catalogue import ContractCatalogue
from tool_svc.sql.database import Bounds, Database, Stop
from tool_svc.sql.hidden_values import HiddenValues
from tool_svc.sql.statement import statement_of

__all__ = ["CONTRACT", "CatalogueServicer", "SqlToolServicer"]

CONTRACT = pb.DESCRIPTOR.services_by_name["SqlToolService"].full_name
Context = grpc.aio.ServicerContext[Any, Any]

_log = logging.getLogger(__name__)


class SqlToolServicer(sql_pb2_grpc.SqlToolServiceServicer):
    """Serves the contract."""

    def __init__(self, database: Database, executor: Executor, bounds: Bounds) -> None:
        self._database = database
        self._executor = executor
        self._bounds = bounds

    async def Query(self, request: pb.QueryRequest, context: Context) -> pb.QueryResponse:  # noqa: N802  the method's name in the contract
        """Runs a structured SELECT."""
        found = violations(request)
        if found:
            field, text = found[0]
            raise InvalidRequest(
                "INVALID_CALL", f"{field}: {text}" if field else text, field_violations=found
            )
        if request.WhichOneof("call") == "unanswerable":
            raise FailedPrecondition(
                "UNANSWERABLE", "the tables do not hold the answer: there is nothing to run"
            )
        statement = statement_of(request.query, self._database.dialect, max_rows=self._bounds.rows)
        left = context.time_remaining()
        seconds = self._bounds.seconds if left is None else max(0.001, min(left, self._bounds.seconds))
        bounds = Bounds(self._bounds.rows, self._bounds.bytes, seconds)
        stop = Stop()
        work = asyncio.get_running_loop().run_in_executor(
            self._executor, self._database.run, statement, bounds, stop
        )
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            # The thread ends at its next look; what it then says is nobody's.
            await asyncio.get_running_loop().run_in_executor(None, stop.set)
            work.add_done_callback(lambda done: done.cancelled() or done.exception())
            raise


class CatalogueServicer(ContractCatalogue):
    """Serves the database's catalogue, read again when it has grown old."""

    def __init__(
        self, database: Database, executor: Executor, max_age_s: float, hidden: HiddenValues
    ) -> None:
        """Takes what it reads from, the threads to read in, and what is not for other processes."""
        super().__init__(CONTRACT)
        self._database = database
        self._executor = executor
        self._max_age_s = max_age_s
        self._hidden = hidden
        self._hidden_columns: dict[str, int] = {}
        self._catalogue = catalogue_pb2.Catalogue()
        self._read_at = -float("inf")
        self._reading = asyncio.Lock()

    async def read(self) -> catalogue_pb2.Catalogue:
        """Returns the catalogue."""
        async with self._reading:
            if time.monotonic() - self._read_at > self._max_age_s:
                self._catalogue = await asyncio.get_running_loop().run_in_executor(self._executor, self._read)
                self._read_at = time.monotonic()
        return self._catalogue

    async def current(self, context: Context) -> catalogue_pb2.Catalogue:
        """See `ContractCatalogue.current`."""
        return await self.read()

    def _read(self) -> catalogue_pb2.Catalogue:
        catalogue = self._database.read_catalogue()
        columns = self._hidden.hide(catalogue)
        if columns != self._hidden_columns:
            # How an operator sees what a pattern covers: one that matches nothing is no error.
            _log.info("values stay in the tool", extra={"columns": columns})
            self._hidden_columns = columns
        return catalogue
