"""What an evaluation or a benchmark reports: metrics with confidence intervals, in one envelope."""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import TypeVar

__all__ = ["Failure", "Interval", "Report", "bootstrap", "f1_of", "percentiles", "wilson"]

Interval = tuple[float, float]
Row = TypeVar("Row")


@dataclass(frozen=True)
class Failure:
    """One record that went wrong, and why."""

    id: str
    why: str


@dataclass
class Report:
    """The figures of one run.

    Attributes:
        kind: What was evaluated, for example `sql`.
        n: Records.
        data_sha256: Of the data file.
        bundle: Hash of the bundle that served.
        model: Name of the model that served.
        metrics: Rates from 0 to 1, or figures with their unit in the name.
        ci95: 95 % confidence interval of each rate.
        latency_ms: `p50`, `p95` and `p99` a call.
        failures: At most as many as the run was told to keep.
        machine: Cores, threads and versions; benchmarks only.
        reliability: Of a router, for each bin of confidence `low`, `high`, `n`, mean `confidence` and
            `accuracy`.
    """

    kind: str
    n: int
    data_sha256: str = ""
    bundle: str = ""
    model: str = ""
    metrics: dict[str, float] = field(default_factory=dict)
    ci95: dict[str, Interval] = field(default_factory=dict)
    latency_ms: dict[str, float] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    machine: dict[str, str] = field(default_factory=dict)
    reliability: list[dict[str, float]] = field(default_factory=list)

    def fail(self, record: str, why: str) -> None:
        """Adds a failure; its reason is kept to one line."""
        self.failures.append(Failure(record, " ".join(why.split())))

    def rate(self, name: str, hits: int, n: int) -> None:
        """Adds a rate with its interval; a rate over no records is left out, since it says nothing."""
        if n:
            self.metrics[name] = hits / n
            self.ci95[name] = wilson(hits, n)

    def mean(self, name: str, values: Sequence[float]) -> None:
        """Adds a mean with its bootstrap interval."""
        if values:
            self.metrics[name] = statistics.fmean(values)
            self.ci95[name] = bootstrap(values, statistics.fmean)

    def statistic(self, name: str, rows: Sequence[Row], statistic: Callable[[Sequence[Row]], float]) -> None:
        """Adds a figure computed from all records together, with its bootstrap interval."""
        if rows:
            self.metrics[name] = statistic(rows)
            self.ci95[name] = bootstrap(rows, statistic)

    def to_json(self) -> dict[str, object]:
        """Returns the envelope of `--json`."""
        result = asdict(self)
        for name in ("machine", "reliability"):
            if not result[name]:
                del result[name]
        return result


def wilson(hits: int, n: int, z: float = 1.959964) -> Interval:
    """Returns the 95 % score interval of a proportion (Wilson 1927, JASA 22, equation for p)."""
    rate = hits / n
    centre = (rate + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(0.0, centre - half), min(1.0, centre + half)


def f1_of(counts: Sequence[tuple[int, int, int]]) -> float:
    """Returns the F1 over all records together; 1 where there is nothing to find and nothing was found.

    Args:
        counts: For each record how many parts are right, predicted and gold.
    """
    right, predicted, gold = (sum(part) for part in zip(*counts, strict=True))
    return 2 * right / (predicted + gold) if predicted + gold else 1.0


def bootstrap(
    values: Sequence[Row],
    statistic: Callable[[Sequence[Row]], float],
    *,
    rounds: int = 1000,
    seed: int = 7,
) -> Interval:
    """Returns the 95 % percentile interval of a statistic over resampled values (Efron 1979)."""
    rng = random.Random(seed)  # noqa: S311 - resampling, not secrecy
    results = sorted(statistic(rng.choices(values, k=len(values))) for _ in range(rounds))
    return results[int(rounds * 0.025)], results[int(rounds * 0.975)]


def percentiles(values_ms: Sequence[float]) -> dict[str, float]:
    """Returns p50, p95 and p99 by linear interpolation; empty for no values."""
    if not values_ms:
        return {}
    ordered = sorted(values_ms)

    def at(share: float) -> float:
        place = share * (len(ordered) - 1)
        low = math.floor(place)
        high = min(low + 1, len(ordered) - 1)
        return ordered[low] + (ordered[high] - ordered[low]) * (place - low)

    return {"p50": at(0.5), "p95": at(0.95), "p99": at(0.99)}
