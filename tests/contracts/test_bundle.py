"""The bundle: reproducible, verified, and written whole or not at all."""

from __future__ import annotations

import errno
import json
import shutil
from pathlib import Path

import pytest
from surface_cases import PROTOS

from narrowgauge.contracts import bundle as bundle_module
from narrowgauge.contracts.bundle import Bundle, compile_bundle
from narrowgauge.errors import (
    AlreadyExists,
    DataLoss,
    FailedPrecondition,
    InvalidRequest,
    NotFound,
    Unsupported,
)

EXAMPLE = {
    "request": "summarise this",
    "context": "Sales rose 3 % in May.",
    "call": {"headline": "Sales rose 3 % in May.", "figures": [{"text": "3 %"}]},
}


@pytest.fixture
def specialist(tmp_path: Path) -> Path:
    folder = tmp_path / "specialists" / "summary"
    (folder / "adapter").mkdir(parents=True)
    (folder / "specialist.toml").write_text(
        'name = "summary"\n'
        'contract = "narrowgauge.tools.text.v1.TextToolService"\n'
        'surface = "protojson"\n'
        'instruction = "Summarise the text."\n'
        'examples = "examples.jsonl"\n'
        'adapter = "adapter"\n'
    )
    (folder / "examples.jsonl").write_text(json.dumps(EXAMPLE) + "\n")
    (folder / "adapter" / "adapter.json").write_text("{}")
    (folder / "adapter" / "adapter.safetensors").write_bytes(bytes(range(256)))
    return folder


def compiled(out: Path, specialist: Path) -> Bundle:
    return compile_bundle(out, specialists=[specialist], with_router=False)


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_compiling_twice_gives_the_same_bytes(tmp_path: Path, specialist: Path) -> None:
    """Equal inputs give byte-identical folders and an equal hash, whatever the folder is called."""
    first = compiled(tmp_path / "one", specialist)
    second = compiled(tmp_path / "two" / "deeper", specialist)
    assert contents(first.path) == contents(second.path)
    assert first.hash == second.hash
    assert len(first.hash) == 64


def test_a_bundle_holds_what_the_services_need(tmp_path: Path, specialist: Path) -> None:
    """Contracts, configuration, examples, adapter and the constraint come back as they went in."""
    bundle = compiled(tmp_path / "bundle", specialist)
    config = bundle.configs["summary"]
    assert config.instruction == "Summarise the text."
    assert config.adapter_path == bundle.path / "specialists" / "summary" / "adapter"
    assert contents(config.adapter_path)["adapter.safetensors"] == bytes(range(256))
    (example,) = config.read_examples()
    call = example.tool_call(bundle.contracts["summary"])
    assert call.request == call.tool.request_class(
        headline="Sales rose 3 % in May.", figures=[{"text": "3 %"}]
    )
    artefact = json.loads((bundle.path / "constraints" / "summary.protojson.json").read_text())
    assert artefact["closed_sets"] == ["figures"]
    assert artefact["grammar"].startswith("start: ")


def test_any_change_of_an_input_changes_the_hash(tmp_path: Path, specialist: Path) -> None:
    """Router and specialist see drift in the hash: of an adapter's weights, too."""
    first = compiled(tmp_path / "one", specialist)
    (specialist / "adapter" / "adapter.safetensors").write_bytes(b"other")
    assert compiled(tmp_path / "two", specialist).hash != first.hash


@pytest.mark.parametrize("victim", ["descriptors.binpb", "specialists/summary/adapter/adapter.safetensors"])
def test_damage_is_found_when_loading(tmp_path: Path, specialist: Path, victim: str) -> None:
    """A changed or missing file is DATA_LOSS and names the file."""
    bundle = compiled(tmp_path / "bundle", specialist)
    path = bundle.path / victim
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    with pytest.raises(DataLoss, match=Path(victim).name):
        Bundle.load(bundle.path)
    path.unlink()
    with pytest.raises(DataLoss, match="missing"):
        Bundle.load(bundle.path)


@pytest.mark.parametrize("manifest", ["", "{}", "[]", '{"format":1,"hash":"0","files":{}}'])
def test_a_damaged_manifest_is_data_loss(tmp_path: Path, specialist: Path, manifest: str) -> None:
    """A manifest that is cut off, empty or does not fit its own hash is refused."""
    bundle = compiled(tmp_path / "bundle", specialist)
    (bundle.path / "bundle.json").write_text(manifest)
    with pytest.raises(DataLoss):
        Bundle.load(bundle.path)


def test_another_format_or_no_bundle_says_what_to_do(tmp_path: Path, specialist: Path) -> None:
    """An older format is FAILED_PRECONDITION, an empty folder NOT_FOUND; both say to compile."""
    bundle = compiled(tmp_path / "bundle", specialist)
    manifest = json.loads((bundle.path / "bundle.json").read_text())
    (bundle.path / "bundle.json").write_text(json.dumps(manifest | {"format": 99}))
    with pytest.raises(FailedPrecondition, match="narrowgauge compile"):
        Bundle.load(bundle.path)
    with pytest.raises(NotFound, match="narrowgauge compile"):
        Bundle.load(tmp_path / "nowhere")


def test_a_full_disk_leaves_the_older_bundle_alone(
    tmp_path: Path, specialist: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When writing fails midway, nothing half-written stays and what was there still loads."""
    older = compiled(tmp_path / "bundle", specialist)
    siblings = sorted(tmp_path.iterdir())

    def full(source: object, target: Path, **options: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(target))

    monkeypatch.setattr(bundle_module.shutil, "copyfile", full)
    with pytest.raises(FailedPrecondition, match="No space left"):
        compiled(tmp_path / "bundle", specialist)
    assert sorted(tmp_path.iterdir()) == siblings
    assert Bundle.load(tmp_path / "bundle").hash == older.hash


def test_a_refused_contract_leaves_nothing(tmp_path: Path, specialist: Path) -> None:
    """A contract without a constraint stops the compiler before anything appears."""
    protos = tmp_path / "protos"
    protos.mkdir()
    (protos / "any.proto").write_text(
        'syntax = "proto3"; package any.v1; import "google/protobuf/any.proto";'
        'import "narrowgauge/v1/options.proto"; message Request { google.protobuf.Any any = 1; }'
        'service AnyService { option (narrowgauge.v1.specialist) = {name: "summary" description: "d"};'
        " rpc Call(Request) returns (Request); }"
    )
    config = specialist / "specialist.toml"
    config.write_text(
        'name = "summary"\ncontract = "any.v1.AnyService"\nsurface = "protojson"\ninstruction = "x"\n'
    )
    with pytest.raises(Unsupported, match=r"any\.v1\.Request\.any"):
        compile_bundle(tmp_path / "bundle", protos=[protos], specialists=[specialist], with_router=False)
    assert not (tmp_path / "bundle").exists()
    assert not list(tmp_path.glob(".bundle*"))


def test_a_bundle_replaces_a_bundle_and_nothing_else(tmp_path: Path, specialist: Path) -> None:
    """An older bundle is replaced; a folder with anything else in it is not touched."""
    out = tmp_path / "bundle"
    compiled(out, specialist)
    (specialist / "adapter" / "adapter.json").write_text('{"rank":8}')
    assert compiled(out, specialist).hash == Bundle.load(out).hash
    assert not list(tmp_path.glob(".bundle*"))
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.txt").write_text("all my work")
    with pytest.raises(AlreadyExists):
        compiled(tmp_path / "home", specialist)
    assert (tmp_path / "home" / "thesis.txt").read_text() == "all my work"


def test_own_contracts_are_compiled_with_the_carried_ones(tmp_path: Path, specialist: Path) -> None:
    """A user's .proto and specialist end up in the bundle, resolvable without their sources."""
    own = tmp_path / "specialists" / "everything"
    own.mkdir()
    (own / "specialist.toml").write_text(
        'name = "everything"\ncontract = "everything.v1.EverythingService"\nsurface = "protojson"\n'
        'instruction = "Do everything."\n'
    )
    bundle = compile_bundle(
        tmp_path / "bundle", protos=[PROTOS], specialists=[specialist, own], with_router=False
    )
    shutil.rmtree(own)
    assert sorted(bundle.contracts) == ["everything", "summary"]
    assert len(Bundle.load(bundle.path).contracts["everything"].tools) == 7


def test_progress_is_told_from_begin_to_end(tmp_path: Path, specialist: Path) -> None:
    """Progress rises from 0 to 1 and names the specialist."""
    steps: list[tuple[str, float]] = []
    compile_bundle(
        tmp_path / "bundle",
        specialists=[specialist],
        with_router=False,
        progress=lambda what, done: steps.append((what, done)),
    )
    assert steps[0][1] == 0.0
    assert steps[-1][1] == 1.0
    assert any("summary" in what for what, _ in steps)
    assert [done for _, done in steps] == sorted(done for _, done in steps)


BAD_CONFIGS = [
    ('name = "summary"', "contract is missing"),
    ("name = ", "specialist.toml"),
    ('name = "Summary!"\ncontract = "c"\nsurface = "protojson"\ninstruction = ""', "lower case"),
    (
        'name = "summary"\ncontract = "c"\nsurface = "protojson"\ninstruction = ""\ntemperature = 1',
        "temperature",
    ),
    (
        'name = "a"\ncontract = "c"\nsurface = "s"\ninstruction = ""\nmax_output_tokens = true',
        "must be a number",
    ),
    ('name = "a"\ncontract = "c"\nsurface = "s"\ninstruction = ""\nadapter = "../x"', "inside of the folder"),
]


@pytest.mark.parametrize(("text", "reason"), BAD_CONFIGS)
def test_bad_configurations_are_named(tmp_path: Path, specialist: Path, text: str, reason: str) -> None:
    """A configuration that is malformed says which value and where."""
    (specialist / "specialist.toml").write_text(text)
    with pytest.raises(InvalidRequest, match=reason):
        compiled(tmp_path / "bundle", specialist)


BAD_EXAMPLES = [
    ("{", "examples.jsonl:1"),
    ('{"request": "x"}', "examples.jsonl:1"),
    ('{"request": "x", "call": {"headline": 5}}', "headline"),
    ('{"request": "x", "call": {"headline": "short"}}', "at least 8"),
    ('{"request": "x", "call": {"method": "Drop", "request": {}}}', "Drop"),
]


@pytest.mark.parametrize(("line", "reason"), BAD_EXAMPLES)
def test_bad_examples_are_named(tmp_path: Path, specialist: Path, line: str, reason: str) -> None:
    """An example that is no valid call of its contract never reaches a prompt."""
    (specialist / "examples.jsonl").write_text(line + "\n")
    with pytest.raises(InvalidRequest, match=reason):
        compiled(tmp_path / "bundle", specialist)


def test_names_have_to_fit(tmp_path: Path, specialist: Path) -> None:
    """An unknown contract, surface or file, and two specialists of one name, are errors that name them."""
    with pytest.raises(InvalidRequest, match="two specialists"):
        compile_bundle(tmp_path / "bundle", specialists=[specialist, specialist], with_router=False)
    config = specialist / "specialist.toml"
    text = config.read_text()
    for old, new, reason in [
        ("TextToolService", "NoService", "NoService"),
        ('"protojson"', '"prose"', "prose"),
        ('"examples.jsonl"', '"none.jsonl"', "none.jsonl"),
    ]:
        config.write_text(text.replace(old, new))
        with pytest.raises(NotFound, match=reason):
            compiled(tmp_path / "bundle", specialist)
    config.write_text(text.replace('name = "summary"', 'name = "other"'))
    with pytest.raises(InvalidRequest, match="other"):
        compiled(tmp_path / "bundle", specialist)
