"""Prefixes on disk: a second process starts warm, and no call ever depends on what the files hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from engine_grammars import SYSTEM, request, texts

from narrowgauge.models import load_prepared
from specialist_svc.engine.backend import Decoded
from specialist_svc.engine.loop import CacheOptions
from specialist_svc.engine.onnxruntime import EngineOptions, OnnxruntimeBackend
from specialist_svc.engine.prefix_store import PrefixStore

VALUES = np.arange(24, dtype=np.float32).reshape(2, 3, 2, 2)


def warmed(model: Path, prefixes: Path | None) -> tuple[int, list[Decoded]]:
    """Starts an engine, warms it, decodes; returns the passes of its start, and the calls."""
    options = EngineOptions(
        slots=2, slot_tokens=320, chunk_tokens=8, prefixes=prefixes, caches=CacheOptions(reuse_slots=False)
    )
    backend = OnnxruntimeBackend(load_prepared(model), options)
    try:
        backend.warm([SYSTEM])
        passes = backend.counters().passes
        return passes, [backend.submit(request(text)).future.result(60) for text in texts(3)]
    finally:
        backend.close()


def test_a_second_process_starts_warm(tiny_prepared_model: Path, tmp_path: Path) -> None:
    """It loads what the first one read, makes fewer passes at its start, and writes the same calls."""
    cold, first = warmed(tiny_prepared_model, tmp_path)
    warm, second = warmed(tiny_prepared_model, tmp_path)
    assert warm < cold
    _, without = warmed(tiny_prepared_model, None)
    assert [d.written for d in first] == [d.written for d in second] == [d.written for d in without]
    assert [d.cached_tokens for d in first] == [d.cached_tokens for d in second]


def test_a_damaged_file_is_written_anew(tiny_prepared_model: Path, tmp_path: Path) -> None:
    """A file that was cut short or changed is told in the log, and costs a reading and no call."""
    _, first = warmed(tiny_prepared_model, tmp_path)
    (stored,) = tmp_path.iterdir()
    whole = stored.read_bytes()
    stored.write_bytes(whole[:-5])
    _, second = warmed(tiny_prepared_model, tmp_path)
    assert [d.written for d in first] == [d.written for d in second]
    assert stored.read_bytes() == whole


def test_another_identity_finds_nothing(tmp_path: Path) -> None:
    """Values that another model, library or processor computed are not used."""
    mine, theirs = PrefixStore(tmp_path, "mine"), PrefixStore(tmp_path, "theirs")
    assert mine.save(b"key", VALUES)
    found = mine.load(b"key")
    assert found is not None
    assert np.array_equal(found, VALUES)
    assert theirs.load(b"key") is None
    assert mine.load(b"other") is None


@pytest.mark.parametrize("damage", [b"", b"{}\n", b"no json\n", b'{"sha256": "", "shape": [1]}\nabcd'])
def test_damage_of_any_kind_counts_as_nothing(
    tmp_path: Path, damage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing in a file can stop a start; the log names the file."""
    store = PrefixStore(tmp_path, "mine")
    store.save(b"key", VALUES)
    (path,) = tmp_path.iterdir()
    path.write_bytes(damage)
    assert store.load(b"key") is None
    assert str(path) in caplog.text


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The service starts all the same, and the log says that the prefix is not kept."""
    blocked = tmp_path / "file"
    blocked.write_text("")
    with caplog.at_level("INFO"):
        assert not PrefixStore(blocked / "folder", "mine").save(b"key", VALUES)
    assert "not kept" in caplog.text


def test_old_files_make_room(tmp_path: Path) -> None:
    """The folder is bounded, and what was used last stays."""
    store = PrefixStore(tmp_path, "mine")
    for number in range(40):
        store.save(bytes([number]), VALUES)
        assert store.load(b"\x00") is not None
    assert len(list(tmp_path.iterdir())) == 32
