"""Loads what a specialist process serves; every mismatch is an error at start that says what to do."""

from __future__ import annotations

from collections.abc import Sequence

from narrowgauge.contracts.bundle import Bundle
from narrowgauge.contracts.shots import shots_of
from narrowgauge.contracts.specialist import SpecialistConfig
from narrowgauge.contracts.surfaces import CompiledSurface, get_surface
from narrowgauge.errors import FailedPrecondition, InvalidRequest, NotFound
from narrowgauge.models.adapter import Adapter
from narrowgauge.models.draft_table import DRAFTS_FILE, DraftTable
from specialist_svc.backends import Opened, open_backend
from specialist_svc.derived import check_derived
from specialist_svc.inputs import InputLimits
from specialist_svc.settings import Settings
from specialist_svc.specialist import Specialist

__all__ = ["load_specialists"]


def load_specialists(settings: Settings) -> list[Specialist]:
    """Opens bundle and model, checks that they fit together, and reads the shared prefixes once.

    Returns:
        The specialists in the order of their names in the settings; all have the same backend.

    Raises:
        NotFound: Bundle, specialist or model is missing.
        DataLoss: A file is damaged.
        FailedPrecondition: Bundle or model is of another version, an execution provider or package is
            missing, the backend cannot serve the specialist as it is configured, or several specialists
            cannot share a process.
        Unsupported: A chat format, guide or derived field that cannot be served.
        Unavailable: Ollama or its model is not there.
        InvalidRequest: Prompt and output do not fit into a slot, or a specialist is named twice.
    """
    bundle = Bundle.load(settings.bundle)
    configs = [_config(bundle, name) for name in settings.specialists]
    _check_shared(configs)
    wanted = [(config, _surface(bundle, config, settings)) for config in configs]
    opened = open_backend(settings, wanted)
    try:
        specialists = [
            _specialist(bundle, config, surface, one, settings)
            for (config, surface), one in zip(wanted, opened, strict=True)
        ]
        for specialist in specialists:
            specialist.backend.warm([specialist.shared])
    except BaseException:
        opened[0].backend.close()
        raise
    return specialists


def _config(bundle: Bundle, name: str) -> SpecialistConfig:
    config = bundle.configs.get(name)
    if config is None:
        raise NotFound(
            "NO_SUCH_SPECIALIST",
            f"bundle {bundle.path} has no specialist {name!r}; it has {', '.join(sorted(bundle.configs))}",
        )
    return config


def _check_shared(configs: Sequence[SpecialistConfig]) -> None:
    """Makes sure that one backend with one copy of the weights can serve all of them."""
    names = [config.name for config in configs]
    if len(set(names)) < len(names):
        raise InvalidRequest("BAD_CONFIG", f"NARROWGAUGE_SPECIALIST names one twice: {', '.join(names)}")
    if len(configs) == 1:
        return
    needs = {(c.backend, c.ollama_model, c.guide, _adapter_sha256(c)) for c in configs}
    if len(needs) > 1:
        raise FailedPrecondition(
            "SPECIALISTS_DIFFER",
            f"one process cannot serve {', '.join(names)}: they differ in backend, ollama_model, guide or "
            "adapter; start a process for each",
        )


def _adapter_sha256(config: SpecialistConfig) -> str:
    return Adapter.load(config.adapter_path).sha256 if config.adapter_path is not None else ""


def _drafts(config: SpecialistConfig) -> DraftTable | None:
    path = config.adapter_path / DRAFTS_FILE if config.adapter_path is not None else None
    return DraftTable.load(path) if path is not None and path.is_file() else None


def _surface(bundle: Bundle, config: SpecialistConfig, settings: Settings) -> CompiledSurface:
    contract = bundle.contracts[config.name]
    for tool in contract.tools:
        check_derived(tool.request)
    return get_surface(settings.surface or config.surface).compile(contract)


def _specialist(
    bundle: Bundle, config: SpecialistConfig, surface: CompiledSurface, opened: Opened, settings: Settings
) -> Specialist:
    return Specialist(
        surface=opened.surface,
        chat=opened.chat,
        instruction=opened.instruction,
        shots=shots_of(config, surface),
        catalogue_chars=config.catalogue_chars,
        schema_links=config.schema_links,
        drafts=_drafts(config),
        backend=opened.backend,
        max_output_tokens=config.max_output_tokens,
        max_redecodes=settings.max_redecodes,
        limits=InputLimits(settings.max_text_chars, settings.max_context_chars),
        bundle_hash=bundle.hash,
        model_hash=opened.model_hash,
        model_name=opened.model_name,
    )
