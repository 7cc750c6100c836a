"""A specialist without an adapter of its own: the carried one reads its contract in the prompt."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from narrowgauge.cli.__main__ import app
from narrowgauge.contracts import specialist as specialists
from narrowgauge.contracts.bundle import compile_bundle
from narrowgauge.contracts.contract_text import contract_instruction
from narrowgauge.contracts.shots import shots_of
from narrowgauge.contracts.specialist import CALL_ADAPTER, SpecialistConfig
from narrowgauge.contracts.surfaces import get_surface
from narrowgauge.errors import InvalidRequest, NotFound

INVENTORY = Path(__file__).parents[2] / "docs" / "examples" / "inventory" / "inventory.proto"
RECORD = {
    "contract": "any", "surface": "protojson", "instruction": "", "catalogue_chars": 0, "schema_links": False,
}  # fmt: skip


@pytest.fixture
def carried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the carried adapter; nothing is in it yet."""
    folder = tmp_path / "carried"
    folder.mkdir()
    monkeypatch.setattr(specialists, "call_adapter_folder", lambda: folder)
    return folder


def begun(tmp_path: Path) -> Path:
    """What `narrowgauge new` writes."""
    folder = tmp_path / "inventory"
    done = CliRunner().invoke(app, ["new", "inventory", "--proto", str(INVENTORY), "--out", str(folder)])
    assert done.exit_code == 0, done.output
    return folder


def test_a_new_specialist_reads_its_contract(tmp_path: Path, carried: Path) -> None:
    """Its bundle has the carried adapter's files, the contract's text as instruction, and no examples."""
    (carried / "adapter.safetensors").write_bytes(b"weights")
    (carried / "training.json").write_text(json.dumps(RECORD))
    folder = begun(tmp_path)
    config = SpecialistConfig.read(folder)
    assert config.adapter == CALL_ADAPTER
    assert config.adapter_path == carried
    assert CALL_ADAPTER in (folder / "README.md").read_text()
    bundle = compile_bundle(tmp_path / "bundle", specialists=[folder], with_router=False)
    served, contract = bundle.configs["inventory"], bundle.contracts["inventory"]
    assert served.instruction == contract_instruction(contract)
    assert "Reserve(article: string article number" in served.instruction
    assert served.adapter_path == bundle.path / "specialists" / "inventory" / "adapter"
    assert (served.adapter_path / "adapter.safetensors").read_bytes() == b"weights"
    assert served.max_output_tokens == config.max_output_tokens
    assert shots_of(served, get_surface(served.surface).compile(contract)) == ()


def test_without_the_carried_adapter_examples_are_shown(tmp_path: Path, carried: Path) -> None:
    """`new` names no adapter, and a configuration that does is refused with the way out."""
    folder = begun(tmp_path)
    config = SpecialistConfig.read(folder)
    assert config.adapter == ""
    bundle = compile_bundle(tmp_path / "bundle", specialists=[folder], with_router=False)
    surface = get_surface(config.surface).compile(bundle.contracts["inventory"])
    assert shots_of(bundle.configs["inventory"], surface)
    with (folder / "specialist.toml").open("a") as file:
        file.write(f'adapter = "{CALL_ADAPTER}"\n')
    with pytest.raises(NotFound, match="narrowgauge train call"):
        SpecialistConfig.read(folder)


def test_the_carried_adapter_writes_one_surface(tmp_path: Path, carried: Path) -> None:
    """Another surface than it was trained with is refused when the bundle is compiled."""
    (carried / "adapter.safetensors").write_bytes(b"weights")
    (carried / "training.json").write_text(json.dumps(RECORD))
    folder = begun(tmp_path)
    path = folder / "specialist.toml"
    path.write_text(path.read_text().replace('surface = "protojson"', 'surface = "compact"'))
    with pytest.raises(InvalidRequest, match="surface is 'compact'"):
        compile_bundle(tmp_path / "bundle", specialists=[folder], with_router=False)
