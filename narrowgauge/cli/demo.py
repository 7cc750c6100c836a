"""`narrowgauge demo`: from nothing to executed, traced tool calls, and the rows to prove it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["DEMO_REQUEST", "demo"]

DEMO_REQUEST = (
    "List the five customers with the largest unpaid invoices, open a high priority case in Salesforce for "
    "each of them, then list the five newest cases in Salesforce, and write a short summary of "
    "the results."
)


def demo(
    text: Annotated[
        str, typer.Argument(metavar="[TEXT]", help="Another request than the demo's.")
    ] = DEMO_REQUEST,
    home: Annotated[
        Path,
        typer.Option(envvar="NARROWGAUGE_HOME", file_okay=False, help="Folder for models, data and logs."),
    ] = Path(".narrowgauge"),
    model: Annotated[
        Path | None,
        typer.Option(envvar="NARROWGAUGE_MODEL_SOURCE", exists=True, help="GGUF file or checkpoint folder."),
    ] = None,
) -> None:
    """Start everything on free ports, run the demo request, show the rows it wrote, shut down.

    The demo data is written anew each time. Writes are approved in advance. Exits with 0 when every step
    ended well and every record that was written is there.
    """
    raise typer.Exit(0 if asyncio.run(_demo(text, home.absolute(), model)) else 1)


async def _demo(text: str, folder: Path, model: Path | None) -> bool:
    from narrowgauge.cli.approvals import ApproveUpTo
    from narrowgauge.cli.ask import chain_start
    from narrowgauge.cli.chain import Decision, run_chain
    from narrowgauge.cli.evidence import WriteLog, evidence_table, read_back
    from narrowgauge.cli.home import Home
    from narrowgauge.cli.render.console import stderr, stdout
    from narrowgauge.cli.render.events import EventView
    from narrowgauge.cli.render.progress import progress_bar
    from narrowgauge.cli.render.waterfall import waterfall
    from narrowgauge.cli.system import SystemOptions, running_system
    from narrowgauge.cli.trace import whole_trace
    from narrowgauge.demo.organisation import SEED_DATE
    from narrowgauge.runtime.channels import open_channel
    from narrowgauge.v1 import dispatcher_pb2 as pb

    home = Home(folder)
    console, view, writes = stdout(), EventView(stdout()), WriteLog()

    def on_event(event: pb.DispatchResponse) -> None:
        writes.note(event)
        view.show(event)

    async def refuse(event: pb.DispatchResponse, call: pb.ToolCallMade) -> Decision:
        return Decision(False, "the demo approves writes in advance, and nothing destructive")

    with progress_bar() as progress:
        context = running_system(home, SystemOptions(model=model, fresh_demo_data=True), progress)
        system = await context.__aenter__()
    try:
        console.print(f"[bold]request[/bold] {text}\n")
        start = chain_start(text, (), ApproveUpTo.WRITE, "", SEED_DATE.isoformat(), 0)
        async with open_channel(system.router) as channel:
            finished = await run_chain(channel, start, on_event, refuse)
        evidence = await asyncio.to_thread(
            read_back, system.salesforce_url, system.salesforce_token, writes.records
        )
        console.print(
            f"\n[bold]in the demo organisation[/bold] ({system.salesforce_url}, read back over REST)"
        )
        console.print(evidence_table(evidence) if evidence else "nothing was written")
        if system.sink and finished.trace_id:
            console.print()
            console.print(waterfall(await whole_trace(home.traces, finished.trace_id)))
    finally:
        await context.__aexit__(None, None, None)
        stderr().print("all processes stopped", style="dim")
    return finished.status.code == 0 and all(record.fields is not None for record in evidence)
