"""Loads what a specialist process serves; every mismatch is an error at start that says what to do."""

from __future__ import annotations

import os

from narrowgauge.contracts.bundle import Bundle
from narrowgauge.contracts.prompts import chat_format
from narrowgauge.contracts.shots import shots_of
from narrowgauge.contracts.surfaces import get_surface
from narrowgauge.errors import NotFound, Unsupported
from narrowgauge.models import PreparedModel, load_prepared
from specialist_svc.derived import check_derived
from specialist_svc.engine.backend import DecodeBackend
from specialist_svc.inputs import InputLimits
from specialist_svc.settings import BACKENDS, PROVIDERS, Settings
from specialist_svc.specialist import Specialist

__all__ = ["load_specialist", "open_backend"]


def load_specialist(settings: Settings) -> Specialist:
    """Opens bundle and model, checks that they fit together, and reads the shared prefix once.

    Raises:
        NotFound: Bundle, specialist or model is missing.
        DataLoss: A file is damaged.
        FailedPrecondition: Bundle or model is of another version, or an execution provider is missing.
        Unsupported: A backend, chat format or derived field that this build cannot serve.
        InvalidRequest: Prompt and output do not fit into a slot.
    """
    bundle = Bundle.load(settings.bundle)
    config = bundle.configs.get(settings.specialist)
    if config is None:
        raise NotFound(
            "NO_SUCH_SPECIALIST",
            f"bundle {settings.bundle} has no specialist {settings.specialist!r}; it has "
            f"{', '.join(sorted(bundle.configs))}",
        )
    contract = bundle.contracts[settings.specialist]
    for tool in contract.tools:
        check_derived(tool.request)
    surface = get_surface(settings.surface or config.surface).compile(contract)
    model = load_prepared(settings.model)
    backend = open_backend(settings, model)
    specialist = Specialist(
        surface=surface,
        chat=chat_format(model.config.chat_format),
        instruction=config.instruction,
        shots=shots_of(config, surface),
        catalogue_chars=config.catalogue_chars,
        backend=backend,
        max_output_tokens=config.max_output_tokens,
        max_redecodes=settings.max_redecodes,
        limits=InputLimits(settings.max_text_chars, settings.max_context_chars),
        bundle_hash=bundle.hash,
        model_hash=model.hash,
        model_name=model.name,
    )
    try:
        backend.warm([specialist.shared])
    except BaseException:
        backend.close()
        raise
    return specialist


def open_backend(settings: Settings, model: PreparedModel) -> DecodeBackend:
    """Opens the backend that the settings name.

    Raises:
        Unsupported: This build does not have it.
        FailedPrecondition, DataLoss, InvalidRequest: As the backend says.
    """
    if settings.backend != "onnxruntime":
        raise Unsupported(
            "BACKEND",
            f"the backend {settings.backend!r} is not part of this build; there are {', '.join(BACKENDS)}",
        )
    # Outlines imports transformers, whose advice to install PyTorch would stand in the log of every start.
    os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")
    # Here, because Outlines takes 1.6 s to import and a process that prints its configuration needs none of
    # it.
    from specialist_svc.engine.loop import CacheOptions
    from specialist_svc.engine.onnxruntime import EngineOptions, OnnxruntimeBackend

    options = EngineOptions(
        slots=settings.slots,
        slot_tokens=settings.slot_tokens,
        queue=settings.queue,
        threads=settings.kernel_threads(),
        caches=CacheOptions(stored_bytes=settings.cache_bytes),
        prefixes=settings.prefixes or settings.model / "prefixes",
    )
    return OnnxruntimeBackend(model, options, provider=PROVIDERS[settings.provider])
