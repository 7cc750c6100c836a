"""Structured logs."""

from __future__ import annotations

import json
import logging
import sys

import pytest

from narrowgauge.errors import InvalidRequest
from narrowgauge.runtime.logs import JsonFormatter, configure_logging
from narrowgauge.runtime.telemetry import tracer


def test_a_line_holds_the_trace_and_what_was_added() -> None:
    """A log line is found by the trace that it belongs to; `extra` becomes keys."""
    record = logging.makeLogRecord(
        {"name": "n", "levelname": "INFO", "msg": "took %d ms", "args": (7,), "rows": 3}
    )
    with tracer().start_as_current_span("step") as step:
        entry = json.loads(JsonFormatter("router").format(record))
    assert entry["message"] == "took 7 ms"
    assert (entry["service"], entry["level"], entry["rows"]) == ("router", "INFO", 3)
    assert int(entry["trace_id"], 16) == step.get_span_context().trace_id


def test_a_traceback_stays_on_its_line() -> None:
    """One event is one line, also with a traceback."""
    try:
        raise ValueError("x")
    except ValueError:
        record = logging.makeLogRecord({"msg": "broken", "exc_info": sys.exc_info()})
    line = JsonFormatter("router").format(record)
    assert "\n" not in line
    assert "ValueError: x" in json.loads(line)["exception"]


def test_a_wrong_level_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistyped level does not silently mean another one."""
    monkeypatch.setenv("NARROWGAUGE_LOG_LEVEL", "loud")
    with pytest.raises(InvalidRequest, match="'LOUD' is not one of"):
        configure_logging("x")
