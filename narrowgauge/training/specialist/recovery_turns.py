"""Turns after a refused call: the call, the tool's own error, and the repaired call or the refusal.

`recovery/sql.jsonl.xz` and `recovery/salesforce.jsonl.xz` hold them as `scripts/record_recoveries.py`
recorded them: each broken call was sent through the tool to the demo warehouse (SQLite and PostgreSQL) or to
the demo organisation, and the answer stands there word by word.
"""

from __future__ import annotations

import json
import lzma
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from narrowgauge.contracts.closed_sets import closed_sets_of
from narrowgauge.contracts.surfaces import ClosedSets, CompiledSurface
from narrowgauge.errors import InvalidRequest
from narrowgauge.training.specialist.data import gold_surface
from narrowgauge.training.specialist.encode import RefusedCall, TrainingExample
from narrowgauge.training.specialist.recovery_kinds import is_dev
from narrowgauge.v1.catalogue_pb2 import Catalogue
from narrowgauge.v1.specialist_pb2 import ContextDocument

__all__ = ["RECORDED", "Turn", "recovery_examples", "turns"]

RECORDED = Path(__file__).parent / "recovery"


@dataclass(frozen=True)
class Turn:
    """One recorded turn.

    Attributes:
        kind: Of the error, as in `recovery_kinds`.
        request: The sub-task.
        failed: The refused call, as the specialist would have written it; or text that is none.
        error: The tool's words.
        code: The tool's reason, for example Salesforce's `errorCode`; may be empty.
        call: The repaired call in the surface, or `UNANSWERABLE`.
        rows: Rows that the request speaks of.
        dialect: `sqlite`, `postgres` or `salesforce`.
        today: The date on which it is asked, as YYYY-MM-DD.
    """

    kind: str
    request: str
    failed: str
    error: str
    call: str
    dialect: str
    today: str
    code: str = ""
    rows: tuple[dict[str, Any], ...] = ()


def turns(specialist: str) -> list[Turn]:
    """Reads the recorded turns of `sql` or `salesforce`."""
    with lzma.open(RECORDED / f"{specialist}.jsonl.xz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return [Turn(**{**row, "rows": tuple(row.get("rows", ()))}) for row in rows]


def recovery_examples(
    specialist: str, surface: CompiledSurface, catalogue: Catalogue, *, seed: int
) -> Iterator[TrainingExample]:
    """Yields the recorded turns that training may see, each once, in random order.

    Args:
        specialist: `sql` or `salesforce`.
        surface: Its surface.
        catalogue: Of the demo warehouse or organisation.
        seed: Of the order and of the form in which an error is told.
    """
    rng = random.Random(seed)
    usable = [turn for turn in turns(specialist) if not is_dev(turn.kind)]
    rng.shuffle(usable)
    sets = closed_sets_of(catalogue)
    recorded = gold_surface(specialist, surface)
    for turn in usable:
        context = [
            ContextDocument(
                title=f"row {rng.randint(1, 9)} of step {rng.randint(0, 3)} result",
                rows_json=[json.dumps(row, ensure_ascii=False)],
            )
            for row in turn.rows
        ]
        yield TrainingExample(
            turn.request,
            recorded.parse(turn.call, sets),
            catalogue,
            context,
            turn.today,
            refused=RefusedCall(_rewritten(turn.failed, recorded, surface, sets), _told(turn, rng)),
        )


def _rewritten(text: str, recorded: CompiledSurface, surface: CompiledSurface, sets: ClosedSets) -> str:
    """A refused call as the specialist would have written it; text that is none stays what it is."""
    if recorded is surface:
        return text
    try:
        call = recorded.parse(text, sets)
        return surface.render(call.tool, call.request)
    except InvalidRequest:
        return text


def _told(turn: Turn, rng: random.Random) -> str:
    """The error as the tool says it, or now and then with its code, as clients and logs show it."""
    drawn = rng.random()
    if drawn < 0.75:
        return turn.error
    if turn.dialect == "salesforce":
        code = turn.code or "UNKNOWN_EXCEPTION"
        if drawn < 0.9:
            return f"{code}: {turn.error}"
        return json.dumps([{"message": turn.error, "errorCode": code}], ensure_ascii=False)
    if turn.dialect == "postgres":
        return f"ERROR:  {turn.error}"
    return rng.choice((f"sqlite3.OperationalError: {turn.error}", f"Error: in prepare, {turn.error} (1)"))
