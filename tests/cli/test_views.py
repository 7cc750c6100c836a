"""What traces, results and plans look like."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

import pytest
from rich.console import Console, RenderableType
from typer.testing import CliRunner

from narrowgauge.cli.__main__ import app
from narrowgauge.cli.home import Home, Running
from narrowgauge.cli.metrics import quantile
from narrowgauge.cli.render.console import stdout
from narrowgauge.cli.render.plan_tree import plan_tree
from narrowgauge.cli.render.results import result_rows, result_view
from narrowgauge.cli.render.waterfall import waterfall
from narrowgauge.errors import FailedPrecondition
from narrowgauge.runtime import semconv
from narrowgauge.runtime.trace_store import MetricPoint, TraceStore
from narrowgauge.runtime.trace_tree import Trace, TraceSpan
from narrowgauge.v1 import dispatcher_pb2 as pb
from narrowgauge.v1 import options_pb2

TRACE = "0af7651916cd43dd8448eb211c80319c"
RECORDED = [
    # span, parent, name, service, kind, start and end in ms
    ("r", "", "narrowgauge.v1.DispatcherService/Dispatch", "router", "server", 0, 100),
    ("d", "r", semconv.SPAN_DISPATCH, "router", "internal", 0, 100),
    ("p", "d", semconv.SPAN_PLAN, "router", "internal", 1, 6),
    ("s0", "d", semconv.SPAN_STEP, "router", "internal", 6, 60),
    ("c0", "s0", semconv.SPAN_DECODE, "specialist-sql", "internal", 10, 50),
    ("s1", "d", semconv.SPAN_STEP, "router", "internal", 6, 30),
]


def spans() -> list[TraceSpan]:
    return [
        TraceSpan(
            *(TRACE, span, parent, name, service, kind, start * 1_000_000, end * 1_000_000),
            attributes={semconv.STEP_ID: span[1:]} if name == semconv.SPAN_STEP else {},
        )
        for span, parent, name, service, kind, start, end in RECORDED
    ]


def printed(view: RenderableType | None) -> str:
    assert view is not None
    out = io.StringIO()
    Console(file=out, width=100).print(view)
    return out.getvalue()


def test_the_waterfall_marks_the_critical_path() -> None:
    """Spans that were waited for have thick bars and their own time; others have thin bars and none."""
    lines = [line.strip() for line in printed(waterfall(Trace(TRACE, spans()))).splitlines()]
    waited = next(line for line in lines if line.startswith("step 0"))
    beside = next(line for line in lines if line.startswith("step 1"))
    assert "━" in waited and " 14.0 " in waited
    assert "─" in beside and "━" not in beside
    assert lines[-1] == "critical path 100.0 ms: dispatch 41.0 · decode 40.0 · step 14.0 · plan 5.0"


def test_the_waterfall_fits_100_columns() -> None:
    """Deep trees and long names are cut, not wrapped."""
    chain = [
        TraceSpan(TRACE, str(depth), str(depth - 1), "x" * 200, "y" * 90, "server", 0, 10**9, "e" * 99)
        for depth in range(30)
    ]
    text = printed(waterfall(Trace(TRACE, chain)))
    assert max(map(len, text.splitlines())) <= 100
    assert len(text.splitlines()) <= 30 + 4


def test_trace_reads_the_sink(home: Path) -> None:
    """`trace` draws the last chain, `--list` lists, `--json` gives the spans, an unknown id is an error."""
    with TraceStore(home / "traces.db") as store:
        # A call without its callee would make `trace` wait for it: the recorded trace is whole.
        store.add_spans(spans())
    runner = CliRunner()
    assert "critical path 100.0 ms" in runner.invoke(app, ["trace"]).output
    assert TRACE[:16] in runner.invoke(app, ["trace", "--list"]).output
    found = json.loads(runner.invoke(app, ["trace", TRACE[:6], "--json"]).output)
    assert len(found["spans"]) == len(RECORDED)
    assert found["critical_path"][0]["span_id"] == "d"
    missing = runner.invoke(app, ["trace", "ffff"])
    assert missing.exit_code == 1
    assert "no trace 'ffff' is kept" in missing.output


def test_trace_without_a_store_says_what_to_do(home: Path) -> None:
    """Before the first `up` there is nothing to draw."""
    done = CliRunner().invoke(app, ["trace"])
    assert done.exit_code == 1
    assert "narrowgauge up" in done.output


@pytest.mark.parametrize(
    ("value", "columns", "cells"),
    [
        (
            {"columns": [{"name": "a"}, {"name": "b"}], "rows": [{"values": [{"integer": "7"}, {}]}]},
            ["a", "b"],
            [["7", ""]],
        ),
        (
            {
                "columns": ["Name", "Account.Name"],
                "records": [{"fields": {"Name": "x", "Account": {"Name": "y"}}}],
            },
            ["Name", "Account.Name"],
            [["x", "y"]],
        ),
        ({"columns": ["a"], "rowCount": 0}, ["a"], []),
        ({"items": [{"p": 1.5}, {"p": True, "q": None}]}, ["p", "q"], [["1.5", ""], ["yes", ""]]),
    ],
)
def test_tables_are_found_in_results(value: dict, columns: list[str], cells: list[list[str]]) -> None:
    """SQL rows, Salesforce records with parents, empty results and lists of any message are tables."""
    assert result_rows(value) == (columns, cells)


def test_other_results_have_a_view_too() -> None:
    """A record is a list of fields, a summary reads as text, damage does not break the display."""
    words, view = result_view('{"object":"Case","id":"500x"}')
    assert words == "a record" and "500x" in printed(view)
    words, view = result_view(
        '{"headline":"Sales rose","keyPoints":["a","b"],"figures":[{"text":"12 %","offset":4}]}'
    )
    assert words == "a summary" and "figures: 12 %" in printed(view)
    assert result_view('{"rows":[{"val')[0] == "a shortened result"
    assert result_view("") == ("an empty result", None)


def test_results_do_not_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Escape sequences that stand in data are text, and not obeyed; lines stay."""
    view = result_view('{"records":[{"Name":"a\\u001b[2Jb\\u0007"},{"Name":"c"}]}')[1]
    stdout().print(view)
    stdout().print("two\nlines")
    printed_text = capsys.readouterr().out
    assert "\x1b" not in printed_text and "\x07" not in printed_text
    assert "a[2Jb" in printed_text
    assert "two\nlines\n" in printed_text


def test_wide_and_long_results_are_cut(home: Path) -> None:
    """A result of many rows and columns says what is not shown, within 100 columns."""
    rows = [{"values": [{"text": "word " * 20}] * 14} for _ in range(50)]
    words, view = result_view(
        json.dumps({"columns": [f"c{n}" for n in range(14)], "rows": rows, "truncated": True})
    )
    assert words == "50 rows, truncated"
    text = printed(view)
    assert "… 30 more rows; columns c9, c10, c11, c12, c13" in text
    assert max(map(len, text.splitlines())) <= 100


def test_a_plan_hangs_below_its_strongest_dependency() -> None:
    """A step is drawn below the step whose rows or result it needs, and names all that it depends on."""
    plan = pb.Plan(
        steps=[
            pb.PlanStep(text="first", specialist="sql"),
            pb.PlanStep(text="second", specialist="sql"),
            pb.PlanStep(
                text="third",
                specialist="summary",
                depends_on=[
                    pb.StepDependency(step=0, kind=pb.DEPENDENCY_KIND_USES),
                    pb.StepDependency(step=1, kind=pb.DEPENDENCY_KIND_AFTER),
                ],
            ),
        ]
    )
    lines = printed(plan_tree(plan)).splitlines()
    assert [line.split("─ ")[-1][:1] for line in lines[1:]] == ["0", "2", "1"]
    assert "← uses the result of 0  ← after 1" in " ".join(printed(plan_tree(plan)).split("\n"))


def test_a_plan_tells_its_rules() -> None:
    """Below a step stand the rules that matched it, by which words, and which of them decided."""
    text = "close 0065g00000Ab1Cd"
    step = pb.PlanStep(
        text=text,
        span=pb.Span(begin=10, end=10 + len(text)),
        specialist="salesforce",
        confidence=1,
        reason="record-id",
        rules=[
            pb.AppliedRule(
                name="record-id",
                effect=options_pb2.ROUTE_EFFECT_FORCE,
                specialists=["salesforce"],
                matched=[pb.Span(begin=16, end=31)],
            ),
            pb.AppliedRule(
                name="no-closing",
                effect=options_pb2.ROUTE_EFFECT_FORBID,
                specialists=["sql"],
                matched=[pb.Span(begin=10, end=15)],
            ),
        ],
    )
    shown = printed(plan_tree(pb.Plan(steps=[step])))
    assert "salesforce 1.00  close 0065g00000Ab1Cd  [10:31]" in shown
    assert "rule record-id forces salesforce: '0065g00000Ab1Cd'\n" in shown.replace(" \n", "\n")
    assert "rule no-closing forbids sql: 'close' (changed nothing)" in shown


def test_a_home_knows_what_runs(home: Path) -> None:
    """Other commands find a running system, and nothing once it is gone or its file is damaged."""
    here = Home.of(os.environ)
    assert here.running() is None
    running = Running(os.getpid(), "127.0.0.1:1", "127.0.0.1:2", {"router": "127.0.0.1:1"})
    with here.announced(running):
        assert here.running() == running
        assert here.router(None) == "127.0.0.1:1"
        assert here.router("x:9") == "x:9"
    assert here.running() is None
    (home / "running.json").write_text('{"pid": 1')
    assert here.running() is None


def test_a_home_holds_one_system(home: Path) -> None:
    """A second `up` in the same folder is refused with advice."""
    here = Home.of(os.environ)
    with here.claimed(), pytest.raises(FailedPrecondition, match="already up"), here.claimed():
        pass
    with here.claimed():
        pass


def test_metrics_are_shown_with_percentiles(home: Path) -> None:
    """Counters are numbers, histograms have mean and estimated percentiles in milliseconds."""
    histogram = {"count": 4, "sum": 0.4, "bounds": [0.05, 0.15], "counts": [0, 4, 0]}
    with TraceStore(home / "traces.db") as store:
        store.put_metrics(
            [
                MetricPoint("router", semconv.STEP_DURATION, {"s": "sql"}, "s", histogram, 1),
                MetricPoint("router", semconv.STEPS, {"s": "sql"}, "{step}", {"value": 4}, 1),
                MetricPoint("router", semconv.RPC_SERVER_DURATION, {}, "s", histogram, 1),
            ]
        )
    lines = CliRunner().invoke(app, ["metrics"]).output.splitlines()
    assert [line.split()[1:] for line in lines[1:]] == [
        ["sql", "4", "100.0", "100.0", "145.0"],
        ["sql", "4"],
    ]
    assert len(CliRunner().invoke(app, ["metrics", "--rpc"]).output.splitlines()) == 4


def test_a_quantile_of_the_last_bucket_is_its_bound() -> None:
    """Values above the last bound cannot be told apart, so the bound is the estimate."""
    assert quantile(0.95, [1.0, 2.0], [0, 0, 7]) == 2.0
    assert quantile(0.5, [], []) == 0.0


def test_streams_that_were_merely_open_are_left_out(home: Path) -> None:
    """A stream that holds nothing is drawn with `--all` only; one that failed is always drawn."""
    stream = {semconv.RPC_STREAM: True}
    extra = [
        TraceSpan(TRACE, "q", "s0", "a.B/Execute", "router", "client", 1, 9, attributes=stream),
        TraceSpan(TRACE, "q2", "q", "a.B/Execute", "sql", "server", 2, 8, attributes=stream),
    ]
    assert "B/Execute" not in printed(waterfall(Trace(TRACE, [*spans(), *extra])))
    assert printed(waterfall(Trace(TRACE, [*spans(), *extra]), everything=True)).count("B/Execute") == 2
    failed = TraceSpan(TRACE, "f", "s0", "a.B/Fail", "router", "client", 1, 9, "INTERNAL", stream)
    assert "B/Fail INTERNAL" in printed(waterfall(Trace(TRACE, [*spans(), failed])))
