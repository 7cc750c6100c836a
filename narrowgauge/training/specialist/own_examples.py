"""The examples of a user's own specialist: what is trained on, what is made of them, what is held back."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from narrowgauge.contracts.closed_sets import catalogue_hash
from narrowgauge.contracts.constraint.fields import values_from
from narrowgauge.contracts.contract import Contract
from narrowgauge.contracts.proto_json import write_message
from narrowgauge.contracts.specialist import Example, SpecialistConfig
from narrowgauge.contracts.validate import violations
from narrowgauge.errors import InvalidRequest
from narrowgauge.training.specialist.augment import augment, normal_request
from narrowgauge.training.specialist.data_files import DataFiles
from narrowgauge.training.specialist.grounding import leaves_of
from narrowgauge.training.specialist.held_back import split
from narrowgauge.v1.catalogue_pb2 import Catalogue

__all__ = ["OwnExamples", "own_examples"]

# Together with two epochs over them what two cores read in a quarter of an hour.
_VARIANTS, _MOST_AN_EXAMPLE = 1200, 40


@dataclass(frozen=True)
class OwnExamples:
    """What a user's examples become.

    Attributes:
        kept: Examples to train on.
        made: Variants of those.
        held_back: Examples that training never sees, nor a variant of them.
        catalogue: The values of closed sets that the examples have: what is known of their environment.
    """

    kept: tuple[Example, ...]
    made: tuple[Example, ...]
    held_back: tuple[Example, ...]
    catalogue: Catalogue


def own_examples(
    config: SpecialistConfig,
    contract: Contract,
    files: DataFiles,
    *,
    variants: int | None = None,
    seed: int,
) -> OwnExamples:
    """Reads the examples of a configuration and of data files, parts them, and makes variants.

    Args:
        config: The specialist.
        contract: Its contract.
        files: Further examples.
        variants: Variants to make; None for as many as are worth their time.
        seed: Of the variants.

    Raises:
        InvalidRequest: An example is no valid call of the contract; names it and its place.
    """
    own = [(f"{config.folder / config.examples}", example) for example in config.read_examples()]
    given = [*files.examples, *own]
    for place, example in given:
        _check(place, example, contract)
    examples = [example for _, example in given]
    kept, held = split(contract, examples)
    wanted = min(_VARIANTS, _MOST_AN_EXAMPLE * len(kept)) if variants is None else variants
    avoid = {normal_request(example.request) for example in held}
    made = augment(contract, kept, wanted=wanted, seed=seed, avoid=avoid) if wanted else []
    return OwnExamples(tuple(kept), tuple(made), tuple(held), _catalogue(contract, examples))


def _check(place: str, example: Example, contract: Contract) -> None:
    try:
        broken = violations(example.tool_call(contract).request)
    except InvalidRequest as error:
        raise InvalidRequest(error.reason, f"{place}, {example.request!r}: {error.message}") from error
    if broken:
        raise InvalidRequest(
            "BAD_EXAMPLE",
            f"{place}, {example.request!r}: its call breaks the contract",
            field_violations=broken,
        )


def _catalogue(contract: Contract, examples: Sequence[Example]) -> Catalogue:
    found: dict[str, list[str]] = defaultdict(list)
    for example in examples:
        call = example.tool_call(contract)
        for leaf in leaves_of(json.loads(write_message(call.request)), call.tool.request):
            if leaf.kind == "text" and (name := values_from(leaf.field)):
                found[name].append(leaf.value)
    catalogue = Catalogue()
    for name, values in sorted(found.items()):
        catalogue.closed_sets.add(name=name, values=list(dict.fromkeys(values)))
    if found:
        catalogue.hash = catalogue_hash(catalogue)
    return catalogue
