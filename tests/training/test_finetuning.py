"""Fine-tuning: what a pack means, what a run that goes on means, what comes out. Needs the extra `train`."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
from training_parts import Trained

torch = pytest.importorskip("torch", reason="the extra `train` is not installed")

from narrowgauge.models.safetensors_checkpoint import SafetensorsCheckpoint  # noqa: E402
from narrowgauge.training.progress import Progress  # noqa: E402
from narrowgauge.training.specialist.batches import EncodedExample, Pack, batches  # noqa: E402
from narrowgauge.training.specialist.finetune import Recipe, finetune  # noqa: E402
from narrowgauge.training.specialist.network import add_lora, build_network, target_loss  # noqa: E402
from narrowgauge.training.specialist.tensors import tensors_of  # noqa: E402

RECIPE = Recipe(steps=8, batch_tokens=300, max_pack_tokens=300, warmup_steps=2, rank=4, alpha=8.0, threads=1)


@pytest.fixture(scope="module")
def examples(specialist: Callable[[str], Trained], warehouse: Path) -> list[EncodedExample]:
    """Summaries, which share the prefix of their instruction."""
    part = specialist("summary")
    return [part.encoder.encode(example) for example in islice(part.examples(warehouse), 24)]


def network_of(checkpoint: Path) -> torch.nn.Module:
    return build_network(SafetensorsCheckpoint(checkpoint))


def test_a_pack_has_the_loss_of_separate_sequences(
    tiny_checkpoint: Path, examples: list[EncodedExample]
) -> None:
    """Packed behind one prefix, each example's tokens get the loss that they get alone."""
    network = network_of(tiny_checkpoint)
    some = examples[:5]
    with torch.no_grad():
        packed = target_loss(network, tensors_of([Pack(tuple(some))]))
        alone = [target_loss(network, tensors_of([Pack((replace(e, shared=0),))])) for e in some]
    sampled = [sum(example.sampled) for example in some]
    mean = sum(float(loss) * count for loss, count in zip(alone, sampled, strict=True)) / sum(sampled)
    assert float(packed) == pytest.approx(mean, rel=1e-5)


def test_padding_changes_no_loss(tiny_checkpoint: Path, examples: list[EncodedExample]) -> None:
    """Packs of different lengths in one batch have the loss that they have in batches of their own."""
    network = network_of(tiny_checkpoint)
    packs = [Pack((examples[0],)), Pack(tuple(examples[1:5]))]
    counts = [sum(sum(example.sampled) for example in pack.examples) for pack in packs]
    with torch.no_grad():
        together = float(target_loss(network, tensors_of(packs)))
        single = [float(target_loss(network, tensors_of([pack]))) for pack in packs]
    mean = sum(loss * count for loss, count in zip(single, counts, strict=True)) / sum(counts)
    assert together == pytest.approx(mean, rel=1e-5)


def test_forced_tokens_carry_no_loss(examples: list[EncodedExample]) -> None:
    """The labels are the sampled tokens, in order, and nothing else."""
    pack = Pack(tuple(examples[:3]))
    labels = tensors_of([pack]).labels.tolist()
    assert labels == [
        token
        for example in pack.examples
        for token, sampled in zip(example.target, example.sampled, strict=True)
        if sampled
    ]


def test_new_lora_layers_change_nothing(tiny_checkpoint: Path, examples: list[EncodedExample]) -> None:
    """Training begins at the base model."""
    network = network_of(tiny_checkpoint)
    batch = tensors_of([Pack((examples[0],))])
    with torch.no_grad():
        before = float(target_loss(network, batch))
        assert len(add_lora(network, rank=4, alpha=8.0)) == 2 * 7 * 2
        assert float(target_loss(network, batch)) == before


def test_batches_go_on_where_a_run_ended(examples: list[EncodedExample]) -> None:
    """From any step on, also in a later epoch, the batches are those of an uninterrupted run."""
    of = {"batch_tokens": 300, "max_pack_tokens": 300, "seed": 3}
    whole = list(islice(batches(examples, **of), 40))
    for start in (1, 17, 33):
        assert list(islice(batches(examples, start_step=start, **of), 40 - start)) == whole[start:]


class EndedError(Exception):
    """Ends a run from its progress callback."""


def test_a_run_that_goes_on_ends_like_one_that_was_never_ended(
    tiny_checkpoint: Path, examples: list[EncodedExample], tmp_path: Path
) -> None:
    """Ended twice, once before the first checkpoint was due, the run's matrices are equal to the bit."""
    whole = finetune(network_of(tiny_checkpoint), examples, RECIPE, checkpoint=tmp_path / "whole.pt")

    def end_at(step: int) -> Callable[[Progress], None]:
        def report(progress: Progress) -> None:
            if progress.step == step:
                raise EndedError

        return report

    path = tmp_path / "parts.pt"
    for step in (3, 6):
        with pytest.raises(EndedError):
            finetune(network_of(tiny_checkpoint), examples, RECIPE, checkpoint=path, progress=end_at(step))
    seen: list[Progress] = []
    parts = finetune(network_of(tiny_checkpoint), examples, RECIPE, checkpoint=path, progress=seen.append)
    assert [progress.step for progress in seen] == [7, 8, 8]
    assert parts.keys() == whole.keys()
    for name, pair in whole.items():
        for expected, found in zip(pair, parts[name], strict=True):
            assert torch.equal(expected, found), name
    assert any(float(b.abs().max()) > 0 for _, b in whole.values())


def test_a_finished_run_is_not_trained_again(
    tiny_checkpoint: Path, examples: list[EncodedExample], tmp_path: Path
) -> None:
    """Its checkpoint gives the same matrices, and progress says that it is done."""
    path = tmp_path / "state.pt"
    first = finetune(network_of(tiny_checkpoint), examples, RECIPE, checkpoint=path)
    seen: list[Progress] = []
    again = finetune(network_of(tiny_checkpoint), examples, RECIPE, checkpoint=path, progress=seen.append)
    assert [progress.step for progress in seen] == [8]
    assert seen[0].tokens > 0
    assert all(torch.equal(first[name][1], again[name][1]) for name in first)


def test_another_recipe_does_not_go_on(
    tiny_checkpoint: Path, examples: list[EncodedExample], tmp_path: Path
) -> None:
    """A checkpoint of another learning rate is refused by name and values."""
    path = tmp_path / "state.pt"
    short = replace(RECIPE, steps=1)
    finetune(network_of(tiny_checkpoint), examples, short, checkpoint=path)
    with pytest.raises(ValueError, match=f"learning_rate={short.learning_rate}, not 0.5"):
        finetune(network_of(tiny_checkpoint), examples, replace(short, learning_rate=0.5), checkpoint=path)


def test_a_time_that_has_run_out_ends_the_run(
    tiny_checkpoint: Path, examples: list[EncodedExample], tmp_path: Path
) -> None:
    """With less time than a batch takes, one batch is done, and the adapter is what it taught."""
    seen: list[Progress] = []
    finetune(
        network_of(tiny_checkpoint),
        examples,
        replace(RECIPE, seconds=1e-6),
        checkpoint=tmp_path / "state.pt",
        progress=seen.append,
    )
    assert [progress.step for progress in seen] == [1, 1]


def test_training_lowers_the_loss(
    tiny_checkpoint: Path, examples: list[EncodedExample], tmp_path: Path
) -> None:
    """Even a model of random weights learns a few examples by heart somewhat."""
    few = examples[:4]
    batch = tensors_of([Pack((example,)) for example in few])
    network = network_of(tiny_checkpoint)
    with torch.no_grad():
        before = float(target_loss(network, batch))
    recipe = replace(RECIPE, steps=25, learning_rate=1e-2)
    finetune(network, few, recipe, checkpoint=tmp_path / "state.pt")
    with torch.no_grad():
        after = float(target_loss(network, batch))
    assert not math.isnan(after)
    assert after < 0.9 * before
