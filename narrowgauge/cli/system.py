"""The whole system on one machine: which processes start in which order, and who knows whom.

`narrowgauge up`, `narrowgauge demo` and the end-to-end tests start it through `running_system`.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from narrowgauge.cli.home import Home, Running
from narrowgauge.cli.ports import PortPlan
from narrowgauge.cli.preparing import Progress, ready_bundle, ready_demo_data, ready_models
from narrowgauge.cli.processes import ProcessSpec, Supervisor
from narrowgauge.runtime.telemetry import ENDPOINT

if TYPE_CHECKING:
    from narrowgauge.contracts.bundle import Bundle

__all__ = ["System", "SystemOptions", "running_system"]

SQL_TOOL = "narrowgauge.tools.sql.v1.SqlToolService"
SALESFORCE_TOOL = "narrowgauge.tools.salesforce.v1.SalesforceToolService"


@dataclass(frozen=True)
class SystemOptions:
    """What to start.

    Attributes:
        ports: Which ports to use.
        sql_dsn: The database of the SQL tool; empty for the demo warehouse.
        salesforce_url: The instance of the Salesforce tool, whose credentials are in its own variables; empty
            for the local server with the demo organisation.
        model: GGUF file or checkpoint folder; None for the embedded model.
        tools: Addresses of tool services that run already, by the full name of their service.
        fresh_demo_data: Write the demo's data and forget the chains of earlier runs.
        organisation_day: The day that the demo organisation lives on, YYYY-MM-DD; empty for the real one.
    """

    ports: PortPlan = field(default_factory=PortPlan)
    sql_dsn: str = ""
    salesforce_url: str = ""
    model: Path | None = None
    tools: Mapping[str, str] = field(default_factory=dict)
    fresh_demo_data: bool = False
    organisation_day: str = ""


@dataclass(frozen=True)
class System:
    """The running system.

    Attributes:
        home: Its folder.
        supervisor: Its processes.
        bundle_hash: What router and specialists share.
        router: Address of the router.
        sink: Address of the trace sink; empty when traces go elsewhere.
        salesforce_url: Where the Salesforce tool sends its requests.
        salesforce_token: The local server's access token; empty for an instance of the user's.
        sql_dsn: What the SQL tool reads.
    """

    home: Home
    supervisor: Supervisor
    bundle_hash: str
    router: str
    sink: str
    salesforce_url: str
    salesforce_token: str = field(repr=False)
    sql_dsn: str = field(repr=False)


@asynccontextmanager
async def running_system(home: Home, options: SystemOptions, progress: Progress) -> AsyncIterator[System]:
    """Prepares what is missing, starts all processes, and stops them in order at the end.

    Raises:
        FailedPrecondition: `ALREADY_UP`, `PORT_IN_USE`, or a process died at its start (with its last words).
        NarrowgaugeError: Contracts or models cannot be prepared.
    """
    with home.claimed():
        bundle = await ready_bundle(home, progress)
        options.ports.check(_process_names(bundle, options))
        models = await ready_models(home, bundle, options.model, progress)
        if options.fresh_demo_data:
            home.forget_demo()
        await ready_demo_data(
            home, warehouse=not options.sql_dsn, organisation=not options.salesforce_url, progress=progress
        )
        async with Supervisor(home.logs) as supervisor:
            system = await _start(home, options, bundle, models, supervisor, progress)
            processes = {child.name: child.address for child in supervisor.children}
            with home.announced(Running(os.getpid(), system.router, system.sink, processes)):
                yield system


def _process_names(bundle: Bundle, options: SystemOptions) -> list[str]:
    names = ["router", *(f"specialist-{name}" for name in bundle.configs)]
    if not os.environ.get(ENDPOINT):
        names.append("trace-sink")
    if not options.salesforce_url:
        names.append("salesforce-server")
    names.extend(f"tool-{name}" for name, service in _own_tools(bundle, options).items() if service)
    return names


def _own_tools(bundle: Bundle, options: SystemOptions) -> dict[str, str]:
    """Returns the tool services that this machine must run: name to full service name."""
    services = {contract.service for contract in bundle.contracts.values()} - set(options.tools)
    known = {"sql": SQL_TOOL, "salesforce": SALESFORCE_TOOL}
    return {name: service for name, service in known.items() if service in services}


async def _start(
    home: Home,
    options: SystemOptions,
    bundle: Bundle,
    models: Mapping[str, Path],
    supervisor: Supervisor,
    progress: Progress,
) -> System:
    """Starts processes in the order of who calls whom: sink, tools, specialists, router."""

    def spec(name: str, module: str, **environment: str) -> ProcessSpec:
        own = {"NARROWGAUGE_LISTEN": options.ports.listen(name), "NARROWGAUGE_HOME": str(home.path)}
        return ProcessSpec(name, module, {**telemetry, **own, **environment})

    telemetry: dict[str, str] = {}
    sink = ""
    if not os.environ.get(ENDPOINT):
        progress("starting the trace sink", None)
        child = await supervisor.start(
            spec("trace-sink", "narrowgauge.runtime.trace_sink", NARROWGAUGE_TRACES=str(home.traces))
        )
        sink = child.address
        telemetry = {ENDPOINT: f"http://{sink}"}

    progress("starting the tools", None)
    own_tools = _own_tools(bundle, options)
    salesforce: dict[str, str] = {}
    token = secrets.token_urlsafe(24)
    if "salesforce" in own_tools and not options.salesforce_url:
        child = await supervisor.start(
            spec(
                "salesforce-server",
                "tool_svc.salesforce.local_server",
                NARROWGAUGE_ORG_DB=str(home.organisation),
                NARROWGAUGE_SALESFORCE_TOKEN=token,
                NARROWGAUGE_ORG_TODAY=options.organisation_day,
            )
        )
        salesforce = {
            "NARROWGAUGE_SALESFORCE_URL": f"http://{child.address}",
            "NARROWGAUGE_SALESFORCE_TOKEN": token,
            # Beside the organisation, because a fresh one has not seen any write.
            "NARROWGAUGE_SALESFORCE_STATE": str(home.outcomes),
        }
    elif options.salesforce_url:
        salesforce = {"NARROWGAUGE_SALESFORCE_URL": options.salesforce_url}
    dsn = options.sql_dsn or f"sqlite:///{home.warehouse}"
    environments = {"sql": {"NARROWGAUGE_SQL_DSN": dsn}, "salesforce": salesforce}
    tool_children = await supervisor.start_all(
        [spec(f"tool-{name}", f"tool_svc.{name}", **environments[name]) for name in own_tools]
    )
    tools = dict(options.tools) | {
        service: child.address for service, child in zip(own_tools.values(), tool_children, strict=True)
    }

    progress("loading the specialists", None)
    threads = len(os.sched_getaffinity(0))
    specialist_children = await supervisor.start_all(
        [
            spec(
                f"specialist-{name}",
                "specialist_svc",
                NARROWGAUGE_BUNDLE=str(bundle.path),
                NARROWGAUGE_SPECIALIST=name,
                NARROWGAUGE_MODEL=str(models.get(name, "")),
                # A chain's steps follow each other, so each specialist takes all cores in its turn: ten steps
                # in 4.5 s on two cores, and in 7.3 s with one thread each. Under parallel load one is better.
                NARROWGAUGE_THREADS=os.environ.get("NARROWGAUGE_THREADS", str(threads)),
            )
            for name in bundle.configs
        ]
    )
    specialists = dict(zip(bundle.configs, (child.address for child in specialist_children), strict=True))

    progress("starting the router", None)
    router = await supervisor.start(
        spec(
            "router",
            "router_svc",
            NARROWGAUGE_BUNDLE=str(bundle.path),
            NARROWGAUGE_SPECIALISTS=_mapping(specialists),
            NARROWGAUGE_TOOLS=_mapping(tools),
            NARROWGAUGE_STATE=os.environ.get("NARROWGAUGE_STATE", str(home.state)),
        )
    )
    return System(
        home=home,
        supervisor=supervisor,
        bundle_hash=bundle.hash,
        router=router.address,
        sink=sink,
        salesforce_url=salesforce.get("NARROWGAUGE_SALESFORCE_URL", ""),
        salesforce_token=salesforce.get("NARROWGAUGE_SALESFORCE_TOKEN", ""),
        sql_dsn=dsn,
    )


def _mapping(values: Mapping[str, str]) -> str:
    return ",".join(f"{name}={value}" for name, value in values.items())
