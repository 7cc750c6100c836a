"""What the encoder is trained for: four losses, one of which keeps it general."""

from __future__ import annotations

import copy
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional

from narrowgauge.training.router.batches import Batch, Targets
from narrowgauge.training.router.graph import EncoderShape
from narrowgauge.training.router.model import Encoder, RouterModel, base_weights

__all__ = ["POSITIONS", "BaseTeacher", "EarlierSelf", "Teacher", "losses"]

POSITIONS = 256
_LONGEST = 64  # tokens that a teacher reads of a text


class Teacher(Protocol):
    """Sentence vectors that the encoder is to keep while it learns its own task."""

    def __call__(self, texts: Sequence[str]) -> Tensor:
        """Returns unit vectors float32 [N, hidden]."""


class BaseTeacher:
    """The sentence vectors of the base model.

    Args:
        folder: all-MiniLM-L6-v2: `model.safetensors`, `tokenizer.json`.
    """

    def __init__(self, folder: Path) -> None:
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(_LONGEST)
        self.encoder = Encoder(EncoderShape(6), 30522, POSITIONS).eval()
        base_weights(folder, self.encoder, list(range(6)), list(range(30522)))

    @torch.no_grad()
    def __call__(self, texts: Sequence[str]) -> Tensor:
        """Unit vectors float32 [N, hidden]."""
        encoded = [e.ids for e in self.tokenizer.encode_batch(list(texts))]
        length = max(map(len, encoded))
        ids = torch.tensor([row + [0] * (length - len(row)) for row in encoded])
        mask = ids != 0
        states = self.encoder(ids, mask) * mask[..., None]
        return functional.normalize(states.sum(1) / mask.sum(1, keepdim=True), dim=-1)


class EarlierSelf:
    """The span vectors of the model as it is now.

    Args:
        model: Is copied.
        tokenizer: Of its word pieces.
    """

    def __init__(self, model: RouterModel, tokenizer: Tokenizer) -> None:
        self._model = copy.deepcopy(model).eval()
        self._tokenizer = tokenizer
        self._ends = [int(tokenizer.token_to_id(name) or 0) for name in ("[CLS]", "[SEP]")]

    @torch.no_grad()
    def __call__(self, texts: Sequence[str]) -> Tensor:
        """Unit vectors float32 [N, hidden]."""
        encoded = [e.ids[:_LONGEST] for e in self._tokenizer.encode_batch(list(texts))]
        length = max(map(len, encoded)) + 2
        ids, pools = (
            torch.zeros(len(encoded), length, dtype=torch.long),
            torch.zeros(len(encoded), len(encoded), length),
        )
        for row, own in enumerate(encoded):
            ids[row, : len(own) + 2] = torch.tensor([self._ends[0], *own, self._ends[1]])
            pools[row, row, 1 : len(own) + 1] = 1.0 / max(1, len(own))
        states = self._model.encoder(ids, ids != 0)
        return self._model.vectors(states, pools.reshape(len(encoded), -1))


def losses(
    model: RouterModel, batch: Batch, targets: Targets, teacher: Teacher | None, rng: random.Random
) -> dict[str, Tensor]:
    """The four losses of one batch."""
    states = model.encoder(batch.ids, batch.mask)
    out = {
        "tags": functional.cross_entropy(
            model.tags(states).flatten(0, 1), batch.tags.flatten(), ignore_index=-100
        )
    }
    flat = states.reshape(-1, states.shape[-1])
    pooled = (batch.features.reshape(-1, flat.shape[0]) @ flat).reshape(len(batch.steps), -1)
    if int(batch.kinds[0]) != -100:
        logits = model.pairs(pooled, batch.dependent, batch.source, batch.distance)
        out["pairs"] = functional.cross_entropy(logits, batch.kinds)
    vectors = model.vectors(states, batch.pools)
    known = batch.classes >= 0
    if known.any():
        similar = 20.0 * vectors[known] @ functional.normalize(model.classes, dim=-1).T
        similar = similar.masked_fill(~targets.rivals[batch.classes[known]], -1e4)
        out["route"] = functional.cross_entropy(similar, batch.classes[known])
    if teacher is not None:
        picked = rng.sample(range(len(batch.steps)), min(30, len(batch.steps)))
        wanted = teacher([batch.steps[k].spelt or batch.steps[k].text for k in picked])
        out["teacher"] = (1 - (vectors[picked] * wanted).sum(-1)).mean()
    return out
