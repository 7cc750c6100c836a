"""Entry point of the `narrowgauge` command."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from narrowgauge.cli.commands import LazyGroup

__all__ = ["app", "main"]

# gRPC's C core writes notes about closed connections between our lines; it reads this once, when loaded.
os.environ.setdefault("GRPC_VERBOSITY", "ERROR")

app = typer.Typer(
    cls=LazyGroup,
    name="narrowgauge",
    help="A compiled router and narrow specialists turn plain language into valid, executed tool calls.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"narrowgauge {version('narrowgauge')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Declares the options of `narrowgauge` itself."""


def main() -> None:
    """Runs the command line."""
    app(prog_name="narrowgauge")


if __name__ == "__main__":
    main()
