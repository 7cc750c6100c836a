"""Sources of steps that are about their context: where the plan names none, the results before them.

"Summarize it" says what is summarised, "and then a short summary" does not. The classifier links steps by
their words; a step whose job is its context and that is linked to nothing could only fail for want of a text.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from google.protobuf.descriptor import Descriptor

from narrowgauge.contracts.contract import Contract
from narrowgauge.routing.dependencies import closure
from narrowgauge.routing.segmentation import quoted_regions
from narrowgauge.v1 import dispatcher_pb2, options_pb2

__all__ = ["about_context", "link_sources"]

_AFTER = dispatcher_pb2.DEPENDENCY_KIND_AFTER
_USES = dispatcher_pb2.DEPENDENCY_KIND_USES
_WORD = re.compile(r"[^\W\d_]{4,}")
# Words of requests of any kind, and of summaries: sharing one says nothing of what a step is about.
_GENERAL = frozenset(
    {
        "about", "after", "also", "brief", "finally", "from", "give", "have", "headline", "into", "last",
        "line", "list", "make", "note", "point", "report", "sentence", "short", "show", "summarise",
        "summarize", "summary", "tell", "that", "them", "then", "these", "this", "those", "what", "which",
        "with", "write",
    }
)  # fmt: skip
_FIGURES = "figures"  # values that are quoted from the context


def about_context(contracts: Mapping[str, Contract]) -> frozenset[str]:
    """Returns the specialists whose calls quote their context, so that they make none without one."""
    return frozenset(
        name
        for name, contract in contracts.items()
        if any(_quotes(tool.request, frozenset()) for tool in contract.tools)
    )


def link_sources(plan: dispatcher_pb2.Plan, specialists: Collection[str]) -> dispatcher_pb2.Plan:
    """Gives steps of these specialists that use no result the only one that they can be about.

    That is the result of the one step before it that shares a word with it which no other step has ("a note
    on the invoices"); else of the one step that it comes after; where it comes after none, the one result
    that no other step uses. Between several none is guessed. A step that quotes a text is about it.

    Args:
        plan: A plan whose dependencies are steps of it; it is not changed.
        specialists: What `about_context` returned.

    Returns:
        The plan, or a copy with further dependencies, which have confidence 0: no classifier saw them.
    """
    linked = dispatcher_pb2.Plan()
    linked.CopyFrom(plan)
    for index, step in enumerate(linked.steps):
        if step.specialist not in specialists or any(d.kind != _AFTER for d in step.depends_on):
            continue
        if quoted_regions(step.text):
            continue
        source = _only_source(linked, index)
        if source is not None:
            others = [d for d in step.depends_on if d.step != source]
            del step.depends_on[:]
            step.depends_on.extend(others)
            step.depends_on.add(step=source, kind=_USES)
    return linked


def _only_source(plan: dispatcher_pb2.Plan, index: int) -> int | None:
    """The step that a step without a source can only be about; None where there is none or a choice."""
    behind = closure([{d.step for d in step.depends_on} for step in plan.steps])
    data = [{d.step for d in step.depends_on if d.kind != _AFTER} for step in plan.steps]
    # Text order; a step that waits for this one cannot be its source.
    results = [k for k in range(index) if plan.steps[k].specialist and index not in behind[k]]
    before = {d.step for d in plan.steps[index].depends_on}
    subjects = [_subjects(step.text) for step in plan.steps]
    for candidates in (
        [k for k in results if _own(subjects, k, results) & subjects[index]],
        [k for k in range(len(plan.steps)) if k in before and plan.steps[k].specialist],
        [k for k in results if not any(k in used for used in data)],
        results,
    ):
        if candidates:
            return candidates[0] if len(candidates) == 1 else None
    return None


def _subjects(text: str) -> set[str]:
    """Words that may say what a text is about, without the endings of plurals."""
    return {word.removesuffix("s") for word in _WORD.findall(text.lower())} - _GENERAL


def _own(subjects: Sequence[set[str]], k: int, among: Sequence[int]) -> set[str]:
    """Words of one step that none of the others has."""
    return subjects[k].difference(*(subjects[other] for other in among if other != k))


def _quotes(message: Descriptor, seen: frozenset[str]) -> bool:
    if message.full_name in seen:
        return False
    return any(
        field.GetOptions().Extensions[options_pb2.value].values_from == _FIGURES
        or (field.message_type is not None and _quotes(field.message_type, seen | {message.full_name}))
        for field in message.fields
    )
