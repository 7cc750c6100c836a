"""Says how much of a text-to-SQL corpus the SQL contract and its surface can express, and why not the rest.

    python scripts/sql_coverage.py QUESTIONS.jsonl.xz SCHEMAS.jsonl.xz [--every N]

Questions have `sql` and `db_id`; schemas have `db_id` and `ddl`, as in Spider.
"""

from __future__ import annotations

import argparse
import json
import lzma
import sqlite3
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from llguidance import LLMatcher, LLTokenizer

from narrowgauge.contracts.closed_sets import closed_sets_of
from narrowgauge.contracts.sqlite_catalogue import catalogue_of_sqlite
from narrowgauge.contracts.surfaces.sql.from_sql import from_sql
from narrowgauge.contracts.surfaces.sql.grammar import sql_grammar
from narrowgauge.contracts.surfaces.sql.parse import parse_request
from narrowgauge.contracts.surfaces.sql.render import render_request
from narrowgauge.contracts.surfaces.sql.tables import columns_of
from narrowgauge.errors import NarrowgaugeError
from narrowgauge.v1.catalogue_pb2 import Catalogue


def rows(path: Path) -> Iterator[dict[str, Any]]:
    """Reads JSON lines."""
    with lzma.open(path, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def catalogue_of(ddl: str) -> Catalogue:
    """Reads the catalogue of a schema without rows."""
    connection = sqlite3.connect(":memory:")
    try:
        connection.executescript(ddl)
        return catalogue_of_sqlite(connection)
    finally:
        connection.close()


def outcome(sql: str, catalogue: Catalogue, matcher: LLMatcher) -> str:
    """Returns `accepted`, or why the query is not."""
    try:
        request = from_sql(sql, catalogue)
        text = render_request(request)
        if parse_request(text, columns_of(closed_sets_of(catalogue))) != request:
            return "text and message differ"
    except NarrowgaugeError as error:
        return f"{error.reason}: {error.message[:90]}"
    tokens = list(text.encode())
    accepted = matcher.try_consume_tokens(tokens) == len(tokens) and matcher.is_accepting()
    matcher.reset()
    return "accepted" if accepted else f"outside the grammar: {text[:120]}"


def main() -> None:
    """Prints the share and the reasons."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("questions", type=Path)
    arguments.add_argument("schemas", type=Path)
    arguments.add_argument("--every", type=int, default=1, help="take every n-th question")
    options = arguments.parse_args()
    catalogues = {row["db_id"]: catalogue_of(row["ddl"]) for row in rows(options.schemas)}
    matchers: dict[str, LLMatcher] = {}
    tokenizer = LLTokenizer("byte")
    found: Counter[str] = Counter()
    for index, row in enumerate(rows(options.questions)):
        if index % options.every == 0:
            catalogue = catalogues[row["db_id"]]
            if row["db_id"] not in matchers:
                matchers[row["db_id"]] = LLMatcher(
                    tokenizer, sql_grammar(closed_sets_of(catalogue)), log_level=0
                )
            found[outcome(row["sql"], catalogue, matchers[row["db_id"]])] += 1
    total = found.total()
    mapped = total - sum(n for why, n in found.items() if not why.startswith(("accepted", "outside")))
    accepted = found["accepted"]
    print(f"{total} queries: {mapped / total:.2%} in the contract, {accepted / total:.2%} in the grammar")
    for why, count in found.most_common():
        if why != "accepted":
            print(f"{count:5} {why}")


if __name__ == "__main__":
    main()
