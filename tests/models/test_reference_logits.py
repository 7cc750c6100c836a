"""The embedded model, prepared, gives what transformers and torch compute from the same file.

`make_reference.py` recorded token ids, the largest logits and the losses; no torch is needed here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from decoder import Decoder
from tokenizers import Tokenizer

from narrowgauge.models import prepare

REFERENCE: dict[str, Any] = json.loads((Path(__file__).parent / "data" / "reference.json").read_text())
PROMPTS: list[dict[str, Any]] = REFERENCE["prompts"]

pytestmark = pytest.mark.model


@dataclass(frozen=True)
class Agreement:
    """How far a graph is from the recorded model, over all positions of all prompts.

    Attributes:
        top_1: Fraction of positions with the same most likely token.
        largest: Largest difference among the recorded logits.
        rms: Root of the mean squared difference of the recorded logits.
        loss: Mean negative log likelihood of the prompts' own tokens, less the recorded model's.
    """

    top_1: float
    largest: float
    rms: float
    loss: float


def agreement(decoder: Decoder) -> Agreement:
    same: list[bool] = []
    differences: list[np.ndarray] = []
    losses: list[float] = []
    for prompt in PROMPTS:
        ids, top_ids = prompt["ids"], np.array(prompt["top_ids"])
        decoder.reset()
        logits = decoder.step([ids])[0].astype(np.float64)
        same += (logits.argmax(-1) == top_ids[:, 0]).tolist()
        differences.append(np.take_along_axis(logits, top_ids, 1) - np.array(prompt["top_logits"]))
        log_sum_exp = np.log(np.exp(logits).sum(-1))
        own = log_sum_exp[:-1] - logits[np.arange(len(ids) - 1), ids[1:]]
        losses += (own - (np.array(prompt["log_sum_exp"][:-1]) - np.array(prompt["next_logits"]))).tolist()
    joined = np.concatenate(differences)
    return Agreement(
        top_1=float(np.mean(same)),
        largest=float(np.abs(joined).max()),
        rms=float(np.sqrt((joined**2).mean())),
        loss=float(np.mean(losses)),
    )


@pytest.fixture(scope="module")
def float_decoder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Decoder]:
    """The embedded model in float32; its half gigabyte is removed as soon as it is loaded."""
    folder = prepare(None, tmp_path_factory.mktemp("float"), precision="fp32")
    decoder = Decoder(folder)
    for file in folder.iterdir():
        file.unlink()
    yield decoder


def test_float_graph_equals_transformers(float_decoder: Decoder) -> None:
    """In float32 every recorded logit agrees within 0.01, and every most likely token."""
    found = agreement(float_decoder)
    assert found.top_1 == 1.0
    assert found.largest < 0.01
    assert abs(found.loss) < 1e-3


def test_int4_graph_follows_transformers(prepared_model: Path) -> None:
    """The served precision picks the source model's token nine times in ten, and its loss is the source's."""
    found = agreement(Decoder(prepared_model))
    assert found.top_1 > 0.9
    assert found.rms < 0.5
    assert abs(found.loss) < 0.05


def test_int4_logits_point_where_float_logits_point(prepared_model: Path, float_decoder: Decoder) -> None:
    """Over the whole vocabulary, int4 logits have a cosine above 0.99 with float32 at every position."""
    decoder = Decoder(prepared_model)
    for prompt in PROMPTS[:3]:
        decoder.reset()
        float_decoder.reset()
        a, b = decoder.step([prompt["ids"]])[0], float_decoder.step([prompt["ids"]])[0]
        a, b = a - a.mean(-1, keepdims=True), b - b.mean(-1, keepdims=True)
        cosine = (a * b).sum(-1) / np.linalg.norm(a, axis=-1) / np.linalg.norm(b, axis=-1)
        assert cosine.min() > 0.99
        assert cosine.mean() > 0.997


def test_tokens_equal_transformers(prepared_model: Path) -> None:
    """The converted tokenizer splits digits, contractions and special tokens as transformers does."""
    tokenizer = Tokenizer.from_file(str(prepared_model / "tokenizer.json"))
    for entry in [*REFERENCE["tokens"], *PROMPTS]:
        assert tokenizer.encode(entry["text"], add_special_tokens=False).ids == entry["ids"], entry["text"]


def test_tokens_decode_to_their_text(prepared_model: Path) -> None:
    """Encoding loses nothing: every sample comes back byte for byte."""
    tokenizer = Tokenizer.from_file(str(prepared_model / "tokenizer.json"))
    for entry in [*REFERENCE["tokens"], *PROMPTS]:
        ids = tokenizer.encode(entry["text"], add_special_tokens=False).ids
        assert tokenizer.decode(ids, skip_special_tokens=False) == entry["text"]
