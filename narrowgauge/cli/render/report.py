"""Reports of evaluations and benchmarks: a table of metrics, or one JSON object."""

from __future__ import annotations

import json

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from narrowgauge.cli.render.console import stdout
from narrowgauge.evaluation.report import Report

__all__ = ["print_report"]

_MAX_WHY = 400


def print_report(report: Report, *, as_json: bool) -> None:
    """Prints a report on stdout."""
    if as_json:
        typer.echo(json.dumps(report.to_json(), ensure_ascii=False))
        return
    console = stdout()
    facts = [f"{report.n} records" if not report.machine else f"{report.n} measurements"]
    facts += [report.model] if report.model else []
    facts += [f"bundle {report.bundle[:16]}"] if report.bundle else []
    console.print(Text.assemble((report.kind, "bold"), "  ", "  ".join(facts)))
    console.print(_metrics(report))
    if report.reliability:
        console.print(_reliability(report))
    if report.latency_ms:
        told = "  ".join(f"{name} {value:.1f}" for name, value in report.latency_ms.items())
        console.print(f"latency in ms  {told}", style="dim")
    if report.machine:
        told = "  ".join(f"{name} {value}" for name, value in report.machine.items())
        console.print(f"machine  {told}", style="dim", markup=False)
    if report.failures:
        console.print(_failures(report))


def _metrics(report: Report) -> Table:
    table = Table(box=SIMPLE_HEAD, show_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("metric", no_wrap=True, overflow="ellipsis", max_width=48)
    table.add_column("value", justify="right", no_wrap=True)
    table.add_column("95 % interval", justify="right", no_wrap=True)
    for name, value in report.metrics.items():
        low, high = report.ci95.get(name, (None, None))
        between = f"{_figure(low)} to {_figure(high)}" if low is not None and high is not None else ""
        table.add_row(name, _figure(value), between)
    return table


def _reliability(report: Report) -> Table:
    """How often the router was right where it was so sure; a bar of twenty signs is all of them."""
    table = Table(box=SIMPLE_HEAD, show_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for name in ("confidence", "n", "mean", "right"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for row in report.reliability:
        table.add_row(
            f"{row['low']:.2f} to {row['high']:.2f}",
            f"{row['n']:.0f}",
            f"{row['confidence']:.3f}",
            f"{row['accuracy']:.3f}",
            "█" * round(20 * row["accuracy"]),
        )
    return table


def _figure(value: float | None) -> str:
    if value is None:
        return ""
    if isinstance(value, int) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"


def _failures(report: Report) -> Table:
    table = Table(box=SIMPLE_HEAD, show_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("failed", no_wrap=True, overflow="ellipsis", max_width=20)
    table.add_column("why", overflow="fold")
    for failure in report.failures:
        why = failure.why if len(failure.why) <= _MAX_WHY else failure.why[: _MAX_WHY - 1] + "…"
        table.add_row(Text(failure.id), Text(why))
    return table
