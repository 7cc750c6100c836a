"""Values of a tool's catalogue pass through the router: it keeps them in memory alone."""

from __future__ import annotations

import logging
from pathlib import Path
from unittest.mock import patch

import pytest
from dispatch_client import Client, code_name, final
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from scripted_world import World
from shop_contract import plan, step

from narrowgauge.errors import InvalidRequest
from narrowgauge.runtime.logs import JsonFormatter
from narrowgauge.v1 import dispatcher_pb2, specialist_pb2

KNOWN, CATEGORY = "Mira Stone", "ward seven"


def give_values(world: World) -> None:
    catalogue = world.tool.catalogue
    catalogue.hash = "with values"
    catalogue.entities[0].fields.add(name="name", type="text", known_values=[KNOWN])
    catalogue.entities[0].fields.add(name="ward", type="text", values=[CATEGORY])


def bytes_below(folder: Path) -> bytes:
    return b"\n".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


async def test_no_value_of_a_catalogue_is_kept(
    world: World, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The specialist gets them. No file of the state store, log line, span or event has one, of a chain that
    ends well or of one whose call is refused, whatever the log level."""
    caplog.set_level(logging.DEBUG)
    give_values(world)
    spans = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))

    async def refuse(*_: object) -> specialist_pb2.ExecuteResponse:
        raise InvalidRequest("NO_CALL", "nothing fits")

    with patch("opentelemetry.trace.get_tracer", lambda name: provider.get_tracer(name)):
        stub = await world.router()
        world.planner.planned = plan(step('List {"count": 1}'))
        events = list(await (await Client(stub).start("words of a request", session_id="well")).all())
        assert code_name(final(events)) == "OK"
        world.shop.answer = refuse
        refused = await (await Client(stub).start(session_id="refused")).all()
        assert code_name(final(refused)) != "OK"
        resumed = await (await Client(stub).resume("well")).all()
        assert [event.sequence for event in resumed] == [event.sequence for event in events]
        listed = await stub.ListSpecialists(dispatcher_pb2.ListSpecialistsRequest())

    sent = world.shop.starts[0].catalogue.entities[0]
    assert [list(field.known_values) + list(field.values) for field in sent.fields] == [[KNOWN], [CATEGORY]]

    stored = bytes_below(tmp_path)
    assert b"words of a request" in stored, "the state is not stored as it is: this test would see nothing"
    lines = "\n".join(map(JsonFormatter("router").format, caplog.records))
    traced = "\n".join(span.to_json() for span in spans.get_finished_spans())
    assert "specialist" in traced and "CatalogueService" in traced
    told = "\n".join(map(str, [*events, *refused, listed]))
    for value in (KNOWN, CATEGORY):
        assert value.encode() not in stored
        assert value not in lines
        assert value not in traced
        assert value not in told
