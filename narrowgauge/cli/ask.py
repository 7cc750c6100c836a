"""`narrowgauge ask`: one request, watched step by step."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from narrowgauge.cli.approvals import ApproveUpTo, Terminal, auto_approved

if TYPE_CHECKING:
    from narrowgauge.v1 import dispatcher_pb2 as pb

__all__ = ["ask", "chain_start"]


def ask(
    text: Annotated[str, typer.Argument(help="The request, in plain language.")],
    context: Annotated[
        list[Path] | None,
        typer.Option(
            "--context", "-c", exists=True, dir_okay=False, help="A text file the request is about."
        ),
    ] = None,
    approve: Annotated[
        ApproveUpTo, typer.Option(help="Run steps up to this without asking.")
    ] = ApproveUpTo.READ,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Approve everything.")] = False,
    session: Annotated[str, typer.Option(help="Id of a new session.")] = "",
    today: Annotated[
        str, typer.Option(metavar="YYYY-MM-DD", help="The date that `last week` counts from.")
    ] = "",
    deadline: Annotated[
        float, typer.Option(min=0, help="Seconds the chain may take; 0 for the router's.")
    ] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the event log as JSON lines.")] = False,
    show_trace: Annotated[
        bool, typer.Option("--trace/--no-trace", help="Draw the waterfall at the end.")
    ] = True,
    address: Annotated[
        str | None, typer.Option(envvar="NARROWGAUGE_ADDRESS", help="The router; that of `up` without it.")
    ] = None,
) -> None:
    """Run a request and watch it: the plan, each call and its result, then where the time went.

    Steps that write wait for approval: here at the terminal, or by --approve or --yes.
    """
    level = ApproveUpTo.DESTRUCTIVE if yes else approve
    start = chain_start(text, context or (), level, session, today, deadline)
    ended_well = asyncio.run(_ask(start, address, as_json, show_trace))
    raise typer.Exit(0 if ended_well else 1)


def chain_start(
    text: str,
    context: Sequence[Path],
    level: ApproveUpTo,
    session: str,
    today: str,
    deadline: float,
) -> pb.ChainStart:
    """Returns the first message of a chain.

    Raises:
        InvalidRequest: `BAD_CONTEXT`: a file is not UTF-8 text.
    """
    from narrowgauge.errors import InvalidRequest
    from narrowgauge.v1 import dispatcher_pb2 as pb
    from narrowgauge.v1.specialist_pb2 import ContextDocument

    documents = []
    for path in context:
        try:
            documents.append(ContextDocument(title=path.name, text=path.read_text("utf-8")))
        except UnicodeDecodeError as exc:
            raise InvalidRequest("BAD_CONTEXT", f"{path} is not UTF-8 text; convert it first") from exc
    start = pb.ChainStart(
        text=text,
        session_id=session,
        context=documents,
        policy=pb.ChainPolicy(auto_approve=auto_approved(level)),
        today=today,
    )
    if deadline:
        start.deadline.FromNanoseconds(int(deadline * 1e9))
    return start


async def _ask(start: pb.ChainStart, address: str | None, as_json: bool, show_trace: bool) -> bool:
    """Runs the chain; True when it ended well."""
    import os

    from narrowgauge.cli.chain import event_line, run_chain
    from narrowgauge.cli.home import Home
    from narrowgauge.cli.render.console import stderr, stdout
    from narrowgauge.cli.render.events import EventView
    from narrowgauge.runtime.channels import open_channel

    home = Home.of(os.environ)
    view = EventView(stdout())
    terminal = Terminal()

    def on_event(event: pb.DispatchResponse) -> None:
        if as_json:
            typer.echo(event_line(event))
        else:
            view.show(event)

    async with open_channel(home.router(address)) as channel:
        finished = await run_chain(channel, start, on_event, terminal.decide)
    running = home.running()
    if show_trace and not as_json and finished.trace_id and running is not None and running.sink:
        from narrowgauge.cli.render.waterfall import waterfall
        from narrowgauge.cli.trace import whole_trace

        stdout().print()
        stdout().print(waterfall(await whole_trace(home.traces, finished.trace_id)))
    if terminal.unanswered:
        stderr().print(
            "error: a step needed approval and there is no terminal to ask at; "
            "approve in advance with --approve write, --approve destructive or --yes",
            style="red",
            soft_wrap=True,
        )
    return finished.status.code == 0 and not terminal.unanswered
