"""Structured logs: one JSON object a line on stderr, with the trace that it belongs to."""

from __future__ import annotations

import json
import logging
import os
import sys
from datetime import UTC, datetime

from opentelemetry import trace

from narrowgauge.errors import InvalidRequest

__all__ = ["JsonFormatter", "configure_logging"]

_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")

# Attributes that every LogRecord has; what is left came in through `extra=`.
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """Formats a record as one JSON object; `extra=` becomes further keys."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """Returns the line, without its line feed."""
        entry: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "service": self._service,
            "logger": record.name,
            "message": record.getMessage(),
        }
        span = trace.get_current_span().get_span_context()
        if span.is_valid:
            entry["trace_id"] = trace.format_trace_id(span.trace_id)
            entry["span_id"] = trace.format_span_id(span.span_id)
        entry.update((key, value) for key, value in vars(record).items() if key not in _STANDARD)
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=False, default=str)


def configure_logging(service: str) -> None:
    """Sends all logs of this process to stderr as JSON lines; the level is `NARROWGAUGE_LOG_LEVEL` (INFO).

    Raises:
        InvalidRequest: `BAD_CONFIG`: the level is not one.
    """
    level = os.environ.get("NARROWGAUGE_LOG_LEVEL", "").strip().upper() or "INFO"
    if level not in _LEVELS:
        raise InvalidRequest(
            "BAD_CONFIG", f"NARROWGAUGE_LOG_LEVEL: {level!r} is not one of {', '.join(_LEVELS)}"
        )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(service))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
