"""`bench serve`: one specialist as a service under load, its start and its memory, beside a peer's server."""

from __future__ import annotations

import asyncio
import os
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from statistics import fmean, linear_regression, median

from narrowgauge.bench.workload import COMPACT, SPECIALIST, order_requests
from narrowgauge.cli.bench.comparison import TokenCounter, add_ratio, rotated, rounds_of
from narrowgauge.cli.bench.load import ServedLoad, SpecialistLoad, resident_mb
from narrowgauge.cli.bench.options import BenchOptions
from narrowgauge.cli.bench.run import add_medians
from narrowgauge.cli.bench.workers import Contest, PeerSetting, contest, threads_of
from narrowgauge.cli.home import Home
from narrowgauge.cli.preparing import Progress
from narrowgauge.cli.processes import Child, ProcessSpec, Supervisor
from narrowgauge.evaluation.report import Report, percentiles
from narrowgauge.runtime.channels import open_channel

__all__ = ["bench_serve"]

_ROUNDS = 5
_SLOTS = 8
_SLOT_TOKENS = 1024
_STARTS = 3
_CALLS_EACH = 4  # a round's calls for each caller, unless --calls says otherwise
_OPEN_SHARE = 0.7  # of what the closed loop carried: a load that the service can bear
_SETTLE_S = 2.0  # until the last stream is gone and memory is given back


@dataclass
class _Rounds:
    """What the rounds of one engine gave."""

    calls_per_s: list[float] = field(default_factory=list)
    latency_ms: list[float] = field(default_factory=list)
    tokens: list[float] = field(default_factory=list)

    def add(self, wall_s: float, latency_ms: list[float], tokens: list[int]) -> None:
        """Adds a round; a round in which every call was refused carried none."""
        self.calls_per_s.append(len(latency_ms) / wall_s)
        self.latency_ms += latency_ms
        self.tokens.append(fmean(tokens) if tokens else 0.0)


async def bench_serve(options: BenchOptions, report: Report, progress: Progress) -> None:
    """Adds what one specialist carries, how long its calls take, and what it holds.

    `calls_per_s`, `tokens_per_s`, `p50_ms` and `p99_ms` of the closed loop, `open.…` of the open one,
    `refused`, `start_s` from the start of the process until it serves (prefixes on disk), and
    `rss_mb.{before,peak,after}` with `rss_mb.growth_per_1000_calls`. With a peer its best setting as
    `peer_calls_per_s`, `peer_p99_ms` and `peer_rss_mb`, and `ratio` (ours over the peer's calls a second,
    outputs of equal length).

    Raises:
        NotFound, FailedPrecondition: As `contest`; or the specialist does not start.
    """
    slots = int(os.environ.get("NARROWGAUGE_SLOTS") or _SLOTS)
    slot_tokens = int(os.environ.get("NARROWGAUGE_SLOT_TOKENS") or _SLOT_TOKENS)
    async with (
        contest(options, progress, slots=slots, slot_tokens=slot_tokens, own=False) as field_,
        Supervisor(Home.of(os.environ).logs / "bench") as supervisor,
    ):
        spec = _spec(field_, options, slots, slot_tokens)
        starts = await _start_times(supervisor, spec, min(options.rounds or _STARTS, _STARTS), progress)
        child = await supervisor.start(spec)
        tokens_of = TokenCounter(field_.model)
        async with _loaded(child, field_) as load:
            await _measure(field_, options, report, progress, load, child, tokens_of)
    add_medians(report, {"start_s": starts})
    report.bundle, report.model = field_.workload.bundle.hash, field_.model_name
    report.machine |= {
        "threads": str(threads_of(os.environ)),
        "slots": str(slots),
        "slot_tokens": str(slot_tokens),
        "concurrency": str(options.concurrency),
        "surface": _surface(field_),
    }


def _surface(field_: Contest) -> str:
    return os.environ.get("NARROWGAUGE_SURFACE") or (
        "protojson" if COMPACT not in field_.workload.surfaces or field_.peer is not None else COMPACT
    )


def _spec(field_: Contest, options: BenchOptions, slots: int, slot_tokens: int) -> ProcessSpec:
    defaults: Mapping[str, str] = {
        "NARROWGAUGE_THREADS": str(threads_of(os.environ)),  # alone on the machine, unlike under `up`
        "NARROWGAUGE_QUEUE": str(max(64, options.concurrency)),
        "NARROWGAUGE_SURFACE": _surface(field_),
    }
    return ProcessSpec(
        f"specialist-{SPECIALIST}",
        "specialist_svc",
        {
            **{name: os.environ.get(name) or value for name, value in defaults.items()},
            "NARROWGAUGE_SLOTS": str(slots),
            "NARROWGAUGE_SLOT_TOKENS": str(slot_tokens),
            "NARROWGAUGE_LISTEN": "127.0.0.1:0",
            "NARROWGAUGE_BUNDLE": str(field_.workload.bundle.path),
            "NARROWGAUGE_SPECIALIST": SPECIALIST,
            "NARROWGAUGE_MODEL": str(field_.model),
        },
    )


async def _start_times(
    supervisor: Supervisor, spec: ProcessSpec, count: int, progress: Progress
) -> list[float]:
    """Starts and stops it; the first start, which may have prefixes to write, is not counted."""
    times = []
    for number in range(count + 1):
        progress("starting the specialist", number / (count + 1))
        began = time.perf_counter()
        await supervisor.start(spec)
        times.append(time.perf_counter() - began)
        await supervisor.stop()
    return times[1:]


@asynccontextmanager
async def _loaded(child: Child, field_: Contest) -> AsyncIterator[SpecialistLoad]:
    async with open_channel(child.address) as channel:
        yield SpecialistLoad(channel, field_.workload.bundle.hash, child.pid)


async def _measure(
    field_: Contest,
    options: BenchOptions,
    report: Report,
    progress: Progress,
    load: SpecialistLoad,
    child: Child,
    tokens_of: TokenCounter,
) -> None:
    each = options.calls or _CALLS_EACH * options.concurrency
    requests = order_requests(each)
    warm = await load.closed(requests[:1], 1)
    before, peak = resident_mb(child.pid), warm.peak_mb
    own, peers = _Rounds(), {setting.name: _Rounds() for setting in field_.settings}
    contestants = {setting.name: setting for setting in field_.settings}
    held, refused, rounds = [], 0, 0
    for number in rounds_of(options, _ROUNDS):
        progress("under load", None if options.time_s else number / (options.rounds or _ROUNDS))
        for name in rotated(["", *contestants], number):
            if name:
                await _peer_round(field_, contestants[name], options, each, peers[name], tokens_of)
                continue
            found = await load.closed(requests, options.concurrency)
            own.add(found.wall_s, found.latency_ms, [tokens_of(text) for text in found.texts])
            peak, refused = max(peak, found.peak_mb), refused + found.refused
        held.append(resident_mb(child.pid))
        rounds += 1
        if number == 0 and contestants:
            # Every setting has its round, and the best one goes on.
            best = max(contestants, key=lambda name: _matched(peers[name], own)[0])
            contestants = {best: contestants[best]}
    opened = await _open_loop(options, load, requests, own, progress)
    peak, refused = max(peak, opened.peak_mb), refused + opened.refused
    await asyncio.sleep(_SETTLE_S)
    _add_own(report, own, opened, refused)
    report.n = rounds
    growth = linear_regression(range(len(held) - 1), held[1:]).slope if len(held) > 2 else 0.0
    report.metrics |= {
        "rss_mb.before": before,
        "rss_mb.peak": peak,
        "rss_mb.after": resident_mb(child.pid),
        "rss_mb.growth_per_1000_calls": growth / each * 1000,
    }
    for name, setting in contestants.items():
        _add_peer(report, own, peers[name], setting, field_)


async def _peer_round(
    field_: Contest,
    setting: PeerSetting,
    options: BenchOptions,
    each: int,
    found: _Rounds,
    tokens_of: TokenCounter,
) -> None:
    calls = [field_.workload.call(number, setting.surface) for number in range(each)]
    if not found.calls_per_s:
        await setting.worker.load(calls[:1], concurrency=1)
    answer = await setting.worker.load(calls, concurrency=options.concurrency)
    found.add(answer["wall_s"], answer["latency_ms"], [tokens_of(text) for text in answer["texts"]])


async def _open_loop(
    options: BenchOptions, load: SpecialistLoad, requests: tuple[str, ...], own: _Rounds, progress: Progress
) -> ServedLoad:
    rate = options.rate or _OPEN_SHARE * median(own.calls_per_s)
    progress(f"under {rate:.2f} arrivals a second", None)
    return await load.open(requests, rate)


def _matched(peer: _Rounds, own: _Rounds) -> list[float]:
    """Returns the peer's calls a second in each round, as if its texts were as long as ours at most."""
    return [
        rate * max(1.0, theirs / ours)
        for rate, theirs, ours in zip(peer.calls_per_s, peer.tokens, own.tokens, strict=False)
    ]


def _add_own(report: Report, own: _Rounds, opened: ServedLoad, refused: int) -> None:
    add_medians(report, {"calls_per_s": own.calls_per_s})
    add_medians(
        report,
        {"tokens_per_s": [rate * n for rate, n in zip(own.calls_per_s, own.tokens, strict=True)]},
    )
    samples = defaultdict(list, {"": own.latency_ms, "open.": opened.latency_ms})
    for prefix, values in samples.items():
        for name in ("p50", "p99"):
            report.statistic(
                f"{prefix}{name}_ms",
                values,
                lambda sample, name=name: percentiles(sample)[name],  # type: ignore[misc]
            )
    report.metrics["open.calls_per_s"] = len(opened.latency_ms) / opened.wall_s
    report.metrics["refused"] = refused


def _add_peer(report: Report, own: _Rounds, peer: _Rounds, setting: PeerSetting, field_: Contest) -> None:
    assert field_.peer is not None
    add_medians(report, {"peer_calls_per_s": peer.calls_per_s})
    add_ratio(report, "ratio", own.calls_per_s, _matched(peer, own))
    report.statistic("peer_p99_ms", peer.latency_ms, lambda sample: percentiles(sample)["p99"])
    report.metrics["peer_rss_mb"] = resident_mb(setting.worker.pid)
    report.machine |= {"peer": field_.peer.name, "peer_setting": setting.name, **setting.worker.facts}
