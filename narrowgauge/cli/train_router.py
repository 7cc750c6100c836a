"""`narrowgauge train router`: the encoder fine-tuned on one's own requests, for `compile --encoder`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import typer

__all__ = ["train_router_command"]

_TAKEN = frozenset({"specialist", "out", "data", "base", "start", "rate", "threads", "seed", "seconds"})


def train_router_command(ctx: typer.Context) -> None:
    """Trains with the options of `narrowgauge train`, as far as they say something of a router.

    Args:
        ctx: Of that command.

    Raises:
        InvalidRequest: An option is for specialists alone, --out is missing, or the data cannot be used.
        FailedPrecondition: There is an unfinished run with other options.
    """
    from narrowgauge.cli.watching import stop_on_signal, watched
    from narrowgauge.errors import InvalidRequest
    from narrowgauge.routing.encoder import ENCODER_FOLDER
    from narrowgauge.training.router.train import RouterRecipe, RouterRun, train_router

    given = {
        name: value
        for name, value in ctx.params.items()
        if (source := ctx.get_parameter_source(name)) is not None and source.name == "COMMANDLINE"
    }
    foreign = sorted(set(given) - _TAKEN)
    if foreign:
        options = ", ".join("--" + name.replace("_", "-") for name in foreign)
        raise InvalidRequest("BAD_ARGUMENT", f"{options} is for specialists: the router has no such option")
    if "out" not in given:
        raise InvalidRequest("BAD_ARGUMENT", "name the folder of the encoder to write: --out DIR")
    recipe = RouterRecipe()
    for name in ("rate", "threads", "seed", "seconds"):
        if name in given:
            recipe = replace(recipe, **{name: given[name]})
    start = given.get("start")
    run = RouterRun(
        tuple(given.get("data") or ()),
        given["out"],
        None if start == "none" else ENCODER_FOLDER if start is None else Path(start),
        given.get("base"),
        recipe,
    )
    with stop_on_signal() as check, watched("router", check) as watcher:
        facts = train_router(run, watcher)
    typer.echo(f"examples {facts['examples']}")
    typer.echo(
        f"steps    {facts['steps']}, {facts['tokens']} tokens, {facts['seconds']} s, loss {facts['loss']}"
    )
    typer.echo(f"encoder  {run.out}")
    typer.echo(f"compile with it: narrowgauge compile --encoder {run.out}")
