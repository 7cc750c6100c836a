"""Encoded examples in a file, so that a run that goes on reads exactly what it began with."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from narrowgauge.errors import DataLoss
from narrowgauge.training.specialist.batches import EncodedExample

__all__ = ["read_encoded", "write_encoded"]


def write_encoded(path: Path, examples: Sequence[EncodedExample], facts: Mapping[str, object]) -> None:
    """Writes examples and what is to be known of them; the file appears when it is whole.

    Args:
        path: An `.npz` file.
        examples: The examples.
        facts: JSON values.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_suffix(".partial.npz")
    np.savez_compressed(
        scratch,
        facts=np.frombuffer(json.dumps(facts).encode(), np.uint8),
        tokens=np.array([t for e in examples for t in (*e.prompt, *e.target)], np.int32),
        sampled=np.array([s for e in examples for s in e.sampled], np.bool_),
        lengths=np.array([(len(e.prompt), len(e.target), e.shared) for e in examples], np.int32),
    )
    scratch.replace(path)


def read_encoded(path: Path) -> tuple[list[EncodedExample], dict[str, object]]:
    """Reads what `write_encoded` wrote.

    Raises:
        DataLoss: The file is damaged.
    """
    try:
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            facts = json.loads(file["facts"].tobytes())
            tokens, sampled = file["tokens"].tolist(), file["sampled"].tolist()
            lengths = file["lengths"].tolist()
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise DataLoss("DATA_DAMAGED", f"{path} cannot be read: {error}; remove it to begin anew") from error
    examples = []
    at = target_at = 0
    for prompt, target, shared in lengths:
        examples.append(
            EncodedExample(
                prompt=tuple(tokens[at : at + prompt]),
                target=tuple(tokens[at + prompt : at + prompt + target]),
                sampled=tuple(sampled[target_at : target_at + target]),
                shared=shared,
            )
        )
        at += prompt + target
        target_at += target
    return examples, facts
