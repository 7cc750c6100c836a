"""Compiling a router: deterministic, from descriptions and examples alone, with clear errors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from product_specialists import specialists

from narrowgauge.errors import DataLoss, InvalidRequest
from narrowgauge.routing import RouterGraph, compile_router, compile_router_from_examples


def test_the_same_input_gives_the_same_bytes(compiled: Path, tmp_path: Path) -> None:
    """A bundle is content-hashed, so compiling twice must give identical files."""
    compile_router(tmp_path, specialists())
    names = sorted(p.name for p in compiled.iterdir())
    assert names == sorted(p.name for p in tmp_path.iterdir())
    for name in names:
        assert (tmp_path / name).read_bytes() == (compiled / name).read_bytes(), name


def test_a_specialist_without_examples_is_refused(tmp_path: Path) -> None:
    """Nothing can be fitted to a bare name; the error names the specialist and the option to fill."""
    with pytest.raises(InvalidRequest, match=r"maps.*examples") as caught:
        compile_router(tmp_path, {"maps": ("Finds places.", [])})
    assert caught.value.reason == "NO_EXAMPLES"


def test_examples_of_an_unknown_specialist_are_refused(tmp_path: Path) -> None:
    """A misspelt name in the examples would else be lost in silence."""
    with pytest.raises(InvalidRequest) as caught:
        compile_router(tmp_path, specialists(), {"sqll": ["count orders"]})
    assert caught.value.reason == "UNKNOWN_SPECIALIST"


def test_a_router_from_labelled_texts(tmp_path: Path) -> None:
    """Any labelled set compiles: its intents are routed, and what it calls out of scope is not."""
    rows = [
        {"intent": intent, "text": text}
        for intent, texts in {
            "play": ("play some jazz", "put on the radio", "play my favourite song", "start the music"),
            "lamp": ("switch the lamp on", "turn off the light", "dim the lights", "lights out please"),
            "oos": ("how tall is the tower", "who was the first king", "what is a prime number"),
        }.items()
        for text in texts
    ]
    data = tmp_path / "train.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    compile_router_from_examples(data, tmp_path / "out")
    router = RouterGraph.load(tmp_path / "out", threads=1)
    assert router.specialists == ("lamp", "play")
    assert router.classify("could you play a song").specialist == "play"
    assert router.classify("turn the light off").specialist == "lamp"
    assert router.classify("who was the third king").specialist == ""


def test_a_higher_precision_abstains_more_often(tmp_path: Path) -> None:
    """Thresholds are fitted to it, a specialist each; without it none is above 0.6."""
    thresholds = {}
    for precision in (None, 0.5, 0.999):
        out = tmp_path / str(precision)
        compile_router(out, specialists(), precision=precision)
        thresholds[precision] = json.loads((out / "router.json").read_text())["thresholds"]
    for name in thresholds[None]:
        assert thresholds[0.5][name] <= thresholds[None][name] <= 0.6
        assert thresholds[0.5][name] <= thresholds[0.999][name]
    assert sum(thresholds[0.999].values()) > sum(thresholds[0.5].values())


@pytest.mark.parametrize("precision", [0.0, 1.0, 95.0])
def test_a_precision_is_a_share(tmp_path: Path, precision: float) -> None:
    """Ninety-five is no share of routes."""
    with pytest.raises(InvalidRequest, match="between 0 and 1"):
        compile_router(tmp_path, specialists(), precision=precision)


@pytest.mark.parametrize("line", ["not json", '{"text": "x"}', "[1]"])
def test_a_bad_line_is_named(tmp_path: Path, line: str) -> None:
    """The error of a bad file gives the line's number."""
    data = tmp_path / "train.jsonl"
    data.write_text('{"text": "a b", "intent": "x"}\n' + line + "\n")
    with pytest.raises(InvalidRequest, match=r"train\.jsonl:2"):
        compile_router_from_examples(data, tmp_path / "out")


def test_a_new_specialist_wins_over_general_negatives(tmp_path: Path) -> None:
    """Weather is out of scope by default, and in scope as soon as a specialist claims it."""
    wording = ["will it snow", "is it sunny in Rome", "what is the weather in Oslo"]
    claims = {**specialists(), "weather": ("Tells the weather.", wording)}
    compile_router(tmp_path, claims)
    router = RouterGraph.load(tmp_path, threads=1)
    assert router.classify("what is the weather in Paris").specialist == "weather"


@pytest.mark.parametrize(
    "name", ["encoder.onnx", "router.json", "routes.npz", "tokenizer.json", "heads.onnx"]
)
def test_a_damaged_router_is_refused(compiled: Path, tmp_path: Path, name: str) -> None:
    """A truncated or missing file is an error at load time that names the folder."""
    for path in compiled.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / name).write_bytes((compiled / name).read_bytes()[:64])
    with pytest.raises(DataLoss, match=str(tmp_path)):
        RouterGraph.load(tmp_path, threads=1)
    (tmp_path / name).unlink()
    with pytest.raises(DataLoss, match=str(tmp_path)):
        RouterGraph.load(tmp_path, threads=1)
