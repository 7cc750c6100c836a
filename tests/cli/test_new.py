"""`narrowgauge new`: what it finds in a contract, and what it writes."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from narrowgauge.cli.__main__ import app
from narrowgauge.contracts.bundle import compile_bundle
from narrowgauge.contracts.contract_check import Severity, check_contract
from narrowgauge.contracts.descriptors import load_protos
from narrowgauge.contracts.draw import draw_message
from narrowgauge.contracts.specialist import SpecialistConfig
from narrowgauge.contracts.validate import violations

ROOT = Path(__file__).resolve().parents[2]
INVENTORY = ROOT / "docs" / "examples" / "inventory" / "inventory.proto"
EVERYTHING = ROOT / "tests" / "contracts" / "protos" / "everything.proto"

BAD = """
syntax = "proto3";
package acme.bad.v1;
import "buf/validate/validate.proto";
import "google/protobuf/any.proto";
import "narrowgauge/v1/options.proto";
service BadService {
  option (narrowgauge.v1.specialist) = { name: "good" };
  rpc Do(DoRequest) returns (DoResponse);
  rpc Watch(DoRequest) returns (stream DoResponse);
}
message DoRequest {
  google.protobuf.Any what = 1;
  int32 units = 2 [(buf.validate.field).int32 = { gt: 5 lt: 6 }];
  Inner inner = 3;
  string free = 4 [(buf.validate.field).cel = { id: "a" message: "b" expression: "this != 'x'" }];
}
message Inner {
  string name = 1 [(buf.validate.field).string = { min_len: 5 max_len: 3 }];
  int32 set = 2 [(narrowgauge.v1.value).values_from = "x"];
}
message DoResponse {}
"""
REFUSING = """
syntax = "proto3";
package acme.refusing.v1;
import "buf/validate/validate.proto";
import "narrowgauge/v1/options.proto";
service LampService {
  option (narrowgauge.v1.specialist) = { name: "lamp" description: "Switches lamps." };
  rpc Switch(SwitchRequest) returns (SwitchResponse);
}
message SwitchRequest {
  oneof call {
    option (buf.validate.oneof).required = true;
    Lamp lamp = 1;
    bool unanswerable = 2 [(buf.validate.field).bool.const = true];
  }
}
message Lamp {
  string room = 1 [(buf.validate.field).string.min_len = 1];
  bool on = 2;
}
message SwitchResponse {}
"""


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["new", *map(str, arguments)])
    return result.exit_code, result.output


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_all_problems_of_a_contract_are_told_at_once(tmp_path: Path) -> None:
    """Each error has its place and what to do; nothing is written."""
    proto = written(tmp_path, "bad.proto", BAD)
    checked = check_contract(load_protos([proto]), "acme.bad.v1.BadService", "bad")
    places = {found.place.removeprefix("acme.bad.v1.") for found in checked.errors}
    assert places == {
        "BadService",  # the option has another name
        "BadService.Watch",
        "DoRequest.what",
        "DoRequest.units",
        "Inner.name",
        "Inner.set",
    }
    assert checked.contract is None
    notes = {found.place for found in checked.findings if found.severity is Severity.NOTE}
    assert "acme.bad.v1.DoRequest.free" in notes
    code, output = run("bad", "--proto", proto, "--out", tmp_path / "bad")
    assert code == 2
    assert all(place in output for place in places)
    assert not (tmp_path / "bad").exists()


def test_a_service_without_the_option_gets_the_line_to_write(tmp_path: Path) -> None:
    """An existing service is taken as it is; the message has the option to add."""
    proto = written(
        tmp_path,
        "plain.proto",
        'syntax = "proto3";\npackage acme.plain.v1;\nservice Plain { rpc Do(A) returns (A); }\n'
        "message A { string name = 1; }\n",
    )
    code, output = run("plain", "--proto", proto, "--out", tmp_path / "plain")
    assert code == 2
    assert 'option (narrowgauge.v1.specialist) = { name: "plain"' in " ".join(output.split())


@pytest.mark.parametrize(("name", "text"), [("inventory", ""), ("lamp", REFUSING)])
def test_what_is_written_compiles_as_it_is(tmp_path: Path, name: str, text: str) -> None:
    """The examples are valid calls of every method, and the folder is a specialist of a bundle."""
    proto = written(tmp_path, f"{name}.proto", text) if text else INVENTORY
    folder = tmp_path / "made"
    code, output = run(name, "--proto", proto, "--out", folder)
    assert code == 0, output
    config = SpecialistConfig.read(folder)
    bundle = compile_bundle(tmp_path / "bundle", specialists=[folder], with_router=False)
    contract = bundle.contracts[name]
    calls = [example.tool_call(contract) for example in config.read_examples()]
    assert {call.tool.name for call in calls} == {tool.name for tool in contract.tools}
    assert not any(violations(call.request) for call in calls)
    if name == "lamp":
        assert any(getattr(call.request, "unanswerable", False) for call in calls)
    assert (folder / "README.md").read_text().count("narrowgauge train")


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """A folder with anything in it is refused and stays as it was."""
    (tmp_path / "mine").mkdir()
    kept = written(tmp_path / "mine", "notes.txt", "mine")
    code, output = run("inventory", "--proto", INVENTORY, "--out", tmp_path / "mine")
    assert code == 1
    assert "--out" in output
    assert list((tmp_path / "mine").iterdir()) == [kept]


def test_several_services_need_a_name(tmp_path: Path) -> None:
    """The message lists the services."""
    proto = written(
        tmp_path,
        "two.proto",
        'syntax = "proto3";\npackage acme.two.v1;\nservice One { rpc Do(A) returns (A); }\n'
        "service Two { rpc Do(A) returns (A); }\nmessage A { string name = 1; }\n",
    )
    code, output = run("two", "--proto", proto, "--out", tmp_path / "two")
    assert code == 2
    assert "acme.two.v1.One, acme.two.v1.Two" in " ".join(output.split())


def test_drawn_messages_are_valid() -> None:
    """Every message of a contract with all field types and rules is drawn without a violation."""
    import random

    from narrowgauge.contracts.corpus import contract_for, messages_in
    from narrowgauge.contracts.surfaces import get_surface
    from narrowgauge.errors import Unsupported

    rng = random.Random(3)
    drawn = 0
    messages = [m for m in messages_in(load_protos([EVERYTHING])) if m.file.name == "everything.proto"]
    for message in messages:
        try:
            get_surface("protojson").compile(contract_for(message))
        except Unsupported:
            continue
        for _ in range(3):
            found = draw_message(message, rng)
            if found is not None:
                drawn += 1
                assert not violations(found)
    assert drawn > 2 * len(messages)


def test_a_specialist_is_made_for_the_surface_that_is_asked_for(tmp_path: Path) -> None:
    """`--surface compact` stands in the configuration and compiles, without the adapter that writes JSON; a
    surface that is unknown or of another contract writes nothing."""
    folder = tmp_path / "stock"
    code, _ = run("inventory", "--proto", INVENTORY, "--out", folder, "--surface", "compact")
    assert code == 0
    config = SpecialistConfig.read(folder)
    assert (config.surface, config.adapter) == ("compact", "")
    compile_bundle(tmp_path / "bundle", protos=[INVENTORY], specialists=[folder], with_router=False)
    for other in ("prose", "sql"):
        code, _ = run("inventory", "--proto", INVENTORY, "--out", tmp_path / other, "--surface", other)
        assert code != 0
        assert not (tmp_path / other).exists()
