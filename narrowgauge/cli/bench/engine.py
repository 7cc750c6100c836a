"""`bench engine` and `bench call`: the decode engine by itself, as a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import replace

from narrowgauge.cli.bench.options import BenchOptions
from narrowgauge.cli.bench.run import add_medians
from narrowgauge.cli.evaluate.serving import chosen_bundle
from narrowgauge.cli.home import Home
from narrowgauge.cli.preparing import Progress, ready_models
from narrowgauge.errors import FailedPrecondition
from narrowgauge.evaluation.report import Report

__all__ = ["bench_call", "bench_engine"]

_ROUNDS = 7
_SPECIALIST = "sql"


async def bench_engine(options: BenchOptions, report: Report, progress: Progress) -> None:
    """Adds `prefill_tok_s` and `decode_tok_s.{1,4,8,16}`."""
    await _measure("engine", options, report, progress)


async def bench_call(options: BenchOptions, report: Report, progress: Progress) -> None:
    """Adds `cold_ms`, `cached_ms`, `tokens_out` and `tokens_forced` of one constrained call."""
    await _measure("call", options, report, progress)


async def _measure(kind: str, options: BenchOptions, report: Report, progress: Progress) -> None:
    """Runs the engine's own benchmark on the model that the SQL specialist serves.

    Raises:
        FailedPrecondition: The benchmark did not end well; has its last words.
    """
    home = Home.of(os.environ)
    bundle = await chosen_bundle(home, options.bundle, progress)
    name = _SPECIALIST if _SPECIALIST in bundle.configs else next(iter(bundle.configs))
    alone = replace(bundle, configs={name: bundle.configs[name]})
    prepared = (await ready_models(home, alone, options.model, progress))[name]
    rounds = options.rounds or _ROUNDS
    progress(f"measuring the {kind}", None)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "specialist_svc.engine.bench", "--json", "--kind", kind),
        *("--model", str(prepared), "--rounds", str(rounds)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        said = "\n".join(err.decode(errors="replace").splitlines()[-8:])
        raise FailedPrecondition("BENCH_FAILED", f"the engine's benchmark failed:\n{said}")
    found = json.loads(out)
    add_medians(report, found["rounds"])
    report.n, report.bundle, report.model = rounds, bundle.hash, str(found["machine"].get("model", ""))
    report.machine |= {key: str(value) for key, value in found["machine"].items()}
