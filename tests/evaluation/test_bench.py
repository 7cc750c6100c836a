"""`narrowgauge bench` reports medians, what it ran on, and hops that add up."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from narrowgauge.cli.bench.loop import hops_of
from narrowgauge.cli.bench.run import add_medians
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
