"""The table of what a specialist most often writes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from narrowgauge.errors import DataLoss, NotFound
from narrowgauge.models.draft_table import DraftTable
from narrowgauge.models.safetensors_file import write_safetensors

CALLS = [([1, 2, 3, 4], [True] * 4)] * 6 + [([1, 2, 9, 5], [True] * 4)] * 3 + [([7, 8], [True, False])] * 12


def test_the_most_frequent_token_behind_a_context_is_guessed() -> None:
    """Contexts reach to a call's begin; one is added to what was seen, so that nothing is sure."""
    table = DraftTable.learn(CALLS)
    assert table.guess([1, 2]) == (3, pytest.approx(0.6))
    assert table.guess([1, 2, 9]) == (5, pytest.approx(0.75))
    assert table.guess([])[0] == 7  # type: ignore[index]
    assert table.guess([50, 60]) is None


def test_forced_tokens_are_not_learnt() -> None:
    """What the constraint forces needs no guess."""
    assert DraftTable.learn(CALLS).guess([7]) is None


def test_a_longer_context_decides_where_it_says_something_else() -> None:
    """Behind `2` comes 3 most often, behind `5 2` never."""
    table = DraftTable.learn([*CALLS, *[([5, 2, 6], [True] * 3)] * 5])
    assert table.guess([1, 2])[0] == 3  # type: ignore[index]
    assert table.guess([5, 2])[0] == 6  # type: ignore[index]


def test_the_file_holds_the_table(tmp_path: Path) -> None:
    """Tokens as they are, probabilities within a 255th."""
    path = tmp_path / "drafts.safetensors"
    table = DraftTable.learn(CALLS)
    table.save(path)
    again = DraftTable.load(path)
    assert len(again) == len(table) > 3
    for context in ([], [1], [1, 2], [1, 2, 9]):
        token, probability = again.guess(context)  # type: ignore[misc]
        assert table.guess(context) == (token, pytest.approx(probability, abs=1 / 255))


def test_what_is_no_table_is_refused(tmp_path: Path) -> None:
    """A missing file and columns that do not belong together."""
    with pytest.raises(NotFound):
        DraftTable.load(tmp_path / "drafts.safetensors")
    columns = {
        "key": np.zeros(2, np.uint32),
        "token": np.zeros(1, np.int32),
        "probability": np.zeros(2, np.uint8),
    }
    write_safetensors(tmp_path / "drafts.safetensors", columns)
    with pytest.raises(DataLoss, match="different lengths"):
        DraftTable.load(tmp_path / "drafts.safetensors")
