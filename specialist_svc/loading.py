"""Loads what a specialist process serves; every mismatch is an error at start that says what to do."""

from __future__ import annotations

from narrowgauge.contracts.bundle import Bundle
from narrowgauge.contracts.shots import shots_of
from narrowgauge.contracts.surfaces import get_surface
from narrowgauge.errors import NotFound
from specialist_svc.backends import open_backend
from specialist_svc.derived import check_derived
from specialist_svc.inputs import InputLimits
from specialist_svc.settings import Settings
from specialist_svc.specialist import Specialist

__all__ = ["load_specialist"]


def load_specialist(settings: Settings) -> Specialist:
    """Opens bundle and model, checks that they fit together, and reads the shared prefix once.

    Raises:
        NotFound: Bundle, specialist or model is missing.
        DataLoss: A file is damaged.
        FailedPrecondition: Bundle or model is of another version, an execution provider or package is
            missing, or the backend cannot serve the specialist as it is configured.
        Unsupported: A chat format, guide or derived field that cannot be served.
        Unavailable: Ollama or its model is not there.
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
    opened = open_backend(settings, config, surface)
    try:
        specialist = Specialist(
            surface=opened.surface,
            chat=opened.chat,
            instruction=opened.instruction,
            shots=shots_of(config, surface),
            catalogue_chars=config.catalogue_chars,
            schema_links=config.schema_links,
            backend=opened.backend,
            max_output_tokens=config.max_output_tokens,
            max_redecodes=settings.max_redecodes,
            limits=InputLimits(settings.max_text_chars, settings.max_context_chars),
            bundle_hash=bundle.hash,
            model_hash=opened.model_hash,
            model_name=opened.model_name,
        )
        opened.backend.warm([specialist.shared])
    except BaseException:
        opened.backend.close()
        raise
    return specialist
