"""The training loop: LoRA on a specialist's examples, resumable, on CPU or CUDA."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from narrowgauge.training.specialist.batches import EncodedExample, batches
from narrowgauge.training.specialist.network import add_lora, lora_state, target_loss
from narrowgauge.training.specialist.tensors import tensors_of

__all__ = ["Progress", "Recipe", "finetune"]


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
        seed: Of the order and of the matrices.
        threads: CPU threads of torch.
        checkpoint_s: Seconds between checkpoints.
    """

    steps: int
    batch_tokens: int = 700
    max_pack_tokens: int = 512
    learning_rate: float = 1e-3
    warmup_steps: int = 30
    rank: int = 16
    alpha: float = 32.0
    seed: int = 7
    threads: int = 2
    checkpoint_s: float = 120.0


@dataclass(frozen=True)
class Progress:
    """Where a run stands.

    Attributes:
        step: Batches done.
        steps: Batches in all.
        loss: Exponential mean over about fifty batches, in nats a sampled token.
        tokens_s: Tokens read a second, prefixes and padding as they are laid out.
        left_s: Estimated seconds to the end.
    """

    step: int
    steps: int
    loss: float
    tokens_s: float
    left_s: float


def finetune(
    network: nn.Module,
    examples: Sequence[EncodedExample],
    recipe: Recipe,
    *,
    checkpoint: Path,
    progress: Callable[[Progress], None] | None = None,
) -> dict[str, tuple[Tensor, Tensor]]:
    """Trains LoRA matrices and returns them by layer; continues from `checkpoint` when that file exists.

    Args:
        network: From `build_network`; gets LoRA layers.
        examples: Encoded by the code that serves.
        recipe: A checkpoint of another recipe is refused.
        checkpoint: File of the run's state, written every `checkpoint_s` and removed by the caller.
        progress: Called after every batch.

    Raises:
        ValueError: The checkpoint belongs to another recipe, or there are no examples.
    """
    if not examples:
        raise ValueError("there are no examples to train on")
    torch.set_num_threads(recipe.threads)
    torch.manual_seed(recipe.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    trained = add_lora(network, rank=recipe.rank, alpha=recipe.alpha)
    network.to(device).train()
    optimizer = torch.optim.AdamW(trained, lr=recipe.learning_rate, weight_decay=0.0)
    step, loss_mean = _resume(checkpoint, recipe, trained, optimizer)
    began, began_step, tokens, saved = time.monotonic(), step, 0, time.monotonic()
    made = batches(
        examples,
        batch_tokens=recipe.batch_tokens,
        max_pack_tokens=recipe.max_pack_tokens,
        seed=recipe.seed,
        start_step=step,
    )
    for batch in made:
        if step >= recipe.steps:
            break
        for group in optimizer.param_groups:
            group["lr"] = _learning_rate(recipe, step)
        loss = target_loss(network, tensors_of(batch).to(device))
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        step += 1
        tokens += sum(map(len, batch))
        value = float(loss.detach())
        loss_mean = value if math.isnan(loss_mean) else 0.98 * loss_mean + 0.02 * value
        now = time.monotonic()
        if now - saved >= recipe.checkpoint_s:
            _save(checkpoint, recipe, trained, optimizer, step, loss_mean)
            saved = now
        if progress:
            elapsed = now - began
            left_s = elapsed / (step - began_step) * (recipe.steps - step)
            progress(Progress(step, recipe.steps, loss_mean, tokens / elapsed, left_s))
    _save(checkpoint, recipe, trained, optimizer, step, loss_mean)
    return lora_state(network)


def _learning_rate(recipe: Recipe, step: int) -> float:
    if step < recipe.warmup_steps:
        return recipe.learning_rate * (step + 1) / recipe.warmup_steps
    done = (step - recipe.warmup_steps) / max(1, recipe.steps - recipe.warmup_steps)
    return recipe.learning_rate * (0.1 + 0.45 * (1 + math.cos(math.pi * min(1.0, done))))


def _save(
    path: Path,
    recipe: Recipe,
    trained: list[nn.Parameter],
    optimizer: torch.optim.Optimizer,
    step: int,
    loss_mean: float,
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_suffix(".tmp")
    state = {
        "recipe": asdict(recipe),
        "trained": [p.detach().cpu() for p in trained],
        "optimizer": optimizer.state_dict(),
        "step": step,
        "loss_mean": loss_mean,
    }
    torch.save(state, scratch)
    scratch.replace(path)


def _resume(
    path: Path, recipe: Recipe, trained: list[nn.Parameter], optimizer: torch.optim.Optimizer
) -> tuple[int, float]:
    if not path.exists():
        return 0, math.nan
    state = torch.load(path, map_location="cpu", weights_only=True)
    # The number of threads and checkpoints may change between two parts of a run.
    fixed = (
        "steps",
        "batch_tokens",
        "max_pack_tokens",
        "learning_rate",
        "warmup_steps",
        "rank",
        "alpha",
        "seed",
    )
    for name in fixed:
        if state["recipe"][name] != getattr(recipe, name):
            raise ValueError(
                f"{path} was trained with {name}={state['recipe'][name]}, not {getattr(recipe, name)}: "
                "use the same recipe, or another output folder"
            )
    with torch.no_grad():
        for parameter, value in zip(trained, state["trained"], strict=True):
            parameter.copy_(value)
    optimizer.load_state_dict(state["optimizer"])
    return int(state["step"]), float(state["loss_mean"])
