"""Draws a trace: one line a span, its place in time, and the critical path."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from narrowgauge.runtime import semconv
from narrowgauge.runtime.trace_store import TraceSummary
from narrowgauge.runtime.trace_tree import Trace, TraceSpan

__all__ = ["summary_table", "waterfall"]

_BAR_COLUMNS = 36
_NAME_COLUMNS = 38


def waterfall(trace: Trace, *, everything: bool = False) -> RenderableType:
    """Returns the waterfall: thick bars are on the critical path, thin ones are not.

    Args:
        trace: What to draw.
        everything: Also draw streams that were merely open.
    """
    root = trace.root
    critical = _critical_ms(trace)
    begin = min(span.start_ns for span in trace.spans)
    extent = max(1, max(span.end_ns for span in trace.spans) - begin)
    table = Table(box=None, padding=(0, 1, 0, 0), show_edge=False, header_style="bold")
    table.add_column("hop", width=_NAME_COLUMNS, no_wrap=True, overflow="ellipsis")
    table.add_column("ms", justify="right", width=9, no_wrap=True)
    table.add_column("critical", justify="right", width=9, no_wrap=True)
    table.add_column(f"0 … {extent / 1e6:.1f} ms", width=_BAR_COLUMNS, no_wrap=True)
    for depth, span in trace.walk():
        if not everything and trace.is_transport(span):
            continue
        on_path = critical.get(span.span_id, 0.0)
        table.add_row(
            _name(span, depth, span.service != root.service),
            f"{span.duration_ms:.1f}",
            f"{on_path:.1f}" if on_path >= 0.05 else "",
            _bar(span, begin, extent, on_path > 0),
        )
    return Group(
        Text.assemble(("trace ", "bold"), trace.trace_id, f" · {len(trace.spans)} spans"),
        table,
        _footer(trace, critical),
    )


def summary_table(summaries: Iterable[TraceSummary]) -> RenderableType:
    """Returns the list of kept traces."""
    table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False, header_style="bold")
    table.add_column("trace", no_wrap=True)
    table.add_column("began (UTC)", no_wrap=True)
    table.add_column("root", overflow="ellipsis", no_wrap=True, max_width=40)
    for name in ("ms", "spans", "errors"):
        table.add_column(name, justify="right", no_wrap=True)
    for summary in summaries:
        began = datetime.fromtimestamp(summary.start_ns / 1e9, UTC)
        table.add_row(
            summary.trace_id[:16],
            f"{began:%Y-%m-%d %H:%M:%S}",
            _short(summary.name),
            f"{summary.duration_ms:.1f}",
            str(summary.spans),
            Text(str(summary.errors), style="red") if summary.errors else "",
        )
    return table


def _critical_ms(trace: Trace) -> dict[str, float]:
    """Returns how long the trace waited for each span itself, by span id, in milliseconds."""
    totals: dict[str, float] = {}
    for segment in trace.critical_path:
        totals[segment.span.span_id] = totals.get(segment.span.span_id, 0.0) + segment.duration_ms
    return totals


def _name(span: TraceSpan, depth: int, foreign: bool) -> Text:
    text = Text("  " * min(depth, 10))
    text.append(_short(span.name), style="red" if span.error else "")
    detail = span.attributes.get(semconv.STEP_ID) or span.attributes.get(semconv.SPECIALIST)
    if detail and span.kind == "internal":
        text.append(f" {detail}", style="cyan")
    if foreign and span.kind == "server":
        text.append(f" @{span.service}", style="dim")
    if span.error:
        text.append(f" {span.error}", style="red")
    return text


def _bar(span: TraceSpan, begin: int, extent: int, critical: bool) -> Text:
    first = (span.start_ns - begin) * _BAR_COLUMNS / extent
    last = (span.end_ns - begin) * _BAR_COLUMNS / extent
    left = min(int(first), _BAR_COLUMNS - 1)
    length = max(1, min(round(last - first), _BAR_COLUMNS - left))
    style = "red" if span.error else ("bold yellow" if critical else "blue")
    return Text(" " * left).append(("━" if critical else "─") * length, style=style)


def _footer(trace: Trace, critical: dict[str, float]) -> Text:
    """Returns the critical path's time by hop, longest first."""
    by_name: dict[str, float] = {}
    for span in trace.spans:
        if span.span_id in critical:
            name = _short(span.name)[:_NAME_COLUMNS]
            by_name[name] = by_name.get(name, 0.0) + critical[span.span_id]
    ranked: Sequence[tuple[str, float]] = sorted(by_name.items(), key=lambda item: -item[1])
    parts = " · ".join(f"{name} {ms:.1f}" for name, ms in ranked[:8])
    return Text.assemble(("critical path ", "bold"), f"{trace.root.duration_ms:.1f} ms: {parts}")


def _short(name: str) -> str:
    """Returns `Service/Method` of a full method name; other names as they are."""
    service, slash, method = name.partition("/")
    return f"{service.rpartition('.')[2]}/{method}" if slash else name
