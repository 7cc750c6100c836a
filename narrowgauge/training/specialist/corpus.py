"""What a specialist is trained on: its own examples, data files, and generated requests, all encoded."""

from __future__ import annotations

import random
import sqlite3
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from narrowgauge.contracts.contract import ToolCall
from narrowgauge.contracts.salesforce_catalogue import catalogue_of_describes
from narrowgauge.contracts.specialist import Example, SpecialistConfig
from narrowgauge.contracts.sqlite_catalogue import catalogue_of_sqlite
from narrowgauge.contracts.surfaces import CompiledSurface
from narrowgauge.contracts.surfaces.sql.from_sql import from_sql
from narrowgauge.demo.warehouse import build_warehouse
from narrowgauge.errors import InvalidRequest, NotFound, Unsupported
from narrowgauge.evaluation.json_schema_contract import SERVICE as CALLS
from narrowgauge.training.specialist.batches import EncodedExample
from narrowgauge.training.specialist.call_corpus import CallSources, call_examples
from narrowgauge.training.specialist.data import (
    organisation_examples,
    salesforce_examples,
    salesforce_refusals,
    sql_examples,
    summary_examples,
)
from narrowgauge.training.specialist.data_files import DataFiles, Question, is_held_back
from narrowgauge.training.specialist.encode import Encoder, TrainingExample
from narrowgauge.training.specialist.organisations import KEY_FIELD, demo_objects
from narrowgauge.training.specialist.own_examples import own_examples
from narrowgauge.training.specialist.recovery_turns import recovery_examples
from narrowgauge.training.specialist.sql_periods import TODAY, draw_today
from narrowgauge.v1.catalogue_pb2 import Catalogue
from narrowgauge.v1.specialist_pb2 import ContextDocument

__all__ = ["DEFAULT_GENERATED", "Corpus", "Sources", "build_corpus", "demo_organisation_catalogue"]

DEFAULT_GENERATED = {
    "narrowgauge.tools.sql.v1.SqlToolService": 1500,
    "narrowgauge.tools.salesforce.v1.SalesforceToolService": 1200,
    "narrowgauge.tools.text.v1.TextToolService": 1200,
    CALLS: 2000,
}
"""Examples to generate, by contract; there is no generator for others."""

_SQL, _SALESFORCE, _TEXT, _ = DEFAULT_GENERATED
# Longer prompts cost more than they teach; the next example will be shorter.
_MAX_TOKENS = 400
# Of a prefix that examples share, so many at least and at most: it is read once for all of them.
_FEWEST, _MOST = 3, 14
_SCHEMAS, _QUESTIONS_A_SCHEMA = 50, 12
# Salesforce requests over objects that the demo organisation lacks, as a share of those generated.
_ELSEWHERE = 0.45
# Refusals of Salesforce, as a share of the requests generated; SQL's are among its questions.
_REFUSED = 0.06
# Turns after a refused call, likewise.
_RECOVERED = 0.1
# Drawn for each example that is kept, since those that share a prefix are wanted.
_DRAWN = 3

Report = Callable[[int, int], None]
"""Told how many examples are encoded, and about how many there will be."""


@dataclass(frozen=True)
class Sources:
    """Where examples come from.

    Attributes:
        seed: Of all that is drawn.
        generated: Examples to generate; 0 for none.
        files: What the data files hold.
        taken: Questions to take from each data file, drawn by chance.
        database: SQLite database that SQL questions are about; None for the demo warehouse.
        variants: Variants to make of a user's own examples; None for as many as are worth their time.
    """

    seed: int
    generated: int
    files: DataFiles
    database: Path | None = None
    taken: int = 1000
    variants: int | None = None


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
    draw = _Draw(encoder, corpus, config.catalogue_chars > 0, random.Random(sources.seed), report)
    if contract.service == _SQL:
        _sql(draw, surface, sources)
    elif contract.service == _SALESFORCE and sources.generated:
        catalogue = demo_organisation_catalogue()
        elsewhere = round(sources.generated * _ELSEWHERE)
        made = salesforce_examples(contract, catalogue, seed=sources.seed)
        corpus.add("generated over the demo organisation", draw.some(made, sources.generated - elsewhere))
        made = organisation_examples(contract, sources.files.describes, seed=sources.seed)
        corpus.add("generated over invented organisations", draw.some(made, elsewhere))
        refused = salesforce_refusals(contract, catalogue, seed=sources.seed)
        corpus.add("refused requests", draw.some(refused, round(sources.generated * _REFUSED)))
        _recovered(draw, "salesforce", surface, catalogue, sources)
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
        with _opened(database) as connection:
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


@dataclass
class _Draw:
    """Encodes generated examples and keeps those that are worth their tokens."""

    encoder: Encoder
    corpus: Corpus
    by_prefix: bool
    rng: random.Random
    report: Report
    encoded: int = 0

    def some(self, examples: Iterable[TrainingExample], wanted: int) -> list[EncodedExample]:
        """Takes as many as wanted out of an endless supply."""
        if self.by_prefix:
            return self.sharing(islice(examples, wanted * _DRAWN), wanted)
        return list(islice(self._encode(examples, wanted), wanted))

    def sharing(
        self, examples: Iterable[TrainingExample], wanted: int, most: int = _MOST
    ) -> list[EncodedExample]:
        """Takes those whose prompts begin alike, the catalogue's text included, in groups."""
        groups: dict[tuple[int, ...], list[EncodedExample]] = defaultdict(list)
        for example in self._encode(examples, wanted * _DRAWN):
            groups[example.prompt[: example.shared]].append(example)
        usable = [group for group in groups.values() if len(group) >= _FEWEST]
        self.rng.shuffle(usable)
        taken: list[EncodedExample] = []
        for group in usable:
            if len(taken) >= wanted:
                return taken
            taken += group[:most]
        # What is left of large groups costs little; what shares its prefix with nobody is the rest of what
        # people ask, and is wanted as well.
        rest = [example for group in usable for example in group[most:]]
        rest += [example for group in groups.values() if len(group) < _FEWEST for example in group]
        self.rng.shuffle(rest)
        return taken + rest[: max(0, wanted - len(taken))]

    def _encode(self, examples: Iterable[TrainingExample], wanted: int) -> Iterator[EncodedExample]:
        for example in examples:
            try:
                encoded = self.encoder.encode(example)
            except InvalidRequest as error:
                self.corpus.left_out[error.reason] += 1
                continue
            self.encoded += 1
            self.report(self.encoded, wanted)
            if len(encoded) <= _MAX_TOKENS:
                yield encoded
            else:
                self.corpus.left_out["TOO_LONG"] += 1


def _sql(draw: _Draw, surface: CompiledSurface, sources: Sources) -> None:
    """Questions on a database, on the files' schemas, and those that people asked."""
    contract, corpus, seed = surface.contract, draw.corpus, sources.seed
    if sources.generated:
        with _opened(sources.database) as database:
            catalogue = catalogue_of_sqlite(database)
            made = sql_examples(contract, surface, catalogue, database, seed=seed)
            name = sources.database.name if sources.database else "the demo warehouse"
            corpus.add(f"generated over {name}", draw.some(made, sources.generated))
            if sources.database is None:
                _recovered(draw, "sql", surface, catalogue, sources)
    catalogues = _catalogues(sources.files.schemas, corpus)
    names = sorted(sources.files.described & catalogues.keys())
    draw.rng.shuffle(names)
    for name in names[:_SCHEMAS] if sources.generated else ():
        made = sql_examples(contract, surface, catalogues[name], None, seed=_seed_of(seed, name))
        drawn = islice(made, _QUESTIONS_A_SCHEMA * _DRAWN)
        corpus.add("generated over other schemas", draw.sharing(drawn, _QUESTIONS_A_SCHEMA))
    for source in sorted({question.source for question in sources.files.questions}):
        asked = [q for q in sources.files.questions if q.source == source and q.database in catalogues]
        corpus.add(f"asked by people, {source}", _asked(draw, surface, asked, catalogues, sources.taken))


def _recovered(
    draw: _Draw, specialist: str, surface: CompiledSurface, catalogue: Catalogue, sources: Sources
) -> None:
    """Turns after a refused call, on the demo system."""
    turns = recovery_examples(specialist, surface, catalogue, seed=sources.seed)
    wanted = round(sources.generated * _RECOVERED)
    draw.corpus.add("recovered calls", draw.some(turns, wanted))


def _asked(
    draw: _Draw,
    surface: CompiledSurface,
    questions: Sequence[Question],
    catalogues: dict[str, Catalogue],
    wanted: int,
) -> list[EncodedExample]:
    """Takes questions of one file, those on one database together and databases in random order."""
    by_database: dict[str, list[Question]] = defaultdict(list)
    for question in questions:
        by_database[question.database].append(question)
    # Of a database asked often no more than of the others, so that all of them come in.
    most = max(_FEWEST, -(-wanted // max(1, len(by_database))))
    names = [name for name, rows in by_database.items() if len(rows) >= _FEWEST]
    draw.rng.shuffle(names)
    taken: list[EncodedExample] = []
    for name in names:
        if len(taken) >= wanted:
            break
        rows = by_database[name]
        draw.rng.shuffle(rows)
        gold = _mapped(rows[: most * _DRAWN], surface, catalogues[name], draw.corpus)
        taken += draw.sharing(gold, most)
    return taken


def _mapped(
    questions: Sequence[Question], surface: CompiledSurface, catalogue: Catalogue, corpus: Corpus
) -> Iterator[TrainingExample]:
    tool = surface.contract.tool("Query")
    for question in questions:
        try:
            request = from_sql(question.sql, catalogue)
        except Unsupported as error:
            corpus.left_out[error.reason] += 1
            continue
        own = tool.request_class()
        own.ParseFromString(request.SerializeToString())
        today = draw_today(random.Random(question.text))
        yield TrainingExample(question.text, ToolCall(tool, own), catalogue, (), str(today))


def _catalogues(schemas: dict[str, str], corpus: Corpus) -> dict[str, Catalogue]:
    found: dict[str, Catalogue] = {}
    for name, ddl in schemas.items():
        if is_held_back(name):
            continue
        with closing(sqlite3.connect(":memory:")) as connection:
            try:
                connection.executescript(ddl)
            except sqlite3.Error:
                corpus.left_out["BAD_DDL"] += 1
                continue
            found[name] = catalogue_of_sqlite(connection)
    return found


def _seed_of(seed: int, name: str) -> int:
    return random.Random(f"{seed}/{name}").getrandbits(32)


@contextmanager
def _opened(path: Path | None) -> Iterator[sqlite3.Connection]:
    """Opens a database for reading, or a fresh demo warehouse."""
    if path is not None:
        if not path.is_file():
            raise NotFound("NO_DATABASE", f"there is no database {path}")
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            yield connection
        return
    with tempfile.TemporaryDirectory(prefix="narrowgauge-") as folder:
        warehouse = Path(folder) / "warehouse.db"
        build_warehouse(warehouse)
        with closing(sqlite3.connect(warehouse)) as connection:
            yield connection
