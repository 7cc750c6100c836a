"""Every call is valid, whatever is asked of whichever model."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny_model import prepare_tiny_model
from validity import ask_all
from varied_requests import SPECIALISTS, varied_requests

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def senseless_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with random weights whose texts depend wildly on the prompt."""
    return prepare_tiny_model(tmp_path_factory.mktemp("senseless"), attention=8.0)


async def test_a_thousand_varied_requests_to_a_model_without_sense(
    tmp_path: Path, senseless_model: Path
) -> None:
    """With random weights the constraint alone decides: each answer is a call that parses, keeps its
    rules and names only what exists, as the tools that execute it confirm, or a typed refusal or error."""
    tally = await ask_all(tmp_path, dict.fromkeys(SPECIALISTS, senseless_model), 1000, max_tokens=80)
    assert not tally.wrong, "\n".join(tally.lines())
    assert sum(tally.outcomes.values()) == 1000
    assert len(tally.texts) > 500, "\n".join(tally.lines())


@pytest.mark.model
async def test_varied_requests_to_the_embedded_model(tmp_path: Path, prepared_model: Path) -> None:
    """The same for the untuned model; `python tests/e2e/validity.py` asks it a thousand."""
    tally = await ask_all(tmp_path, dict.fromkeys(SPECIALISTS, prepared_model), 24, seed=2, max_tokens=96)
    assert not tally.wrong, "\n".join(tally.lines())
    assert sum(tally.outcomes.values()) == 24


def test_requests_vary() -> None:
    """A seed gives the same requests each time, most of them different, and all of them text."""
    requests = list(varied_requests(1000))
    assert requests == list(varied_requests(1000))
    assert len(set(requests)) > 750
    assert all(text.strip() for _, text in requests)
