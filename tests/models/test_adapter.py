"""An adapter changes the model as its training said, also where the weights have four bits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from decoder import Decoder
from tiny_model import HIDDEN, INTERMEDIATE, LAYERS, tiny_config, tiny_weights, write_checkpoint

from narrowgauge.errors import DataLoss, FailedPrecondition, NotFound
from narrowgauge.models import Adapter, add_part, prepare, write_adapter
from narrowgauge.models.quantize import quantize_matrix
from narrowgauge.models.safetensors_file import SafetensorsFile

CONFIG = tiny_config(vocab_size=512)
RANK, ALPHA = 4, 8.0
IDS = [[5, 17, 300, 420, 42, 7, 511, 100, 1, 250]]


def low_rank_pairs(size: float) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Draws an adapter for all linear layers; `size` is its change relative to the weights."""
    rng = np.random.default_rng(3)
    weights = tiny_weights(CONFIG)
    pairs = {}
    for name in [n for n in weights if n.endswith("proj.weight")]:
        out, width = weights[name].shape
        down = rng.standard_normal((RANK, width), np.float32) / np.sqrt(width)
        up = rng.standard_normal((out, RANK), np.float32) * size / np.sqrt(RANK) / (ALPHA / RANK)
        pairs[name.removesuffix(".weight")] = (down, up.astype(np.float32))
    return pairs


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny checkpoint."""
    return write_checkpoint(tmp_path_factory.mktemp("base"), CONFIG, tiny_weights(CONFIG))


@pytest.mark.parametrize(("bits", "loss"), [(16, 0.002), (8, 0.03), (5, 0.15)])
def test_float_graph_has_the_adapter_merged(base: Path, tmp_path: Path, bits: int, loss: float) -> None:
    """In float32, base and adapter give the logits of the weights `W + alpha / rank * B @ A`."""
    pairs = low_rank_pairs(0.5)
    write_adapter(tmp_path / "adapter", base="tiny", rank=RANK, alpha=ALPHA, matrices=pairs, bits=bits)
    merged = tiny_weights(CONFIG)
    for name, (down, up) in pairs.items():
        merged[f"{name}.weight"] += ALPHA / RANK * up @ down
    other = write_checkpoint(tmp_path / "merged", CONFIG, merged)

    with_adapter = prepare(base, tmp_path, adapter=tmp_path / "adapter", precision="fp32")
    a, b = Decoder(with_adapter).step(IDS), Decoder(prepare(other, tmp_path, precision="fp32")).step(IDS)
    assert (a - b).std() < loss * b.std()
    assert (a - Decoder(prepare(base, tmp_path, precision="fp32")).step(IDS)).std() > 0.1 * b.std()


def test_parts_add_up(base: Path, tmp_path: Path) -> None:
    """A part that was added changes the model on top of the first, and leaves its file as it was."""
    first, second = low_rank_pairs(0.5), {name: (b, -a) for name, (b, a) in low_rank_pairs(0.3).items()}
    folder = tmp_path / "adapter"
    write_adapter(folder, base="tiny", rank=RANK, alpha=ALPHA, matrices=first)
    before, alone = (folder / "adapter.safetensors").read_bytes(), Adapter.load(folder).sha256
    add_part(folder, rank=RANK, alpha=2 * ALPHA, matrices=second)
    adapter = Adapter.load(folder)
    assert (folder / "adapter.safetensors").read_bytes() == before
    assert adapter.sha256 != alone
    assert adapter.rank == 2 * RANK
    merged = tiny_weights(CONFIG)
    for name, (down, up) in first.items():
        more_down, more_up = second[name]
        merged[f"{name}.weight"] += ALPHA / RANK * (up @ down + 2 * more_up @ more_down)
    other = write_checkpoint(tmp_path / "merged", CONFIG, merged)

    together = prepare(base, tmp_path, adapter=folder, precision="fp32")
    a, b = Decoder(together).step(IDS), Decoder(prepare(other, tmp_path, precision="fp32")).step(IDS)
    assert (a - b).std() < 0.002 * b.std()


def test_a_part_is_of_the_same_matrices(tmp_path: Path) -> None:
    """Others are refused before anything is written, and a missing part when the adapter is read."""
    pairs = low_rank_pairs(0.5)
    folder = tmp_path / "adapter"
    write_adapter(folder, base="tiny", rank=RANK, alpha=ALPHA, matrices=pairs)
    fewer = dict(list(pairs.items())[1:])
    with pytest.raises(ValueError, match="other matrices"):
        add_part(folder, rank=RANK, alpha=ALPHA, matrices=fewer)
    assert Adapter.load(folder).rank == RANK
    add_part(folder, rank=RANK, alpha=ALPHA, matrices=pairs)
    (folder / "added-1.safetensors").unlink()
    with pytest.raises(NotFound):
        Adapter.load(folder)


@pytest.mark.parametrize("precision", ["int4", "int4_plain", "int8"])
def test_small_changes_survive_quantisation(base: Path, tmp_path: Path, precision: str) -> None:
    """An adapter far smaller than a quantisation step moves the logits as it does in float32."""
    write_adapter(tmp_path / "adapter", base="tiny", rank=RANK, alpha=ALPHA, matrices=low_rank_pairs(0.1))

    def change(kind: str) -> np.ndarray:
        plain, adapted = (
            prepare(base, tmp_path, precision=kind),
            prepare(base, tmp_path, adapter=tmp_path / "adapter", precision=kind),
        )
        return (Decoder(adapted).step(IDS) - Decoder(plain).step(IDS)).ravel()

    exact, found = change("fp32"), change(precision)
    assert np.corrcoef(exact, found)[0, 1] > 0.9


def test_merging_into_four_bits_would_lose_the_adapter() -> None:
    """Why adapters are not merged: weights on a 4-bit grid, changed by less than half a step, go back."""
    rng = np.random.default_rng(5)
    on_grid = quantize_matrix(rng.standard_normal((64, 256), np.float32), 4).dequantize()
    change = 0.01 * rng.standard_normal((64, 4), np.float32) @ rng.standard_normal((4, 256), np.float32)
    kept = quantize_matrix(on_grid + change, 4).dequantize() - on_grid
    assert (kept * change).sum() / (change * change).sum() < 0.5


def test_adapter_of_another_model_is_refused(base: Path, tmp_path: Path) -> None:
    """A matrix that the model lacks, or has in another shape, names the adapter's own base."""
    zeros = (np.zeros((RANK, HIDDEN), np.float32), np.zeros((INTERMEDIATE, RANK), np.float32))
    for matrix in (f"model.layers.{LAYERS}.mlp.up_proj", "model.layers.0.mlp.down_proj"):
        write_adapter(tmp_path / "a", base="other-1b", rank=RANK, alpha=1, matrices={matrix: zeros})
        with pytest.raises(FailedPrecondition, match="other-1b"):
            prepare(base, tmp_path, adapter=tmp_path / "a")


def test_damaged_adapter_is_refused(base: Path, tmp_path: Path) -> None:
    """A missing folder, unreadable config and cut weights are told apart."""
    with pytest.raises(NotFound):
        prepare(base, tmp_path, adapter=tmp_path / "nowhere")
    folder = tmp_path / "a"
    write_adapter(folder, base="tiny", rank=RANK, alpha=1, matrices=low_rank_pairs(0.1))
    weights = (folder / "adapter.safetensors").read_bytes()
    (folder / "adapter.safetensors").write_bytes(weights[:-1])
    with pytest.raises(DataLoss, match=r"expected .* bytes"):
        Adapter.load(folder)
    (folder / "adapter.safetensors").write_bytes(weights)
    (folder / "adapter.json").write_text("{")
    with pytest.raises(DataLoss, match=r"adapter\.json"):
        Adapter.load(folder)


@pytest.mark.parametrize(("bits", "most"), [(8, 127), (5, 15)])
def test_codes_are_within_half_a_step(tmp_path: Path, bits: int, most: int) -> None:
    """int8 with a scale a row holds codes of as many bits as were asked for."""
    pairs = low_rank_pairs(0.1)
    write_adapter(tmp_path / "codes", base="t", rank=RANK, alpha=RANK, matrices=pairs, bits=bits)
    adapter = Adapter.load(tmp_path / "codes")
    for name, (down, _) in pairs.items():
        steps = np.abs(down).max(axis=1, keepdims=True) / most
        assert (np.abs(adapter.low_rank(name)[0] - down) <= 0.51 * steps + 1e-4).all()
    raw = SafetensorsFile(tmp_path / "codes" / "adapter.safetensors").raw(f"{name}.lora_A")
    assert raw.dtype == np.int8
    assert np.abs(raw).max() == most
