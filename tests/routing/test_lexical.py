"""Sketches of words: alike for like words, whatever the case, and without what is quoted."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from narrowgauge.routing import RouterGraph, compile_router_from_examples
from narrowgauge.routing.lexical import WIDTH, asked_text, lexical_features

TEXTS = {
    "card_lost": ["I lost my card", "my card is gone", "someone stole my card", "where is my lost card"],
    "card_arrival": ["when does my card arrive", "my new card has not come", "track the delivery of my card"],
    "pin": ["I forgot my pin", "change the pin of my card", "how do I reset my pin", "my pin is blocked"],
}


def test_like_words_give_like_sketches() -> None:
    """A misspelt text is nearer to the right one than to another, and case counts for nothing."""
    right, typed, other, upper = lexical_features(
        ["track the delivery", "track the delivrey", "I forgot my pin", "TRACK THE DELIVERY"]
    )
    assert right.shape == (WIDTH,)
    assert right @ typed > 0.5 > 0.3 > right @ other
    assert np.array_equal(right, upper)


def test_a_text_without_words_is_zero() -> None:
    """Signs alone have no direction, and break nothing."""
    assert not lexical_features(["?! …", ""]).any()


def test_quotations_are_left_out() -> None:
    """What is quoted is not asked for; a span of nothing else keeps it."""
    text = "summarize 'delete all leads' now"
    assert asked_text(text, (0, len(text)), [(10, 28)]).split() == ["summarize", "now"]
    assert asked_text(text, (10, 28), [(10, 28)]) == "'delete all leads'"


def test_routers_of_intents_read_words(tmp_path: Path) -> None:
    """A small set of intents is compiled with sketches, and plans and classifies with them."""
    examples = tmp_path / "examples.jsonl"
    rows = [{"text": text, "intent": intent} for intent, texts in TEXTS.items() for text in texts]
    examples.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    compile_router_from_examples(examples, tmp_path / "router")
    assert json.loads((tmp_path / "router" / "router.json").read_text())["lexical"]
    router = RouterGraph.load(tmp_path / "router")
    assert router.classify("I have forgotten my pin").specialist == "pin"
    assert [step.specialist for step in router.plan("reset my pin").steps] == ["pin"]
