"""Starts just what an evaluation asks: one specialist, the router alone, or a tool for its catalogue."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from narrowgauge.cli.home import Home
from narrowgauge.cli.preparing import Progress, ready_bundle, ready_demo_data, ready_models
from narrowgauge.cli.processes import ProcessSpec, Supervisor
from narrowgauge.errors import NotFound
from narrowgauge.runtime.channels import open_channel, wait_ready

if TYPE_CHECKING:
    import grpc

    from narrowgauge.contracts.bundle import Bundle
    from narrowgauge.v1.catalogue_pb2 import Catalogue

__all__ = ["Served", "organisation_catalogue", "served_router", "served_specialists"]

_READY_S = 5.0  # whoever is asked serves already: the supervisor waits for it, and an address is said to
_SQL = "narrowgauge.tools.sql.v1.SqlToolService"
_SALESFORCE = "narrowgauge.tools.salesforce.v1.SalesforceToolService"


@dataclass(frozen=True)
class Served:
    """A running specialist or router.

    Attributes:
        channel: To it.
        bundle_hash: Of its bundle.
        model: Name of its model; empty for a router.
        backend: What decodes; empty for a router.
        slots: Requests that it decodes at once; 0 for a router.
    """

    channel: grpc.aio.Channel
    bundle_hash: str
    model: str = ""
    backend: str = ""
    slots: int = 0


async def chosen_bundle(home: Home, path: Path | None, progress: Progress) -> Bundle:
    """Returns the bundle in a folder, or that of NARROWGAUGE_HOME, compiled when it is missing."""
    if path is None:
        return await ready_bundle(home, progress)
    from narrowgauge.contracts.bundle import Bundle

    return await asyncio.to_thread(Bundle.load, path)


@asynccontextmanager
async def served_specialists(
    names: Sequence[str],
    *,
    address: str,
    bundle: Path | None,
    model: Path | None,
    progress: Progress,
    environment: Mapping[str, str],
) -> AsyncIterator[Served]:
    """Gives a process of specialists: the one at an address, or one of its own that ends with the block.

    Args:
        names: In the bundle; several share the model of the first one.
        address: Of one that runs already; empty to start one.
        bundle: Folder; None for that of NARROWGAUGE_HOME.
        model: Checkpoint; None for the embedded one.
        progress: Told what is being done.
        environment: Its variables, where this process's own do not say otherwise.

    Raises:
        NotFound: The bundle has no such specialist.
        FailedPrecondition: It does not start, for example because several have different adapters.
        Unavailable: Nobody answers at the address.
    """
    if address:
        async with _described(address) as served:
            yield served
        return
    home = Home.of(os.environ)
    compiled = await chosen_bundle(home, bundle, progress)
    if missing := [name for name in names if name not in compiled.configs]:
        raise NotFound("NO_SUCH_SPECIALIST", f"bundle {compiled.path} has no specialist {missing[0]}")
    first = names[0]
    alone = replace(compiled, configs={first: compiled.configs[first]})
    prepared = (await ready_models(home, alone, model, progress))[first]
    progress(f"loading {', '.join(names[:3])}{', …' if len(names) > 3 else ''}", None)
    async with Supervisor(home.logs / "eval") as supervisor:
        child = await supervisor.start(
            ProcessSpec(
                f"specialist-{first}",
                "specialist_svc",
                {
                    **{key: os.environ.get(key, value) for key, value in environment.items()},
                    "NARROWGAUGE_LISTEN": "127.0.0.1:0",
                    "NARROWGAUGE_BUNDLE": str(compiled.path),
                    "NARROWGAUGE_SPECIALIST": ",".join(names),
                    "NARROWGAUGE_MODEL": str(prepared),
                    # Alone on the machine, unlike the specialists of `up`.
                    "NARROWGAUGE_THREADS": os.environ.get("NARROWGAUGE_THREADS", str(os.cpu_count() or 1)),
                },
            )
        )
        async with _described(child.address, first) as served:
            yield served


@asynccontextmanager
async def served_router(
    *, address: str, bundle: Path | None, progress: Progress, catalogues: bool = False
) -> AsyncIterator[grpc.aio.Channel]:
    """Gives a channel to a router: the one at an address, or one without specialists that only plans.

    Args:
        address: Of one that runs already; empty to start one.
        bundle: Folder; None for that of NARROWGAUGE_HOME.
        progress: Told what is being done.
        catalogues: Plan with the catalogues of the demo systems.
    """
    if address:
        async with open_channel(address) as channel:
            await wait_ready(channel, _READY_S)
            yield channel
        return
    home = Home.of(os.environ)
    compiled = await chosen_bundle(home, bundle, progress)
    async with Supervisor(home.logs / "eval") as supervisor:
        tools = await _demo_tools(home, supervisor, progress) if catalogues else ""
        progress("starting the router", None)
        environment = {
            "NARROWGAUGE_LISTEN": "127.0.0.1:0",
            "NARROWGAUGE_BUNDLE": str(compiled.path),
            "NARROWGAUGE_STATE": str(home.path / "eval-chains.db"),
            "NARROWGAUGE_SPECIALISTS": "",
            "NARROWGAUGE_TOOLS": tools,
        }
        child = await supervisor.start(ProcessSpec("router", "router_svc", environment))
        async with open_channel(child.address) as channel:
            await wait_ready(channel, _READY_S)
            yield channel


async def organisation_catalogue(progress: Progress) -> Catalogue:
    """Returns the catalogue of the demo organisation, as the Salesforce tool serves it."""
    from narrowgauge.v1 import catalogue_pb2, catalogue_pb2_grpc

    home = Home.of(os.environ)
    await ready_demo_data(home, warehouse=False, organisation=True, progress=progress)
    progress("reading the demo organisation's catalogue", None)
    async with Supervisor(home.logs / "eval") as supervisor:
        address = await _salesforce_tool(home, supervisor)
        async with open_channel(address) as channel:
            stub = catalogue_pb2_grpc.CatalogueServiceStub(channel)
            request = catalogue_pb2.GetCatalogueRequest(contract=_SALESFORCE)
            return (await stub.GetCatalogue(request)).catalogue


async def _demo_tools(home: Home, supervisor: Supervisor, progress: Progress) -> str:
    """Starts both tools on the demo's data; returns their addresses by contract."""
    await ready_demo_data(home, warehouse=True, organisation=True, progress=progress)
    progress("starting the tools", None)
    environment = {
        "NARROWGAUGE_LISTEN": "127.0.0.1:0",
        "NARROWGAUGE_SQL_DSN": f"sqlite:///{home.warehouse}",
    }
    sql = await supervisor.start(ProcessSpec("tool-sql", "tool_svc.sql", environment))
    return f"{_SQL}={sql.address},{_SALESFORCE}={await _salesforce_tool(home, supervisor)}"


async def _salesforce_tool(home: Home, supervisor: Supervisor) -> str:
    """Starts the Salesforce tool on the demo organisation; returns its address."""
    own = {
        "NARROWGAUGE_LISTEN": "127.0.0.1:0",
        "NARROWGAUGE_SALESFORCE_TOKEN": secrets.token_urlsafe(24),
    }
    server = await supervisor.start(
        ProcessSpec(
            "salesforce-server",
            "tool_svc.salesforce.local_server",
            {**own, "NARROWGAUGE_ORG_DB": str(home.organisation)},
        )
    )
    tool = await supervisor.start(
        ProcessSpec(
            "tool-salesforce",
            "tool_svc.salesforce",
            {
                **own,
                "NARROWGAUGE_SALESFORCE_URL": f"http://{server.address}",
                "NARROWGAUGE_SALESFORCE_STATE": str(home.outcomes),
            },
        )
    )
    return tool.address


@asynccontextmanager
async def _described(address: str, specialist: str = "") -> AsyncIterator[Served]:
    from narrowgauge.evaluation.asking import describe

    async with open_channel(address) as channel:
        await wait_ready(channel, _READY_S)
        described = await describe(channel, specialist)
        yield Served(
            channel, described.bundle_hash, described.model, described.backend, slots=described.slots
        )
