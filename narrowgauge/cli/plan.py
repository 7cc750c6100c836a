"""`narrowgauge plan`: how a request would be split and routed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from narrowgauge.v1 import dispatcher_pb2 as pb

__all__ = ["plan"]


def plan(
    text: Annotated[str, typer.Argument(help="The request, in plain language.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    address: Annotated[
        str | None, typer.Option(envvar="NARROWGAUGE_ADDRESS", help="The router; that of `up` without it.")
    ] = None,
) -> None:
    """Show how a request would be split and routed, without running it.

    Exits with 1 when some part of the request has no specialist.
    """
    from google.protobuf.json_format import MessageToJson

    from narrowgauge.cli.render.console import stdout
    from narrowgauge.cli.render.plan_tree import plan_tree

    response = asyncio.run(_plan(text, address))
    if as_json:
        typer.echo(MessageToJson(response))
    else:
        stdout().print(plan_tree(response.plan))
    raise typer.Exit(0 if all(step.specialist for step in response.plan.steps) else 1)


async def _plan(text: str, address: str | None) -> pb.PlanResponse:
    import os

    from narrowgauge.cli.home import Home
    from narrowgauge.runtime.channels import open_channel
    from narrowgauge.v1 import dispatcher_pb2 as pb
    from narrowgauge.v1 import dispatcher_pb2_grpc

    async with open_channel(Home.of(os.environ).router(address)) as channel:
        return await dispatcher_pb2_grpc.DispatcherServiceStub(channel).Plan(pb.PlanRequest(text=text))
