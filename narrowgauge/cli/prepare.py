"""`narrowgauge prepare`: a checkpoint to a model that a specialist can serve."""

from __future__ import annotations

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
    precision: Annotated[str, typer.Option(help="int4, int4h8, int8 or fp32.")] = "int4",
    cache: Annotated[Path | None, typer.Option(help="Folder of prepared models.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Turn a Llama-family checkpoint into a quantised ONNX model, once; later calls find it in the cache."""
    import json
    import os

    from narrowgauge.cli.home import Home
    from narrowgauge.cli.render.progress import progress_bar
    from narrowgauge.models import load_prepared, prepare

    with progress_bar() as progress:
        path = prepare(
            source,
            cache or Home.of(os.environ).models,
            adapter=adapter,
            precision=precision,
            progress=lambda stage, fraction: progress(f"preparing: {stage}", fraction),
        )
    model = load_prepared(path)
    if as_json:
        facts = {"path": str(path), "name": model.name, "precision": model.precision, "hash": model.hash}
        typer.echo(json.dumps(facts, indent=2))
    else:
        typer.echo(f"{model.name} {model.precision}\nmodel {model.hash}\nin    {path}")
