"""The same bytes, whatever else runs: whole conversations, at every concurrency, with each technique off.

A modest number of chains runs in every suite; `NARROWGAUGE_LONG_TESTS=1` runs a thousand calls.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from engine_grammars import CALL_GRAMMAR, SYSTEM, check_call, texts

from narrowgauge.models import load_prepared
from specialist_svc.engine.backend import DecodeRequest, Lease, Written
from specialist_svc.engine.loop import CacheOptions
from specialist_svc.engine.onnxruntime import EngineOptions, OnnxruntimeBackend

TURNS = 3
CHAINS = 340 if os.environ.get("NARROWGAUGE_LONG_TESTS") else 6
"""Chains of three turns; with the long tests a thousand calls and a few."""

CACHES = CacheOptions()
NO_CACHES = CacheOptions(stored_bytes=0, reuse_slots=False)
_TAIL = "<|im_end|>\n<|im_start|>assistant\n"
_ERRORS = ("no such order", "the carrier does not answer", "the reason is too short: say more")


@dataclass(frozen=True)
class Way:
    """How chains are run.

    Attributes:
        concurrency: Chains at once; the engine has as many slots.
        caches: What is kept of KV caches.
        forced_runs: Append forced tokens in one pass.
        threads: Of the kernels.
    """

    concurrency: int
    caches: CacheOptions = CACHES
    forced_runs: bool = True
    threads: int = 1


def chain(backend: OnnxruntimeBackend, text: str) -> list[Written]:
    """Runs one conversation: a call, then a repair of it for each error, all on one lease."""
    prompt: tuple[str | Written, ...] = (SYSTEM, text + _TAIL)
    lease, written = Lease(), []
    try:
        for turn in range(TURNS):
            request = DecodeRequest(prompt, CALL_GRAMMAR, 120, shared_parts=1, lease=lease, client=text)
            written.append(backend.submit(request).future.result(600).written)
            follow = f"<|im_end|>\n<|im_start|>user\nError: {_ERRORS[turn % len(_ERRORS)]}.{_TAIL}"
            prompt = (*prompt, written[-1], follow)
    finally:
        lease.close()
    return written


def run(model: Path, way: Way) -> list[list[Written]]:
    """Runs all chains one way."""
    options = EngineOptions(
        slots=way.concurrency,
        slot_tokens=720,
        queue=64,
        threads=way.threads,
        forced_runs=way.forced_runs,
        caches=way.caches,
    )
    backend = OnnxruntimeBackend(load_prepared(model), options)
    try:
        with ThreadPoolExecutor(way.concurrency) as pool:
            return list(pool.map(lambda text: chain(backend, text), texts(CHAINS)))
    finally:
        backend.close()


@pytest.fixture(scope="module")
def reference(tiny_prepared_model: Path) -> Sequence[list[Written]]:
    """Each chain alone, nothing cached, forced tokens one by one."""
    return run(tiny_prepared_model, Way(1, NO_CACHES, forced_runs=False))


@pytest.mark.parametrize(
    "way",
    [
        Way(1),
        Way(4),
        Way(16),
        Way(4, NO_CACHES),
        Way(16, NO_CACHES),
        Way(4, forced_runs=False),
        Way(16, forced_runs=False),
        Way(4, CacheOptions(stored_bytes=400_000), threads=2),
    ],
    ids=["alone", "4", "16", "4 no caches", "16 no caches", "4 unforced", "16 unforced", "4 small cache"],
)
def test_a_chain_writes_the_same_bytes_in_any_company(
    tiny_prepared_model: Path, reference: Sequence[list[Written]], way: Way
) -> None:
    """Every turn of every chain has the same tokens and the same text as alone with everything off."""
    found = run(tiny_prepared_model, way)
    for mine, theirs in zip(found, reference, strict=True):
        assert [turn.text for turn in mine] == [turn.text for turn in theirs]
        assert [turn.tokens for turn in mine] == [turn.tokens for turn in theirs]


def test_chains_differ_and_are_valid(reference: Sequence[list[Written]]) -> None:
    """The comparison is not between equal nothings: each turn is a call, and requests give other calls."""
    for turns in reference:
        for turn in turns:
            check_call(turn.text)
    assert len({turns[0].text for turns in reference}) > 1
