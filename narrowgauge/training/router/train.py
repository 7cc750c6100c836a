"""`python -m narrowgauge.training.router.train`: trains the encoder and writes it as committed artefact."""

from __future__ import annotations

import argparse
import json
import math
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import torch
from tokenizers import Encoding, Tokenizer
from torch import Tensor
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from narrowgauge.routing.dependencies import FEATURES, KINDS, distance_index, pooling_rows
from narrowgauge.training.router.corpora import external_tasks, read_jsonl, taskbench_texts
from narrowgauge.training.router.graph import EncoderShape, write_encoder, write_heads
from narrowgauge.training.router.model import Encoder, RouterModel, base_weights
from narrowgauge.training.router.plans import GoldStep
from narrowgauge.training.router.requests import Composer, Request
from narrowgauge.training.router.restore import exported_weights
from narrowgauge.training.router.vocabulary import prune

OUTSIDE, BEGIN, INSIDE = range(3)
POSITIONS = 256
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

    def __init__(self, external: dict[str, list[tuple[str, str, bool]]]) -> None:
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


class Teacher:
    """The base model's sentence vectors, which keep the encoder general while it learns its own task."""

    def __init__(self, folder: Path) -> None:
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(64)
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


def main() -> None:
    """Trains for a given time and exports."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--base",
        type=Path,
        required=True,
        help="folder of all-MiniLM-L6-v2: model.safetensors, tokenizer.json",
    )
    parser.add_argument(
        "--data", type=Path, required=True, help="folder with clinc150, hwu64, snips, spider, wikisql, ..."
    )
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        help="folder for encoder.onnx, heads.onnx, tokenizer.json, training.json",
    )
    parser.add_argument("--layers", type=int, nargs="+", default=[0, 2, 5], help="layers of the base to keep")
    parser.add_argument("--vocabulary", type=int, default=8000, help="word pieces to keep")
    parser.add_argument("--minutes", type=float, default=20, help="wall-clock time to train")
    parser.add_argument("--batch", type=int, default=24, help="composed requests a step")
    parser.add_argument("--singles", type=int, default=40, help="lone sub-tasks a step")
    parser.add_argument("--rate", type=float, default=3e-4)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--warmup", type=int, default=60, help="steps until the full rate")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument(
        "--resume",
        type=Path,
        help="folder of an earlier run with the same layers: goes on from its checkpoint.pt, or where that is"
        " missing from what it exported",
    )
    parser.add_argument(
        "--average",
        type=float,
        default=0.98,
        help="what is exported is a moving average of the weights; 0 exports those of the last step",
    )
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    rng = random.Random(args.seed)
    external = external_tasks(args.data, "train")
    composer = Composer("train", external, args.seed)
    targets = Targets(external)
    if args.resume:
        tokenizer, words = Tokenizer.from_file(str(args.resume / "tokenizer.json")), list[int]()
    else:
        texts = [composer.draw().text for _ in range(20000)] + taskbench_texts(args.data)
        texts += [row[0] for rows in external.values() for row in rows]
        texts += [row["query"] for row in read_jsonl(args.data / "seal_tools" / "dev.jsonl.xz")]
        tokenizer, words = prune(args.base / "tokenizer.json", texts, args.vocabulary)
    encoder = Encoder(EncoderShape(len(args.layers)), tokenizer.get_vocab_size(), POSITIONS)
    model = RouterModel(encoder, len(targets.index))
    if args.resume:
        model.load_state_dict(resumed(args.resume, model, len(args.layers)))
    else:
        base_weights(args.base, encoder, args.layers, words)
    encoder.train_rounded()
    averaged = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(args.average))
    teacher = Teacher(args.base)
    general = [text for text in taskbench_texts(args.data) if len(text) < 200]
    general += [row["query"] for row in read_jsonl(args.data / "seal_tools" / "dev.jsonl.xz")]
    head = [p for name, p in model.named_parameters() if not name.startswith("encoder.")]
    optimizer = torch.optim.AdamW(
        [{"params": encoder.parameters(), "lr": args.rate}, {"params": head, "lr": 4 * args.rate}],
        weight_decay=0.01,
    )
    peak = [group["lr"] for group in optimizer.param_groups]
    args.out.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    step, shown = 0, dict[str, float]()
    waiting: list[list[Request]] = []
    while (spent := (time.monotonic() - began) / 60 / args.minutes) < 1:
        factor = min(1.0, (step + 1) / args.warmup) * (0.5 * (1 + math.cos(math.pi * spent)) * 0.97 + 0.03)
        for group, rate in zip(optimizer.param_groups, peak, strict=True):
            group["lr"] = rate * factor
        if not waiting:
            # Requests of like length share a batch: padding would double the work.
            drawn = sorted((composer.draw() for _ in range(8 * args.batch)), key=lambda r: len(r.text))
            waiting = [drawn[k : k + args.batch] for k in range(0, len(drawn), args.batch)]
            rng.shuffle(waiting)
        parts = [(collate(waiting.pop(), tokenizer, targets), teacher if step % 3 == 0 else None)]
        hide_tokens(parts[0][0], tokenizer)
        lone = [composer.single() for _ in range(args.singles)]
        lone += [GoldStep(rng.choice(general), GENERAL, "") for _ in range(args.singles // 4)]
        for one in lone:
            one.span = (0, len(one.text))
        parts.append(
            (collate([Request(one.text, [one], frozenset()) for one in lone], tokenizer, targets), teacher)
        )
        optimizer.zero_grad()
        for batch, guide in parts:
            found = losses(model, batch, targets, guide, rng)
            weights = {"tags": 2.0, "pairs": 2.0, "route": 0.5, "teacher": 1.0}
            total = torch.stack([weights[name] * value for name, value in found.items()]).sum()
            total.backward()
            kind = "many" if batch is parts[0][0] else "one"
            for name, value in found.items():
                key = f"{kind}.{name}"
                shown[key] = 0.98 * shown.get(key, value.item()) + 0.02 * value.item()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        averaged.update_parameters(model)
        step += 1
        if step % 50 == 0:
            print(step, f"{spent:.3f}", {k: round(v, 4) for k, v in shown.items()}, flush=True)
        if step % 100 == 0:
            export(averaged.module, tokenizer, args.out)
    export(averaged.module, tokenizer, args.out)
    (args.out / "training.json").write_text(
        json.dumps(
            {"steps": step, "layers": args.layers, "seed": args.seed, "minutes": args.minutes}, sort_keys=True
        )
        + "\n"
    )


def resumed(folder: Path, model: RouterModel, layers: int) -> dict[str, Tensor]:
    """The state that an earlier run left: its checkpoint, or else its exported graphs.

    Classes that it did not have, and all of them where there are only graphs, keep what `model` has.
    """
    path = folder / "checkpoint.pt"
    saved = torch.load(path) if path.exists() else exported_weights(folder, layers)
    classes = model.classes.detach().clone()
    known = saved.get("classes", classes[:0])
    classes[: len(known)] = known
    return {**saved, "classes": classes}


def export(model: RouterModel, tokenizer: Tokenizer, out: Path) -> None:
    """Writes encoder.onnx, heads.onnx and tokenizer.json, and the checkpoint to go on from."""
    torch.save(model.state_dict(), out / "checkpoint.pt")
    (out / "encoder.onnx").write_bytes(write_encoder(model.graph_weights(), model.encoder.shape))
    (out / "heads.onnx").write_bytes(write_heads(model.head_weights()))
    tokenizer.save(str(out / "tokenizer.json"), pretty=False)


if __name__ == "__main__":
    main()
