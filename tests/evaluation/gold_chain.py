"""Executes the gold calls of a chain's record on the demo systems, in this process: no router and no model.

`gold_calls` has one entry a step: `{"sql": …}`, a call in the form of the `salesforce` records, or null for a
step that calls no tool. `{column}` stands for a column of the row that a step runs for or, where it uses
another step, of that step's first row; `id` is that of a record that was found or created.
"""

from __future__ import annotations

import re
import socket
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any

import uvicorn
from google.protobuf.json_format import MessageToDict

from narrowgauge.contracts.validate import violations
from narrowgauge.demo.organisation import SEED_DATE
from narrowgauge.evaluation.records import Record
from narrowgauge.evaluation.salesforce_calls import gold_request
from narrowgauge.routing.evaluate import PlannedStep, gold_steps
from narrowgauge.tools.salesforce.v1 import salesforce_pb2 as pb
from tool_svc.salesforce.config import SalesforceConfig
from tool_svc.salesforce.connection import Connection, Deadline
from tool_svc.salesforce.describes import Describes
from tool_svc.salesforce.local_server.app import make_app
from tool_svc.salesforce.local_server.organisation import Organisation
from tool_svc.salesforce.operations import Operations

Row = dict[str, Any]

_TOKEN = "gold"
_NOON = datetime.combine(SEED_DATE, time(12), UTC)
_PLACE = re.compile(r"\{([^{}]+)\}")


@contextmanager
def served_operations(organisation_file: Path) -> Iterator[Operations]:
    """Serves an organisation on loopback from a thread, and gives the Salesforce tool's operations on it."""
    organisation = Organisation(organisation_file, _TOKEN, clock=lambda: _NOON)
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    server = uvicorn.Server(
        uvicorn.Config(make_app(organisation), log_config=None, lifespan="off", timeout_graceful_shutdown=1)
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    config = SalesforceConfig(
        url=f"http://127.0.0.1:{listener.getsockname()[1]}",
        token=_TOKEN,
        state=organisation_file.with_suffix(".state"),
    )
    connection = Connection(config)
    describes = Describes(connection, config.objects, config.describe_age_s)
    try:
        yield Operations(
            connection,
            describes,
            key_field=config.key_field,
            max_rows=config.max_rows,
            max_bytes=config.max_bytes,
        )
    finally:
        connection.close()
        server.should_exit = True
        thread.join()
        listener.close()
        organisation.close()


@dataclass(frozen=True)
class GoldChain:
    """Runs records.

    Attributes:
        operations: Of the Salesforce tool, on the organisation.
        warehouse: The warehouse's file; it is opened read-only.
    """

    operations: Operations
    warehouse: Path

    def run(self, record: Record) -> list[int]:
        """Makes all gold calls in the order of their dependencies; returns how often each step ran.

        Raises:
            ValueError: A step has no row to run for, or the steps wait for each other.
            NarrowgaugeError: A call is refused.
        """
        steps = gold_steps(record)
        calls: Sequence[Mapping[str, Any] | None] = record["gold_calls"]
        results: dict[int, list[Row]] = {}
        runs = [0] * len(steps)
        while len(results) < len(steps):
            ready = [
                index
                for index, step in enumerate(steps)
                if index not in results and all(other in results for other, _ in step.depends_on)
            ]
            if not ready:
                raise ValueError(f"{record['id']}: its steps wait for each other")
            for index in ready:
                sources = _sources(steps[index], results)
                if not sources:
                    raise ValueError(f"{record['id']}: step {index} has no row to run for")
                runs[index] = len(sources)
                results[index] = [
                    row
                    for number, source in enumerate(sources)
                    for row in self._made(calls[index], source, f"{record['id']}/{index}/{number}")
                ]
        return runs

    def _made(self, call: Mapping[str, Any] | None, source: Row, key: str) -> list[Row]:
        if call is None:
            return []
        filled = _filled(call, source)
        if "sql" in filled:
            with closing(sqlite3.connect(f"file:{self.warehouse}?mode=ro", uri=True)) as connection:
                cursor = connection.execute(filled["sql"])
                names = [column[0] for column in cursor.description]
                return [dict(zip(names, row, strict=True)) for row in cursor]
        return [{**source, **row} for row in self._sent(filled, key)]

    def _sent(self, call: Mapping[str, Any], key: str) -> list[Row]:
        _, request = gold_request(call)
        assert violations(request) == [], request
        deadline = Deadline.after(10)
        match request:
            case pb.QueryRequest():
                return [_row(record) for record in self.operations.query(request, deadline).records]
            case pb.GetRecordRequest():
                return [_row(self.operations.get(request, deadline).record)]
            case pb.CreateRecordRequest():
                created = self.operations.create(request, deadline, key=key, retrying=False)
                return [{"id": created.id}]
            case pb.UpdateRecordRequest():
                return [{"id": self.operations.update(request, deadline).id}]
            case pb.UpsertRecordRequest():
                return [{"id": self.operations.upsert(request, deadline).id}]
            case pb.DeleteRecordRequest():
                return [{"id": self.operations.delete(request, deadline, retrying=False).id}]
        raise TypeError(f"no operation takes {type(request).__name__}")


def _sources(step: PlannedStep, results: Mapping[int, list[Row]]) -> list[Row]:
    """Returns the rows that a step runs for; one for a step that runs once."""
    each = [row for other, kind in sorted(step.depends_on) if kind == "for_each" for row in results[other]]
    used: Row = {}
    for other, kind in sorted(step.depends_on):
        if kind == "uses" and results[other]:
            used |= results[other][0]
    if any(kind == "for_each" for _, kind in step.depends_on):
        return [{**used, **row} for row in each]
    return [used]


def _row(record: pb.Record) -> Row:
    return {"id": record.id, **MessageToDict(record.fields)}


def _filled(value: Any, row: Row) -> Any:
    """Puts the row's values in the places; a place that stands alone keeps its value's type."""
    if isinstance(value, Mapping):
        return {name: _filled(inner, row) for name, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner, row) for inner in value]
    if not isinstance(value, str):
        return value
    alone = _PLACE.fullmatch(value)
    return row[alone[1]] if alone else _PLACE.sub(lambda place: str(row[place[1]]), value)
