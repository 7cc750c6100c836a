"""Rows of Seal-Tools (Wu et al. 2024, https://arxiv.org/abs/2405.08355) as tasks for the call specialist.

A row is `{"id", "query", "calling": [{"api", "parameters"}]}`; the functions stand in a file of their own.
Half of the rows, by a hash of their id, are for training, and the others for evaluation: those for which
`in_training_half` says no.
"""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from narrowgauge.errors import InvalidRequest, NotFound, Unsupported
from narrowgauge.evaluation.json_schema_contract import Function, functions_of
from narrowgauge.evaluation.records import Record, read_records
from narrowgauge.training.specialist.call_requests import CallTask, function_task

__all__ = ["SealTools", "in_training_half", "read_seal_tools"]

# Rows with one call that choose among the functions that one of them needs; rows with several calls bring
# enough functions of their own.
_TOGETHER = (1, 1, 2, 3)
# Rows with one call come up so many times as often as the others: they are short, and what is asked most.
_SINGLE = 3
_REFUSED = 0.3
_NUMBERS = {"int", "integer", "float", "number", "double"}


@dataclass
class SealTools:
    """Rows and functions.

    Attributes:
        rows: Of the training half.
        functions: By name.
        free: Names of the functions that no row for evaluation calls.
        left_out: Rows that could not be used, by reason, found while tasks are drawn.
    """

    rows: tuple[Record, ...]
    functions: Mapping[str, Function]
    free: tuple[str, ...] = ()
    left_out: Counter[str] = field(default_factory=Counter)
    _bad: set[str] = field(default_factory=set)

    def tasks(self, *, seed: int) -> Iterator[CallTask]:
        """Yields groups of rows on the functions that they need, each time grouped anew.

        Without end, unless no row can be used at all.
        """
        rng = random.Random(f"seal/{seed}")
        single = [row for row in self.rows if len(row["calling"]) == 1]
        several = [row for row in self.rows if len(row["calling"]) > 1]
        while True:
            groups = [[row] for row in several]
            for _ in range(_SINGLE):
                rng.shuffle(single)
                first = 0
                while first < len(single):
                    groups.append(single[first : first + rng.choice(_TOGETHER)])
                    first += len(groups[-1])
            rng.shuffle(groups)
            if len(self._bad) == len(self.rows):
                return
            for group in groups:
                usable = [row for row in group if row["id"] not in self._bad]
                task = self._task(usable, rng) if usable else None
                if task is not None:
                    yield task

    def _task(self, rows: Sequence[Record], rng: random.Random) -> CallTask | None:
        names = list(dict.fromkeys(call["api"] for row in rows for call in row["calling"]))
        rng.shuffle(names)
        functions = tuple(self.functions[name] for name in names)
        asked = []
        for row in rows:
            calls = [(call["api"], self._arguments(call)) for call in row["calling"]]
            asked.append((str(row["query"]), calls))
        # The request of another row stands for one that none of the functions serves.
        if rng.random() < _REFUSED:
            stranger = rng.choice(self.rows)
            if not {call["api"] for call in stranger["calling"]} & set(names):
                asked.append((str(stranger["query"]), []))
        try:
            return function_task(functions, asked)
        except (InvalidRequest, Unsupported) as error:
            # One row that does not keep its own schema: the others may.
            if len(rows) > 1:
                good = [row for row in rows if self._task([row], rng) is not None]
                return self._task(good, rng) if good and len(good) < len(rows) else None
            self._bad.add(str(rows[0]["id"]))
            self.left_out[error.reason] += 1
            return None

    def _arguments(self, call: Mapping[str, Any]) -> dict[str, Any]:
        schemas = self.functions[call["api"]].parameters
        return {name: _as_typed(value, schemas.get(name, {})) for name, value in call["parameters"].items()}


def read_seal_tools(rows: Path, tools: Path | None = None) -> SealTools:
    """Reads the training half of a file of rows.

    Args:
        rows: JSON Lines, also compressed.
        tools: The functions; `tool.jsonl` or `tool.jsonl.xz` beside the rows without it.

    Raises:
        NotFound: A file, or a function that a row calls, does not exist.
        InvalidRequest: A row or a function is malformed; names it.
    """
    candidates = [tools] if tools else [rows.parent / name for name in ("tool.jsonl", "tool.jsonl.xz")]
    found = next((path for path in candidates if path.is_file()), None)
    if found is None:
        raise NotFound("NO_TOOLS", f"there is no {candidates[0]} with the functions of {rows}")
    try:
        functions = {function.name: function for function in functions_of(read_records(found))}
    except (KeyError, TypeError, AttributeError) as error:
        raise InvalidRequest("BAD_DATA_FILE", f"{found}: {error!r}") from error
    kept = []
    reserved: set[str] = set()
    for row in read_records(rows):
        try:
            names = [str(call["api"]) for call in row["calling"]]
            wanted = bool(row["query"]) and all(
                isinstance(call["parameters"], dict) for call in row["calling"]
            )
        except (KeyError, TypeError) as error:
            raise InvalidRequest("BAD_RECORD", f"{rows}, record {row['id']}: {error!r}") from error
        unknown = [name for name in names if name not in functions]
        if unknown:
            raise NotFound(
                "NO_SUCH_TOOL", f"record {row['id']} calls {unknown[0]}, which {found} does not have"
            )
        if not in_training_half(str(row["id"])):
            reserved.update(names)
        elif wanted and not any(_follows(call) for call in row["calling"]):
            kept.append(row)
    return SealTools(tuple(kept), functions, tuple(name for name in functions if name not in reserved))


def in_training_half(record: str) -> bool:
    """Tells by its id whether a row is trained on; the others are for evaluation alone."""
    return hashlib.sha256(record.encode()).digest()[0] % 2 == 0


def _follows(call: Mapping[str, Any]) -> bool:
    """Tells whether a call takes another one's result, which the request does not say."""
    return any("API_call" in str(value) for value in call["parameters"].values())


def _as_typed(value: Any, schema: Any) -> Any:
    """Reads a number that a row writes as text where its function wants a number."""
    kind = str(schema.get("type")) if isinstance(schema, Mapping) else ""
    if kind in _NUMBERS and isinstance(value, str):
        try:
            number = float(value)
        except ValueError:
            return value  # refused with its own reason when the call is read
        return int(number) if number.is_integer() else number
    if kind in ("str", "string") and isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return value
