"""Composed requests: gold plans that fit their text, and dev wording that train never sees."""

from __future__ import annotations

import itertools
import json
import lzma
import random
from pathlib import Path

import pytest

from narrowgauge.routing.dependencies import KINDS
from narrowgauge.training.router import connecting
from narrowgauge.training.router.mixes import mixed
from narrowgauge.training.router.plans import PlanDrawer
from narrowgauge.training.router.requests import Composer
from narrowgauge.training.router.wording import (
    REFERRING,
    TASKS,
    TRAIN_REFERRING,
    TRAIN_TASKS,
    bare,
    choose,
    fill,
    part_of,
)

DEV = Path(__file__).parent / "data" / "dev.jsonl.xz"


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


def test_dev_file_is_what_the_held_back_wording_gives() -> None:
    """Wording for training alone changes nothing in dev: its file comes out as it is in the repository."""
    composer = Composer("dev", {}, seed=2026)
    with lzma.open(DEV, "rt", encoding="utf-8") as rows:
        for n, line in enumerate(itertools.islice(rows, 60)):
            assert json.loads(line) == composer.draw().as_json(f"d{n}")


@pytest.mark.parametrize("name", sorted(connecting.PHRASES))
def test_further_phrases_are_never_held_back_ones(name: str) -> None:
    """Whatever its choices come to, training draws no phrase that dev is made of."""
    held = {bare(phrase) for phrase in PlanDrawer("dev", {}, 1).words[name]}
    train = PlanDrawer("train", {}, 2)
    drawn = {bare(phrase) for _ in range(6) for phrase in train.phrases(name)[len(train.words[name]) :]}
    assert held and not held & drawn


def test_further_templates_are_never_held_back_ones() -> None:
    """The same for templates of sub-tasks: each draw of a template is none of dev's."""
    rng = random.Random(4)
    drawer = PlanDrawer("train", {}, 3)
    for label, templates in TRAIN_TASKS.items():
        held = {bare(t) for t in TASKS[label][3:] if part_of(t) == "dev"}
        drawn = {bare(drawer.template(label)) for _ in range(600)}
        assert held and not held & drawn
        assert all(fill(choose(t, rng), rng) for t in templates)
    held = {bare(t) for _, _, t in REFERRING if part_of(t) == "dev"}
    drawn = {bare(drawer.referring()[2]) for _ in range(600)}
    assert held and not held & drawn
    assert {label for label, _, _ in TRAIN_REFERRING} == set(TASKS)


def test_choices_are_taken_from_the_inside_out() -> None:
    """A choice may stand within a choice."""
    rng = random.Random(1)
    drawn = {choose("[a|b[c|d]]", rng) for _ in range(60)}
    assert drawn == {"a", "bc", "bd"}


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


def test_mixes_hold_a_row_of_each_intent() -> None:
    """One to three rows of different intents, joined by words of dev."""
    rows = [{"text": f"text {k} of {intent}.", "intent": intent} for intent in "abcd" for k in range(5)]
    drawn = mixed(rows, 200, seed=3)
    assert drawn == mixed(rows, 200, seed=3)
    assert {len(row["intents"]) for row in drawn} == {1, 2, 3}
    for row in drawn:
        assert len(set(row["intents"])) == len(row["intents"])
        places = [row["text"].index(f"of {intent}") for intent in row["intents"]]
        assert places == sorted(places)
        assert row["text"].count("text ") == len(row["intents"])
