"""Fixtures of the tests of training."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from tiny_model import write_tiny_checkpoint
from training_parts import Trained, trained

from narrowgauge.demo.warehouse import build_warehouse
from narrowgauge.models import load_prepared
from specialist_svc.engine.tokenizer import ModelTokenizer


@pytest.fixture(scope="session")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo warehouse."""
    path = tmp_path_factory.mktemp("warehouse") / "warehouse.db"
    build_warehouse(path)
    return path


@pytest.fixture(scope="session")
def specialist(warehouse: Path) -> Callable[[str], Trained]:
    """Opens a shipped specialist, once."""
    return cache(lambda name: trained(name, warehouse))


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a two-layer model with random weights."""
    return write_tiny_checkpoint(tmp_path_factory.mktemp("checkpoint") / "tiny")


@pytest.fixture(scope="session")
def tokenizer(tiny_prepared_model: Path) -> ModelTokenizer:
    """The tokenizer of the embedded model, as a specialist's process loads it."""
    model = load_prepared(tiny_prepared_model)
    return ModelTokenizer(
        model.tokenizer_path, vocab_size=model.config.vocab_size, eos=model.config.eos_token_ids
    )
