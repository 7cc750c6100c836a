"""`narrowgauge metrics`: counts and latencies, as the built-in sink has them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Annotated, Any

import typer

__all__ = ["metrics", "quantile"]


def metrics(
    rpc: Annotated[bool, typer.Option("--rpc", help="Also show every RPC method.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show counts and latencies of the system that `narrowgauge up` runs, since its start.

    Percentiles are estimated from histogram buckets. Services export every five seconds.
    """
    import os

    from rich.table import Table

    from narrowgauge.cli.home import Home
    from narrowgauge.cli.render.console import stdout
    from narrowgauge.runtime.trace_store import TraceStore

    with TraceStore(Home.of(os.environ).traces, read_only=True) as store:
        points = [point for point in store.metrics() if rpc or not point.name.startswith("rpc.")]
    if as_json:
        typer.echo(json.dumps([asdict(point) for point in points], indent=2))
        return
    table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False, header_style="bold")
    table.add_column("instrument", no_wrap=True, overflow="ellipsis", max_width=34)
    table.add_column("of", overflow="fold")
    for name in ("count", "mean ms", "p50", "p95"):
        table.add_column(name, justify="right", no_wrap=True)
    for point in points:
        details = " ".join(str(value) for _, value in sorted(point.attributes.items()))
        table.add_row(point.name, details or point.service, *_figures(point.value))
    stdout().print(table)


def quantile(part: float, bounds: Sequence[float], counts: Sequence[int]) -> float:
    """Estimates a quantile of a histogram, linear within its bucket.

    Args:
        part: From 0 to 1.
        bounds: Upper bounds of all buckets but the last, rising.
        counts: Values in each bucket, one more than `bounds`.
    """
    rank, seen = part * sum(counts), 0
    for index, count in enumerate(counts):
        if count and seen + count >= rank:
            low = bounds[index - 1] if index else 0.0
            high = bounds[index] if index < len(bounds) else low
            return low + (high - low) * (rank - seen) / count
        seen += count
    return bounds[-1] if bounds else 0.0


def _figures(value: Mapping[str, Any]) -> tuple[str, str, str, str]:
    if "value" in value:
        return f"{value['value']:,}", "", "", ""
    count, bounds, counts = int(value["count"]), value["bounds"], value["counts"]
    if not count:
        return "0", "", "", ""
    p50, p95 = (f"{quantile(part, bounds, counts) * 1000:.1f}" for part in (0.5, 0.95))
    return f"{count:,}", f"{value['sum'] / count * 1000:.1f}", p50, p95
