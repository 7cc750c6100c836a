"""Fixtures of the specialist service's tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from backend_cases import Backends
from ollama_server import OllamaServer, ollama_server
from served import Serve, Served, settings_for
from tiny_gguf import write_tiny_gguf

from narrowgauge.contracts.bundle import Bundle, compile_bundle
from narrowgauge.models import prepare
from narrowgauge.runtime.channels import open_channel
from narrowgauge.runtime.lifecycle import ServiceServer
from narrowgauge.v1 import specialist_pb2_grpc
from specialist_svc.loading import load_specialists
from specialist_svc.servicer import SpecialistServicer

_INVENTORY = Path(__file__).parent.parent.parent / "docs" / "examples" / "inventory"


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A bundle of the specialists that Narrowgauge carries, without router."""
    return compile_bundle(tmp_path_factory.mktemp("bundle") / "bundle", with_router=False)


@pytest.fixture(scope="session")
def inventory(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """The bundle of the example contract: patterns, an integer range, an enum, two tools; without router."""
    return compile_bundle(
        tmp_path_factory.mktemp("inventory") / "bundle",
        protos=[_INVENTORY / "inventory.proto"],
        specialists=[_INVENTORY / "specialist"],
        with_router=False,
    )


@pytest.fixture(scope="session")
def tiny_gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model prepared for llama.cpp."""
    folder = tmp_path_factory.mktemp("tiny_gguf")
    return prepare(write_tiny_gguf(folder / "tiny.gguf"), folder / "prepared", precision="gguf")


@pytest.fixture(scope="session")
def running_ollama(tiny_prepared_model: Path) -> Iterator[OllamaServer]:
    """A server that speaks Ollama's API, started once."""
    with ollama_server(tiny_prepared_model) as server:
        yield server


@pytest.fixture
def ollama(running_ollama: OllamaServer) -> OllamaServer:
    """The same, as new."""
    running_ollama.says.clear()
    running_ollama.chats.clear()
    running_ollama.stalled.clear()
    running_ollama.left.clear()
    return running_ollama


@pytest.fixture
def backends(inventory: Bundle, tiny_prepared_model: Path, tiny_gguf: Path, ollama: OllamaServer) -> Backends:
    """Opens the example's specialist on any backend."""
    models = {"onnxruntime": tiny_prepared_model, "llamacpp": tiny_gguf}
    return Backends(inventory, models, ollama.url)


@pytest.fixture
async def serve(bundle: Bundle, tiny_prepared_model: Path) -> AsyncIterator[Serve]:
    """Starts specialists behind a real gRPC server in this process: `await serve("summary", slots=2)`."""
    async with AsyncExitStack() as stack:

        async def start(name: str, *, model: Path = tiny_prepared_model, **changes: object) -> Served:
            settings = replace(settings_for(name, bundle.path, model), **changes)  # type: ignore[arg-type]
            servicer = SpecialistServicer()
            [specialist] = load_specialists(settings)
            servicer.open([specialist])
            stack.push_async_callback(servicer.close)

            def register(server: grpc.aio.Server) -> list[str]:
                specialist_pb2_grpc.add_SpecialistServiceServicer_to_server(servicer, server)
                return ["narrowgauge.v1.SpecialistService"]

            server = ServiceServer("127.0.0.1:0", register)
            await server.start()
            await server.set_ready()
            stack.push_async_callback(server.stop, 0.5)
            channel = await stack.enter_async_context(open_channel(server.address))
            return Served(specialist_pb2_grpc.SpecialistServiceStub(channel), specialist, channel)

        yield start
