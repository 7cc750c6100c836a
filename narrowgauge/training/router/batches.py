"""Batches for the encoder: token ids, and the targets of its heads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from tokenizers import Encoding, Tokenizer
from torch import Tensor

from narrowgauge.routing.dependencies import FEATURES, KINDS, distance_index, pooling_rows
from narrowgauge.training.router.plans import GoldStep, Pool
from narrowgauge.training.router.requests import Request

__all__ = ["GENERAL", "Batch", "Targets", "collate", "hide_tokens"]

OUTSIDE, BEGIN, INSIDE = range(3)
LONGEST = 160
GENERAL = "general"
"""Corpus of texts that only the teacher speaks about: they may have several sub-tasks."""
HIDDEN_TOKENS = 0.04
"""Share of the tokens of composed requests that training hides, so that no single word decides."""


@dataclass
class Batch:
    """Token ids with their targets; `spans` has (row, begin, end, class, step) for the routing loss."""

    ids: Tensor
    mask: Tensor
    tags: Tensor
    pools: Tensor
    features: Tensor
    dependent: Tensor
    source: Tensor
    distance: Tensor
    kinds: Tensor
    classes: Tensor
    steps: list[GoldStep]


class Targets:
    """Class numbers of (corpus, intent), and which classes compete: those of one corpus."""

    def __init__(self, external: Pool) -> None:
        names = [("own", intent) for intent in ("sql", "salesforce", "summary", "other")]
        for corpus, rows in sorted(external.items()):
            if corpus != "questions":
                names += [(corpus, intent) for intent in sorted({r[1] for r in rows}) if intent != "oos"]
        # Out of scope is a class of its own, so that the encoder learns to tell it from its neighbours.
        names += [
            (corpus, "oos") for corpus in sorted(external) if any(r[1] == "oos" for r in external[corpus])
        ]
        self.index = {name: i for i, name in enumerate(names)}
        ours = [("own", intent) for intent in ("sql", "salesforce", "summary")]
        # What another corpus asks for is out of scope for our specialists, so those classes compete as well.
        rivals = [
            [a[0] == b[0] or (a in ours and b[0] != "own") or (b in ours and a[0] != "own") for b in names]
            for a in names
        ]
        self.rivals = torch.tensor(rivals)

    def of(self, step: GoldStep) -> int:
        """Class of a step; -1 for none."""
        return self.index.get((step.corpus, step.intent), -1)


def token_span(encoding: Encoding, span: tuple[int, int]) -> tuple[int, int] | None:
    """Tokens that overlap a character span, shifted by one for `[CLS]`."""
    inside = [
        k for k, (low, high) in enumerate(encoding.offsets) if low < span[1] and high > span[0] and high > low
    ]
    return (inside[0] + 1, inside[-1] + 2) if inside else None


def collate(requests: Sequence[Request], tokenizer: Tokenizer, targets: Targets) -> Batch:
    """Builds a batch; requests that are too long or lose a step in tokens are left out."""
    cls, sep = (int(tokenizer.token_to_id(name) or 0) for name in ("[CLS]", "[SEP]"))
    rows: list[tuple[list[int], list[tuple[int, int]], Request]] = []
    for request, encoding in zip(requests, tokenizer.encode_batch([r.text for r in requests]), strict=True):
        found = [token_span(encoding, step.span) for step in request.steps]
        whole = [cls, *encoding.ids, sep]
        good = [s for s in found if s is not None]
        apart = all(a[1] <= b[0] for a, b in pairwise(good))
        if len(whole) <= LONGEST and len(good) == len(found) and apart:
            rows.append((whole, good, request))
    length = max(len(ids) for ids, _, _ in rows)
    count = len(rows)
    ids_out = torch.zeros(count, length, dtype=torch.long)
    tags = torch.full((count, length), -100)
    features: list[Tensor] = []
    steps: list[GoldStep] = []
    pairs: list[tuple[int, int, int, int]] = []
    for r, (ids, spans, request) in enumerate(rows):
        ids_out[r, : len(ids)] = torch.tensor(ids)
        if request.steps[0].corpus != GENERAL:
            tags[r, : len(ids)] = OUTSIDE
            for begin, end in spans:
                tags[r, begin:end] = INSIDE
                tags[r, begin] = BEGIN
        local = torch.zeros(len(spans), FEATURES, count, length)
        local[:, :, r, : len(ids)] = torch.from_numpy(pooling_rows(spans, len(ids)))
        first = len(steps)
        features.append(local.reshape(len(spans), FEATURES, count * length))
        for i, step in enumerate(request.steps):
            for j in range(len(spans)):
                if i != j:
                    kind = step.depends_on.get(j, "uses" if step.over_all and j < i else "")
                    pairs.append(
                        (first + i, first + j, distance_index(i, j), KINDS.index(kind) + 1 if kind else 0)
                    )
        steps += request.steps
    pooled = torch.cat(features)
    table = torch.tensor(pairs or [(0, 0, 0, -100)])
    return Batch(
        ids_out, ids_out != 0, tags, pooled[:, 2], pooled, table[:, 0], table[:, 1], table[:, 2], table[:, 3],
        torch.tensor([targets.of(s) for s in steps]), steps,
    )  # fmt: skip


def hide_tokens(batch: Batch, tokenizer: Tokenizer) -> None:
    """Puts `[MASK]` in the place of some tokens."""
    names = ("[PAD]", "[CLS]", "[SEP]")
    special = torch.tensor([int(tokenizer.token_to_id(name) or 0) for name in names])
    chosen = (torch.rand(batch.ids.shape) < HIDDEN_TOKENS) & ~torch.isin(batch.ids, special)
    batch.ids[chosen] = int(tokenizer.token_to_id("[MASK]") or 0)
