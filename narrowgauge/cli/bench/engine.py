"""`bench engine`: prefill and decode of the engine by itself, at several batch sizes, beside a peer's."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from statistics import median

from narrowgauge.cli.bench.comparison import add_ratio, rounds_of
from narrowgauge.cli.bench.options import BenchOptions
from narrowgauge.cli.bench.run import add_medians
from narrowgauge.cli.bench.workers import Contest, Worker, contest
from narrowgauge.cli.preparing import Progress
from narrowgauge.evaluation.report import Report

__all__ = ["BATCHES", "bench_engine"]

BATCHES = (1, 4, 8, 16, 32)
_ROUNDS = 7
_PROMPT_TOKENS = 128
_SLOT_TOKENS = 512
_DECODED = 96  # tokens of a measurement over all rows; a batch of 32 takes three steps


async def bench_engine(options: BenchOptions, report: Report, progress: Progress) -> None:
    """Adds `prefill_tok_s`, `decode_tok_s.{1,4,8,16,32}` and `forced_share`, and with a peer its own figures
    in the best of its settings for each, as `peer_…` and `ratio.…` (ours over the peer's).

    Raises:
        NotFound, FailedPrecondition: As `contest`.
    """
    most = max(BATCHES)
    async with contest(options, progress, slots=most, slot_tokens=_SLOT_TOKENS) as field:
        assert field.own is not None
        engines = {"": field.own, **{worker.facts["precision"]: worker for worker in field.workers}}
        batches = BATCHES if field.peer is None else [n for n in BATCHES if n in field.peer.batches]
        found: dict[str, dict[str, list[float]]] = {name: defaultdict(list) for name in engines}
        rounds = 0
        for number in rounds_of(options, _ROUNDS):
            progress("measuring the engine", None if options.time_s else number / (options.rounds or _ROUNDS))
            for name, worker in engines.items():
                own = name == ""
                for metric, value in (await _round(worker, BATCHES if own else batches)).items():
                    found[name][metric].append(value)
            rounds += 1
        call = await field.own.call(field.workload.call(0, "protojson"))
        report.n, report.bundle, report.model = rounds, field.workload.bundle.hash, field.model_name
        report.machine |= dict(field.own.facts)
        add_medians(report, found[""])
        report.metrics["forced_share"] = call["forced"] / max(1, call["tokens"])
        if field.peer is not None:
            _add_peer(report, field, found)


async def _round(worker: Worker, batches: Sequence[int]) -> dict[str, float]:
    ids = [5 + 31 * n % 997 for n in range(_PROMPT_TOKENS)]
    found = {"prefill_tok_s": _PROMPT_TOKENS / await worker.prefill(ids)}
    for batch in batches:
        steps = max(3, _DECODED // batch)
        found[f"decode_tok_s.{batch}"] = batch / await worker.decode(batch, _PROMPT_TOKENS - 4, steps)
    return found


def _add_peer(report: Report, field: Contest, found: dict[str, dict[str, list[float]]]) -> None:
    assert field.peer is not None
    own = found.pop("")
    for metric in next(iter(found.values())):
        best = max(found, key=lambda name, metric=metric: median(found[name][metric]))  # type: ignore[misc]
        add_medians(report, {f"peer_{metric}": found[best][metric]})
        add_ratio(report, f"ratio.{metric}", own[metric], found[best][metric])
        report.machine[f"peer_setting.{metric}"] = best
    report.machine["peer"] = field.peer.name
