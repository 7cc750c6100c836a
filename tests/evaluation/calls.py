"""Answers as a specialist would give them, for tests of metrics."""

from __future__ import annotations

from google.protobuf.message import Message

from narrowgauge.contracts.surfaces.sql.from_sql import from_sql
from narrowgauge.evaluation.answers import Answer
from narrowgauge.evaluation.sql_databases import Database

__all__ = ["called", "queried", "refused"]


def called(method: str, request: Message) -> Answer:
    """A call."""
    return Answer(method=method, request=request, text=f"{method} {request}", latency_ms=1.0)


def queried(sql: str, database: Database) -> Answer:
    """A query, written as SQL."""
    return called("Query", from_sql(sql, database.catalogue))


def refused() -> Answer:
    """No call."""
    return Answer(refusal="UNANSWERABLE the tables do not hold the answer", latency_ms=1.0)
