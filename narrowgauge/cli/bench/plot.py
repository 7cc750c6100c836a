"""`--plot FILE`: a report's figures as horizontal bars with their intervals."""

from __future__ import annotations

from collections import defaultdict
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from narrowgauge.errors import FailedPrecondition, InvalidRequest
from narrowgauge.evaluation.report import Report

__all__ = ["FORMATS", "check_plot", "write_plot"]

FORMATS = ("svg", "png")
_INSTALL = "pip install 'narrowgauge[plot]'"
_UNITS = {
    "ms": "milliseconds",
    "tok_s": "tokens a second",
    "calls_per_s": "calls a second",
    "plans_per_s": "plans a second",
    "tokens_per_s": "tokens a second",
    "mb": "megabytes",
    "s": "seconds",
}
_OWN, _PEER = "#2f6f9f", "#b9b9b9"
_RATIOS = ("speedup", "ratio")


def check_plot(path: Path) -> None:
    """Checks before anything is measured that a chart can be drawn.

    Raises:
        InvalidRequest: The file's ending is neither .svg nor .png.
        FailedPrecondition: `PLOT_MISSING`: matplotlib is not installed; names the command.
    """
    if path.suffix.lstrip(".") not in FORMATS:
        raise InvalidRequest("BAD_ARGUMENT", f"--plot writes .svg or .png, and {path} ends in neither")
    if find_spec("matplotlib") is None:
        raise FailedPrecondition("PLOT_MISSING", f"--plot needs matplotlib. Run: {_INSTALL}")


def write_plot(report: Report, path: Path) -> None:
    """Draws one panel for each unit; the peer's bars are grey."""
    matplotlib: Any = import_module("matplotlib")
    figure_class: Any = import_module("matplotlib.figure").Figure
    panels: dict[str, list[str]] = defaultdict(list)
    for name in report.metrics:
        panels[_unit(name)].append(name)
    panels.pop("", None)
    if not panels:
        raise InvalidRequest("NOTHING_TO_PLOT", f"the figures of {report.kind} have no units to draw")
    rows = [len(names) for names in panels.values()]
    # Text stays text and ids do not change from run to run, so that the file can be read and compared.
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "narrowgauge", "font.size": 9}):
        figure = figure_class(figsize=(8, 0.6 * len(panels) + 0.32 * sum(rows) + 0.6), layout="constrained")
        axes = figure.subplots(len(panels), 1, squeeze=False, height_ratios=[n + 1 for n in rows])
        for axis, (unit, names) in zip(axes[:, 0], panels.items(), strict=True):
            _draw(axis, unit, names, report)
        told = [report.model, report.machine.get("processor", ""), report.machine.get("peer_setting", "")]
        figure.suptitle(f"narrowgauge bench {report.kind}", fontsize=11)
        figure.supxlabel("   ".join(filter(None, told)), fontsize=8, color="#555555")
        metadata = {"Date": None} if path.suffix == ".svg" else {}
        figure.savefig(path, format=path.suffix.lstrip("."), dpi=144, metadata=metadata)


def _draw(axis: Any, unit: str, names: list[str], report: Report) -> None:
    names = names[::-1]  # bars grow from below
    values = [report.metrics[name] for name in names]
    bounds = [report.ci95.get(name, (value, value)) for name, value in zip(names, values, strict=True)]
    errors = [
        [max(0.0, value - low) for value, (low, _) in zip(values, bounds, strict=True)],
        [max(0.0, high - value) for value, (_, high) in zip(values, bounds, strict=True)],
    ]
    colours = [_PEER if "peer" in name else _OWN for name in names]
    bars = axis.barh(names, values, xerr=errors, color=colours, ecolor="#444444", capsize=2, height=0.7)
    axis.bar_label(bars, [f" {value:,.4g}" for value in values], padding=3, fontsize=8)
    axis.set_xlabel(unit, fontsize=8)
    axis.margins(x=0.15)
    axis.set_xlim(left=0)
    if unit == "times":
        axis.axvline(1, color="#888888", linewidth=0.8, linestyle=":")
    axis.spines[["top", "right"]].set_visible(False)


def _unit(metric: str) -> str:
    """Returns a metric's unit in words, by the last part of its name that has one; empty without one."""
    if "growth" in metric:  # a slope, which may be negative
        return ""
    if metric.startswith(_RATIOS):
        return "times"
    for part in reversed(metric.split(".")):
        for suffix, unit in _UNITS.items():
            if part == suffix or part.endswith(f"_{suffix}"):
                return unit
    return ""
