"""The written graph computes what the equations say, for every form of checkpoint that it claims."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from decoder import Decoder
from llama_reference import forward
from tiny_model import tiny_config, tiny_weights, write_checkpoint

from narrowgauge.models import prepare

LLAMA3_ROPE = {
    "rope_type": "llama3",
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}
FORMS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "llama": ({}, {}),
    "untied": ({}, {"tied": False}),
    "qwen2_bias": ({"model_type": "qwen2"}, {"qkv_bias": True}),
    "llama3_rope": ({"rope_scaling": LLAMA3_ROPE, "rope_theta": 500.0}, {}),
    "linear_rope": ({"rope_scaling": {"rope_type": "linear", "factor": 4.0}}, {}),
    "wide_heads": ({"head_dim": 32}, {}),
    "no_grouping": ({"num_key_value_heads": 4}, {}),
    "odd_blocks": ({"hidden_size": 96, "intermediate_size": 160, "num_attention_heads": 6}, {}),
}
IDS = [5, 17, 300, 42, 42, 7, 511, 100, 1, 250, 33, 64, 9, 400, 13, 77, 2, 450, 31, 8, 19, 299, 6, 55]


@pytest.fixture(scope="module", params=FORMS)
def checkpoint(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A random checkpoint of one form: config, weights, folder."""
    changes, options = FORMS[request.param]
    config = tiny_config(vocab_size=512, **changes)
    weights = tiny_weights(config, **options)
    return config, weights, write_checkpoint(tmp_path_factory.mktemp(request.param), config, weights)


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])


def test_float_graph_equals_numpy(checkpoint: Any, tmp_path: Path) -> None:
    """In float32 the graph's logits are those of the numpy forward pass, to rounding."""
    config, weights, folder = checkpoint
    decoder = Decoder(prepare(folder, tmp_path, precision="fp32"))
    np.testing.assert_allclose(decoder.step([IDS])[0], forward(config, weights, IDS), atol=2e-3, rtol=1e-3)


@pytest.mark.parametrize(("precision", "least"), [("int4", 0.97), ("int4_plain", 0.96), ("int8", 0.999)])
def test_quantised_graph_follows_numpy(checkpoint: Any, tmp_path: Path, precision: str, least: float) -> None:
    """Quantised logits correlate with the exact ones as well as the bits allow, in every form."""
    config, weights, folder = checkpoint
    decoder = Decoder(prepare(folder, tmp_path, precision=precision))
    assert correlation(decoder.step([IDS])[0], forward(config, weights, IDS)) > least


def test_cache_positions_and_rows(checkpoint: Any, tmp_path: Path) -> None:
    """Tokens in pieces, chosen positions, a cut-back cache and ragged rows give one whole pass's logits."""
    config, _, folder = checkpoint
    decoder = Decoder(prepare(folder, tmp_path, precision="fp32"))
    whole = decoder.step([IDS])[0]

    decoder.reset()
    assert decoder.step([IDS[:10]], [[-1]]).shape == (1, 1, config["vocab_size"])
    np.testing.assert_allclose(decoder.step([IDS[10:15]], [[0, 2, -1]])[0], whole[[10, 12, 14]], atol=1e-3)
    decoder.step([[3, 3, 3]])
    decoder.lengths[:] = 15
    np.testing.assert_allclose(decoder.step([IDS[15:]])[0], whole[15:], atol=1e-3)

    decoder.reset(batch=2)
    rows = [IDS[:12], IDS[:7] + [0] * 5]
    first = decoder.step(rows, [[11], [6]], valid=[12, 7])
    np.testing.assert_allclose(first[:, 0], whole[[11, 6]], atol=1e-3)
    second = decoder.step([[IDS[12]], [IDS[7]]], [[-1]])
    np.testing.assert_allclose(second[:, 0], whole[[12, 7]], atol=1e-3)
