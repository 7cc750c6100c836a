"""The graph against torch and transformers themselves, where the `train` extra is installed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from decoder import Decoder
from tiny_model import tiny_config, tiny_weights, write_checkpoint

from narrowgauge.models import prepare

torch = pytest.importorskip("torch", reason="needs the train extra")

ROPE = {
    "rope_type": "llama3",
    "factor": 32.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
    "rope_theta": 500000.0,
}


@pytest.mark.parametrize("family", ["llama", "llama3", "qwen2"])
def test_logits_equal_transformers(tmp_path: Path, family: str) -> None:
    """A folder gives the logits that `AutoModelForCausalLM` gives for it, to float32 rounding."""
    from transformers import AutoModelForCausalLM

    scaled = {"rope_scaling": ROPE, "rope_theta": ROPE["rope_theta"]} if family == "llama3" else {}
    config = tiny_config(
        model_type="qwen2" if family == "qwen2" else "llama",
        architectures=["Qwen2ForCausalLM" if family == "qwen2" else "LlamaForCausalLM"],
        vocab_size=512,
        tie_word_embeddings=True,
        **scaled,
    )
    weights = tiny_weights(config, qkv_bias=family == "qwen2")
    folder = write_checkpoint(tmp_path / family, config, weights)
    ids = np.random.default_rng(0).integers(0, 512, 90).tolist()
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    with torch.inference_mode():
        expected = model(torch.tensor([ids])).logits[0].numpy()
    found = Decoder(prepare(folder, tmp_path, precision="fp32")).step([ids])[0]
    np.testing.assert_allclose(found, expected, atol=2e-3, rtol=1e-3)
