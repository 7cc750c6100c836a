"""A router process with a scripted plan, for tests that kill it: `python router_process.py`."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from google.protobuf import json_format
from scripted import BUNDLE, ScriptedPlanner
from shop_contract import CONTRACTS, POOL

from narrowgauge.runtime.lifecycle import serve, service_main
from narrowgauge.v1 import dispatcher_pb2
from router_svc.assembly import Router, open_store
from router_svc.config import RouterConfig

PLAN = "TEST_PLAN"


async def main(config: RouterConfig) -> None:
    """Serves with the plan of the environment."""
    planned = json_format.Parse(os.environ[PLAN], dispatcher_pb2.Plan())
    router = Router(
        config,
        bundle_hash=BUNDLE,
        contracts=CONTRACTS,
        pool=POOL,
        planner=ScriptedPlanner(planned),
        store=open_store(config.state, accept_volatile=True),
    )
    await serve(
        service_name="router",
        listen=config.listen,
        register=router.register,
        warm=router.warm,
        close=router.close,
        drain_s=config.drain_s,
    )


@asynccontextmanager
async def router_process(
    planned: dispatcher_pb2.Plan, environ: Mapping[str, str]
) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """Starts a router process; yields it and its address. It is killed at the end, if it still runs."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        __file__,
        env={
            **os.environ,
            "NARROWGAUGE_LISTEN": "127.0.0.1:0",
            "NARROWGAUGE_BUNDLE": "unused",
            PLAN: json_format.MessageToJson(planned),
            **environ,
        },
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parent.parent.parent,
    )
    assert process.stdout is not None
    try:
        line = await process.stdout.readline()
        assert line, "the router process ended before it served"
        yield process, json.loads(line)["address"]
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


if __name__ == "__main__":
    service_main(main, RouterConfig)
