"""`narrowgauge bench` reports medians, what it ran on, and hops that add up."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tiny_model import write_tiny_checkpoint

from narrowgauge.cli.bench.comparison import add_ratio
from narrowgauge.cli.bench.loop import hops_of
from narrowgauge.cli.bench.options import BenchOptions
from narrowgauge.cli.bench.plot import check_plot, write_plot
from narrowgauge.cli.bench.run import add_medians, run_benchmark
from narrowgauge.contracts.bundle import compile_bundle
from narrowgauge.errors import InvalidRequest
from narrowgauge.evaluation.report import Report, f1_of, percentiles, wilson
from narrowgauge.runtime.trace_tree import Trace, TraceSpan


def span(name: str, parent: str, start: int, end: int) -> TraceSpan:
    """A span named as its id, in milliseconds."""
    return TraceSpan("t", name, parent, name, "s", "internal", start * 10**6, end * 10**6)


def test_hops_add_up_to_the_chain() -> None:
    """Each stretch of the critical path counts once, calls of tools as `tool`, our own calls as `rpc`."""
    spans = [
        span("narrowgauge.v1.DispatcherService/Dispatch", "", 0, 100),
        span("step", "narrowgauge.v1.DispatcherService/Dispatch", 5, 95),
        span("prefill", "step", 10, 30),
        span("decode", "step", 30, 70),
        span("acme.tools.v1.Tool/Query", "step", 75, 90),
    ]
    hops = hops_of(Trace("t", spans))
    assert hops == pytest.approx({"rpc": 10, "step": 15, "prefill": 20, "decode": 40, "tool": 15})
    assert sum(hops.values()) == pytest.approx(100)


def test_the_median_round_counts() -> None:
    """One slow round changes neither the figure nor its name."""
    report = Report("call", 3)
    add_medians(report, {"cold_ms": [10.0, 500.0, 12.0]})
    assert report.metrics == {"cold_ms": 12.0}
    low, high = report.ci95["cold_ms"]
    assert 10 <= low <= 12 <= high <= 500


def test_percentiles_and_intervals_are_those_of_the_books() -> None:
    """Linear interpolation between ranks; Wilson's interval of 8 in 10; F1 over all records together."""
    assert percentiles([4.0, 1.0, 3.0, 2.0]) == pytest.approx({"p50": 2.5, "p95": 3.85, "p99": 3.97})
    assert wilson(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert f1_of([(1, 2, 1), (1, 1, 3)]) == pytest.approx(4 / 7)
    assert f1_of([(0, 0, 0)]) == 1.0


def test_bench_compile_prints_the_envelope(tmp_path: Path) -> None:
    """Messages are compiled or refused, and the machine stands beside the figures."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "narrowgauge.cli", "bench", "compile"),
            *("--rounds", "1", "--package", "google.rpc", "--json"),
        ],
        capture_output=True,
        text=True,
        env={**os.environ, "NARROWGAUGE_HOME": str(tmp_path)},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    metrics = report["metrics"]
    assert report["kind"] == "compile"
    assert metrics["messages"] == metrics["compiled"] + metrics["refused"] == report["n"]
    assert metrics["compiled"] > 0
    assert metrics["ms.p50"] <= metrics["ms.p99"] <= metrics["ms.max"]
    assert {"cores", "processor", "python", "onnxruntime"} <= report["machine"].keys()


def bench(home: Path, *arguments: str) -> dict[str, Any]:
    """Runs `narrowgauge bench` with a small random model; returns the envelope."""
    source = home / "tiny"
    if not source.exists():
        write_tiny_checkpoint(source)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "narrowgauge.cli", "bench", *arguments),
            *("--model", str(source), "--json"),
        ],
        capture_output=True,
        text=True,
        env={**os.environ, "NARROWGAUGE_HOME": str(home), "NARROWGAUGE_THREADS": "1"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def test_bench_call_and_engine_report_their_metrics(tmp_path: Path) -> None:
    """Each kind has the metrics that the documentation names, and a chart of them can be drawn."""
    chart = tmp_path / "call.svg"
    call = bench(tmp_path, "call", "--rounds", "2", "--plot", str(chart))
    wanted = {
        "cold_ms",
        "cached_ms",
        "cached_unforced_ms",
        "cached_undrafted_ms",
        "tokens_out",
        "tokens_forced",
        "prompt_tokens",
    }
    assert wanted <= call["metrics"].keys()
    assert call["n"] == 2
    assert "cached_ms" in chart.read_text()
    engine = bench(tmp_path, "engine", "--rounds", "1")
    assert engine["metrics"].keys() == {
        "prefill_tok_s",
        *(f"decode_tok_s.{batch}" for batch in (1, 4, 8, 16, 32)),
        "forced_share",
    }


def test_bench_serve_loads_one_specialist(tmp_path: Path) -> None:
    """Closed and open loop, start and memory are measured on a real process."""
    report = bench(tmp_path, "serve", "--rounds", "1", "--concurrency", "3", "--calls", "6")
    metrics = report["metrics"]
    assert metrics["refused"] == 0
    assert 0 < metrics["p50_ms"] <= metrics["p99_ms"]
    assert 0 < metrics["open.p50_ms"] <= metrics["open.p99_ms"]
    assert min(metrics["calls_per_s"], metrics["open.calls_per_s"], metrics["start_s"]) > 0
    assert metrics["rss_mb.before"] <= metrics["rss_mb.peak"]
    assert metrics["rss_mb.after"] > 0


def test_a_chart_shows_every_figure_that_has_a_unit(tmp_path: Path) -> None:
    """Ratios, times and rates have panels of their own; both formats are written; others are refused."""
    report = Report("call", 3, machine={"peer_setting": "Q8_0.gbnf"})
    add_medians(report, {"cached_ms": [10.0, 11.0, 12.0], "peer_cached_ms": [30.0, 31.0, 32.0]})
    add_ratio(report, "speedup", [30.0, 31.0, 32.0], [10.0, 11.0, 12.0])
    add_medians(report, {"tokens_out": [35.0]})
    for name in ("chart.svg", "chart.png"):
        check_plot(tmp_path / name)
        write_plot(report, tmp_path / name)
    drawn = (tmp_path / "chart.svg").read_text()
    assert all(word in drawn for word in ("cached_ms", "peer_cached_ms", "speedup", "milliseconds", "times"))
    assert "tokens_out" not in drawn
    assert (tmp_path / "chart.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(InvalidRequest, match="svg"):
        check_plot(tmp_path / "chart.pdf")


def test_a_ratio_is_of_medians(tmp_path: Path) -> None:
    """One slow round changes neither the ratio nor, by much, its interval."""
    report = Report("call", 5)
    add_ratio(report, "speedup", [20.0, 21.0, 22.0, 20.0, 900.0], [10.0, 10.0, 10.0, 11.0, 10.0])
    assert report.metrics["speedup"] == pytest.approx(2.1)
    low, high = report.ci95["speedup"]
    assert low <= 2.1 <= high


def test_bench_surfaces_counts_the_same_calls_on_each_surface(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every surface that can write a contract has its tokens and their share of protojson's; no call has
    fewer than its values need, and calls that are not mostly text need half of protojson's on compact."""
    monkeypatch.setenv("NARROWGAUGE_HOME", str(tmp_path / "home"))
    example = Path(__file__).parents[2] / "docs" / "examples" / "inventory"
    bundle = compile_bundle(
        tmp_path / "bundle",
        protos=[example / "inventory.proto"],
        specialists=[example / "specialist"],
        with_router=False,
    )
    metrics = asyncio.run(run_benchmark("surfaces", BenchOptions(bundle=bundle.path))).metrics
    for contract in ("inventory", "salesforce", "sql", "summary"):
        assert metrics[f"{contract}.calls"] > 50
        values, short, long = (metrics[f"{contract}.{name}"] for name in ("values", "compact", "protojson"))
        assert values < short < long
    for contract in ("inventory", "salesforce", "sql"):
        assert metrics[f"{contract}.compact_ratio"] < 0.5
    assert "sql.sql_ratio" in metrics and "sql.salesforce" not in metrics
