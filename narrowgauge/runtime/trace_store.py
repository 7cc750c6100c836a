"""The last traces and metrics of one machine, in SQLite: written by the sink, read by the command line."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from narrowgauge.errors import FailedPrecondition, InvalidRequest, NotFound
from narrowgauge.runtime import semconv
from narrowgauge.runtime.trace_tree import Trace, TraceSpan

__all__ = ["MetricPoint", "TraceStore", "TraceSummary"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS traces (seq INTEGER PRIMARY KEY AUTOINCREMENT, trace_id TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS spans (
  trace_id TEXT NOT NULL, span_id TEXT NOT NULL, parent_id TEXT NOT NULL, name TEXT NOT NULL,
  service TEXT NOT NULL, kind TEXT NOT NULL, start_ns INTEGER NOT NULL, end_ns INTEGER NOT NULL,
  error TEXT NOT NULL, attributes TEXT NOT NULL, PRIMARY KEY (trace_id, span_id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS metrics (
  service TEXT NOT NULL, name TEXT NOT NULL, attributes TEXT NOT NULL, unit TEXT NOT NULL,
  value TEXT NOT NULL, time_ns INTEGER NOT NULL, PRIMARY KEY (service, name, attributes)) WITHOUT ROWID;
"""

_SPAN_COLUMNS = "trace_id, span_id, parent_id, name, service, kind, start_ns, end_ns, error, attributes"


@dataclass(frozen=True)
class TraceSummary:
    """One line about a trace.

    Attributes:
        trace_id: 32 hex digits.
        name: Name of its root span.
        start_ns: When it began, in nanoseconds since the epoch.
        duration_ms: From its first start to its last end.
        spans: How many.
        errors: How many of them ended with an error.
    """

    trace_id: str
    name: str
    start_ns: int
    duration_ms: float
    spans: int
    errors: int


@dataclass(frozen=True)
class MetricPoint:
    """The latest value of one instrument with one set of attributes.

    Attributes:
        service: The process.
        name: The instrument.
        attributes: Names to values.
        unit: For example `s`.
        value: `{"value": n}` of a sum or gauge; count, sum, bounds and counts of a histogram.
        time_ns: When it was read.
    """

    service: str
    name: str
    attributes: Mapping[str, object]
    unit: str
    value: Mapping[str, object]
    time_ns: int


class TraceStore:
    """A SQLite file of traces.

    Args:
        path: The file.
        keep: Traces kept; older ones are deleted as new ones come.
        read_only: For readers beside a running sink.

    Raises:
        FailedPrecondition: `NO_TRACES`: reading, and the file does not exist. `TRACE_STORE`: it is not one,
            or cannot be written.
    """

    def __init__(self, path: Path, *, keep: int = 200, read_only: bool = False) -> None:
        if read_only and not path.exists():
            raise FailedPrecondition(
                "NO_TRACES",
                f"there are no traces in {path} yet; `narrowgauge up` collects them while it runs",
            )
        self._keep = keep
        try:
            uri = f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rwc'}"
            # The sink writes from worker threads, one at a time.
            self._db = sqlite3.connect(uri, uri=True, timeout=5.0, check_same_thread=False)
            self._db.execute("SELECT count(*) FROM sqlite_master")
            if not read_only:
                self._db.execute("PRAGMA journal_mode = WAL")
                self._db.execute("PRAGMA synchronous = NORMAL")  # a lost trace is no loss of data
                self._db.executescript(_SCHEMA)
        except sqlite3.Error as exc:
            raise FailedPrecondition("TRACE_STORE", f"cannot use {path} as a trace store: {exc}") from exc

    def __enter__(self) -> TraceStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file."""
        self._db.close()

    def add_spans(self, spans: Sequence[TraceSpan]) -> None:
        """Adds spans, and drops the oldest traces beyond `keep`."""
        with self._db:
            self._db.executemany(
                "INSERT OR IGNORE INTO traces (trace_id) VALUES (?)", {(span.trace_id,) for span in spans}
            )
            self._db.executemany(
                f"INSERT OR REPLACE INTO spans ({_SPAN_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?)",  # noqa: S608
                [
                    (
                        *(span.trace_id, span.span_id, span.parent_id, span.name, span.service, span.kind),
                        *(span.start_ns, span.end_ns, span.error, json.dumps(dict(span.attributes))),
                    )
                    for span in spans
                ],
            )
            old = self._db.execute(
                "SELECT trace_id FROM traces ORDER BY seq DESC LIMIT -1 OFFSET ?", (self._keep,)
            ).fetchall()
            self._db.executemany("DELETE FROM spans WHERE trace_id = ?", old)
            self._db.executemany("DELETE FROM traces WHERE trace_id = ?", old)

    def forget_metrics(self) -> None:
        """Drops all values: a new system counts from its own start."""
        with self._db:
            self._db.execute("DELETE FROM metrics")

    def put_metrics(self, points: Iterable[MetricPoint]) -> None:
        """Replaces the latest values."""
        with self._db:
            self._db.executemany(
                "INSERT OR REPLACE INTO metrics (service, name, attributes, unit, value, time_ns) "
                "VALUES (?,?,?,?,?,?)",
                [
                    (
                        *(point.service, point.name, json.dumps(dict(point.attributes), sort_keys=True)),
                        *(point.unit, json.dumps(dict(point.value)), point.time_ns),
                    )
                    for point in points
                ],
            )

    def read(self, trace_id: str | None = None) -> Trace:
        """Returns a trace by its id or the beginning of one; without an id the last chain.

        Raises:
            NotFound: `NO_SUCH_TRACE`.
            InvalidRequest: `AMBIGUOUS_TRACE`: several ids begin like that.
        """
        found = self._find(trace_id.lower()) if trace_id else self._last_chain()
        rows = self._db.execute(
            f"SELECT {_SPAN_COLUMNS} FROM spans WHERE trace_id = ?",  # noqa: S608  constant columns
            (found,),
        ).fetchall()
        return Trace(found, [_span(*row) for row in rows])

    def summaries(self, limit: int) -> Sequence[TraceSummary]:
        """Returns the last traces, latest first."""
        rows = self._db.execute(
            "SELECT spans.trace_id, min(start_ns), max(end_ns), count(*), sum(error != ''), "
            "  (SELECT name FROM spans AS root WHERE root.trace_id = spans.trace_id "
            "   ORDER BY parent_id != '', start_ns LIMIT 1) "
            "FROM spans JOIN traces USING (trace_id) GROUP BY spans.trace_id ORDER BY seq DESC LIMIT ?",
            (limit,),
        )
        return [
            TraceSummary(trace_id, name, start_ns, (end_ns - start_ns) / 1e6, count, errors)
            for trace_id, start_ns, end_ns, count, errors, name in rows
        ]

    def metrics(self) -> Sequence[MetricPoint]:
        """Returns the latest values, by name, service and attributes."""
        with closing(
            self._db.execute(
                "SELECT service, name, attributes, unit, value, time_ns FROM metrics "
                "ORDER BY name, service, attributes"
            )
        ) as rows:
            return [
                MetricPoint(service, name, json.loads(attributes), unit, json.loads(value), time_ns)
                for service, name, attributes, unit, value, time_ns in rows
            ]

    def _find(self, prefix: str) -> str:
        rows = self._db.execute(
            "SELECT trace_id FROM traces WHERE substr(trace_id, 1, ?) = ? LIMIT 2", (len(prefix), prefix)
        ).fetchall()
        if not rows:
            raise NotFound(
                "NO_SUCH_TRACE",
                f"no trace {prefix!r} is kept; `narrowgauge trace --list` shows those that are",
            )
        if len(rows) > 1:
            raise InvalidRequest("AMBIGUOUS_TRACE", f"several traces begin with {prefix!r}; give more digits")
        return str(rows[0][0])

    def _last_chain(self) -> str:
        row = self._db.execute(
            "SELECT trace_id FROM traces WHERE EXISTS (SELECT 1 FROM spans WHERE "
            "spans.trace_id = traces.trace_id AND spans.name = ?) ORDER BY seq DESC LIMIT 1",
            (semconv.SPAN_DISPATCH,),
        ).fetchone()
        if row is None:
            row = self._db.execute("SELECT trace_id FROM traces ORDER BY seq DESC LIMIT 1").fetchone()
        if row is None:
            raise NotFound("NO_SUCH_TRACE", "no trace is kept yet; run `narrowgauge ask` first")
        return str(row[0])


def _span(
    trace_id: str,
    span_id: str,
    parent_id: str,
    name: str,
    service: str,
    kind: str,
    start_ns: int,
    end_ns: int,
    error: str,
    attributes: str,
) -> TraceSpan:
    return TraceSpan(
        *(trace_id, span_id, parent_id, name, service, kind),
        *(start_ns, end_ns, error),
        attributes=json.loads(attributes),
    )
