"""Logits of a few tokens, computed from the head's rows, are those that the graph's head gives them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from decoder import Decoder
from tiny_model import tiny_config, tiny_weights, write_checkpoint

from narrowgauge.models import TokenTable, load_prepared, prepare

IDS = [5, 17, 300, 42, 42, 7, 511, 100]
TOKENS = np.array([0, 3, 31, 32, 200, 510, 511])


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize(
    ("precision", "tolerance"), [("fp32", 1e-5), ("int8", 0.02), ("int4", 0.02), ("int4_plain", 0.02)]
)
def test_logits_of_some_tokens(tmp_path: Path, precision: str, tolerance: float, tied: bool) -> None:
    """In every precision and for both kinds of head; quantised graphs round the state, the table does not."""
    config = tiny_config(vocab_size=512)
    folder = write_checkpoint(tmp_path / "checkpoint", config, tiny_weights(config, tied=tied))
    prepared = prepare(folder, tmp_path / "cache", precision=precision)
    model = load_prepared(prepared)
    assert model.head is not None
    table = TokenTable(model.weights_path, model.head)
    decoder = Decoder(prepared)
    logits = decoder.step([IDS])[0]
    for row, state in zip(logits, decoder.hidden, strict=True):
        found = table.logits(state, TOKENS)
        np.testing.assert_allclose(found, row[TOKENS], atol=tolerance * float(np.abs(row).max()))


def test_a_logit_depends_on_its_token_alone(tmp_path: Path) -> None:
    """A token's logit is the same to the last bit alone and among others."""
    config = tiny_config(vocab_size=512)
    folder = write_checkpoint(tmp_path / "checkpoint", config, tiny_weights(config))
    model = load_prepared(prepare(folder, tmp_path / "cache", precision="int8"))
    assert model.head is not None
    table = TokenTable(model.weights_path, model.head)
    state = np.random.default_rng(3).standard_normal(model.config.hidden).astype(np.float32)
    together = table.logits(state, TOKENS)
    alone = np.concatenate([table.logits(state, TOKENS[n : n + 1]) for n in range(len(TOKENS))])
    np.testing.assert_array_equal(together, alone)
