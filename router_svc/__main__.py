"""`python -m router_svc`: serves the dispatcher."""

from __future__ import annotations

import asyncio
import gc

from narrowgauge.contracts.bundle import Bundle
from narrowgauge.routing import RouterGraph, planning_threads
from narrowgauge.runtime.lifecycle import serve, service_main
from router_svc.assembly import Router, open_store
from router_svc.config import RouterConfig
from router_svc.planner import Planner


async def main(config: RouterConfig) -> None:
    """Loads the bundle and serves until a signal."""
    bundle = await asyncio.to_thread(Bundle.load, config.bundle)
    threads = planning_threads()
    graph = await asyncio.to_thread(RouterGraph.load, bundle.router_path, threads=threads)
    router = Router(
        config,
        bundle_hash=bundle.hash,
        contracts=bundle.contracts,
        pool=bundle.pool,
        planner=Planner(graph, permits=config.limits.max_chains, workers=threads),
        store=open_store(config.state, accept_volatile=config.state_volatile),
    )
    # What is loaded lives as long as the process: a full collection that walks it would hold up the plan
    # that is being made by many milliseconds, and free nothing.
    gc.collect()
    gc.freeze()
    await serve(
        service_name="router",
        listen=config.listen,
        register=router.register,
        warm=router.warm,
        close=router.close,
        drain_s=config.drain_s,
    )


if __name__ == "__main__":
    service_main(main, RouterConfig)
