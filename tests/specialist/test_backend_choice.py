"""Where the backend is chosen: in the specialist's configuration, or over it in the environment."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from backend_cases import Backends

from narrowgauge.contracts.bundle import Bundle, compile_bundle
from narrowgauge.contracts.specialist import SpecialistConfig
from narrowgauge.errors import InvalidRequest, Unsupported
from narrowgauge.runtime.config import read_config
from specialist_svc.settings import Settings

EXAMPLE = Path(__file__).parent.parent.parent / "docs" / "examples" / "inventory"


def folder_with(tmp_path: Path, *lines: str) -> Path:
    """The example's specialist with further lines in its configuration."""
    folder = Path(shutil.copytree(EXAMPLE / "specialist", tmp_path / "specialist"))
    with (folder / "specialist.toml").open("a") as file:
        file.write("\n".join(("", *lines, "")))
    return folder


def bundle_with(tmp_path: Path, *lines: str) -> Bundle:
    return compile_bundle(
        tmp_path / "bundle",
        protos=[EXAMPLE / "inventory.proto"],
        specialists=[folder_with(tmp_path, *lines)],
        with_router=False,
    )


@pytest.mark.parametrize(("line", "known"), [('backend = "vllm"', "ollama"), ('guide = "x"', "llguidance")])
def test_an_unknown_name_is_refused(tmp_path: Path, line: str, known: str) -> None:
    """A backend or guide that does not exist is an error that lists those that do."""
    with pytest.raises(InvalidRequest, match=known) as caught:
        SpecialistConfig.read(folder_with(tmp_path, line))
    assert caught.value.reason == "BAD_SPECIALIST_CONFIG"


def test_an_unknown_name_in_the_environment_is_refused() -> None:
    """So it is in the variable."""
    environment = {
        "NARROWGAUGE_SPECIALIST": "sql",
        "NARROWGAUGE_BUNDLE": "bundle",
        "NARROWGAUGE_BACKEND": "vllm",
    }
    with pytest.raises(InvalidRequest, match="onnxruntime, llamacpp, ollama"):
        read_config(Settings, environment)


def test_the_configuration_chooses_and_the_environment_overrides(tmp_path: Path, backends: Backends) -> None:
    """`backend` and `ollama_model` of the configuration hold unless the variables say otherwise."""
    bundle = bundle_with(tmp_path, 'backend = "ollama"', 'ollama_model = "tiny"')
    with backends.specialist("", bundle=bundle.path, ollama_model="") as specialist:
        assert specialist.backend.name == "ollama"
        assert specialist.model_name == "tiny"
    model = backends.models["onnxruntime"]
    with backends.specialist("onnxruntime", bundle=bundle.path, model=model) as specialist:
        assert specialist.backend.name == "onnxruntime-cpu"


@pytest.mark.parametrize(
    ("backend", "changes", "variable"),
    [("onnxruntime", {"model": None}, "NARROWGAUGE_MODEL"), ("ollama", {"ollama_model": ""}, "OLLAMA_MODEL")],
)
def test_a_missing_model_is_said(
    backends: Backends, backend: str, changes: dict[str, object], variable: str
) -> None:
    """Each backend needs a model, and the error names the setting."""
    with pytest.raises(InvalidRequest, match=variable), backends.specialist(backend, **changes):
        pass


def test_the_index_is_built_at_start(tmp_path: Path, backends: Backends) -> None:
    """`guide = "outlines_core"` serves a contract that is a regular language."""
    bundle = bundle_with(tmp_path, 'guide = "outlines_core"')
    with backends.specialist("onnxruntime", bundle=bundle.path) as specialist:
        grammar = specialist.surface.grammar({})
        assert re.search("Reserve", grammar)


def test_a_contract_with_closed_sets_needs_llguidance(
    tmp_path: Path, backends: Backends, bundle: Bundle
) -> None:
    """What only a request knows cannot be in an index that was built before."""
    folder = Path(shutil.copytree(bundle.path / "specialists" / "summary", tmp_path / "summary"))
    with (folder / "specialist.toml").open("a") as file:
        file.write('\nguide = "outlines_core"\n')
    compiled = compile_bundle(tmp_path / "bundle", specialists=[folder], with_router=False)
    with (
        pytest.raises(Unsupported, match="figures"),
        backends.specialist("onnxruntime", specialists=("summary",), bundle=compiled.path),
    ):
        pass
