"""The SQL specialist's examples: questions generated over databases and schemas, and those people asked."""

from __future__ import annotations

import random
import sqlite3
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path

from narrowgauge.contracts.contract import ToolCall
from narrowgauge.contracts.sqlite_catalogue import catalogue_of_sqlite
from narrowgauge.contracts.surfaces import CompiledSurface
from narrowgauge.contracts.surfaces.sql.from_sql import from_sql
from narrowgauge.demo.warehouse import build_warehouse
from narrowgauge.errors import NotFound, Unsupported
from narrowgauge.training.specialist.batches import EncodedExample
from narrowgauge.training.specialist.data import sql_examples
from narrowgauge.training.specialist.data_files import Question, is_held_back
from narrowgauge.training.specialist.encode import TrainingExample
from narrowgauge.training.specialist.prefix_draw import DRAWN, FEWEST, Draw
from narrowgauge.training.specialist.recovery_turns import recovery_examples
from narrowgauge.training.specialist.sources import Sources
from narrowgauge.training.specialist.sql_periods import draw_today
from narrowgauge.v1.catalogue_pb2 import Catalogue

__all__ = ["open_database", "sql_corpus"]

_SCHEMAS, _QUESTIONS_A_SCHEMA = 50, 12


def sql_corpus(
    draw: Draw, surface: CompiledSurface, sources: Sources
) -> Iterator[tuple[str, list[EncodedExample]]]:
    """Yields the examples of each source with its name.

    Args:
        draw: Encodes and keeps them.
        surface: The specialist's.
        sources: Where they come from.

    Raises:
        NotFound: The database does not exist.
    """
    contract, seed = surface.contract, sources.seed
    if sources.generated:
        with open_database(sources.database) as database:
            catalogue = catalogue_of_sqlite(database)
            made = sql_examples(contract, surface, catalogue, database, seed=seed)
            name = sources.database.name if sources.database else "the demo warehouse"
            yield f"generated over {name}", draw.some(made, sources.generated)
            if sources.database is None:
                turns = recovery_examples("sql", surface, catalogue, seed=seed)
                yield "recovered calls", draw.some(turns, sources.recovered)
    catalogues = _catalogues(sources.files.schemas, draw.left_out)
    names = sorted(sources.files.described & catalogues.keys())
    draw.rng.shuffle(names)
    for name in names[:_SCHEMAS] if sources.generated else ():
        made = sql_examples(contract, surface, catalogues[name], None, seed=_seed_of(seed, name))
        drawn = islice(made, _QUESTIONS_A_SCHEMA * DRAWN)
        yield "generated over other schemas", draw.sharing(drawn, _QUESTIONS_A_SCHEMA)
    for source in sorted({question.source for question in sources.files.questions}):
        asked = [q for q in sources.files.questions if q.source == source and q.database in catalogues]
        yield f"asked by people, {source}", _asked(draw, surface, asked, catalogues, sources.taken)


def _asked(
    draw: Draw,
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
    most = max(FEWEST, -(-wanted // max(1, len(by_database))))
    names = [name for name, rows in by_database.items() if len(rows) >= FEWEST]
    draw.rng.shuffle(names)
    taken: list[EncodedExample] = []
    for name in names:
        if len(taken) >= wanted:
            break
        rows = by_database[name]
        draw.rng.shuffle(rows)
        gold = _mapped(rows[: most * DRAWN], surface, catalogues[name], draw.left_out)
        taken += draw.sharing(gold, most)
    return taken


def _mapped(
    questions: Sequence[Question], surface: CompiledSurface, catalogue: Catalogue, left_out: Counter[str]
) -> Iterator[TrainingExample]:
    tool = surface.contract.tool("Query")
    for question in questions:
        try:
            request = from_sql(question.sql, catalogue)
        except Unsupported as error:
            left_out[error.reason] += 1
            continue
        own = tool.request_class()
        own.ParseFromString(request.SerializeToString())
        today = draw_today(random.Random(question.text))
        yield TrainingExample(question.text, ToolCall(tool, own), catalogue, (), str(today))


def _catalogues(schemas: dict[str, str], left_out: Counter[str]) -> dict[str, Catalogue]:
    found: dict[str, Catalogue] = {}
    for name, ddl in schemas.items():
        if is_held_back(name):
            continue
        with closing(sqlite3.connect(":memory:")) as connection:
            try:
                connection.executescript(ddl)
            except sqlite3.Error:
                left_out["BAD_DDL"] += 1
                continue
            found[name] = catalogue_of_sqlite(connection)
    return found


def _seed_of(seed: int, name: str) -> int:
    return random.Random(f"{seed}/{name}").getrandbits(32)


@contextmanager
def open_database(path: Path | None) -> Iterator[sqlite3.Connection]:
    """Opens a database for reading, or a fresh demo warehouse.

    Raises:
        NotFound: The database does not exist.
    """
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
