"""`narrowgauge compile`: contracts to a bundle."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from narrowgauge.contracts.bundle import Bundle

__all__ = ["compile_command"]


def compile_command(
    proto: Annotated[
        list[Path] | None,
        typer.Option(
            "--proto", exists=True, help="A .proto file with contracts of your own, or a folder of them."
        ),
    ] = None,
    specialist: Annotated[
        list[Path] | None,
        typer.Option("--specialist", exists=True, file_okay=False, help="Folder with a specialist.toml."),
    ] = None,
    only: Annotated[
        bool, typer.Option("--only", help="Leave the built-in specialists out: take those named alone.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="Folder to write; NARROWGAUGE_HOME/bundle without it.")
    ] = None,
    router_only: Annotated[
        bool, typer.Option("--router-only", help="Compile a router from --examples alone.")
    ] = False,
    examples: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="JSON lines of labelled requests.")
    ] = None,
    rules: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="Rules on routes, as TOML: docs/router.md."),
    ] = None,
    encoder: Annotated[
        Path | None,
        typer.Option(
            exists=True, file_okay=False, help="Folder that `train router` wrote; the carried one without it."
        ),
    ] = None,
    precision: Annotated[
        float | None,
        typer.Option(
            help="Share of routes that must be right: thresholds are fitted to it, a specialist each. The "
            "router abstains below them.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compile contracts into a bundle: what router and specialists agree on, by its content hash.

    The built-in specialists (SQL, Salesforce, summary), and those named. Compiling twice gives the same
    bytes.
    """
    import json
    import os

    from narrowgauge.cli.home import Home
    from narrowgauge.cli.render.console import stdout
    from narrowgauge.cli.render.progress import progress_bar
    from narrowgauge.contracts.route_rules import read_rules
    from narrowgauge.errors import InvalidRequest

    if router_only != (examples is not None):
        raise InvalidRequest("BAD_ARGUMENT", "--router-only and --examples FILE go together")
    given_rules = read_rules(rules) if rules is not None else ()
    if examples is not None:
        from narrowgauge.routing import compile_router_from_examples

        if out is None:
            raise InvalidRequest("BAD_ARGUMENT", "--router-only needs --out DIR")
        compile_router_from_examples(examples, out, rules=given_rules, encoder=encoder, precision=precision)
        typer.echo(json.dumps({"path": str(out)}) if as_json else f"router written to {out}")
        return

    from narrowgauge.contracts.bundle import carried_specialists, compile_bundle

    folders = list(specialist or ())
    if only and not folders:
        raise InvalidRequest("BAD_ARGUMENT", "--only needs at least one --specialist DIR")
    home = Home.of(os.environ)
    target = out or home.bundle
    if out is None:
        home.bundle_inputs.unlink(missing_ok=True)  # `up` leaves a bundle of the user's alone
    with progress_bar() as progress:
        progress("compiling contracts", None)
        bundle = compile_bundle(
            target,
            protos=proto or (),
            specialists=folders if only else [*carried_specialists(), *folders],
            rules=given_rules,
            encoder=encoder,
            precision=precision,
            progress=progress,
        )
    if as_json:
        typer.echo(json.dumps(_summary(bundle), indent=2))
        return
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False, header_style="bold")
    for name in ("specialist", "surface", "threshold", "contract"):
        table.add_column(name, no_wrap=True)
    table.add_column("tools", overflow="fold")
    for entry in _summary(bundle)["specialists"]:
        threshold = f"{entry['threshold']:.2f}"
        table.add_row(
            entry["name"], entry["surface"], threshold, entry["contract"], ", ".join(entry["tools"])
        )
    stdout().print(table)
    for line in _overruled(bundle):
        stdout().print(line, style="yellow", markup=False)
    stdout().print(f"\nbundle {bundle.hash}\nin     {bundle.path}", soft_wrap=True, markup=False)


def _summary(bundle: Bundle) -> dict[str, Any]:
    return {
        "hash": bundle.hash,
        "path": str(bundle.path),
        "rules": _router(bundle)["rules"],
        "overruled_examples": _router(bundle)["overruled_examples"],
        "specialists": [
            {
                "name": name,
                "surface": bundle.configs[name].surface if name in bundle.configs else "",
                "threshold": _router(bundle)["thresholds"][name],
                "contract": contract.service,
                "tools": [tool.name for tool in contract.tools],
            }
            for name, contract in sorted(bundle.contracts.items())
        ],
    }


def _router(bundle: Bundle) -> dict[str, Any]:
    import json

    description: dict[str, Any] = json.loads((bundle.router_path / "router.json").read_text(encoding="utf-8"))
    return description


def _overruled(bundle: Bundle) -> list[str]:
    """Returns a line for each example that a rule sends elsewhere: meant, or a rule that is too wide."""
    return [
        f"rule {entry['rule']} overrules an example of {entry['specialist']}: {entry['example']!r}"
        for entry in _router(bundle)["overruled_examples"]
    ]
