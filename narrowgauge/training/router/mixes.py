"""`python -m narrowgauge.training.router.mixes`: requests of one to three intents, as MixSNIPS has them.

Rows of a labelled set are joined by connectives whose wording is never trained on, three in ten alone, half
of them in pairs and two in ten by three, which are MixSNIPS's shares (Qin et al. 2020,
https://arxiv.org/abs/2004.10087). Each tenth row is mixed; the others are the examples to compile from.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from narrowgauge.training.router.corpora import read_jsonl
from narrowgauge.training.router.plans import PlanDrawer

_SHARES = (30, 50, 20)


def mixed(rows: Sequence[dict[str, Any]], count: int, seed: int) -> list[dict[str, Any]]:
    """Returns rows `{"id", "text", "intents"}`, each of different intents.

    Args:
        rows: `{"text", "intent"}`, of at least three intents.
        count: Requests to draw.
        seed: Of the draw.
    """
    rng, phrases = random.Random(seed), PlanDrawer("dev", {}, seed)
    out = []
    for number in range(count):
        wanted = rng.choices((1, 2, 3), _SHARES)[0]
        picked: dict[str, str] = {}
        while len(picked) < wanted:
            row = rng.choice(rows)
            picked.setdefault(row["intent"], row["text"].strip().rstrip(".?!"))
        first, *others = picked.values()
        text = first + "".join(
            phrases.phrase(rng.choice(("independent", "order"))) + other for other in others
        )
        out.append({"id": f"mix-{number}", "text": text, "intents": list(picked)})
    return out


def main() -> None:
    """Writes `mixes.jsonl` and `examples.jsonl`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help='JSON Lines {"text", "intent"}, also .xz')
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    parser.add_argument("--count", type=int, default=1200)
    parser.add_argument("--seed", type=int, default=2026)
    args = parser.parse_args()
    rows = list(read_jsonl(args.data))
    files = {
        "mixes.jsonl": mixed(rows[::10], args.count, args.seed),
        "examples.jsonl": [
            {"text": row["text"], "intent": row["intent"]} for i, row in enumerate(rows) if i % 10
        ],
    }
    args.out.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in content)
        (args.out / name).write_text(lines, encoding="utf-8")


if __name__ == "__main__":
    main()
