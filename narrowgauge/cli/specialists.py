"""`narrowgauge specialists`: who serves what, and who can be reached."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import RenderableType

    from narrowgauge.v1 import dispatcher_pb2 as pb

__all__ = ["specialists"]


def specialists(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    address: Annotated[
        str | None, typer.Option(envvar="NARROWGAUGE_ADDRESS", help="The router; that of `up` without it.")
    ] = None,
) -> None:
    """List the specialists with their tools; exits with 1 when one cannot be reached."""
    from google.protobuf.json_format import MessageToJson

    from narrowgauge.cli.render.console import stdout

    response = asyncio.run(_list(address))
    if as_json:
        typer.echo(MessageToJson(response))
    else:
        stdout().print(_table(response))
        stdout().print(f"bundle {response.bundle_hash[:16]}", style="dim")
    raise typer.Exit(0 if all(status.reachable for status in response.specialists) else 1)


async def _list(address: str | None) -> pb.ListSpecialistsResponse:
    import os

    from narrowgauge.cli.home import Home
    from narrowgauge.runtime.channels import open_channel
    from narrowgauge.v1 import dispatcher_pb2 as pb
    from narrowgauge.v1 import dispatcher_pb2_grpc

    async with open_channel(Home.of(os.environ).router(address)) as channel:
        stub = dispatcher_pb2_grpc.DispatcherServiceStub(channel)
        return await stub.ListSpecialists(pb.ListSpecialistsRequest())


def _table(response: pb.ListSpecialistsResponse) -> RenderableType:
    from rich.table import Table
    from rich.text import Text

    from narrowgauge.cli.render.events import side_effect_word

    table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False, header_style="bold")
    table.add_column("specialist", style="cyan", no_wrap=True)
    table.add_column("state", no_wrap=True)
    table.add_column("tools", no_wrap=True, overflow="ellipsis")
    table.add_column("serves", overflow="fold")
    for status in response.specialists:
        described = status.specialist
        tools = "\n".join(
            f"{tool.method.rpartition('.')[2]} ({side_effect_word(tool.side_effect)})"
            for tool in described.tools
        )
        state = Text("reachable", style="green") if status.reachable else Text("down", style="red")
        if not status.reachable and status.status.message:
            state.append(f"\n{status.status.message}", style="red")
        table.add_row(described.name, state, tools, described.description)
    return table
