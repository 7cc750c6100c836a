"""`narrowgauge prepare`: a checkpoint to a model that a specialist can serve."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["prepare_command"]


def prepare_command(
    source: Annotated[
        Path | None,
        typer.Argument(
            exists=True, help="GGUF file, or folder of a checkpoint; the embedded model without it."
        ),
    ] = None,
    adapter: Annotated[
        Path | None, typer.Option(exists=True, file_okay=False, help="Low-rank adapter to merge.")
    ] = None,
    bundle: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            file_okay=False,
            help="Prepare the model of each specialist of this bundle; CACHE/NAME leads to it.",
        ),
    ] = None,
    precision: Annotated[
        str, typer.Option(help="int4, int4_plain, int8 or fp32 for onnxruntime, gguf for llama.cpp.")
    ] = "int4",
    cache: Annotated[Path | None, typer.Option(help="Folder of prepared models.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Turn a Llama-family checkpoint into a quantised ONNX model, once; later calls find it in the cache."""
    import json
    import os

    from narrowgauge.cli.home import Home
    from narrowgauge.cli.render.progress import progress_bar
    from narrowgauge.errors import InvalidRequest
    from narrowgauge.models import load_prepared, prepare

    if bundle is not None and adapter is not None:
        raise InvalidRequest(
            "BAD_ARGUMENT", "--bundle and --adapter exclude each other: a bundle's specialists name their own"
        )
    target = cache or Home.of(os.environ).models
    with progress_bar() as progress:

        def one(adapter: Path | None, precision: str = precision) -> Path:
            return prepare(
                source,
                target,
                adapter=adapter,
                precision=precision,
                progress=lambda stage, fraction: progress(f"preparing: {stage}", fraction),
            )

        paths = {"": one(adapter)} if bundle is None else _for_specialists(bundle, target, one)
    facts = []
    for specialist, path in paths.items():
        model = load_prepared(path)
        entry = {"path": str(path), "name": model.name, "precision": model.precision, "hash": model.hash}
        facts.append(entry if bundle is None else {"specialist": specialist, **entry})
    if as_json:
        typer.echo(json.dumps(facts[0] if bundle is None else facts, indent=2))
        return
    for entry in facts:
        label = f"{entry['specialist']}: " if bundle is not None else ""
        typer.echo(
            f"{label}{entry['name']} {entry['precision']}\nmodel {entry['hash']}\nin    {entry['path']}"
        )


def _for_specialists(bundle: Path, cache: Path, one: Callable[..., Path]) -> dict[str, Path]:
    """Prepares the model of each specialist that has one and puts a link with its name beside it.

    Links, because specialists without an adapter share a model; relative ones, because an image copies the
    cache to a place of its own.
    """
    from narrowgauge.contracts.bundle import Bundle

    paths: dict[str, Path] = {}
    for name, config in sorted(Bundle.load(bundle).configs.items()):
        if config.backend == "ollama":  # which keeps its models itself
            continue
        link = cache / name
        link.unlink(missing_ok=True)
        chosen = {"precision": "gguf"} if config.backend == "llamacpp" else {}
        link.symlink_to(one(config.adapter_path, **chosen).name)
        paths[name] = link
    return paths
