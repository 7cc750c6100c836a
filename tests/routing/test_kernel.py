"""The kernel head: few examples of many intents, compared one by one."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from narrowgauge.errors import DataLoss
from narrowgauge.routing import RouterGraph, compile_router_from_examples, compiler
from narrowgauge.routing.kernel import fit_kernel, wording_of

INTENTS = {
    "card_lost": ["I lost my card", "my card is gone", "someone stole my card", "where is my lost card"],
    "card_arrival": ["when does my card arrive", "my new card has not come", "track the delivery of my card"],
    "pin_reset": [
        "I forgot my pin",
        "change the pin of my card",
        "how do I reset my pin",
        "my pin is blocked",
    ],
}


def _compiled(folder: Path, intents: dict[str, list[str]]) -> Path:
    folder.mkdir()
    examples = folder / "examples.jsonl"
    rows = [{"text": text, "intent": intent} for intent, texts in intents.items() for text in texts]
    examples.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    compile_router_from_examples(examples, folder / "router")
    return folder / "router"


def test_held_out_logits_are_those_of_a_fit_without_the_row() -> None:
    """The closed form agrees with leaving each row out and fitting again."""
    random = np.random.default_rng(3)
    x = random.normal(size=(12, 6)).astype(np.float32)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    y = np.arange(12) % 3
    noise = np.linspace(0.1, 0.4, 12).astype(np.float32)
    _, held = fit_kernel(x, y, 3, noise=noise, gamma=2.0, dense=4)
    for row in range(12):
        rest = np.arange(12) != row
        without, _ = fit_kernel(x[rest], y[rest], 3, noise=noise[rest], gamma=2.0, dense=4)
        assert np.allclose(without.logits(x[[row]])[0], held[row], atol=1e-3)


def test_what_is_zero_in_a_text_changes_nothing() -> None:
    """Sparse features are read only where a text has some, with the same logits as all of them."""
    random = np.random.default_rng(5)
    x = random.normal(size=(8, 20)).astype(np.float32) * (random.random((8, 20)) < 0.4)
    y = np.arange(8) % 2
    sparse, _ = fit_kernel(x, y, 2, noise=np.full(8, 0.1, np.float32), gamma=1.0, dense=3)
    dense, _ = fit_kernel(x, y, 2, noise=np.full(8, 0.1, np.float32), gamma=1.0, dense=20)
    assert np.allclose(sparse.logits(x[:1]), dense.logits(x[:1]), atol=1e-5)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("card_arrival", "card arrival"),
        ("cardArrival", "card arrival"),
        ("top-up/failed", "top up failed"),
        ("77", ""),
    ],
)
def test_names_are_read_as_words(name: str, words: str) -> None:
    """Underscores, signs and capitals part the words of a name; digits are no words."""
    assert wording_of(name) == words


def test_a_router_of_few_examples(tmp_path: Path) -> None:
    """It compiles to the same bytes each time, tells its intents apart, and abstains on general requests."""
    folder = _compiled(tmp_path / "one", INTENTS)
    again = _compiled(tmp_path / "two", INTENTS)
    for path in folder.iterdir():
        assert path.read_bytes() == (again / path.name).read_bytes(), path.name
    router = RouterGraph.load(folder)
    assert router.classify("has my card been delivered yet").specialist == "card_arrival"
    assert router.classify("I have forgotten my pin").specialist == "pin_reset"
    assert router.classify("what is the capital of France").specialist == ""
    assert [s.specialist for s in router.plan("I lost my card, then reset my pin").steps] == [
        "card_lost",
        "pin_reset",
    ]


def test_names_without_words_are_no_examples(tmp_path: Path) -> None:
    """Intents may be numbers."""
    folder = _compiled(tmp_path / "one", {str(k): texts for k, texts in enumerate(INTENTS.values())})
    assert json.loads((folder / "router.json").read_text())["named"] is False
    assert RouterGraph.load(folder).classify("I have forgotten my pin").specialist == "2"


def test_a_head_of_another_width_is_refused(tmp_path: Path) -> None:
    """A damaged `routes.npz` is named when it is read, not when a request comes."""
    folder = _compiled(tmp_path / "one", INTENTS)
    with np.load(folder / "routes.npz") as routes:
        rows, weight = routes["rows"], routes["weight"]
    np.savez(folder / "routes.npz", rows=rows, weight=weight[:, :-1])
    with pytest.raises(DataLoss, match="does not fit"):
        RouterGraph.load(folder)


def test_many_examples_are_not_compared_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond `KERNEL_MOST` examples a router of intents has a linear head."""
    monkeypatch.setattr(compiler, "KERNEL_MOST", 10)
    with np.load(_compiled(tmp_path / "one", INTENTS) / "routes.npz") as routes:
        assert "bias" in routes.files
