"""`python -m narrowgauge.training.router.develop`: writes requests whose wording is never trained on."""

from __future__ import annotations

import argparse
import json
import lzma
from pathlib import Path

from narrowgauge.training.router.corpora import external_tasks
from narrowgauge.training.router.requests import Composer


def main() -> None:
    """Writes one file in the format of `eval plan`; each row names the phenomena (`slices`) that it shows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="a .jsonl or .jsonl.xz file")
    parser.add_argument("--count", type=int, default=1200)
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument(
        "--data", type=Path, help="also draw sub-tasks from these public corpora; else our own wording alone"
    )
    args = parser.parse_args()
    composer = Composer("dev", external_tasks(args.data, "dev") if args.data else {}, args.seed)
    rows = [json.dumps(composer.draw().as_json(f"d{n}"), ensure_ascii=False) for n in range(args.count)]
    text = "\n".join(rows) + "\n"
    if args.out.suffix == ".xz":
        args.out.write_bytes(lzma.compress(text.encode(), preset=9))
    else:
        args.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
