"""What a benchmark is told, and the machine that it runs on."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

__all__ = ["BenchOptions", "machine"]


@dataclass(frozen=True)
class BenchOptions:
    """Options of `narrowgauge bench`.

    Attributes:
        rounds: How many; 0 for the kind's own number.
        time_s: Go on with rounds for so long, when `rounds` says nothing; 0 for no such wish.
        bundle: Folder of the bundle to serve; None for that of NARROWGAUGE_HOME.
        model: Checkpoint to serve; None for the embedded one.
        packages: Corpora of `bench compile`.
        peer: Who is measured in the same run, for example `llamacpp`; empty for nobody.
        concurrency: Callers of `bench serve`.
        calls: Calls of a round of `bench serve`; 0 for four a caller.
        rate: Arrivals a second of its open loop; 0 for a share of what the closed loop carried.
    """

    rounds: int = 0
    time_s: float = 0.0
    bundle: Path | None = None
    model: Path | None = None
    packages: tuple[str, ...] = ()
    peer: str = ""
    concurrency: int = 8
    calls: int = 0
    rate: float = 0.0


def machine() -> dict[str, str]:
    """Returns cores, processor and versions."""
    return {
        "cores": str(len(os.sched_getaffinity(0))),
        "processor": _processor(),
        "python": platform.python_version(),
        **{name: version(name) for name in ("narrowgauge", "onnxruntime", "llguidance", "grpcio")},
    }


def _processor() -> str:
    """Returns the processor's own name where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
