"""Which examples are kept from training, to be asked afterwards."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence

from narrowgauge.contracts.contract import Contract
from narrowgauge.contracts.specialist import Example
from narrowgauge.training.specialist.augment import normal_request

__all__ = ["FEWEST_EXAMPLES", "split"]

FEWEST_EXAMPLES = 10
"""With fewer, all of them are needed for training, and nothing is measured."""

_ONE_IN = 5


def split(contract: Contract, examples: Sequence[Example]) -> tuple[list[Example], list[Example]]:
    """Parts examples in those to train on and those that are held back, about one in five.

    A hash of the request decides, so that an example stays on its side when others are added, and the same
    request written twice stands on one side. Variants are made of the training side alone.

    Args:
        contract: A method that would have no example left keeps all of them for training.
        examples: All examples.

    Raises:
        InvalidRequest: An example names a method that the contract lacks.
    """
    if len(examples) < FEWEST_EXAMPLES:
        return list(examples), []
    methods = [example.tool_call(contract).tool.name for example in examples]
    chosen = [_is_chosen(example) for example in examples]
    left = Counter(method for method, held in zip(methods, chosen, strict=True) if not held)
    held = [is_held and left[method] > 0 for method, is_held in zip(methods, chosen, strict=True)]
    return (
        [example for example, is_held in zip(examples, held, strict=True) if not is_held],
        [example for example, is_held in zip(examples, held, strict=True) if is_held],
    )


def _is_chosen(example: Example) -> bool:
    digest = hashlib.sha256(normal_request(example.request).encode()).digest()
    return int.from_bytes(digest[:4], "big") % _ONE_IN == 0
