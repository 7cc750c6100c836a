"""Traces: what the critical path is, what the store keeps, and that spans of other processes arrive."""

from __future__ import annotations

import itertools
import random
from pathlib import Path

import grpc
import pytest
from echo_service import EchoStub, EventOf, Spawn, text
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.propagate import inject
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import SpanKind, format_trace_id

from narrowgauge.errors import FailedPrecondition, InvalidRequest, NotFound
from narrowgauge.runtime import semconv
from narrowgauge.runtime.trace_store import MetricPoint, TraceStore
from narrowgauge.runtime.trace_tree import Trace, TraceSpan

TRACE = "0af7651916cd43dd8448eb211c80319c"


def span(name: str, parent: str, start_ms: float, end_ms: float, **more: object) -> TraceSpan:
    """Makes a span whose id is its name."""
    values: dict[str, object] = {"service": "router", "kind": "internal", **more}
    return TraceSpan(
        TRACE, name, parent, name, start_ns=int(start_ms * 1e6), end_ns=int(end_ms * 1e6), **values
    )  # type: ignore[arg-type]


def path(*spans: TraceSpan) -> list[tuple[str, float]]:
    """Returns the critical path as names and milliseconds."""
    return [(segment.span.name, segment.duration_ms) for segment in Trace(TRACE, spans).critical_path]


def test_the_critical_path_of_steps_in_sequence() -> None:
    """Work in sequence is all on the path, and the gaps are the parent's own."""
    assert path(
        span("root", "", 0, 100),
        span("plan", "root", 10, 20),
        span("step", "root", 30, 90),
        span("decode", "step", 40, 80),
    ) == [
        *[("root", 10.0), ("plan", 10.0), ("root", 10.0), ("step", 10.0), ("decode", 40.0)],
        *[("step", 10.0), ("root", 10.0)],
    ]


def test_the_critical_path_of_steps_in_parallel() -> None:
    """Of parallel steps only the one that ended last was waited for."""
    assert path(
        span("root", "", 0, 100),
        span("slow", "root", 10, 95),
        span("fast", "root", 10, 50),
        span("late", "root", 40, 90),
    ) == [("root", 10.0), ("slow", 85.0), ("root", 5.0)]


def test_a_span_that_outlives_its_parent_counts_within_it() -> None:
    """A callee that closes after its caller cannot make the path longer than the root."""
    found = path(span("root", "", 0, 100), span("tool", "root", 50, 130), span("late", "root", 110, 120))
    assert found == [("root", 50.0), ("tool", 50.0)]


def test_an_open_stream_is_not_waited_for() -> None:
    """A bidirectional stream is open all the time; what runs in it is on the path, the stream is not."""
    stream = {"attributes": {semconv.RPC_STREAM: True}}
    assert path(
        span("root", "", 0, 100),
        span("stream", "root", 5, 99, kind="client", **stream),
        span("serve", "stream", 6, 98, kind="server", **stream),
        span("decode", "serve", 20, 60),
        span("tool", "root", 60, 80),
    ) == [("root", 20.0), ("decode", 40.0), ("tool", 20.0), ("root", 20.0)]


@pytest.mark.parametrize("seed", range(20))
def test_the_critical_path_adds_up(seed: int) -> None:
    """Whatever the tree, the segments follow each other and last as long as the root."""
    rng = random.Random(seed)
    spans = [span("0", "", 0, 1000)]
    for number in range(1, 60):
        parent = rng.choice(spans)
        low = parent.start_ns / 1e6
        start = rng.uniform(low, low + 400)
        spans.append(span(str(number), parent.span_id, start, start + rng.uniform(0, 500)))
    segments = Trace(TRACE, spans).critical_path
    assert segments[0].start_ns == 0
    assert segments[-1].end_ns == 1_000_000_000
    for before, after in itertools.pairwise(segments):
        assert before.end_ns == after.start_ns


def test_a_trace_is_complete_when_every_call_has_its_callee() -> None:
    """Missing parents and missing callees mean that another process still exports."""
    root, call, served = (
        span("root", "", 0, 9),
        span("c", "root", 1, 8, kind="client"),
        span("s", "c", 2, 7, kind="server"),
    )
    assert Trace(TRACE, [root, call, served]).complete
    assert not Trace(TRACE, [root, call]).complete
    assert not Trace(TRACE, [call, served]).complete


def test_a_damaged_tree_is_still_walked_once() -> None:
    """Spans without parents come last; a circle of parents does not loop."""
    spans = [span("root", "", 0, 9), span("a", "b", 1, 2), span("b", "a", 1, 2), span("orphan", "gone", 3, 4)]
    assert [(depth, found.name) for depth, found in Trace(TRACE, spans).walk()] == [
        (0, "root"),
        (0, "orphan"),
    ]


def test_the_store_keeps_the_last_traces(tmp_path: Path) -> None:
    """Older traces go when newer ones come, and a trace is found by its first digits."""
    with TraceStore(tmp_path / "t.db", keep=2) as store:
        for number in range(3):
            trace_id = f"{number}{'0' * 31}"
            store.add_spans(
                [TraceSpan(trace_id, "s", "", "x", "router", "server", number, number + 5, "", {"a": [1]})]
            )
        with TraceStore(tmp_path / "t.db", read_only=True) as reader:
            assert [summary.trace_id[0] for summary in reader.summaries(10)] == ["2", "1"]
            assert reader.read("10").spans[0].attributes == {"a": [1]}
            assert reader.read().trace_id.startswith("2")
            with pytest.raises(NotFound):
                reader.read("00")


def test_the_last_chain_is_preferred(tmp_path: Path) -> None:
    """Without an id the last chain is read, not a later call that only listed something."""
    with TraceStore(tmp_path / "t.db") as store:
        store.add_spans([TraceSpan("a" * 32, "1", "", semconv.SPAN_DISPATCH, "router", "internal", 1, 2)])
        store.add_spans([TraceSpan("b" * 32, "1", "", "Plan", "router", "server", 3, 4)])
        assert store.read().trace_id == "a" * 32
        with pytest.raises(InvalidRequest):
            store.add_spans([TraceSpan("ab" * 16, "1", "", "Plan", "router", "server", 3, 4)])
            store.read("a")


def test_store_errors_are_clear(tmp_path: Path) -> None:
    """No file, and a file that is no store, are said with what to do."""
    with pytest.raises(FailedPrecondition, match="narrowgauge up"):
        TraceStore(tmp_path / "none.db", read_only=True)
    (tmp_path / "bad.db").write_bytes(b"not a database" * 100)
    with pytest.raises(FailedPrecondition, match="as a trace store"):
        TraceStore(tmp_path / "bad.db")


def test_the_latest_metric_values_are_kept(tmp_path: Path) -> None:
    """A new value replaces the old one of the same instrument and attributes."""
    with TraceStore(tmp_path / "t.db") as store:
        store.put_metrics([MetricPoint("router", "n", {"a": 1}, "s", {"value": 1}, 1)])
        store.put_metrics([MetricPoint("router", "n", {"a": 1}, "s", {"value": 2}, 2)])
        assert [point.value for point in store.metrics()] == [{"value": 2}]


async def test_spans_of_two_processes_meet_in_the_sink(
    spawn: Spawn, event_of: EventOf, tmp_path: Path
) -> None:
    """Client and server export on their own; the sink holds one whole trace and the metrics."""
    database = tmp_path / "t.db"
    sink = await spawn(
        *("-m", "narrowgauge.runtime.trace_sink"),
        NARROWGAUGE_TRACES=str(database),
        NARROWGAUGE_LISTEN="127.0.0.1:0",
    )
    endpoint = f"http://{(await event_of(sink))['address']}"
    server = await spawn(OTEL_EXPORTER_OTLP_ENDPOINT=endpoint)
    client = TracerProvider()
    client.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(endpoint)))
    async with grpc.aio.insecure_channel((await event_of(server))["address"]) as channel:
        with client.get_tracer("t").start_as_current_span("ask", kind=SpanKind.CLIENT) as ask:
            carrier: dict[str, str] = {}
            inject(carrier)
            await EchoStub(channel).one(text("x"), metadata=tuple(carrier.items()))
    server.terminate()  # exports what is pending
    await server.communicate()
    with TraceStore(database, read_only=True) as store:
        found = store.read(format_trace_id(ask.get_span_context().trace_id))
        names = {point.name for point in store.metrics()}
    assert [(depth, entry.name) for depth, entry in found.walk()] == [(0, "ask"), (1, "test.Echo/One")]
    assert found.complete
    assert semconv.RPC_SERVER_DURATION in names
