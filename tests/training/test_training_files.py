"""The files of training: data files, encoded examples, and the record of an adapter's training."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from narrowgauge.contracts.bundle import carried_specialists
from narrowgauge.contracts.specialist import SpecialistConfig
from narrowgauge.contracts.trained import TRAINING_FILE, check_trained, prompt_facts
from narrowgauge.errors import DataLoss, InvalidRequest
from narrowgauge.training.specialist.batches import EncodedExample
from narrowgauge.training.specialist.data_files import is_held_back, read_data_files
from narrowgauge.training.specialist.encoded_file import read_encoded, write_encoded


def lines(path: Path, *rows: object) -> Path:
    path.write_text("\n".join(json.dumps(row) for row in rows))
    return path


def test_rows_say_by_their_keys_what_they_are(tmp_path: Path) -> None:
    """Schemas, questions and examples may stand in any files, in any order."""
    first = lines(
        tmp_path / "a.jsonl",
        {"db_id": "shop", "question": "how many", "sql": "SELECT 1", "further": 1},
        {"request": "sum it up", "call": {"headline": "It is short."}},
    )
    second = lines(tmp_path / "b.jsonl", {"db_id": "shop", "ddl": "CREATE TABLE t (a)"})
    files = read_data_files([first, second])
    assert files.schemas == {"shop": "CREATE TABLE t (a)"}
    assert [question.text for question in files.questions] == ["how many"]
    assert [example.request for _, example in files.examples] == ["sum it up"]


def test_a_row_of_no_known_form_is_named(tmp_path: Path) -> None:
    """The message has the file, the row and its keys."""
    path = lines(tmp_path / "a.jsonl", {"request": "a", "call": {}}, {"text": "b", "label": "c"})
    with pytest.raises(InvalidRequest, match=r"a\.jsonl, row 2 .*label, text") as caught:
        read_data_files([path])
    assert caught.value.reason == "BAD_DATA_FILE"


def test_an_example_without_an_object_as_call_is_named(tmp_path: Path) -> None:
    """A call that is text is no ProtoJSON object."""
    with pytest.raises(InvalidRequest, match="row 1") as caught:
        read_data_files([lines(tmp_path / "a.jsonl", {"request": "a", "call": "SELECT 1"})])
    assert caught.value.reason == "BAD_EXAMPLE"


def test_questions_need_their_schema(tmp_path: Path) -> None:
    """A question on a database that no file describes could not be encoded."""
    path = lines(tmp_path / "a.jsonl", {"db_id": "shop", "question": "q", "sql": "SELECT 1"})
    with pytest.raises(InvalidRequest, match="shop") as caught:
        read_data_files([path])
    assert caught.value.reason == "NO_SCHEMA"


def test_about_one_database_in_seven_is_held_back() -> None:
    """The choice depends on the name alone."""
    held_back = [name for name in map(str, range(700)) if is_held_back(name)]
    assert 70 <= len(held_back) <= 130
    assert held_back == [name for name in map(str, range(700)) if is_held_back(name)]


def test_encoded_examples_come_back_as_they_were(tmp_path: Path) -> None:
    """A run that goes on reads the examples that it began with."""
    examples = [
        EncodedExample((1, 2, 3), (4, 5), (True, False), 2),
        EncodedExample((1, 2), (9,), (True,), 0),
    ]
    write_encoded(tmp_path / "e.npz", examples, {"wish": "ä"})
    assert read_encoded(tmp_path / "e.npz") == (examples, {"wish": "ä"})


def test_damaged_encoded_examples_are_refused(tmp_path: Path) -> None:
    """A file that was cut short is no data, and the message says what to do."""
    path = tmp_path / "e.npz"
    write_encoded(path, [EncodedExample((1,), (2,), (True,), 0)], {})
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(DataLoss, match="begin anew"):
        read_encoded(path)


def specialist_folder(folder: Path, instruction: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "adapter").mkdir(exist_ok=True)
    (folder / "specialist.toml").write_text(
        'name = "summary"\ncontract = "narrowgauge.tools.text.v1.TextToolService"\nsurface = "protojson"\n'
        f'instruction = "{instruction}"\nadapter = "adapter"\n'
    )
    return folder


def test_an_adapter_is_served_with_the_prompts_of_its_training(tmp_path: Path) -> None:
    """A changed instruction is refused with both texts; the one of training passes."""
    config = SpecialistConfig.read(specialist_folder(tmp_path / "s", "Summarize."))
    check_trained(config)  # an adapter without a record
    record = tmp_path / "s" / "adapter" / TRAINING_FILE
    record.write_text(json.dumps(prompt_facts(config)))
    check_trained(config)
    changed = SpecialistConfig.read(specialist_folder(tmp_path / "s", "Be brief."))
    with pytest.raises(InvalidRequest, match=r"'Be brief\.'.*'Summarize\.'") as caught:
        check_trained(changed)
    assert caught.value.reason == "ADAPTER_CONFIG"
    record.write_text("{")
    with pytest.raises(DataLoss):
        check_trained(changed)


@pytest.mark.parametrize("folder", carried_specialists(), ids=lambda folder: folder.name)
def test_shipped_adapters_come_with_a_record_that_fits(folder: Path) -> None:
    """What ships is served as it was trained."""
    config = SpecialistConfig.read(folder)
    if config.adapter_path is not None:
        assert (config.adapter_path / TRAINING_FILE).is_file()
    check_trained(config)
