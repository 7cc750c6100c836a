"""The training loop: LoRA on a specialist's examples, resumable, on CPU or CUDA."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from narrowgauge.training.progress import Progress
from narrowgauge.training.specialist.batches import EncodedExample, batches
from narrowgauge.training.specialist.network import add_lora, load_lora, lora_state, target_loss
from narrowgauge.training.specialist.tensors import tensors_of

__all__ = ["Recipe", "finetune"]


@dataclass(frozen=True)
class Recipe:
    """What a training run is made of.

    Attributes:
        steps: Batches in all.
        batch_tokens: Tokens a batch, shared prefixes counted once a pack.
        max_pack_tokens: Tokens of a pack of examples with one prefix.
        learning_rate: At its peak; falls to a tenth along a cosine.
        warmup_steps: Linear rise at the start.
        rank: Of the LoRA matrices.
        alpha: LoRA's scale is `alpha / rank`.
        rate_ratio: Learning rate of LoRA's B over that of A (LoRA+, arXiv 2402.12354): B begins at zero, and
            a higher rate reaches the same loss with about half the tokens.
        seed: Of the order and of the matrices.
        threads: CPU threads of torch.
        checkpoint_s: Seconds between checkpoints.
        seconds: Training time at most, all parts of the run together; 0 for no bound. The learning rate falls
            with the time when that runs out before the steps do, so such a run is not repeatable to the bit.
    """

    steps: int
    batch_tokens: int = 700
    max_pack_tokens: int = 512
    learning_rate: float = 4e-4
    warmup_steps: int = 30
    rank: int = 16
    alpha: float = 32.0
    rate_ratio: float = 12.0
    seed: int = 7
    threads: int = 2
    checkpoint_s: float = 120.0
    seconds: float = 0.0


def finetune(
    network: nn.Module,
    examples: Sequence[EncodedExample],
    recipe: Recipe,
    *,
    checkpoint: Path,
    start: Mapping[str, tuple[Tensor, Tensor]] | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> dict[str, tuple[Tensor, Tensor]]:
    """Trains LoRA matrices and returns them by layer; continues from `checkpoint` when that file exists.

    Args:
        network: From `build_network`; gets LoRA layers.
        examples: Encoded by the code that serves.
        recipe: A checkpoint of another recipe is refused.
        checkpoint: File of the run's state, written every `checkpoint_s` and removed by the caller.
        start: Matrices A and B to begin with, by layer, of the recipe's rank and alpha; None begins anew.
        progress: Called after every batch and at the end. What it raises ends the run, whose state is written
            first.

    Raises:
        ValueError: The checkpoint belongs to another recipe, or there are no examples.
    """
    if not examples:
        raise ValueError("there are no examples to train on")
    torch.set_num_threads(recipe.threads)
    torch.manual_seed(recipe.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    trained = add_lora(network, rank=recipe.rank, alpha=recipe.alpha)
    if start is not None:
        load_lora(network, start)
    network.to(device).train()
    optimizer = torch.optim.AdamW(
        [{"params": trained[0::2], "ratio": 1.0}, {"params": trained[1::2], "ratio": recipe.rate_ratio}],
        lr=recipe.learning_rate,
        weight_decay=0.0,
    )
    state = _resume(checkpoint, recipe, trained, optimizer)
    began, began_step, began_tokens, earlier_s = time.monotonic(), state.step, state.tokens, state.seconds
    saved = began
    report = progress or (_silent)
    made = batches(
        examples,
        batch_tokens=recipe.batch_tokens,
        max_pack_tokens=recipe.max_pack_tokens,
        seed=recipe.seed,
        start_step=state.step,
    )
    while state.step < recipe.steps and not 0 < recipe.seconds <= state.seconds:
        batch = next(made)
        for group in optimizer.param_groups:
            group["lr"] = _learning_rate(recipe, state) * group["ratio"]
        loss = target_loss(network, tensors_of(batch).to(device))
        loss.backward()
        nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        now = time.monotonic()
        state.count(float(loss.detach()), sum(map(len, batch)), earlier_s + now - began)
        if now - saved >= recipe.checkpoint_s:
            _save(checkpoint, recipe, trained, optimizer, state)
            saved = now
        done, elapsed = state.step - began_step, now - began
        left_s = elapsed / done * (recipe.steps - state.step)
        if recipe.seconds:
            left_s = max(0.0, min(left_s, recipe.seconds - state.seconds))
        try:
            report(state.progress(recipe, (state.tokens - began_tokens) / elapsed, left_s))
        except BaseException:
            _save(checkpoint, recipe, trained, optimizer, state)
            raise
    _save(checkpoint, recipe, trained, optimizer, state)
    report(state.progress(recipe, state.tokens / max(state.seconds, 1e-9), 0.0))
    return lora_state(network)


def _silent(progress: Progress) -> None:
    """Reports nothing."""


@dataclass
class _State:
    """What a run has done; kept in its checkpoint."""

    step: int = 0
    loss_mean: float = math.nan
    tokens: int = 0
    seconds: float = 0.0

    def count(self, loss: float, tokens: int, seconds: float) -> None:
        self.step += 1
        self.loss_mean = loss if math.isnan(self.loss_mean) else 0.98 * self.loss_mean + 0.02 * loss
        self.tokens += tokens
        self.seconds = seconds

    def progress(self, recipe: Recipe, tokens_s: float, left_s: float) -> Progress:
        return Progress(self.step, recipe.steps, self.loss_mean, tokens_s, left_s, self.tokens, self.seconds)


def _learning_rate(recipe: Recipe, state: _State) -> float:
    if state.step < recipe.warmup_steps:
        return recipe.learning_rate * (state.step + 1) / recipe.warmup_steps
    done = (state.step - recipe.warmup_steps) / max(1, recipe.steps - recipe.warmup_steps)
    if recipe.seconds:
        done = max(done, state.seconds / recipe.seconds)
    return recipe.learning_rate * (0.1 + 0.45 * (1 + math.cos(math.pi * min(1.0, done))))


def _save(
    path: Path,
    recipe: Recipe,
    trained: list[nn.Parameter],
    optimizer: torch.optim.Optimizer,
    state: _State,
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_suffix(".tmp")
    content = {
        "recipe": asdict(recipe),
        "trained": [p.detach().cpu() for p in trained],
        "optimizer": optimizer.state_dict(),
        **asdict(state),
    }
    torch.save(content, scratch)
    scratch.replace(path)


def _resume(
    path: Path, recipe: Recipe, trained: list[nn.Parameter], optimizer: torch.optim.Optimizer
) -> _State:
    if not path.exists():
        return _State()
    content = torch.load(path, map_location="cpu", weights_only=True)
    # Threads, checkpoints and the time allowed may change between two parts of a run.
    fixed = (
        "steps",
        "batch_tokens",
        "max_pack_tokens",
        "learning_rate",
        "warmup_steps",
        "rank",
        "alpha",
        "rate_ratio",
        "seed",
    )
    for name in fixed:
        if content["recipe"].get(name) != getattr(recipe, name):
            raise ValueError(
                f"{path} was trained with {name}={content['recipe'].get(name)}, not {getattr(recipe, name)}: "
                "use the same recipe, or another output folder"
            )
    with torch.no_grad():
        for parameter, value in zip(trained, content["trained"], strict=True):
            parameter.copy_(value)
    optimizer.load_state_dict(content["optimizer"])
    return _State(
        int(content["step"]),
        float(content["loss_mean"]),
        int(content.get("tokens", 0)),
        float(content.get("seconds", 0.0)),
    )
