"""The call specialist's examples: rows that people wrote, requests over their schemas, invented contracts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from narrowgauge.errors import InvalidRequest
from narrowgauge.training.specialist.batches import EncodedExample
from narrowgauge.training.specialist.call_requests import CallTask, encode_task, function_tasks, service_tasks
from narrowgauge.training.specialist.call_schema_requests import schema_tasks
from narrowgauge.training.specialist.call_seal_tools import SealTools
from narrowgauge.training.specialist.encode import Encoder

__all__ = ["CallSources", "call_examples"]

# A prompt describes its functions, and a call of several is long.
_MAX_TOKENS = 512
# Of the requests that are generated: over the schemas of a data file where there is one, and on contracts
# of one's own; the others are on functions in JSON Schema.
_OVER_SCHEMAS, _ON_CONTRACTS = 0.4, 0.35
_FEWEST_FUNCTIONS = 3


@dataclass(frozen=True)
class CallSources:
    """Where the call specialist's examples come from.

    Attributes:
        seed: Of all that is drawn.
        seals: Rows and functions of the data files.
        taken: Examples to take of each file's rows, which come up again in other groups.
        generated: Examples to generate.
    """

    seed: int
    seals: Sequence[SealTools]
    taken: int
    generated: int


def call_examples(
    encoder: Encoder, sources: CallSources, left_out: Counter[str], report: Callable[[int, int], None]
) -> Iterator[tuple[str, list[EncodedExample]]]:
    """Yields the examples of each source with its name.

    Args:
        encoder: Of any specialist on the model.
        sources: Where they come from.
        left_out: Counts what was not taken, by reason.
        report: Told how many examples are encoded, and how many there will be.
    """
    seed, generated = sources.seed, sources.generated
    free = [
        seal.functions[name]
        for seal in sources.seals
        for name in seal.free
        if len(seal.free) >= _FEWEST_FUNCTIONS
    ]
    over_schemas = round(generated * _OVER_SCHEMAS) if free else 0
    on_contracts = round((generated - over_schemas) * _ON_CONTRACTS / (1 - _OVER_SCHEMAS))
    plan: list[tuple[str, Iterable[CallTask], int]] = [
        ("rows of Seal-Tools", seal.tasks(seed=seed), sources.taken) for seal in sources.seals
    ]
    if free:
        plan.append(("worded from its functions", schema_tasks(free, seed=seed), over_schemas))
    plan.append(("on invented contracts", service_tasks(seed=seed), on_contracts))
    functions = generated - over_schemas - on_contracts
    plan.append(("on invented functions", function_tasks(seed=seed), functions))
    wanted = sum(count for _, _, count in plan)
    done = 0
    for source, tasks, count in plan:
        taken: list[EncodedExample] = []
        for example in _encoded(tasks if count else (), encoder, left_out):
            taken.append(example)
            report(done + len(taken), wanted)
            if len(taken) >= count:
                break
        done += len(taken)
        yield source, taken
    left_out.update(chain.from_iterable(seal.left_out.elements() for seal in sources.seals))


def _encoded(tasks: Iterable[CallTask], encoder: Encoder, left_out: Counter[str]) -> Iterator[EncodedExample]:
    for task in tasks:
        try:
            examples = encode_task(task, encoder)
        except InvalidRequest as error:
            left_out[error.reason] += 1
            continue
        for example in examples:
            if len(example) <= _MAX_TOKENS:
                yield example
            else:
                left_out["TOO_LONG"] += 1
