"""`bench call`: one constrained call, cold and with the shared prefix cached, beside a peer's."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from narrowgauge.bench.workload import COMPACT, MAX_TOKENS
from narrowgauge.cli.bench.comparison import TokenCounter, add_ratio, matched_ms, rotated, rounds_of
from narrowgauge.cli.bench.options import BenchOptions
from narrowgauge.cli.bench.run import add_medians
from narrowgauge.cli.bench.workers import Contest, Worker, contest
from narrowgauge.cli.preparing import Progress
from narrowgauge.evaluation.report import Report

if TYPE_CHECKING:
    from narrowgauge.bench.workload import Call

__all__ = ["bench_call"]

_ROUNDS = 7
_SLOT_TOKENS = 512
_WARM_UP = -1  # number of the request that warms every engine; no round has it
_COLD = ".cold"


@dataclass(frozen=True)
class _Variant:
    """One way to make the call: whose engine, in which form."""

    worker: Worker
    surface: str
    reuse_prefix: bool = True
    forced_runs: bool = True
    drafts: bool = True

    def call(self, contest: Contest, number: int) -> Call:
        return contest.workload.call(
            number,
            self.surface,
            reuse_prefix=self.reuse_prefix,
            forced_runs=self.forced_runs,
            drafts=self.drafts,
        )


async def bench_call(options: BenchOptions, report: Report, progress: Progress) -> None:
    """Adds the times of one call and, with a peer, those of the peer and the ratios.

    Without a peer: `cold_ms`, `cached_ms`, `cached_unforced_ms`, `cached_undrafted_ms`, `compact_ms` where
    the surface exists, `tokens_out`, `compact_tokens_out`, `tokens_forced` and `prompt_tokens`. With one: the
    peer's best setting as `peer_cold_ms`, `peer_cached_ms` and `peer_tokens_out`, each setting as
    `peer.<setting>.…`, and `speedup` (cached, outputs of equal length), `speedup_cold` and
    `speedup_own_surface` (each with its fastest way to write the same message).

    Raises:
        NotFound, FailedPrecondition: As `contest`.
    """
    async with contest(options, progress, slots=1, slot_tokens=_SLOT_TOKENS) as field:
        variants = _variants(field)
        for name, variant in variants.items():
            progress(f"warming {name}", None)
            await variant.worker.call(variant.call(field, _WARM_UP))
        tokens_of = TokenCounter(field.model)
        times: dict[str, list[float]] = defaultdict(list)
        tokens: dict[str, list[int]] = defaultdict(list)
        counts: dict[str, list[float]] = defaultdict(list)
        done = 0
        for number in rounds_of(options, _ROUNDS):
            progress("measuring calls", number / (options.rounds or _ROUNDS) if not options.time_s else None)
            for name in rotated(list(variants), number):
                answer = await variants[name].worker.call(variants[name].call(field, number))
                times[name].append(answer["ms"])
                tokens[name].append(tokens_of(answer["text"]))
                if name == "cached":
                    counts["tokens_forced"].append(answer["forced"])
                    counts["prompt_tokens"].append(answer["prompt_tokens"])
            done += 1
        report.n, report.bundle = done, field.workload.bundle.hash
        _add_own(report, field, times, tokens, counts)
        if field.peer is not None:
            _add_peer(report, field, times, tokens)


def _variants(field: Contest) -> dict[str, _Variant]:
    assert field.own is not None
    found = {
        "cold": _Variant(field.own, "protojson", reuse_prefix=False),
        "cached": _Variant(field.own, "protojson"),
        "cached_unforced": _Variant(field.own, "protojson", forced_runs=False),
        "cached_undrafted": _Variant(field.own, "protojson", drafts=False),
    }
    if COMPACT in field.workload.surfaces:
        found["compact"] = _Variant(field.own, COMPACT)
    for setting in field.settings:
        found[setting.name] = _Variant(setting.worker, setting.surface)
        found[setting.name + _COLD] = _Variant(setting.worker, setting.surface, reuse_prefix=False)
    return found


def _add_own(
    report: Report,
    field: Contest,
    times: dict[str, list[float]],
    tokens: dict[str, list[int]],
    counts: dict[str, list[float]],
) -> None:
    own = ("cold", "cached", "cached_unforced", "cached_undrafted", COMPACT)
    add_medians(report, {f"{name}_ms": times[name] for name in own if name in times})
    add_medians(report, {"tokens_out": [float(n) for n in tokens["cached"]], **counts})
    if COMPACT in times:
        add_medians(report, {"compact_tokens_out": [float(n) for n in tokens[COMPACT]]})
        add_ratio(report, "compact_tokens_ratio", tokens[COMPACT], tokens["cached"])
    assert field.own is not None
    report.model = field.model_name
    report.machine |= {**field.own.facts, "max_tokens": str(MAX_TOKENS)}


def _add_peer(
    report: Report, field: Contest, times: dict[str, list[float]], tokens: dict[str, list[int]]
) -> None:
    assert field.peer is not None
    matched = {
        setting.name: [
            matched_ms(ms, theirs, ours)
            for ms, theirs, ours in zip(
                times[setting.name], tokens[setting.name], tokens["cached"], strict=True
            )
        ]
        for setting in field.settings
    }
    best = min(matched, key=lambda name: median(matched[name]))
    fastest = min(matched, key=lambda name: median(times[name]))
    coldest = min(matched, key=lambda name: median(times[name + _COLD]))
    ours = min((name for name in ("cached", COMPACT) if name in times), key=lambda name: median(times[name]))
    add_medians(
        report,
        {
            "peer_cold_ms": times[coldest + _COLD],
            "peer_cached_ms": times[best],
            "peer_tokens_out": [float(n) for n in tokens[best]],
        },
    )
    add_ratio(report, "speedup", matched[best], times["cached"])
    add_ratio(report, "speedup_unmatched", times[best], times["cached"])
    add_ratio(report, "speedup_cold", times[coldest + _COLD], times["cold"])
    add_ratio(report, "speedup_own_surface", times[fastest], times[ours])
    for setting in field.settings:
        add_medians(
            report,
            {
                f"peer.{setting.name}.cached_ms": times[setting.name],
                f"peer.{setting.name}.cold_ms": times[setting.name + _COLD],
                f"peer.{setting.name}.tokens_out": [float(n) for n in tokens[setting.name]],
            },
        )
    report.machine |= {"peer": field.peer.name, "peer_setting": best, **_versions(field)}


def _versions(field: Contest) -> dict[str, str]:
    facts = {key: value for worker in field.workers for key, value in worker.facts.items()}
    facts.pop("precision", None)
    return facts
