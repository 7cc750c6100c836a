"""A trace as a tree of spans, and its critical path."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from narrowgauge.runtime import semconv

__all__ = ["Segment", "Trace", "TraceSpan"]

# Neighbouring spans of different threads may overlap by this much without running in parallel.
_CLOCK_NOISE_NS = 100_000


@dataclass(frozen=True)
class TraceSpan:
    """One finished span.

    Attributes:
        trace_id: 32 hex digits.
        span_id: 16 hex digits.
        parent_id: The parent's span id; empty for a root.
        name: What it is.
        service: The process that recorded it.
        kind: `server`, `client` or `internal`.
        start_ns: When it began, in nanoseconds since the epoch.
        end_ns: When it ended.
        error: Its error in a few words; empty when it ended well.
        attributes: Names to values.
    """

    trace_id: str
    span_id: str
    parent_id: str
    name: str
    service: str
    kind: str
    start_ns: int
    end_ns: int
    error: str = ""
    attributes: Mapping[str, object] = field(default_factory=dict)

    @property
    def duration_ms(self) -> float:
        """How long it took, in milliseconds."""
        return (self.end_ns - self.start_ns) / 1e6


@dataclass(frozen=True)
class Segment:
    """A stretch of the critical path: the span that the trace waited for."""

    span: TraceSpan
    start_ns: int
    end_ns: int

    @property
    def duration_ms(self) -> float:
        """How long it is, in milliseconds."""
        return (self.end_ns - self.start_ns) / 1e6


@dataclass(frozen=True)
class Trace:
    """The spans of one trace, in any order; at least one."""

    trace_id: str
    spans: Sequence[TraceSpan]

    @cached_property
    def root(self) -> TraceSpan:
        """The span that no other holds; the earliest, where some of the trace is missing."""
        known = {span.span_id for span in self.spans}
        roots = [span for span in self.spans if span.parent_id not in known]
        return min(roots or self.spans, key=lambda span: (bool(span.parent_id), span.start_ns, -span.end_ns))

    @cached_property
    def _children(self) -> dict[str, list[TraceSpan]]:
        children: dict[str, list[TraceSpan]] = {}
        for span in sorted(self.spans, key=lambda span: (span.start_ns, span.end_ns)):
            children.setdefault(span.parent_id, []).append(span)
        return children

    def children(self, span: TraceSpan) -> Sequence[TraceSpan]:
        """Returns the direct children in the order of their start."""
        return self._children.get(span.span_id, [])

    def is_transport(self, span: TraceSpan) -> bool:
        """True for a bidirectional stream that ended well and holds nothing but its other side."""
        return bool(
            span.attributes.get(semconv.RPC_STREAM)
            and not span.error
            and span is not self.root
            and all(self.is_transport(child) for child in self.children(span))
        )

    def walk(self) -> Iterator[tuple[int, TraceSpan]]:
        """Yields depth and span, parents first; then the trees whose parents are missing."""
        known = {span.span_id for span in self.spans}
        orphans = sorted(
            (span for span in self.spans if span.parent_id not in known and span is not self.root),
            key=lambda span: span.start_ns,
        )
        stack = [(0, span) for span in reversed([self.root, *orphans])]
        seen: set[str] = set()
        while stack:
            depth, span = stack.pop()
            if span.span_id in seen:  # a foreign exporter may send a span twice or draw a circle
                continue
            seen.add(span.span_id)
            yield depth, span
            stack.extend((depth + 1, child) for child in reversed(self.children(span)))

    @property
    def complete(self) -> bool:
        """True when the root and every parent is there and every call has its callee."""
        known = {span.span_id for span in self.spans}
        callers = {span.parent_id for span in self.spans if span.kind == "server"}
        return all(
            (not span.parent_id or span.parent_id in known)
            and (span.kind != "client" or span.span_id in callers)
            for span in self.spans
        ) and any(not span.parent_id for span in self.spans)

    @cached_property
    def critical_path(self) -> Sequence[Segment]:
        """The stretches, in order of time, that add up to the root's duration.

        Walks back from the root's end: the child that ended last is what the parent waited for, then the one
        that ended last before that one began; where there is none, the parent itself worked (Zhang et al.,
        "CRISP", USENIX ATC 2022, section 4). A bidirectional stream's span says how long the stream was open,
        not that anyone waited for it: what it holds counts in its place.
        """
        segments: list[Segment] = []
        self._walk_back(self.root, self.root.start_ns, self.root.end_ns, segments, set())
        return segments[::-1]

    def _walk_back(
        self, span: TraceSpan, start_ns: int, end_ns: int, segments: list[Segment], above: set[str]
    ) -> None:
        """Adds the path through `span` between two times, latest segment first."""
        cursor = end_ns
        above = above | {span.span_id}
        for child in sorted(self._awaited(span, above), key=lambda child: child.end_ns, reverse=True):
            if cursor < end_ns and child.end_ns > cursor + _CLOCK_NOISE_NS:
                continue  # ran beside what the parent waited for
            child_start, child_end = max(child.start_ns, start_ns), min(child.end_ns, cursor)
            if child_end <= child_start:
                continue
            if child_end < cursor:
                segments.append(Segment(span, child_end, cursor))
            self._walk_back(child, child_start, child_end, segments, above)
            cursor = child_start
        if cursor > start_ns:
            segments.append(Segment(span, start_ns, cursor))

    def _awaited(self, span: TraceSpan, above: set[str]) -> Iterator[TraceSpan]:
        """Yields the children that a span may have waited for."""
        for child in self.children(span):
            if child.span_id in above:
                continue
            if child.attributes.get(semconv.RPC_STREAM):
                yield from self._awaited(child, above | {child.span_id})
            else:
                yield child
