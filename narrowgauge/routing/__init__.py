"""The compiled router: encoder, heads, calibration. Fitted by `narrowgauge compile`, run by `router_svc`."""

from narrowgauge.routing.compiler import OUT_OF_SCOPE, compile_router, compile_router_from_examples
from narrowgauge.routing.graph import MAX_STEPS, RouterGraph, planning_threads
from narrowgauge.routing.routes import NO_SPECIALIST, Route

__all__ = [
    "MAX_STEPS",
    "NO_SPECIALIST",
    "OUT_OF_SCOPE",
    "Route",
    "RouterGraph",
    "compile_router",
    "compile_router_from_examples",
    "planning_threads",
]
