"""transformers with Outlines' own constraint, as most Python agents run a small model."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

from narrowgauge.bench.worker import Answer
from narrowgauge.bench.workload import Call

__all__ = ["TransformersEngine"]


class TransformersEngine:
    """See `BenchEngine`. Calls run one after the other, since Outlines decodes one batch at a time."""

    def __init__(self, folder: Path, *, threads: int) -> None:
        """Loads a transformers folder in float32."""
        # By name, because what types these have depends on which of them are installed.
        torch, transformers = import_module("torch"), import_module("transformers")
        torch.set_num_threads(threads)
        self._torch: Any = torch
        self._model: Any = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
        self._model.eval()
        self._tokenizer: Any = transformers.AutoTokenizer.from_pretrained(folder)
        self._outlines = import_module("outlines").from_transformers(self._model, self._tokenizer)
        self._generators: dict[str, Any] = {}
        self._lock = threading.Lock()

    def facts(self) -> Mapping[str, str]:
        """See `BenchEngine.facts`."""
        packages = ("transformers", "torch", "outlines", "outlines_core")
        return {"precision": "float32", **{name: version(name) for name in packages}}

    def call(self, call: Call) -> Answer:
        """See `BenchEngine.call`. Nothing is kept of earlier prompts: `generate` has no such cache."""
        with self._lock:
            generator = self._generator(call.constraint)
            began = time.perf_counter()
            text = str(generator(call.text, max_new_tokens=call.max_tokens, do_sample=False))
            took = time.perf_counter() - began
            generator.logits_processor.reset()
        tokens = len(self._tokenizer(text, add_special_tokens=False)["input_ids"])
        prompt = len(self._tokenizer(call.text, add_special_tokens=False)["input_ids"])
        return Answer(took * 1000, text, tokens, prompt_tokens=prompt)

    def prefill(self, tokens: Sequence[int]) -> float:
        """See `BenchEngine.prefill`."""
        torch = self._torch
        ids = torch.tensor([list(tokens)])
        with torch.inference_mode():
            began = time.perf_counter()
            self._model(ids, use_cache=True, logits_to_keep=1)
            return time.perf_counter() - began

    def decode(self, batch: int, past: int, steps: int) -> float:
        """See `BenchEngine.decode`."""
        torch = self._torch
        ids = torch.randint(5, self._model.config.vocab_size, (batch, past))
        with torch.inference_mode():
            kept = self._model(ids, use_cache=True, logits_to_keep=1).past_key_values
            token = torch.full((batch, 1), 17)
            began = time.perf_counter()
            for _ in range(steps):
                kept = self._model(token, past_key_values=kept, use_cache=True).past_key_values
            return (time.perf_counter() - began) / steps

    def close(self) -> None:
        """See `BenchEngine.close`."""
        self._generators.clear()

    def _generator(self, schema: str) -> Any:
        """Compiles a schema once, which its users would do as well."""
        from outlines import Generator
        from outlines.types import JsonSchema

        if schema not in self._generators:
            # Without white space, which it would write otherwise, and which costs tokens.
            self._generators[schema] = Generator(self._outlines, JsonSchema(schema, whitespace_pattern=""))
        return self._generators[schema]
