"""`eval router` and `eval plan`: the compiled router, on intents and on whole requests."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from narrowgauge.cli.evaluate.options import EvalOptions
from narrowgauge.cli.evaluate.serving import chosen_bundle, served_router
from narrowgauge.cli.home import Home
from narrowgauge.cli.preparing import Progress
from narrowgauge.errors import InvalidRequest
from narrowgauge.evaluation.records import Record
from narrowgauge.evaluation.report import Report, percentiles

if TYPE_CHECKING:
    from narrowgauge.routing import Route, RouterGraph
    from narrowgauge.routing.evaluate import Metrics

__all__ = ["evaluate_intents", "evaluate_plans"]


async def evaluate_intents(
    records: list[Record], options: EvalOptions, report: Report, progress: Progress
) -> None:
    """Classifies texts in this process, by the graph that the router service runs.

    The Plan RPC gives the best candidates only; the metrics need the probability of every intent and of none.

    Raises:
        InvalidRequest: A record has neither `intent` nor `intents`, or `--address` was given.
        DataLoss: The folder is no compiled router.
    """
    from narrowgauge.routing import RouterGraph

    if options.address:
        raise InvalidRequest(
            "BAD_ARGUMENT", "eval router runs the graph itself: give its folder with --bundle, no --address"
        )
    folder = options.bundle
    if folder is None or (folder / "bundle.json").exists():
        compiled = await chosen_bundle(Home.of(os.environ), folder, progress)
        folder, report.bundle = compiled.router_path, compiled.hash
    progress("loading the router", None)
    graph = await asyncio.to_thread(RouterGraph.load, folder)
    report.model = _router_name(folder)
    await asyncio.to_thread(_classify, graph, records, report, progress)


def _classify(graph: RouterGraph, records: Sequence[Record], report: Report, progress: Progress) -> None:
    from narrowgauge.routing.evaluate import intent_metrics, intent_set_metrics

    single = [record for record in records if "intents" not in record]
    several = [record for record in records if "intents" in record]
    latencies: list[float] = []
    ranked, found = [], []
    for done, record in enumerate(single, start=1):
        began = time.perf_counter()
        route = graph.classify(_text(record))
        latencies.append((time.perf_counter() - began) * 1e3)
        ranked.append(_ranked(route))
        progress("routing", done / len(records))
    for done, record in enumerate(several, start=len(single) + 1):
        began = time.perf_counter()
        plan = graph.plan(_text(record))
        latencies.append((time.perf_counter() - began) * 1e3)
        found.append({step.specialist or "oos" for step in plan.steps})
        progress("routing", done / len(records))
    if single:
        gold = [_intent(record) for record in single]
        add_metrics(report, intent_metrics(gold, ranked, [str(record["id"]) for record in single]))
    if several:
        wanted = [set(map(str, record["intents"])) for record in several]
        add_metrics(report, intent_set_metrics(wanted, found), [str(record["id"]) for record in several])
    report.latency_ms = percentiles(latencies)


def _ranked(route: Route) -> list[tuple[str, float]]:
    """Returns all classes with their probabilities, the predicted one first."""
    classes = [*route.candidates, ("oos", route.out_of_scope)]
    predicted = route.specialist or "oos"
    return sorted(classes, key=lambda item: (item[0] != predicted, -item[1]))


async def evaluate_plans(
    records: list[Record], options: EvalOptions, report: Report, progress: Progress
) -> None:
    """Plans requests through the router's Plan RPC.

    Raises:
        InvalidRequest: A record is malformed; names it.
        Unavailable: The router does not answer.
    """
    import grpc

    from narrowgauge.errors import Unavailable
    from narrowgauge.routing.evaluate import gold_steps, plan_metrics, planned_steps
    from narrowgauge.runtime.status import error_from_rpc
    from narrowgauge.v1 import dispatcher_pb2 as pb
    from narrowgauge.v1 import dispatcher_pb2_grpc

    for record in records:
        try:
            gold_steps(record)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise InvalidRequest("BAD_RECORD", f"record {record['id']}: {error!r}") from error
    latencies: list[float] = []
    plans, refused = [], {}
    async with served_router(
        address=options.address, bundle=options.bundle, progress=progress, catalogues=options.catalogues
    ) as channel:
        stub = dispatcher_pb2_grpc.DispatcherServiceStub(channel)
        for done, record in enumerate(records, start=1):
            began = time.perf_counter()
            try:
                response = await stub.Plan(pb.PlanRequest(text=_text(record)))
            except grpc.aio.AioRpcError as exc:
                failure = error_from_rpc(exc)
                if isinstance(failure, Unavailable):
                    raise failure from exc
                refused[str(record["id"])] = f"{failure.reason}: {failure.message}"
                response = pb.PlanResponse(bundle_hash=report.bundle)
            latencies.append((time.perf_counter() - began) * 1e3)
            plans.append(planned_steps(response.plan))
            report.bundle = response.bundle_hash
            progress("planning", done / len(records))
    report.latency_ms = percentiles(latencies)
    add_metrics(report, plan_metrics(records, plans), refused=refused)


def add_metrics(
    report: Report, found: Metrics, ids: Sequence[str] = (), refused: dict[str, str] | None = None
) -> None:
    """Takes over metrics of the routing package.

    Args:
        report: What they are added to.
        found: The metrics; a failure's id is a row number where `ids` are given.
        ids: Names of the rows.
        refused: Records that were answered by an error.
    """
    report.metrics.update(found.metrics)
    report.ci95.update(found.ci95)
    report.reliability += found.reliability
    for failure in found.failures:
        record = ids[int(failure["id"])] if ids else failure["id"]
        report.fail(record, (refused or {}).get(record, failure["why"]))


def _text(record: Record) -> str:
    text = record.get("text", record.get("request"))
    if not isinstance(text, str) or not text.strip():
        raise InvalidRequest("BAD_RECORD", f"record {record['id']} has no text")
    return text


def _intent(record: Record) -> str:
    if not isinstance(record.get("intent"), str):
        raise InvalidRequest("BAD_RECORD", f"record {record['id']} has neither intent nor intents")
    return str(record["intent"])


def _router_name(folder: Path) -> str:
    description = json.loads((folder / "router.json").read_text(encoding="utf-8"))
    return f"router of {len(description['specialists'])} routes"
