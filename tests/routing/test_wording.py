"""Composed requests: gold plans that fit their text, and dev wording that train never sees."""

from __future__ import annotations

import pytest

from narrowgauge.routing.dependencies import KINDS
from narrowgauge.training.router import connecting
from narrowgauge.training.router.requests import Composer
from narrowgauge.training.router.wording import TASKS, part_of


@pytest.mark.parametrize("part", ["train", "dev"])
def test_gold_plans_fit_their_text(part: str) -> None:
    """Spans lie in the text in order, and dependencies name other steps by a known kind."""
    composer = Composer(part, {}, seed=3)
    for _ in range(400):
        request = composer.draw()
        position = 0
        for i, step in enumerate(request.steps):
            begin, end = step.span
            assert position <= begin < end <= len(request.text), request
            position = end
            assert all(j != i and 0 <= j < len(request.steps) for j in step.depends_on)
            assert set(step.depends_on.values()) <= set(KINDS)


def test_the_same_seed_gives_the_same_requests() -> None:
    """Training data can be made again."""
    first, second = (Composer("train", {}, seed=5) for _ in range(2))
    assert [first.draw().text for _ in range(20)] == [second.draw().text for _ in range(20)]


def test_dev_wording_is_held_back() -> None:
    """No template of dev is one of train, and each specialist has some of both."""
    for templates in TASKS.values():
        assert {part_of(t) for t in templates} == {"train", "dev"}
        assert len(set(templates)) == len(templates)


@pytest.mark.parametrize(
    ("text", "gerund", "participle"),
    [
        ("open a case", "opening a case", "opened a case"),
        ("create a lead", "creating a lead", "created a lead"),
        ("get orders", "getting orders", "got orders"),
        ("identify leads", "identifying leads", "identified leads"),
    ],
)
def test_forms_of_verbs(text: str, gerund: str, participle: str) -> None:
    """Reversed constructions need the forms of a verb."""
    assert connecting.imperative(text)
    assert connecting.gerund(text) == gerund
    assert connecting.participle(text) == participle
