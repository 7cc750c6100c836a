"""Preparing for llama.cpp: the checkpoint's own file, and an adapter in the form that llama.cpp loads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tiny_gguf import write_tiny_gguf
from tiny_model import HIDDEN, write_tiny_checkpoint

from narrowgauge.errors import FailedPrecondition, Unsupported
from narrowgauge.models import load_prepared, prepare, write_adapter
from narrowgauge.models.gguf_checkpoint import GgufCheckpoint
from narrowgauge.models.gguf_file import GgufFile


def test_the_file_is_taken_as_it_is(tmp_path: Path) -> None:
    """A folder in the precision `gguf` has the checkpoint's bytes, its tokenizer and no graph, and an adapter
    makes another folder.
    """
    source = write_tiny_gguf(tmp_path / "tiny.gguf")
    folder = prepare(source, tmp_path / "prepared", precision="gguf")
    model = load_prepared(folder)
    assert model.gguf_path.read_bytes() == source.read_bytes()
    assert model.precision == "gguf"
    assert model.tokenizer_path.is_file()
    assert not model.model_path.exists()
    assert not model.gguf_adapter_path.exists()


def test_an_adapter_has_the_layout_of_the_file(tmp_path: Path) -> None:
    """Applied to the file's own matrix, the written adapter changes what the adapter changes in ours: rows of
    Q and K are in llama.cpp's rotary order, and the scale is in B.
    """
    source = write_tiny_gguf(tmp_path / "tiny.gguf")
    random = np.random.default_rng(3)
    name = "model.layers.1.self_attn.q_proj"
    down, up = random.standard_normal((4, HIDDEN)), random.standard_normal((HIDDEN, 4))
    write_adapter(tmp_path / "adapter", base="tiny", rank=4, alpha=8, matrices={name: (down, up)})
    folder = prepare(source, tmp_path / "prepared", adapter=tmp_path / "adapter", precision="gguf")
    written = GgufFile(load_prepared(folder).gguf_adapter_path)
    assert written.metadata["adapter.type"] == "lora"
    assert written.metadata["adapter.lora.alpha"] == 4
    change = written.tensor("blk.1.attn_q.weight.lora_b") @ written.tensor("blk.1.attn_q.weight.lora_a")

    checkpoint = GgufCheckpoint(source)
    half = HIDDEN // 4 // 2
    ours = checkpoint.tensor(f"{name}.weight") + 2 * (up @ down)
    theirs = GgufFile(source).tensor("blk.1.attn_q.weight") + change
    side_by_side = theirs.reshape(4, half, 2, HIDDEN).swapaxes(1, 2).reshape(HIDDEN, HIDDEN)
    assert np.allclose(side_by_side, ours, atol=0.05)


def test_what_llama_cpp_cannot_take_is_refused(tmp_path: Path) -> None:
    """A safetensors folder, and an adapter of another model, are errors that say what to do."""
    folder = write_tiny_checkpoint(tmp_path / "checkpoint")
    with pytest.raises(Unsupported, match="convert_hf_to_gguf"):
        prepare(folder, tmp_path / "prepared", precision="gguf")
    source = write_tiny_gguf(tmp_path / "tiny.gguf")
    foreign = {"model.layers.9.self_attn.q_proj": (np.zeros((4, 8)), np.zeros((8, 4)))}
    write_adapter(tmp_path / "foreign", base="other", rank=4, alpha=8, matrices=foreign)
    with pytest.raises(FailedPrecondition, match="other"):
        prepare(source, tmp_path / "prepared", adapter=tmp_path / "foreign", precision="gguf")
