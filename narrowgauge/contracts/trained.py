"""What an adapter was trained with: prompts of another form would make it worse without a word.

`training.json` in the adapter's folder records contract, surface, instruction, catalogue_chars and
schema_links, and how the training went. An adapter without the file is taken as it is. The adapter that reads
the contract in its prompt takes any contract, so contract and instruction are not compared there.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from narrowgauge.contracts.specialist import CALL_ADAPTER
from narrowgauge.errors import DataLoss, InvalidRequest

if TYPE_CHECKING:
    from narrowgauge.contracts.specialist import SpecialistConfig

__all__ = ["TRAINING_FILE", "check_trained", "prompt_facts"]

TRAINING_FILE = "training.json"
_FIELDS = ("contract", "surface", "instruction", "catalogue_chars", "schema_links")
_FIELDS_OF_ANY_CONTRACT = ("surface", "schema_links")


def prompt_facts(config: SpecialistConfig) -> dict[str, Any]:
    """Returns those values of a configuration that an adapter depends on."""
    return {name: getattr(config, name) for name in _FIELDS}


def check_trained(config: SpecialistConfig) -> None:
    """Makes sure that a specialist is served as its adapter was trained.

    Raises:
        InvalidRequest: A value differs; names it and both values.
        DataLoss: The record cannot be read.
    """
    if config.adapter_path is None or not (config.adapter_path / TRAINING_FILE).is_file():
        return
    path = config.adapter_path / TRAINING_FILE
    compared = _FIELDS_OF_ANY_CONTRACT if config.adapter == CALL_ADAPTER else _FIELDS
    try:
        recorded = json.loads(path.read_text(encoding="utf-8"))
        differing = [name for name in compared if recorded[name] != getattr(config, name)]
    except (ValueError, KeyError, TypeError) as error:
        raise DataLoss("TRAINING_RECORD_DAMAGED", f"{path} cannot be read: {error!r}") from error
    if differing:
        name = differing[0]
        raise InvalidRequest(
            "ADAPTER_CONFIG",
            f"{config.folder}: {name} is {getattr(config, name)!r}, and the adapter was trained with "
            f"{recorded[name]!r}: use that, or train again",
        )
