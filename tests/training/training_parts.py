"""The shipped specialists' surfaces, encoders and generated examples, for tests of training."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from narrowgauge.contracts.bundle import carried_specialists
from narrowgauge.contracts.contract import Contract
from narrowgauge.contracts.descriptors import builtin_descriptor_set, contracts_in
from narrowgauge.contracts.prompts import chat_format
from narrowgauge.contracts.specialist import SpecialistConfig
from narrowgauge.contracts.sqlite_catalogue import catalogue_of_sqlite
from narrowgauge.contracts.surfaces import CompiledSurface, get_surface
from narrowgauge.models.embedded import embedded_gguf
from narrowgauge.models.gguf_checkpoint import GgufCheckpoint
from narrowgauge.training.specialist.corpus import demo_organisation_catalogue
from narrowgauge.training.specialist.data import salesforce_examples, sql_examples, summary_examples
from narrowgauge.training.specialist.encode import Encoder, TrainingExample
from narrowgauge.v1.catalogue_pb2 import Catalogue
from specialist_svc.inputs import InputLimits
from specialist_svc.specialist import Specialist

SPECIALISTS = ("salesforce", "sql", "summary")


@dataclass(frozen=True)
class Trained:
    """A specialist with all that encodes its examples."""

    config: SpecialistConfig
    contract: Contract
    surface: CompiledSurface
    catalogue: Catalogue
    encoder: Encoder

    def examples(self, warehouse: Path, *, seed: int = 1) -> Iterator[TrainingExample]:
        """Its generated examples, without end."""
        if self.config.name == "summary":
            return summary_examples(self.contract, seed=seed)
        if self.config.name == "salesforce":
            return salesforce_examples(self.contract, self.catalogue, seed=seed)
        database = sqlite3.connect(warehouse)
        return sql_examples(self.contract, self.surface, self.catalogue, database, seed=seed)

    def served(self, backend: Any) -> Specialist:
        """The specialist as its process would serve it once it is tuned; a part of a backend is enough."""
        return Specialist(
            surface=self.surface,
            chat=chat_format("chatml"),
            instruction=self.config.instruction,
            shots=(),
            catalogue_chars=self.config.catalogue_chars,
            schema_links=self.config.schema_links,
            drafts=None,
            backend=backend,
            max_output_tokens=self.config.max_output_tokens,
            max_redecodes=0,
            limits=InputLimits(10_000, 100_000),
            bundle_hash="",
            model_hash="",
            model_name="",
        )


def trained(name: str, warehouse: Path, **changes: object) -> Trained:
    """Opens a shipped specialist, some values of its configuration changed."""
    folder = next(folder for folder in carried_specialists() if folder.name == name)
    config = replace(SpecialistConfig.read(folder), **changes)  # type: ignore[arg-type]
    contract = next(c for c in contracts_in(builtin_descriptor_set()) if c.service == config.contract)
    surface = get_surface(config.surface).compile(contract)
    checkpoint = GgufCheckpoint(embedded_gguf())
    encoder = Encoder(
        config,
        surface,
        tokenizer_json=checkpoint.tokenizer_json(),
        vocab_size=checkpoint.config.vocab_size,
        eos=checkpoint.config.eos_token_ids,
        chat=checkpoint.config.chat_format,
    )
    return Trained(config, contract, surface, _catalogue(name, warehouse), encoder)


def _catalogue(name: str, warehouse: Path) -> Catalogue:
    if name == "sql":
        connection = sqlite3.connect(warehouse)
        try:
            return catalogue_of_sqlite(connection)
        finally:
            connection.close()
    return demo_organisation_catalogue() if name == "salesforce" else Catalogue()
