"""`python -m narrowgauge.training.router.calibrate`: fits the dependency head's temperature on gold plans."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from narrowgauge.routing.dependencies import KINDS
from narrowgauge.routing.encoder import Encoder
from narrowgauge.routing.evaluate import gold_steps
from narrowgauge.routing.logistic import temperature_of
from narrowgauge.training.router.corpora import read_jsonl


def main() -> None:
    """Writes the temperature into the encoder folder's heads."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--encoder", type=Path, required=True, help="folder that training wrote")
    parser.add_argument("--plans", type=Path, required=True, help="plan file of `develop`, not the dev file")
    args = parser.parse_args()
    encoder = Encoder(args.encoder)
    path = args.encoder / "heads.onnx"
    graph = onnx.load(path)
    stored = next(t for t in graph.graph.initializer if t.name == "temperature")
    before = float(numpy_helper.to_array(stored))
    logits, kinds = [], []
    for row in read_jsonl(args.plans):
        steps = gold_steps(row)
        encoded = encoder.encode(row["request"])
        tokens = [encoded.tokens(step.span) for step in steps]
        known = [span for span in tokens if span is not None]
        if len(known) < len(steps) or len(steps) < 2:
            continue
        table = np.log(encoder.read(encoded, known, [])[1] + 1e-9)
        for i, step in enumerate(steps):
            needs = dict(step.depends_on)
            for j in range(len(steps)):
                if i != j:
                    logits.append(table[i, j])
                    kinds.append(KINDS.index(needs[j]) + 1 if j in needs else 0)
    labels = np.array(kinds, np.int64)
    temperature = temperature_of(np.stack(logits), labels, np.ones(len(labels), np.float32))
    stored.CopyFrom(numpy_helper.from_array(np.array(before * temperature, np.float32), "temperature"))
    path.write_bytes(graph.SerializeToString(deterministic=True))
    print(f"pairs {len(labels)}, temperature {before * temperature:.3f}")


if __name__ == "__main__":
    main()
