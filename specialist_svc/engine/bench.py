"""Measures the engine by itself: `python -m specialist_svc.engine.bench --model FOLDER [--json]`.

`narrowgauge bench engine` and `narrowgauge bench call` run it as a process. Metric names are those of
`docs/eval.md`; every figure is the median of interleaved rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np

from narrowgauge.errors import NarrowgaugeError
from narrowgauge.models import PreparedModel, load_prepared
from specialist_svc.engine.backend import Decoded, DecodeRequest
from specialist_svc.engine.loop import CacheOptions
from specialist_svc.engine.onnx_runner import OnnxRunner, open_session
from specialist_svc.engine.onnxruntime import EngineOptions, OnnxruntimeBackend

__all__ = ["main"]

PREFILL_TOKENS = 128
BATCHES = (1, 4, 8, 16)
_PAST_TOKENS = 128
_SYSTEM = (
    "<|im_start|>system\nYou route customer requests to one tool call. Reply only with a JSON object with the"
    " fields tool (search_orders, refund_order or track_shipment), orderId (digits), carrier (CARRIER_UPS,"
    " CARRIER_DHL or CARRIER_FEDEX), reason (short text) and notifyCustomer (true or false). Never invent an"
    " order number. Use track_shipment for questions about where a parcel is, refund_order for money back,"
    " and search_orders for anything else.<|im_end|>\n<|im_start|>user\n"
)
_GRAMMAR = r"""
start: "{\"tool\":\"" tool "\",\"orderId\":\"" /[0-9]{1,12}/ "\",\"carrier\":\"CARRIER_" carrier rest
rest: "\",\"reason\":\"" /[^"\\\x00-\x1f\x7f]{0,24}/ "\",\"notifyCustomer\":" ("true" | "false") "}"
tool: "search_orders" | "refund_order" | "track_shipment"
carrier: "UPS" | "DHL" | "FEDEX"
"""


def main() -> int:
    """Parses the command line, measures and prints."""
    parser = argparse.ArgumentParser(prog="python -m specialist_svc.engine.bench", description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="folder that `narrowgauge prepare` wrote")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--kind", choices=("engine", "call"), default="engine")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    try:
        model = load_prepared(arguments.model)
    except NarrowgaugeError as exc:
        print(f"{exc.reason}: {exc.message}", file=sys.stderr)
        return 2
    measure = bench_engine if arguments.kind == "engine" else bench_call
    metrics = measure(model, threads=arguments.threads, rounds=arguments.rounds)
    report = {
        "kind": arguments.kind,
        "n": arguments.rounds,
        "metrics": {name: round(statistics.median(values), 2) for name, values in metrics.items()},
        "rounds": {name: [round(value, 3) for value in values] for name, values in metrics.items()},
        "machine": {
            "cores": len(os.sched_getaffinity(0)),
            "threads": arguments.threads,
            "processor": platform.processor() or platform.machine(),
            "model": model.name,
            "precision": model.precision,
            "onnxruntime": version("onnxruntime"),
            "llguidance": version("llguidance"),
        },
    }
    if arguments.json:
        print(json.dumps(report))
        return 0
    for name, values in metrics.items():
        print(f"{name:28} {statistics.median(values):10.2f}")
    return 0


def bench_engine(model: PreparedModel, *, threads: int, rounds: int) -> dict[str, list[float]]:
    """Measures prefill and decode in tokens a second, through the runner."""
    session = open_session(model, threads=threads, provider="CPUExecutionProvider")
    runner = OnnxRunner(session, model, slots=max(BATCHES), slot_tokens=512)
    tokens = np.random.default_rng(0).integers(5, model.config.vocab_size, PREFILL_TOKENS).tolist()
    for slot in range(runner.rows):
        runner.append(slot, 0, tokens)
    found: dict[str, list[float]] = defaultdict(list)
    for _ in range(rounds):
        seconds = _timed(partial(runner.append, 0, 0, tokens))
        found["prefill_tok_s"].append(PREFILL_TOKENS / seconds)
        for batch in BATCHES:
            # One request takes a neighbouring row along; see `onnx_runner`.
            rows = max(2, batch)
            repeats = max(4, 24 // batch)
            seconds = _timed(partial(runner.decode, 0, [_PAST_TOKENS] * rows, [17] * rows), repeats)
            found[f"decode_tok_s.{batch}"].append(batch / seconds)
    runner.close()
    return dict(found)


def bench_call(model: PreparedModel, *, threads: int, rounds: int) -> dict[str, list[float]]:
    """Measures one constrained call: nothing cached, shared prefix cached, and forced tokens one by one."""
    found: dict[str, list[float]] = defaultdict(list)
    cold = CacheOptions(stored_bytes=0, reuse_slots=False)
    engines = {
        "cold_ms": EngineOptions(slots=1, threads=threads, caches=cold),
        "cached_ms": EngineOptions(slots=1, threads=threads),
        "cached_unforced_ms": EngineOptions(slots=1, threads=threads, forced_runs=False),
    }
    backends = {name: OnnxruntimeBackend(model, options) for name, options in engines.items()}
    try:
        for backend in backends.values():
            backend.warm([_SYSTEM])
        for round_number in range(rounds):
            texts = set()
            for name, backend in backends.items():
                decoded, seconds = _call(backend, round_number)
                found[name].append(seconds * 1000)
                texts.add(decoded.written.text)
            assert len(texts) == 1, "caches or forced runs changed the call"
            found["tokens_out"].append(decoded.output_tokens)
            found["tokens_forced"].append(decoded.forced_tokens)
            found["prompt_tokens"].append(decoded.prompt_tokens)
    finally:
        for backend in backends.values():
            backend.close()
    return dict(found)


def _call(backend: OnnxruntimeBackend, number: int) -> tuple[Decoded, float]:
    text = f"My order {90341 + 7 * number} never arrived and I would like my money back, DHL lost it again."
    prompt = (_SYSTEM, text + "<|im_end|>\n<|im_start|>assistant\n")
    request = DecodeRequest(prompt, _GRAMMAR, max_tokens=120, shared_parts=1)
    begin = time.perf_counter()
    decoded = backend.submit(request).future.result()
    return decoded, time.perf_counter() - begin


def _timed(run: Callable[[], object], repeats: int = 1) -> float:
    begin = time.perf_counter()
    for _ in range(repeats):
        run()
    return (time.perf_counter() - begin) / repeats


if __name__ == "__main__":
    sys.exit(main())
