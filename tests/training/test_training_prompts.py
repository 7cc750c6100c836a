"""Training reads and writes the tokens that serving reads and writes."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
from training_parts import SPECIALISTS, Trained, trained

from narrowgauge.contracts.closed_sets import closed_sets_of, source_text
from narrowgauge.contracts.record_aliases import RecordAliases
from narrowgauge.contracts.shots import shots_of
from specialist_svc.engine.guide import LlguidanceGuides
from specialist_svc.engine.tokenizer import ModelTokenizer
from specialist_svc.fitting import fit_prompt

SAMPLE = 25


class CountingBackend:
    """The part of a decode backend that prompts are fitted with."""

    slot_tokens = 2048

    def __init__(self, tokenizer: ModelTokenizer) -> None:
        self._tokenizer = tokenizer

    def count_tokens(self, prompt: Sequence[str]) -> int:
        """Tokens of a prompt's parts."""
        return sum(len(self._tokenizer.encode(part)) for part in prompt)


@pytest.mark.parametrize(("catalogue_chars", "schema_links"), [(0, False), (0, True), (420, True)])
@pytest.mark.parametrize("name", SPECIALISTS)
def test_training_reads_the_tokens_that_serving_reads(
    name: str, catalogue_chars: int, schema_links: bool, warehouse: Path, tokenizer: ModelTokenizer
) -> None:
    """For the same sub-task, the encoder's prompt is the service's prompt, token by token."""
    part = trained(name, warehouse, catalogue_chars=catalogue_chars, schema_links=schema_links)
    specialist = part.served(CountingBackend(tokenizer))
    for example in islice(part.examples(warehouse, seed=9), SAMPLE):
        parts = fit_prompt(
            specialist,
            request=example.request,
            context=tuple(example.context),
            catalogue=example.catalogue,
            today=example.today,
            output_tokens=part.config.max_output_tokens,
            aliases=RecordAliases.of_sub_task(
                part.surface.closed_sets, example.request, source_text(example.context)
            ),
        )
        encoded = part.encoder.encode(example)
        tokens = [tokenizer.encode(text) for text in parts.texts]
        assert encoded.prompt == tuple(token for part_tokens in tokens for token in part_tokens)
        assert encoded.shared == sum(map(len, tokens[:-1]))


@pytest.mark.parametrize("surface", ["", "compact"])
@pytest.mark.parametrize("name", SPECIALISTS)
def test_the_loss_is_on_the_tokens_that_serving_samples(
    name: str,
    surface: str,
    specialist: Callable[[str], Trained],
    warehouse: Path,
    tokenizer: ModelTokenizer,
) -> None:
    """A walk with the service's guide samples exactly the tokens that the encoder marks, on a specialist's
    own surface and on the one for tuned specialists of any contract."""
    part = trained(name, warehouse, surface=surface) if surface else specialist(name)
    guides = LlguidanceGuides(tokenizer)
    forced_in_all = 0
    for example in islice(part.examples(warehouse, seed=10), SAMPLE):
        encoded = part.encoder.encode(example)
        sets = closed_sets_of(example.catalogue, example.context, example.request)
        guide = guides.guide(part.surface.grammar(sets))
        *text, end = encoded.target
        sampled: list[bool] = []
        while len(sampled) < len(text):
            at = len(sampled)
            forced = guide.forced()
            if forced and forced == text[at : at + len(forced)]:
                guide.accept(forced)
                sampled += [False] * len(forced)
            else:
                guide.accept([text[at]])
                sampled.append(True)
        assert guide.may_end() or guide.must_end()
        assert encoded.sampled == (*sampled, not guide.must_end())
        assert end == tokenizer.eos[0]
        forced_in_all += sampled.count(False)
    assert forced_in_all > (SAMPLE if not surface else 0)


def test_a_tuned_specialist_shows_no_examples(tmp_path: Path, specialist: Callable[[str], Trained]) -> None:
    """Its prompts are those of training, which have none, although its examples file is kept."""
    part = specialist("summary")
    example = {"request": "sum it up", "context": "a text", "call": {"headline": "It is a text."}}
    (tmp_path / "examples.jsonl").write_text(json.dumps(example))
    config = replace(part.config, folder=tmp_path, examples="examples.jsonl", adapter="")
    assert len(shots_of(config, part.surface)) == 1
    assert shots_of(replace(config, adapter="adapter"), part.surface) == ()
