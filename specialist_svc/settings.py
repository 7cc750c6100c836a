"""What a specialist process is told by its environment."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from narrowgauge.contracts.specialist import BACKENDS
from narrowgauge.runtime.config import env

__all__ = ["PROVIDERS", "Settings"]

PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
"""Where onnxruntime may run the model, by the name in NARROWGAUGE_PROVIDER."""


@dataclass(frozen=True)
class Settings:
    """The process's configuration; see each variable's help."""

    specialists: tuple[str, ...] = env(
        "NARROWGAUGE_SPECIALIST", "name of the specialist in the bundle; several, that share the model: a,b"
    )
    bundle: Path = env("NARROWGAUGE_BUNDLE", "folder that `narrowgauge compile` wrote")
    model: Path | None = env(
        "NARROWGAUGE_MODEL", "folder that `narrowgauge prepare` wrote; not for Ollama", default=None
    )
    listen: str = env("NARROWGAUGE_LISTEN", "address to serve on", default="127.0.0.1:0")
    backend: str = env(
        "NARROWGAUGE_BACKEND", "what decodes; unset, the config's own", default="", choices=BACKENDS
    )
    ollama_url: str = env(
        "NARROWGAUGE_OLLAMA_URL", "where Ollama is, for its backend", default="http://127.0.0.1:11434"
    )
    ollama_model: str = env(
        "NARROWGAUGE_OLLAMA_MODEL", "the model's name in Ollama; unset, the config's own", default=""
    )
    provider: str = env(
        "NARROWGAUGE_PROVIDER", "device that runs the model", default="cpu", choices=tuple(PROVIDERS)
    )
    surface: str = env(
        "NARROWGAUGE_SURFACE", "surface to write calls in; unset, the config's own", default=""
    )
    slots: int = env("NARROWGAUGE_SLOTS", "requests decoded at once", default=4, minimum=1, maximum=256)
    slot_tokens: int = env(
        "NARROWGAUGE_SLOT_TOKENS", "tokens a slot holds, prompt and output together", default=1024, minimum=64
    )
    queue: int = env("NARROWGAUGE_QUEUE", "requests that may wait for a slot", default=64, minimum=0)
    threads: int = env(
        "NARROWGAUGE_THREADS", "threads of the model's kernels; 0 for half of the cores", default=0, minimum=0
    )
    cache_bytes: int = env(
        "NARROWGAUGE_CACHE_BYTES",
        "bytes of KV cache kept for prompts that begin alike",
        default=128 << 20,
        minimum=0,
    )
    prefixes: Path | None = env(
        "NARROWGAUGE_PREFIXES",
        "folder that keeps the KV cache of shared prompts from one start to the next; unset, `prefixes` in "
        "the model's folder",
        default=None,
    )
    max_text_chars: int = env(
        "NARROWGAUGE_MAX_TEXT_CHARS", "characters of a sub-task", default=4000, minimum=1
    )
    max_context_chars: int = env(
        "NARROWGAUGE_MAX_CONTEXT_CHARS", "characters of a sub-task's context", default=200_000, minimum=0
    )
    max_redecodes: int = env(
        "NARROWGAUGE_MAX_REDECODES",
        "times that a call is decoded again when it breaks a rule that the constraint cannot express",
        default=2,
        minimum=0,
    )
    drain_s: float = env(
        "NARROWGAUGE_DRAIN_S", "seconds that calls under way get at the end", default=10.0, minimum=0
    )

    def kernel_threads(self) -> int:
        """Threads of the model's kernels.

        Half of the cores by default: several specialists share a machine, and spinning threads of two
        processes on the same cores halve each other.
        """
        return self.threads or max(1, len(os.sched_getaffinity(0)) // 2)
