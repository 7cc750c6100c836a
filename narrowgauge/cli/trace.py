"""`narrowgauge trace`: where a chain's time went."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from narrowgauge.runtime.trace_tree import Trace

__all__ = ["trace", "whole_trace"]


def trace(
    trace_id: Annotated[
        str | None,
        typer.Argument(metavar="[ID]", help="Trace id or its first digits; the last chain without it."),
    ] = None,
    list_: Annotated[bool, typer.Option("--list", "-l", help="List the traces that are kept.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="How many to list.")] = 20,
    everything: Annotated[
        bool, typer.Option("--all", help="Also draw streams that were merely open.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Draw the waterfall of a chain, with the critical path marked.

    Thick bars are spans that the chain waited for; the column `critical` says for how long it waited for each
    one itself. The traces are those that the built-in sink of `narrowgauge up` keeps.
    """
    import os

    from narrowgauge.cli.home import Home
    from narrowgauge.cli.render.console import stdout
    from narrowgauge.cli.render.waterfall import summary_table, waterfall
    from narrowgauge.runtime.trace_store import TraceStore

    path = Home.of(os.environ).traces
    if list_:
        with TraceStore(path, read_only=True) as store:
            summaries = store.summaries(limit)
        if as_json:
            typer.echo(json.dumps([asdict(summary) for summary in summaries], indent=2))
        else:
            stdout().print(summary_table(summaries))
        return
    found = asyncio.run(whole_trace(path, trace_id))
    if as_json:
        critical = [
            {"span_id": segment.span.span_id, "start_ns": segment.start_ns, "end_ns": segment.end_ns}
            for segment in found.critical_path
        ]
        spans = [{**asdict(span), "attributes": dict(span.attributes)} for _, span in found.walk()]
        typer.echo(
            json.dumps({"trace_id": found.trace_id, "spans": spans, "critical_path": critical}, indent=2)
        )
    else:
        stdout().print(waterfall(found, everything=everything))


async def whole_trace(path: Path, trace_id: str | None, *, attempts: int = 12) -> Trace:
    """Reads a trace, waiting a little for spans that services are still exporting.

    Services export every 200 ms, each on its own. Returns what is there when the trace is whole, or after the
    last attempt (1.5 s later): a tool that exports nothing never completes it.

    Raises:
        NotFound: `NO_SUCH_TRACE`, also after the last attempt.
    """
    from narrowgauge.errors import NotFound
    from narrowgauge.runtime.trace_store import TraceStore

    for attempt in range(attempts):
        last = attempt == attempts - 1
        try:
            with TraceStore(path, read_only=True) as store:
                found = store.read(trace_id)
            if found.complete or last:
                return found
        except NotFound:
            if last or trace_id is None:
                raise
        await asyncio.sleep(0.125)
    raise AssertionError("the last attempt returns or raises")
