"""A plan as a tree: each step below the step that it depends on most."""

from __future__ import annotations

from rich.console import RenderableType
from rich.text import Text
from rich.tree import Tree

from narrowgauge.v1 import dispatcher_pb2 as pb
from narrowgauge.v1 import options_pb2

__all__ = ["plan_tree"]

_STRENGTH = {pb.DEPENDENCY_KIND_AFTER: 1, pb.DEPENDENCY_KIND_USES: 2, pb.DEPENDENCY_KIND_FOR_EACH: 3}
_WORDS = {
    pb.DEPENDENCY_KIND_AFTER: "after {}",
    pb.DEPENDENCY_KIND_USES: "uses the result of {}",
    pb.DEPENDENCY_KIND_FOR_EACH: "for each row of {}",
}


def plan_tree(plan: pb.Plan) -> RenderableType:
    """Returns the tree."""
    count = len(plan.steps)
    tree = Tree(
        Text.assemble(
            ("plan", "bold"), f" · {count} step{'' if count == 1 else 's'} · {plan.plan_ms:.1f} ms"
        ),
        guide_style="dim",
    )
    nodes: dict[int, Tree] = {}
    for index, step in enumerate(plan.steps):
        above = [dependency for dependency in step.depends_on if dependency.step in nodes]
        parent = max(
            above, key=lambda dependency: (_STRENGTH.get(dependency.kind, 0), dependency.step), default=None
        )
        nodes[index] = (nodes[parent.step] if parent else tree).add(_label(index, step))
    return tree


def _label(index: int, step: pb.PlanStep) -> Text:
    text = Text.assemble((f"{index} ", "bold"))
    if step.specialist:
        text.append(step.specialist, style="cyan")
        text.append(f" {step.confidence:.2f}", style="dim")
    else:
        text.append("no specialist", style="yellow")
        text.append(f" {step.confidence:.2f}", style="dim")
        nearest = ", ".join(f"{route.specialist} {route.probability:.2f}" for route in step.candidates[:3])
        if nearest:
            text.append(f" (nearest: {nearest})", style="dim")
    text.append(f"  {step.text}")
    if step.span.end:
        text.append(f"  [{step.span.begin}:{step.span.end}]", style="dim")
    for dependency in step.depends_on:
        text.append("  ← " + _WORDS.get(dependency.kind, "needs {}").format(dependency.step), style="magenta")
        if dependency.confidence:
            text.append(f" {dependency.confidence:.2f}", style="dim")
    for rule in step.rules:
        text.append("\n  " + _rule(step, rule), style="green" if rule.name == step.reason else "dim")
    return text


def _rule(step: pb.PlanStep, rule: pb.AppliedRule) -> str:
    """Says what a rule did, by which words, and whether it decided."""
    does = "forces" if rule.effect == options_pb2.ROUTE_EFFECT_FORCE else "forbids"
    first = step.span.begin
    words = ", ".join(repr(step.text[span.begin - first : span.end - first]) for span in rule.matched)
    decided = "" if rule.name == step.reason else " (changed nothing)"
    return f"rule {rule.name} {does} {', '.join(rule.specialists)}: {words}{decided}"
