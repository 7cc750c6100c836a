"""Checks of a plan before it becomes a chain."""

from __future__ import annotations

from collections.abc import Collection
from graphlib import CycleError, TopologicalSorter

from narrowgauge.errors import InternalError, LimitExceeded
from narrowgauge.v1 import dispatcher_pb2

__all__ = ["check_plan"]


def check_plan(plan: dispatcher_pb2.Plan, specialists: Collection[str], max_steps: int) -> None:
    """Makes sure that a plan can be executed.

    Raises:
        LimitExceeded: It has too many steps.
        InternalError: It is not a DAG over its own steps, or names a specialist that the bundle lacks.
    """
    count = len(plan.steps)
    if count > max_steps:
        raise LimitExceeded(
            "TOO_MANY_STEPS",
            f"the request has {count} steps, the limit is {max_steps}; split it",
            metadata={"steps": str(count), "limit": str(max_steps)},
        )
    for index, step in enumerate(plan.steps):
        if step.specialist and step.specialist not in specialists:
            raise InternalError(
                "BAD_PLAN", f"step {index} goes to {step.specialist!r}, which is no specialist"
            )
        for dependency in step.depends_on:
            if not 0 <= dependency.step < count:
                raise InternalError("BAD_PLAN", f"step {index} depends on step {dependency.step} of {count}")
            if dependency.kind == dispatcher_pb2.DEPENDENCY_KIND_UNSPECIFIED:
                raise InternalError("BAD_PLAN", f"step {index} has a dependency of no kind")
    graph = {index: {d.step for d in step.depends_on} for index, step in enumerate(plan.steps)}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        raise InternalError("BAD_PLAN", f"the plan's steps depend on each other: {error.args[1]}") from error
