"""Specialists of the example contract on every backend, for the suites that run over all of them."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from ollama_server import MODEL

from narrowgauge.contracts.bundle import Bundle
from narrowgauge.v1.catalogue_pb2 import Catalogue
from specialist_svc.conversation import SubTask
from specialist_svc.loading import load_specialists
from specialist_svc.settings import Settings
from specialist_svc.specialist import Specialist

WAIT_S = 300
REQUESTS = [f"reserve {12 + n} units of AX-10{n} in Berlin" for n in range(6)]
LLAMACPP = pytest.param(
    "llamacpp",
    marks=pytest.mark.skipif(
        importlib.util.find_spec("xllamacpp") is None, reason="the extra llamacpp is not installed"
    ),
)
ALL_BACKENDS = ["onnxruntime", LLAMACPP, "ollama"]


@dataclass(frozen=True)
class Backends:
    """Opens specialists.

    Attributes:
        bundle: The example contract's.
        models: Prepared folder by backend.
        ollama_url: Where the server is that speaks Ollama's API.
    """

    bundle: Bundle
    models: dict[str, Path]
    ollama_url: str

    def settings(self, backend: str, **changes: object) -> Settings:
        values: dict[str, object] = {
            "specialists": ("inventory",),
            "bundle": self.bundle.path,
            "model": self.models.get(backend),
            "backend": backend,
            "ollama_url": self.ollama_url,
            "ollama_model": MODEL,
            "slots": 2,
            "slot_tokens": 1024,
            "threads": 1,
        }
        return Settings(**(values | changes))  # type: ignore[arg-type]

    @contextmanager
    def specialist(self, backend: str, **changes: object) -> Iterator[Specialist]:
        [specialist] = load_specialists(self.settings(backend, **changes))
        try:
            yield specialist
        finally:
            specialist.backend.close()


def sub_task(text: str, *, max_tokens: int = 120) -> SubTask:
    return SubTask(text, (), Catalogue(), "2026-03-02", max_tokens)
