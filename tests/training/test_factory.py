"""From a contract to a specialist that is measured, has its card and can be deployed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from narrowgauge.cli.__main__ import app
from narrowgauge.cli.deployment import write_deployment
from narrowgauge.cli.model_card import write_model_card
from narrowgauge.contracts.bundle import compile_bundle
from narrowgauge.contracts.contract import Contract
from narrowgauge.contracts.descriptors import contracts_in, load_protos
from narrowgauge.contracts.specialist import SpecialistConfig
from narrowgauge.errors import InvalidRequest
from narrowgauge.evaluation.answers import Answer
from narrowgauge.evaluation.kinds.examples import ExamplesKind
from narrowgauge.evaluation.report import Report
from narrowgauge.training.specialist.data_files import read_data_files
from narrowgauge.training.specialist.own_examples import own_examples
from narrowgauge.v1.catalogue_pb2 import Catalogue

INVENTORY = Path(__file__).parents[2] / "docs" / "examples" / "inventory"
CLOSED = """
syntax = "proto3";
package acme.doors.v1;
import "narrowgauge/v1/options.proto";
service DoorService {
  option (narrowgauge.v1.specialist) = { name: "doors" description: "Opens doors." };
  rpc Open(OpenRequest) returns (OpenResponse);
}
message OpenRequest {
  string door = 1 [(narrowgauge.v1.value).values_from = "doors"];
}
message OpenResponse {}
"""


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(map(str, arguments)))
    return result.exit_code, result.output


@pytest.fixture
def inventory() -> Contract:
    """The tutorial's contract."""
    return contracts_in(load_protos([INVENTORY / "inventory.proto"]))[0]


def test_a_specialist_is_made_measured_and_written(
    tmp_path: Path, tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`new` and `train` leave an adapter that the configuration names, figures of both models, its card and
    manifests; the same command again trains nothing, and the folder compiles.
    """
    pytest.importorskip("torch", reason="the extra `train` (torch) is not installed")
    monkeypatch.setenv("NARROWGAUGE_HOME", str(tmp_path / "home"))
    folder = tmp_path / "inventory"
    code, output = run("new", "inventory", "--proto", INVENTORY / "inventory.proto", "--out", folder)
    assert code == 0, output
    shutil.copyfile(INVENTORY / "specialist" / "examples.jsonl", folder / "examples.jsonl")
    command = ("train", folder, "--base", tiny_checkpoint, "--steps", 2, "--augment", 12, "--threads", 1)
    code, output = run(*command)
    assert code == 0, output
    record = json.loads((folder / "adapter" / "training.json").read_text())
    assert record["examples"]["examples"] == 39
    assert record["examples"]["variants of them"] >= 12
    for name in ("held_back", "held_back_untuned"):
        assert record[name]["n"] == record["examples_held_back"] == 13
        assert record[name]["metrics"]["valid"] == 1.0
        assert record[name]["ci95"]["exact"][0] == 0.0
    card = (folder / "adapter" / "README.md").read_text()
    assert "| exact |" in card and "## Known failures" in card
    config = SpecialistConfig.read(folder)
    assert config.adapter == "adapter"
    assert (
        "narrowgauge.dev/specialist: inventory" in (folder / "deployment" / "kustomization.yaml").read_text()
    )
    assert f"narrowgauge compile --specialist {folder}" in output
    weights = (folder / "adapter" / "adapter.safetensors").stat().st_mtime_ns
    code, output = run(*command)
    assert code == 0, output
    assert (folder / "adapter" / "adapter.safetensors").stat().st_mtime_ns == weights
    assert compile_bundle(tmp_path / "bundle", specialists=[folder], with_router=False).configs["inventory"]


def test_examples_are_checked_before_anything_is_trained(tmp_path: Path, inventory: Contract) -> None:
    """A call that breaks its contract is named with its place."""
    data = tmp_path / "more.jsonl"
    call = {"method": "Reserve", "request": {"article": "QA-701", "units": 501}}
    data.write_text(json.dumps({"request": "hold 501 QA-701", "call": call}))
    config = SpecialistConfig.read(INVENTORY / "specialist")
    with pytest.raises(InvalidRequest, match=r"more\.jsonl, row 1, 'hold 501 QA-701'") as refused:
        own_examples(config, inventory, read_data_files([data]), seed=1)
    assert refused.value.field_violations[0][0] == "units"


def test_closed_sets_are_those_of_the_examples(tmp_path: Path) -> None:
    """Of an environment that training cannot ask, the values are known that examples name."""
    proto = tmp_path / "doors.proto"
    proto.write_text(CLOSED)
    contract = contracts_in(load_protos([proto]))[0]
    data = tmp_path / "doors.jsonl"
    rows = [{"request": f"open {door}", "call": {"door": door}} for door in ("north gate", "cellar", "lab 2")]
    data.write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "specialist.toml").write_text(
        'name = "doors"\ncontract = "acme.doors.v1.DoorService"\n'
        'surface = "protojson"\ninstruction = "Open."\n'
    )
    config = SpecialistConfig.read(tmp_path)
    own = own_examples(config, contract, read_data_files([data]), variants=30, seed=1)
    (doors,) = own.catalogue.closed_sets
    assert (doors.name, set(doors.values)) == ("doors", {"north gate", "cellar", "lab 2"})
    assert own.made and own.catalogue.hash
    assert all(json.loads(example.call)["door"] in doors.values for example in own.made)


def test_figures_count_what_they_say(inventory: Contract) -> None:
    """A right call, a right method with one wrong field of three, and an error, in each metric."""
    examples = list(SpecialistConfig.read(INVENTORY / "specialist").read_examples())[:3]
    kind = ExamplesKind(inventory, examples, catalogue=Catalogue(), today="2026-03-02")
    right = examples[0].tool_call(inventory).request
    wrong = examples[1].tool_call(inventory).request
    wrong.units = 99  # type: ignore[attr-defined]
    answers = [
        (Answer(method="Reserve", request=right),),
        (Answer(method="Reserve", request=wrong, text="wrong one"),),
        (Answer(error="DEADLINE: late"),),
    ]
    report = Report("examples", 3)
    kind.score(answers, report)
    assert report.metrics["exact"] == pytest.approx(1 / 3)
    assert report.metrics["valid"] == report.metrics["method_accuracy"] == pytest.approx(2 / 3)
    # Of 3 + 3 + 2 gold fields and 6 that were said, five are right.
    assert report.metrics["field_f1"] == pytest.approx(2 * 5 / (6 + 8))
    assert [failure.id for failure in report.failures] == [examples[1].request, examples[2].request]


def test_the_deployment_lies_on_the_base(tmp_path: Path, inventory: Contract) -> None:
    """The manifest's resource is the folder of the specialist's base, wherever the deployment is written."""
    write_deployment(tmp_path / "deep" / "deployment", inventory, "1.2.3")
    text = (tmp_path / "deep" / "deployment" / "kustomization.yaml").read_text()
    (base,) = (line.removeprefix("  - ") for line in text.splitlines() if line.endswith("base/specialist"))
    assert (tmp_path / "deep" / "deployment" / base / "kustomization.yaml").is_file()
    assert "newTag: 1.2.3" in text


def test_a_card_without_figures_says_so(tmp_path: Path) -> None:
    """No figure is made up where nothing was measured."""
    facts = {
        "specialist": "lamp",
        "contract": "acme.LampService",
        "base": "a base",
        "surface": "protojson",
        "instruction": "Switch.",
        "recipe": {
            **{"rank": 8, "batch_tokens": 700, "learning_rate": 1e-3, "alpha": 16.0, "seed": 7, "threads": 2}
        },
        **{
            "examples": {"examples": 4},
            "steps": 3,
            "tokens": 9,
            "seconds": 1.0,
            "loss": 0.5,
            "device": "CPU",
        },
    }
    text = write_model_card(tmp_path, facts, examples="`examples.jsonl`").read_text()
    assert "Not measured" in text and "%" not in text.partition("## Figures")[2]
