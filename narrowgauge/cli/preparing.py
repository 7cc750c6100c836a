"""What the system needs before its processes start: a bundle, models, demo data. Made once and kept."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from narrowgauge.cli.home import Home

if TYPE_CHECKING:
    from narrowgauge.contracts.bundle import Bundle

__all__ = ["Progress", "ready_bundle", "ready_demo_data", "ready_models"]

Progress = Callable[[str, float | None], None]
"""Told what is being done and how far it is, from 0 to 1; None where that is unknown."""

_COMPILED_FROM = ("contracts", "routing", "specialists", "tools", "v1")
"""Packages of the library that a bundle of the built-in contracts depends on."""


async def ready_bundle(home: Home, progress: Progress) -> Bundle:
    """Returns the bundle; compiles the built-in contracts when there is none or the library has changed.

    A bundle that `narrowgauge compile` wrote is used as it is.
    """
    from narrowgauge.contracts.bundle import Bundle, compile_bundle

    inputs = await asyncio.to_thread(_hash_of_library)
    ours = home.bundle_inputs.read_text() if home.bundle_inputs.exists() else None
    if (home.bundle / "bundle.json").exists() and ours in (None, inputs):
        return await asyncio.to_thread(Bundle.load, home.bundle)
    progress("compiling contracts", None)
    bundle = await asyncio.to_thread(compile_bundle, home.bundle, progress=progress)
    home.bundle_inputs.write_text(inputs)
    return bundle


async def ready_models(
    home: Home, bundle: Bundle, source: Path | None, progress: Progress
) -> Mapping[str, Path]:
    """Returns the prepared model of each specialist that has one; prepares those that are missing, one after
    the other. Ollama keeps its models itself.
    """
    from narrowgauge.models import prepare

    prepared: dict[tuple[Path | None, str], Path] = {}
    found: dict[str, Path] = {}
    for name, config in bundle.configs.items():
        backend = os.environ.get("NARROWGAUGE_BACKEND") or config.backend
        if backend == "ollama":
            continue
        wish = (config.adapter_path, "gguf" if backend == "llamacpp" else "int4")

        def report(stage: str, fraction: float, name: str = name) -> None:
            progress(f"preparing the model of {name}: {stage}", fraction)

        if wish not in prepared:  # specialists without an adapter share a model
            prepared[wish] = await asyncio.to_thread(
                prepare, source, home.models, adapter=wish[0], precision=wish[1], progress=report
            )
        found[name] = prepared[wish]
    return found


async def ready_demo_data(home: Home, *, warehouse: bool, organisation: bool, progress: Progress) -> None:
    """Writes the demo's databases that are wanted and not there."""
    if warehouse and not home.warehouse.exists():
        from narrowgauge.demo.warehouse import build_warehouse

        progress("writing the demo warehouse", None)
        await asyncio.to_thread(_write_whole, home.warehouse, build_warehouse)
    if organisation and not home.organisation.exists():
        from narrowgauge.demo.organisation import build_organisation

        progress("writing the demo organisation", None)
        await asyncio.to_thread(_write_whole, home.organisation, build_organisation)


def _write_whole(path: Path, build: Callable[[Path], object]) -> None:
    """Lets a half-written database never be taken for a whole one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    build(part)
    part.rename(path)


def _hash_of_library() -> str:
    digest = hashlib.sha256()
    root = Path(__file__).resolve().parent.parent
    for package in _COMPILED_FROM:
        for path in sorted((root / package).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(f"{path.relative_to(root)}\n".encode())
                digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
