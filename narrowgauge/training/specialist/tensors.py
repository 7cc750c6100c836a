"""Packs as tensors: ids, positions, the mask that keeps examples apart, and where the loss is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from narrowgauge.training.specialist.batches import Pack

__all__ = ["BatchTensors", "tensors_of"]


@dataclass(frozen=True)
class BatchTensors:
    """One batch.

    Attributes:
        ids: int64 [B, S], padded on the right.
        positions: int64 [B, S]: each example goes on from the end of the prefix.
        mask: bool [B, 1, S, S]: whether a token (third axis) sees another one (fourth axis).
        places: int64 [N], indices into the flattened [B * S] tokens, each before a sampled token.
        labels: int64 [N], those sampled tokens.
    """

    ids: Tensor
    positions: Tensor
    mask: Tensor
    places: Tensor
    labels: Tensor

    def to(self, device: torch.device) -> BatchTensors:
        """Returns the batch on a device."""
        return BatchTensors(*(getattr(self, name).to(device) for name in self.__dataclass_fields__))


def tensors_of(packs: Sequence[Pack]) -> BatchTensors:
    """Lays packs out, one a row."""
    width = max(map(len, packs))
    ids = torch.zeros((len(packs), width), dtype=torch.long)
    positions = torch.zeros((len(packs), width), dtype=torch.long)
    # Padding sees itself, since a row of the mask without any token makes the softmax undefined.
    mask = torch.eye(width, dtype=torch.bool).repeat(len(packs), 1, 1, 1)
    places: list[int] = []
    labels: list[int] = []
    for row, pack in enumerate(packs):
        shared = pack.shared
        ids[row, :shared] = torch.tensor(pack.examples[0].prompt[:shared])
        positions[row, :shared] = torch.arange(shared)
        mask[row, 0, :shared, :shared] = torch.tril(torch.ones((shared, shared), dtype=torch.bool))
        at = shared
        for example in pack.examples:
            own = (*example.prompt[shared:], *example.target)
            end = at + len(own)
            ids[row, at:end] = torch.tensor(own)
            positions[row, at:end] = torch.arange(shared, shared + len(own))
            mask[row, 0, at:end, :shared] = True
            mask[row, 0, at:end, at:end] = torch.tril(torch.ones((len(own), len(own)), dtype=torch.bool))
            first = row * width + end - len(example.target) - 1
            for offset, (token, sampled) in enumerate(zip(example.target, example.sampled, strict=True)):
                if sampled:
                    places.append(first + offset)
                    labels.append(token)
            at = end
    return BatchTensors(ids, positions, mask, torch.tensor(places), torch.tensor(labels))
