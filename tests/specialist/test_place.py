"""The likeliest token that a mask allows is found, however many it allows."""

from __future__ import annotations

import numpy as np
import pytest
from tiny_model import tiny_config, tiny_weights, write_checkpoint

from narrowgauge.errors import InternalError
from narrowgauge.models import TokenTable, load_prepared, prepare
from specialist_svc.engine.place import NARROW, Place, State, likeliest

VOCABULARY = 4096


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> TokenTable:
    """The head of a random model."""
    folder = tmp_path_factory.mktemp("table")
    config = tiny_config(vocab_size=VOCABULARY)
    model = load_prepared(
        prepare(write_checkpoint(folder / "checkpoint", config, tiny_weights(config)), folder / "cache")
    )
    assert model.head is not None
    return TokenTable(model.weights_path, model.head)


@pytest.fixture
def state(table: TokenTable) -> State:
    """A state with the logits of all tokens."""
    hidden = np.random.default_rng(5).standard_normal(64).astype(np.float32)
    return State(hidden, table.logits(hidden, np.arange(VOCABULARY)))


def place_of(tokens: list[int]) -> Place:
    allowed = np.zeros(VOCABULARY, bool)
    allowed[tokens] = True
    return Place(np.packbits(allowed, bitorder="little").view(np.int32))


@pytest.mark.parametrize("number", [1, 2, NARROW, NARROW + 1, VOCABULARY])
def test_likeliest(table: TokenTable, state: State, number: int) -> None:
    """Narrow places need no logits of other tokens, wide ones take those of the graph; the answer is one."""
    tokens = sorted(np.random.default_rng(number).permutation(VOCABULARY)[:number].tolist())
    place = place_of(tokens)
    assert place.wide == (number > NARROW)
    assert [token for token in range(VOCABULARY) if place.allows(token)] == tokens
    assert state.logits is not None
    best = tokens[int(state.logits[tokens].argmax())]
    assert likeliest(place, state if place.wide else State(state.hidden, None), table) == best


def test_nothing_allowed(table: TokenTable, state: State) -> None:
    """A constraint that leaves nothing is a defect, and said."""
    with pytest.raises(InternalError) as found:
        likeliest(place_of([]), state, table)
    assert found.value.reason == "CONSTRAINT_EMPTY"
