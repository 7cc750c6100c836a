"""The REST server and the tool in the test's own process, and clients of both."""

from __future__ import annotations

import socket
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
import pytest
import requests
import uvicorn
from google.protobuf.json_format import ParseDict
from google.protobuf.message import Message

from narrowgauge.contracts.contract import contract_of
from narrowgauge.errors import NarrowgaugeError
from narrowgauge.runtime.lifecycle import ServiceServer
from narrowgauge.runtime.status import error_from_rpc
from narrowgauge.tools.salesforce.v1 import salesforce_pb2, salesforce_pb2_grpc
from narrowgauge.v1 import catalogue_pb2_grpc
from tool_svc.salesforce.__main__ import SalesforceTool
from tool_svc.salesforce.config import SalesforceConfig

TOKEN = "00D-secret-token-that-no-log-may-show"
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
SALESFORCE = contract_of(salesforce_pb2.DESCRIPTOR.services_by_name["SalesforceToolService"])


class RestServer:
    """An ASGI application on a loopback port, in a thread of its own."""

    def __init__(self, app: Any) -> None:
        # Bound and listening from here on: a client that comes early waits in the backlog.
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        config = uvicorn.Config(app, log_config=None, lifespan="off", timeout_graceful_shutdown=1)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]})
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()


class Rest:
    """A plain HTTP client of the server."""

    def __init__(self, url: str, token: str = TOKEN) -> None:
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {token}"
        self.url = url

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        if not path.startswith("/"):
            path = f"/services/data/v59.0/{path}"
        return self.session.request(method, self.url + path, timeout=10, **options)

    def query(self, soql: str) -> dict[str, Any]:
        answer = self.call("GET", "query", params={"q": soql})
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    def fault(self, method: str, path: str, **options: Any) -> tuple[int, dict[str, Any]]:
        answer = self.call(method, path, **options)
        [entry] = answer.json()
        return answer.status_code, entry


class Tool:
    """The tool, served over gRPC."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = salesforce_pb2_grpc.SalesforceToolServiceStub(channel)
        self.catalogue = catalogue_pb2_grpc.CatalogueServiceStub(channel)

    async def call(self, method: str, request: dict[str, Any], *, key: str = "", seconds: float = 20) -> Any:
        """Sends a request given as ProtoJSON; raises our error for a failed call."""
        message: Message = ParseDict(request, SALESFORCE.tool(method).request_class())
        metadata = (("narrowgauge-idempotency-key", key),) if key else ()
        try:
            return await getattr(self._stub, method)(message, metadata=metadata, timeout=seconds)
        except grpc.aio.AioRpcError as exc:
            raise error_from_rpc(exc) from None

    async def error(self, method: str, request: dict[str, Any], **options: Any) -> NarrowgaugeError:
        with pytest.raises(NarrowgaugeError) as caught:
            await self.call(method, request, **options)
        return caught.value


ServeTool = Callable[..., Any]


@asynccontextmanager
async def serve_tool(url: str, state: Path, **settings: Any) -> AsyncIterator[Tool]:
    """Serves the tool in this event loop."""
    settings = {"token": TOKEN} | settings
    parts = SalesforceTool(SalesforceConfig(url=url, state=state, **settings))
    server = ServiceServer("127.0.0.1:0", parts.register)
    await server.start()
    try:
        await parts.warm()
        await server.set_ready()
        async with grpc.aio.insecure_channel(server.address) as channel:
            yield Tool(channel)
    finally:
        await server.stop(0)
        await parts.close()
