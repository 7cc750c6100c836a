"""Which backend decodes the specialists' calls: opens it, with everything that depends on the choice.

One function for each name of `narrowgauge.contracts.specialist.BACKENDS`. What a backend cannot do for a
specialist is an error here, at start: nothing is applied in part.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from narrowgauge.contracts.contract import Contract
from narrowgauge.contracts.prompts import ChatFormat, chat_format
from narrowgauge.contracts.specialist import SpecialistConfig
from narrowgauge.contracts.surfaces import CompiledSurface
from narrowgauge.contracts.surfaces.protojson import CompiledProtoJson
from narrowgauge.errors import FailedPrecondition, InvalidRequest, Unsupported
from narrowgauge.models import PreparedModel, load_prepared
from narrowgauge.models.prepared import GGUF
from specialist_svc.engine.backend import DecodeBackend
from specialist_svc.schema_surface import SchemaSurface
from specialist_svc.settings import PROVIDERS, Settings

__all__ = ["Opened", "open_backend"]


@dataclass(frozen=True)
class Opened:
    """A backend and what a specialist's prompts and description take from it.

    Attributes:
        backend: The backend.
        surface: The surface, in the form that the backend takes.
        chat: The chat format of prompts.
        instruction: System text.
        model_name: The model's name.
        model_hash: Hash of the model's files.
    """

    backend: DecodeBackend
    surface: CompiledSurface
    chat: ChatFormat
    instruction: str
    model_name: str
    model_hash: str


_Wanted = Sequence[tuple[SpecialistConfig, CompiledSurface]]


def open_backend(settings: Settings, wanted: _Wanted) -> list[Opened]:
    """Opens the backend that the environment, or else the specialists' configuration, names.

    Args:
        settings: The process's.
        wanted: The specialists with the surfaces that they write; alike in all that concerns a backend.

    Returns:
        For each specialist what it takes; the backend is the same one in all of them.

    Raises:
        Unsupported: The guide cannot express the contract.
        FailedPrecondition: The backend cannot serve a specialist as it is configured; says what to change.
        Unavailable: Ollama or its model is not there.
        NotFound, DataLoss, InvalidRequest: As the backend says.
    """
    openers: dict[str, Callable[[Settings, _Wanted], list[Opened]]] = {
        "onnxruntime": _open_onnxruntime,
        "llamacpp": _open_llamacpp,
        "ollama": _open_ollama,
    }
    # Outlines imports transformers, whose advice to install PyTorch would stand in the log of every start.
    os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")
    return openers[settings.backend or wanted[0][0].backend](settings, wanted)


def _open_onnxruntime(settings: Settings, wanted: _Wanted) -> list[Opened]:
    # Here and below, because Outlines takes 1.6 s to import and a process that prints its configuration needs
    # none of it.
    from specialist_svc.engine.loop import CacheOptions
    from specialist_svc.engine.onnxruntime import EngineOptions, OnnxruntimeBackend

    model = _prepared(settings)
    if model.precision == GGUF:
        raise FailedPrecondition(
            "MODEL_PRECISION", f"{model.path} was prepared for llama.cpp; run: narrowgauge prepare"
        )
    options = EngineOptions(
        slots=settings.slots,
        slot_tokens=settings.slot_tokens,
        queue=settings.queue,
        threads=settings.kernel_threads(),
        caches=CacheOptions(stored_bytes=settings.cache_bytes),
        prefixes=settings.prefixes or model.path / "prefixes",
        guide=wanted[0][0].guide,
    )
    backend = OnnxruntimeBackend(model, options, provider=PROVIDERS[settings.provider])
    return _in_process(backend, model, wanted)


def _open_llamacpp(settings: Settings, wanted: _Wanted) -> list[Opened]:
    from specialist_svc.engine.llamacpp import LlamaCppBackend, LlamaCppOptions

    model = _prepared(settings)
    options = LlamaCppOptions(
        slots=settings.slots,
        slot_tokens=settings.slot_tokens,
        queue=settings.queue,
        threads=settings.kernel_threads(),
        guide=wanted[0][0].guide,
    )
    return _in_process(LlamaCppBackend(model, options), model, wanted)


def _open_ollama(settings: Settings, wanted: _Wanted) -> list[Opened]:
    from specialist_svc.engine.ollama import OllamaBackend, OllamaOptions

    name = settings.ollama_model or wanted[0][0].ollama_model
    surfaces = [_surface_for_ollama(config, surface, name) for config, surface in wanted]
    backend = OllamaBackend(
        OllamaOptions(
            url=settings.ollama_url,
            model=name,
            slots=settings.slots,
            slot_tokens=settings.slot_tokens,
            queue=settings.queue,
        )
    )
    return [
        Opened(
            backend=backend,
            surface=surface,
            chat=chat_format("messages"),
            instruction=_explained(config.instruction, surface.contract),
            model_name=name,
            model_hash=backend.model.digest,
        )
        for (config, _), surface in zip(wanted, surfaces, strict=True)
    ]


def _surface_for_ollama(config: SpecialistConfig, surface: CompiledSurface, name: str) -> SchemaSurface:
    """Returns the surface as JSON schema.

    Raises:
        InvalidRequest, FailedPrecondition: Ollama cannot serve the specialist as it is configured.
    """
    if not name:
        raise InvalidRequest(
            "BAD_CONFIG",
            f"the specialist {config.name} has the backend ollama and no model: set ollama_model in its "
            "configuration, or NARROWGAUGE_OLLAMA_MODEL",
        )
    if not isinstance(surface, CompiledProtoJson):
        raise FailedPrecondition(
            "BACKEND_SURFACE",
            f"Ollama writes JSON, and the specialist {config.name} has the surface {surface.name}: set "
            'surface = "protojson" in its configuration, or NARROWGAUGE_SURFACE=protojson',
        )
    if config.adapter:
        raise FailedPrecondition(
            "ADAPTER_NOT_APPLICABLE",
            f"the specialist {config.name} has an adapter, which Ollama cannot apply to {name}: take another "
            "backend, or a configuration without adapter, whose examples are then shown in the prompt",
        )
    if config.guide != "llguidance":
        raise FailedPrecondition(
            "BACKEND_GUIDE",
            f"Ollama holds its constraint itself, and the specialist {config.name} has "
            f'guide = "{config.guide}": leave guide out',
        )
    return SchemaSurface(surface)


class _InProcess(DecodeBackend, Protocol):
    def compile(self, grammar: str) -> None: ...


def _in_process(backend: _InProcess, model: PreparedModel, wanted: _Wanted) -> list[Opened]:
    try:
        for config, surface in wanted:
            if config.guide == "outlines_core":
                _compile_ahead(backend, surface)
        chat = chat_format(model.config.chat_format)
    except BaseException:
        backend.close()
        raise
    return [
        Opened(backend, surface, chat, config.instruction, model.name, model.hash)
        for config, surface in wanted
    ]


def _compile_ahead(backend: _InProcess, surface: CompiledSurface) -> None:
    if surface.closed_sets:
        raise Unsupported(
            "NOT_REGULAR",
            'guide = "outlines_core" builds its index at start, and the closed sets '
            f"{', '.join(sorted(surface.closed_sets))} of {surface.contract.service} are known with "
            "a request only; use llguidance",
        )
    backend.compile(surface.grammar({}))


def _prepared(settings: Settings) -> PreparedModel:
    if settings.model is None:
        raise InvalidRequest(
            "BAD_CONFIG", "NARROWGAUGE_MODEL is not set: folder that `narrowgauge prepare` wrote"
        )
    return load_prepared(settings.model)


def _explained(instruction: str, contract: Contract) -> str:
    """A general model knows nothing of the contract, and writes better JSON when the prompt asks for it."""
    lines = [instruction, *(f"{tool.name}: {tool.description}" for tool in contract.tools)]
    return "\n".join(filter(None, [*lines, "Answer with one JSON object on one line."]))
