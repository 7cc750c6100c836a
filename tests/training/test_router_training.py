"""`narrowgauge train router`: the encoder learns labelled requests, and is compiled as the carried one."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from narrowgauge.cli.__main__ import app
from narrowgauge.routing import RouterGraph
from narrowgauge.routing.encoder import ENCODER_FILES

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None, reason="the extra `train` is not installed"
)

INTENTS = {
    "play": ("play some jazz", "put on the radio", "play my favourite song", "start the music"),
    "lamp": ("switch the lamp on", "turn off the light", "dim the lights", "lights out please"),
    "oos": ("how tall is the tower", "who was the first king", "what is a prime number"),
}


def narrowgauge(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def requests(tmp_path: Path) -> Path:
    """Labelled requests of two intents, and of none."""
    path = tmp_path / "home.jsonl"
    rows = [{"text": text, "intent": intent} for intent, texts in INTENTS.items() for text in texts]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_an_encoder_is_trained_compiled_and_read(tmp_path: Path, requests: Path) -> None:
    """From labelled requests to a router: same files, same compile, plans still have their steps."""
    encoder, out = tmp_path / "encoder", tmp_path / "router"
    trained = narrowgauge(
        "train", "router", "--data", requests, "--out", encoder, "--seconds", 6, "--threads", 1
    )
    assert trained.exit_code == 0, trained.output
    assert {*ENCODER_FILES, "training.json"} == {path.name for path in encoder.iterdir()}
    assert json.loads((encoder / "training.json").read_text())["examples"] == {"home": 11}
    assert not (tmp_path / "encoder.training").exists()
    compiled = narrowgauge(
        "compile", "--router-only", "--examples", requests, "--encoder", encoder, "--out", out
    )
    assert compiled.exit_code == 0, compiled.output
    assert (out / "encoder.onnx").read_bytes() == (encoder / "encoder.onnx").read_bytes()
    router = RouterGraph.load(out, threads=1)
    assert router.classify("could you play a song").specialist == "play"
    plan = router.plan("play some jazz, then turn off the light")
    assert [step.specialist for step in plan.steps] == ["play", "lamp"]


def test_a_run_that_was_ended_goes_on(
    tmp_path: Path, requests: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its steps and its time count on; with other options it is refused."""
    from narrowgauge.errors import Cancelled, FailedPrecondition
    from narrowgauge.routing.encoder import ENCODER_FOLDER
    from narrowgauge.training.progress import Progress, Watcher
    from narrowgauge.training.router.train import RouterRecipe, RouterRun, train_router

    recipe = RouterRecipe(seconds=60.0, batch=2, singles=4, threads=1)
    run = RouterRun((requests,), tmp_path / "encoder", ENCODER_FOLDER, None, recipe)
    seen: list[Progress] = []

    def stop(progress: Progress) -> None:
        seen.append(progress)
        if len(seen) == 3:
            raise Cancelled("STOPPED", "enough")

    with pytest.raises(Cancelled):
        train_router(run, Watcher(step=stop))
    assert [progress.step for progress in seen] == [1, 2, 3]
    assert (run.state / "state.pt").is_file()
    other = RouterRun(
        run.data, run.out, run.start, None, RouterRecipe(seconds=60.0, batch=2, singles=4, seed=8)
    )
    with pytest.raises(FailedPrecondition) as caught:
        train_router(other)
    assert caught.value.reason == "OTHER_RUN"

    def stop_again(progress: Progress) -> None:
        assert progress.step == 4
        assert progress.seconds > seen[-1].seconds
        raise Cancelled("STOPPED", "enough")

    with pytest.raises(Cancelled):
        train_router(run, Watcher(step=stop_again))


def test_options_of_specialists_are_refused(tmp_path: Path, requests: Path) -> None:
    """The router has no rank and generates no examples."""
    result = narrowgauge("train", "router", "--data", requests, "--out", tmp_path / "x", "--rank", 4)
    assert result.exit_code == 2
    assert "--rank is for specialists" in result.output


@pytest.mark.parametrize("line", ["not json", '{"text": "x"}', "[1]", ""])
def test_data_that_cannot_be_used_is_named(tmp_path: Path, line: str) -> None:
    """The file, and where there is one the line."""
    data = tmp_path / "train.jsonl"
    data.write_text(line + "\n")
    result = narrowgauge("train", "router", "--data", data, "--out", tmp_path / "x")
    assert result.exit_code == 2
    assert "train.jsonl" in result.output.replace("\n", "")
