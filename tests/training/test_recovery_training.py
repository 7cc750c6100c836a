"""Turns after a refused call: recorded from real systems, and encoded as they are served."""

from __future__ import annotations

import random
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from training_parts import trained

from narrowgauge.contracts.closed_sets import closed_sets_of, source_text
from narrowgauge.contracts.record_aliases import RecordAliases
from narrowgauge.errors import InvalidRequest
from narrowgauge.training.specialist.recovery_kinds import DEV_KINDS, FINAL_KINDS, is_dev, is_repairable
from narrowgauge.training.specialist.recovery_turns import recovery_examples, turns
from specialist_svc.conversation import Conversation, SubTask
from specialist_svc.engine.backend import Decoded, DecodeRequest, DecodeTimings, Written
from specialist_svc.engine.task import prompt_parts
from specialist_svc.engine.tokenizer import ModelTokenizer
from specialist_svc.report import TurnReport

SAMPLE = 15
SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
NAMES = ("sql", "salesforce")


class WritingDecoding:
    """A decoding that has ended."""

    def __init__(self, written: Written) -> None:
        self.future: Future[Decoded] = Future()
        self.future.set_result(Decoded(written, False, 10, 0, 5, 2, 0, DecodeTimings(0, 0, 0, 0, 0)))

    def cancel(self) -> None:
        """Has ended already."""


class WritingBackend:
    """Writes the given calls token by token, and keeps what it was asked."""

    name, slots, slot_tokens = "writing", 1, 2048

    def __init__(self, tokenizer: ModelTokenizer, texts: Sequence[str]) -> None:
        self._tokenizer, self._texts = tokenizer, list(texts)
        self.requests: list[DecodeRequest] = []

    def count_tokens(self, prompt: Sequence[str | Written]) -> int:
        """Tokens of a prompt's parts."""
        return sum(len(tokens) for tokens, _ in prompt_parts(prompt, self._tokenizer))

    def submit(self, request: DecodeRequest) -> WritingDecoding:
        """Answers with the next text."""
        self.requests.append(request)
        text = self._texts.pop(0)
        tokens = self._tokenizer.encode(text)
        return WritingDecoding(Written(text, tokens, (True,) * len(tokens)))


@pytest.mark.parametrize("name", NAMES)
async def test_training_reads_the_second_turn_that_serving_reads(
    name: str, warehouse: Path, tokenizer: ModelTokenizer
) -> None:
    """The encoder's prompt is the conversation's, token by token, whoever made the refused call."""
    part = trained(name, warehouse)
    sets = closed_sets_of(part.catalogue)
    own = 0
    for example in islice(recovery_examples(name, part.surface, part.catalogue, seed=3), SAMPLE):
        assert example.refused is not None
        call = part.surface.render(example.call.tool, example.call.request)
        texts = [call, call]
        try:
            part.surface.parse(example.refused.text, sets)
            texts[0] = example.refused.text
            own += 1
        except InvalidRequest:
            pass  # text that is no call: another one said it
        aliases = RecordAliases.of_sub_task(
            part.surface.closed_sets, example.request, source_text(example.context)
        )
        backend = WritingBackend(tokenizer, [aliases.hide(text) for text in texts])
        talk = Conversation(part.served(backend))
        task = SubTask(
            example.request, tuple(example.context), example.catalogue, example.today, max_tokens=160
        )
        await talk.start(task, TurnReport())
        failed = "" if texts[0] == example.refused.text else example.refused.text
        await talk.repair(example.refused.error, TurnReport(), failed=failed)
        asked = prompt_parts(backend.requests[1].prompt, tokenizer)
        assert part.encoder.encode(example).prompt == tuple(token for tokens, _ in asked for token in tokens)
    assert own > 0


@pytest.mark.parametrize("name", NAMES)
def test_kinds_of_errors_are_on_one_side_of_the_split(name: str, warehouse: Path) -> None:
    """Training sees many kinds, repairable and not, and none of those that evaluation has."""
    part = trained(name, warehouse)
    recorded = turns(name)
    seen = {turn.kind for turn in recorded if not is_dev(turn.kind)}
    assert len(seen) >= 12
    assert seen & FINAL_KINDS
    texts = {turn.failed for turn in recorded if is_dev(turn.kind)}
    examples = list(recovery_examples(name, part.surface, part.catalogue, seed=1))
    assert len(examples) == sum(not is_dev(turn.kind) for turn in recorded)
    assert not texts & {example.refused.text for example in examples if example.refused is not None}


@pytest.mark.parametrize("name", NAMES)
def test_a_turn_is_refused_or_repaired_by_another_call(name: str) -> None:
    """No repair is the refused call, and what cannot be repaired is said to be so."""
    for turn in turns(name):
        assert (turn.call == "UNANSWERABLE") == (not is_repairable(turn.kind))
        assert turn.call != turn.failed
        assert turn.error


def test_dev_kinds_have_both_sides() -> None:
    """Evaluation has kinds that can be repaired and kinds that cannot."""
    assert DEV_KINDS & FINAL_KINDS
    assert DEV_KINDS - FINAL_KINDS


@pytest.fixture
def systems(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module that runs the demo systems behind their tools."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    import recovery_systems  # type: ignore[import-not-found]  # beside the recording script

    yield recovery_systems
    sys.modules.pop("recovery_systems")


def test_recorded_errors_of_sqlite_are_its_own(warehouse: Path, systems: Any) -> None:
    """The tool says word for word today what was recorded."""
    part = trained("sql", warehouse)
    system = systems.SqlSystem(f"sqlite://{warehouse}")
    recorded = [turn for turn in turns("sql") if turn.dialect == "sqlite" and turn.kind != "locked"]
    for turn in random.Random(1).sample(recorded, SAMPLE):
        refusal = systems.refusal_of_query(turn.failed, system, part.catalogue)
        assert refusal is not None, turn.failed
        assert (refusal.failed, refusal.error) == (turn.failed, turn.error)


def test_recorded_errors_of_the_organisation_are_its_own(warehouse: Path, systems: Any) -> None:
    """The Salesforce tool says word for word today what was recorded."""
    part = trained("salesforce", warehouse)
    sets = closed_sets_of(part.catalogue)
    recorded = [turn for turn in turns("salesforce") if turn.kind not in systems.DOCUMENTED]
    with tempfile.TemporaryDirectory() as folder, systems.salesforce_system(Path(folder)) as system:
        for turn in random.Random(1).sample(recorded, SAMPLE):
            call = part.surface.parse(turn.failed, sets)
            error = system.error_of_call(call.tool.name, call.request)
            assert error is not None, turn.failed
            assert replace(turn, error=error.message) == turn
