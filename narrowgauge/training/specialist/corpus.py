"""What a specialist is trained on: its own examples, data files, and generated requests, all encoded."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from narrowgauge.contracts.salesforce_catalogue import catalogue_of_describes
from narrowgauge.contracts.specialist import Example, SpecialistConfig
from narrowgauge.contracts.sqlite_catalogue import catalogue_of_sqlite
from narrowgauge.contracts.surfaces import CompiledSurface
from narrowgauge.errors import InvalidRequest
from narrowgauge.evaluation.json_schema_contract import SERVICE as CALLS
from narrowgauge.training.specialist.batches import EncodedExample
from narrowgauge.training.specialist.call_corpus import CallSources, call_examples
from narrowgauge.training.specialist.data import (
    organisation_examples,
    salesforce_examples,
    salesforce_refusals,
    summary_examples,
)
from narrowgauge.training.specialist.encode import Encoder, TrainingExample
from narrowgauge.training.specialist.organisations import KEY_FIELD, demo_objects
from narrowgauge.training.specialist.own_examples import own_examples
from narrowgauge.training.specialist.prefix_draw import Draw, Report
from narrowgauge.training.specialist.recovery_turns import recovery_examples
from narrowgauge.training.specialist.sources import Sources
from narrowgauge.training.specialist.sql_corpus import open_database, sql_corpus
from narrowgauge.training.specialist.sql_periods import TODAY
from narrowgauge.v1.catalogue_pb2 import Catalogue
from narrowgauge.v1.specialist_pb2 import ContextDocument

__all__ = ["DEFAULT_GENERATED", "Corpus", "build_corpus", "demo_organisation_catalogue"]

DEFAULT_GENERATED = {
    "narrowgauge.tools.sql.v1.SqlToolService": 1500,
    "narrowgauge.tools.salesforce.v1.SalesforceToolService": 1200,
    "narrowgauge.tools.text.v1.TextToolService": 1200,
    CALLS: 2000,
}
"""Examples to generate, by contract; there is no generator for others."""

_SQL, _SALESFORCE, _TEXT, _ = DEFAULT_GENERATED
# Salesforce requests over objects that the demo organisation lacks, as a share of those generated.
_ELSEWHERE = 0.45
# Refusals of Salesforce, as a share of the requests generated; SQL's are among its questions.
_REFUSED = 0.06


@dataclass
class Corpus:
    """Encoded examples.

    Attributes:
        examples: The examples.
        counts: How many there are by source, for people.
        left_out: How many were not taken, by reason.
        held_back: Examples of a user's own that are not among them, to be asked afterwards.
    """

    examples: list[EncodedExample] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)
    held_back: int = 0

    def add(self, source: str, examples: Sequence[EncodedExample]) -> None:
        """Takes the examples of a source."""
        if examples:
            self.examples += examples
            self.counts[source] = self.counts.get(source, 0) + len(examples)


def build_corpus(
    config: SpecialistConfig,
    surface: CompiledSurface,
    encoder: Encoder,
    sources: Sources,
    report: Report = lambda done, of: None,
) -> Corpus:
    """Draws, reads and encodes all examples; the same sources give the same corpus.

    Raises:
        InvalidRequest: An example of the user's own is not a call that the specialist could write, or there
            are no examples at all.
        NotFound: The database does not exist.
    """
    contract = surface.contract
    corpus = Corpus()
    if contract.service not in DEFAULT_GENERATED:
        _own(config, surface, encoder, sources, corpus, report)
    elif sources.files.examples:
        # The specialist's own ones are few and written for the untuned model's prompt.
        catalogue = _environment(contract.service, sources.database)
        given = sources.files.examples
        corpus.add("examples", [_given(encoder, surface, catalogue, *pair) for pair in given])
    draw = Draw(encoder, corpus.left_out, config.catalogue_chars > 0, random.Random(sources.seed), report)
    if contract.service == _SQL:
        for source, examples in sql_corpus(draw, surface, sources):
            corpus.add(source, examples)
    elif contract.service == _SALESFORCE and sources.generated:
        catalogue = demo_organisation_catalogue()
        elsewhere = round(sources.generated * _ELSEWHERE)
        made = salesforce_examples(contract, catalogue, seed=sources.seed)
        corpus.add("generated over the demo organisation", draw.some(made, sources.generated - elsewhere))
        made = organisation_examples(contract, sources.files.describes, seed=sources.seed)
        corpus.add("generated over invented organisations", draw.some(made, elsewhere))
        refused = salesforce_refusals(contract, catalogue, seed=sources.seed)
        corpus.add("refused requests", draw.some(refused, round(sources.generated * _REFUSED)))
        turns = recovery_examples("salesforce", surface, catalogue, seed=sources.seed)
        corpus.add("recovered calls", draw.some(turns, sources.recovered))
    elif contract.service == _TEXT and sources.generated:
        made = summary_examples(contract, seed=sources.seed)
        corpus.add("generated results and notes", draw.some(made, sources.generated))
    elif contract.service == CALLS:
        calls = CallSources(sources.seed, sources.files.calls, sources.taken, sources.generated)
        for source, examples in call_examples(encoder, calls, corpus.left_out, report):
            corpus.add(source, examples)
    if not corpus.examples:
        raise InvalidRequest(
            "NO_EXAMPLES",
            f"there is nothing to train {config.name} on: name a file of examples with --data, or in its "
            "specialist.toml",
        )
    return corpus


def demo_organisation_catalogue() -> Catalogue:
    """Returns the catalogue that the Salesforce tool makes of the demo organisation."""
    return catalogue_of_describes(demo_objects(), key_field=KEY_FIELD)


def _own(
    config: SpecialistConfig,
    surface: CompiledSurface,
    encoder: Encoder,
    sources: Sources,
    corpus: Corpus,
    report: Report,
) -> None:
    """The examples of a contract without a generator, but for those held back, and variants of them."""
    own = own_examples(config, surface.contract, sources.files, variants=sources.variants, seed=sources.seed)
    place = f"{config.folder / config.examples}"
    of = len(own.kept) + len(own.made)
    for source, examples in (("examples", own.kept), ("variants of them", own.made)):
        for example in examples:
            corpus.add(source, [_given(encoder, surface, own.catalogue, place, example)])
            report(len(corpus.examples), of)
    corpus.held_back = len(own.held_back)


def _environment(service: str, database: Path | None) -> Catalogue:
    """Returns what examples of a shipped contract may name: the demo's systems."""
    if service == _SALESFORCE:
        return demo_organisation_catalogue()
    if service == _SQL:
        with open_database(database) as connection:
            return catalogue_of_sqlite(connection)
    return Catalogue()


def _given(
    encoder: Encoder, surface: CompiledSurface, catalogue: Catalogue, place: str, example: Example
) -> EncodedExample:
    try:
        return encoder.encode(
            TrainingExample(
                example.request,
                example.tool_call(surface.contract),
                catalogue,
                [ContextDocument(text=example.context)] if example.context else [],
                str(TODAY),
                catalogue_text=example.catalogue,
            )
        )
    except InvalidRequest as error:
        raise InvalidRequest(error.reason, f"{place}, {example.request!r}: {error.message}") from error
