"""Fixtures that several suites use."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from running_system import RunningSystem, system_up
from tiny_model import prepare_tiny_model

from narrowgauge.models import prepare

# In the working tree, so that the embedded model is prepared once and not in every run.
_SHARED_CACHE = Path(__file__).parent.parent / ".narrowgauge" / "models"


@pytest.fixture(scope="session")
def prepared_model() -> Path:
    """Folder of the embedded model, prepared in int4."""
    return prepare(None, _SHARED_CACHE)


@pytest.fixture(scope="session")
def tiny_prepared_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a prepared two-layer model with random weights and the embedded model's tokenizer."""
    return prepare_tiny_model(tmp_path_factory.mktemp("tiny_model"))


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSystem]:
    """The real system with the demo's data, as `narrowgauge up` starts it; tests share it."""
    with system_up(tmp_path_factory.mktemp("home"), _SHARED_CACHE) as running:
        yield running
