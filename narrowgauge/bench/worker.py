"""A process that holds one engine and measures it on demand, one JSON object a line on stdin and stdout.

Engines are compared in one run, in turns: every engine's process waits while another one works. What a
library prints cannot disturb the answers, because the process's own stdout is moved away first.
"""

from __future__ import annotations

import json
import os
import random
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any, Protocol, TextIO

from narrowgauge.bench.workload import Call
from narrowgauge.errors import NarrowgaugeError

__all__ = ["Answer", "BenchEngine", "Load", "run_load", "serve_engine"]


@dataclass(frozen=True)
class Answer:
    """One constrained call.

    Attributes:
        ms: From the request to the last token.
        text: What was written.
        tokens: Tokens written, as the engine counts them; one may count the end and another may not.
        forced: Those of them that were not sampled, where the engine tells.
        prompt_tokens: Tokens of the prompt.
    """

    ms: float
    text: str
    tokens: int
    forced: int = 0
    prompt_tokens: int = 0


@dataclass(frozen=True)
class Load:
    """What came of a load.

    Attributes:
        wall_s: From the first request to the last answer.
        latency_ms: Of each call; in an open loop from the instant when it was due.
        texts: What each call wrote.
    """

    wall_s: float
    latency_ms: tuple[float, ...]
    texts: tuple[str, ...]


class BenchEngine(Protocol):
    """An engine under measurement. `call` may be used from several threads at once."""

    def facts(self) -> Mapping[str, str]:
        """Version, precision and threads, for the report."""

    def call(self, call: Call) -> Answer:
        """Decodes one call under its constraint."""

    def prefill(self, tokens: Sequence[int]) -> float:
        """Reads a prompt of tokens, nothing cached; returns seconds."""

    def decode(self, batch: int, past: int, steps: int) -> float:
        """Decodes without constraint behind `past` tokens; returns seconds a step of the whole batch.

        Raises:
            Unsupported: The engine cannot decode so many at once.
        """

    def close(self) -> None:
        """Frees the model."""


def serve_engine(open_engine: Callable[[], BenchEngine]) -> int:
    """Opens the engine, says so, and answers requests until stdin ends; returns the exit code.

    Args:
        open_engine: Called once; loads the model.
    """
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    began = time.perf_counter()
    try:
        engine = open_engine()
    except NarrowgaugeError as exc:
        _say(answers, {"error": {"reason": exc.reason, "message": exc.message}})
        return 2
    _say(answers, {"facts": dict(engine.facts()), "load_s": time.perf_counter() - began})
    try:
        for line in sys.stdin:
            try:
                _say(answers, _answer(engine, json.loads(line)))
            except NarrowgaugeError as exc:
                _say(answers, {"error": {"reason": exc.reason, "message": exc.message}})
    finally:
        engine.close()
    return 0


def run_load(engine: BenchEngine, calls: Sequence[Call], *, concurrency: int, rate: float = 0.0) -> Load:
    """Sends calls from threads.

    Args:
        engine: Answers them.
        calls: In this order.
        concurrency: Callers that each send the next call when they have an answer (closed loop); in an open
            loop the most that are under way.
        rate: Arrivals a second of an open loop, with exponential gaps from a fixed seed; 0 for a closed one.
    """
    rng = random.Random(1)  # noqa: S311 - arrivals, not secrets
    due, at = [], 0.0
    for _ in calls:
        due.append(at)
        at += rng.expovariate(rate) if rate else 0.0
    found: list[tuple[float, str]] = [(0.0, "")] * len(calls)
    numbers = iter(range(len(calls)))
    lock = threading.Lock()
    began = time.perf_counter()

    def caller() -> None:
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            sent = began + due[number] if rate else time.perf_counter()
            time.sleep(max(0.0, sent - time.perf_counter()))
            answer = engine.call(calls[number])
            found[number] = ((time.perf_counter() - sent) * 1000, answer.text)

    with ThreadPoolExecutor(concurrency) as pool:
        for future in [pool.submit(caller) for _ in range(concurrency)]:
            future.result()
    wall_s = time.perf_counter() - began
    return Load(wall_s, tuple(ms for ms, _ in found), tuple(text for _, text in found))


def _answer(engine: BenchEngine, asked: Mapping[str, Any]) -> dict[str, Any]:
    match asked["op"]:
        case "call":
            return asdict(engine.call(Call.of(asked["call"])))
        case "prefill":
            return {"seconds": engine.prefill(asked["tokens"])}
        case "decode":
            return {"seconds": engine.decode(asked["batch"], asked["past"], asked["steps"])}
        case "load":
            calls = [Call.of(values) for values in asked["calls"]]
            return asdict(
                run_load(engine, calls, concurrency=asked["concurrency"], rate=asked.get("rate", 0.0))
            )
    raise ValueError(f"unknown operation {asked['op']!r}")


def _say(answers: TextIO, value: Mapping[str, Any]) -> None:
    answers.write(json.dumps(value) + "\n")
    answers.flush()
