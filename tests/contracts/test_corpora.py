"""The compiler on real contracts: messages of Google's APIs, Envoy's xDS and OpenTelemetry.

A seeded sample by default, everything when NARROWGAUGE_TEST_FULL is set.
"""

from __future__ import annotations

import os
import random
from functools import cache

import pytest
from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor
from google.protobuf.message_factory import GetMessageClass
from random_message import random_message
from random_walk import accepts, matcher_of, walk

from narrowgauge.contracts.corpus import compile_messages, contract_for, messages_of_package
from narrowgauge.contracts.surfaces import CompiledSurface, get_surface
from narrowgauge.errors import Unsupported

FULL = bool(os.environ.get("NARROWGAUGE_TEST_FULL"))
SAMPLE = 45
CORPORA = {
    "googleapis": ["google.api", "google.rpc", "google.type", "google.logging"],
    "xds": ["envoy", "xds", "udpa", "opencensus", "cel"],
    "opentelemetry": ["opentelemetry.proto"],
}


@cache
def messages(corpus: str) -> list[Descriptor]:
    found = [message for package in CORPORA[corpus] for message in messages_of_package(package)]
    assert len(found) > 30
    return found if FULL else random.Random(20261).sample(found, min(SAMPLE, len(found)))


@cache
def compiled(corpus: str) -> list[CompiledSurface]:
    found = []
    for message in messages(corpus):
        try:
            found.append(get_surface("protojson").compile(contract_for(message)))
        except Unsupported:
            continue
    return found


@pytest.mark.parametrize("corpus", CORPORA)
def test_every_message_compiles_or_is_refused_with_a_reason(corpus: str) -> None:
    """No message crashes the compiler, makes a bad grammar, or is refused without a field and a reason."""
    results = list(compile_messages(messages(corpus)))
    assert len(results) == len(messages(corpus))
    for result in results:
        if result.refused:
            field, _, reason = result.refused.partition(": ")
            assert "." in field and len(reason) > 10, result
    # What is refused in these corpora is `Any` without named types, and nothing else.
    assert {result.message for result in results if result.refused and "Any" not in result.refused} == set()
    assert sum(not result.refused for result in results) > len(results) / 3


@pytest.mark.parametrize("corpus", CORPORA)
def test_every_walk_ends_in_json_that_protobuf_parses(corpus: str) -> None:
    """json_format.Parse accepts what the mask allows, but for repeated map keys, which no mask sees."""
    for surface in compiled(corpus):
        matcher = matcher_of(surface.grammar({}))
        request = surface.contract.tools[0].request
        for seed in range(2):
            text = walk(matcher, random.Random(seed), lean_bytes=(0, 250)[seed])
            message = GetMessageClass(request)()
            try:
                json_format.Parse(text, message)
            except json_format.ParseError as error:
                assert "duplicate key" in str(error), (request.full_name, text)
                continue
            assert surface.parse(text, {}).request == message


@pytest.mark.parametrize("corpus", CORPORA)
def test_any_message_is_rendered_accepted_and_parsed_back(corpus: str) -> None:
    """message -> text is in the grammar, and text -> message gives it back, for messages made at random."""
    for surface in compiled(corpus):
        matcher = matcher_of(surface.grammar({}))
        tool = surface.contract.tools[0]
        for seed in range(3):
            message = random_message(tool.request, random.Random(seed))
            text = surface.render(tool, message)
            assert accepts(matcher, text), (tool.request.full_name, text)
            again = surface.parse(text, {}).request
            # NaN differs from itself, so texts are compared where messages do.
            assert again == message or surface.render(tool, again) == text, (tool.request.full_name, text)
