"""The router's bounds: everything that a request can make grow has one."""

from __future__ import annotations

from dataclasses import dataclass

from narrowgauge.runtime.config import env

__all__ = ["Limits"]


@dataclass(frozen=True)
class Limits:
    """Bounds, with their units in the names."""

    max_text_chars: int = env(
        "NARROWGAUGE_MAX_TEXT_CHARS", "characters that a request may have", default=4000, minimum=1
    )
    max_context_documents: int = env(
        "NARROWGAUGE_MAX_CONTEXT_DOCUMENTS", "documents that a request may bring", default=16, minimum=0
    )
    max_context_chars: int = env(
        "NARROWGAUGE_MAX_CONTEXT_CHARS", "characters of a request's documents", default=200_000, minimum=0
    )
    max_result_text_chars: int = env(
        "NARROWGAUGE_MAX_RESULT_TEXT_CHARS",
        "characters of a result's text in a later step's context",
        default=20_000,
        minimum=100,
    )
    max_result_bytes: int = env(
        "NARROWGAUGE_MAX_RESULT_BYTES",
        "bytes that a tool may answer with",
        default=4 * 1024 * 1024,
        minimum=1,
    )
    max_steps: int = env("NARROWGAUGE_MAX_STEPS", "steps that a plan may have", default=16, minimum=1)
    max_fan_out: int = env("NARROWGAUGE_MAX_FAN_OUT", "runs of one for-each step", default=50, minimum=1)
    max_turns: int = env(
        "NARROWGAUGE_MAX_TURNS", "tool calls of one step, repairs included", default=3, minimum=1
    )
    max_parallel: int = env(
        "NARROWGAUGE_MAX_PARALLEL",
        "calls to specialists and tools of one chain at once",
        default=8,
        minimum=1,
    )
    max_chains: int = env("NARROWGAUGE_MAX_CHAINS", "chains that run at once", default=64, minimum=1)
    deadline_s: float = env(
        "NARROWGAUGE_DEADLINE_S",
        "seconds that a chain may take, approvals included",
        default=900.0,
        minimum=0.001,
    )
    turn_timeout_s: float = env(
        "NARROWGAUGE_TURN_TIMEOUT_S", "seconds for one answer of a specialist", default=120.0, minimum=0.001
    )
    tool_timeout_s: float = env(
        "NARROWGAUGE_TOOL_TIMEOUT_S", "seconds for one tool call", default=60.0, minimum=0.001
    )
    retry_attempts: int = env(
        "NARROWGAUGE_RETRY_ATTEMPTS", "attempts at a hop that is unavailable", default=5, minimum=1
    )
    retry_backoff_s: float = env(
        "NARROWGAUGE_RETRY_BACKOFF_S",
        "seconds before the second attempt; doubled for each more",
        default=0.2,
        minimum=0,
    )
