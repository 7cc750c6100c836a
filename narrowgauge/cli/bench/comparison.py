"""How two engines are compared: interleaved rounds, outputs of equal length, medians and ratios.

An engine that writes more takes longer, so a peer's time is scaled down to the length of our text where the
peer wrote more, and never up where it wrote less. Both texts are counted with the same tokenizer.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

from narrowgauge.cli.bench.options import BenchOptions
from narrowgauge.evaluation.report import Report

__all__ = ["TokenCounter", "add_ratio", "matched_ms", "rotated", "rounds_of"]

_LEAST_ROUNDS = 3


class TokenCounter:
    """Counts a text's tokens as the model's tokenizer writes it, the same yardstick for every engine."""

    def __init__(self, model: Path) -> None:
        """Loads the tokenizer of a prepared model."""
        from tokenizers import Tokenizer

        self._tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))

    def __call__(self, text: str) -> int:
        """Returns how many tokens a text has, at least one."""
        return max(1, len(self._tokenizer.encode(text, add_special_tokens=False).ids))


def rounds_of(options: BenchOptions, default: int) -> Iterator[int]:
    """Yields round numbers: as many as were asked for, or as fit into the time that was given."""
    if options.rounds or not options.time_s:
        yield from range(options.rounds or default)
        return
    until = time.monotonic() + options.time_s
    number = 0
    while number < _LEAST_ROUNDS or time.monotonic() < until:
        yield number
        number += 1


def rotated(names: Sequence[str], number: int) -> list[str]:
    """Returns what a round measures, beginning with another one each time, so that none is always first."""
    start = number % max(1, len(names))
    return [*names[start:], *names[:start]]


def matched_ms(peer_ms: float, peer_tokens: int, own_tokens: int) -> float:
    """Returns a peer's time for a text of our length."""
    return peer_ms * min(1.0, own_tokens / peer_tokens)


def add_ratio(report: Report, name: str, over: Sequence[float], under: Sequence[float]) -> None:
    """Adds the ratio of two medians over the same rounds, with its bootstrap interval over rounds."""

    def ratio(rows: Sequence[tuple[float, float]]) -> float:
        return median(row[0] for row in rows) / median(row[1] for row in rows)

    report.statistic(name, list(zip(over, under, strict=True)), ratio)
