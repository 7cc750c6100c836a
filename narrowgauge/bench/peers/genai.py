"""onnxruntime-genai: Microsoft's own loop over the graph that its model builder writes."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from narrowgauge.bench.worker import Answer
from narrowgauge.bench.workload import Call
from narrowgauge.errors import FailedPrecondition, Unsupported

__all__ = ["GenaiEngine", "built_graph"]

_BUILDER_OPTIONS = ("int4_accuracy_level=4", "int4_block_size=32", "prune_lm_head=true")


def built_graph(folder: Path, cache: Path) -> Path:
    """Builds the int4 graph of a transformers folder with genai's own builder, once.

    Raises:
        FailedPrecondition: The builder failed; has its last words.
    """
    target = cache / f"{folder.name}-genai-{version('onnxruntime-genai')}"
    if not target.exists():
        part = target.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        command = [
            *(sys.executable, "-m", "onnxruntime_genai.models.builder", "-m", "model", "-i", str(folder)),
            *("-o", str(part), "-p", "int4", "-e", "cpu", "-c", str(cache / "genai-cache")),
            *("--extra_options", *_BUILDER_OPTIONS),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode:
            said = "\n".join((done.stderr or done.stdout).splitlines()[-6:])
            raise FailedPrecondition("PEER_FAILED", f"onnxruntime-genai's builder failed:\n{said}")
        part.rename(target)
    return target


class GenaiEngine:
    """See `BenchEngine`. Calls run one after the other: a generator decodes one batch."""

    def __init__(self, folder: Path, *, threads: int, slot_tokens: int) -> None:
        """Loads the graph that `built_graph` wrote."""
        genai: Any = import_module("onnxruntime_genai")
        self._genai = genai
        config = genai.Config(str(folder))
        session = {"session_options": {"intra_op_num_threads": threads}}
        config.overlay(json.dumps({"model": {"decoder": session}}))
        self._model = genai.Model(config)
        self._tokenizer = genai.Tokenizer(self._model)
        self._slot_tokens = slot_tokens
        self._lock = threading.Lock()

    def facts(self) -> Mapping[str, str]:
        """See `BenchEngine.facts`."""
        return {"precision": "int4", "onnxruntime-genai": version("onnxruntime-genai")}

    def call(self, call: Call) -> Answer:
        """See `BenchEngine.call`. Nothing is kept of earlier prompts: guidance needs a new generator."""
        with self._lock:
            prompt = self._tokenizer.encode(call.text)
            began = time.perf_counter()
            parameters = self._parameters(1, do_sample=False)
            form = "json_schema" if call.surface == "json_schema" else "lark_grammar"
            parameters.set_guidance(form, call.constraint)
            generator = self._generator(parameters)
            generator.append_tokens(prompt)
            written: list[int] = []
            while not generator.is_done() and len(written) < call.max_tokens:
                generator.generate_next_token()
                written.append(int(generator.get_next_tokens()[0]))
            took = time.perf_counter() - began
        text = str(self._tokenizer.decode(np.array(written, np.int32)))
        return Answer(took * 1000, text, len(written), prompt_tokens=len(prompt))

    def prefill(self, tokens: Sequence[int]) -> float:
        """See `BenchEngine.prefill`."""
        generator = self._generator(self._parameters(1))
        began = time.perf_counter()
        generator.append_tokens(np.array(tokens, np.int32))
        return time.perf_counter() - began

    def decode(self, batch: int, past: int, steps: int) -> float:
        """See `BenchEngine.decode`."""
        generator = self._generator(self._parameters(batch, min_length=past + steps + 1))
        ids = np.random.default_rng(batch).integers(5, 1000, (batch, past), np.int32)
        generator.append_tokens(ids)
        generator.generate_next_token()
        began = time.perf_counter()
        for _ in range(steps):
            generator.generate_next_token()
        return (time.perf_counter() - began) / steps

    def close(self) -> None:
        """See `BenchEngine.close`."""
        del self._model

    def _parameters(self, batch: int, **options: Any) -> Any:
        parameters = self._genai.GeneratorParams(self._model)
        parameters.set_search_options(max_length=self._slot_tokens, batch_size=batch, **options)
        return parameters

    def _generator(self, parameters: Any) -> Any:
        try:
            return self._genai.Generator(self._model, parameters)
        except Exception as exc:  # genai raises its own class, which it does not export
            raise Unsupported(
                "PEER_GUIDANCE", f"this onnxruntime-genai cannot make such a generator: {exc}"
            ) from exc
