"""The engine by itself, as a process that is measured: `python -m specialist_svc.engine.bench`.

`narrowgauge bench engine` and `narrowgauge bench call` start it; it answers on stdin and stdout as
`narrowgauge.bench.worker` says, like the peers that it is compared with.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np

from narrowgauge.bench.worker import Answer, serve_engine
from narrowgauge.bench.workload import Call
from narrowgauge.models import PreparedModel, load_prepared
from specialist_svc.engine.backend import DecodeRequest
from specialist_svc.engine.loop import CacheOptions
from specialist_svc.engine.onnx_runner import OnnxRunner, open_session
from specialist_svc.engine.onnxruntime import EngineOptions, OnnxruntimeBackend

__all__ = ["OwnEngine", "main"]

_PROVIDER = "CPUExecutionProvider"
_NO_CACHES = CacheOptions(stored_bytes=0, reuse_slots=False)


class OwnEngine:
    """See `BenchEngine`. What a call switches off has a backend of its own, opened on first use."""

    def __init__(self, model: PreparedModel, *, threads: int, slots: int, slot_tokens: int) -> None:
        self._model = model
        self._options = EngineOptions(slots=slots, slot_tokens=slot_tokens, threads=threads, queue=1024)
        self._backends: dict[tuple[bool, bool, bool], OnnxruntimeBackend] = {}
        self._runner: OnnxRunner | None = None
        self._filled = 0

    def facts(self) -> Mapping[str, str]:
        """See `BenchEngine.facts`."""
        return {
            "model": self._model.name,
            "precision": self._model.precision,
            "threads": str(self._options.threads),
            "onnxruntime": version("onnxruntime"),
            "llguidance": version("llguidance"),
        }

    def call(self, call: Call) -> Answer:
        """See `BenchEngine.call`."""
        backend = self._backend(reuse=call.reuse_prefix, forced=call.forced_runs, drafts=call.drafts)
        request = DecodeRequest(
            call.prompt, call.constraint, max_tokens=call.max_tokens, shared_parts=len(call.prompt) - 1
        )
        began = time.perf_counter()
        decoded = backend.submit(request).future.result()
        took = time.perf_counter() - began
        return Answer(
            took * 1000,
            decoded.written.text,
            decoded.output_tokens,
            decoded.forced_tokens,
            decoded.prompt_tokens,
        )

    def prefill(self, tokens: Sequence[int]) -> float:
        """See `BenchEngine.prefill`."""
        return _timed(partial(self._bare(2, len(tokens) + 1).append, 0, 0, tokens, wide=(True,)))

    def decode(self, batch: int, past: int, steps: int) -> float:
        """See `BenchEngine.decode`."""
        # One request takes a neighbouring row along; see `onnx_runner`.
        rows = max(2, batch)
        runner = self._bare(rows, past + 2)
        if self._filled < rows:
            ids = np.random.default_rng(0).integers(5, self._model.config.vocab_size, past).tolist()
            for slot in range(self._filled, rows):
                runner.append(slot, 0, ids)
            self._filled = rows
        step = partial(runner.decode, 0, [past] * rows, [17] * rows, [True] * rows)
        return sum(_timed(step) for _ in range(steps)) / steps

    def close(self) -> None:
        """See `BenchEngine.close`."""
        for backend in self._backends.values():
            backend.close()
        if self._runner is not None:
            self._runner.close()

    def _backend(self, *, reuse: bool, forced: bool, drafts: bool) -> OnnxruntimeBackend:
        way = (reuse, forced, drafts)
        if way not in self._backends:
            caches = self._options.caches if reuse else _NO_CACHES
            options = EngineOptions(
                slots=self._options.slots,
                slot_tokens=self._options.slot_tokens,
                queue=self._options.queue,
                threads=self._options.threads,
                forced_runs=forced,
                drafts=drafts,
                caches=caches,
            )
            self._backends[way] = OnnxruntimeBackend(self._model, options)
        return self._backends[way]

    def _bare(self, rows: int, tokens: int) -> OnnxRunner:
        """Returns a runner without a loop, with at least these rows of at least these tokens."""
        if self._runner is None or self._runner.rows < rows or self._runner.capacity <= tokens:
            if self._runner is not None:
                self._runner.close()
            session = open_session(self._model, threads=self._options.threads, provider=_PROVIDER)
            most = max(tokens, self._options.slot_tokens)
            self._runner, self._filled = OnnxRunner(session, self._model, slots=rows, slot_tokens=most), 0
        return self._runner


def main() -> int:
    """Loads the model and measures on demand."""
    parser = argparse.ArgumentParser(prog="python -m specialist_svc.engine.bench", description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="folder that `narrowgauge prepare` wrote")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--slots", type=int, default=1)
    parser.add_argument("--slot-tokens", type=int, default=512)
    told = parser.parse_args()
    return serve_engine(
        lambda: OwnEngine(
            load_prepared(told.model), threads=told.threads, slots=told.slots, slot_tokens=told.slot_tokens
        )
    )


def _timed(run: Callable[[], object]) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


if __name__ == "__main__":
    sys.exit(main())
