"""A training run of the encoder: from data to the files that `narrowgauge compile` takes.

Beside the output folder `DIR` lies `DIR.training/` as long as the run is not done; the same command goes on
from there. A run is bounded by time, so it is not repeatable to the bit.
"""

from __future__ import annotations

import hashlib
import json
import math
import random
import shutil
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from narrowgauge.errors import FailedPrecondition, InvalidRequest
from narrowgauge.evaluation.records import data_sha256
from narrowgauge.training.progress import Progress, Watcher
from narrowgauge.training.router.batches import GENERAL, Batch, Targets, collate, hide_tokens
from narrowgauge.training.router.calibrate import calibrate
from narrowgauge.training.router.data import RouterData, read_router_data
from narrowgauge.training.router.graph import EncoderShape, write_encoder, write_heads
from narrowgauge.training.router.model import Encoder, RouterModel, base_weights
from narrowgauge.training.router.objective import POSITIONS, BaseTeacher, EarlierSelf, losses
from narrowgauge.training.router.plans import GoldStep
from narrowgauge.training.router.requests import Composer, Request
from narrowgauge.training.router.restore import exported_weights
from narrowgauge.training.router.vocabulary import prune

__all__ = ["RouterRecipe", "RouterRun", "train_router"]

_WEIGHTS = {"tags": 2.0, "pairs": 2.0, "route": 0.5, "teacher": 1.0}
_CHECKPOINT_S = 120.0
_CALIBRATION_SEED, _CALIBRATION_PLANS = 99, 400
_VOCABULARY_TEXTS = 20_000


@dataclass(frozen=True)
class RouterRecipe:
    """What a run is made of.

    Attributes:
        seconds: Training time, all parts of the run together.
        rate: Learning rate of the encoder at its peak; the heads have four times as much.
        warmup: Steps until then.
        batch: Composed requests a step.
        singles: Lone sub-tasks a step.
        average: What is exported is a moving average of the weights; 0 exports those of the last step.
        begin: Added to the logit of a beginning after training.
        layers: Of the base, those to keep.
        vocabulary: Word pieces to keep.
        seed: Of data, order and first weights.
        threads: CPU threads of torch.
    """

    seconds: float = 1500.0
    rate: float = 2e-4
    warmup: int = 30
    batch: int = 24
    singles: int = 26
    average: float = 0.98
    begin: float = 1.0
    layers: tuple[int, ...] = (0, 2, 5)
    vocabulary: int = 8000
    seed: int = 7
    threads: int = 2


@dataclass(frozen=True)
class RouterRun:
    """What to train.

    Attributes:
        data: As `read_router_data` takes it.
        out: Folder for `encoder.onnx`, `heads.onnx`, `tokenizer.json` and `training.json`.
        start: Folder of a trained encoder to go on from; None begins with the base.
        base: Folder of all-MiniLM-L6-v2, whose sentence vectors the encoder is to keep; None keeps those that
            it has at the start.
        recipe: How.
    """

    data: tuple[Path, ...]
    out: Path
    start: Path | None
    base: Path | None = None
    recipe: RouterRecipe = field(default_factory=RouterRecipe)

    @property
    def state(self) -> Path:
        """Folder of the unfinished run."""
        return self.out.with_name(f"{self.out.name}.training")


def train_router(run: RouterRun, watcher: Watcher | None = None) -> dict[str, object]:
    """Trains, exports and calibrates an encoder with its heads, or goes on with a run that was ended.

    Returns:
        What `training.json` holds.

    Raises:
        InvalidRequest: The data cannot be used, or there is neither a start nor a base.
        FailedPrecondition: `run.state` belongs to a run with other data or options.
    """
    watcher = watcher or Watcher()
    recipe = run.recipe
    torch.set_num_threads(recipe.threads)
    torch.manual_seed(recipe.seed)
    watcher.stage("reading data", 0, 0)
    data = read_router_data(run.data)
    targets = Targets(data.train)
    watcher.stage("loading the model", 0, 0)
    model, tokenizer = _model(run, data, targets)
    teacher = EarlierSelf(model, tokenizer) if run.base is None else BaseTeacher(run.base)
    model.encoder.train_rounded()
    training = _Training(run, model)
    draw = _Draw(data, targets, tokenizer, recipe, training.step)
    began, before = time.monotonic(), training.seconds
    saved, first = began, training.step
    shown = math.nan
    while training.seconds < recipe.seconds:
        composed, lone = draw.batches()
        training.rate(training.seconds / recipe.seconds)
        loss = 0.0
        for batch, guide in ((composed, teacher if training.step % 3 == 0 else None), (lone, teacher)):
            found = losses(model, batch, targets, guide, draw.rng)
            total = torch.stack([_WEIGHTS[name] * value for name, value in found.items()]).sum()
            total.backward()
            loss += float(total.detach())
            training.tokens += int(batch.mask.sum())
        training.apply()
        shown = loss if math.isnan(shown) else 0.98 * shown + 0.02 * loss
        now = time.monotonic()
        training.seconds = before + now - began
        if now - saved >= _CHECKPOINT_S:
            training.save()
            saved = now
        try:
            watcher.step(training.progress(shown, first, before))
        except BaseException:
            training.save()
            raise
    training.save()
    run.out.mkdir(parents=True, exist_ok=True)
    _export(training.averaged.module, tokenizer, run.out)
    watcher.stage("calibrating", 0, 0)
    held_back = Composer("dev", data.dev, _CALIBRATION_SEED)
    temperature = calibrate(
        run.out, [held_back.draw() for _ in range(_CALIBRATION_PLANS)], begin=recipe.begin
    )
    facts: dict[str, object] = {
        "recipe": asdict(recipe),
        "examples": {corpus: len(rows) for corpus, rows in sorted(data.train.items())},
        "steps": training.step,
        "tokens": training.tokens,
        "seconds": round(training.seconds, 1),
        "loss": None if math.isnan(shown) else round(shown, 4),
        "temperature": round(temperature, 4),
        "torch": str(torch.__version__),
    }
    (run.out / "training.json").write_text(
        json.dumps(facts, indent=2, sort_keys=True) + "\n", encoding="utf-8"
    )
    shutil.rmtree(run.state)
    return facts


def _model(run: RouterRun, data: RouterData, targets: Targets) -> tuple[RouterModel, Tokenizer]:
    """Returns the model to begin with, and its tokenizer."""
    recipe = run.recipe
    if run.start is not None:
        tokenizer = Tokenizer.from_file(str(run.start / "tokenizer.json"))
        encoder = Encoder(EncoderShape(len(recipe.layers)), tokenizer.get_vocab_size(), POSITIONS)
        model = RouterModel(encoder, len(targets.index))
        stored = exported_weights(run.start, len(recipe.layers))
        model.load_state_dict({**stored, "classes": model.classes.detach().clone()})
        return model, tokenizer
    if run.base is None:
        raise InvalidRequest("BAD_ARGUMENT", "an encoder that begins anew needs its base: --base FOLDER")
    composer = Composer("train", data.train, recipe.seed)
    texts = [composer.draw().text for _ in range(_VOCABULARY_TEXTS)] + list(data.general)
    texts += [row[0] for rows in data.train.values() for row in rows]
    tokenizer, words = prune(run.base / "tokenizer.json", texts, recipe.vocabulary)
    encoder = Encoder(EncoderShape(len(recipe.layers)), tokenizer.get_vocab_size(), POSITIONS)
    base_weights(run.base, encoder, list(recipe.layers), words)
    return RouterModel(encoder, len(targets.index)), tokenizer


class _Draw:
    """Draws the batches of a run; after a pause it draws others than before it."""

    def __init__(
        self, data: RouterData, targets: Targets, tokenizer: Tokenizer, recipe: RouterRecipe, step: int
    ) -> None:
        self.rng = random.Random(f"{recipe.seed} {step}")
        self._composer = Composer("train", data.train, recipe.seed + step)
        self._data, self._targets, self._tokenizer, self._recipe = data, targets, tokenizer, recipe
        self._waiting: list[list[Request]] = []

    def batches(self) -> tuple[Batch, Batch]:
        """Returns composed requests, some of whose tokens are hidden, and lone sub-tasks."""
        size = self._recipe.batch
        if not self._waiting:
            # Requests of like length share a batch: padding would double the work.
            drawn = sorted((self._composer.draw() for _ in range(8 * size)), key=lambda r: len(r.text))
            self._waiting = [drawn[k : k + size] for k in range(0, len(drawn), size)]
            self.rng.shuffle(self._waiting)
        composed = collate(self._waiting.pop(), self._tokenizer, self._targets)
        hide_tokens(composed, self._tokenizer)
        lone = [self._composer.single() for _ in range(self._recipe.singles)]
        lone += [
            GoldStep(self.rng.choice(self._data.general), GENERAL, "")
            for _ in range(self._recipe.singles // 4)
        ]
        for one in lone:
            one.span = (0, len(one.text))
        singles = [Request(one.text, [one], frozenset()) for one in lone]
        return composed, collate(singles, self._tokenizer, self._targets)


class _Training:
    """Weights, their moving average and the optimizer, as they are kept between two parts of a run."""

    def __init__(self, run: RouterRun, model: RouterModel) -> None:
        recipe = run.recipe
        self._path, self._recipe, self._model = run.state / "state.pt", recipe, model
        self._wish = _wish(run)
        self.averaged = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(recipe.average))
        heads = [p for name, p in model.named_parameters() if not name.startswith("encoder.")]
        self._optimizer = torch.optim.AdamW(
            [
                {"params": model.encoder.parameters(), "lr": recipe.rate},
                {"params": heads, "lr": 4 * recipe.rate},
            ],
            weight_decay=0.01,
        )
        self._peak = [float(group["lr"]) for group in self._optimizer.param_groups]
        self.step, self.tokens, self.seconds = 0, 0, 0.0
        if self._path.exists():
            self._load()

    def rate(self, spent: float) -> None:
        """Sets the learning rate for a share of the time: a linear rise in steps, then a cosine."""
        rise = min(1.0, (self.step + 1) / self._recipe.warmup)
        factor = rise * (0.5 * (1 + math.cos(math.pi * min(1.0, spent))) * 0.97 + 0.03)
        for group, peak in zip(self._optimizer.param_groups, self._peak, strict=True):
            group["lr"] = peak * factor

    def apply(self) -> None:
        """Takes a step along the gradients."""
        torch.nn.utils.clip_grad_norm_(self._model.parameters(), 1.0)
        self._optimizer.step()
        self._optimizer.zero_grad()
        self.averaged.update_parameters(self._model)
        self.step += 1

    def progress(self, loss: float, first: int, before: float) -> Progress:
        """How far the run is; its steps are estimated from the time.

        Args:
            loss: Weighted sum of all losses, a running mean.
            first: Step at which this part of the run began.
            before: Seconds that the parts before took.
        """
        left_s = max(0.0, self._recipe.seconds - self.seconds)
        pace = (self.seconds - before) / max(1, self.step - first)
        steps = self.step + (math.ceil(left_s / pace) if pace else 0)
        speed = self.tokens / max(self.seconds, 1e-9)
        return Progress(self.step, steps, loss, speed, left_s, self.tokens, self.seconds)

    def save(self) -> None:
        """Writes the state."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        scratch = self._path.with_suffix(".tmp")
        content: dict[str, Any] = {
            "wish": self._wish,
            "model": self._model.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "step": self.step,
            "tokens": self.tokens,
            "seconds": self.seconds,
        }
        torch.save(content, scratch)
        scratch.replace(self._path)

    def _load(self) -> None:
        content = torch.load(self._path, map_location="cpu", weights_only=True)
        if content["wish"] != self._wish:
            raise FailedPrecondition(
                "OTHER_RUN",
                f"{self._path.parent} holds an unfinished run with other data or options: name another "
                "output folder, or remove it to begin anew",
            )
        self._model.load_state_dict(content["model"])
        self.averaged.load_state_dict(content["averaged"])
        self._optimizer.load_state_dict(content["optimizer"])
        self.step, self.tokens = int(content["step"]), int(content["tokens"])
        self.seconds = float(content["seconds"])


def _wish(run: RouterRun) -> str:
    """Returns a hash over all that decides a run, but for its time and its threads."""
    recipe = {name: value for name, value in asdict(run.recipe).items() if name not in ("seconds", "threads")}
    files = [path for name in run.data for path in (sorted(name.rglob("*.xz")) if name.is_dir() else [name])]
    for folder in (run.start, run.base):
        files += [] if folder is None else [folder / "tokenizer.json"]
    facts = [recipe, [data_sha256(path) for path in files]]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _export(model: RouterModel, tokenizer: Tokenizer, out: Path) -> None:
    """Writes encoder.onnx, heads.onnx and tokenizer.json."""
    (out / "encoder.onnx").write_bytes(write_encoder(model.graph_weights(), model.encoder.shape))
    (out / "heads.onnx").write_bytes(write_heads(model.head_weights()))
    tokenizer.save(str(out / "tokenizer.json"), pretty=False)
