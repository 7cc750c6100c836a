"""`narrowgauge train` as a user runs it."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from narrowgauge.cli.__main__ import app
from narrowgauge.models import Adapter
from narrowgauge.models.safetensors_checkpoint import SafetensorsCheckpoint

PROTO = Path(__file__).parents[2] / "docs" / "examples" / "inventory" / "inventory.proto"
INVENTORY = PROTO.parent / "specialist"

needs_torch = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None, reason="the extra `train` is not installed"
)


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["train", *map(str, arguments)])
    return result.exit_code, result.output


def test_without_torch_the_command_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """One line with the extra's name, exit code 1, nothing written."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    code, output = run("sql", "--out", tmp_path / "adapter")
    assert code == 1
    assert "pip install 'narrowgauge[train]'" in output
    assert list(tmp_path.iterdir()) == []


@needs_torch
def test_an_unknown_specialist_is_named(tmp_path: Path) -> None:
    """The message lists the built-in ones."""
    code, output = run("nothing", "--out", tmp_path / "adapter")
    assert code == 1
    assert "salesforce, sql, summary" in output


@needs_torch
def test_a_contract_that_is_not_built_in_needs_its_proto(tmp_path: Path) -> None:
    """A user's specialist without --proto gets told so."""
    code, output = run(INVENTORY, "--out", tmp_path / "adapter")
    assert code == 1
    assert "--proto" in output


@needs_torch
def test_a_specialist_is_trained_on_its_examples(tmp_path: Path, tiny_checkpoint: Path) -> None:
    """From a folder of examples to an adapter that fits its base, with a record of how it was made."""
    out = tmp_path / "adapter"
    code, output = run(
        *(INVENTORY, "--proto", PROTO, "--out", out, "--base", tiny_checkpoint, "--steps", 3),
        *("--threads", 1, "--augment", 0, "--no-evaluate"),
    )
    assert code == 0, output
    adapter = Adapter.load(out)
    adapter.check(SafetensorsCheckpoint(tiny_checkpoint))
    assert adapter.rank == 8
    record = json.loads((out / "training.json").read_text())
    assert record["examples"] == {"examples": 39}
    assert record["examples_held_back"] == 13
    assert record["instruction"] == "Write the stock call."
    assert record["steps"] == 3
    assert not out.with_name("adapter.training").exists()


@needs_torch
def test_a_part_is_trained_on_top_of_an_adapter(tmp_path: Path, tiny_checkpoint: Path) -> None:
    """The adapter's own matrices stay as they are; the new ones were trained with them in place."""
    common: tuple[str | int | Path, ...] = (INVENTORY, "--proto", PROTO, "--base", tiny_checkpoint)
    common = (*common, "--steps", 3, "--threads", 1, "--augment", 0, "--no-evaluate")
    first, out = tmp_path / "first", tmp_path / "both"
    assert run(*common, "--out", first)[0] == 0
    code, output = run(*common, "--out", out, "--on", first, "--rank", 2)
    assert code == 0, output
    adapter = Adapter.load(out)
    adapter.check(SafetensorsCheckpoint(tiny_checkpoint))
    assert [part.rank for part in adapter.parts] == [8, 2]
    assert (out / "adapter.safetensors").read_bytes() == (first / "adapter.safetensors").read_bytes()
    assert json.loads((out / "training.json").read_text())["added_to"] == Adapter.load(first).sha256
    code, output = run(*common, "--out", tmp_path / "none", "--on", first, "--start", first)
    assert code == 2
    assert "--on" in output


@needs_torch
def test_a_run_that_was_ended_goes_on(tmp_path: Path, tiny_checkpoint: Path) -> None:
    """SIGTERM after two steps leaves the run's state; the same command gives the adapter of a whole run."""
    from narrowgauge.contracts.descriptors import contracts_in, load_protos
    from narrowgauge.contracts.specialist import SpecialistConfig
    from narrowgauge.training.progress import Progress
    from narrowgauge.training.specialist import run as runs
    from narrowgauge.training.specialist.finetune import Recipe

    command = (
        *(INVENTORY, "--proto", PROTO, "--base", tiny_checkpoint, "--steps", 5, "--threads", 1),
        *("--augment", 20, "--no-evaluate"),
    )
    code, output = run(*command, "--out", tmp_path / "whole")
    assert code == 0, output

    real = runs.finetune

    def ended(*arguments: object, **options: object) -> object:
        report = options["progress"]
        assert callable(report)

        def step(progress: Progress) -> None:
            if progress.step == 2:
                os.kill(os.getpid(), signal.SIGTERM)
            report(progress)

        return real(*arguments, **{**options, "progress": step})  # type: ignore[arg-type]

    out = tmp_path / "parts"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs, "finetune", ended)
        code, output = run(*command, "--out", out)
    assert code == 1
    assert "goes on from here" in output
    assert not out.exists()

    # Other options would make it half of one run and half of another.
    code, output = run(*command, "--out", out, "--seed", 8)
    assert code == 1
    assert "unfinished run" in output
    code, output = run(*command, "--out", out, "--rate", 0.5)
    assert code == 1
    assert "learning_rate" in output

    code, output = run(*command, "--out", out)
    assert code == 0, output
    whole = (tmp_path / "whole" / "adapter.safetensors").read_bytes()
    assert (out / "adapter.safetensors").read_bytes() == whole

    contract = next(c for c in contracts_in(load_protos([PROTO])) if "acme" in c.service)
    a_run = runs.Run(SpecialistConfig.read(INVENTORY), contract, out)
    assert a_run.wanted == 0
    assert replace(a_run, recipe=Recipe(steps=1)).state == tmp_path / "parts.training"


def test_a_specialist_of_ones_own_goes_on_from_the_carried_adapter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it is carried and has the rank of the run; `none` begins anew, and a missing one is named."""
    import numpy as np

    from narrowgauge.cli.train import _start
    from narrowgauge.contracts import specialist as specialists
    from narrowgauge.errors import NotFound
    from narrowgauge.models import write_adapter

    folder = tmp_path / "carried"
    monkeypatch.setattr(specialists, "call_adapter_folder", lambda: folder)
    assert _start(None, carried=True, rank=8) is None
    with pytest.raises(NotFound, match="no adapter"):
        _start("builtin:call", carried=True, rank=8)
    low_rank = (np.ones((8, 16), np.float32), np.ones((16, 8), np.float32))
    matrices = {"model.layers.0.self_attn.q_proj": low_rank}
    write_adapter(folder, base="tiny", rank=8, alpha=16.0, matrices=matrices, bits=8)
    assert _start(None, carried=True, rank=8) == folder
    assert _start("builtin:call", carried=False, rank=8) == folder
    assert _start(None, carried=True, rank=16) is None
    assert _start(None, carried=False, rank=8) is None
    assert _start("none", carried=True, rank=8) is None


@needs_torch
def test_the_call_specialist_learns_to_read_contracts(tmp_path: Path, tiny_checkpoint: Path) -> None:
    """Rows, schemas and invented contracts become an adapter whose record names no contract's instruction."""
    from narrowgauge.training.specialist.call_seal_tools import in_training_half

    ids = [f"r{n}" for n in range(12) if in_training_half(f"r{n}")]
    rows = [
        {"id": i, "query": f"say {i}", "calling": [{"api": "say", "parameters": {"text": i}}]} for i in ids
    ]
    tools = [
        {
            "api_name": name,
            "api_description": f"{name} a text",
            "parameters": {"text": {"type": "str", "description": "what"}},
            "required": ["text"],
        }
        for name in ("say", "sing", "print")
    ]
    (tmp_path / "dev.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "tool.jsonl").write_text("\n".join(map(json.dumps, tools)))
    command = (
        *("call", "--data", tmp_path / "dev.jsonl", "--out", tmp_path / "adapter", "--base", tiny_checkpoint),
        *("--steps", 1, "--threads", 1, "--take", 3, "--generate", 10),
    )
    code, output = run(*command)
    assert code == 0, output
    record = json.loads((tmp_path / "adapter" / "training.json").read_text())
    assert (record["specialist"], record["surface"], record["instruction"]) == ("call", "protojson", "")
    assert record["examples"]["rows of Seal-Tools"] == 3
    assert sum(record["examples"].values()) == 13
    # It can be gone on from, as the carried one can.
    code, output = run(*command[:-1], 9, "--start", tmp_path / "adapter", "--out", tmp_path / "more")
    assert code == 0, output
    code, output = run(*command, "--start", tmp_path / "nothing", "--out", tmp_path / "none")
    assert code == 1
    assert "no adapter" in output


@needs_torch
def test_sql_learns_from_questions_and_schemas_of_files(tmp_path: Path, tiny_checkpoint: Path) -> None:
    """Questions over the warehouse and a file's schema, recovered calls, and the file's own all count."""
    rows: list[dict[str, str]] = [
        {
            "db_id": "shop",
            "ddl": "CREATE TABLE shop (id INTEGER PRIMARY KEY, name TEXT, city TEXT, area REAL)",
        }
    ]
    rows += [
        {
            "db_id": "shop",
            "question": f"shops in {city}",
            "sql": f"SELECT name FROM shop WHERE city = '{city}'",
        }
        for city in ("Rome", "Oslo", "Lyon", "Bern")
    ]
    data = tmp_path / "data.jsonl"
    data.write_text("\n".join(map(json.dumps, rows)))
    out = tmp_path / "adapter"
    code, output = run(
        *("sql", "--out", out, "--data", data, "--generate", 6, "--base", tiny_checkpoint),
        *("--steps", 1, "--threads", 1),
    )
    assert code == 0, output
    counts = json.loads((out / "training.json").read_text())["examples"]
    asked = f"asked by people, {tmp_path.name}/data.jsonl"
    assert set(counts) == {
        "generated over the demo warehouse",
        "generated over other schemas",
        "recovered calls",
        asked,
    }
    assert counts[asked] == 4
