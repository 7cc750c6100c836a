"""llama.cpp's server in process, in its best settings: prompt cache, continuous batching, all threads.

Its HTTP layer is left out, which the numbers of a real server would have on top.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any

from narrowgauge.bench.worker import Answer
from narrowgauge.bench.workload import Call
from narrowgauge.errors import InternalError
from narrowgauge.models.gguf_file import GgufFile

__all__ = ["LlamaCppEngine"]


class LlamaCppEngine:
    """See `BenchEngine`."""

    def __init__(self, model: Path, *, precision: str, threads: int, slots: int, slot_tokens: int) -> None:
        """Loads a GGUF file.

        Args:
            model: The file.
            precision: For the report.
            threads: Of prefill and decode.
            slots: Requests decoded at once.
            slot_tokens: Tokens a slot holds.
        """
        import xllamacpp

        settings = xllamacpp.CommonParams()
        settings.model.path = str(model)
        settings.n_parallel = slots
        settings.n_ctx = slot_tokens * slots
        settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = threads
        settings.n_gpu_layers = 0
        settings.verbosity = 0
        settings.warmup = True
        settings.cont_batching = True
        settings.cache_prompt = True
        self._facts = {"xllamacpp": version("xllamacpp"), "precision": precision}
        self._vocabulary = int(GgufFile(model).tensors["token_embd.weight"].shape[0])
        self._server = xllamacpp.Server(settings)

    def facts(self) -> Mapping[str, str]:
        """See `BenchEngine.facts`."""
        return self._facts

    def call(self, call: Call) -> Answer:
        """See `BenchEngine.call`."""
        form = "grammar" if call.surface == "gbnf" else "json_schema"
        constraint = call.constraint if form == "grammar" else json.loads(call.constraint)
        began = time.perf_counter()
        found = self._complete(
            call.text, call.max_tokens, cache_prompt=call.reuse_prefix, **{form: constraint}
        )
        took = time.perf_counter() - began
        usage = found["usage"]
        text = found["choices"][0]["text"]
        return Answer(
            took * 1000, text, int(usage["completion_tokens"]), prompt_tokens=int(usage["prompt_tokens"])
        )

    def prefill(self, tokens: Sequence[int]) -> float:
        """See `BenchEngine.prefill`."""
        found = self._complete(list(tokens), 1, cache_prompt=False, ignore_eos=True)
        return float(found["timings"]["prompt_ms"]) / 1000

    def decode(self, batch: int, past: int, steps: int) -> float:
        """See `BenchEngine.decode`."""
        rng = random.Random(batch)  # noqa: S311 - token ids, not secrets
        prompts = [[rng.randrange(5, self._vocabulary) for _ in range(past)] for _ in range(batch)]
        with ThreadPoolExecutor(batch) as pool:
            for count in (1, steps):  # the first round reads the prompts, so that the second one only decodes
                found = list(
                    pool.map(
                        lambda ids, count=count: self._complete(
                            ids, count, cache_prompt=True, ignore_eos=True
                        ),
                        prompts,
                    )
                )
        return max(float(one["timings"]["predicted_ms"]) for one in found) / 1000 / steps

    def close(self) -> None:
        """See `BenchEngine.close`."""
        del self._server

    def _complete(self, prompt: str | list[int], most: int, **options: Any) -> dict[str, Any]:
        request = {"prompt": prompt, "n_predict": most, "temperature": 0, "top_k": 1, **options}
        found = self._server.handle_completions(request)
        answer: dict[str, Any] = json.loads(found) if isinstance(found, str | bytes) else found
        if "error" in answer or "timings" not in answer:
            raise InternalError("PEER_FAILED", f"llama.cpp refused a request: {answer.get('error', answer)}")
        return answer
