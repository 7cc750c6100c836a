"""How far a training run is, and who is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Progress", "Watcher"]


@dataclass(frozen=True)
class Progress:
    """Where a run stands.

    Attributes:
        step: Batches done.
        steps: Batches in all.
        loss: Exponential mean over about fifty batches, in nats a sampled token.
        tokens_s: Tokens read a second, a shared prefix counted once a pack.
        left_s: Estimated seconds to the end.
        tokens: Tokens read since the run began, in all its parts.
        seconds: Training time since then.
    """

    step: int
    steps: int
    loss: float
    tokens_s: float
    left_s: float
    tokens: int
    seconds: float


@dataclass(frozen=True)
class Watcher:
    """Who is told how a run goes.

    Attributes:
        stage: What is being done, and how many of about how many are done; 0 and 0 where that is unknown.
        step: Progress of the fine-tuning; may raise to end the run, which can go on later.
    """

    stage: Callable[[str, int, int], None] = lambda what, done, of: None
    step: Callable[[Progress], None] = lambda progress: None
