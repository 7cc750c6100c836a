"""Records turns after refused calls: breaks right calls, sends them to the demo systems, keeps what they say.

    python scripts/record_recoveries.py [--turns 6000] [--seed 5] [--only sql|salesforce]

Writes `narrowgauge/training/specialist/recovery/*.jsonl.xz`; when it is ended early, what there is by then.
Needs PostgreSQL's programs for `sql`.
"""

from __future__ import annotations

import argparse
import json
import lzma
import random
import re
import signal
import sqlite3
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from recovery_systems import (
    DOCUMENTED,
    SalesforceSystem,
    SqlSystem,
    postgres,
    refusal_of_query,
    salesforce_system,
)

from narrowgauge.contracts.contract import Contract, contract_of
from narrowgauge.contracts.sqlite_catalogue import catalogue_of_sqlite
from narrowgauge.contracts.surfaces import CompiledSurface, get_surface
from narrowgauge.demo.warehouse import build_warehouse
from narrowgauge.errors import NarrowgaugeError, Unsupported
from narrowgauge.evaluation.failed_calls import failed_query
from narrowgauge.evaluation.salesforce_calls import gold_request
from narrowgauge.tools.salesforce.v1 import salesforce_pb2
from narrowgauge.tools.sql.v1 import sql_pb2
from narrowgauge.training.specialist.corpus import demo_organisation_catalogue
from narrowgauge.training.specialist.data import sql_examples
from narrowgauge.training.specialist.recovery_kinds import is_dev, is_repairable
from narrowgauge.training.specialist.recovery_salesforce import broken_calls
from narrowgauge.training.specialist.recovery_sql import broken_queries, guessed_query
from narrowgauge.training.specialist.recovery_turns import RECORDED
from narrowgauge.training.specialist.salesforce_requests import Request, requests
from narrowgauge.training.specialist.salesforce_wording import worded_requests
from narrowgauge.v1.catalogue_pb2 import Catalogue

UNANSWERABLE = "UNANSWERABLE"
_ID = re.compile(r"\b(?:[0-9A-Za-z]{18}|[0-9A-Za-z]{15})\b")
Row = dict[str, Any]


def main() -> None:
    """Records both files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=6000)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--only", choices=("sql", "salesforce"))
    parser.add_argument(
        "--dev", type=Path, help="write turns of the kinds kept for evaluation to this folder"
    )
    options = parser.parse_args()
    # Servers that were started are stopped on the way out.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(143))
    RECORDED.mkdir(exist_ok=True)
    for name, record in (("salesforce", record_salesforce), ("sql", record_sql)):
        if options.only in (None, name):
            chosen = _Kept(options.turns, dev=options.dev is not None)
            _record(name, record(chosen, options.turns, options.seed), options.dev or RECORDED)


def _record(name: str, turns: Iterator[Row], folder: Path) -> None:
    rows: list[Row] = []
    try:
        for row in turns:
            rows.append(row)
            if len(rows) % 100 == 0:
                print(name, len(rows), flush=True)
    finally:
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        if rows:
            (folder / f"{name}.jsonl.xz").write_bytes(lzma.compress(text.encode()))
        print(name, len(rows), Counter(row["kind"] for row in rows).most_common())


class _Kept:
    """Keeps kinds of one side of the split, and even: what has its share already is left to the others."""

    def __init__(self, wanted: int, *, dev: bool) -> None:
        self._most = max(1, wanted // (3 if dev else 9))
        self._dev = dev
        self._counts: Counter[str] = Counter()

    def wants(self, kind: str) -> bool:
        return is_dev(kind) == self._dev and self._counts[kind] < self._most

    def took(self, kind: str) -> None:
        self._counts[kind] += 1


def record_sql(kept: _Kept, wanted: int, seed: int) -> Iterator[Row]:
    """Yields turns over the warehouse, two in three on SQLite."""
    rng = random.Random(f"{seed}/sql")  # noqa: S311 - examples, not secrets
    contract = contract_of(sql_pb2.DESCRIPTOR.services_by_name["SqlToolService"])
    surface = get_surface("sql").compile(contract)
    with ExitStack() as stack:
        path = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "warehouse.db"
        build_warehouse(path)
        dsn = stack.enter_context(postgres())
        database = stack.enter_context(closing(sqlite3.connect(path)))
        catalogue = catalogue_of_sqlite(database)
        systems = {"sqlite": SqlSystem(f"sqlite://{path}"), "postgres": SqlSystem(dsn)}
        final = _final_sql(path, dsn)
        done = 0
        for example in sql_examples(contract, surface, catalogue, database, seed=seed):
            if done >= wanted:
                break
            right = surface.render(example.call.tool, example.call.request)
            dialect = "postgres" if rng.random() < 0.4 else "sqlite"
            system = systems[dialect]
            row: Row | None = None
            if right == UNANSWERABLE:
                kind, failed = guessed_query(example.request, catalogue, rng)
                row = _sql_row(kind, failed, system, catalogue)
            elif rng.random() < 0.1:
                kind, told = final(right, rng)
                if told is not None and kept.wants(kind):
                    row = {"kind": kind, "failed": right, **told}
            else:
                for kind, failed in broken_queries(right, catalogue, rng):
                    if kept.wants(kind):
                        row = _sql_row(kind, failed, system, catalogue)
                        if row is not None:
                            break
            if row is None or (row["failed"] == right and is_repairable(row["kind"])):
                continue
            if right == UNANSWERABLE and not kept.wants(row["kind"]):
                continue
            kept.took(row["kind"])
            call = right if is_repairable(row["kind"]) else UNANSWERABLE
            yield {**row, "request": example.request, "call": call, "today": example.today}
            done += 1


def _sql_row(kind: str, failed: str, system: SqlSystem, catalogue: Catalogue) -> Row | None:
    """Runs a broken query."""
    if system.dialect == "postgres" and "STRFTIME" in failed:
        return None  # the tool would have translated it
    refusal = refusal_of_query(failed, system, catalogue)
    return None if refusal is None else {"kind": kind, "dialect": system.dialect, **asdict(refusal)}


_FINAL_REASONS = {
    "permission": "QUERY_NOT_ALLOWED",
    "locked": "DATABASE_LOCKED",
    "timeout": "QUERY_TIMEOUT",
}


def _final_sql(path: Path, dsn: str) -> Callable[[str, random.Random], tuple[str, Row | None]]:
    """Systems in states in which no query helps."""
    reader = SqlSystem(dsn.replace("narrowgauge@", "reader@"))
    slow = SqlSystem(dsn, seconds=0.001)
    locked_path = path.with_name("locked.db")
    locked_path.write_bytes(path.read_bytes())
    lock = sqlite3.connect(locked_path, isolation_level=None)
    lock.execute("BEGIN EXCLUSIVE")
    locked = SqlSystem(f"sqlite://{locked_path}")
    with closing(sqlite3.connect(path)) as database:
        catalogue = catalogue_of_sqlite(database)
    seen: dict[str, NarrowgaugeError | None] = {}

    def run(sql: str, rng: random.Random) -> tuple[str, Row | None]:
        kind, system = rng.choice(
            (
                ("permission", reader),
                ("permission", reader),
                ("permission", reader),
                ("locked", locked),
                ("timeout", slow),
            )
        )
        request = failed_query(sql, catalogue)
        if request is None:
            return kind, None
        # A locked file keeps each query waiting for half a second, and says the same to all.
        error = seen[kind] if kind == "locked" and kind in seen else system.error_of_call(request)
        seen[kind] = error
        wanted = {"permission": "QUERY_NOT_ALLOWED", "locked": "DATABASE_LOCKED", "timeout": "QUERY_TIMEOUT"}[
            kind
        ]
        if error is None or error.reason != wanted:
            return kind, None
        return kind, {"error": error.message, "code": error.reason, "dialect": system.dialect}

    return run


def record_salesforce(kept: _Kept, wanted: int, seed: int) -> Iterator[Row]:
    """Yields turns over the demo organisation."""
    rng = random.Random(f"{seed}/salesforce")  # noqa: S311 - examples, not secrets
    catalogue = demo_organisation_catalogue()
    contract = contract_of(salesforce_pb2.DESCRIPTOR.services_by_name["SalesforceToolService"])
    surface = get_surface("salesforce").compile(contract)
    made, worded = requests(catalogue, seed=seed), worded_requests(catalogue, seed=seed)
    with tempfile.TemporaryDirectory() as name, salesforce_system(Path(name)) as system:
        done = 0
        while done < wanted:
            asked = next(worded if rng.random() < 0.6 else made)
            request = _with_keys(_with_ids(asked, system.ids, rng), system, rng)
            row: Row | None = None
            if rng.random() < 0.15:
                for kind, failed, told in _final_calls(asked, request, system, rng):
                    if kept.wants(kind):
                        row = _salesforce_row(kind, failed, told, system, contract, surface)
                        if row is not None:
                            break
            else:
                for kind, call in broken_calls(request, catalogue, rng):
                    if kept.wants(kind):
                        operation = str(call.pop("operation"))
                        broken = replace(request, operation=operation, call=call)
                        row = _salesforce_row(kind, broken, request, system, contract, surface)
                        if row is not None:
                            break
            if row is None:
                continue
            kept.took(row["kind"])
            yield row
            done += 1


_REASONS = {
    "duplicate": "DUPLICATE_VALUE",
    "read_only_field": "INVALID_FIELD_FOR_INSERT_UPDATE",
    "record_missing": "NOT_FOUND",
    "reference_missing": "INVALID_CROSS_REFERENCE_KEY",
    "text_too_long": "STRING_TOO_LONG",
    "ungrouped_field": "MALFORMED_QUERY",
}


def _salesforce_row(
    kind: str,
    broken: Request,
    right: Request,
    system: SalesforceSystem,
    contract: Contract,
    surface: CompiledSurface,
) -> Row | None:
    """Sends a broken call; None when the organisation executes it, or the contract cannot say it."""
    try:
        method, message = gold_request({"operation": broken.operation, **broken.call})
        failed = surface.render(contract.tool(method), message)
        right_method, right_message = gold_request({"operation": right.operation, **right.call})
        call = surface.render(contract.tool(right_method), right_message)
    except (NarrowgaugeError, Unsupported, KeyError, TypeError, ValueError):
        return None
    error = system.error_of_call(method, message)
    if error is None or (failed == call and is_repairable(kind)):
        return None
    if error.reason != _REASONS.get(kind, error.reason):
        return None  # another error came first
    row: Row = {
        "kind": kind,
        "request": right.text,
        "failed": failed,
        "error": error.message,
        "code": error.reason,
        "call": call if is_repairable(kind) else UNANSWERABLE,
        "dialect": "salesforce",
        "today": str(right.today),
    }
    return {**row, "rows": list(right.rows)} if right.rows else row


def _with_ids(request: Request, ids: dict[str, list[str]], rng: random.Random) -> Request:
    """Puts ids of records that exist in the place of those that the request made up."""
    by_prefix = {known[0][:3]: known for known in ids.values() if known}
    whole = json.dumps([request.text, request.call, request.rows])
    for old in sorted(set(_ID.findall(whole)), key=len, reverse=True):
        known = by_prefix.get(old[:3])
        if known is not None and any(char.isdigit() for char in old[:3]):
            whole = whole.replace(old, rng.choice(known)[: len(old)])
    text, call, rows = json.loads(whole)
    return replace(request, text=text, call=call, rows=tuple(rows))


def _with_keys(request: Request, system: SalesforceSystem, rng: random.Random) -> Request:
    """Puts an external id that a record has in the place of an upsert's."""
    if request.operation != "upsert":
        return request
    key: Any = request.call["external_id"]
    known = system.keys(str(request.call["object"]), str(key["field"]))
    text, call, rows = json.loads(
        json.dumps([request.text, request.call, request.rows]).replace(str(key["value"]), rng.choice(known))
    )
    return replace(request, text=text, call=call, rows=tuple(rows))


def _final_calls(
    asked: Request, request: Request, system: SalesforceSystem, rng: random.Random
) -> Iterator[tuple[str, Request, Request]]:
    """Yields calls that the organisation cannot execute, whatever is done."""
    kinds = ["record_missing", "reference_missing", "record_deleted", "record_kept", *DOCUMENTED]
    rng.shuffle(kinds)
    for kind in kinds:
        named = request.operation in ("get", "update", "delete")
        made_up = asked.call != request.call
        created = request.operation == "create"
        if made_up and ((kind == "record_missing" and named) or (kind == "reference_missing" and created)):
            yield kind, asked, asked
        elif kind == "record_deleted" and named:
            known = system.deleted.get(str(request.call["object"]))
            if known:
                yield kind, *(_with_ids(asked, {"": known}, rng),) * 2
        elif kind == "record_kept" and request.operation == "delete":
            yield kind, request, request
        elif kind in DOCUMENTED and (named or kind != "record_locked"):
            identity = str(request.call.get("record_id") or rng.choice(system.ids["Account"]))
            status, code, message = rng.choice(DOCUMENTED[kind])
            if "running for too long" in message and request.operation != "query":
                continue
            if code.startswith("STORAGE") and request.operation != "create":
                continue
            system.refusing = (status, code, message.format(id=identity))
            try:
                yield kind, request, request
            finally:
                system.refusing = None


if __name__ == "__main__":
    main()
