"""`narrowgauge doctor`: what is right and wrong on this machine, and what to do."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["doctor"]


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Check Python, providers, models, ports, bundle and disk, and say what to do.

    Exits with 1 when something is wrong.
    """
    import json
    import os
    from dataclasses import asdict

    from rich.table import Table
    from rich.text import Text

    from narrowgauge.cli.checks import CHECKS, State
    from narrowgauge.cli.home import Home
    from narrowgauge.cli.render.console import stdout

    home = Home.of(os.environ)
    findings = [finding for check in CHECKS for finding in check(home)]
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        marks = {State.OK: ("✓", "green"), State.NOTE: ("·", "yellow"), State.WRONG: ("✗", "red")}
        table = Table.grid(padding=(0, 2, 0, 0))
        for finding in findings:
            mark, style = marks[finding.state]
            words = Text(finding.detail)
            if finding.advice:
                words.append(f"\n→ {finding.advice}", style=style)
            table.add_row(Text(mark, style=style), Text(finding.matter, style="bold"), words)
        stdout().print(table)
    raise typer.Exit(1 if any(finding.state == State.WRONG for finding in findings) else 0)
