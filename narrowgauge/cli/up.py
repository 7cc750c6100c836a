"""`narrowgauge up`: the whole system on one machine, until Ctrl-C."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from narrowgauge.cli.ports import DEFAULT_BASE

if TYPE_CHECKING:
    from rich.console import RenderableType

    from narrowgauge.cli.system import System, SystemOptions

__all__ = ["parse_tools", "up"]


def up(
    sql_dsn: Annotated[
        str,
        typer.Option(envvar="NARROWGAUGE_SQL_DSN", help="Database of the SQL tool; the demo's without it."),
    ] = "",
    salesforce_url: Annotated[
        str,
        typer.Option(envvar="NARROWGAUGE_SALESFORCE_URL", help="Salesforce instance; the demo's without it."),
    ] = "",
    demo: Annotated[
        bool, typer.Option("--demo", help="Use the demo's data whatever the environment says.")
    ] = False,
    model: Annotated[
        Path | None,
        typer.Option(envvar="NARROWGAUGE_MODEL_SOURCE", exists=True, help="GGUF file or checkpoint folder."),
    ] = None,
    tool: Annotated[
        list[str] | None, typer.Option(metavar="SERVICE=ADDRESS", help="A tool service that runs already.")
    ] = None,
    port_base: Annotated[
        int, typer.Option(min=0, max=65000, help="The router's port; the others follow. 0: free ports.")
    ] = DEFAULT_BASE,
    host: Annotated[str, typer.Option(help="Interface to listen on.")] = "127.0.0.1",
) -> None:
    """Start everything on this machine and keep it running until Ctrl-C.

    Compiles the contracts and prepares the models first, when that has not been done. Without --sql-dsn and
    --salesforce-url the tools work on generated demo data under NARROWGAUGE_HOME.
    """
    from narrowgauge.cli.ports import PortPlan
    from narrowgauge.cli.system import SystemOptions

    options = SystemOptions(
        ports=PortPlan(port_base, host),
        sql_dsn="" if demo else sql_dsn,
        salesforce_url="" if demo else salesforce_url,
        model=model,
        tools=parse_tools(tool or []),
    )
    asyncio.run(_up(options))


def parse_tools(entries: list[str]) -> dict[str, str]:
    """Reads `SERVICE=ADDRESS` entries.

    Raises:
        InvalidRequest: `BAD_TOOL`: an entry is not of that form.
    """
    from narrowgauge.errors import InvalidRequest

    tools = {}
    for entry in entries:
        service, equals, address = entry.partition("=")
        if not (service and equals and address):
            raise InvalidRequest("BAD_TOOL", f"--tool {entry!r} is not of the form package.Service=host:port")
        tools[service] = address
    return tools


async def _up(options: SystemOptions) -> None:
    import os

    from narrowgauge.cli.home import Home
    from narrowgauge.cli.render.console import stderr, stdout
    from narrowgauge.cli.render.progress import progress_bar
    from narrowgauge.cli.system import running_system

    task = asyncio.current_task()
    assert task is not None
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    try:
        with progress_bar() as progress:
            context = running_system(Home.of(os.environ), options, progress)
            system = await context.__aenter__()
        try:
            stdout().print(address_table(system))
            stdout().print(
                '\nready: try `narrowgauge ask "…"` in another terminal; Ctrl-C stops all', markup=False
            )
            dead = await system.supervisor.first_death()
            raise dead.death()
        finally:
            await context.__aexit__(None, None, None)
    except asyncio.CancelledError:
        task.uncancel()
        stderr().print("stopped", style="dim")


def address_table(system: System) -> RenderableType:
    """Returns who listens where."""
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False, header_style="bold")
    for name in ("process", "address", "log"):
        table.add_column(name, no_wrap=True, overflow="ellipsis")
    for child in reversed(system.supervisor.children):
        table.add_row(child.name, child.address, str(child.log))
    return table
